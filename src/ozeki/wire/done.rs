//! Answers that tell only that a call was carried out.

use serde::Deserialize;

use super::Answer;

#[derive(Deserialize)]
pub(crate) struct DoneAnswer {
    status: Option<Box<str>>,
}

impl Answer for DoneAnswer {
    type Content = ();

    fn status(&self) -> Option<&str> {
        self.status.as_deref()
    }

    fn into_content(self) -> Result<(), &'static str> {
        Ok(())
    }
}
