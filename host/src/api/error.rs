//! Problems: the one place where an error becomes a status and a document (RFC 9457).
//!
//! In: errors of other rooms. Out: `application/problem+json` with a stable `code` and what to do.
//! Never: SQL, a path of this machine, or whether somebody else's filter exists.

use axum::http::header::{CONTENT_TYPE, HeaderValue, RETRY_AFTER, WWW_AUTHENTICATE};
use axum::http::{HeaderName, StatusCode};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

use crate::registry::RegistryError;

/// What kind of problem: a row of the table in `docs/http-api.md`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// The request cannot be read.
    BadRequest,
    /// No valid token.
    Unauthorized,
    /// The token is valid and may not do this.
    Forbidden,
    /// No such thing, for whoever asks.
    NotFound,
    /// The path does not take this method.
    MethodNotAllowed,
    /// The name is in use.
    NameTaken,
    /// The filter was deleted.
    FilterDeleted,
    /// Nothing is switched on.
    NotActive,
    /// There is nothing to go back to.
    NothingBefore,
    /// Nobody could administrate any more.
    LastAdministrator,
    /// It was changed meanwhile.
    Changed,
    /// As many as there may be.
    Full,
    /// More than the owner may have or use.
    Quota,
    /// The host suspended the filter.
    Suspended,
    /// The filter has no version yet.
    NoVersion,
    /// The body is larger than allowed.
    TooLarge,
    /// The body is no JSON document.
    NotJson,
    /// A name of another form.
    InvalidName,
    /// A stream that this host does not have.
    UnknownStream,
    /// A parameter that the version does not take so.
    InvalidParameter,
    /// A value of another kind than the field takes.
    InvalidField,
    /// The upload room refused the filter.
    Refused,
    /// Too many uploads are waiting.
    Busy,
    /// The database is away.
    Unavailable,
    /// The output topic cannot be made now.
    TopicUnavailable,
    /// The answer took too long.
    Slow,
    /// Our fault.
    Internal,
}

impl Kind {
    /// Status, stable code, title.
    const fn row(self) -> (StatusCode, &'static str, &'static str) {
        use StatusCode as S;
        match self {
            Self::BadRequest => (S::BAD_REQUEST, "bad_request", "The request cannot be read"),
            Self::Unauthorized => (S::UNAUTHORIZED, "unauthorized", "A valid token is needed"),
            Self::Forbidden => (S::FORBIDDEN, "forbidden", "This is not for this token"),
            Self::NotFound => (S::NOT_FOUND, "not_found", "There is no such thing"),
            Self::MethodNotAllowed => (
                S::METHOD_NOT_ALLOWED,
                "method_not_allowed",
                "The path does not take this method",
            ),
            Self::NameTaken => (S::CONFLICT, "name_taken", "The name is in use"),
            Self::FilterDeleted => (S::CONFLICT, "filter_deleted", "The filter was deleted"),
            Self::NotActive => (S::CONFLICT, "not_active", "Nothing of the filter is active"),
            Self::NothingBefore => (S::CONFLICT, "nothing_before", "Nothing ran before"),
            Self::LastAdministrator => (
                S::CONFLICT,
                "last_administrator",
                "Somebody must be able to administrate",
            ),
            Self::Changed => (
                S::PRECONDITION_FAILED,
                "changed",
                "It was changed meanwhile",
            ),
            Self::Quota => (S::CONFLICT, "quota", "A quota is used up"),
            Self::Full => (S::CONFLICT, "full", "There are as many as there may be"),
            Self::Suspended => (S::CONFLICT, "suspended", "The filter is suspended"),
            Self::NoVersion => (S::CONFLICT, "no_version", "The filter has no version yet"),
            Self::TooLarge => (S::PAYLOAD_TOO_LARGE, "too_large", "The body is too large"),
            Self::NotJson => (
                S::UNSUPPORTED_MEDIA_TYPE,
                "not_json",
                "The body must be JSON",
            ),
            Self::InvalidName => (S::UNPROCESSABLE_ENTITY, "invalid_name", "Not a name"),
            Self::UnknownStream => (
                S::UNPROCESSABLE_ENTITY,
                "unknown_stream",
                "There is no such stream",
            ),
            Self::InvalidParameter => (
                S::UNPROCESSABLE_ENTITY,
                "invalid_parameter",
                "A parameter does not fit",
            ),
            Self::InvalidField => (
                S::UNPROCESSABLE_ENTITY,
                "invalid_field",
                "A value does not fit",
            ),
            Self::Refused => (S::UNPROCESSABLE_ENTITY, "refused", "The filter was refused"),
            Self::Busy => (
                S::SERVICE_UNAVAILABLE,
                "busy",
                "Too many uploads are waiting",
            ),
            Self::Unavailable => (
                S::SERVICE_UNAVAILABLE,
                "registry_unavailable",
                "The registry is away",
            ),
            Self::TopicUnavailable => (
                S::SERVICE_UNAVAILABLE,
                "topic_unavailable",
                "The output topic cannot be made now",
            ),
            Self::Slow => (S::GATEWAY_TIMEOUT, "too_slow", "The answer took too long"),
            Self::Internal => (
                S::INTERNAL_SERVER_ERROR,
                "internal",
                "The host made a mistake",
            ),
        }
    }

