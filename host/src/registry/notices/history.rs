//! Notices as their owner reads them back.
//!
//! In: an owner, a page. Out: notices, newest first, with what became of each. Never: another owner's.

use serde_json::Value;
use sqlx::any::AnyRow;
use sqlx::{AnyConnection, AssertSqlSafe, Row};

use super::kind::NoticeKind;
use super::outbox::{document, filter_path};
use super::target::Medium;
use super::{NoticeId, TargetId};
use crate::registry::numbers::OwnerId;
use crate::registry::{Registry, RegistryError};

/// Which notices to read.
#[derive(Debug, Clone)]
pub struct NoticeQuery {
    /// Whose.
    pub owner: OwnerId,
    /// Only those before this one.
    pub before: Option<NoticeId>,
    /// At most so many.
    pub limit: i64,
}

/// A notice as its owner sees it.
#[derive(Debug, Clone, PartialEq)]
pub struct Notice {
    /// Identity.
    pub id: NoticeId,
    /// What it tells.
    pub kind: NoticeKind,
    /// About which filter, as `owner/name`.
    pub filter: Option<String>,
    /// For people.
    pub text: String,
    /// For programs.
    pub document: Value,
    /// When it happened [ms since the Unix epoch].
    pub created_ms: i64,
    /// What became of it, target by target.
    pub deliveries: Vec<Delivery>,
}

/// One notice on its way to one target.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delivery {
    /// To which target.
    pub target: TargetId,
    /// How that is reached; none where the target is gone.
    pub medium: Option<Medium>,
    /// `waiting`, `delivered` or `given_up`.
    pub state: String,
    /// Attempts begun.
    pub tries: i64,
    /// When it is tried again [ms since the Unix epoch]; none where it is not.
    pub next_ms: Option<i64>,
    /// Why the last attempt failed; empty where none did.
    pub reason: String,
    /// When it arrived or was given up [ms since the Unix epoch].
    pub ended_ms: Option<i64>,
}

impl Registry {
    /// A page of an owner's notices, newest first.
    ///
    /// # Errors
    /// `Unavailable` without a database.
    pub async fn notices(&self, query: &NoticeQuery) -> Result<Vec<Notice>, RegistryError> {
        self.database
            .bounded(async {
                let mut connection = self.database.read().await?;
                let rows = sqlx::query(
                    "select n.id, n.kind, n.text, n.document, n.created_ms,
                            f.name as filter_name, fo.name as filter_owner
                     from notices n
                     left join filters f on f.id = n.filter_id
                     left join owners fo on fo.id = f.owner_id
                     where n.owner_id = $1 and n.id < $2
                     order by n.id desc
                     limit $3",
                )
                .bind(query.owner.0)
                .bind(query.before.map_or(i64::MAX, |before| before.0))
                .bind(query.limit)
                .fetch_all(&mut *connection)
                .await?;
                let mut notices = rows.iter().map(read).collect::<Result<Vec<_>, _>>()?;
                add_deliveries(&mut connection, &mut notices).await?;
                Ok(notices)
            })
            .await
    }
}

fn read(row: &AnyRow) -> Result<Notice, RegistryError> {
    Ok(Notice {
        id: NoticeId(row.try_get("id")?),
        kind: NoticeKind::from_stored(row.try_get("kind")?)?,
        filter: filter_path(row)?,
        text: row.try_get("text")?,
        document: document(row)?,
        created_ms: row.try_get("created_ms")?,
        deliveries: Vec::new(),
    })
}

/// One statement for the page: a page is bounded, and so are an owner's targets.
async fn add_deliveries(
    connection: &mut AnyConnection,
    notices: &mut [Notice],
) -> Result<(), RegistryError> {
    if notices.is_empty() {
        return Ok(());
    }
    let places: Vec<String> = (1..=notices.len())
        .map(|index| format!("${index}"))
        .collect();
    let sql = format!(
        "select d.notice_id, d.target_id, d.state, d.tries, d.next_ms, d.reason, d.ended_ms, t.medium
         from notice_deliveries d left join notice_targets t on t.id = d.target_id
         where d.notice_id in ({})
         order by d.notice_id, d.target_id",
        places.join(", ")
    );
    let mut query = sqlx::query(AssertSqlSafe(sql)).persistent(false);
    for notice in notices.iter() {
        query = query.bind(notice.id.0);
    }
    for row in query.fetch_all(connection).await? {
        let notice: i64 = row.try_get("notice_id")?;
        let delivery = delivery(&row)?;
        let found = notices.iter_mut().find(|one| one.id.0 == notice);
        if let Some(found) = found {
            found.deliveries.push(delivery);
        }
    }
    Ok(())
}

fn delivery(row: &AnyRow) -> Result<Delivery, RegistryError> {
    let medium: Option<String> = row.try_get("medium")?;
    let state: String = row.try_get("state")?;
    let next_ms: i64 = row.try_get("next_ms")?;
    Ok(Delivery {
        target: TargetId(row.try_get("target_id")?),
        medium: medium.as_deref().map(Medium::from_stored).transpose()?,
        tries: row.try_get("tries")?,
        next_ms: (state == "waiting").then_some(next_ms),
        state,
        reason: row.try_get("reason")?,
        ended_ms: row.try_get("ended_ms")?,
    })
}
