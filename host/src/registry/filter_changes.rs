//! Changes of a filter itself: its summary, who may see it, its end.
//!
//! In: what its owner wants. Out: nothing but the change, and its line in the audit log. Never: a
//! deleted row.

use serde_json::json;
use sqlx::AnyConnection;

use super::audit::{self, By};
use super::error::RegistryError;
use super::filters::Visibility;
use super::numbers::FilterId;
use super::{Registry, activation, filters, now_ms};

/// What to change of a filter; what is none stays.
#[derive(Debug, Clone, Default)]
pub struct FilterChange {
    /// One line for people.
    pub summary: Option<String>,
    /// Who may see it.
    pub visibility: Option<Visibility>,
    /// Whether the bytes of a public filter are public, too.
    pub open_bytes: Option<bool>,
}

impl Registry {
    /// Changes a filter, where it is still at `revision`, if one is given.
    ///
    /// # Errors
    /// `Changed` where it is at another revision, `Deleted` where it was deleted.
    pub async fn change_filter(
        &self,
        filter: FilterId,
        change: &FilterChange,
        revision: Option<i64>,
        by: &By,
    ) -> Result<(), RegistryError> {
        self.database
            .bounded(async {
                let mut transaction = self.database.write().await?;
                filters::lock_as_seen(&mut transaction, filter, by.seen).await?;
                let changed = sqlx::query(
                    "update filters set
                         summary = case when $1 = 1 then $2 else summary end,
                         visibility = case when $3 = '' then visibility else $3 end,
                         open_bytes = case when $4 < 0 then open_bytes else $4 end
                     where id = $5 and ($6 < 0 or revision = $6 + 1)",
                )
                .bind(i64::from(change.summary.is_some()))
                .bind(change.summary.as_deref().unwrap_or_default())
                .bind(change.visibility.map_or("", Visibility::as_str))
                .bind(change.open_bytes.map_or(-1, i64::from))
                .bind(filter.0)
                // The lock has raised it by one.
                .bind(revision.unwrap_or(-1))
                .execute(&mut *transaction)
                .await?
                .rows_affected();
                if changed == 0 {
                    return Err(RegistryError::Changed);
                }
                let detail = json!({
                    "summary": change.summary,
                    "visibility": change.visibility,
                    "open_bytes": change.open_bytes,
                });
                audit::record_for_filter(&mut transaction, by, filter, "filter.change", detail)
                    .await?;
                transaction.commit().await?;
                Ok(())
            })
            .await
    }

    /// Deletes a filter: it is switched off and can no longer be changed; versions, settings,
    /// counts and its name stay, its quota is free. Deleting it again changes nothing.
    ///
    /// # Errors
    /// `Changed` where it is at another revision than was seen.
    pub async fn delete_filter(&self, id: FilterId, by: &By) -> Result<(), RegistryError> {
        self.database
            .bounded(async {
                let mut transaction = self.database.write().await?;
                let deleted = sqlx::query(
                    "update filters set deleted_ms = $1, updated_ms = $1, revision = revision + 1
                     where id = $2 and deleted_ms is null and ($3 < 0 or revision = $3)",
                )
                .bind(now_ms())
                .bind(id.0)
                .bind(by.seen.unwrap_or(-1))
                .execute(&mut *transaction)
                .await?
                .rows_affected();
                if deleted == 1 {
                    activation::remove(&mut transaction, id).await?;
                    sqlx::query("delete from schedules where filter_id = $1")
                        .bind(id.0)
                        .execute(&mut *transaction)
                        .await?;
                    audit::record_for_filter(&mut transaction, by, id, "filter.delete", json!({}))
                        .await?;
                    transaction.commit().await?;
                } else if by.seen.is_some() {
                    refuse_undeleted(&mut transaction, id).await?;
                }
                Ok(())
            })
            .await
    }
}

/// What was not deleted just now, and is not deleted, was changed meanwhile.
async fn refuse_undeleted(
    connection: &mut AnyConnection,
    id: FilterId,
) -> Result<(), RegistryError> {
    let deleted: Option<i64> = sqlx::query_scalar("select deleted_ms from filters where id = $1")
        .bind(id.0)
        .fetch_one(connection)
        .await?;
    deleted.map(drop).ok_or(RegistryError::Changed)
}
