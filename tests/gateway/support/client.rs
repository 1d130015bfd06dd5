//! A GraphQL client for tests.

use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use reqwest::{Method, Response, StatusCode};
use serde_json::{Value, json};

use super::canaries;

/// Someone who asks the gateway, with the headers that they send each time.
#[derive(Clone)]
pub(crate) struct Caller {
    http: reqwest::Client,
    url: String,
    headers: HeaderMap,
}

/// What the gateway answered.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) text: String,
}

impl Caller {
    pub(crate) fn new(url: String) -> Self {
        // Tests that start no gateway have installed no provider yet.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let http = reqwest::Client::builder().no_proxy().build().unwrap();
        Self { http, url, headers: HeaderMap::new() }
    }

    pub(crate) fn with_header(mut self, name: &'static str, value: &str) -> Self {
        self.headers.append(HeaderName::from_static(name), HeaderValue::from_str(value).unwrap());
        self
    }

    /// The value of a header that it sends.
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers[name].to_str().unwrap()
    }

    /// Without any connection that earlier requests left open.
    pub(crate) fn reconnected(&self) -> Self {
        Self { headers: self.headers.clone(), ..Self::new(self.url.clone()) }
    }

    /// Asks for the data of a query that must succeed.
    pub(crate) async fn data(&self, query: &str) -> Value {
        let answer = self.query(query).await;
        let mut json = answer.json();
        assert!(json.get("errors").is_none(), "{query}: {json}");
        json["data"].take()
    }

    pub(crate) async fn query(&self, query: &str) -> Answer {
        self.post(&json!({ "query": query })).await
    }

    /// Asks a gateway that may end without an answer.
    #[expect(clippy::disallowed_methods, reason = "this is no upstream call")]
    pub(crate) async fn try_query(&self, query: &str) -> Result<StatusCode, reqwest::Error> {
        let request = self.http.post(&self.url).headers(self.headers.clone());
        let request = request.header("content-type", "application/json");
        let response = request.body(json!({ "query": query }).to_string()).send().await?;
        Ok(response.status())
    }

    /// Asks for the data of a query that must succeed, a gateway that may end without an answer.
    #[expect(clippy::disallowed_methods, reason = "this is no upstream call")]
    pub(crate) async fn try_data(&self, query: &str) -> Result<Value, reqwest::Error> {
        let request = self.http.post(&self.url).headers(self.headers.clone());
        let request = request.header("content-type", "application/json");
        let response = request.body(json!({ "query": query }).to_string()).send().await?;
        let text = response.text().await?;
        canaries::look_through("an answer", &text);
        let mut json: Value = serde_json::from_str(&text).unwrap();
        assert!(json.get("errors").is_none(), "{query}: {json}");
        Ok(json["data"].take())
    }

    pub(crate) async fn post(&self, body: &Value) -> Answer {
        let content_type = "application/json";
        self.send(Method::POST, "", content_type, body.to_string().into_bytes()).await
    }

    pub(crate) async fn get(&self, query_string: &str) -> Answer {
        self.send(Method::GET, query_string, "", Vec::new()).await
    }

    /// Asks, and waits for the head of the response only.
    pub(crate) async fn begin(&self, body: &Value) -> Response {
        let body = body.to_string().into_bytes();
        self.request(Method::POST, "", "application/json", body).await
    }

    pub(crate) async fn send(
        &self,
        method: Method,
        query_string: &str,
        content_type: &str,
        body: Vec<u8>,
    ) -> Answer {
        let response = self.request(method, query_string, content_type, body).await;
        let (status, headers) = (response.status(), response.headers().clone());
        let text = response.text().await.unwrap();
        canaries::look_through("a header", &format!("{headers:?}"));
        // The answer to a login is what a token is for.
        if !text.starts_with(r#"{"data":{"login":{"#) && !text.contains(r#""Authorization""#) {
            canaries::look_through("an answer", &text);
        }
        Answer { status, headers, text }
    }

    #[expect(clippy::disallowed_methods, reason = "this is no upstream call")]
    async fn request(
        &self,
        method: Method,
        query_string: &str,
        content_type: &str,
        body: Vec<u8>,
    ) -> Response {
        let mut request = self.http.request(method, format!("{}{query_string}", self.url));
        if !content_type.is_empty() {
            request = request.header("content-type", content_type);
        }
        let request = request.headers(self.headers.clone()).body(body);
        request.send().await.unwrap()
    }

    /// Logs in and returns the token.
    pub(crate) async fn log_in(&self, key: &str) -> String {
        let query = "mutation($key: String!) { login(input: {apiKey: $key}) { token } }";
        let answer = self.post(&json!({ "query": query, "variables": { "key": key } })).await;
        let json = answer.json();
        let token = json["data"]["login"]["token"].as_str();
        token.unwrap_or_else(|| panic!("no token: {json}")).to_owned()
    }
}

impl Answer {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|error| panic!("{error}: {}", self.text))
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    /// What the answer depends on, in lower case.
    pub(crate) fn vary(&self) -> Vec<String> {
        let lines = self.headers.get_all("vary").iter().map(|value| value.to_str().unwrap());
        lines.flat_map(|line| line.split(',')).map(|name| name.trim().to_lowercase()).collect()
    }

    /// The code and path of each error.
    pub(crate) fn codes(&self) -> Vec<(String, String)> {
        codes(&self.json())
    }
}

/// The code of each error, with its path as `a.b`.
pub(crate) fn codes(json: &Value) -> Vec<(String, String)> {
    let errors = json["errors"].as_array().cloned().unwrap_or_default();
    let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    let path = |error: &Value| {
        let segments = error["path"].as_array().cloned().unwrap_or_default();
        segments.iter().map(text).collect::<Vec<_>>().join(".")
    };
    errors.iter().map(|error| (text(&error["extensions"]["code"]), path(error))).collect()
}
