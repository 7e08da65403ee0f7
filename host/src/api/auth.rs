//! Who asks, and what they may do.
//!
//! In: the `Authorization` header. Out: an [`Actor`], or a filter that this actor may use. Never: a
//! different answer for a filter that is somebody else's and one that does not exist.

use std::sync::Arc;

use axum::extract::{FromRequestParts, RawPathParams};
use axum::http::Method;
use axum::http::header::AUTHORIZATION;
use axum::http::request::Parts;

use super::error::{Kind, Problem, is};
use super::kind::{Answers, answers_of};
use super::{Host, tags};
use crate::registry::{Bearer, By, Filter, OwnerId, Role, Scope, TOKEN_PREFIX, User, Visibility};

/// Whoever presented a valid token.
#[derive(Debug, Clone)]
pub struct Actor(pub Bearer);

impl Actor {
    /// Whether this is somebody who sees and changes everybody's filters.
    #[must_use]
    pub fn is_administrator(&self) -> bool {
        self.0.role == Role::Administrator
    }

    /// Whether a filter is theirs to use: their own, their group's, or any, for an administrator.
    #[must_use]
    pub fn may_use(&self, filter: &Filter) -> bool {
        self.is_administrator() || self.is(filter.owner_id)
    }

    /// Whether they are this owner, or a member of it.
    #[must_use]
    pub fn is(&self, owner: OwnerId) -> bool {
        self.0.user == owner || self.0.groups.iter().any(|group| group.group == owner)
    }

    /// Themselves, as the registry has them now.
    ///
    /// # Errors
    /// Unauthorized, where they are there no longer.
    pub async fn user(&self, host: &Host) -> Result<User, Problem> {
        let user = host.registry.user(&self.0.name).await?;
        user.ok_or_else(|| Problem::new(Kind::Unauthorized, "the user is unknown"))
    }

    /// As the audit log names them.
    #[must_use]
    pub fn by(&self) -> By {
        By {
            user: Some(self.0.user),
            name: self.0.name.clone(),
            token: self.0.token,
            seen: None,
        }
    }

    /// A token that only reads changes nothing, whatever its user may.
    fn refuse_change(&self, parts: &Parts) -> Result<(), Problem> {
        let changes = changes(&parts.method) && !explains(parts.uri.path());
        if changes && self.0.scope == Scope::Read {
            return Err(
                Problem::new(Kind::Forbidden, "this token only reads").advise("use a full token")
            );
        }
        Ok(())
    }
}

impl FromRequestParts<Arc<Host>> for Actor {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, host: &Arc<Host>) -> Result<Self, Problem> {
        if let Some(known) = parts.extensions.get::<Self>() {
            return Ok(known.clone());
        }
        let actor = Self(authenticate(host, bearer_token(parts)?).await?);
        host.paces
            .admit(actor.0.user, actor.0.requests_per_minute)?;
        actor.refuse_change(parts)?;
        // Handlers ask more than once: for an administrator, and for a filter.
        parts.extensions.insert(actor.clone());
        Ok(actor)
    }
}

/// Whoever is behind a token of this host, or of the issuer that it trusts.
async fn authenticate(host: &Host, token: &str) -> Result<Bearer, Problem> {
    match &host.issuer {
        Some(issuer) if !token.starts_with(TOKEN_PREFIX) => {
            let who = issuer.vouches_for(token).await?;
            Ok(host.registry.sign_in(&who, issuer.admission()).await?)
        }
        _ => host.registry.authenticate(token).await?.ok_or_else(|| {
            let detail = "the token is unknown, expired or revoked";
            Problem::new(Kind::Unauthorized, detail)
                .advise("ask an administrator for a new one (`skysieve token create`)")
        }),
    }
}

fn changes(method: &Method) -> bool {
    !matches!(*method, Method::GET | Method::HEAD | Method::OPTIONS)
}

/// To explain is to look: the alert may be the body, so it is a POST all the same.
fn explains(path: &str) -> bool {
    let path: Vec<&str> = path.split('/').collect();
    matches!(path[..], ["", "v1", "filters", _, _, "explain"])
}

/// The answers of every handler that takes an [`Actor`].
impl utoipa::IntoResponses for Actor {
    fn responses() -> Answers {
        let mut answers = answers_of::<is::Unauthorized>();
        answers.extend(answers_of::<is::Forbidden>());
        answers.extend(answers_of::<is::TooManyRequests>());
        answers.extend(answers_of::<is::Unavailable>());
        answers.extend(answers_of::<is::IssuerUnavailable>());
        answers
    }
}

