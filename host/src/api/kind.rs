//! The kinds of problem: status, stable code and title of each, and how handlers name them in the
//! OpenAPI document.
//!
//! In: nothing; this is the table of `docs/http-api.md`. Out: [`Kind`], and a type of the same name in
//! [`is`] for the answers of a handler. Never: the text of one problem.

use std::collections::BTreeMap;

use axum::http::StatusCode;
use utoipa::openapi::{RefOr, Response};

/// What is the same for all problems of a kind.
pub struct Row {
    /// Status of the answer.
    pub status: StatusCode,
    /// Stable, for programs.
    pub code: &'static str,
    /// For people.
    pub title: &'static str,
    /// After how many seconds it makes sense to try again.
    pub retry_after_s: Option<u32>,
}

macro_rules! kinds {
    ($($(#[$doc:meta])+ $name:ident = $status:ident $code:literal $title:literal $(again in $seconds:literal)?;)+) => {
        /// What kind of problem: a row of the table in `docs/http-api.md`.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum Kind {
            $($(#[$doc])+ $name,)+
        }

        impl Kind {
            /// Its row of the table.
            #[must_use]
            pub const fn row(self) -> Row {
                match self {
                    $(Self::$name => Row {
                        status: StatusCode::$status,
                        code: $code,
                        title: $title,
                        retry_after_s: { let _seconds: Option<u32> = None; $(let _seconds = Some($seconds);)? _seconds },
                    },)+
                }
            }
        }

        /// The kinds as types: what stands in `responses(...)` of a handler.
        #[allow(dead_code, reason = "some kinds belong to no handler")]
        pub mod is {
            $(
                $(#[$doc])+
                pub struct $name;

                impl utoipa::IntoResponses for $name {
                    fn responses() -> super::Answers {
                        super::answer(super::Kind::$name)
                    }
                }
            )+
        }
    };
}

kinds! {
    /// The request cannot be read.
    BadRequest = BAD_REQUEST "bad_request" "The request cannot be read";
    /// No valid token.
    Unauthorized = UNAUTHORIZED "unauthorized" "A valid token is needed";
    /// The token is valid and may not do this.
    Forbidden = FORBIDDEN "forbidden" "This is not for this token";
    /// No such thing, for whoever asks.
    NotFound = NOT_FOUND "not_found" "There is no such thing";
    /// The path does not take this method.
    MethodNotAllowed = METHOD_NOT_ALLOWED "method_not_allowed" "The path does not take this method";
    /// The name is in use.
    NameTaken = CONFLICT "name_taken" "The name is in use";
    /// The filter was deleted.
    FilterDeleted = CONFLICT "filter_deleted" "The filter was deleted";
    /// Nothing is switched on.
    NotActive = CONFLICT "not_active" "Nothing of the filter is active";
    /// There is nothing to go back to.
    NothingBefore = CONFLICT "nothing_before" "Nothing ran before";
    /// Nobody could administrate any more.
    LastAdministrator = CONFLICT "last_administrator" "Somebody must be able to administrate";
    /// It was changed meanwhile.
    Changed = PRECONDITION_FAILED "changed" "It was changed meanwhile";
    /// As many as there may be.
    Full = CONFLICT "full" "There are as many as there may be";
    /// More than the owner may have or use.
    Quota = CONFLICT "quota" "A quota is used up";
    /// The setting has not shown that it passes little enough.
    Gate = CONFLICT "gate" "The gate is closed for this setting";
    /// The key stands for a request that is under way.
    KeyInUse = CONFLICT "key_in_use" "A request with this key is under way" again in 1;
    /// The host suspended the filter.
    Suspended = CONFLICT "suspended" "The filter is suspended";
    /// The filter has no version yet.
    NoVersion = CONFLICT "no_version" "The filter has no version yet";
    /// There is a target of that address.
    TargetExists = CONFLICT "target_exists" "The target is there already";
    /// The code is not the one that was sent.
    WrongCode = CONFLICT "wrong_code" "The code is another";
    /// The same was done a moment ago.
    TooSoon = TOO_MANY_REQUESTS "too_soon" "That was done a moment ago" again in 10;
    /// The body is larger than allowed.
    TooLarge = PAYLOAD_TOO_LARGE "too_large" "The body is too large";
    /// The body is no JSON document.
    NotJson = UNSUPPORTED_MEDIA_TYPE "not_json" "The body must be JSON";
    /// A name of another form.
    InvalidName = UNPROCESSABLE_ENTITY "invalid_name" "Not a name";
    /// A stream that this host does not have.
    UnknownStream = UNPROCESSABLE_ENTITY "unknown_stream" "There is no such stream";
    /// A parameter that the version does not take so.
    InvalidParameter = UNPROCESSABLE_ENTITY "invalid_parameter" "A parameter does not fit";
    /// A value of another kind than the field takes.
    InvalidField = UNPROCESSABLE_ENTITY "invalid_field" "A value does not fit";
    /// The key stood for another request.
    KeyReused = UNPROCESSABLE_ENTITY "key_reused" "The key stood for another request";
    /// The upload room refused the filter; `code` is the check's own.
    Refused = UNPROCESSABLE_ENTITY "refused" "The filter was refused";
    /// More requests than this user may send now.
    TooManyRequests = TOO_MANY_REQUESTS "too_many_requests" "Too many requests" again in 1;
    /// Too many uploads or explanations of this user are waiting.
    TooManyWaiting = TOO_MANY_REQUESTS "too_many_waiting" "Too much of yours is waiting" again in 10;
    /// Too many uploads or explanations are waiting.
    Busy = SERVICE_UNAVAILABLE "busy" "Too much of this is waiting" again in 10;
    /// The database is away.
    Unavailable = SERVICE_UNAVAILABLE "registry_unavailable" "The registry is away" again in 5;
    /// The issuer of tokens is away.
    IssuerUnavailable = SERVICE_UNAVAILABLE "issuer_unavailable" "The issuer of tokens is away" again in 10;
    /// The output topic cannot be made now.
    TopicUnavailable = SERVICE_UNAVAILABLE "topic_unavailable" "The output topic cannot be made now" again in 10;
    /// The results cannot be read now.
    ResultsUnavailable = SERVICE_UNAVAILABLE "results_unavailable" "The results cannot be read now" again in 5;
    /// Too many live readers.
    TooManyReaders = TOO_MANY_REQUESTS "too_many_readers" "Too many live readers" again in 10;
    /// A packet that cannot be decoded.
    DamagedPacket = UNPROCESSABLE_ENTITY "damaged_packet" "The packet cannot be decoded";
    /// The alerts of the past cannot be read now.
    SourceUnavailable = SERVICE_UNAVAILABLE "source_unavailable" "The alerts cannot be read now" again in 10;
    /// A worker hangs, or its source or sink does not answer.
    Unwell = SERVICE_UNAVAILABLE "unwell" "The stream does not go on" again in 10;
    /// The answer took too long.
    Slow = GATEWAY_TIMEOUT "too_slow" "The answer took too long" again in 10;
    /// Our fault.
    Internal = INTERNAL_SERVER_ERROR "internal" "The host made a mistake";
}

/// Answers of a handler by status, as the OpenAPI document holds them.
pub type Answers = BTreeMap<String, RefOr<Response>>;

/// The answers that `T` stands for.
#[must_use]
pub fn answers_of<T: utoipa::IntoResponses>() -> Answers {
    T::responses()
}

/// One kind as an answer. Several kinds share a status, so the key names the code, too; the document
/// joins them.
fn answer(kind: Kind) -> Answers {
    let row = kind.row();
    let key = format!("{} {}", row.status.as_u16(), row.code);
    BTreeMap::from([(
        key,
        Response::new(format!("`{}`: {}", row.code, row.title)).into(),
    )])
}