    /// After how many seconds it makes sense to try again.
    const fn retry_after_s(self) -> Option<u32> {
        match self {
            Self::Busy | Self::TopicUnavailable | Self::Slow => Some(10),
            Self::Unavailable => Some(5),
            _ => None,
        }
    }
}

/// An error as its reader sees it.
#[derive(Debug, Clone, PartialEq)]
pub struct Problem {
    kind: Kind,
    code: String,
    detail: String,
    advice: Option<String>,
}

impl Problem {
    /// A problem of this kind.
    pub fn new(kind: Kind, detail: impl Into<String>) -> Self {
        Self {
            kind,
            code: kind.row().1.to_owned(),
            detail: detail.into(),
            advice: None,
        }
    }

    /// Says what to do.
    #[must_use]
    pub fn advise(self, advice: impl Into<String>) -> Self {
        Self {
            advice: Some(advice.into()),
            ..self
        }
    }

    /// Gives it the code of the room that refused.
    #[must_use]
    pub fn coded(self, code: impl Into<String>) -> Self {
        Self {
            code: code.into(),
            ..self
        }
    }

    /// There is no `what` of this name, or not for whoever asks.
    #[must_use]
    pub fn missing(what: &str, name: &str) -> Self {
        Self::new(Kind::NotFound, format!("there is no {what} `{name}`"))
    }

    /// Our fault: the log says more than the answer.
    pub fn internal(error: impl std::fmt::Display) -> Self {
        tracing::error!(%error, "a request failed through our own fault");
        Self::new(Kind::Internal, "the host could not do this")
            .advise("tell the administrator, with the X-Request-Id of this answer")
    }

    fn document(&self) -> Value {
        let (status, _, title) = self.kind.row();
        let mut document = json!({
            "type": format!("urn:skysieve:problem:{}", self.code),
            "title": title,
            "status": status.as_u16(),
            "code": self.code,
            "detail": self.detail,
        });
        if let Some(advice) = &self.advice {
            document["advice"] = json!(advice);
        }
        document
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let mut response = (self.kind.row().0, self.document().to_string()).into_response();
        let mut set = |name: HeaderName, value: HeaderValue| {
            response.headers_mut().insert(name, value);
        };
        set(
            CONTENT_TYPE,
            HeaderValue::from_static("application/problem+json"),
        );
        if self.kind == Kind::Unauthorized {
            set(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        if let Some(seconds) = self.kind.retry_after_s() {
            set(RETRY_AFTER, HeaderValue::from(seconds));
        }
        response
    }
}

impl From<RegistryError> for Problem {
    fn from(error: RegistryError) -> Self {
        let detail = error.to_string();
        match error {
            RegistryError::Missing { what, name } => Self::missing(what, &name),
            RegistryError::Unavailable(_) => {
                tracing::warn!(detail, "a request met an unavailable registry");
                Self::new(
                    Kind::Unavailable,
                    "the registry's database does not answer now",
                )
                .advise("try again in a few seconds; the alert stream goes on meanwhile")
            }
            RegistryError::NameTaken { deleted, .. } => name_taken(detail, deleted),
            RegistryError::Deleted => Self::new(Kind::FilterDeleted, detail)
                .advise("its history can still be read; create a filter of another name"),
            RegistryError::NotActive => {
                Self::new(Kind::NotActive, detail).advise("activate a version or a setting first")
            }
            RegistryError::Suspended(_) => Self::new(Kind::Suspended, detail)
                .advise("repair the filter, then activate a version or a setting"),
            RegistryError::NothingBefore => {
                Self::new(Kind::NothingBefore, detail).advise("activate a version or a setting")
            }
            RegistryError::LastAdministrator => Self::new(Kind::LastAdministrator, detail)
                .advise("make somebody else an administrator first"),
            RegistryError::Changed => {
                Self::new(Kind::Changed, detail).advise("read it again, then decide")
            }
            RegistryError::Quota { .. } => Self::new(Kind::Quota, detail).advise(
                "see what is used of it at `/v1/quotas`; free some, or ask an administrator for more",
            ),
            RegistryError::Full { .. } => {
                Self::new(Kind::Full, detail).advise("remove one that is no longer needed")
            }
            RegistryError::Name(_) => Self::new(Kind::InvalidName, detail),
            RegistryError::Parameter(_) => Self::new(Kind::InvalidParameter, detail),
            RegistryError::Settings(_) | RegistryError::Database(_) => Self::internal(detail),
        }
    }
}

fn name_taken(detail: String, deleted: bool) -> Problem {
    let problem = Problem::new(Kind::NameTaken, detail);
    if deleted {
        problem.advise(
            "choose another name: the filter that had it was deleted, and its topic still holds \
             its alerts",
        )
    } else {
        problem.advise("choose another name, or upload a new version to the filter that has it")
    }
}
