//! `schema.graphql` is the program's schema, and all of it is described.

use async_graphql::Positioned;
use async_graphql::parser::parse_schema;
use async_graphql::parser::types::{
    FieldDefinition, InputValueDefinition, TypeKind, TypeSystemDefinition,
};
use ozeki_graphql::graphql::sdl;

use crate::sources::text_of;

#[test]
fn the_schema_file_is_what_the_program_prints() {
    let is_equal = text_of("schema.graphql") == sdl();
    assert!(
        is_equal,
        "the schema has changed; write it anew with: cargo run -- schema > schema.graphql"
    );
}

#[test]
fn everything_in_the_schema_has_a_description() {
    let sdl = sdl();
    let document = parse_schema(&sdl).expect("the program prints SDL");
    let mut described = Described::default();
    for definition in document.definitions {
        match definition {
            TypeSystemDefinition::Type(definition) => {
                let definition = definition.node;
                let name = definition.name.node.as_str();
                described.look_at(name.to_owned(), definition.description.as_ref());
                described.look_below(name, &definition.kind);
            }
            TypeSystemDefinition::Directive(definition) => {
                let definition = definition.node;
                let name = format!("@{}", definition.name.node);
                described.look_at(name, definition.description.as_ref());
            }
            // It has no description of its own.
            TypeSystemDefinition::Schema(_) => {}
        }
    }
    assert!(described.seen > 100, "the schema is read as a whole");
    assert_eq!(described.without, [""; 0], "these have no description");
}

#[derive(Default)]
struct Described {
    seen: usize,
    without: Vec<String>,
}

impl Described {
    fn look_at<T: AsRef<str>>(&mut self, name: String, description: Option<&Positioned<T>>) {
        self.seen += 1;
        let is_described = description.is_some_and(|text| !text.node.as_ref().trim().is_empty());
        if !is_described {
            self.without.push(name);
        }
    }

    fn look_below(&mut self, name: &str, kind: &TypeKind) {
        match kind {
            // A scalar has nothing below; a union's members are types with descriptions of their own.
            TypeKind::Scalar | TypeKind::Union(_) => {}
            TypeKind::Object(object) => {
                for field in &object.fields {
                    self.look_at_field(name, &field.node);
                }
            }
            TypeKind::Interface(interface) => {
                for field in &interface.fields {
                    self.look_at_field(name, &field.node);
                }
            }
            TypeKind::Enum(values) => {
                for value in &values.values {
                    let value = &value.node;
                    let name = format!("{name}.{}", value.value.node);
                    self.look_at(name, value.description.as_ref());
                }
            }
            TypeKind::InputObject(input) => {
                for field in &input.fields {
                    self.look_at_input(name, &field.node);
                }
            }
        }
    }

    fn look_at_field(&mut self, of: &str, field: &FieldDefinition) {
        let name = format!("{of}.{}", field.name.node);
        for argument in &field.arguments {
            self.look_at_input(&name, &argument.node);
        }
        self.look_at(name, field.description.as_ref());
    }

    fn look_at_input(&mut self, of: &str, input: &InputValueDefinition) {
        let name = format!("{of}.{}", input.name.node);
        self.look_at(name, input.description.as_ref());
    }
}
