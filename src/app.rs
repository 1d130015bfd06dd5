//! The gateway as a whole: the only place that constructs and connects the parts.

use std::io;
use std::net::SocketAddr;
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::Duration;

use ipnet::IpNet;
use tokio::net::TcpListener;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use crate::cache::{CacheOptions, Data};
use crate::clock::Clock;
use crate::graphql::{Engine, EngineOptions, OperationLimits};
use crate::http::playground::{Settings, SettingsSource, tabs};
use crate::http::{
    AllowedOrigins, Edge, HttpOptions, Readiness, Server, ServerOptions, Streams, TlsError,
    admin_router,
};
pub use crate::http::{ConnectionLimits, TlsFiles};
use crate::ozeki::{ApiKey, Client, ClientOptions, ClientSetupError};
use crate::session::{SessionOptions, Sessions};
use crate::telemetry::{Metrics, TraceOptions, TraceSetupError, Tracer};

/// Where and how the gateway serves.
#[derive(Clone, Debug)]
pub struct GatewayOptions {
    /// Where GraphQL and the playground are served; port 0 picks a free one.
    pub listen: SocketAddr,
    /// Where metrics are served, if anywhere.
    pub admin_listen: Option<SocketAddr>,
    /// How to reach the upstream.
    pub client: ClientOptions,
    /// How sessions are made.
    pub session: SessionOptions,
    /// How much is kept, and for how long.
    pub cache: CacheOptions,
    /// Whether there is a playground, and with it introspection.
    pub playground: Playground,
    /// The proxies that are believed when they say who asked them.
    pub trusted_proxies: Vec<IpNet>,
    /// What documents and variables must keep to.
    pub operation_limits: OperationLimits,
    /// The largest body of a request, in bytes.
    pub body_max_bytes: usize,
    /// How many operations may be under way at once.
    pub operations_in_flight_max: NonZeroUsize,
    /// How many upstream calls one operation may begin.
    pub operation_calls_max: NonZeroUsize,
    /// How many of them may be under way at once.
    pub operation_concurrency: NonZeroUsize,
    /// The longest that an operation may take.
    pub request_timeout: Duration,
    /// How long a shutdown waits for what is under way.
    pub shutdown_grace: Duration,
    /// The certificate to encrypt with, if frontends come by https.
    pub tls: Option<TlsFiles>,
    /// What connections of frontends may cost.
    pub connections: ConnectionLimits,
    /// The origins whose pages may ask, as browsers write them.
    pub cors_origins: Vec<String>,
    /// Where traces are sent, if anywhere.
    pub traces: Option<TraceOptions>,
}

/// Whether there is a playground.
#[derive(Clone, Debug)]
pub enum Playground {
    /// None, and no introspection.
    Off,
    /// One that opens without a session.
    On,
    /// One that opens with a session of its own for the user with this key: for demonstrations.
    LoggedIn(ApiKey),
}

