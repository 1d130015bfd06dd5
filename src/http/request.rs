//! Reads a GraphQL request from an HTTP one. Specification: GraphQL over HTTP, "Request".

use axum::http::HeaderMap;
use axum::http::header::CONTENT_TYPE;
use serde_json::{Map, Value};

use super::error::RequestError;
use crate::graphql::{DocumentHash, Request};

/// A page of a foreign origin cannot send these without asking first, so a request that has one is no forgery.
///
/// A credential in a header is as good as those that are made for it: clients that send queries by GET work as they are.
const PREFLIGHT_HEADERS: [&str; 5] = [
    "graphql-require-preflight",
    "apollo-require-preflight",
    "x-apollo-operation-name",
    "authorization",
    "ozeki-signature",
];

/// The only version that there is.
const PERSISTED_QUERY_VERSION: u64 = 1;

/// Whether the body is announced as JSON in UTF-8.
pub(super) fn check_content_type(headers: &HeaderMap) -> Result<(), RequestError> {
    let value = headers.get(CONTENT_TYPE);
    // Word for word what most clients send.
    if value.is_some_and(|value| value == "application/json") {
        return Ok(());
    }
    let value =
        value.and_then(|value| value.to_str().ok()).ok_or(RequestError::UnsupportedMediaType)?;
    let value = value.to_ascii_lowercase();
    let mut parts = value.split(';').map(str::trim);
    let is_json = parts.next() == Some("application/json");
    let is_utf8 = parts
        .filter_map(|parameter| parameter.strip_prefix("charset="))
        .all(|charset| matches!(charset.trim_matches('"'), "utf-8" | "utf8"));
    (is_json && is_utf8).then_some(()).ok_or(RequestError::UnsupportedMediaType)
}

/// Whether a GET request carries a header that forces a preflight.
pub(super) fn check_preflight_header(headers: &HeaderMap) -> Result<(), RequestError> {
    let has_one = PREFLIGHT_HEADERS.iter().any(|name| headers.contains_key(*name))
        || check_content_type(headers).is_ok();
    has_one.then_some(()).ok_or(RequestError::PreflightHeaderMissing)
}

/// Reads the JSON body of a POST.
pub(super) fn from_body(body: &[u8]) -> Result<Request, RequestError> {
    let body: Value = serde_json::from_slice(body).map_err(|error| RequestError::BodyNotJson {
        line: error.line(),
        column: error.column(),
    })?;
    let Value::Object(members) = body else {
        return Err(RequestError::BodyNotAnObject);
    };
    from_members(members)
}

/// Reads the query string of a GET; `variables` and `extensions` are JSON texts in it.
pub(super) fn from_query_string(query_string: &str) -> Result<Request, RequestError> {
    let mut members = Map::new();
    for (name, value) in url::form_urlencoded::parse(query_string.as_bytes()) {
        let (name, expected) = match &*name {
            "query" => ("query", None),
            "operationName" => ("operationName", None),
            "variables" => ("variables", Some("a JSON object")),
            "extensions" => ("extensions", Some("a JSON object")),
            _ => continue,
        };
        let value = match expected {
            Some(_) if value.is_empty() => Value::Null,
            Some(expected) => serde_json::from_str(&value)
                .map_err(|_| RequestError::WrongParameter { parameter: name, expected })?,
            None => Value::String(value.into_owned()),
        };
        if members.insert(name.to_owned(), value).is_some() {
            return Err(RequestError::RepeatedParameter { parameter: name });
        }
    }
    // An empty name in a URL is how forms write none.
    if members.get("operationName").and_then(Value::as_str) == Some("") {
        members.remove("operationName");
    }
    from_members(members)
}

/// Reads the members of a request, whichever transport they came by.
pub(super) fn from_members(mut members: Map<String, Value>) -> Result<Request, RequestError> {
    let mut take = |name| members.remove(name).unwrap_or(Value::Null);
    let query = take("query");
    let operation_name = match take("operationName") {
        Value::Null => None,
        Value::String(name) => Some(name),
        Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_) => {
            return Err(wrong("operationName", "a text"));
        }
    };
    let variables = object(take("variables"), "variables")?;
    let persisted = persisted_query(object(take("extensions"), "extensions")?)?;
    let query = match (query, persisted) {
        (Value::String(query), Some(hash))
            if !query.is_empty() && DocumentHash::of(&query) != hash =>
        {
            return Err(RequestError::HashOfAnother);
        }
        (Value::String(query), _) => query,
        // A hash can stand for a document that was sent before.
        (Value::Null, Some(_)) => String::new(),
        _ => return Err(RequestError::QueryMissing),
    };
    Ok(Request { query, persisted, operation_name, variables })
}

