//! OpenID Connect: tokens of an issuer that this host trusts.
//!
//! In: a bearer token that is none of ours. Out: whom the issuer vouches for. Never: a token that
//! another key, algorithm, issuer or audience made, or one that ended.

mod claims;
mod keys;
mod web;

use std::path::PathBuf;
use std::time::Duration;

use jsonwebtoken::errors::ErrorKind;
use jsonwebtoken::{Validation, decode, decode_header};

use super::error::{Kind, Problem};
use crate::registry::{Admission, SignIn};
use claims::Claims;
use keys::Keys;

/// Longest token [bytes].
const TOKEN_BYTES: usize = 16 << 10;

/// Clocks may differ by so much [s].
const LEEWAY_S: u64 = 60;

/// Least time between two looks for a key that is not known.
const FLOOR: Duration = Duration::from_secs(30);

/// An issuer whose tokens are taken.
#[derive(Debug, Clone, PartialEq, Eq, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// As its tokens name it; its documents are looked for below it.
    pub issuer: String,
    /// As its tokens name this host.
    pub audience: String,
    /// The claim with the name of the user.
    #[serde(default = "default_user_claim")]
    pub user_claim: String,
    /// The claim with the user's groups, where memberships are to follow it.
    pub groups_claim: Option<String>,
    /// Whether whoever has no user is made one, a scientist.
    #[serde(default)]
    pub create_users: bool,
    /// Whether whoever comes first with an administrator's name is that administrator.
    #[serde(default)]
    pub link_administrators: bool,
    /// PEM file with the certificates that vouch for the issuer, where the public ones do not.
    pub ca_certificate: Option<PathBuf>,
}

fn default_user_claim() -> String {
    "preferred_username".to_owned()
}

impl Settings {
    /// What cannot be as it is set, in words.
    ///
    /// # Errors
    /// The first such thing.
    pub fn check(&self) -> Result<(), String> {
        if !web::may_be_asked(&self.issuer, &self.issuer) {
            return Err(format!(
                "api.oidc.issuer = {:?}: write an address that begins with https:// (http:// is taken for \
                 this machine alone), as the issuer's tokens name it",
                self.issuer
            ));
        }
        if self.audience.is_empty() || self.user_claim.is_empty() {
            return Err("api.oidc.audience and api.oidc.user_claim must not be empty".to_owned());
        }
        Ok(())
    }
}

/// The issuer.
pub struct Issuer {
    settings: Settings,
    keys: Keys,
}

impl Issuer {
    /// Reads the files that the settings name; the issuer itself is asked when its first token comes.
    ///
    /// # Errors
    /// `File` where one cannot be used.
    pub fn open(settings: &Settings) -> Result<Self, super::ApiError> {
        Self::with_floor(settings, FLOOR)
    }

    pub(super) fn with_floor(
        settings: &Settings,
        floor: Duration,
    ) -> Result<Self, super::ApiError> {
        let web = web::Web::new(settings).map_err(super::ApiError::File)?;
        Ok(Self {
            settings: settings.clone(),
            keys: Keys::new(web, floor),
        })
    }

    /// Who may sign in.
    #[must_use]
    pub fn admission(&self) -> Admission {
        Admission {
            create_users: self.settings.create_users,
            link_administrators: self.settings.link_administrators,
        }
    }

    /// Whom a token stands for.
    ///
    /// # Errors
    /// Unauthorized where it is not valid, `IssuerUnavailable` where that cannot be said now.
    pub async fn vouches_for(&self, token: &str) -> Result<SignIn, Problem> {
        if token.len() > TOKEN_BYTES {
            return Err(refuse("it is too long"));
        }
        let header = decode_header(token)
            .map_err(|_| refuse("it is no token of this host or its issuer"))?;
        if !is_access(header.typ.as_deref()) || header.extras.inner().contains_key("crit") {
            return Err(refuse("it is another kind of token"));
        }
        let id = header
            .kid
            .ok_or_else(|| refuse("it does not name its key"))?;
        let key = self.keys.key(&id).await?;
        let mut validation = Validation::new(key.algorithm);
        validation.leeway = LEEWAY_S;
        validation.validate_nbf = true;
        validation.set_issuer(&[&self.settings.issuer]);
        validation.set_audience(&[&self.settings.audience]);
        validation.set_required_spec_claims(&["exp", "iss", "aud", "sub"]);
        let token = decode::<Claims>(token, &key.key, &validation);
        let token = token.map_err(|error| refuse(words(error.kind())))?;
        claims::sign_in(&self.settings, token.claims).map_err(|why| refuse(&why))
    }
}

/// An issuer signs other things with the same keys, which say so.
fn is_access(kind: Option<&str>) -> bool {
    let kind = kind.unwrap_or("JWT").to_ascii_lowercase();
    matches!(
        kind.strip_prefix("application/").unwrap_or(&kind),
        "jwt" | "at+jwt"
    )
}

fn refuse(why: &str) -> Problem {
    Problem::new(Kind::Unauthorized, format!("the token is not valid: {why}"))
        .advise("sign in again at the issuer, or use a token of this host (`sksv_...`)")
}

fn words(error: &ErrorKind) -> &'static str {
    match error {
        ErrorKind::ExpiredSignature => "it ended",
        ErrorKind::ImmatureSignature => "it does not hold yet",
        ErrorKind::InvalidIssuer => "another issuer made it",
        ErrorKind::InvalidAudience => "it is for another audience",
        ErrorKind::InvalidAlgorithm => "its algorithm is not its key's",
        ErrorKind::MissingRequiredClaim(_) => "it lacks one of exp, iss, aud and sub",
        ErrorKind::InvalidSignature => "its signature is wrong",
        _ => "it cannot be read",
    }
}
