//! Where clients stand after what they showed, by the routes themselves and an upstream of our own.

use std::num::NonZeroUsize;

use axum::body::Body;
use axum::extract::Request;
use tokio_util::sync::CancellationToken;

use super::turns::Turns;
use super::*;
use crate::cache::{CacheOptions, Data};
use crate::clock::Clock;
use crate::graphql::{EngineOptions, OperationLimits};
use crate::ozeki::signature::Recipe;
use crate::ozeki::{ApiKey, Client, ClientOptions, SignedRequest, StationId, UserId};
use crate::sandbox::{Sandbox, SandboxOptions};
use crate::session::{Audience, SessionKey, SessionOptions};
use crate::telemetry::Metrics;

const ALICE: &str = "alice@example.com";
const STATION: &str = "0123456789abcdef0123456789abcdef";
const LONG: Duration = Duration::from_secs(600);

/// The parts that the routes need.
pub(super) struct Bench {
    _sandbox: Sandbox,
    sessions: Arc<Sessions>,
    engine: Arc<Engine>,
    metrics: Arc<Metrics>,
    turns: Turns,
}

/// Signs what a client can sign before it knows the gateway's body.
fn recipe() -> Recipe {
    Recipe { payload: "{user}{station}{key}".parse().unwrap(), ..Recipe::default() }
}

impl Bench {
    /// Credentials are forwarded, pages of `chat.example` may ask, and no limit counts.
    pub(super) async fn new() -> Self {
        let clock = Clock::manual(1_709_906_147);
        let listen = "127.0.0.1:0".parse().unwrap();
        let sandbox = SandboxOptions { listen, recipe: recipe(), clock: clock.clone() };
        let sandbox = Sandbox::start(sandbox).await.unwrap();
        let metrics = Arc::new(Metrics::default());
        let many = NonZeroUsize::new(64).unwrap();
        let client = ClientOptions {
            url: sandbox.url().clone(),
            recipe: recipe(),
            timeout: Duration::from_secs(10),
            connect_timeout: Duration::from_secs(2),
            body_max_bytes: 8 << 20,
            concurrency: many,
            roots: Vec::new(),
            proxy: None,
        };
        let client =
            Arc::new(Client::try_new(client, clock.clone(), Arc::clone(&metrics)).unwrap());
        let session = SessionOptions {
            key: SessionKey::from_bytes([7; 32]),
            key_previous: None,
            audience: Audience::named("tests"),
            time_to_live: LONG,
            idle_timeout: LONG,
            forward_credentials: true,
            rate_limits: None,
        };
        let cache = CacheOptions {
            max_bytes: 64 << 20,
            conversations_time_to_live: LONG,
            friends_time_to_live: LONG,
            live_time_to_live: Duration::ZERO,
            stale_time_to_live: LONG,
            notification_interval: Duration::from_secs(1),
            keeps_answers: true,
        };
        let sessions = Sessions::new(&session, Arc::clone(&client), clock.clone(), &metrics);
        let sessions = Arc::new(sessions);
        let data = Arc::new(Data::new(&cache, client, clock.clone(), &metrics));
        let engine = EngineOptions {
            limits: OperationLimits::default(),
            introspection: false,
            calls_max: many,
            concurrency: many,
            in_flight_max: many,
            answers_max_bytes: cache.answers_max_bytes(),
        };
        let engine =
            Arc::new(Engine::new(data, Arc::clone(&sessions), Arc::clone(&metrics), clock, engine));
        Self { _sandbox: sandbox, sessions, engine, metrics, turns: Turns::default() }
    }

    pub(super) fn options(&self) -> HttpOptions {
        HttpOptions {
            engine: Arc::clone(&self.engine),
            sessions: Arc::clone(&self.sessions),
            streams: Streams::new(CancellationToken::new(), Arc::clone(&self.metrics)),
            readiness: Readiness::new(Arc::clone(&self.engine)),
            trusted_proxies: Arc::default(),
            body_max_bytes: 1 << 20,
            request_timeout: Duration::from_secs(15),
            origins: AllowedOrigins::new(["https://chat.example"], false),
            is_encrypted: false,
            playground: None,
            tracer: None,
        }
    }

