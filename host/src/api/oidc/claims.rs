//! What a token says of its bearer.
//!
//! In: checked claims. Out: who signs in. Never: an e-mail address that nobody verified as a name.

use serde::Deserialize;
use serde_json::{Map, Value};

use super::Settings;
use crate::registry::{Name, SignIn};

/// Groups of one token that are looked at.
const GROUPS: usize = 200;

/// Longest subject [characters]: OpenID Connect's own limit.
const SUBJECT_LENGTH: usize = 255;

/// The claims, checked by signature, issuer, audience and time.
#[derive(Deserialize)]
pub struct Claims {
    iss: String,
    sub: String,
    exp: f64,
    #[serde(flatten)]
    others: Map<String, Value>,
}

/// Who signs in.
///
/// # Errors
/// What the token lacks, in words.
pub fn sign_in(settings: &Settings, claims: Claims) -> Result<SignIn, String> {
    // The library also takes a list that holds the issuer.
    if claims.iss != settings.issuer {
        return Err("another issuer made it".to_owned());
    }
    if claims.sub.is_empty() || claims.sub.chars().count() > SUBJECT_LENGTH {
        return Err("it names no subject".to_owned());
    }
    let name = name(settings, &claims)?;
    let groups = settings.groups_claim.as_ref();
    let groups = groups.map(|claim| groups_in(at(&claims.others, claim)));
    Ok(SignIn {
        issuer: claims.iss,
        name,
        groups,
        #[allow(
            clippy::cast_possible_truncation,
            reason = "a cast keeps within the bounds of i64"
        )]
        expires_ms: (claims.exp * 1e3) as i64,
        subject: claims.sub,
    })
}

/// The user's name: the claim as it is, where it is a name, else the nearest name to it: lower case, with
/// hyphens. Two people may be near one name; the registry tells them apart by their subject.
fn name(settings: &Settings, claims: &Claims) -> Result<Name, String> {
    let claim = &settings.user_claim;
    let given = match claim.as_str() {
        "sub" => Some(claims.sub.as_str()),
        claim => at(&claims.others, claim).and_then(Value::as_str),
    };
    let given =
        given.ok_or_else(|| format!("it has no claim `{claim}`, which is to name the user"))?;
    if claim == "email" && claims.others.get("email_verified") != Some(&Value::Bool(true)) {
        return Err("nobody verified its e-mail address".to_owned());
    }
    Name::parse(given).or_else(|error| {
        let nearest = error
            .suggestion
            .and_then(|nearest| Name::parse(&nearest).ok());
        nearest.ok_or_else(|| format!("its `{claim}` cannot be a user's name"))
    })
}

/// Names of groups; Keycloak writes them as paths.
fn groups_in(claim: Option<&Value>) -> Vec<String> {
    let names = claim
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .filter_map(Value::as_str);
    names
        .take(GROUPS)
        .map(|name| name.trim_start_matches('/').to_owned())
        .collect()
}

/// The claim at a path: `realm_access.roles` lies in `realm_access`. A claim may have dots in its name,
/// as addresses have.
fn at<'a>(claims: &'a Map<String, Value>, path: &str) -> Option<&'a Value> {
    if let Some(value) = claims.get(path) {
        return Some(value);
    }
    let mut parts = path.split('.');
    let first = claims.get(parts.next()?)?;
    parts.try_fold(first, |value, part| value.get(part))
}
