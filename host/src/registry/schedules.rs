//! Scheduled activations: what is to run from a moment on.
//!
//! In: a setting and a time. Out: the activation, once the time has come, by whichever host looks
//! first. Never: one that happens twice.

use serde_json::json;
use sqlx::{AnyConnection, Row};

use super::audit::{self, By};
use super::error::RegistryError;
use super::notices;
use super::numbers::{FilterId, OwnerId};
use super::{Registry, activation, filters, now_ms};

/// Greatest number of activations that one look carries out; the next look takes the rest.
const AT_ONCE: i64 = 100;

/// An activation that is to happen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Schedule {
    /// Of which setting.
    pub setting: i64,
    /// When [ms since the Unix epoch].
    pub at_ms: i64,
    /// Name of who wants it.
    pub by: String,
}

/// An activation whose time has come.
struct Due {
    filter: FilterId,
    setting: i64,
    by: By,
}

impl Registry {
    /// Has a setting activated at `at_ms`, in place of what was scheduled before.
    ///
    /// # Errors
    /// `Missing` where the filter has no such setting, `Deleted` where it was deleted.
    pub async fn schedule(
        &self,
        filter: FilterId,
        setting: i64,
        at_ms: i64,
        by: &By,
    ) -> Result<(), RegistryError> {
        self.database
            .bounded(async {
                let mut transaction = self.database.write().await?;
                filters::lock_as_seen(&mut transaction, filter, by.seen).await?;
                activation::refuse_foreign(&mut transaction, filter, setting).await?;
                sqlx::query(
                    "insert into schedules (filter_id, setting, at_ms, by_id, made_ms)
                     values ($1, $2, $3, $4, $5)
                     on conflict (filter_id) do update set setting = excluded.setting,
                         at_ms = excluded.at_ms, by_id = excluded.by_id,
                         made_ms = excluded.made_ms",
                )
                .bind(filter.0)
                .bind(setting)
                .bind(at_ms)
                .bind(by.id())
                .bind(now_ms())
                .execute(&mut *transaction)
                .await?;
                let detail = json!({"setting": setting, "at_ms": at_ms});
                audit::record_for_filter(&mut transaction, by, filter, "filter.schedule", detail)
                    .await?;
                transaction.commit().await?;
                Ok(())
            })
            .await
    }

    /// Forgets what was scheduled; nothing happens where nothing was.
    ///
    /// # Errors
    /// `Unavailable` without a database.
    pub async fn unschedule(&self, filter: FilterId, by: &By) -> Result<(), RegistryError> {
        self.database
            .bounded(async {
                let mut transaction = self.database.write().await?;
                if remove(&mut transaction, filter, by).await? {
                    transaction.commit().await?;
                }
                Ok(())
            })
            .await
    }

    /// Forgets what cannot be activated, and tells its owner why.
    async fn drop_schedule(&self, due: &Due, reason: &str) -> Result<(), RegistryError> {
        self.database
            .bounded(async {
                let mut transaction = self.database.write().await?;
                if remove(&mut transaction, due.filter, &By::host()).await? {
                    notices::activated(&mut transaction, due.filter, due.setting, Some(reason))
                        .await?;
                    transaction.commit().await?;
                }
                Ok(())
            })
            .await
    }

    /// What is scheduled for a filter.
    ///
    /// # Errors
    /// `Unavailable` without a database.
    pub async fn scheduled(&self, filter: FilterId) -> Result<Option<Schedule>, RegistryError> {
        self.database
            .bounded(async {
                let mut connection = self.database.read().await?;
                let row = sqlx::query(
                    "select s.setting, s.at_ms, o.name from schedules s
                     join owners o on o.id = s.by_id where s.filter_id = $1",
                )
                .bind(filter.0)
                .fetch_optional(&mut *connection)
                .await?;
                let Some(row) = row else { return Ok(None) };
                Ok(Some(Schedule {
                    setting: row.try_get("setting")?,
                    at_ms: row.try_get("at_ms")?,
                    by: row.try_get("name")?,
                }))
            })
            .await
    }

    /// Activates what is due, each in a transaction of its own; how many there were.
    ///
    /// # Errors
    /// `Unavailable` without a database.
    pub async fn activate_due(&self) -> Result<usize, RegistryError> {
        let due = self.due().await?;
        for one in &due {
            match self.activate_one(one).await {
                Ok(()) => {}
                Err(outage @ RegistryError::Unavailable(_)) => return Err(outage),
                Err(error) => {
                    let filter = one.filter.0;
                    tracing::warn!(filter, %error, "a scheduled activation is dropped");
                    self.drop_schedule(one, &error.to_string()).await?;
                }
            }
        }
        Ok(due.len())
    }

    async fn due(&self) -> Result<Vec<Due>, RegistryError> {
        self.database
            .bounded(async {
                let mut connection = self.database.read().await?;
                let rows: Vec<(i64, i64, i64, String)> = sqlx::query_as(
                    "select s.filter_id, s.setting, s.by_id, o.name from schedules s
                     join owners o on o.id = s.by_id
                     where s.at_ms <= $1 order by s.at_ms limit $2",
                )
                .bind(now_ms())
                .bind(AT_ONCE)
                .fetch_all(&mut *connection)
                .await?;
                let due = |(filter, setting, user, name)| Due {
                    filter: FilterId(filter),
                    setting,
                    by: By::user(OwnerId(user), name),
                };
                Ok(rows.into_iter().map(due).collect())
            })
            .await
    }

    /// Nothing, where another host was first or the schedule was changed.
    async fn activate_one(&self, due: &Due) -> Result<(), RegistryError> {
        self.database
            .bounded(async {
                let mut transaction = self.database.write().await?;
                let taken = sqlx::query(
                    "delete from schedules where filter_id = $1 and setting = $2 and at_ms <= $3",
                )
                .bind(due.filter.0)
                .bind(due.setting)
                .bind(now_ms())
                .execute(&mut *transaction)
                .await?
                .rows_affected();
                if taken == 1 {
                    let (filter, setting) = (due.filter, due.setting);
                    activation::run(&mut transaction, filter, setting, &self.quotas, &due.by)
                        .await?;
                    notices::activated(&mut transaction, filter, setting, None).await?;
                    transaction.commit().await?;
                }
                Ok(())
            })
            .await
    }
}

/// False where nothing was scheduled.
async fn remove(
    connection: &mut AnyConnection,
    filter: FilterId,
    by: &By,
) -> Result<bool, RegistryError> {
    let removed = sqlx::query("delete from schedules where filter_id = $1")
        .bind(filter.0)
        .execute(&mut *connection)
        .await?
        .rows_affected();
    if removed > 0 {
        audit::record_for_filter(connection, by, filter, "filter.unschedule", json!({})).await?;
    }
    Ok(removed > 0)
}
