//! The answer to a login. Source: "Calls", Login.

use serde::Deserialize;

use super::{Answer, non_empty};
use crate::ozeki::UserId;

/// What a login tells that the gateway uses.
///
/// The answer also names the server's URLs, as the server sees itself (`http://localhost/…`): they are ignored in
/// favour of the configured one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Login {
    /// Whose key it was.
    pub user: UserId,
    /// The full name, or the nick where there is none.
    pub name: Option<Box<str>>,
    /// The user's private key, encrypted with a key that only clients hold.
    pub encrypted_private_key: Option<Box<str>>,
    /// What the server says of itself.
    pub server_version: Option<Box<str>>,
}

#[derive(Deserialize)]
pub(crate) struct LoginAnswer {
    status: Option<Box<str>>,
    #[serde(default)]
    userid: Option<UserId>,
    #[serde(default, deserialize_with = "non_empty")]
    fullname: Option<Box<str>>,
    #[serde(default, deserialize_with = "non_empty")]
    nick: Option<Box<str>>,
    #[serde(default, deserialize_with = "non_empty")]
    rsakey: Option<Box<str>>,
    #[serde(default, deserialize_with = "non_empty")]
    server: Option<Box<str>>,
}

impl Answer for LoginAnswer {
    type Content = Login;

    fn status(&self) -> Option<&str> {
        self.status.as_deref()
    }

    fn into_content(self) -> Result<Login, &'static str> {
        Ok(Login {
            user: self.userid.ok_or("userid")?,
            name: self.fullname.or(self.nick),
            encrypted_private_key: self.rsakey,
            server_version: self.server,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nick_stands_in_for_a_missing_name() {
        let answer: LoginAnswer = serde_json::from_str(
            r#"{"status":"OK","userid":"d574638619cbff603bf857164c47e850","fullname":"","nick":"admin",
                "registration":"true","listeners":{"udp":1},"server":"10.1"}"#,
        )
        .unwrap();
        let login = answer.into_content().unwrap();
        assert_eq!(login.name.as_deref(), Some("admin"));
        assert_eq!(login.server_version.as_deref(), Some("10.1"));
        assert_eq!(login.encrypted_private_key, None);
    }

    #[test]
    fn a_login_without_a_user_is_no_login() {
        let answer: LoginAnswer = serde_json::from_str(r#"{"status":"OK"}"#).unwrap();
        assert_eq!(answer.into_content(), Err("userid"));
    }
}
