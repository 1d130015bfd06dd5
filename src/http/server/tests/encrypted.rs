//! Connections by TLS, over memory.

use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::super::tls::{Certificate, TlsFiles};
use super::*;

/// An HTTP/1 client of a server that shows a certificate of its own, behind their handshake.
async fn connect() -> (TlsStream<DuplexStream>, Connected) {
    let folder = tempfile::tempdir().unwrap();
    let pair = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let [certificate, key] = ["tls.crt", "tls.key"].map(|name| folder.path().join(name));
    std::fs::write(&certificate, pair.cert.pem()).unwrap();
    std::fs::write(&key, pair.signing_key.serialize_pem()).unwrap();
    let files = TlsFiles { certificate, key, reload_period: TlsFiles::RELOAD_PERIOD };
    let acceptor = Certificate::read(files).unwrap().acceptor().unwrap();
    let mut connected = Connected::by(Turns::default(), Some(acceptor));
    let stream = std::mem::replace(&mut connected.stream, duplex(1).0);
    (shake_hands(stream, pair.cert.der().clone()).await, connected)
}

async fn shake_hands(
    stream: DuplexStream,
    root: CertificateDer<'static>,
) -> TlsStream<DuplexStream> {
    let mut roots = RootCertStore::empty();
    roots.add(root).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider);
    let config = config.with_safe_default_protocol_versions().unwrap();
    let mut config = config.with_root_certificates(roots).with_no_client_auth();
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    let name = ServerName::try_from("localhost").unwrap();
    TlsConnector::from(Arc::new(config)).connect(name, stream).await.unwrap()
}

/// How a client tells that it sends no more.
#[derive(Clone, Copy, Debug)]
enum End {
    /// As TLS demands.
    Told,
    /// By closing its side of the connection only.
    Cut,
}

async fn ask(path: &str, end: End) -> (TlsStream<DuplexStream>, Connected) {
    let (mut stream, connected) = connect().await;
    let head = format!("GET {path} HTTP/1.1\r\nhost: a\r\n\r\n");
    stream.write_all(head.as_bytes()).await.unwrap();
    stream.flush().await.unwrap();
    match end {
        End::Told => stream.shutdown().await.unwrap(),
        End::Cut => stream.get_mut().0.shutdown().await.unwrap(),
    }
    (stream, connected)
}

#[tokio::test(start_paused = true)]
async fn an_encrypted_client_that_sends_no_more_gets_its_answer_if_that_is_there_soon() {
    for end in [End::Told, End::Cut] {
        for (path, last) in [("/", "small"), ("/large", "xxx"), ("/held", "released")] {
            let (mut stream, mut connected) = ask(path, end).await;
            sleep(SECOND / 4).await;
            connected.release.notify_one();
            let mut text = String::new();
            let read = stream.read_to_string(&mut text).await;
            assert!(text.starts_with("HTTP/1.1 200 ") && text.ends_with(last), "{end:?} {path}");
            assert!(path != "/large" || text.len() > LARGE_BYTES, "{}", text.len());
            // The server tells its own end as TLS demands.
            assert!(read.is_ok(), "{end:?} {path} {read:?}");
            assert_eq!(connected.kept_for().await, Duration::ZERO);
        }
        // This one has gone, for all that is known.
        let (_stream, mut gone) = ask("/held", end).await;
        assert_eq!(gone.kept_for().await, HALF_CLOSED_MAX);
        // Who takes it slowly has not gone, and who takes nothing is not waited for.
        let (mut slow, _connected) = ask("/large", end).await;
        let mut taken = 0;
        while let Ok(count @ 1..) = slow.read(&mut vec![0; 20 * 1024]).await {
            taken += count;
            sleep(SECOND).await;
        }
        assert!(taken > LARGE_BYTES, "{end:?} {taken}");
        let (_stream, mut stalled) = ask("/large", end).await;
        assert_eq!(stalled.kept_for().await.as_secs(), 30, "{end:?}");
    }
}
