//! The workspaces that were registered.

use std::collections::HashMap;

use crate::ozeki::UserId;
use crate::sandbox::Refusal;

/// The most workspaces: more than a demo needs, some 100 KiB.
const WORKSPACES_MAX: usize = 1024;

/// Registered names, and who registered each.
#[derive(Default)]
pub(in crate::sandbox) struct Workspaces(HashMap<Box<str>, UserId>);

impl Workspaces {
    /// Gives the name to the user; who has it already keeps it.
    ///
    /// # Errors
    ///
    /// [`Refusal`] when it is somebody else's, or when there are too many.
    pub(in crate::sandbox) fn register(&mut self, name: &str, user: UserId) -> Result<(), Refusal> {
        match self.0.get(name) {
            Some(owner) if *owner == user => return Ok(()),
            Some(_) => return Err(Refusal::WorkspaceTaken),
            None if self.0.len() == WORKSPACES_MAX => return Err(Refusal::TooManyWorkspaces),
            None => {}
        }
        self.0.insert(name.into(), user);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_server_takes_no_more_names() {
        let alice = UserId::from_email("alice@example.com").unwrap();
        let mut workspaces = Workspaces::default();
        for number in 0..WORKSPACES_MAX {
            assert_eq!(workspaces.register(&number.to_string(), alice), Ok(()));
        }
        assert_eq!(workspaces.register("0", alice), Ok(()));
        assert_eq!(workspaces.register("one more", alice), Err(Refusal::TooManyWorkspaces));
    }
}
