//! TLS: the certificate, and connections that are shaken hands with.
//!
//! In: a certificate and its key, as PEM files. Out: connections over TLS. Never: a key in a log, or a
//! restart for a renewed certificate.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use tokio::io::{AsyncRead, AsyncWrite};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::server::TlsStream;

/// How often the files are looked at for a renewal.
const LOOK: Duration = Duration::from_secs(60);

/// A certificate and its key.
#[derive(Debug, Clone, PartialEq, Eq, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// PEM file with the certificate and those that vouch for it.
    pub certificate: PathBuf,
    /// PEM file with the private key.
    pub key: PathBuf,
}

/// Shakes hands with clients.
pub struct Tls {
    settings: Settings,
    current: Mutex<Current>,
}

struct Current {
    acceptor: TlsAcceptor,
    written: Option<[SystemTime; 2]>,
    looked: Instant,
}

impl Tls {
    /// Reads the files.
    ///
    /// # Errors
    /// What is wrong with them, in words.
    pub fn open(settings: &Settings) -> Result<Self, String> {
        let current = Current {
            acceptor: acceptor(settings)?,
            written: written(settings),
            looked: Instant::now(),
        };
        Ok(Self {
            settings: settings.clone(),
            current: Mutex::new(current),
        })
    }

    /// Shakes hands, within `limit`; none where the client does not.
    pub async fn shake<S: AsyncRead + AsyncWrite + Unpin>(
        &self,
        stream: S,
        limit: Duration,
    ) -> Option<TlsStream<S>> {
        let hands = self.acceptor().accept(stream);
        tokio::time::timeout(limit, hands).await.ok()?.ok()
    }

    /// With the certificate as it is now: files that were written again are read again. What cannot
    /// be read leaves the one that is in use.
    fn acceptor(&self) -> TlsAcceptor {
        let mut current = self.current.lock().unwrap_or_else(PoisonError::into_inner);
        if current.looked.elapsed() >= LOOK {
            current.looked = Instant::now();
            self.renew(&mut current);
        }
        current.acceptor.clone()
    }

    /// True where the files hold another certificate, which is used from now on.
    fn renew(&self, current: &mut Current) -> bool {
        let written = written(&self.settings);
        if written.is_none() || written == current.written {
            return false;
        }
        match acceptor(&self.settings) {
            Ok(acceptor) => {
                current.acceptor = acceptor;
                current.written = written;
                tracing::info!("the certificate was read again");
                true
            }
            Err(reason) => {
                tracing::warn!(reason, "the new certificate cannot be used yet");
                false
            }
        }
    }

    /// Looks at the files now.
    #[cfg(test)]
    pub fn look_again(&self) -> bool {
        self.renew(&mut self.current.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

fn written(settings: &Settings) -> Option<[SystemTime; 2]> {
    let of = |path: &PathBuf| std::fs::metadata(path).ok()?.modified().ok();
    Some([of(&settings.certificate)?, of(&settings.key)?])
}

fn acceptor(settings: &Settings) -> Result<TlsAcceptor, String> {
    let file = |name: &str, path: &PathBuf, error: &dyn std::fmt::Display| {
        format!("api.tls.{name} = {:?}: {error}", path.display().to_string())
    };
    let certificates = CertificateDer::pem_file_iter(&settings.certificate)
        .and_then(Iterator::collect::<Result<Vec<_>, _>>)
        .map_err(|error| file("certificate", &settings.certificate, &error))?;
    if certificates.is_empty() {
        return Err(file(
            "certificate",
            &settings.certificate,
            &"it holds no certificate",
        ));
    }
    let key = PrivateKeyDer::from_pem_file(&settings.key)
        .map_err(|error| file("key", &settings.key, &error))?;
    let provider = Arc::new(ring::default_provider());
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .and_then(|builder| {
            builder
                .with_no_client_auth()
                .with_single_cert(certificates, key)
        })
        .map_err(|error| file("key", &settings.key, &error))?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(TlsAcceptor::from(Arc::new(config)))
}
