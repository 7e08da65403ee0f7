//! The issuer's documents, over the network.
//!
//! In: the issuer's address. Out: its keys. Never: another host's word for it, a redirection, or a
//! document or a wait without an end.

use jsonwebtoken::jwk::JwkSet;
use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::Settings;
use crate::client::Trusted;

/// A way to the issuer.
pub struct Web {
    issuer: String,
    client: Trusted,
}

/// What the issuer says of itself.
#[derive(Deserialize)]
struct Discovery {
    issuer: String,
    jwks_uri: String,
}

impl Web {
    /// Reads the certificates that vouch for the issuer.
    ///
    /// # Errors
    /// What is wrong with them, in words.
    pub fn new(settings: &Settings) -> Result<Self, String> {
        let client = Trusted::new(
            settings.ca_certificate.as_deref(),
            is_here(&settings.issuer),
        );
        Ok(Self {
            issuer: settings.issuer.clone(),
            client: client.map_err(|error| format!("api.oidc.ca_certificate = {error}"))?,
        })
    }

    /// The issuer's keys. Blocks the thread it runs on.
    ///
    /// # Errors
    /// What went wrong, in words for the log.
    pub fn keys(&self) -> Result<JwkSet, String> {
        let base = self.issuer.trim_end_matches('/');
        let discovery: Discovery =
            self.document(&format!("{base}/.well-known/openid-configuration"))?;
        if discovery.issuer != self.issuer {
            return Err(format!(
                "{} says that it is {:?}; write api.oidc.issuer as it does",
                self.issuer, discovery.issuer
            ));
        }
        if !may_be_asked(&discovery.jwks_uri, &self.issuer) {
            return Err(format!(
                "{:?} is no safe place for keys",
                discovery.jwks_uri
            ));
        }
        self.document(&discovery.jwks_uri)
    }

    fn document<T: DeserializeOwned>(&self, address: &str) -> Result<T, String> {
        let text = self.client.get(address)?;
        serde_json::from_slice(&text).map_err(|error| format!("{address}: {error}"))
    }
}

/// Whether an address of `issuer` may be asked: over TLS, or on this machine where the issuer is, too.
#[must_use]
pub fn may_be_asked(address: &str, issuer: &str) -> bool {
    let far = address
        .strip_prefix("https://")
        .is_some_and(|rest| !rest.starts_with('/') && !rest.is_empty());
    far || (is_here(address) && is_here(issuer))
}

/// Whether an address without TLS is this machine's own.
fn is_here(address: &str) -> bool {
    let rest = address.strip_prefix("http://").unwrap_or_default();
    let host = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let host = match host.strip_prefix('[') {
        Some(six) => six.split(']').next().unwrap_or_default(),
        None => host.split(':').next().unwrap_or_default(),
    };
    !rest.contains('@') && matches!(host, "127.0.0.1" | "::1" | "localhost")
}
