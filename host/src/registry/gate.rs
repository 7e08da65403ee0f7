//! The gate before the live stream: what speaks for a setting, and where an administrator lifted it.
//!
//! In: settings, reasons. Out: [`Evidence`], [`GateLift`]s. Never: the decision, which is
//! [`crate::gate`]'s.

use serde_json::{Value, json};
use sqlx::any::AnyRow;
use sqlx::{AnyConnection, Row};

use super::audit::{self, By};
use super::error::RegistryError;
use super::numbers::{self, FilterId, Numbered};
use super::{Registry, activation, filters, now_ms, versions};
use crate::evaluate::Description;
use crate::gate::Tested;

/// Lifts that one filter shows, newest first.
const LIFTS_SHOWN: i64 = 50;

/// What is known of a setting before it goes live.
#[derive(Debug, Clone, PartialEq)]
pub struct Evidence {
    /// The last finished back-test of its version and parameters, one of enough alerts before others.
    pub backtest: Option<(i64, Tested)>,
    /// The trial at upload, where the setting has the default parameters, as the trial had.
    pub trial: Option<Tested>,
    /// The lift that is in force.
    pub lift: Option<GateLift>,
}

/// A gate that an administrator lifted for one filter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GateLift {
    /// Why.
    pub reason: String,
    /// Name of the administrator; none for a host's command line.
    pub lifted_by: Option<String>,
    /// When [ms since the Unix epoch].
    pub lifted_ms: i64,
    /// Who ended it.
    pub ended_by: Option<String>,
    /// When it ended [ms since the Unix epoch].
    pub ended_ms: Option<i64>,
}

impl Registry {
    /// What speaks for or against `setting`; a back-test counts in full from `least` alerts on.
    ///
    /// # Errors
    /// `Missing` where the filter has no such setting.
    pub async fn evidence(
        &self,
        filter: FilterId,
        setting: i64,
        least: u64,
    ) -> Result<Evidence, RegistryError> {
        self.database
            .bounded(async {
                let mut connection = self.database.read().await?;
                let trial = trial(&mut connection, filter, setting).await?;
                let backtest = backtest(&mut connection, filter, setting, least).await?;
                let lift = lifts(&mut connection, filter, 1).await?.pop();
                Ok(Evidence {
                    backtest,
                    trial,
                    lift: lift.filter(|lift| lift.ended_ms.is_none()),
                })
            })
            .await
    }

    /// The lifts of a filter's gate, newest first.
    ///
    /// # Errors
    /// `Unavailable` without a database.
    pub async fn gate_lifts(&self, filter: FilterId) -> Result<Vec<GateLift>, RegistryError> {
        self.database
            .bounded(async {
                let mut connection = self.database.read().await?;
                lifts(&mut connection, filter, LIFTS_SHOWN).await
            })
            .await
    }

    /// Lifts the gate of one filter; one that is lifted already is lifted anew, for the new reason.
    ///
    /// # Errors
    /// `Deleted` where the filter was deleted.
    pub async fn lift_gate(
        &self,
        filter: FilterId,
        by: &By,
        reason: &str,
    ) -> Result<(), RegistryError> {
        self.database
            .bounded(async {
                let mut transaction = self.database.write().await?;
                filters::lock(&mut transaction, filter).await?;
                end(&mut transaction, filter, by).await?;
                let id = numbers::next(&mut transaction, Numbered::GateLift).await?;
                sqlx::query(
                    "insert into gate_lifts (id, filter_id, reason, lifted_by, lifted_ms)
                     values ($1, $2, $3, $4, $5)",
                )
                .bind(id)
                .bind(filter.0)
                .bind(reason)
                .bind(by.id())
                .bind(now_ms())
                .execute(&mut *transaction)
                .await?;
                let detail = json!({"reason": reason});
                audit::record_for_filter(&mut transaction, by, filter, "gate.lift", detail).await?;
                // What the live filter may send out has changed.
                activation::raise_generation(&mut transaction).await?;
                transaction.commit().await?;
                Ok(())
            })
            .await
    }