    pub(super) fn newcomer(&self) -> Peer {
        let standing = Standing::newcomer(self.turns.clone());
        Peer { address: ([192, 0, 2, 7], 4711).into(), standing }
    }

    /// Where the client of a connection stands after it has sent this.
    async fn after(&self, peer: &Peer, request: Request) -> &'static str {
        let _answer = Edge::new(self.options()).answer(request, peer).await;
        peer.standing.place()
    }
}

fn preflight() -> Request {
    let request = Request::options("/graphql").header("origin", "https://chat.example");
    let request = request.header("access-control-request-method", "POST");
    request.body(Body::empty()).unwrap()
}

fn query(query: &str, headers: &[(&str, &str)]) -> Request {
    let mut request = Request::post("/graphql").header("content-type", "application/json");
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    request.body(serde_json::json!({ "query": query }).to_string().into()).unwrap()
}

fn signature(user: UserId, key: &str) -> String {
    let (station, key) = (STATION.parse::<StationId>().unwrap(), ApiKey::parse(key).unwrap());
    let request = SignedRequest {
        user,
        station: Some(station),
        api: "",
        action: "",
        timestamp: "",
        body: b"",
        key: &key,
    };
    recipe().sign(&request).expose().to_owned()
}

#[tokio::test]
async fn a_flood_of_preflights_is_no_newcomers() {
    let bench = Bench::new().await;
    let peer = bench.newcomer();
    assert_eq!(peer.standing.place(), "not asked");
    assert_eq!(bench.after(&peer, preflight()).await, "charged");
    for _ in 0..3 {
        assert_eq!(bench.after(&peer, preflight()).await, "nameless");
    }
    let key = ApiKey::parse("alice-demo").unwrap();
    let token = bench.sessions.login(key, None).await.unwrap().token;
    let bearer = format!("Bearer {}", token.expose());
    let known = || query("{ viewer { id } }", &[("authorization", &bearer)]);
    assert_eq!(bench.after(&peer, known()).await, "known");
    assert_eq!(bench.after(&peer, preflight()).await, "charged");
    assert_eq!(bench.after(&peer, known()).await, "known");
}

#[tokio::test]
async fn a_forwarded_credential_is_known_when_the_upstream_has_taken_it_and_invented_ones_never_are()
 {
    let bench = Bench::new().await;
    let user = UserId::from_email(ALICE).unwrap();
    let read = "{ friends { totalCount } conversations { totalCount } }";
    let asked = |signature: &str, text: &str| {
        let (user, headers) =
            (user.to_string(), ["ozeki-user", "ozeki-station", "ozeki-signature"]);
        let values = [&*user, STATION, signature];
        query(text, &std::array::from_fn::<_, 3, _>(|at| (headers[at], values[at])))
    };
    let (own, invented) = (signature(user, "alice-demo"), signature(user, "invented"));
    let peer = bench.newcomer();
    for _ in 0..2 {
        assert_eq!(bench.after(&peer, asked(&invented, read)).await, "charged");
    }
    assert_eq!(bench.after(&peer, asked(&own, "{ __typename }")).await, "charged");
    assert_eq!(bench.after(&peer, asked(&own, read)).await, "charged");
    assert_eq!(bench.after(&peer, asked(&own, "{ __typename }")).await, "known");
    assert_eq!(bench.after(&peer, asked(&invented, "{ __typename }")).await, "charged");
    assert_eq!(bench.after(&peer, asked(&own, "mutation { logout { viewerId } }")).await, "known");
    assert_eq!(bench.after(&peer, asked(&own, "{ __typename }")).await, "charged");
}
