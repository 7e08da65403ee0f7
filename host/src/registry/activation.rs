//! What is switched on: activate, roll back, pause, resume, suspend, retire.
//!
//! In: filters and settings. Out: what is switched on from now, a line of history, and a generation
//! that rises in the same transaction. Never: a change of an active set without a new generation.

use serde_json::json;
use sqlx::{AnyConnection, Row};

use super::audit::{self, By};
use super::error::RegistryError;
use super::history;
use super::notices;
use super::numbers::{FilterId, OwnerId};
use super::quota::{Quota, Quotas};
use super::quotas;
use super::wish::{Current, State, Wish, decide};
use super::{Registry, filters, now_ms, usage};

/// The lane that live filters run in.
pub const MAIN_LANE: &str = "main";

impl Registry {
    /// Number of the active set: while it stays, no active set has changed.
    ///
    /// # Errors
    /// `Unavailable` without a database.
    pub async fn generation(&self) -> Result<i64, RegistryError> {
        self.database
            .bounded(async {
                let mut connection = self.database.read().await?;
                Ok(
                    sqlx::query_scalar("select number from generation where id = 1")
                        .fetch_one(&mut *connection)
                        .await?,
                )
            })
            .await
    }

    /// Makes `setting` the one that runs, in lane `main`, whatever ran, was paused or suspended.
    ///
    /// # Errors
    /// `Missing` where the filter has no such setting, `Deleted` where it was deleted.
    pub async fn activate(
        &self,
        filter: FilterId,
        setting: i64,
        by: &By,
    ) -> Result<(), RegistryError> {
        self.change(filter, Wish::Run(setting), by).await
    }

    /// Makes the setting run that ran before the present one; again, the one before that.
    ///
    /// # Errors
    /// `NothingBefore` where there is none.
    pub async fn roll_back(&self, filter: FilterId, by: &By) -> Result<(), RegistryError> {
        self.change(filter, Wish::RollBack(None), by).await
    }

    /// The same, where it goes back to `setting`.
    ///
    /// # Errors
    /// As for `roll_back`; `Changed` where another setting ran before by now.
    pub async fn roll_back_to(
        &self,
        filter: FilterId,
        setting: i64,
        by: &By,
    ) -> Result<(), RegistryError> {
        self.change(filter, Wish::RollBack(Some(setting)), by).await
    }

    /// The setting that ran before the present one: what a rollback goes back to.
    ///
    /// # Errors
    /// `NothingBefore` where there is none.
    pub async fn setting_before(&self, filter: FilterId) -> Result<i64, RegistryError> {
        self.database
            .bounded(async {
                let mut connection = self.database.read().await?;
                history::before(&mut connection, filter).await
            })
            .await
    }

    /// Stops the active setting until it is resumed. Pausing it again changes nothing.
    ///
    /// # Errors
    /// `NotActive` where nothing is switched on, `Suspended` where the host stopped it.
    pub async fn pause(&self, filter: FilterId, by: &By) -> Result<(), RegistryError> {
        self.change(filter, Wish::Pause, by).await
    }

    /// Lets a paused setting run again. Resuming a running one changes nothing.
    ///
    /// # Errors
    /// `NotActive` where nothing is switched on, `Suspended` where the host stopped it.
    pub async fn resume(&self, filter: FilterId, by: &By) -> Result<(), RegistryError> {
        self.change(filter, Wish::Resume, by).await
    }

    /// Switches a filter off for good, until it is activated again. It no longer counts as active.
    ///
    /// # Errors
    /// `NotActive` where nothing is switched on.
    pub async fn retire(&self, filter: FilterId, by: &By) -> Result<(), RegistryError> {
        self.change(filter, Wish::Retire, by).await
    }

    /// Stops `setting` for a reason that its owner reads; nothing happens where it no longer runs.
    ///
    /// # Errors
    /// `Missing` where there is no such setting.
    pub async fn suspend(&self, setting: i64, reason: &str, by: &By) -> Result<(), RegistryError> {
        let filter = self.filter_of_setting(setting).await?;
        match self
            .change(filter, Wish::Suspend(setting, reason), by)
            .await
        {
            Err(RegistryError::Deleted) => Ok(()),
            other => other,
        }
    }

    async fn change(&self, filter: FilterId, wish: Wish<'_>, by: &By) -> Result<(), RegistryError> {
        self.database
            .bounded(async {
                let mut transaction = self.database.write().await?;
                change(&mut transaction, filter, &wish, &self.quotas, by).await?;
                transaction.commit().await?;
                Ok(())
            })
            .await
    }
}

