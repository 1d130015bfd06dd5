//! Connections, TLS and origins, as clients and attackers meet them.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use ozeki_graphql::app::{ConnectionLimits, TlsFiles};
use ozeki_graphql::sandbox::{Fault, Reply};
use reqwest::Method;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, RootCertStore, ServerConfig};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::client::TlsStream;
use tokio_rustls::{TlsAcceptor, TlsConnector};

use crate::support::{BOTH, Caller, FRIENDS, TestGateway};

/// Short enough to wait for, long enough for a busy machine to connect in.
const SHORT: Duration = Duration::from_millis(500);

/// A certificate for this machine that signs itself, and its key, in PEM.
struct Pair {
    certificate: String,
    key: String,
}

impl Pair {
    fn new() -> Self {
        let names = ["localhost".to_owned(), "127.0.0.1".to_owned()];
        let pair = rcgen::generate_simple_self_signed(names).unwrap();
        Self { certificate: pair.cert.pem(), key: pair.signing_key.serialize_pem() }
    }

    fn der(&self) -> CertificateDer<'static> {
        CertificateDer::from_pem_slice(self.certificate.as_bytes()).unwrap()
    }

    fn write(&self, folder: &Path) -> TlsFiles {
        let (certificate, key) = (folder.join("tls.crt"), folder.join("tls.key"));
        std::fs::write(&certificate, &self.certificate).unwrap();
        std::fs::write(&key, &self.key).unwrap();
        TlsFiles { certificate, key, reload_period: Duration::from_millis(20) }
    }

    /// Shakes hands with the gateway, trusting this certificate alone.
    async fn connect(&self, address: SocketAddr, protocol: &[u8]) -> Option<TlsStream<TcpStream>> {
        let mut roots = RootCertStore::empty();
        roots.add(self.der()).unwrap();
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ClientConfig::builder_with_provider(provider);
        let config = config.with_safe_default_protocol_versions().unwrap();
        let mut config = config.with_root_certificates(roots).with_no_client_auth();
        config.alpn_protocols = vec![protocol.to_vec()];
        let stream = TcpStream::connect(address).await.unwrap();
        let name = ServerName::try_from("localhost").unwrap();
        TlsConnector::from(Arc::new(config)).connect(name, stream).await.ok()
    }
}

async fn encrypted(pair: &Pair, folder: &Path) -> TestGateway {
    let files = pair.write(folder);
    TestGateway::start_with(|options| options.tls = Some(files)).await
}

/// The value of the gauge of open connections.
async fn connections_open(gateway: &TestGateway) -> usize {
    let metrics = Caller::new(gateway.admin_url() + "/metrics").get("").await;
    let value =
        metrics.text.lines().find_map(|it| it.strip_prefix("ozeki_graphql_connections_open "));
    value.unwrap().parse().unwrap()
}

#[tokio::test]
async fn https_is_served_by_http2_and_http1_and_tells_browsers_to_stay() {
    let folder = tempfile::tempdir().unwrap();
    let pair = Pair::new();
    let gateway = encrypted(&pair, folder.path()).await;
    assert!(gateway.url().starts_with("https://127.0.0.1:"));
    for (protocol, version) in
        [(&b"h2"[..], http::Version::HTTP_2), (b"http/1.1", http::Version::HTTP_11)]
    {
        let stream = pair.connect(gateway.address(), protocol).await.unwrap();
        assert_eq!(stream.get_ref().1.alpn_protocol(), Some(protocol));
        let (status, headers) = get_livez(stream, version).await;
        assert_eq!((status, &*headers), (200, "max-age=31536000"));
    }
    assert!(pair.connect(gateway.address(), b"spdy/3").await.is_none());
    assert!(Pair::new().connect(gateway.address(), b"h2").await.is_none());
    assert!(gateway.shutdown().await);
}

/// The status, and what is said of encryption.
async fn get_livez(stream: TlsStream<TcpStream>, version: http::Version) -> (u16, String) {
    if version == http::Version::HTTP_2 {
        let (client, connection) = h2::client::handshake(stream).await.unwrap();
        tokio::spawn(connection);
        let request = http::Request::get("https://localhost/livez").body(()).unwrap();
        let (answer, _) = client.ready().await.unwrap().send_request(request, true).unwrap();
        let answer: http::Response<h2::RecvStream> = answer.await.unwrap();
        let header = answer.headers()["strict-transport-security"].to_str().unwrap();
        return (answer.status().as_u16(), header.to_owned());
    }
    let mut stream = stream;
    let head = b"GET /livez HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n";
    stream.write_all(head).await.unwrap();
    let mut text = String::new();
    stream.read_to_string(&mut text).await.unwrap();
    let header = text.lines().find_map(|it| it.strip_prefix("strict-transport-security: "));
    (text.split(' ').nth(1).unwrap().parse().unwrap(), header.unwrap().to_owned())
}