/// The gateway cannot start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// An address cannot be listened on.
    #[error("cannot listen on {address}")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// Why not.
        #[source]
        source: io::Error,
    },
    /// The client for the upstream cannot be built.
    #[error(transparent)]
    Client(#[from] ClientSetupError),
    /// The client for the collector of traces cannot be built.
    #[error(transparent)]
    Traces(#[from] TraceSetupError),
    /// There is no certificate to show, though there should be.
    #[error(transparent)]
    Tls(#[from] TlsError),
}

impl StartError {
    /// Whether the configuration is at fault, and not what the gateway found at its start.
    pub const fn is_misuse(&self) -> bool {
        match self {
            Self::Tls(_) => true,
            Self::Listen { .. } | Self::Client(_) | Self::Traces(_) => false,
        }
    }
}

/// A running gateway.
#[derive(Debug)]
pub struct Gateway {
    address: SocketAddr,
    admin_address: Option<SocketAddr>,
    is_encrypted: bool,
    readiness: Readiness,
    stop: CancellationToken,
    servers: Vec<Server>,
    streams: Streams,
    data: Arc<Data>,
    sessions: Arc<Sessions>,
    tracer: Option<Tracer>,
    shutdown_grace: Duration,
}

impl Gateway {
    /// Builds the parts, listens and serves.
    ///
    /// # Errors
    ///
    /// [`StartError`] when an address is taken, the client cannot be set up, or there is no certificate to show.
    pub async fn start(options: GatewayOptions, clock: Clock) -> Result<Self, StartError> {
        let listener = listen(options.listen).await?;
        let admin_listener = match options.admin_listen {
            Some(address) => Some(listen(address).await?),
            None => None,
        };
        let metrics = Arc::new(Metrics::default());
        let client = Client::try_new(options.client, clock.clone(), Arc::clone(&metrics))?;
        let client = Arc::new(client);
        let tracer = options.traces.map(|traces| {
            let (clock, metrics) = (clock.clone(), Arc::clone(&metrics));
            Tracer::start(traces, clock, metrics)
        });
        let tracer = tracer.transpose()?;
        let sessions =
            Sessions::new(&options.session, Arc::clone(&client), clock.clone(), &metrics);
        let sessions = Arc::new(sessions);
        let data = Arc::new(Data::new(&options.cache, client, clock.clone(), &metrics));
        let engine = Engine::new(
            Arc::clone(&data),
            Arc::clone(&sessions),
            Arc::clone(&metrics),
            clock,
            EngineOptions {
                limits: options.operation_limits,
                introspection: !matches!(options.playground, Playground::Off),
                calls_max: options.operation_calls_max,
                concurrency: options.operation_concurrency,
                in_flight_max: options.operations_in_flight_max,
                answers_max_bytes: options.cache.answers_max_bytes(),
            },
        );
        let engine = Arc::new(engine);
        let readiness = Readiness::new(Arc::clone(&engine));
        let stop = CancellationToken::new();
        let streams = Streams::new(stop.clone(), Arc::clone(&metrics));
        let is_encrypted = options.tls.is_some();
        let origins = options.cors_origins.iter().map(String::as_str);
        let http = HttpOptions {
            engine,
            sessions: Arc::clone(&sessions),
            streams: streams.clone(),
            readiness: readiness.clone(),
            trusted_proxies: options.trusted_proxies.into(),
            body_max_bytes: options.body_max_bytes,
            request_timeout: options.request_timeout,
            origins: AllowedOrigins::new(origins, is_encrypted),
            is_encrypted,
            playground: settings_source(options.playground, &sessions),
            tracer: tracer.clone(),
        };
        let address = local_address(&listener, options.listen)?;
        let mut servers = vec![Server::start(ServerOptions {
            listener,
            routes: Edge::new(http),
            limits: options.connections,
            tls: options.tls,
            gauge: Some(Arc::clone(&metrics)),
        })?];
        let mut admin_address = None;
        if let (Some(listener), Some(wanted)) = (admin_listener, options.admin_listen) {
            admin_address = Some(local_address(&listener, wanted)?);
            servers.push(Server::start(ServerOptions {
                listener,
                routes: admin_router(metrics, readiness.clone()),
                limits: ConnectionLimits::of_admin(),
                tls: None,
                gauge: None,
            })?);
        }
        let shutdown_grace = options.shutdown_grace;
        Ok(Self {
            address,
            admin_address,
            is_encrypted,
            readiness,
            stop,
            servers,
            streams,
            data,
            sessions,
            tracer,
            shutdown_grace,
        })
    }

    /// Where a browser on this machine finds the gateway, such as `http://127.0.0.1:8080`.
    pub fn url(&self) -> String {
        url_of(if self.is_encrypted { "https" } else { "http" }, self.address)
    }

    /// Where metrics are served, without a path.
    pub fn admin_url(&self) -> Option<String> {
        self.admin_address.map(|address| url_of("http", address))
    }

    /// The session service, to log demo users in.
    pub fn sessions(&self) -> &Sessions {
        &self.sessions
    }

    /// Tells load balancers to send no more, and clients to connect anew; what comes all the same is still served.
    pub fn withdraw(&self) {
        self.readiness.withdraw();
        self.servers.iter().for_each(Server::leave);
    }

    /// Takes no more work, finishes what is under way within the grace period, and ends.
    ///
    /// Returns whether everything was finished in time.
    pub async fn shutdown(mut self) -> bool {
        self.withdraw();
        for server in &self.servers {
            server.stop();
        }
        // Event streams are requests under way, which the servers wait for.
        self.stop.cancel();
        let finished = async {
            for server in &mut self.servers {
                server.ended().await;
            }
            self.streams.ended().await;
            self.sessions.drain().await;
            self.data.drain().await;
            // What all of them did is in the traces.
            if let Some(tracer) = &self.tracer {
                tracer.shutdown().await;
            }
        };
        timeout(self.shutdown_grace, finished).await.is_ok()
    }
}

async fn listen(address: SocketAddr) -> Result<TcpListener, StartError> {
    let listener = TcpListener::bind(address).await;
    listener.map_err(|source| StartError::Listen { address, source })
}

fn local_address(listener: &TcpListener, address: SocketAddr) -> Result<SocketAddr, StartError> {
    listener.local_addr().map_err(|source| StartError::Listen { address, source })
}

/// The URL by which this machine reaches an address: one that stands for all of the machine's is reached by its loopback
/// one.
pub fn url_of(scheme: &str, mut address: SocketAddr) -> String {
    if address.ip().is_unspecified() {
        address.set_ip(match address {
            SocketAddr::V4(_) => std::net::Ipv4Addr::LOCALHOST.into(),
            SocketAddr::V6(_) => std::net::Ipv6Addr::LOCALHOST.into(),
        });
    }
    format!("{scheme}://{address}")
}

fn settings_source(playground: Playground, sessions: &Arc<Sessions>) -> Option<SettingsSource> {
    match playground {
        Playground::Off => None,
        Playground::On => {
            let mut settings = settings();
            settings.tabs.rotate_right(1);
            settings.notice = Some(
                "Run `login` with an API key, then put its token into the headers: \
                 {\"Authorization\": \"Bearer <token>\"}"
                    .to_owned(),
            );
            Some(SettingsSource::fixed(settings))
        }
        Playground::LoggedIn(key) => {
            let sessions = Arc::clone(sessions);
            Some(SettingsSource::new(move || logged_in(Arc::clone(&sessions), key.clone())))
        }
    }
}

fn settings() -> Settings {
    let mut settings = Settings::new("/graphql");
    settings.tabs = tabs();
    settings
}

/// Settings with a fresh session, so that a page that is opened after a week works too.
async fn logged_in(sessions: Arc<Sessions>, key: ApiKey) -> Settings {
    let mut settings = settings();
    match sessions.login(key, None).await {
        Ok(logged_in) => {
            let token = format!("Bearer {}", logged_in.token.expose());
            settings.headers.insert("Authorization".to_owned(), token);
        }
        Err(error) => {
            tracing::warn!(%error, "the playground's demo user could not log in");
            settings.notice =
                Some("The demo user could not log in; run `login` yourself.".to_owned());
        }
    }
    settings
}