/// Reads the one extension that is understood: the hash of the document, as Apollo's clients send it.
fn persisted_query(
    mut extensions: Map<String, Value>,
) -> Result<Option<DocumentHash>, RequestError> {
    let persisted = object(
        extensions.remove("persistedQuery").unwrap_or(Value::Null),
        "extensions.persistedQuery",
    )?;
    if persisted.is_empty() {
        return Ok(None);
    }
    let is_known =
        persisted.get("version").and_then(Value::as_u64) == Some(PERSISTED_QUERY_VERSION);
    let hash = persisted.get("sha256Hash").and_then(Value::as_str).and_then(DocumentHash::parse);
    hash.filter(|_| is_known).map(Some).ok_or(RequestError::UnknownPersistedQuery)
}

fn object(value: Value, parameter: &'static str) -> Result<Map<String, Value>, RequestError> {
    match value {
        Value::Null => Ok(Map::new()),
        Value::Object(members) => Ok(members),
        Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => {
            Err(wrong(parameter, "a JSON object"))
        }
    }
}

fn wrong(parameter: &'static str, expected: &'static str) -> RequestError {
    RequestError::WrongParameter { parameter, expected }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_is_read_and_nulls_count_as_absent() {
        let request = from_body(
            br#"{"query":"{a}","operationName":null,"variables":{"x":1},"extensions":null}"#,
        );
        let request = request.unwrap();
        assert_eq!((&*request.query, request.operation_name), ("{a}", None));
        assert_eq!(request.variables.len(), 1);
    }

    #[test]
    fn a_body_that_is_no_request_says_why() {
        let error = |body: &str| from_body(body.as_bytes()).unwrap_err();
        assert_eq!(error("{"), RequestError::BodyNotJson { line: 1, column: 1 });
        assert_eq!(error("[]"), RequestError::BodyNotAnObject);
        assert_eq!(error("{}"), RequestError::QueryMissing);
        assert_eq!(
            error(r#"{"query":null,"extensions":{"persistedQuery":{}}}"#),
            RequestError::QueryMissing
        );
        assert_eq!(error(r#"{"query":1}"#), RequestError::QueryMissing);
        assert_eq!(error(r#"{"query":"","operationName":1}"#), wrong("operationName", "a text"));
        assert_eq!(error(r#"{"query":"","variables":[]}"#), wrong("variables", "a JSON object"));
        assert_eq!(error(r#"{"query":"","extensions":""}"#), wrong("extensions", "a JSON object"));
    }

    #[test]
    fn a_hash_stands_for_a_document_or_beside_its_own() {
        let hash = "7f56e67dd21ab3f30d1ff8b7bed08893f0a0db86449836189b361dd1e56ddb4b";
        let read = |query: Value, version: Value, hash: &str| {
            let persisted = serde_json::json!({ "version": version, "sha256Hash": hash });
            let extensions = serde_json::json!({ "persistedQuery": persisted, "other": 1 });
            let body = serde_json::json!({ "query": query, "extensions": extensions });
            from_body(body.to_string().as_bytes()).map(|request| (request.query, request.persisted))
        };
        let own = DocumentHash::parse(hash);
        for query in ["", "{ __typename }"] {
            assert_eq!(read(query.into(), 1.into(), hash), Ok((query.to_owned(), own)));
        }
        assert_eq!(read(Value::Null, 1.into(), hash), Ok((String::new(), own)));
        assert_eq!(read("{a}".into(), 1.into(), hash), Err(RequestError::HashOfAnother));
        for (version, hash) in [(2.into(), hash), (Value::Null, hash), (1.into(), &hash[1..])] {
            assert_eq!(read("{a}".into(), version, hash), Err(RequestError::UnknownPersistedQuery));
        }
    }

    #[test]
    fn a_query_string_is_read_and_a_repeated_parameter_refused() {
        let request =
            from_query_string("query=%7Ba%7D&variables=%7B%22x%22%3A1%7D&operationName=A&extra=1");
        let request = request.unwrap();
        assert_eq!((&*request.query, request.operation_name.as_deref()), ("{a}", Some("A")));
        assert_eq!(request.variables.len(), 1);
        let repeated = from_query_string("query=a&query=b").unwrap_err();
        assert_eq!(repeated, RequestError::RepeatedParameter { parameter: "query" });
        assert_eq!(
            from_query_string("query=a&variables=x").unwrap_err(),
            wrong("variables", "a JSON object")
        );
    }

    #[test]
    fn only_json_in_utf8_is_taken() {
        let check = |value: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(CONTENT_TYPE, value.parse().unwrap());
            check_content_type(&headers).is_ok()
        };
        assert!(check("application/json") && check("Application/JSON; Charset=\"UTF-8\""));
        assert!(!check("application/json; charset=latin1") && !check("text/plain") && !check(""));
        assert!(check_content_type(&HeaderMap::new()).is_err());
    }
}
