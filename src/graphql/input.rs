//! Values that arguments give as text.

use std::str::FromStr;

use async_graphql::ID;

use super::FieldError;
use crate::ozeki::InvalidId;

/// Reads an id of 32 hex digits.
pub(super) fn parse_id<T: FromStr<Err = InvalidId>>(
    argument: &'static str,
    id: &ID,
) -> Result<T, FieldError> {
    id.parse().map_err(|error: InvalidId| FieldError::bad_input(argument, error.to_string()))
}
