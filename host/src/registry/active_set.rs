//! The active set: everything a worker needs to run the filters of one stream and lane.
//!
//! In: a stream and a lane. Out: its [`ActiveSetting`]s. Never: a filter
//! that is paused, suspended or deleted, or one filter's unreadable row in another's way.

use std::collections::BTreeMap;

use serde_json::Value;
use sqlx::Row;
use sqlx::any::AnyRow;

use super::error::RegistryError;
use super::numbers::{FilterId, OwnerId};
use super::{Registry, versions};
use crate::evaluate::{Description, ParameterValue};
use crate::payload::Payload;

/// A setting that runs.
#[derive(Debug, Clone)]
pub struct ActiveSetting {
    /// Its number.
    pub setting: i64,
    /// Identity of the owner.
    pub owner_id: OwnerId,
    /// Owner's name.
    pub owner: String,
    /// Filter's name.
    pub filter: String,
    /// Number of the version.
    pub version: i64,
    /// Digest of the version: its component is `Registry::component(digest)`.
    pub digest: String,
    /// What the filter says of itself.
    pub description: Description,
    /// One value for each of `description.parameters`.
    pub parameters: Vec<ParameterValue>,
    /// Where passing alerts go.
    pub topic: String,
    /// What goes out.
    pub payload: Payload,
    /// Whether an administrator lifted the stream's gate for the filter.
    pub gate_is_lifted: bool,
}

/// Everything an [`ActiveSetting`] holds, for a setting `s`. Callers add the tables it is joined from
/// and the `where`.
macro_rules! select_runnable {
    ($from:literal, $rest:literal) => {
        concat!(
            "select s.number as setting, f.owner_id, o.name as owner, f.name as filter, s.version, v.digest,
                    v.description, s.parameters, f.topic, s.payload,
                    (select count(*) from gate_lifts g
                     where g.filter_id = f.id and g.ended_ms is null) as lifts
             from ",
            $from,
            " join filters f on f.id = s.filter_id
              join owners o on o.id = f.owner_id
              join versions v on v.filter_id = s.filter_id and v.number = s.version ",
            $rest
        )
    };
}

impl Registry {
    /// What runs on a stream and lane, by number of the setting. Read the generation before it: what
    /// changed in between then shows at the next look.
    ///
    /// # Errors
    /// `Unavailable` without a database: the last set stays good.
    pub async fn active_settings(
        &self,
        stream: &str,
        lane: &str,
    ) -> Result<Vec<ActiveSetting>, RegistryError> {
        self.database
            .bounded(async {
                let mut connection = self.database.read().await?;
                let rows = sqlx::query(select_runnable!(
                    "activations a join settings s on s.number = a.setting",
                    "where f.stream = $1 and a.lane = $2 and a.state = 'active'
                       and f.deleted_ms is null
                     order by a.setting"
                ))
                .bind(stream)
                .bind(lane)
                .fetch_all(&mut *connection)
                .await?;
                Ok(rows.iter().filter_map(read_or_tell).collect())
            })
            .await
    }

    /// What it takes to run `setting`, be it active or not: for a back-test.
    ///
    /// # Errors
    /// `Missing` where there is no such setting.
    pub async fn runnable_setting(&self, setting: i64) -> Result<ActiveSetting, RegistryError> {
        self.database
            .bounded(async {
                let mut connection = self.database.read().await?;
                sqlx::query(select_runnable!("settings s", "where s.number = $1"))
                    .bind(setting)
                    .fetch_optional(&mut *connection)
                    .await?
                    .as_ref()
                    .map(read)
                    .transpose()?
                    .ok_or_else(|| RegistryError::Missing {
                        what: "setting",
                        name: setting.to_string(),
                    })
            })
            .await
    }
}

/// What of a filter is to be looked at, running or not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Chosen {
    /// A setting.
    Setting(i64),
    /// A version, with its default parameters.
    Version(i64),
}

impl Registry {
    /// A setting or version of a filter as it would run, whether it does or not. A version has the
    /// setting 0.
    ///
    /// # Errors
    /// `Missing` where the filter has none of that number.
    pub async fn runnable(
        &self,
        filter: FilterId,
        chosen: Chosen,
    ) -> Result<ActiveSetting, RegistryError> {
        let (what, number, sql) = match chosen {
            Chosen::Setting(number) => (
                "setting",
                number,
                select_runnable!("settings s", "where s.filter_id = $1 and s.number = $2"),
            ),
            Chosen::Version(number) => (
                "version",
                number,
                select_runnable!(
                    "(select cast(0 as bigint) as number, filter_id, number as version,
                             '{}' as parameters, 'packet' as payload
                      from versions) s",
                    "where s.filter_id = $1 and s.version = $2"
                ),
            ),
        };
        self.database
            .bounded(async {
                let mut connection = self.database.read().await?;
                let row = sqlx::query(sql)
                    .bind(filter.0)
                    .bind(number)
                    .fetch_optional(&mut *connection)
                    .await?;
                row.as_ref()
                    .map(read)
                    .transpose()?
                    .ok_or_else(|| RegistryError::Missing {
                        what,
                        name: number.to_string(),
                    })
            })
            .await
    }
}

/// A row that cannot be read is one filter's trouble, not its neighbours'.
fn read_or_tell(row: &AnyRow) -> Option<ActiveSetting> {
    read(row)
        .inspect_err(|error| {
            let setting: i64 = row.try_get("setting").unwrap_or_default();
            tracing::error!(setting, %error, "an active setting cannot be read and does not run");
        })
        .ok()
}

fn read(row: &AnyRow) -> Result<ActiveSetting, RegistryError> {
    let description: Description = versions::document(row, "description")?;
    let given: BTreeMap<String, Value> = versions::document(row, "parameters")?;
    let parameters = description.parameters_from(&given)?;
    Ok(ActiveSetting {
        setting: row.try_get("setting")?,
        owner_id: OwnerId(row.try_get("owner_id")?),
        owner: row.try_get("owner")?,
        filter: row.try_get("filter")?,
        version: row.try_get("version")?,
        digest: row.try_get("digest")?,
        description,
        parameters,
        topic: row.try_get("topic")?,
        payload: Payload::from_stored(row.try_get("payload")?)?,
        gate_is_lifted: row.try_get::<i64, _>("lifts")? > 0,
    })
}
