//! TLS with a certificate of the test's own.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName};
use tokio_rustls::rustls::{ClientConfig, RootCertStore};

use super::limits::served;
use crate::api::{Server, Settings, tls};
use crate::client::Trusted;

/// Writes a certificate for `name` and its key.
fn certify(folder: &Path, name: &str) -> CertificateDer<'static> {
    let made = rcgen::generate_simple_self_signed([name.to_owned()]).unwrap();
    std::fs::write(folder.join("certificate.pem"), made.cert.pem()).unwrap();
    std::fs::write(folder.join("key.pem"), made.signing_key.serialize_pem()).unwrap();
    made.cert.der().clone()
}

fn settings(folder: &Path) -> Settings {
    Settings {
        tls: Some(tls::Settings {
            certificate: folder.join("certificate.pem"),
            key: folder.join("key.pem"),
        }),
        ..Settings::default()
    }
}

fn connector(trusted: CertificateDer<'static>) -> TlsConnector {
    let mut roots = RootCertStore::empty();
    roots.add(trusted).unwrap();
    let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    TlsConnector::from(Arc::new(config))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_interface_speaks_tls_with_those_who_trust_its_certificate() {
    let folder = tempfile::tempdir().unwrap();
    let trusted = certify(folder.path(), "localhost");
    let (address, stop, task, _registry) = served(settings(folder.path())).await;
    let name = ServerName::try_from("localhost").unwrap();

    let stream = TcpStream::connect(address).await.unwrap();
    let mut stream = connector(trusted.clone())
        .connect(name.clone(), stream)
        .await
        .unwrap();
    stream
        .write_all(b"GET /livez HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n")
        .await
        .unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    assert!(
        answer.contains("strict-transport-security: max-age="),
        "{answer}"
    );

    let other = tempfile::tempdir().unwrap();
    let distrusting = connector(certify(other.path(), "localhost"));
    let stream = TcpStream::connect(address).await.unwrap();
    assert!(distrusting.connect(name, stream).await.is_err());

    // Whoever speaks no TLS gets no answer, and nobody else is hurt.
    let mut plain = TcpStream::connect(address).await.unwrap();
    plain
        .write_all(b"GET /livez HTTP/1.1\r\nhost: x\r\n\r\n")
        .await
        .unwrap();
    let mut answer = Vec::new();
    _ = plain.read_to_end(&mut answer).await;
    assert!(!answer.starts_with(b"HTTP"));
    stop.send(()).unwrap();
    task.await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_does_not_shake_hands_is_cut_off() {
    let folder = tempfile::tempdir().unwrap();
    certify(folder.path(), "localhost");
    let settings = Settings {
        head_ms: 300,
        ..settings(folder.path())
    };
    let (address, _stop, _task, _registry) = served(settings).await;
    let mut silent = TcpStream::connect(address).await.unwrap();
    let mut nothing = Vec::new();
    let end = tokio::time::timeout(Duration::from_secs(10), silent.read_to_end(&mut nothing)).await;
    assert!(end.is_ok() && nothing.is_empty());
}

#[tokio::test]
async fn wrong_files_are_named_before_anything_starts() {
    let (folder, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let refused = async |settings: &Settings| match Server::bind(settings).await {
        Err(error) => error.to_string(),
        Ok(_) => panic!("a wrong certificate was taken"),
    };
    let settings = Settings {
        listen: "127.0.0.1:0".to_owned(),
        ..settings(folder.path())
    };
    assert!(refused(&settings).await.contains("api.tls.certificate"));
    certify(folder.path(), "localhost");
    std::fs::write(folder.path().join("key.pem"), "no key").unwrap();
    assert!(refused(&settings).await.contains("api.tls.key"));
    // A key that belongs to another certificate.
    certify(other.path(), "localhost");
    std::fs::copy(other.path().join("key.pem"), folder.path().join("key.pem")).unwrap();
    assert!(refused(&settings).await.contains("api.tls.key"));
    std::fs::write(folder.path().join("certificate.pem"), "").unwrap();
    assert!(refused(&settings).await.contains("holds no certificate"));
}

#[test]
fn a_renewed_certificate_is_used_and_a_broken_one_is_not() {
    let folder = tempfile::tempdir().unwrap();
    certify(folder.path(), "localhost");
    let settings = settings(folder.path()).tls.unwrap();
    let tls = tls::Tls::open(&settings).unwrap();
    assert!(!tls.look_again());
    let later = std::time::SystemTime::now() + Duration::from_secs(5);
    let touch = |name: &str| {
        let file = std::fs::File::options()
            .append(true)
            .open(folder.path().join(name))
            .unwrap();
        file.set_modified(later).unwrap();
    };
    std::fs::write(&settings.certificate, "broken").unwrap();
    touch("certificate.pem");
    assert!(!tls.look_again());
    certify(folder.path(), "localhost");
    touch("key.pem");
    assert!(tls.look_again());
    assert!(!tls.look_again());
}

/// The client of the OpenID Connect issuer believes whom the file vouches for, and nobody else.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn documents_come_from_whom_the_file_vouches_for() {
    let (folder, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    certify(folder.path(), "localhost");
    certify(other.path(), "localhost");
    let (address, _stop, _task, _registry) = served(settings(folder.path())).await;
    let get = async |vouching: Option<PathBuf>, path: &str| {
        let address = format!("https://localhost:{}{path}", address.port());
        let client = Trusted::new(vouching.as_deref(), true).unwrap();
        tokio::task::spawn_blocking(move || client.get(&address))
            .await
            .unwrap()
    };
    let vouching = Some(folder.path().join("certificate.pem"));
    assert_eq!(
        get(vouching.clone(), "/livez").await.unwrap(),
        br#"{"status":"alive"}"#
    );
    assert!(get(vouching, "/nowhere").await.unwrap_err().contains("404"));
    assert!(
        get(Some(other.path().join("certificate.pem")), "/livez")
            .await
            .is_err()
    );
    assert!(get(None, "/livez").await.is_err());
    let key = folder.path().join("key.pem");
    assert!(
        Trusted::new(Some(&key), true)
            .err()
            .unwrap()
            .contains("no certificate")
    );
}