#[tokio::test]
async fn a_changed_certificate_is_taken_without_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let first = Pair::new();
    let gateway = encrypted(&first, folder.path()).await;
    assert!(first.connect(gateway.address(), b"h2").await.is_some());

    let second = Pair::new();
    second.write(folder.path());
    // Level-triggered: at some time it is shown.
    while second.connect(gateway.address(), b"h2").await.is_none() {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn a_handshake_that_does_not_come_is_ended() {
    let folder = tempfile::tempdir().unwrap();
    let files = Pair::new().write(folder.path());
    let gateway = TestGateway::start_with(|options| {
        options.tls = Some(files);
        options.connections = ConnectionLimits { handshake_timeout: SHORT, ..Default::default() };
    })
    .await;
    let mut silent = TcpStream::connect(gateway.address()).await.unwrap();
    let mut plain = TcpStream::connect(gateway.address()).await.unwrap();
    plain.write_all(b"GET /livez HTTP/1.1\r\nhost: a\r\n\r\n").await.unwrap();
    for stream in [&mut silent, &mut plain] {
        let mut bytes = Vec::new();
        let _ = stream.read_to_end(&mut bytes).await;
        assert!(!bytes.starts_with(b"HTTP"), "{bytes:?}");
    }
    assert_eq!(connections_open(&gateway).await, 0);
}

#[tokio::test]
async fn a_hundred_slow_connections_leave_the_others_served_and_nothing_behind() {
    let gateway = TestGateway::start_with(|options| {
        options.connections = ConnectionLimits { head_timeout: 4 * SHORT, ..Default::default() };
    })
    .await;
    let mut slow = Vec::new();
    for index in 0..100 {
        let mut stream = TcpStream::connect(gateway.address()).await.unwrap();
        let part = &b"POST /graphql HTTP/1.1\r\nhost: a\r\nx: "[..index % 36];
        stream.write_all(part).await.unwrap();
        slow.push(stream);
    }
    let alice = gateway.log_in("alice").await;
    assert_eq!(alice.data(BOTH).await["friends"]["totalCount"], 40);
    for stream in &mut slow {
        // Whether it is closed in order or reset depends on what was unread.
        let _ = stream.read_to_end(&mut Vec::new()).await;
    }
    drop(alice);
    while connections_open(&gateway).await > 0 {
        tokio::task::yield_now().await;
    }
    assert!(gateway.shutdown().await);
}

#[tokio::test]
async fn a_connection_beyond_the_bound_waits_until_another_ends() {
    let gateway = TestGateway::start_with(|options| {
        options.connections = ConnectionLimits { connections_max: 1, ..Default::default() };
    })
    .await;
    let first = TcpStream::connect(gateway.address()).await.unwrap();
    while connections_open(&gateway).await < 1 {
        tokio::task::yield_now().await;
    }
    let waiting = gateway.anonymous();
    let mut waiting = tokio::spawn(async move { waiting.query("{ __typename }").await.status });
    assert!(tokio::time::timeout(SHORT, &mut waiting).await.is_err());
    drop(first);
    assert_eq!(waiting.await.unwrap(), 200);
}

#[tokio::test]
async fn the_grace_periods_end_closes_what_is_still_under_way() {
    let gateway = TestGateway::start_with(|options| options.shutdown_grace = SHORT).await;
    let alice = gateway.log_in("alice").await;
    let held = gateway.spoil(FRIENDS, Fault::new(Reply::Genuine).held());
    let asking = tokio::spawn(async move { alice.try_query("{ friends { totalCount } }").await });
    held.arrived(1).await;
    assert!(!gateway.shutdown().await);
    assert!(asking.await.unwrap().is_err());
}

#[tokio::test]
async fn pages_of_listed_origins_may_ask_and_no_others() {
    let gateway = TestGateway::start_with(|options| {
        options.cors_origins = vec!["https://chat.example".to_owned()];
    })
    .await;
    let from = |origin| gateway.anonymous().with_header("origin", origin);
    let preflight = async |origin| {
        let page = from(origin).with_header("access-control-request-method", "POST");
        let page = page.with_header("access-control-request-headers", "authorization,content-type");
        page.send(Method::OPTIONS, "", "", Vec::new()).await
    };
    let answer = preflight("https://chat.example").await;
    assert!(answer.status.is_success());
    assert_eq!(answer.header("access-control-allow-origin"), "https://chat.example");
    assert_eq!(answer.header("access-control-allow-methods"), "GET,POST");
    assert_eq!(answer.header("access-control-max-age"), "7200");
    assert_eq!(answer.header("access-control-allow-credentials"), "");
    let headers = answer.header("access-control-allow-headers");
    for name in ["authorization", "content-type", "ozeki-signature", "graphql-require-preflight"] {
        assert!(headers.split(',').any(|it| it == name), "{name} is not in {headers}");
    }
    for query in ["{ __typename }", "{", ""] {
        let answer = from("https://chat.example").query(query).await;
        assert_eq!(answer.header("access-control-allow-origin"), "https://chat.example");
        assert_eq!(answer.header("access-control-expose-headers"), "x-request-id,retry-after");
        assert!(answer.vary().contains(&"origin".to_owned()), "{:?}", answer.vary());
    }
    for origin in [
        "https://evil.example",
        "null",
        "http://chat.example",
        "https://chat.example.evil.example",
        "*",
    ] {
        for answer in [preflight(origin).await, from(origin).query("{ __typename }").await] {
            assert_eq!(answer.header("access-control-allow-origin"), "", "{origin}");
            assert!(answer.vary().contains(&"origin".to_owned()));
        }
    }
    // The files of the playground and the health routes are not for other sites' pages.
    let page = Caller::new(gateway.url() + "/livez").with_header("origin", "https://chat.example");
    assert_eq!(page.get("").await.header("access-control-allow-origin"), "");
}

#[tokio::test]
async fn without_a_list_no_answer_speaks_of_origins() {
    let gateway = TestGateway::start().await;
    let page = gateway.anonymous().with_header("origin", "https://chat.example");
    let preflight = page.clone().with_header("access-control-request-method", "POST");
    let preflight = preflight.send(Method::OPTIONS, "", "", Vec::new()).await;
    assert_eq!(preflight.status, 405);
    for answer in [preflight, page.query("{ __typename }").await] {
        let names = answer.headers.keys().map(http::HeaderName::as_str);
        assert_eq!(names.filter(|name| name.starts_with("access-control")).count(), 0);
        assert!(!answer.vary().contains(&"origin".to_owned()));
    }
}

#[tokio::test]
async fn every_answer_below_graphql_is_unstorable_and_every_answer_is_safe_to_show() {
    let gateway = TestGateway::start().await;
    let graphql = gateway.anonymous();
    for answer in [
        graphql.query("{ __typename }").await,
        graphql.query("{").await,
        graphql.get("").await,
        graphql.get("/nothing").await,
        graphql.send(Method::DELETE, "", "", Vec::new()).await,
        graphql.send(Method::POST, "", "text/plain", Vec::new()).await,
    ] {
        assert_eq!(answer.header("cache-control"), "private, no-store");
        assert!(answer.vary().contains(&"authorization".to_owned()), "{:?}", answer.vary());
    }
    for path in ["/livez", "/nothing", "/graphql/nothing", "/graphql"] {
        let answer = Caller::new(gateway.url() + path).get("").await;
        assert_eq!(answer.header("cache-control"), "private, no-store", "{path}");
        assert_eq!(answer.header("x-content-type-options"), "nosniff");
        assert_eq!(answer.header("x-frame-options"), "DENY");
        assert_eq!(answer.header("referrer-policy"), "no-referrer");
        assert_eq!(answer.header("cross-origin-resource-policy"), "same-origin");
        assert!(answer.header("content-security-policy").contains("frame-ancestors 'none'"));
        assert_eq!(answer.header("strict-transport-security"), "", "this is not https");
    }
}

/// Puts TLS before a server, and tells where.
async fn encrypt(pair: &Pair, target: SocketAddr) -> SocketAddr {
    let key = PrivateKeyDer::from_pem_slice(pair.key.as_bytes()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ServerConfig::builder_with_provider(provider);
    let config = config.with_safe_default_protocol_versions().unwrap().with_no_client_auth();
    let acceptor =
        TlsAcceptor::from(Arc::new(config.with_single_cert(vec![pair.der()], key).unwrap()));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let acceptor = acceptor.clone();
            tokio::spawn(async move {
                let Ok(mut stream) = acceptor.accept(stream).await else { return };
                let mut upstream = TcpStream::connect(target).await.unwrap();
                let _ = copy_bidirectional(&mut stream, &mut upstream).await;
            });
        }
    });
    address
}

#[tokio::test]
async fn an_upstream_by_https_is_asked_only_if_its_authority_is_trusted() {
    let pair = Pair::new();
    let sandbox = TestGateway::start().await;
    let address = encrypt(&pair, sandbox.ozeki_address()).await;
    let gateway = async |roots: Vec<CertificateDer<'static>>| {
        TestGateway::start_with(|options| {
            options.client.url.set_scheme("https").unwrap();
            options.client.url.set_port(Some(address.port())).unwrap();
            options.client.roots = roots;
        })
        .await
    };
    let trusting = gateway(vec![pair.der()]).await;
    assert!(!trusting.anonymous().log_in("alice-demo").await.is_empty());
    for roots in [Vec::new(), vec![Pair::new().der()]] {
        let answer = gateway(roots)
            .await
            .anonymous()
            .query("mutation { login(input: {apiKey: \"alice-demo\"}) { token } }")
            .await;
        assert_eq!(answer.codes(), [("UPSTREAM_UNAVAILABLE".to_owned(), "login".to_owned())]);
    }
}
