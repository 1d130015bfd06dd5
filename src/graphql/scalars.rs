//! Scalars of the schema.

use std::borrow::Cow;

use async_graphql::registry::Registry;
use async_graphql::{InputType, InputValueError, InputValueResult, Scalar, ScalarType, Value};

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

/// A [`DateTime`] in an input, where what is none is told by the field that takes the input: the library would name the
/// whole input only.
#[derive(Clone, Copy, Debug)]
pub(super) struct GivenDateTime(Option<Timestamp>);

impl GivenDateTime {
    /// The moment, if it is one.
    pub(super) fn moment(self) -> Option<Timestamp> {
        self.0
    }
}

impl InputType for GivenDateTime {
    type RawValueType = Self;

    fn type_name() -> Cow<'static, str> {
        <DateTime as InputType>::type_name()
    }

    fn create_type_info(registry: &mut Registry) -> String {
        <DateTime as InputType>::create_type_info(registry)
    }

    fn parse(value: Option<Value>) -> InputValueResult<Self> {
        let moment = <DateTime as ScalarType>::parse(value.unwrap_or_default());
        Ok(Self(moment.ok().map(|DateTime(moment)| moment)))
    }

    fn to_value(&self) -> Value {
        self.0.map_or(Value::Null, |moment| ScalarType::to_value(&DateTime(moment)))
    }

    fn as_raw_value(&self) -> Option<&Self> {
        Some(self)
    }
}
