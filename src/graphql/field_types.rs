//! The types of the schema's fields and inputs, for all that looks at a document beside the schema library.

use std::collections::{HashMap, HashSet};

use async_graphql::parser::parse_schema;
use async_graphql::parser::types::{
    BaseType, InputValueDefinition, OperationType, Type, TypeKind, TypeSystemDefinition,
};
use async_graphql::{Name, Positioned};
use serde_json::Value as Json;

/// Scalars that every schema has, and that no SDL tells of.
const BUILT_IN: [&str; 5] = ["Int", "Float", "String", "Boolean", "ID"];

/// The types of the schema's fields, by object and field, what they and inputs take, and the names of all types.
#[derive(Debug)]
pub(super) struct FieldTypes {
    objects: HashMap<Name, HashMap<Name, Type>>,
    arguments: HashMap<Name, HashMap<Name, Inputs>>,
    inputs: HashMap<Name, Inputs>,
    enums: HashMap<Name, HashSet<Name>>,
    names: HashSet<Name>,
    condition: Input,
}

/// What a field takes as arguments, or an input as its own fields.
type Inputs = HashMap<Name, Input>;

/// A place for a value.
#[derive(Debug)]
pub(super) struct Input {
    pub(super) value_type: Type,
    /// Whether it has a value of its own where none is given.
    pub(super) has_default: bool,
}

impl FieldTypes {
    /// Reads the types of a schema.
    pub(super) fn of(sdl: &str) -> Self {
        let document = parse_schema(sdl).expect("the library writes SDL that it can read");
        let (mut objects, mut arguments) = (HashMap::new(), HashMap::new());
        let (mut inputs, mut enums) = (HashMap::new(), HashMap::new());
        let mut names: HashSet<_> = BUILT_IN.into_iter().map(Name::new).collect();
        for definition in document.definitions {
            let TypeSystemDefinition::Type(definition) = definition else {
                continue;
            };
            let name = definition.node.name.node;
            match definition.node.kind {
                TypeKind::Object(object) => {
                    let (mut types, mut takes) = (HashMap::new(), HashMap::new());
                    for Positioned { node: field, .. } in object.fields {
                        takes.insert(field.name.node.clone(), inputs_of(field.arguments));
                        types.insert(field.name.node, field.ty.node);
                    }
                    objects.insert(name.clone(), types);
                    arguments.insert(name.clone(), takes);
                }
                TypeKind::InputObject(input) => {
                    inputs.insert(name.clone(), inputs_of(input.fields));
                }
                TypeKind::Enum(all) => {
                    let values = all.values.into_iter().map(|value| value.node.value.node);
                    enums.insert(name.clone(), values.collect());
                }
                TypeKind::Scalar | TypeKind::Interface(_) | TypeKind::Union(_) => {}
            }
            names.insert(name);
        }
        let boolean = Type { base: BaseType::Named(Name::new("Boolean")), nullable: false };
        let condition = Input { value_type: boolean, has_default: false };
        Self { objects, arguments, inputs, enums, names, condition }
    }

    /// Whether the schema has a type of this name.
    pub(super) fn has(&self, name: &Name) -> bool {
        self.names.contains(name)
    }

    /// The type of an object's field.
    pub(super) fn field(&self, object: &str, field: &str) -> Option<&Type> {
        self.fields(object)?.get(field)
    }

    /// The types of an object's fields.
    pub(super) fn fields(&self, object: &str) -> Option<&HashMap<Name, Type>> {
        self.objects.get(object)
    }

    /// What a field takes as an argument.
    pub(super) fn argument(&self, object: &str, field: &str, argument: &str) -> Option<&Input> {
        self.arguments.get(object)?.get(field)?.get(argument)
    }

    /// What an input takes as one of its fields.
    pub(super) fn input_field(&self, input: &str, field: &str) -> Option<&Input> {
        self.inputs.get(input)?.get(field)
    }

    /// What `@skip` and `@include` take.
    pub(super) fn condition(&self) -> &Input {
        &self.condition
    }

    /// Whether the value of a variable surely fits its type. Lists and scalars of our own are not looked into.
    pub(super) fn takes(&self, value_type: &Type, value: &Json) -> bool {
        let BaseType::Named(name) = &value_type.base else { return false };
        match (name.as_str(), value) {
            (_, Json::Null) => value_type.nullable,
            ("String" | "ID", Json::String(_)) | ("Boolean", Json::Bool(_)) => true,
            ("Int", Json::Number(number)) => {
                number.as_i64().is_some_and(|number| i32::try_from(number).is_ok())
            }
            (_, Json::String(value)) => {
                self.enums.get(name).is_some_and(|values| values.contains(value.as_str()))
            }
            (_, Json::Object(members)) => self.inputs.get(name).is_some_and(|fields| {
                let is_known = |member: &String| fields.contains_key(member.as_str());
                members.keys().all(is_known)
                    && fields.iter().all(|(name, field)| match members.get(name.as_str()) {
                        Some(value) => self.takes(&field.value_type, value),
                        None => field.value_type.nullable,
                    })
            }),
            _ => false,
        }
    }
}

fn inputs_of(definitions: Vec<Positioned<InputValueDefinition>>) -> Inputs {
    let input = |Positioned { node, .. }: Positioned<InputValueDefinition>| {
        let has_default = node.default_value.is_some();
        (node.name.node, Input { value_type: node.ty.node, has_default })
    };
    definitions.into_iter().map(input).collect()
}

/// The object that an operation's own fields belong to.
pub(super) const fn root_type(kind: OperationType) -> &'static str {
    match kind {
        OperationType::Query => "Query",
        OperationType::Mutation => "Mutation",
        OperationType::Subscription => "Subscription",
    }
}

/// The type that a type is a list of, or itself.
pub(super) fn named(field_type: &Type) -> &Name {
    match &field_type.base {
        BaseType::Named(name) => name,
        BaseType::List(element) => named(element),
    }
}
