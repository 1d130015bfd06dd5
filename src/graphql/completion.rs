//! Brings executed data into the form that the specification prescribes.
//!
//! The schema library writes fields in the order in which they finished and leaves a failed one out. Here fields get
//! the order of the document, a failed field is null, and where null is not allowed the object above it is null in
//! its place. Specification: GraphQL, "Executing Selection Sets" and "Handling Execution Errors".

use std::collections::HashSet;
use std::fmt::Write;

use async_graphql::indexmap::IndexMap;
use async_graphql::parser::types::{
    BaseType, ExecutableDocument, Field, OperationDefinition, SelectionSet, Type,
};
use async_graphql::{Name, PathSegment, Positioned, ServerError, Value};
use serde_json::{Map, Value as Json};

use super::collecting::{Collected, collect, is_included};
use super::field_types::{FieldTypes, named, root_type};

impl FieldTypes {
    /// Completes the data of an operation that passed validation and was run. `variables` have their defaults.
    pub(super) fn complete(
        &self,
        document: &ExecutableDocument,
        operation: &OperationDefinition,
        variables: &Map<String, Json>,
        data: Value,
        errors: &[ServerError],
    ) -> Value {
        let root = root_type(operation.ty);
        let shape = Planner { types: self, document, variables }
            .shape(root, &[&operation.selection_set.node]);
        let failed = failed_paths(errors);
        let above_failed = paths_above(&failed);
        let mut completion = Completion { failed, above_failed, path: String::new() };
        completion.object(data, &shape).unwrap_or(Value::Null)
    }
}

/// The fields of an object in the order of the document.
struct Shape<'a>(Vec<ShapeField<'a>>);

struct ShapeField<'a> {
    key: Name,
    /// None for what the schema does not tell of: `__typename` and introspection, which need no completion.
    field_type: Option<&'a Type>,
    /// The fields below, where the field's type has any.
    below: Option<Shape<'a>>,
}

struct Planner<'a> {
    types: &'a FieldTypes,
    document: &'a ExecutableDocument,
    variables: &'a Map<String, Json>,
}

