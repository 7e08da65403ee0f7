//! Problems: the one place where an error becomes a status and a document (RFC 9457).
//!
//! In: errors of other rooms. Out: `application/problem+json` with a stable `code` and what to do.
//! Never: SQL, a path of this machine, or whether somebody else's filter exists.

use axum::Json;
use axum::http::HeaderName;
use axum::http::header::{CONTENT_TYPE, HeaderValue, RETRY_AFTER, WWW_AUTHENTICATE};
use axum::response::{IntoResponse, Response};
use serde::Serialize;

pub use super::kind::{Kind, is};
use crate::registry::{NameError, RegistryError, TargetError};

/// An error as its reader sees it.
#[derive(Debug, Clone, PartialEq)]
pub struct Problem {
    kind: Kind,
    code: String,
    detail: String,
    advice: Option<String>,
    /// In place of the kind's own.
    retry_after_s: Option<u32>,
}

impl Problem {
    /// A problem of this kind.
    pub fn new(kind: Kind, detail: impl Into<String>) -> Self {
        Self {
            kind,
            code: kind.row().code.to_owned(),
            detail: detail.into(),
            advice: None,
            retry_after_s: None,
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

    /// Says after how many seconds it makes sense to try again.
    #[must_use]
    pub fn again_in(self, seconds: u32) -> Self {
        Self {
            retry_after_s: Some(seconds),
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

    fn document(&self) -> ProblemDocument {
        let row = self.kind.row();
        ProblemDocument {
            r#type: format!("urn:skysieve:problem:{}", self.code),
            title: row.title.to_owned(),
            status: row.status.as_u16(),
            code: self.code.clone(),
            detail: self.detail.clone(),
            advice: self.advice.clone(),
        }
    }
}

/// What went wrong, and what to do (RFC 9457).
#[derive(Serialize, utoipa::ToSchema)]
#[schema(as = Problem)]
pub struct ProblemDocument {
    /// `urn:skysieve:problem:` and the code.
    r#type: String,
    /// What is the same for all problems of the kind.
    title: String,
    /// Status of the answer.
    #[schema(minimum = 400, maximum = 599)]
    status: u16,
    /// Stable, for programs.
    code: String,
    /// What is wrong with this request, for people.
    detail: String,
    /// What to do, where there is more to say.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    advice: Option<String>,
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let row = self.kind.row();
        let mut response = (row.status, Json(self.document())).into_response();
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
        if let Some(seconds) = self.retry_after_s.or(row.retry_after_s) {
            set(RETRY_AFTER, HeaderValue::from(seconds));
        }
        response
    }
}

impl From<NameError> for Problem {
    fn from(error: NameError) -> Self {
        RegistryError::from(error).into()
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
            RegistryError::Target(error) => target(&error),
            RegistryError::NotAdmitted(_) => Self::new(Kind::Forbidden, detail)
                .advise("ask an administrator of this host"),
            RegistryError::Name(_) => Self::new(Kind::InvalidName, detail),
            RegistryError::Parameter(_) => Self::new(Kind::InvalidParameter, detail),
            RegistryError::Settings(_) | RegistryError::Database(_) => Self::internal(detail),
        }
    }
}

fn target(error: &TargetError) -> Problem {
    let (kind, advice) = match error {
        TargetError::Exists => (Kind::TargetExists, "delete it first to make it anew"),
        TargetError::WrongCode => (
            Kind::WrongCode,
            "send the code of the last mail, or ask for it again with `test`",
        ),
        TargetError::TooSoon => (Kind::TooSoon, "wait a few seconds"),
    };
    Problem::new(kind, error.to_string()).advise(advice)
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
