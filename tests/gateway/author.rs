//! Operations by chance: any field of the schema, in any fragments, with any conditions.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;

use async_graphql::parser::parse_schema;
use async_graphql::parser::types::{
    BaseType, FieldDefinition, Type, TypeKind, TypeSystemDefinition,
};
use serde_json::{Map, Value};

/// The fields of each object, by the schema that is published.
pub(crate) fn schema() -> BTreeMap<String, Vec<FieldDefinition>> {
    let document = parse_schema(include_str!("../../schema.graphql")).unwrap();
    let mut objects = BTreeMap::new();
    for definition in document.definitions {
        if let TypeSystemDefinition::Type(definition) = definition
            && let TypeKind::Object(object) = definition.node.kind
        {
            let fields = object.fields.into_iter().map(|field| field.node).collect();
            objects.insert(definition.node.name.node.to_string(), fields);
        }
    }
    objects
}

pub(crate) fn named(field_type: &Type) -> &str {
    match &field_type.base {
        BaseType::Named(name) => name.as_str(),
        BaseType::List(element) => named(element),
    }
}

/// Everything that a random operation is made of; what there is too little of is nothing.
pub(crate) struct Author<'a> {
    schema: &'a BTreeMap<String, Vec<FieldDefinition>>,
    dice: std::slice::Iter<'a, u16>,
    /// The object and the text of each.
    fragments: Vec<(String, String)>,
    variables: BTreeSet<&'static str>,
    aliases: usize,
    ids: &'a [String],
    /// The arguments of each field of an object, where it has the same wherever it stands, so that its places are one.
    settled: Option<BTreeMap<(String, String), String>>,
}

/// The variables that there are, with their types and the values that they may be given.
const VARIABLES: [(&str, &str, [&str; 3]); 10] = [
    ("yes", "Boolean!", ["true", "false", "true"]),
    ("no", "Boolean = false", ["", "true", "false"]),
    ("size", "Int", ["", "2", "null"]),
    ("size3", "Int = 3", ["", "1", "201"]),
    ("after", "String", ["", "null", "\"foreign\""]),
    ("filter", "ConversationFilter", ["", "{\"isGroup\":false}", "{\"isMuted\":null,\"nope\":1}"]),
    ("people", "FriendFilter = {isAvailable: true}", ["", "{\"nameContains\":\"A\"}", "null"]),
    ("order", "FriendOrder", ["", "{\"field\":\"AVAILABILITY\",\"direction\":\"DESC\"}", "{}"]),
    ("up", "OrderDirection! = ASC", ["", "\"DESC\"", "\"UP\""]),
    ("email", "String!", ["\"a@example.com\"", "\"b@example.com\"", "7"]),
];

impl<'a> Author<'a> {
    /// One who writes of these ids; `dice` decide, and show zero when there are none left.
    pub(crate) fn new(
        schema: &'a BTreeMap<String, Vec<FieldDefinition>>,
        dice: &'a [u16],
        ids: &'a [String],
    ) -> Self {
        Self {
            schema,
            dice: dice.iter(),
            fragments: Vec::new(),
            variables: BTreeSet::new(),
            aliases: 0,
            ids,
            settled: None,
        }
    }

    /// The same, who gives a field the same arguments wherever it stands.
    pub(crate) fn settled(mut self) -> Self {
        self.settled = Some(BTreeMap::new());
        self
    }

    fn below(&mut self, end: usize) -> usize {
        usize::from(self.dice.next().copied().unwrap_or(0)) % end.max(1)
    }

    fn variable(&mut self, name: &'static str) -> String {
        self.variables.insert(name);
        format!("${name}")
    }

    fn directive(&mut self) -> String {
        let condition = match self.below(8) {
            0 | 1 => self.variable("yes"),
            2 => self.variable("no"),
            3 => "true".to_owned(),
            4 => "false".to_owned(),
            _ => return String::new(),
        };
        format!(" @{}(if: {condition})", ["skip", "include"][self.below(2)])
    }

    fn selection(&mut self, object: &str, depth: usize) -> String {
        let count = 1 + self.below(4);
        let mut text = String::from("{ ");
        for _ in 0..count {
            let directive = if self.below(4) == 0 { self.directive() } else { String::new() };
            // At the end only fields are left, and below them none that has fields of its own.
            let kind = if depth == 0 { 11 } else { self.below(13) };
            match kind {
                0 => {
                    let _ = write!(text, "...{directive} {} ", self.selection(object, depth - 1));
                }
                1 => {
                    let inner = self.selection(object, depth - 1);
                    let _ = write!(text, "... on {object}{directive} {inner} ");
                }
                2 if self.fragments.len() < 5 => {
                    let inner = self.selection(object, depth - 1);
                    let name = format!("F{}", self.fragments.len());
                    let fragment = format!(" fragment {name} on {object} {inner}");
                    self.fragments.push((object.to_owned(), fragment));
                    let _ = write!(text, "...{name}{directive} ");
                }
                3 => {
                    let _ = write!(text, "__typename{directive} ");
                }
                // One that stands somewhere already, with other directives.
                12 if let Some(number) = self.fragments.iter().rposition(|it| it.0 == object) => {
                    let _ = write!(text, "...F{number}{directive} ");
                }
                _ => text.push_str(&self.field(object, &directive, depth)),
            }
        }
        text + "}"
    }

