//! The outbox: which deliveries are due, and who attempts them.
//!
//! In: a host that has room for some. Out: deliveries that no other host attempts meanwhile. Never:
//! two hosts at one delivery.

use std::time::Duration;

use serde_json::Value;
use sqlx::any::AnyRow;
use sqlx::{AnyConnection, Row};

use super::kind::NoticeKind;
use super::target::Medium;
use super::{NoticeId, TargetId};
use crate::registry::{Registry, RegistryError, now_ms};

/// A delivery that this host is to attempt now.
#[derive(Debug, Clone, PartialEq)]
pub struct Due {
    /// Which notice.
    pub notice: NoticeId,
    /// To which target.
    pub target: TargetId,
    /// This attempt's number, from 1.
    pub tries: u32,
    /// How the target is reached.
    pub medium: Medium,
    /// Where.
    pub address: String,
    /// A webhook's key; an e-mail address's code.
    pub secret: String,
    /// What it tells.
    pub kind: NoticeKind,
    /// Whose notice.
    pub owner: String,
    /// About which filter, as `owner/name`.
    pub filter: Option<String>,
    /// For people.
    pub text: String,
    /// For programs.
    pub document: Value,
    /// When it happened [ms since the Unix epoch].
    pub created_ms: i64,
}

impl Registry {
    /// Takes at most `limit` deliveries that are due, at most one for each target, for this host
    /// alone for the time of `lease`. A host that dies leaves them to the others after that.
    ///
    /// # Errors
    /// `Unavailable` without a database.
    pub async fn lease_deliveries(
        &self,
        limit: usize,
        lease: Duration,
    ) -> Result<Vec<Due>, RegistryError> {
        let now = now_ms();
        let until = now.saturating_add(i64::try_from(lease.as_millis()).unwrap_or(i64::MAX));
        let places = self
            .database
            .bounded(async {
                let mut connection = self.database.read().await?;
                candidates(&mut connection, now, limit).await
            })
            .await?;
        let mut taken = Vec::with_capacity(places.len());
        for place in places {
            match self.lease(place, now, until).await {
                Ok(due) => taken.extend(due),
                // What is leased is to be carried; the rest comes at the next look.
                Err(error) if !taken.is_empty() => {
                    tracing::warn!(%error, "some notices wait");
                    break;
                }
                Err(error) => return Err(error),
            }
        }
        Ok(taken)
    }

    /// In a transaction of its own, which holds one row: hosts that lease at once never wait for each
    /// other in a circle.
    async fn lease(
        &self,
        place: Place,
        now: i64,
        until: i64,
    ) -> Result<Option<Due>, RegistryError> {
        self.database
            .bounded(async {
                let mut transaction = self.database.write().await?;
                if !take(&mut transaction, place, now, until).await? {
                    return Ok(None);
                }
                let due = due(&mut transaction, place).await?;
                transaction.commit().await?;
                Ok(due)
            })
            .await
    }
}

/// A row of the outbox, as it was seen.
#[derive(Debug, Clone, Copy)]
struct Place {
    notice: i64,
    target: i64,
    tries: i64,
}

/// The delivery of each target that has waited longest; none of a target that is being attempted,
/// so that a slow one holds one place and no more.
async fn candidates(
    connection: &mut AnyConnection,
    now: i64,
    limit: usize,
) -> Result<Vec<Place>, RegistryError> {
    let rows = sqlx::query(
        "select notice_id, target_id, tries from (
             select d.notice_id, d.target_id, d.tries, d.next_ms,
                    row_number() over (partition by d.target_id order by d.next_ms, d.notice_id) as turn
             from notice_deliveries d join notice_targets t on t.id = d.target_id
             where d.state = 'waiting' and d.next_ms <= $1 and d.leased_until_ms <= $1
               and not exists (
                   select 1 from notice_deliveries other
                   where other.target_id = d.target_id and other.state = 'waiting'
                     and other.leased_until_ms > $1)
         ) as due
         where turn = 1 order by next_ms, notice_id limit $2",
    )
    .bind(now)
    .bind(i64::try_from(limit).unwrap_or(i64::MAX))
    .fetch_all(connection)
    .await?;
    let place = |row: &AnyRow| {
        Ok(Place {
            notice: row.try_get("notice_id")?,
            target: row.try_get("target_id")?,
            tries: row.try_get("tries")?,
        })
    };
    rows.iter().map(place).collect()
}

/// Compare and set: false where another host took it in between.
async fn take(
    connection: &mut AnyConnection,
    place: Place,
    now: i64,
    until: i64,
) -> Result<bool, RegistryError> {
    let taken = sqlx::query(
        "update notice_deliveries set tries = tries + 1, leased_until_ms = $4
         where notice_id = $1 and target_id = $2 and tries = $3 and state = 'waiting'
           and leased_until_ms <= $5",
    )
    .bind(place.notice)
    .bind(place.target)
    .bind(place.tries)
    .bind(until)
    .bind(now)
    .execute(connection)
    .await?
    .rows_affected();
    Ok(taken == 1)
}

/// None where the target was removed meanwhile.
async fn due(connection: &mut AnyConnection, place: Place) -> Result<Option<Due>, RegistryError> {
    let row = sqlx::query(
        "select n.kind, n.text, n.document, n.created_ms, o.name as owner_name,
                f.name as filter_name, fo.name as filter_owner, t.medium, t.address, t.secret
         from notices n
         join owners o on o.id = n.owner_id
         join notice_targets t on t.id = $2
         left join filters f on f.id = n.filter_id
         left join owners fo on fo.id = f.owner_id
         where n.id = $1",
    )
    .bind(place.notice)
    .bind(place.target)
    .fetch_optional(connection)
    .await?;
    let Some(row) = row else { return Ok(None) };
    Ok(Some(Due {
        notice: NoticeId(place.notice),
        target: TargetId(place.target),
        tries: u32::try_from(place.tries + 1).unwrap_or(u32::MAX),
        medium: Medium::from_stored(row.try_get("medium")?)?,
        address: row.try_get("address")?,
        secret: row.try_get("secret")?,
        kind: NoticeKind::from_stored(row.try_get("kind")?)?,
        owner: row.try_get("owner_name")?,
        filter: filter_path(&row)?,
        text: row.try_get("text")?,
        document: document(&row)?,
        created_ms: row.try_get("created_ms")?,
    }))
}

/// `owner/name` of the filter that a notice is about.
pub(super) fn filter_path(row: &AnyRow) -> Result<Option<String>, RegistryError> {
    let owner: Option<String> = row.try_get("filter_owner")?;
    let name: Option<String> = row.try_get("filter_name")?;
    Ok(owner
        .zip(name)
        .map(|(owner, name)| format!("{owner}/{name}")))
}

/// The document of a notice.
pub(super) fn document(row: &AnyRow) -> Result<Value, RegistryError> {
    serde_json::from_str(row.try_get("document")?)
        .map_err(|error| RegistryError::Database(format!("document of a notice: {error}")))
}
