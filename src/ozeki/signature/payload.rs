//! The template of what is signed.

use std::fmt;
use std::str::FromStr;

use super::Hash;

/// More than any recipe needs; it bounds what one configuration value can cost per call.
const PIECES_MAX: usize = 32;

/// A named part of the request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Part {
    /// `{user}`: the user id, 32 hex digits.
    User,
    /// `{station}`: the station id, 32 hex digits.
    Station,
    /// `{api}`: the `api` of the query string, such as `chatfriends`.
    Api,
    /// `{action}`: the `action` member of the body.
    Action,
    /// `{timestamp}`: the `timestamp` member of the body.
    Timestamp,
    /// `{body}`: the exact bytes of the body.
    Body,
    /// `{key}`: the API key.
    Key,
}

impl Part {
    /// Every part.
    pub const ALL: [Self; 7] = [
        Self::User,
        Self::Station,
        Self::Api,
        Self::Action,
        Self::Timestamp,
        Self::Body,
        Self::Key,
    ];

    /// The name used in a template.
    pub const fn name(self) -> &'static str {
        match self {
            Self::User => "user",
            Self::Station => "station",
            Self::Api => "api",
            Self::Action => "action",
            Self::Timestamp => "timestamp",
            Self::Body => "body",
            Self::Key => "key",
        }
    }
}

/// One piece of a template.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Piece {
    /// Text that is signed as it stands.
    Literal(Box<str>),
    /// A part of the request, as it is or as the lower-case hex digest of it.
    Part(Part, Option<Hash>),
}

/// The template of what is signed, such as `{body}{key}` or `{user}:{timestamp}:{key|md5}`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Payload(Box<[Piece]>);

impl Payload {
    /// Builds a template from its pieces; as many as a template of text can have are kept.
    ///
    /// # Errors
    ///
    /// [`InvalidPayload`] when there is no part of the request among them, or more than 32 pieces.
    pub fn try_new(pieces: Vec<Piece>) -> Result<Self, InvalidPayload> {
        if pieces.len() > PIECES_MAX {
            return Err(InvalidPayload::TooLong);
        }
        let has_part = pieces.iter().any(|piece| matches!(piece, Piece::Part(..)));
        has_part.then(|| Self(pieces.into())).ok_or(InvalidPayload::NoPart)
    }

    /// The pieces, in order.
    pub fn pieces(&self) -> &[Piece] {
        &self.0
    }
}

/// A text that is no template.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidPayload {
    /// No part of the request is named: every call would get the same signature.
    #[error(
        "a payload names at least one of {{user}} {{station}} {{api}} {{action}} {{timestamp}} {{body}} {{key}}"
    )]
    NoPart,
    /// A part's name is not known.
    #[error(
        "the payload's parts are {{user}} {{station}} {{api}} {{action}} {{timestamp}} {{body}} {{key}}, not {{{0}}}"
    )]
    UnknownPart(String),
    /// The hash of a part is not known.
    #[error("a part can be hashed by md5, sha1 or sha256, as in {{key|md5}}, not by {0}")]
    UnknownHash(String),
    /// A brace has no counterpart.
    #[error("the payload has a {{ or }} without its counterpart")]
    Unbalanced,
    /// There are too many pieces.
    #[error("a payload has at most 32 pieces")]
    TooLong,
}

impl FromStr for Payload {
    type Err = InvalidPayload;

    fn from_str(text: &str) -> Result<Self, InvalidPayload> {
        let mut pieces = Vec::new();
        let mut rest = text;
        while !rest.is_empty() {
            let literal_end = rest.find(['{', '}']).unwrap_or(rest.len());
            let (literal, after) = rest.split_at(literal_end);
            if !literal.is_empty() {
                pieces.push(Piece::Literal(literal.into()));
            }
            if after.is_empty() {
                break;
            }
            let inside = after.strip_prefix('{').ok_or(InvalidPayload::Unbalanced)?;
            let (name, after) = inside.split_once('}').ok_or(InvalidPayload::Unbalanced)?;
            pieces.push(part_piece(name)?);
            rest = after;
        }
        Self::try_new(pieces)
    }
}

fn part_piece(text: &str) -> Result<Piece, InvalidPayload> {
    let (name, hash) = match text.split_once('|') {
        Some((name, hash)) => (name, Some(hash)),
        None => (text, None),
    };
    let part = Part::ALL
        .into_iter()
        .find(|part| part.name() == name)
        .ok_or_else(|| InvalidPayload::UnknownPart(name.to_owned()))?;
    let hash = hash
        .map(|hash| hash.parse().map_err(|_| InvalidPayload::UnknownHash(hash.to_owned())))
        .transpose()?;
    Ok(Piece::Part(part, hash))
}

impl fmt::Display for Payload {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|piece| match piece {
            Piece::Literal(text) => formatter.write_str(text),
            Piece::Part(part, None) => write!(formatter, "{{{}}}", part.name()),
            Piece::Part(part, Some(hash)) => {
                write!(formatter, "{{{}|{}}}", part.name(), hash.name())
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_template_is_read_and_written_back() {
        for text in [
            "{body}{key}",
            "{user}:{station|sha1}:{api}-{action}",
            "v1\n{timestamp}{body|sha256}{key|md5}!",
        ] {
            assert_eq!(text.parse::<Payload>().unwrap().to_string(), text);
        }
    }

    #[test]
    fn what_is_no_template_says_why() {
        let error = |text: &str| text.parse::<Payload>().unwrap_err();
        assert_eq!(error(""), InvalidPayload::NoPart);
        assert_eq!(error("secret"), InvalidPayload::NoPart);
        assert_eq!(error("{bdy}"), InvalidPayload::UnknownPart("bdy".into()));
        assert_eq!(error("{key|md4}"), InvalidPayload::UnknownHash("md4".into()));
        assert_eq!(error("{key"), InvalidPayload::Unbalanced);
        assert_eq!(error("key}"), InvalidPayload::Unbalanced);
        assert_eq!(error(&"{key}".repeat(33)), InvalidPayload::TooLong);
    }
}
