//! The issuer's public keys: fetched, kept, looked at again.
//!
//! In: the id of a key. Out: the key. Never: a key for signing with a shared secret, a short one, or more
//! looks at the issuer than bounded, whatever ids tokens name.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, Instant};

use jsonwebtoken::jwk::{AlgorithmParameters, EllipticCurve, Jwk, KeyAlgorithm, PublicKeyUse};
use jsonwebtoken::{Algorithm, DecodingKey};
use tokio::sync::Mutex;

use super::super::error::{Kind, Problem};
use super::refuse;
use super::web::Web;

/// After so long keys are looked at again, so that one that was withdrawn ends.
const RENEWED: Duration = Duration::from_hours(1);

/// For so long keys are good while the issuer is away.
const KEPT: Duration = Duration::from_hours(12);

/// Keys of an issuer that are read.
const KEYS: usize = 100;

/// Shortest modulus of an RSA key [base64 characters]: 2048 bits.
const RSA_CHARACTERS: usize = 342;

/// A key, and the one algorithm that it is good for.
#[derive(Clone)]
pub struct Key {
    /// The key.
    pub key: DecodingKey,
    /// RS256 or ES256.
    pub algorithm: Algorithm,
}

struct Read {
    keys: HashMap<String, Key>,
    at: Instant,
}

/// The keys as they are known.
pub struct Keys {
    web: Arc<Web>,
    floor: Duration,
    read: RwLock<Option<Arc<Read>>>,
    /// When they were last looked for; whoever holds it is looking.
    looked: Mutex<Option<Instant>>,
}

impl Keys {
    /// No keys yet.
    pub fn new(web: Web, floor: Duration) -> Self {
        Self {
            web: Arc::new(web),
            floor,
            read: RwLock::new(None),
            looked: Mutex::new(None),
        }
    }

    /// The key of this id.
    ///
    /// # Errors
    /// Unauthorized where the issuer has none, `IssuerUnavailable` where that is not known.
    pub async fn key(&self, id: &str) -> Result<Key, Problem> {
        let known = self.known();
        let age = known.as_ref().map(|read| read.at.elapsed());
        let has = known.is_some_and(|read| read.keys.contains_key(id));
        match age {
            Some(age) if has && age < RENEWED => {}
            // Somebody looks, everybody else goes on with what there is.
            Some(age) if has && age < KEPT => {
                if let Ok(mut looked) = self.looked.try_lock() {
                    self.look(&mut looked).await;
                }
            }
            _ => {
                let mut looked = self.looked.lock().await;
                if self
                    .known()
                    .is_none_or(|read| !read.keys.contains_key(id) || read.at.elapsed() > KEPT)
                {
                    self.look(&mut looked).await;
                }
            }
        }
        let Some(read) = self.known().filter(|read| read.at.elapsed() < KEPT) else {
            return Err(Problem::new(
                Kind::IssuerUnavailable,
                "the issuer's keys cannot be read now",
            )
            .advise("try again in a few seconds, or use a token of this host (`sksv_...`)"));
        };
        read.keys
            .get(id)
            .cloned()
            .ok_or_else(|| refuse("its key is not the issuer's"))
    }

    fn known(&self) -> Option<Arc<Read>> {
        self.read
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// Asks the issuer, but not sooner than `floor` after the last time.
    async fn look(&self, looked: &mut Option<Instant>) {
        if looked.is_some_and(|at| at.elapsed() < self.floor) {
            return;
        }
        *looked = Some(Instant::now());
        let web = self.web.clone();
        let keys = tokio::task::spawn_blocking(move || web.keys()).await;
        match keys
            .map_err(|error| error.to_string())
            .and_then(|keys| keys)
        {
            Ok(keys) => {
                let usable = keys.keys.iter().take(KEYS).filter_map(usable);
                let read = Read {
                    keys: usable.collect(),
                    at: Instant::now(),
                };
                *self.read.write().unwrap_or_else(PoisonError::into_inner) = Some(Arc::new(read));
            }
            Err(reason) => tracing::warn!(reason, "the issuer's keys cannot be read"),
        }
    }
}

/// A key for signatures that has an id and is of a kind that is taken.
fn usable(jwk: &Jwk) -> Option<(String, Key)> {
    let id = jwk.common.key_id.clone()?;
    if !matches!(
        jwk.common.public_key_use,
        None | Some(PublicKeyUse::Signature)
    ) {
        return None;
    }
    let algorithm = match &jwk.algorithm {
        AlgorithmParameters::RSA(key) if key.n.trim_end_matches('=').len() >= RSA_CHARACTERS => {
            Algorithm::RS256
        }
        AlgorithmParameters::EllipticCurve(key) if key.curve == EllipticCurve::P256 => {
            Algorithm::ES256
        }
        _ => return None,
    };
    let named = jwk.common.key_algorithm;
    if named.is_some_and(|named| named != KeyAlgorithm::from(algorithm)) {
        return None;
    }
    let key = DecodingKey::from_jwk(jwk).ok()?;
    Some((id, Key { key, algorithm }))
}