impl<'a> Planner<'a> {
    fn shape(&self, object: &str, selections: &[&'a SelectionSet]) -> Shape<'a> {
        let Collected { fields, .. } = collect(self.document, selections, |directives| {
            is_included(directives, self.variables).unwrap_or(true)
        });
        let types = self.types.fields(object);
        let shape = |(key, fields): (&Name, Vec<&'a Positioned<Field>>)| {
            let name = &fields[0].node.name.node;
            let field_type = types.and_then(|types| types.get(name));
            let object = field_type.map(named).filter(|name| self.types.fields(name).is_some());
            let below = object.map(|object| {
                let selections: Vec<_> =
                    fields.iter().map(|field| &field.node.selection_set.node).collect();
                self.shape(object, &selections)
            });
            ShapeField { key: key.clone(), field_type, below }
        };
        Shape(fields.into_iter().map(shape).collect())
    }
}

/// A value is null where null is not allowed: the place above it is null instead.
struct NullNotAllowed;

struct Completion {
    /// Paths of errors.
    failed: HashSet<String>,
    /// Paths of all that such a field stands in: of each null it is asked whether it is one of them.
    above_failed: HashSet<String>,
    path: String,
}

impl Completion {
    fn object(&mut self, value: Value, shape: &Shape<'_>) -> Result<Value, NullNotAllowed> {
        // The library's null stands for an object without members too.
        let mut members =
            if let Value::Object(members) = value { members } else { IndexMap::new() };
        if self.failed.is_empty() && !needs_completion(&members, shape) {
            return Ok(Value::Object(members));
        }
        let mut completed = IndexMap::with_capacity(shape.0.len());
        for ShapeField { key, field_type, below } in &shape.0 {
            let length = self.path.len();
            let _ = write!(self.path, "/{key}");
            // One that stands in several places may fail in one of them only, and has failed then.
            let has_failed = self.failed.contains(&self.path);
            let value = if has_failed { Some(Value::Null) } else { members.swap_remove(key) };
            // A field that is neither there nor failed is one that the library passed over.
            let value = value.map(|value| match field_type {
                Some(field_type) => self.value(value, field_type, below.as_ref()),
                None => Ok(value),
            });
            self.path.truncate(length);
            if let Some(value) = value.transpose()? {
                completed.insert(key.clone(), value);
            }
        }
        Ok(Value::Object(completed))
    }

    fn value(
        &mut self,
        value: Value,
        value_type: &Type,
        below: Option<&Shape<'_>>,
    ) -> Result<Value, NullNotAllowed> {
        let completed = match (&value_type.base, below, value) {
            (BaseType::List(element_type), _, Value::List(elements)) => {
                self.list(elements, element_type, below)
            }
            (BaseType::Named(_), Some(shape), value @ Value::Object(_)) => {
                self.object(value, shape)
            }
            (BaseType::Named(_), Some(shape), Value::Null) if self.is_empty_object(value_type) => {
                self.object(Value::Null, shape)
            }
            (_, _, value) => Ok(value),
        };
        match completed {
            Err(NullNotAllowed) | Ok(Value::Null) if !value_type.nullable => Err(NullNotAllowed),
            Err(NullNotAllowed) => Ok(Value::Null),
            completed => completed,
        }
    }

    fn list(
        &mut self,
        elements: Vec<Value>,
        element_type: &Type,
        below: Option<&Shape<'_>>,
    ) -> Result<Value, NullNotAllowed> {
        let length = self.path.len();
        let elements = elements.into_iter().enumerate().map(|(index, element)| {
            if !self.failed.is_empty() {
                let _ = write!(self.path, "/{index}");
            }
            let element = self.value(element, element_type, below);
            self.path.truncate(length);
            element
        });
        elements.collect::<Result<_, _>>().map(Value::List)
    }

    /// Whether the library's null at this path stands for an object whose every field failed or was skipped: it did not
    /// fail itself, and some field below failed, or it cannot be null.
    fn is_empty_object(&self, value_type: &Type) -> bool {
        !self.failed.contains(&self.path)
            && (!value_type.nullable || self.above_failed.contains(&self.path))
    }
}

/// Whether members are missing or out of order here, or anything below may be.
fn needs_completion(members: &IndexMap<Name, Value>, shape: &Shape<'_>) -> bool {
    members.len() != shape.0.len()
        || members.iter().zip(&shape.0).any(|((name, value), field)| {
            *name != field.key
                || match (&field.below, field.field_type) {
                    (Some(below), Some(field_type)) => {
                        value_needs_completion(value, field_type, below)
                    }
                    _ => false,
                }
        })
}

fn value_needs_completion(value: &Value, value_type: &Type, shape: &Shape<'_>) -> bool {
    match (value, &value_type.base) {
        (Value::Object(members), _) => needs_completion(members, shape),
        (Value::List(elements), BaseType::List(element_type)) => {
            elements.iter().any(|element| value_needs_completion(element, element_type, shape))
        }
        (value, _) => *value == Value::Null && !value_type.nullable,
    }
}

/// Every path that leads to one of these.
fn paths_above(paths: &HashSet<String>) -> HashSet<String> {
    let ends =
        paths.iter().flat_map(|path| path.match_indices('/').map(move |(end, _)| (path, end)));
    ends.map(|(path, end)| path[..end].to_owned()).collect()
}

fn failed_paths(errors: &[ServerError]) -> HashSet<String> {
    errors.iter().map(path_of).collect()
}

/// The path of an error, as text: `/conversations/nodes/3/name`.
pub(super) fn path_of(error: &ServerError) -> String {
    error.path.iter().fold(String::new(), |mut text, segment| {
        let _ = match segment {
            PathSegment::Field(name) => write!(text, "/{name}"),
            PathSegment::Index(index) => write!(text, "/{index}"),
        };
        text
    })
}

#[cfg(test)]
mod tests {
    use async_graphql::parser::parse_query;
    use async_graphql::parser::types::DocumentOperations;

    use super::*;

    const SDL: &str = "
        type Query { a: Int b: Leaf c: Leaf! list: [Leaf!]! maybe: [Leaf] }
        type Leaf { x: Int y: Int! deep: Leaf }
    ";

    /// Completes `data` for `query`; `failed` are the paths of errors, such as `b/y`.
    fn complete(query: &str, data: &str, failed: &[&str]) -> String {
        let document = parse_query(query).unwrap();
        let DocumentOperations::Single(operation) = &document.operations else { panic!("one") };
        let segment = |text: &str| {
            text.parse().map_or_else(|_| PathSegment::Field(text.to_owned()), PathSegment::Index)
        };
        let error = |path: &&str| ServerError {
            path: path.split('/').map(segment).collect(),
            ..ServerError::new("failed", None)
        };
        let errors: Vec<_> = failed.iter().map(error).collect();
        let data = serde_json::from_str(data).unwrap();
        let data =
            FieldTypes::of(SDL).complete(&document, &operation.node, &Map::new(), data, &errors);
        serde_json::to_string(&data).unwrap()
    }

    #[test]
    fn fields_stand_in_the_order_of_the_document() {
        let query = "{ a ... on Query { list { y x } } ...F b { x } } fragment F on Query { b { y } t: __typename }";
        let data = r#"{"t":"Query","b":{"y":3,"x":2},"list":[{"x":1,"y":2}],"a":1}"#;
        let completed = r#"{"a":1,"list":[{"y":2,"x":1}],"b":{"y":3,"x":2},"t":"Query"}"#;
        assert_eq!(complete(query, data, &[]), completed);
        assert_eq!(complete(query, completed, &[]), completed);
    }

    #[test]
    fn a_failed_field_is_null_beside_the_others() {
        assert_eq!(complete("{ b { x } a }", r#"{"a":1}"#, &["b"]), r#"{"b":null,"a":1}"#);
        assert_eq!(complete("{ a b { x } }", "null", &["a", "b"]), r#"{"a":null,"b":null}"#);
        assert_eq!(complete("{ b { x } }", r#"{"b":null}"#, &["b/x"]), r#"{"b":{"x":null}}"#);
    }

    #[test]
    fn a_field_that_failed_in_one_of_its_places_is_null_whatever_another_came_to() {
        let query = "{ a b { x } b { y deep { x } } }";
        let data = r#"{"a":1,"b":{"x":2}}"#;
        assert_eq!(complete(query, data, &["b"]), r#"{"a":1,"b":null}"#);
        assert_eq!(complete(query, data, &["b", "b/deep"]), r#"{"a":1,"b":null}"#);
        assert_eq!(complete("{ c { x } c { y } }", r#"{"c":{"x":2}}"#, &["c"]), "null");
    }

    #[test]
    fn where_null_is_not_allowed_the_object_above_is_null() {
        assert_eq!(complete("{ b { x y } }", r#"{"b":{"x":1}}"#, &["b/y"]), r#"{"b":null}"#);
        assert_eq!(complete("{ a c { x y } }", r#"{"a":1,"c":{"x":1}}"#, &["c/y"]), "null");
        assert_eq!(complete("{ a c { x } }", r#"{"a":1}"#, &["c"]), "null");
        let data = r#"{"list":[{"x":1,"y":1},{"x":1}]}"#;
        assert_eq!(complete("{ list { x y } }", data, &["list/1/y"]), "null");
        let data = r#"{"maybe":[{"x":1,"y":1},{"x":1}]}"#;
        let completed = r#"{"maybe":[{"x":1,"y":1},null]}"#;
        assert_eq!(complete("{ maybe { x y } }", data, &["maybe/1/y"]), completed);
    }

    #[test]
    fn a_skipped_field_stays_out_and_an_object_without_fields_is_empty() {
        assert_eq!(complete("{ a b @skip(if: true) { x } }", r#"{"a":1}"#, &[]), r#"{"a":1}"#);
        assert_eq!(complete("{ c { x @skip(if: true) } }", r#"{"c":null}"#, &[]), r#"{"c":{}}"#);
        assert_eq!(complete("{ a @skip(if: true) }", "null", &[]), "{}");
        assert_eq!(complete("{ b { x } }", r#"{"b":null}"#, &[]), r#"{"b":null}"#);
    }
}
