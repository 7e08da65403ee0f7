//! Writing a notice, in the transaction of the event that it tells.
//!
//! In: a [`NewNotice`]. Out: the notice, and a delivery for each target that wants it. Never: a
//! network, or a second notice of the same subject within its time.

use std::time::Duration;

use serde_json::{Value, json};
use sqlx::AnyConnection;

use super::kind::NoticeKind;
use super::target::{self, Target};
use super::{NoticeId, TargetId};
use crate::registry::numbers::{self, FilterId, Numbered, OwnerId};
use crate::registry::{Registry, RegistryError, now_ms};

/// Longest text of a notice [characters], and longest document [bytes]: a notice is a word to a
/// person, what is larger belongs where it points.
const TEXT_LENGTH: usize = 2_000;
const DOCUMENT_BYTES: usize = 16 << 10;

/// Whom and what a notice is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum About {
    /// A filter; its owner is told.
    Filter(FilterId),
    /// An owner.
    Owner(OwnerId),
}

/// Not more often than `every` of the same subject.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AtMost {
    /// What keeps happening, such as `failing 17 fuel`.
    pub subject: String,
    /// The least time from one notice to the next.
    pub every: Duration,
}

/// A notice to be written.
#[derive(Debug, Clone)]
pub struct NewNotice {
    /// Whom and what it is about.
    pub about: About,
    /// What it tells.
    pub kind: NoticeKind,
    /// For people: a sentence or two, cut at 2,000 characters.
    pub text: String,
    /// For programs: an object of at most 16 KiB; a larger one is left out.
    pub document: Value,
    /// Where it keeps happening.
    pub at_most: Option<AtMost>,
}

impl NewNotice {
    /// A notice about a filter, told each time.
    pub fn of_filter(filter: FilterId, kind: NoticeKind, text: impl Into<String>) -> Self {
        Self {
            about: About::Filter(filter),
            kind,
            text: text.into(),
            document: json!({}),
            at_most: None,
        }
    }

    /// The same notice with a document.
    #[must_use]
    pub fn with(self, document: Value) -> Self {
        Self { document, ..self }
    }

    /// The same notice, but not more often than `every` of the same `subject`.
    #[must_use]
    pub fn at_most(self, subject: impl Into<String>, every: Duration) -> Self {
        let at_most = Some(AtMost {
            subject: subject.into(),
            every,
        });
        Self { at_most, ..self }
    }
}

impl Registry {
    /// Writes a notice of an event that is no write of the registry. False where its subject was
    /// told a short time ago: nothing was written.
    ///
    /// # Errors
    /// `Missing` where there is no such filter, `Unavailable` without a database.
    pub async fn notify(&self, new: &NewNotice) -> Result<bool, RegistryError> {
        self.database
            .bounded(async {
                let mut transaction = self.database.write().await?;
                let written = enqueue(&mut transaction, new).await?;
                transaction.commit().await?;
                Ok(written.is_some())
            })
            .await
    }
}

/// Writes a notice and a delivery for each target of the owner that wants it; nothing where its
/// subject was told a short time ago. Call it last in a transaction.
///
/// # Errors
/// `Missing` where there is no such filter.
pub(in crate::registry) async fn enqueue(
    connection: &mut AnyConnection,
    new: &NewNotice,
) -> Result<Option<NoticeId>, RegistryError> {
    let now = now_ms();
    if let Some(at_most) = &new.at_most
        && !mark(connection, at_most, now).await?
    {
        return Ok(None);
    }
    let owner = owner(connection, new.about).await?;
    let notice = insert(connection, owner, new, now).await?;
    for target in target::of_owner(connection, owner).await? {
        if target.wants(new.kind) {
            deliver(connection, notice, target.id, now).await?;
        }
    }
    Ok(Some(notice))
}

/// Writes a notice for one target alone, whatever it wants and however it is.
pub(super) async fn enqueue_to(
    connection: &mut AnyConnection,
    target: &Target,
    kind: NoticeKind,
    text: String,
) -> Result<NoticeId, RegistryError> {
    let new = NewNotice {
        about: About::Owner(target.owner_id),
        kind,
        text,
        document: json!({ "target": target.id.0 }),
        at_most: None,
    };
    let now = now_ms();
    let notice = insert(connection, target.owner_id, &new, now).await?;
    deliver(connection, notice, target.id, now).await?;
    Ok(notice)
}

/// Notes that the subject is told now; false where that was done a short time ago, by whichever host.
pub(super) async fn mark(
    connection: &mut AnyConnection,
    at_most: &AtMost,
    now: i64,
) -> Result<bool, RegistryError> {
    let written = sqlx::query(
        "insert into notice_marks (subject, last_ms) values ($1, $2)
         on conflict (subject) do update set last_ms = excluded.last_ms
             where notice_marks.last_ms <= $3",
    )
    .bind(at_most.subject.as_str())
    .bind(now)
    .bind(before(now, at_most.every))
    .execute(connection)
    .await?
    .rows_affected();
    Ok(written > 0)
}

pub(super) fn before(now: i64, time: Duration) -> i64 {
    now.saturating_sub(i64::try_from(time.as_millis()).unwrap_or(i64::MAX))
}

async fn owner(connection: &mut AnyConnection, about: About) -> Result<OwnerId, RegistryError> {
    let filter = match about {
        About::Owner(owner) => return Ok(owner),
        About::Filter(filter) => filter,
    };
    sqlx::query_scalar("select owner_id from filters where id = $1")
        .bind(filter.0)
        .fetch_optional(connection)
        .await?
        .map(OwnerId)
        .ok_or_else(|| RegistryError::Missing {
            what: "filter",
            name: filter.0.to_string(),
        })
}

async fn insert(
    connection: &mut AnyConnection,
    owner: OwnerId,
    new: &NewNotice,
    now: i64,
) -> Result<NoticeId, RegistryError> {
    let id = numbers::next(connection, Numbered::Notice).await?;
    let filter = match new.about {
        About::Filter(filter) => Some(filter.0),
        About::Owner(_) => None,
    };
    let text: String = new.text.chars().take(TEXT_LENGTH).collect();
    let document = Some(new.document.to_string()).filter(|text| text.len() <= DOCUMENT_BYTES);
    sqlx::query(
        "insert into notices (id, owner_id, filter_id, kind, text, document, created_ms)
         values ($1, $2, $3, $4, $5, $6, $7)",
    )
    .bind(id)
    .bind(owner.0)
    .bind(filter)
    .bind(new.kind.as_str())
    // PostgreSQL takes no NUL; a guest's own words may hold one.
    .bind(text.replace('\0', " "))
    .bind(document.unwrap_or_else(|| "{}".to_owned()))
    .bind(now)
    .execute(connection)
    .await?;
    Ok(NoticeId(id))
}

async fn deliver(
    connection: &mut AnyConnection,
    notice: NoticeId,
    target: TargetId,
    now: i64,
) -> Result<(), RegistryError> {
    sqlx::query(
        "insert into notice_deliveries
             (notice_id, target_id, state, tries, next_ms, leased_until_ms, reason)
         values ($1, $2, 'waiting', 0, $3, 0, '')",
    )
    .bind(notice.0)
    .bind(target.0)
    .bind(now)
    .execute(connection)
    .await?;
    Ok(())
}
