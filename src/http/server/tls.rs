//! The certificate that the gateway shows, read anew when its files change.

use std::io::{self, Read as _};
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use rustls::ServerConfig;
use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;
use zeroize::Zeroizing;

/// What a client may choose: HTTP/2 first.
const PROTOCOLS: [&[u8]; 2] = [b"h2", b"http/1.1"];

/// A chain of a dozen certificates; a larger file is something else.
const FILE_MAX_BYTES: u64 = 256 * 1024;

/// Where the certificate and its key are, in PEM.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlsFiles {
    /// The certificate, and behind it those that lead to a root.
    pub certificate: PathBuf,
    /// The private key: PKCS#8, PKCS#1 or SEC1, not encrypted.
    pub key: PathBuf,
    /// How often the files are looked at.
    pub reload_period: Duration,
}

impl TlsFiles {
    /// Renewed certificates come days before the old ones end: half a minute is soon enough, and two small files are
    /// read in no time.
    pub const RELOAD_PERIOD: Duration = Duration::from_secs(30);

    /// Reads both files and looks whether they belong together.
    ///
    /// # Errors
    ///
    /// [`TlsError`] says which file is wrong and how.
    pub fn check(&self) -> Result<(), TlsError> {
        Pair::read(self)?.certified().map(|_| ())
    }
}

/// The gateway cannot show a certificate. The text names files and holds nothing of them.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// A file cannot be read.
    #[error("the file {} of {what} cannot be read", path.display())]
    Unreadable {
        /// `tls_cert` or `tls_key`.
        what: &'static str,
        /// The file.
        path: PathBuf,
        /// Why not.
        #[source]
        source: io::Error,
    },
    /// A file holds no such thing in PEM.
    #[error("the file {} of {what} holds no {expected} in PEM", path.display())]
    NotPem {
        /// `tls_cert` or `tls_key`.
        what: &'static str,
        /// The file.
        path: PathBuf,
        /// What should be there.
        expected: &'static str,
    },
    /// The key is not the certificate's, or of a kind that is not supported.
    #[error("tls_cert and tls_key cannot be used together")]
    Mismatch(#[source] rustls::Error),
}

/// What both files hold.
#[derive(PartialEq, Eq)]
struct Pair {
    certificate: Vec<u8>,
    key: Zeroizing<Vec<u8>>,
    files: TlsFiles,
}

impl Pair {
    fn read(files: &TlsFiles) -> Result<Self, TlsError> {
        let read = |what, path: &Path| {
            let unreadable = |source| TlsError::Unreadable { what, path: path.to_owned(), source };
            read_bounded(path).map_err(unreadable)
        };
        let certificate = read("tls_cert", &files.certificate)?;
        let key = Zeroizing::new(read("tls_key", &files.key)?);
        Ok(Self { certificate, key, files: files.clone() })
    }

    fn certified(&self) -> Result<CertifiedKey, TlsError> {
        let not_certificate = || TlsError::NotPem {
            what: "tls_cert",
            path: self.files.certificate.clone(),
            expected: "certificate",
        };
        let chain: Vec<CertificateDer<'static>> = CertificateDer::pem_slice_iter(&self.certificate)
            .collect::<Result<_, _>>()
            .map_err(|_| not_certificate())?;
        if chain.is_empty() {
            return Err(not_certificate());
        }
        let key = PrivateKeyDer::from_pem_slice(&self.key).map_err(|_| TlsError::NotPem {
            what: "tls_key",
            path: self.files.key.clone(),
            expected: "private key (unencrypted)",
        })?;
        CertifiedKey::from_der(chain, key, &provider()).map_err(TlsError::Mismatch)
    }
}

fn provider() -> CryptoProvider {
    rustls::crypto::ring::default_provider()
}

fn read_bounded(path: &Path) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    std::fs::File::open(path)?.take(FILE_MAX_BYTES + 1).read_to_end(&mut bytes)?;
    if u64::try_from(bytes.len()).is_ok_and(|length| length > FILE_MAX_BYTES) {
        return Err(io::ErrorKind::FileTooLarge.into());
    }
    Ok(bytes)
}

/// The certificate in use, and what the files held when they were last looked at.
pub(super) struct Certificate {
    files: TlsFiles,
    seen: Option<Pair>,
    shown: Arc<Shown>,
}

#[derive(Debug)]
struct Shown(RwLock<Arc<CertifiedKey>>);

impl ResolvesServerCert for Shown {
    fn resolve(&self, _client_hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(Arc::clone(&self.0.read().unwrap_or_else(PoisonError::into_inner)))
    }
}

impl Certificate {
    pub(super) fn read(files: TlsFiles) -> Result<Self, TlsError> {
        let pair = Pair::read(&files)?;
        let shown = Arc::new(Shown(RwLock::new(Arc::new(pair.certified()?))));
        Ok(Self { files, seen: Some(pair), shown })
    }

