//! What a request, or a socket's first message, says of who calls.

use axum::http::HeaderMap;
use axum::http::header::AUTHORIZATION;
use serde_json::{Map, Value};

use crate::session::Presented;

const USER: &str = "ozeki-user";
const STATION: &str = "ozeki-station";
const SIGNATURE: &str = "ozeki-signature";

/// What stands under the name of a credential.
#[derive(Clone, Copy)]
enum Found<'a> {
    Nothing,
    Text(&'a str),
    /// It stands twice or is no text: it must not depend on who reads it what counts.
    Unusable,
}

/// Reads the credential from headers: a bearer token if there is one, else the three `Ozeki-*` headers.
pub(super) fn presented(headers: &HeaderMap) -> Presented<'_> {
    presented_by(|name| {
        let mut values = headers.get_all(name).iter();
        match (values.next(), values.next()) {
            (None, _) => Found::Nothing,
            (Some(value), None) => value.to_str().map_or(Found::Unusable, Found::Text),
            (Some(_), Some(_)) => Found::Unusable,
        }
    })
}

/// Reads the credential from the payload of a socket's first message: the names are those of the headers, in any case,
/// and null counts as absent.
pub(super) fn presented_in(payload: &Map<String, Value>) -> Presented<'_> {
    presented_by(|wanted| {
        let mut values = payload
            .iter()
            .filter(|(name, value)| name.eq_ignore_ascii_case(wanted) && !value.is_null())
            .map(|(_, value)| value.as_str());
        match (values.next(), values.next()) {
            (None, _) => Found::Nothing,
            (Some(value), None) => value.map_or(Found::Unusable, Found::Text),
            (Some(_), Some(_)) => Found::Unusable,
        }
    })
}

fn presented_by<'a>(find: impl Fn(&str) -> Found<'a>) -> Presented<'a> {
    match find(AUTHORIZATION.as_str()) {
        Found::Text(text) => {
            return bearer_token(text).map_or(Presented::Unusable, Presented::Token);
        }
        Found::Unusable => return Presented::Unusable,
        Found::Nothing => {}
    }
    match (find(USER), find(STATION), find(SIGNATURE)) {
        (Found::Nothing, Found::Nothing, Found::Nothing) => Presented::Nothing,
        (Found::Text(user), Found::Text(station), Found::Text(signature)) => {
            Presented::Forwarded { user, station, signature }
        }
        _ => Presented::Unusable,
    }
}

fn bearer_token(authorization: &str) -> Option<&str> {
    let (scheme, token) = authorization.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then_some(token.trim())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in pairs {
            headers.append(*name, value.parse().unwrap());
        }
        headers
    }

    #[test]
    fn a_token_comes_first_and_its_scheme_has_any_case() {
        let both = headers(&[
            ("authorization", "bearer  abc"),
            (USER, "u"),
            (STATION, "s"),
            (SIGNATURE, "x"),
        ]);
        assert!(matches!(presented(&both), Presented::Token("abc")));
        let three = headers(&[(USER, "u"), (STATION, "s"), (SIGNATURE, "x")]);
        assert!(matches!(
            presented(&three),
            Presented::Forwarded { user: "u", station: "s", signature: "x" }
        ));
        assert!(matches!(presented(&HeaderMap::new()), Presented::Nothing));
    }

    #[test]
    fn half_or_double_credentials_are_unusable() {
        for pairs in [
            &[("authorization", "Basic abc")][..],
            &[("authorization", "abc")],
            &[("authorization", "Bearer a"), ("authorization", "Bearer b")],
            &[(USER, "u"), (STATION, "s")],
            &[(USER, "u"), (USER, "v"), (STATION, "s"), (SIGNATURE, "x")],
        ] {
            assert!(matches!(presented(&headers(pairs)), Presented::Unusable), "{pairs:?}");
        }
    }

    #[test]
    fn a_payload_names_them_in_any_case_and_null_is_absent() {
        let payload = |json: &str| serde_json::from_str::<Map<String, Value>>(json).unwrap();
        let token = payload(r#"{"Authorization":"Bearer abc","other":1}"#);
        assert!(matches!(presented_in(&token), Presented::Token("abc")));
        let three = payload(r#"{"OZEKI-USER":"u","ozeki-station":"s","Ozeki-Signature":"x"}"#);
        assert!(matches!(
            presented_in(&three),
            Presented::Forwarded { user: "u", station: "s", signature: "x" }
        ));
        for nothing in ["{}", r#"{"authorization":null}"#, r#"{"token":"abc"}"#] {
            assert!(matches!(presented_in(&payload(nothing)), Presented::Nothing), "{nothing}");
        }
        for unusable in [
            r#"{"authorization":1}"#,
            r#"{"authorization":""}"#,
            r#"{"authorization":"Bearer a","Authorization":"Bearer a"}"#,
            r#"{"ozeki-user":"u"}"#,
        ] {
            assert!(matches!(presented_in(&payload(unusable)), Presented::Unusable), "{unusable}");
        }
    }
}
