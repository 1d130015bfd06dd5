//! What one operation may ask for: every limit in one table, set together.

use std::fmt;

/// A bound of documents, operations or variables.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Limit {
    /// The document's length in bytes.
    DocumentBytes,
    /// Its tokens.
    Tokens,
    /// How deep brackets of any kind stand in each other, fragments written out.
    Nesting,
    /// The bytes of one name.
    NameBytes,
    /// Fields under another name.
    Aliases,
    /// Fields under another name, of one field.
    AliasesPerField,
    /// Directives that are applied.
    Directives,
    /// Operations and fragments that are defined.
    Definitions,
    /// How deep fields stand in each other, fragments written out.
    Depth,
    /// Lists of the schema's own fields in each other, where the schema is asked for.
    IntrospectionLists,
    /// Selections, fragments written out.
    Selections,
    /// Fields by the sizes of the pages that they stand in.
    Complexity,
    /// Fields of a query itself.
    QueryFields,
    /// Fields of a mutation itself.
    MutationFields,
    /// Fields of a subscription itself.
    SubscriptionFields,
    /// How deep lists and objects stand in each other in a variable.
    VariablesNesting,
    /// Values in all variables.
    VariableValues,
}

impl Limit {
    /// Every limit, in the order of [`DEFAULTS`].
    pub const ALL: [Self; 17] = [
        Self::DocumentBytes,
        Self::Tokens,
        Self::Nesting,
        Self::NameBytes,
        Self::Aliases,
        Self::AliasesPerField,
        Self::Directives,
        Self::Definitions,
        Self::Depth,
        Self::IntrospectionLists,
        Self::Selections,
        Self::Complexity,
        Self::QueryFields,
        Self::MutationFields,
        Self::SubscriptionFields,
        Self::VariablesNesting,
        Self::VariableValues,
    ];

    /// The name in the setting and in `extensions.limit`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::DocumentBytes => "document_bytes",
            Self::Tokens => "tokens",
            Self::Nesting => "nesting",
            Self::NameBytes => "name_bytes",
            Self::Aliases => "aliases",
            Self::AliasesPerField => "aliases_per_field",
            Self::Directives => "directives",
            Self::Definitions => "definitions",
            Self::Depth => "depth",
            Self::IntrospectionLists => "introspection_lists",
            Self::Selections => "selections",
            Self::Complexity => "complexity",
            Self::QueryFields => "query_fields",
            Self::MutationFields => "mutation_fields",
            Self::SubscriptionFields => "subscription_fields",
            Self::VariablesNesting => "variables_nesting",
            Self::VariableValues => "variable_values",
        }
    }

    /// What an operation of any use keeps to, and why.
    const fn default_value(self) -> u32 {
        match self {
            // Ten times the longest operation of the tests' real clients.
            Self::DocumentBytes => 32 << 10,
            // Introspection has 14 levels.
            Self::Nesting => 48,
            // Names that compilers of clients make of three others.
            Self::NameBytes => 128,
            Self::Aliases => 30,
            // Each selection of a screen that is shown by conditions.
            Self::Directives => 50,
            // A screen's query has a fragment for each of its parts.
            Self::Definitions => 100,
            // A participant of a conversation in a list of a friend in a list has 9; introspection has a bound of its own.
            Self::Depth => 10,
            // Fields of types, as introspection asks for them; with each list more the answer grows tenfold.
            Self::IntrospectionLists => 2,
            // A default page of conversations with every field of theirs, and one of friends beside it, come to 2,800.
            Self::Selections | Self::Complexity => 5_000,
            Self::QueryFields => 20,
            // As many as one screen shows of a list by different arguments; and changes, which run one after the other.
            Self::AliasesPerField | Self::MutationFields => 5,
            // By the specification.
            Self::SubscriptionFields => 1,
            Self::VariablesNesting => 32,
            // Introspection needs 184 tokens, and the longest list that an input takes has 200 values.
            Self::Tokens | Self::VariableValues => 2_000,
        }
    }

    /// The most that can be set: beyond it stacks, or the promise that no document costs more than some milliseconds,
    /// would not hold.
    const fn most(self) -> u32 {
        match self {
            Self::DocumentBytes => 256 << 10,
            Self::Tokens | Self::Selections => 20_000,
            // The parser's own bound.
            Self::Nesting | Self::VariablesNesting => 64,
            Self::NameBytes => 1_024,
            Self::Aliases
            | Self::AliasesPerField
            | Self::Directives
            | Self::Definitions
            | Self::QueryFields
            | Self::MutationFields => 1_000,
            Self::Depth => 32,
            Self::IntrospectionLists => 3,
            Self::Complexity => 100_000,
            Self::SubscriptionFields => 1,
            Self::VariableValues => 50_000,
        }
    }

    /// What an answer says of the limit.
    const fn subject(self) -> &'static str {
        match self {
            Self::DocumentBytes => "bytes in the document",
            Self::Tokens => "tokens in the document",
            Self::Nesting => "levels of brackets in each other",
            Self::NameBytes => "bytes in a name",
            Self::Aliases => "aliases",
            Self::AliasesPerField => "aliases of one field",
            Self::Directives => "directives",
            Self::Definitions => "operations and fragments in the document",
            Self::Depth => "levels of fields",
            Self::IntrospectionLists => "lists of the schema's fields in each other",
            Self::Selections => "selections with fragments written out",
            Self::Complexity => "fields by the sizes of their pages",
            Self::QueryFields => "fields of the query itself",
            Self::MutationFields => "fields of the mutation itself",
            Self::SubscriptionFields => "fields of the subscription itself",
            Self::VariablesNesting => "levels of lists and objects in the variables",
            Self::VariableValues => "values in the variables",
        }
    }
}