fn bearer_token(parts: &Parts) -> Result<&str, Problem> {
    let header = parts
        .headers
        .get(AUTHORIZATION)
        .and_then(|value| value.to_str().ok());
    let token = header.and_then(|value| {
        let (scheme, token) = value.split_once(' ')?;
        scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
    });
    token.ok_or_else(|| {
        Problem::new(Kind::Unauthorized, "the request carries no token")
            .advise("send the header `Authorization: Bearer sksv_...`")
    })
}

/// An administrator.
#[derive(Debug, Clone)]
pub struct Administrator(pub Actor);

impl FromRequestParts<Arc<Host>> for Administrator {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, host: &Arc<Host>) -> Result<Self, Problem> {
        let actor = Actor::from_request_parts(parts, host).await?;
        if actor.is_administrator() {
            return Ok(Self(actor));
        }
        Err(Problem::new(Kind::Forbidden, "this is for administrators"))
    }
}

/// The answers of every handler that takes an [`Administrator`].
impl utoipa::IntoResponses for Administrator {
    fn responses() -> Answers {
        answers_of::<Actor>()
    }
}

/// The filter that the path names, in the hands of somebody who may use it.
#[derive(Debug, Clone)]
pub struct Held {
    /// Who asks.
    pub actor: Actor,
    /// The filter.
    pub filter: Filter,
    /// `{number}` of the path, where it has one.
    number: Option<String>,
    /// The revision that a change stands on, where its `If-Match` names it.
    seen: Option<i64>,
}

impl Held {
    /// As the audit log names who changes it, and what they saw of it.
    #[must_use]
    pub fn by(&self) -> By {
        By {
            seen: self.seen,
            ..self.actor.by()
        }
    }

    /// The number that the path names.
    ///
    /// # Errors
    /// Not found, where it is none.
    pub fn number(&self, what: &str) -> Result<i64, Problem> {
        number(self.number.as_deref(), what)
    }
}

impl FromRequestParts<Arc<Host>> for Held {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, host: &Arc<Host>) -> Result<Self, Problem> {
        let Seen {
            actor,
            filter,
            number,
        } = Seen::from_request_parts(parts, host).await?;
        if actor.may_use(&filter) {
            let changes = changes(&parts.method);
            let seen = changes.then(|| tags::seen(&parts.headers, filter.revision));
            return Ok(Self {
                actor,
                number,
                seen: seen.transpose()?.flatten(),
                filter,
            });
        }
        // Everybody may know of a public filter; of another nobody hears.
        Err(Problem::new(
            Kind::Forbidden,
            "the filter is public to read, and not yours",
        ))
    }
}

/// The filter that the path names, in the eyes of somebody who may read what it is.
#[derive(Debug, Clone)]
pub struct Seen {
    /// Who asks.
    pub actor: Actor,
    /// The filter.
    pub filter: Filter,
    /// `{number}` of the path, where it has one.
    number: Option<String>,
}

impl Seen {
    /// Whether they may use it, too.
    #[must_use]
    pub fn is_own(&self) -> bool {
        self.actor.may_use(&self.filter)
    }

    /// The number that the path names.
    ///
    /// # Errors
    /// Not found, where it is none.
    pub fn number(&self, what: &str) -> Result<i64, Problem> {
        number(self.number.as_deref(), what)
    }
}

fn number(text: Option<&str>, what: &str) -> Result<i64, Problem> {
    let text = text.unwrap_or_default();
    text.parse().map_err(|_| Problem::missing(what, text))
}

impl FromRequestParts<Arc<Host>> for Seen {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, host: &Arc<Host>) -> Result<Self, Problem> {
        let actor = Actor::from_request_parts(parts, host).await?;
        let path = RawPathParams::from_request_parts(parts, host)
            .await
            .map_err(|_| Problem::new(Kind::BadRequest, "the path is not valid UTF-8"))?;
        let part = |wanted: &str| {
            path.iter()
                .find(|(key, _)| *key == wanted)
                .map(|(_, value)| value.to_owned())
        };
        let (owner, name) = (
            part("owner").unwrap_or_default(),
            part("name").unwrap_or_default(),
        );
        let filter = host.registry.filter(&owner, &name).await?;
        if !actor.may_use(&filter) && filter.visibility != Visibility::Public {
            return Err(Problem::missing("filter", &format!("{owner}/{name}")));
        }
        Ok(Self {
            actor,
            filter,
            number: part("number"),
        })
    }
}

/// The answers of every handler that takes a [`Held`] filter.
impl utoipa::IntoResponses for Held {
    fn responses() -> Answers {
        let mut answers = answers_of::<Actor>();
        answers.extend(answers_of::<is::BadRequest>());
        answers.extend(answers_of::<is::NotFound>());
        answers
    }
}

/// The answers of every handler that takes a [`Seen`] filter.
impl utoipa::IntoResponses for Seen {
    fn responses() -> Answers {
        answers_of::<Held>()
    }
}