    /// Ends the lift of a filter's gate; what is live stays live. Nothing happens where there is none.
    ///
    /// # Errors
    /// `Unavailable` without a database.
    pub async fn end_gate_lift(&self, filter: FilterId, by: &By) -> Result<(), RegistryError> {
        self.database
            .bounded(async {
                let mut transaction = self.database.write().await?;
                if end(&mut transaction, filter, by).await? {
                    let (action, detail) = ("gate.restore", json!({}));
                    audit::record_for_filter(&mut transaction, by, filter, action, detail).await?;
                    activation::raise_generation(&mut transaction).await?;
                }
                transaction.commit().await?;
                Ok(())
            })
            .await
    }
}

/// True where there was one.
async fn end(
    connection: &mut AnyConnection,
    filter: FilterId,
    by: &By,
) -> Result<bool, RegistryError> {
    let ended = sqlx::query(
        "update gate_lifts set ended_by = $2, ended_ms = $3
         where filter_id = $1 and ended_ms is null",
    )
    .bind(filter.0)
    .bind(by.id())
    .bind(now_ms())
    .execute(connection)
    .await?;
    Ok(ended.rows_affected() > 0)
}

async fn lifts(
    connection: &mut AnyConnection,
    filter: FilterId,
    limit: i64,
) -> Result<Vec<GateLift>, RegistryError> {
    sqlx::query(
        "select l.reason, l.lifted_ms, l.ended_ms, by_whom.name as lifted_by,
                ender.name as ended_by
         from gate_lifts l
         left join owners by_whom on by_whom.id = l.lifted_by
         left join owners ender on ender.id = l.ended_by
         where l.filter_id = $1 order by l.id desc limit $2",
    )
    .bind(filter.0)
    .bind(limit)
    .fetch_all(connection)
    .await?
    .iter()
    .map(read_lift)
    .collect()
}

fn read_lift(row: &AnyRow) -> Result<GateLift, RegistryError> {
    Ok(GateLift {
        reason: row.try_get("reason")?,
        lifted_by: row.try_get("lifted_by")?,
        lifted_ms: row.try_get("lifted_ms")?,
        ended_by: row.try_get("ended_by")?,
        ended_ms: row.try_get("ended_ms")?,
    })
}

/// The version's trial, where the setting's parameters are those that it was tried with.
async fn trial(
    connection: &mut AnyConnection,
    filter: FilterId,
    setting: i64,
) -> Result<Option<Tested>, RegistryError> {
    let row = sqlx::query(
        "select v.description, v.trial, s.parameters
         from settings s join versions v on v.filter_id = s.filter_id and v.number = s.version
         where s.number = $1 and s.filter_id = $2",
    )
    .bind(setting)
    .bind(filter.0)
    .fetch_optional(connection)
    .await?
    .ok_or_else(|| RegistryError::Missing {
        what: "setting",
        name: setting.to_string(),
    })?;
    let description: Description = versions::document(&row, "description")?;
    let values = description.parameters_from(&versions::document(&row, "parameters")?)?;
    let defaults = description.parameters.iter().map(|one| &one.default);
    if !values.iter().eq(defaults) {
        return Ok(None);
    }
    let trial: Value = versions::document(&row, "trial")?;
    let number = |key: &str| trial[key].as_u64().unwrap_or_default();
    Ok(Some(Tested {
        alerts: number("alerts") + number("lacking"),
        passed: number("passed"),
    }))
}

/// Of the same version and parameters: the payload choice changes no verdict.
async fn backtest(
    connection: &mut AnyConnection,
    filter: FilterId,
    setting: i64,
    least: u64,
) -> Result<Option<(i64, Tested)>, RegistryError> {
    let row = sqlx::query(
        "select b.id, b.judged, b.passed
         from settings s
         join settings t on t.filter_id = s.filter_id and t.version = s.version
                        and t.parameters = s.parameters
         join backtests b on b.setting = t.number and b.state = 'done'
         where s.number = $1 and s.filter_id = $2
         order by case when b.judged >= $3 then 0 else 1 end, b.id desc
         limit 1",
    )
    .bind(setting)
    .bind(filter.0)
    .bind(i64::try_from(least).unwrap_or(i64::MAX))
    .fetch_optional(connection)
    .await?;
    let Some(row) = row else { return Ok(None) };
    let number = |column: &str| row.try_get::<i64, _>(column).map(i64::unsigned_abs);
    let tested = Tested {
        alerts: number("judged")?,
        passed: number("passed")?,
    };
    Ok(Some((row.try_get("id")?, tested)))
}
