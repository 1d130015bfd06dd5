//! What the headers of a request say of who calls.

use axum::http::HeaderMap;
use axum::http::header::AUTHORIZATION;

use crate::session::Presented;

const USER: &str = "ozeki-user";
const STATION: &str = "ozeki-station";
const SIGNATURE: &str = "ozeki-signature";

/// Reads the credential: a bearer token if there is one, else the three `Ozeki-*` headers.
///
/// A header that stands twice is no credential: it must not depend on who reads it which of the two counts.
pub(super) fn presented(headers: &HeaderMap) -> Presented<'_> {
    if headers.contains_key(AUTHORIZATION) {
        return single(headers, AUTHORIZATION.as_str())
            .and_then(bearer_token)
            .map_or(Presented::Unusable, Presented::Token);
    }
    if ![USER, STATION, SIGNATURE].iter().any(|name| headers.contains_key(*name)) {
        return Presented::Nothing;
    }
    match (single(headers, USER), single(headers, STATION), single(headers, SIGNATURE)) {
        (Some(user), Some(station), Some(signature)) => {
            Presented::Forwarded { user, station, signature }
        }
        _ => Presented::Unusable,
    }
}

fn single<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    let mut values = headers.get_all(name).iter();
    let value = values.next()?;
    if values.next().is_some() {
        return None;
    }
    value.to_str().ok()
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
}