/// Every limit as a setting's text.
pub const DEFAULTS: &str = "document_bytes=32768,tokens=2000,nesting=48,name_bytes=128,aliases=30,aliases_per_field=5,directives=50,definitions=100,depth=10,introspection_lists=2,selections=5000,complexity=5000,query_fields=20,mutation_fields=5,subscription_fields=1,variables_nesting=32,variable_values=2000";

/// The limits of operations; each can be set, and the others keep their defaults.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OperationLimits([u32; Limit::ALL.len()]);

impl Default for OperationLimits {
    fn default() -> Self {
        Self(Limit::ALL.map(Limit::default_value))
    }
}

/// A text that sets no limits.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidLimits {
    /// A part is no `name=number`.
    #[error("`{0}` is no name=number")]
    NoPair(String),
    /// No limit has this name.
    #[error("there is no limit `{0}`")]
    Unknown(String),
    /// A limit is set twice.
    #[error("{0} is set twice")]
    Repeated(&'static str),
    /// The number is none, or not one that can be set.
    #[error("{name} must be a whole number from 1 to {most}")]
    OutOfRange {
        /// The limit's name.
        name: &'static str,
        /// The most that can be set.
        most: u32,
    },
}

impl OperationLimits {
    /// Reads `tokens=3000,depth=12`; what is not named keeps its default.
    ///
    /// # Errors
    ///
    /// [`InvalidLimits`] for the first part that is wrong.
    pub fn parse(text: &str) -> Result<Self, InvalidLimits> {
        let mut limits = Self::default();
        let mut set = [false; Limit::ALL.len()];
        for part in text.split(',').map(str::trim).filter(|part| !part.is_empty()) {
            let (name, value) = part
                .split_once('=')
                .map(|(name, value)| (name.trim(), value.trim()))
                .ok_or_else(|| InvalidLimits::NoPair(part.to_owned()))?;
            let limit = Limit::ALL.into_iter().find(|limit| limit.as_str() == name);
            let limit = limit.ok_or_else(|| InvalidLimits::Unknown(name.to_owned()))?;
            if std::mem::replace(&mut set[limit as usize], true) {
                return Err(InvalidLimits::Repeated(limit.as_str()));
            }
            let value = value.parse().ok().filter(|value| (1..=limit.most()).contains(value));
            let out_of_range =
                || InvalidLimits::OutOfRange { name: limit.as_str(), most: limit.most() };
            limits.0[limit as usize] = value.ok_or_else(out_of_range)?;
        }
        Ok(limits)
    }

    /// The value of a limit.
    pub const fn of(&self, limit: Limit) -> u32 {
        self.0[limit as usize]
    }

    /// Refuses what is above a limit.
    ///
    /// # Errors
    ///
    /// [`TooExpensive`] with the limit and both numbers.
    pub fn check(&self, limit: Limit, found: u64) -> Result<(), TooExpensive> {
        let maximum = self.of(limit);
        if found > u64::from(maximum) {
            return Err(TooExpensive { limit, maximum, found });
        }
        Ok(())
    }
}

impl fmt::Display for OperationLimits {
    /// Writes every limit, as [`OperationLimits::parse`] reads them.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, limit) in Limit::ALL.into_iter().enumerate() {
            let comma = if index == 0 { "" } else { "," };
            write!(formatter, "{comma}{}={}", limit.as_str(), self.of(limit))?;
        }
        Ok(())
    }
}

/// A request asks for more than one may.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the request has {found} {}; it may have {maximum}", limit.subject())]
pub struct TooExpensive {
    /// The limit.
    pub limit: Limit,
    /// Its value.
    pub maximum: u32,
    /// What was found; where counting stopped at the limit, one more than it.
    pub found: u64,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_defaults_are_their_text_and_no_limit_exceeds_its_most() {
        assert_eq!(OperationLimits::default().to_string(), DEFAULTS);
        assert_eq!(OperationLimits::parse(DEFAULTS), Ok(OperationLimits::default()));
        assert_eq!(OperationLimits::parse(""), Ok(OperationLimits::default()));
        for (index, limit) in Limit::ALL.into_iter().enumerate() {
            assert_eq!(limit as usize, index);
            assert!((1..=limit.most()).contains(&limit.default_value()), "{limit:?}");
        }
    }

    #[test]
    fn what_is_named_is_set_and_the_rest_keeps_its_default() {
        let limits = OperationLimits::parse(" tokens = 3000, depth=12,").unwrap();
        assert_eq!((limits.of(Limit::Tokens), limits.of(Limit::Depth)), (3000, 12));
        assert_eq!(limits.of(Limit::Aliases), 30);
        assert_eq!(OperationLimits::parse(&limits.to_string()), Ok(limits));
    }

    #[test]
    fn a_text_that_sets_no_limit_says_why() {
        let told = |text: &str| OperationLimits::parse(text).unwrap_err().to_string();
        assert_eq!(told("tokens"), "`tokens` is no name=number");
        assert_eq!(told("token=1"), "there is no limit `token`");
        assert_eq!(told("depth=1,depth=1"), "depth is set twice");
        for text in ["depth=0", "depth=33", "depth=-1", "depth=x", "depth=99999999999"] {
            assert_eq!(told(text), "depth must be a whole number from 1 to 32");
        }
    }
}