/// Activates a setting in somebody's transaction.
pub(super) async fn run(
    connection: &mut AnyConnection,
    filter: FilterId,
    setting: i64,
    quotas: &Quotas,
    by: &By,
) -> Result<(), RegistryError> {
    change(connection, filter, &Wish::Run(setting), quotas, by).await
}

async fn change(
    connection: &mut AnyConnection,
    filter: FilterId,
    wish: &Wish<'_>,
    quotas: &Quotas,
    by: &By,
) -> Result<(), RegistryError> {
    filters::lock_as_seen(connection, filter, by.seen).await?;
    if let Wish::Run(setting) = wish {
        refuse_foreign(connection, filter, *setting).await?;
    }
    let before = match wish {
        Wish::RollBack(_) => Some(history::before(connection, filter).await?),
        _ => None,
    };
    let current = current(connection, filter).await?;
    let Some(next) = decide(wish, before, current)? else {
        return Ok(());
    };
    put(connection, filter, &next).await?;
    if next.state == State::Active {
        refuse_too_many(connection, filter, quotas).await?;
    }
    let action = wish.action();
    let line = action.trim_start_matches("filter.");
    history::add(connection, filter, line, (next.setting, &next.reason), by).await?;
    let detail = json!({"setting": next.setting, "reason": next.reason});
    audit::record_for_filter(connection, by, filter, action, detail).await?;
    if next.state == State::Suspended {
        notices::suspended(connection, filter, next.setting, &next.reason).await?;
    }
    raise_generation(connection).await
}

async fn refuse_too_many(
    connection: &mut AnyConnection,
    filter: FilterId,
    quotas: &Quotas,
) -> Result<(), RegistryError> {
    let owner: i64 = sqlx::query_scalar("select owner_id from filters where id = $1")
        .bind(filter.0)
        .fetch_one(&mut *connection)
        .await?;
    let active = usage::active_filters(connection, OwnerId(owner)).await?;
    let quota = Quota::ActiveFilters;
    quotas::refuse_more(connection, OwnerId(owner), quota, quotas, active).await
}

/// Switches off whatever is on of a filter, in every lane.
pub(super) async fn remove(
    connection: &mut AnyConnection,
    filter: FilterId,
) -> Result<(), RegistryError> {
    let removed = sqlx::query("delete from activations where filter_id = $1")
        .bind(filter.0)
        .execute(&mut *connection)
        .await?
        .rows_affected();
    if removed > 0 {
        raise_generation(connection).await?;
    }
    Ok(())
}

/// Tells workers that some active set has changed. Last in its transaction: the row stays locked.
pub(super) async fn raise_generation(connection: &mut AnyConnection) -> Result<(), RegistryError> {
    sqlx::query("update generation set number = number + 1 where id = 1")
        .execute(connection)
        .await?;
    Ok(())
}

pub(super) async fn refuse_foreign(
    connection: &mut AnyConnection,
    filter: FilterId,
    setting: i64,
) -> Result<(), RegistryError> {
    sqlx::query("select number from settings where number = $1 and filter_id = $2")
        .bind(setting)
        .bind(filter.0)
        .fetch_optional(connection)
        .await?
        .map(|_| ())
        .ok_or_else(|| RegistryError::Missing {
            what: "setting",
            name: setting.to_string(),
        })
}

async fn current(
    connection: &mut AnyConnection,
    filter: FilterId,
) -> Result<Option<Current>, RegistryError> {
    let row = sqlx::query(
        "select setting, state, reason from activations where filter_id = $1 and lane = $2",
    )
    .bind(filter.0)
    .bind(MAIN_LANE)
    .fetch_optional(connection)
    .await?;
    let Some(row) = row else { return Ok(None) };
    Ok(Some(Current {
        setting: row.try_get("setting")?,
        state: State::from_stored(row.try_get("state")?)?,
        reason: row.try_get("reason")?,
    }))
}

async fn put(
    connection: &mut AnyConnection,
    filter: FilterId,
    next: &Current,
) -> Result<(), RegistryError> {
    sqlx::query(
        "insert into activations (filter_id, lane, setting, state, reason, since_ms)
         values ($1, $2, $3, $4, $5, $6)
         on conflict (filter_id, lane) do update set
             setting = excluded.setting, state = excluded.state,
             reason = excluded.reason, since_ms = excluded.since_ms",
    )
    .bind(filter.0)
    .bind(MAIN_LANE)
    .bind(next.setting)
    .bind(next.state.as_str())
    .bind(next.reason.as_str())
    .bind(now_ms())
    .execute(connection)
    .await?;
    Ok(())
}
