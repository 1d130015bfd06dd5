//! Starts a gateway in front of the sandbox, in process, and asks it over HTTP.

pub(crate) mod canaries;
pub(crate) mod chat;
mod client;
mod events;
mod socket;
mod time;

use std::net::SocketAddr;
use std::num::NonZeroUsize;
use std::time::Duration;

use ozeki_graphql::app::{ConnectionLimits, Gateway, GatewayOptions, Playground};
use ozeki_graphql::cache::CacheOptions;
use ozeki_graphql::clock::Clock;
use ozeki_graphql::graphql::OperationLimits;
use ozeki_graphql::ozeki::{ClientOptions, Recipe};
use ozeki_graphql::sandbox::{Fault, Faults, Injection, Sandbox, SandboxOptions, Times};
use ozeki_graphql::session::{Audience, SessionKey, SessionOptions};

pub(crate) use client::{Answer, Caller, codes};
pub(crate) use events::{Event, Events, Writer};
pub(crate) use socket::{PROTOCOL, Socket};
pub(crate) use time::{StoppedTime, pass};

/// The calls of both lists and of a login, as api and action.
pub(crate) const CONVERSATIONS: (&str, &str) = ("chatconversation", "list");
pub(crate) const FRIENDS: (&str, &str) = ("chatfriends", "list");
pub(crate) const LOGIN: (&str, &str) = ("chatlogin", "login");

/// Both resources in one operation.
pub(crate) const BOTH: &str = "{ conversations { totalCount } friends { totalCount } }";

/// Where every test's clock stands at first.
const START: i64 = 1_709_906_147;

/// How often a metric is looked at, which takes seconds; it has changed long before.
const LOOKS_MAX: usize = 10_000;

/// A gateway with its own sandbox.
pub(crate) struct TestGateway {
    gateway: Gateway,
    sandbox: Sandbox,
    pub(crate) clock: Clock,
    _unmet_faults: UnmetFaults,
}

impl TestGateway {
    /// With the defaults of `serve`, but for free ports.
    pub(crate) async fn start() -> Self {
        Self::start_with(|_options| {}).await
    }

    /// With options that differ from the defaults.
    pub(crate) async fn start_with(change: impl FnOnce(&mut GatewayOptions)) -> Self {
        Self::start_signed_by(Recipe::default(), change).await
    }

    /// With a recipe that the sandbox and the gateway share.
    pub(crate) async fn start_signed_by(
        recipe: Recipe,
        change: impl FnOnce(&mut GatewayOptions),
    ) -> Self {
        canaries::watch_the_log();
        let clock = Clock::manual(START);
        let any = "127.0.0.1:0".parse().unwrap();
        let sandbox = SandboxOptions { listen: any, recipe: recipe.clone(), clock: clock.clone() };
        let sandbox = Sandbox::start(sandbox).await.unwrap();
        let mut options = GatewayOptions {
            listen: any,
            admin_listen: Some(any),
            client: ClientOptions {
                url: sandbox.url().clone(),
                recipe,
                timeout: Duration::from_secs(10),
                connect_timeout: Duration::from_secs(2),
                body_max_bytes: 8 << 20,
                concurrency: NonZeroUsize::new(100).unwrap(),
                roots: Vec::new(),
                proxy: None,
            },
            session: SessionOptions {
                key: SessionKey::from_bytes([7; 32]),
                key_previous: None,
                audience: Audience::named("tests"),
                time_to_live: Duration::from_secs(12 * 60 * 60),
                idle_timeout: Duration::from_secs(3 * 24 * 60 * 60),
                forward_credentials: false,
                // Tests ask in bursts that no person could; those of the limits set their own.
                rate_limits: None,
            },
            cache: CacheOptions {
                max_bytes: 64 << 20,
                // Long enough that no test's own duration counts.
                conversations_time_to_live: Duration::from_secs(600),
                friends_time_to_live: Duration::from_secs(600),
                // Who only reads is not followed, so that no poll is among a test's calls.
                live_time_to_live: Duration::ZERO,
                stale_time_to_live: Duration::from_secs(600),
                notification_interval: Duration::from_millis(100),
                keeps_answers: true,
            },
            playground: Playground::Off,
            trusted_proxies: Vec::new(),
            operation_limits: OperationLimits::default(),
            operations_in_flight_max: NonZeroUsize::new(512).unwrap(),
            operation_calls_max: NonZeroUsize::new(64).unwrap(),
            operation_concurrency: NonZeroUsize::new(8).unwrap(),
            body_max_bytes: 256 << 10,
            request_timeout: Duration::from_secs(15),
            shutdown_grace: Duration::from_secs(25),
            tls: None,
            connections: ConnectionLimits::default(),
            cors_origins: Vec::new(),
            traces: None,
        };
        change(&mut options);
        let gateway = Gateway::start(options, clock.clone()).await.unwrap();
        let unmet_faults = UnmetFaults(sandbox.faults());
        Self { gateway, sandbox, clock, _unmet_faults: unmet_faults }
    }

