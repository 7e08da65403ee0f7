//! Documents of a server that the configuration names.
//!
//! In: an address that its caller has judged. Out: the document, within a bounded time and size. Never: a
//! redirect that is followed, or a server for which nobody vouches.

use std::fmt::Display;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use ureq::tls::{Certificate, PemItem, RootCerts, TlsConfig, parse_pem};

/// Longest time for one document.
const WAIT: Duration = Duration::from_secs(5);

/// Greatest document [bytes].
const DOCUMENT_BYTES: u64 = 256 << 10;

/// A way to a server that an administrator trusts.
pub struct Trusted {
    agent: ureq::Agent,
}

impl Trusted {
    /// Trusts those for whom the certificates in the PEM file `vouching` vouch; without a file, those for
    /// whom this machine's do. Goes through the environment's proxy, unless `direct`.
    ///
    /// # Errors
    /// What is wrong with the file, in words.
    pub fn new(vouching: Option<&Path>, direct: bool) -> Result<Self, String> {
        let roots = vouching.map_or(Ok(RootCerts::PlatformVerifier), roots)?;
        let mut config = ureq::Agent::config_builder()
            .timeout_global(Some(WAIT))
            .max_redirects(0)
            .user_agent("skysieve")
            .tls_config(TlsConfig::builder().root_certs(roots).build());
        if direct {
            config = config.proxy(None);
        }
        Ok(Self {
            agent: config.build().new_agent(),
        })
    }

    /// The document at `address`. Blocks the thread it runs on.
    ///
    /// # Errors
    /// Why there is none, in words for the log.
    pub fn get(&self, address: &str) -> Result<Vec<u8>, String> {
        let wrong = |error: &dyn Display| format!("{address}: {error}");
        let mut answer = self
            .agent
            .get(address)
            .call()
            .map_err(|error| wrong(&error))?;
        if answer.status() != 200 {
            return Err(wrong(&answer.status()));
        }
        let body = answer.body_mut().with_config().limit(DOCUMENT_BYTES);
        body.read_to_vec().map_err(|error| wrong(&error))
    }
}

fn roots(path: &Path) -> Result<RootCerts, String> {
    let wrong = |error: &dyn Display| format!("{:?}: {error}", path.display().to_string());
    let text = std::fs::read(path).map_err(|error| wrong(&error))?;
    let mut certificates: Vec<Certificate<'static>> = Vec::new();
    for item in parse_pem(&text) {
        if let PemItem::Certificate(one) = item.map_err(|error| wrong(&error))? {
            certificates.push(one);
        }
    }
    if certificates.is_empty() {
        return Err(wrong(&"it holds no certificate"));
    }
    Ok(RootCerts::Specific(Arc::new(certificates)))
}
