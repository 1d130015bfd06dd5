//! The sandbox through its HTTP face.

mod answers;
mod changes;
mod faults;
mod life;
mod members;
mod messages;
mod notifications;
mod refusals;
mod refusals_of_changes;
mod running;
mod samples;

use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use serde_json::{Value, json};

use super::{Sandbox, SandboxOptions};
use crate::clock::Clock;
use crate::ozeki::signature::{Recipe, SignedRequest};
use crate::ozeki::{ApiKey, StationId, UserId};

/// 2024-03-08 13:55:47, the moment of the vendor's samples.
const NOW: i64 = 1_709_906_147;
const LIST: &str = r#"{"action":"list","clientversioncode":3,"timestamp":"2024-03-08 13:55:47"}"#;
const STATION: StationId = StationId::from_bytes([7; 16]);

/// A call in the making, to be bent into what the sandbox has to refuse.
#[derive(Clone)]
struct TestCall {
    method: Method,
    query: String,
    headers: HeaderMap,
    body: Vec<u8>,
}

impl TestCall {
    fn unsigned(api: &str, body: &str) -> Self {
        let mut call = Self {
            method: Method::POST,
            query: format!("srv=chatserver&api={api}"),
            headers: HeaderMap::new(),
            body: body.into(),
        };
        call.set("content-type", "application/json");
        call.set("ozeki-station", &STATION.to_string());
        call
    }

    /// Alice's call, signed.
    fn signed(api: &str, body: &str) -> Self {
        Self::signed_by("alice@example.com", "alice-demo", api, body)
    }

    fn signed_by(email: &str, key: &str, api: &str, body: &str) -> Self {
        let user = UserId::from_email(email).unwrap();
        let mut call = Self::unsigned(api, body);
        let signature = Recipe::default().sign(&SignedRequest {
            user,
            station: Some(STATION),
            api,
            action: "",
            timestamp: "",
            body: body.as_bytes(),
            key: &ApiKey::parse(key).unwrap(),
        });
        call.set("ozeki-user", &user.to_string());
        call.set("ozeki-signature", signature.expose());
        call
    }

    /// The user's call, signed and dated, from a station of the user's own.
    fn by(user: &TestUser, api: &str, action: &str, members: Value) -> Self {
        let body = body(action, members);
        Self::signed_by(user.email, user.key, api, &body)
            .with("ozeki-station", &user.station().to_string())
    }

    fn set(&mut self, name: &str, value: &str) {
        let name: HeaderName = name.parse().unwrap();
        self.headers.insert(name, HeaderValue::from_str(value).unwrap());
    }

    fn with(mut self, name: &str, value: &str) -> Self {
        self.set(name, value);
        self
    }

    fn without(mut self, name: &str) -> Self {
        self.headers.remove(name);
        self
    }
}

/// A body with the members that most calls have, and these.
fn body(action: &str, mut members: Value) -> String {
    members["action"] = action.into();
    members["clientversioncode"] = 3.into();
    members["timestamp"] = "2024-03-08 13:55:47".into();
    members.to_string()
}

struct TestUser {
    email: &'static str,
    key: &'static str,
}

const ALICE: TestUser = TestUser { email: "alice@example.com", key: "alice-demo" };
const BOB: TestUser = TestUser { email: "bob@example.com", key: "bob-demo" };
const CAROL: TestUser = TestUser { email: "carol@example.com", key: "carol-demo" };

impl TestUser {
    fn id(&self) -> Value {
        UserId::from_email(self.email).unwrap().to_string().into()
    }

    /// One of the user's own.
    fn station(&self) -> StationId {
        StationId::from_bytes(*UserId::from_email(self.email).unwrap().as_bytes())
    }
}

/// A sandbox whose clock stands at [`NOW`] until it is moved, and a client of it.
struct TestSandbox {
    sandbox: Sandbox,
    clock: Clock,
    http: reqwest::Client,
}

impl TestSandbox {
    async fn start() -> Self {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let clock = Clock::manual(NOW);
        let sandbox = Sandbox::start(SandboxOptions {
            listen: ([127, 0, 0, 1], 0).into(),
            recipe: Recipe::default(),
            clock: clock.clone(),
        })
        .await
        .unwrap();
        let http = reqwest::Client::builder().no_proxy().build().unwrap();
        Self { sandbox, clock, http }
    }

    #[expect(
        clippy::disallowed_methods,
        reason = "these tests bend calls that the client could not make"
    )]
    async fn respond(&self, call: TestCall) -> reqwest::Result<reqwest::Response> {
        let mut url = self.sandbox.url().clone();
        url.set_query(Some(&call.query));
        self.http.request(call.method, url).headers(call.headers).body(call.body).send().await
    }

    async fn text(&self, call: TestCall) -> (StatusCode, String) {
        let response = self.respond(call).await.unwrap();
        (response.status(), response.text().await.unwrap())
    }

    async fn json(&self, call: TestCall) -> Value {
        let response = self.respond(call).await.unwrap();
        assert_eq!(response.status(), StatusCode::OK);
        assert_eq!(response.headers()["content-type"], "application/json");
        serde_json::from_str(&response.text().await.unwrap()).unwrap()
    }

    /// Makes the user's call, which has to succeed.
    async fn ok(&self, user: &TestUser, api: &str, action: &str, members: Value) -> Value {
        let answer = self.json(TestCall::by(user, api, action, members)).await;
        assert_eq!(answer["status"], "OK", "{answer}");
        answer
    }

    async fn conversations(&self, user: &TestUser) -> Vec<Value> {
        let answer = self.ok(user, "chatconversation", "list", json!({})).await;
        answer["conversations"].as_array().unwrap().clone()
    }

    /// The user's conversation that was last used.
    async fn newest(&self, user: &TestUser) -> Value {
        let conversations = self.conversations(user).await;
        conversations.into_iter().max_by_key(|one| one["lastaccess"].as_i64()).unwrap()
    }

    /// The conversation as the user's list tells it now.
    async fn again(&self, user: &TestUser, conversation: &Value) -> Value {
        let mut conversations = self.conversations(user).await.into_iter();
        conversations.find(|one| one["id"] == conversation["id"]).unwrap()
    }
}