    pub(crate) fn url(&self) -> String {
        self.gateway.url()
    }

    pub(crate) fn admin_url(&self) -> String {
        self.gateway.admin_url().unwrap()
    }

    /// Waits until the metrics have this line.
    pub(crate) async fn until_metric(&self, line: &str) {
        let metrics = Caller::new(self.admin_url() + "/metrics");
        let mut text = String::new();
        for _ in 0..LOOKS_MAX {
            text = metrics.get("").await.text;
            if text.lines().any(|found| found == line) {
                return;
            }
        }
        panic!("{line} is not in {text}");
    }

    /// Where it listens.
    pub(crate) fn address(&self) -> SocketAddr {
        let url = self.url();
        url.split_once("://").unwrap().1.parse().unwrap()
    }

    /// Where its sandbox listens.
    pub(crate) fn ozeki_address(&self) -> SocketAddr {
        self.sandbox.url().socket_addrs(|| None).unwrap()[0]
    }

    /// Nobody in particular.
    pub(crate) fn anonymous(&self) -> Caller {
        Caller::new(format!("{}/graphql", self.url()))
    }

    /// A demo user, such as `alice`, with a fresh session.
    pub(crate) async fn log_in(&self, name: &str) -> Caller {
        let anybody = self.anonymous();
        let token = anybody.log_in(&format!("{name}-demo")).await;
        anybody.with_header("authorization", &format!("Bearer {token}"))
    }

    /// How often a call reached the sandbox.
    pub(crate) fn calls(&self, (api, action): (&str, &str)) -> usize {
        self.sandbox.journal().count(api, action)
    }

    /// How often the two lists were asked for: conversations, friends.
    pub(crate) fn list_calls(&self) -> (usize, usize) {
        (self.calls(CONVERSATIONS), self.calls(FRIENDS))
    }

    pub(crate) fn faults(&self) -> Faults {
        self.sandbox.faults()
    }

    /// Spoils the next answer to a call.
    pub(crate) fn spoil(&self, (api, action): (&str, &str), fault: Fault) -> Injection {
        self.faults().inject(api, action, Times::Next(1), fault)
    }

    /// As after a signal, for as long as the shutdown is delayed.
    pub(crate) fn withdraw(&self) {
        self.gateway.withdraw();
    }

    pub(crate) async fn shutdown(self) -> bool {
        let in_time = self.gateway.shutdown().await;
        self.sandbox.shutdown().await;
        in_time
    }
}

/// Fails a test that injected a fault in vain: it did not test what it meant to.
struct UnmetFaults(Faults);

impl Drop for UnmetFaults {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            assert_eq!(self.0.waiting(), 0, "a fault that was injected was never met");
            canaries::check();
        }
    }
}
