//! Scalars of the schema.

use async_graphql::{InputValueError, InputValueResult, Scalar, ScalarType, Value};

use crate::ozeki::Timestamp;

/// A point in time by RFC 3339, in UTC and to the second, such as `2024-03-08T13:55:47Z`.
#[derive(Clone, Copy, Debug)]
pub(super) struct DateTime(pub(super) Timestamp);

/// A point in time by RFC 3339, in UTC and to the second, such as `2024-03-08T13:55:47Z`.
#[Scalar(specified_by_url = "https://scalars.graphql.org/andimarek/date-time")]
impl ScalarType for DateTime {
    fn parse(value: Value) -> InputValueResult<Self> {
        let Value::String(text) = &value else {
            return Err(InputValueError::expected_type(value));
        };
        let moment = Timestamp::from_rfc_3339(text);
        moment
            .map(Self)
            .map_err(|_| InputValueError::custom("a DateTime is written 2024-03-08T13:55:47Z"))
    }

    fn to_value(&self) -> Value {
        Value::String(self.0.to_rfc_3339())
    }
}
