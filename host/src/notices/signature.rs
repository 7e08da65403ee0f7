//! Signatures of webhooks, as Standard Webhooks 1.0 says (standardwebhooks.com). Pure but for keys.
//!
//! In: a key, the id of a notice, an instant, a body. Out: the header `webhook-signature`. Never: the
//! key in a header.

use base64ct::{Base64, Encoding};
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

/// How a key begins, so that libraries and secret scanners recognize one.
const KEY_PREFIX: &str = "whsec_";

/// Chance in a key [bytes].
const KEY_BYTES: usize = 32;

/// A new key, as its owner keeps it.
///
/// # Errors
/// When the system gives no chance.
pub fn new_key() -> Result<String, getrandom::Error> {
    let mut bytes = [0; KEY_BYTES];
    getrandom::fill(&mut bytes)?;
    Ok(format!("{KEY_PREFIX}{}", Base64::encode_string(&bytes)))
}

/// `v1,` and the HMAC-SHA256 of `id.timestamp.body`, in base64. None where the key is none of ours.
#[must_use]
pub fn sign(key: &str, id: &str, timestamp_s: i64, body: &str) -> Option<String> {
    let key = Base64::decode_vec(key.strip_prefix(KEY_PREFIX)?).ok()?;
    let mut mac = Hmac::<Sha256>::new_from_slice(&key).ok()?;
    mac.update(format!("{id}.{timestamp_s}.{body}").as_bytes());
    let signature = mac.finalize().into_bytes();
    Some(format!("v1,{}", Base64::encode_string(&signature)))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    /// The example of the specification.
    #[test]
    fn signs_as_the_specification_does() {
        let key = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
        let (id, body) = ("msg_p5jXN8AQM9LWM0D4loKWxJek", r#"{"test": 2432232314}"#);
        assert_eq!(
            sign(key, id, 1_614_265_330, body).unwrap(),
            "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
        );
        assert_eq!(sign("whsec_%", id, 0, body), None);
        assert_eq!(sign("MfKQ", id, 0, body), None);
    }

    #[test]
    fn keys_differ() {
        let (one, other) = (new_key().unwrap(), new_key().unwrap());
        assert!(one.starts_with("whsec_") && one != other);
        assert!(sign(&one, "a", 1, "{}").is_some());
    }
}
