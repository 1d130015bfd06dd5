//! What the values of variables must keep to, and the JSON that they come in.

use memchr::memchr2;
use serde_json::{Map, Value};

use crate::graphql::limits::{Limit, OperationLimits, TooExpensive};

/// The levels of a request around the values of its variables: its own object, and that of the variables.
const LEVELS_AROUND: u64 = 2;

/// The members of a request that are no variables, those of extensions among them.
const VALUES_AROUND: u64 = 100;

/// Scans JSON before it is decoded, which takes eighty times the room of its text at worst: what it counts is never
/// less than there is.
pub(super) fn check_json(text: &[u8], limits: &OperationLimits) -> Result<(), TooExpensive> {
    let (mut values, mut level) = (1_u64, 0_u64);
    let mut rest = text;
    while let Some((byte, after)) = rest.split_first() {
        rest = after;
        match byte {
            b'"' => {
                rest = behind_string(after);
                continue;
            }
            b'[' | b'{' => {
                level += 1;
                values += 1;
            }
            b']' | b'}' => level = level.saturating_sub(1),
            b',' => values += 1,
            _ => continue,
        }
        limits.check(Limit::VariableValues, values.saturating_sub(VALUES_AROUND))?;
        limits.check(Limit::VariablesNesting, level.saturating_sub(LEVELS_AROUND))?;
    }
    Ok(())
}

/// What follows a string, whose first quotation mark has been read. Nothing, if it does not end.
fn behind_string(mut rest: &[u8]) -> &[u8] {
    while let Some(at) = memchr2(b'"', b'\\', rest) {
        if rest[at] == b'"' {
            return &rest[at + 1..];
        }
        // An escaped character is no end.
        rest = rest.get(at + 2..).unwrap_or_default();
    }
    &[]
}

/// Counts values and how deep they stand in each other.
pub(super) fn check_values(
    variables: &Map<String, Value>,
    limits: &OperationLimits,
) -> Result<(), TooExpensive> {
    let mut count = 0_u64;
    let mut pending: Vec<(&Value, u32)> = variables.values().map(|value| (value, 1)).collect();
    while let Some((value, level)) = pending.pop() {
        count += 1;
        limits.check(Limit::VariableValues, count)?;
        match value {
            Value::Array(elements) => pending.extend(elements.iter().map(|it| (it, level + 1))),
            Value::Object(members) => pending.extend(members.values().map(|it| (it, level + 1))),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => continue,
        }
        limits.check(Limit::VariablesNesting, level.into())?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn refused(limit: Limit, maximum: u32, found: u64) -> Result<(), TooExpensive> {
        Err(TooExpensive { limit, maximum, found })
    }

    proptest! {
        #[test]
        fn a_string_ends_where_it_does_byte_by_byte(text in "[\"\\\\aé{,]{0,24}") {
            let (mut end, mut is_escaped) = (None, false);
            for (at, byte) in text.bytes().enumerate() {
                match byte {
                    _ if is_escaped => is_escaped = false,
                    b'\\' => is_escaped = true,
                    b'"' => {
                        end = Some(at + 1);
                        break;
                    }
                    _ => {}
                }
            }
            prop_assert_eq!(behind_string(text.as_bytes()), end.map_or(&[][..], |end| &text.as_bytes()[end..]));
        }
    }

    #[test]
    fn values_and_their_nesting_are_counted_before_and_after_decoding() {
        let limits = OperationLimits::parse("variables_nesting=3,variable_values=6").unwrap();
        for (variables, expected) in [
            (json!({ "a": 1, "b": "[[[[[", "c": [1, 2] }), Ok(())),
            (json!({ "a": [[[1]]] }), Ok(())),
            (json!({ "a": [{ "b": [{}] }] }), refused(Limit::VariablesNesting, 3, 4)),
            (json!({ "a": [1, 2, 3, 4, 5, 6] }), refused(Limit::VariableValues, 6, 7)),
        ] {
            let Value::Object(map) = &variables else { panic!("an object") };
            assert_eq!(check_values(map, &limits), expected, "{variables}");
            let text = json!({ "query": "\"{[\\", "variables": variables }).to_string();
            // Its count of values has room for what stands around them.
            if !matches!(expected, Err(TooExpensive { limit: Limit::VariableValues, .. })) {
                assert_eq!(check_json(text.as_bytes(), &limits), expected, "{text}");
            }
        }
        let many = format!("[{}]", "0,".repeat(120));
        assert_eq!(check_json(many.as_bytes(), &limits), refused(Limit::VariableValues, 6, 7));
        for broken in [&b"\""[..], b"\"\\", b"]]]]", b"\xff"] {
            assert_eq!(check_json(broken, &limits), Ok(()));
        }
    }
}