    fn field(&mut self, object: &str, directive: &str, depth: usize) -> String {
        let schema = self.schema;
        let fields = &schema[object];
        let field = &fields[self.below(fields.len())];
        let (name, inner) = (field.name.node.as_str(), named(&field.ty.node));
        let is_object = schema.contains_key(inner);
        // Messages are not plain; one in some documents is enough.
        let is_left_out = name == "messages" && self.settled.is_none() && self.below(8) > 0;
        if is_object && depth == 0 || is_left_out {
            return "__typename ".to_owned();
        }
        let alias = match self.below(5) {
            0 => format!("a_{name}: "),
            1 if self.aliases < 25 => {
                self.aliases += 1;
                format!("b{}: ", self.aliases)
            }
            _ => String::new(),
        };
        let settled = self
            .settled
            .as_ref()
            .and_then(|settled| settled.get(&(object.to_owned(), name.to_owned())).cloned());
        let arguments = settled.unwrap_or_else(|| self.arguments(object, name));
        if let Some(settled) = &mut self.settled {
            settled.insert((object.to_owned(), name.to_owned()), arguments.clone());
        }
        let selection = if is_object { self.selection(inner, depth - 1) } else { String::new() };
        format!("{alias}{name}{arguments}{directive} {selection} ")
    }

    fn arguments(&mut self, object: &str, name: &str) -> String {
        let id = self.ids[self.below(self.ids.len())].clone();
        let choices: &[&str] = match (object, name) {
            ("Query", "userId") => return format!("(email: {})", self.variable("email")),
            ("Query", "conversation" | "friend") => return format!("(id: \"{id}\")"),
            ("Mutation", "setAvailable") => return String::new(),
            ("Mutation", _) => return format!("(input: {{id: \"{id}\"}})"),
            ("Query", "conversations") => &[
                "",
                "(first: 3)",
                "(last: 2)",
                "(first: $size3)",
                "(filter: $filter, first: 4)",
                "(orderBy: {field: LAST_ACCESS, direction: $up})",
                "(first: 2, last: 2)",
                "(orderBy: {field: LAST_ACCESS, direction: ASC}, first: 2)",
                "(filter: {isGroup: $no}, first: 2)",
                "(filter: {participantId: \"x\"})",
                "(after: $after, first: $size)",
            ],
            ("Query", "friends") => &[
                "",
                "(first: 3)",
                "(filter: $people, first: 5)",
                "(orderBy: $order, last: $size3)",
                "(orderBy: {field: NAME, direction: DESC}, filter: {isAvailable: false}, first: 2)",
                "(after: $after)",
            ],
            ("Friend", "conversations") => {
                &["(first: 1)", "(first: $size3)", "(after: \"foreign\")"]
            }
            ("Conversation", "messages") if self.settled.is_some() => &["(last: 2)", "(last: 0)"],
            ("Conversation", "messages") => &["(last: 2)"],
            _ => return String::new(),
        };
        let chosen = choices[self.below(choices.len())];
        let used = VARIABLES.iter().filter(|(name, ..)| {
            chosen.match_indices('$').any(|(at, _)| {
                let rest = &chosen[at + 1..];
                rest.strip_prefix(name).is_some_and(|rest| rest.starts_with([')', ',', '}']))
            })
        });
        self.variables.extend(used.map(|(name, ..)| name));
        chosen.to_owned()
    }

    /// The operation's text, and two sets of values of its variables.
    pub(crate) fn operation(mut self, root: &str) -> (String, [Value; 2]) {
        let selection = self.selection(root, 5);
        let declared = VARIABLES.iter().filter(|(name, ..)| self.variables.contains(name));
        let declared: Vec<_> = declared.collect();
        let list: Vec<_> =
            declared.iter().map(|(name, of_type, _)| format!("${name}: {of_type}")).collect();
        let kind = root.to_lowercase();
        let head = match list[..] {
            [] => format!("{kind} Q "),
            _ => format!("{kind} Q({}) ", list.join(", ")),
        };
        let values = [(); 2].map(|()| {
            let mut values = Map::new();
            for (name, _, choices) in &declared {
                // The third choice often does not fit.
                let choice = choices[[0, 1, 0, 1, 0, 1, 2][self.below(7)]];
                if !choice.is_empty() {
                    values.insert((*name).to_owned(), serde_json::from_str(choice).unwrap());
                }
            }
            Value::Object(values)
        });
        let fragments = self.fragments.into_iter().map(|(_object, text)| text).collect::<String>();
        (format!("{head}{selection}{fragments}"), values)
    }
}
