//! A request whose signature is known.

use crate::ozeki::signature::{Recipe, Signature, SignedRequest};
use crate::ozeki::{ApiKey, StationId, UserId};

/// The parts of one request, with the key that signs it.
#[derive(Clone)]
pub struct Request {
    /// The `Ozeki-User` header.
    pub user: UserId,
    /// The `Ozeki-Station` header.
    pub station: StationId,
    /// The `api` of the query string.
    pub api: String,
    /// The `action` member of the body; empty where it has none.
    pub action: String,
    /// The `timestamp` member of the body; empty where it has none.
    pub timestamp: String,
    /// The exact bytes of the body.
    pub body: Vec<u8>,
    /// The user's key.
    pub key: ApiKey,
}

impl Request {
    /// The parts as a recipe takes them.
    pub fn parts(&self) -> SignedRequest<'_> {
        SignedRequest {
            user: self.user,
            station: Some(self.station),
            api: &self.api,
            action: &self.action,
            timestamp: &self.timestamp,
            body: &self.body,
            key: &self.key,
        }
    }
}

/// A request as it went over the wire, with the signature that it bore.
#[derive(Clone)]
pub struct Capture {
    /// What was signed.
    pub request: Request,
    /// The `Ozeki-Signature` header.
    pub signature: Signature,
}

impl Capture {
    /// Whether `recipe` makes the captured signature of this request.
    pub fn is_signed_by(&self, recipe: &Recipe) -> bool {
        recipe.sign(&self.request.parts()).matches(&self.signature)
    }
}

/// How the body that was signed differs from the bytes of the capture.
///
/// Editors and capture tools add and drop line ends, so a body that fits but for its end is worth telling.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BodyForm {
    /// It does not.
    AsCaptured,
    /// It has not the line end that the captured bytes have.
    WithoutLineEnd,
    /// It ends with a line feed that the captured bytes lack.
    WithLineFeed,
    /// It ends with a carriage return and a line feed that the captured bytes lack.
    WithCarriageReturn,
}

impl BodyForm {
    /// What is tried when the bytes as captured fit no recipe.
    pub(super) const OTHERS: [Self; 3] =
        [Self::WithoutLineEnd, Self::WithLineFeed, Self::WithCarriageReturn];

    /// The capture with its body in this form; `None` where that changes nothing.
    pub(super) fn of(self, capture: &Capture) -> Option<Capture> {
        let body = &capture.request.body;
        let changed = match self {
            Self::AsCaptured => None,
            Self::WithoutLineEnd => {
                body.strip_suffix(b"\r\n").or_else(|| body.strip_suffix(b"\n")).map(<[u8]>::to_vec)
            }
            Self::WithLineFeed => Some([body, b"\n".as_slice()].concat()),
            Self::WithCarriageReturn => Some([body, b"\r\n".as_slice()].concat()),
        };
        changed.map(|body| {
            let mut capture = capture.clone();
            capture.request.body = body;
            capture
        })
    }
}