    /// Accepts connections with whatever certificate is in use then, by TLS 1.2 or 1.3.
    pub(super) fn acceptor(&self) -> Result<TlsAcceptor, TlsError> {
        let builder = ServerConfig::builder_with_provider(Arc::new(provider()));
        let builder = builder.with_safe_default_protocol_versions().map_err(TlsError::Mismatch)?;
        let resolver = Arc::clone(&self.shown);
        let mut config = builder.with_no_client_auth().with_cert_resolver(resolver);
        config.alpn_protocols = PROTOCOLS.map(<[u8]>::to_vec).to_vec();
        Ok(TlsAcceptor::from(Arc::new(config)))
    }

    /// Looks at the files from time to time; a pair that cannot be used is told once and leaves the old one in use.
    ///
    /// Looking works wherever files come from: mounted secrets are replaced by links, and nobody sends a signal then.
    pub(super) async fn follow(mut self, stop: CancellationToken) {
        let period = self.files.reload_period;
        while stop.run_until_cancelled(tokio::time::sleep(period)).await.is_some() {
            let looking = tokio::task::spawn_blocking(move || {
                self.look();
                self
            });
            // It only reads and parses; if that panicked, the certificate in use stays.
            let Ok(looked) = looking.await else { return };
            self = looked;
        }
    }

    fn look(&mut self) {
        let pair = match Pair::read(&self.files) {
            Ok(pair) => pair,
            Err(error) => {
                // Told once: what is there next is news again.
                if self.seen.take().is_some() {
                    tell(&error);
                }
                return;
            }
        };
        if self.seen.as_ref() == Some(&pair) {
            return;
        }
        match pair.certified() {
            Ok(certified) => {
                *self.shown.0.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(certified);
                tracing::info!("the TLS certificate was read anew");
            }
            Err(error) => tell(&error),
        }
        self.seen = Some(pair);
    }
}

fn tell(error: &TlsError) {
    let cause = std::error::Error::source(error).map(ToString::to_string);
    tracing::error!(%error, cause, "the changed TLS files cannot be used; the old ones stay in use");
}

#[cfg(test)]
mod tests {
    use super::*;

    fn write(folder: &Path) -> CertificateDer<'static> {
        let pair = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
        std::fs::write(folder.join("tls.crt"), pair.cert.pem()).unwrap();
        std::fs::write(folder.join("tls.key"), pair.signing_key.serialize_pem()).unwrap();
        pair.cert.der().clone()
    }

    fn files(folder: &Path) -> TlsFiles {
        let [certificate, key] = ["tls.crt", "tls.key"].map(|name| folder.join(name));
        TlsFiles { certificate, key, reload_period: TlsFiles::RELOAD_PERIOD }
    }

    #[test]
    fn a_changed_pair_is_taken_and_a_broken_one_leaves_the_old_in_use() {
        let folder = tempfile::tempdir().unwrap();
        let first = write(folder.path());
        let mut certificate = Certificate::read(files(folder.path())).unwrap();
        let mut look = || {
            certificate.look();
            certificate.shown.0.read().unwrap().cert[0].clone()
        };
        assert_eq!(look(), first);
        let second = write(folder.path());
        assert_eq!(look(), second);
        let [crt, key] = ["tls.crt", "tls.key"].map(|name| folder.path().join(name));
        let other = tempfile::tempdir().unwrap();
        write(other.path());
        let of_another_key = std::fs::read(other.path().join("tls.crt")).unwrap();
        let damaged = b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
        let too_large = vec![b'x'; 300 * 1024];
        for broken in [&b""[..], damaged, &of_another_key, &too_large] {
            std::fs::write(&crt, broken).unwrap();
            assert_eq!(look(), second);
        }
        std::fs::remove_file(&key).unwrap();
        assert_eq!(look(), second);
        let third = write(folder.path());
        assert_eq!(look(), third);
    }

    #[test]
    fn what_cannot_be_used_is_told_by_the_setting_and_the_file() {
        let (folder, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        write(folder.path());
        write(other.path());
        let good = files(folder.path());
        assert!(good.check().is_ok());
        let told = |files: TlsFiles| {
            let error = files.check().unwrap_err();
            let told = error.to_string();
            assert!(!told.contains("BEGIN"), "{told}");
            told
        };
        let key = other.path().join("tls.key");
        assert_eq!(
            told(TlsFiles { key, ..good.clone() }),
            "tls_cert and tls_key cannot be used together"
        );
        let absent = folder.path().join("absent");
        assert!(
            told(TlsFiles { key: absent.clone(), ..good.clone() })
                .ends_with("of tls_key cannot be read")
        );
        assert!(
            told(TlsFiles { certificate: absent, ..good.clone() })
                .ends_with("of tls_cert cannot be read")
        );
        let swapped = TlsFiles { certificate: good.key.clone(), ..good.clone() };
        assert!(told(swapped).contains("of tls_cert holds no certificate in PEM"));
        let swapped = TlsFiles { key: good.certificate.clone(), ..good };
        assert!(told(swapped).contains("of tls_key holds no private key"));
    }
}
