//! `user-id EMAIL`: the Ozeki user id of an e-mail address.

use std::io;

use clap::{Arg, ArgMatches, Command};

use crate::ozeki::{InvalidEmail, UserId};

/// Why `user-id` printed nothing.
#[derive(Debug, thiserror::Error)]
pub enum UserIdError {
    /// The argument is no e-mail address: exit status 2.
    #[error("EMAIL is no e-mail address")]
    Email(#[source] InvalidEmail),
    /// The output could not be written.
    #[error("could not write the user id")]
    Output(#[source] io::Error),
}

/// The command line of `user-id`.
pub fn command() -> Command {
    Command::new("user-id")
        .about("Print the Ozeki user id of an e-mail address")
        .long_about(
            "Print the Ozeki user id of an e-mail address: its MD5 in hex. Letters count as they are written; \
             surrounding blanks do not.",
        )
        .arg(
            Arg::new("email")
                .value_name("EMAIL")
                .required(true)
                .help("The e-mail address, such as alice@example.com"),
        )
}

/// Prints the id.
///
/// # Errors
///
/// [`UserIdError::Email`] when the argument is no e-mail address; [`UserIdError::Output`] when writing fails.
pub fn run(matches: &ArgMatches, output: &mut dyn io::Write) -> Result<(), UserIdError> {
    let email = matches.get_one::<String>("email").map_or("", String::as_str);
    let id = UserId::from_email(email).map_err(UserIdError::Email)?;
    writeln!(output, "{id}").map_err(UserIdError::Output)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run_with(email: &str) -> Result<String, UserIdError> {
        let matches = command().try_get_matches_from(["user-id", email]).unwrap();
        let mut output = Vec::new();
        run(&matches, &mut output)?;
        Ok(String::from_utf8(output).unwrap())
    }

    #[test]
    fn the_id_of_an_address_is_printed() {
        let printed = run_with("admin@ozeki.hu").unwrap();
        assert_eq!(printed, "d574638619cbff603bf857164c47e850\n");
    }

    #[test]
    fn the_vendors_wrong_example_gets_its_true_id() {
        let printed = run_with("alice@ozeki.hu").unwrap();
        assert_eq!(printed, "f22e679ed4bc266b4245954020c26e0e\n");
    }

    #[test]
    fn what_is_no_address_is_refused() {
        for email in ["", "alice", "alice@", "a b@example.com"] {
            assert!(matches!(run_with(email), Err(UserIdError::Email(_))), "{email:?}");
        }
    }
}
