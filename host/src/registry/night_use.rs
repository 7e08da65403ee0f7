//! What filters have sent out of their nights, as the counts say.
//!
//! In: a stream, nights or how many of them; an owner. Out: [`NightUse`], sums. Never: a look at every night that there
//! ever was, for this is asked once a second.

use sqlx::any::AnyRow;
use sqlx::{AnyConnection, AssertSqlSafe, Row};

use super::Registry;
use super::error::RegistryError;
use super::numbers::{FilterId, OwnerId};
use super::quota::Quota;
use crate::outflow::Used;

/// What a filter has sent out of a night.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NightUse {
    /// Its topic.
    pub topic: String,
    /// The night.
    pub night: String,
    /// Alerts that went out.
    pub alerts: i64,
    /// Their bytes of payload.
    pub bytes: i64,
    /// Time in the sandbox [ns].
    pub elapsed_ns: i64,
}

impl NightUse {
    /// As the ledger of what goes out takes it.
    #[must_use]
    pub fn used(&self) -> Used {
        Used {
            alerts: self.alerts.unsigned_abs(),
            bytes: self.bytes.unsigned_abs(),
            elapsed_ns: self.elapsed_ns.unsigned_abs(),
        }
    }
}

/// What the nights of settings (`c`) add up to for a filter, with what was withheld and read later.
fn sums(filter: &str) -> String {
    let later = |what: &str| {
        format!(
            "coalesce((select r.{what} from withheld_reads r
                       where r.filter_id = {filter} and r.night = c.night), 0)"
        )
    };
    format!(
        "cast(sum(c.passed - coalesce((
             select sum(x.alerts) from night_outcomes x
             where x.setting = c.setting and x.night = c.night and x.outcome = 'withheld'), 0))
             + {} as bigint) as alerts,
         cast(sum(c.bytes_out) + {} as bigint) as bytes,
         cast(sum(c.elapsed_ns) as bigint) as elapsed_ns",
        later("alerts"),
        later("bytes"),
    )
}

/// The settings (`s`) of a stream's filters (`f`) that are on.
const ACTIVE: &str = "activations a
    join filters f on f.id = a.filter_id
    join settings s on s.filter_id = f.id";

impl Registry {
    /// What the filters of a stream that are on have sent out of these nights, earliest first.
    ///
    /// # Errors
    /// `Unavailable` without a database.
    pub async fn night_use(
        &self,
        stream: &str,
        nights: &[impl AsRef<str>],
    ) -> Result<Vec<NightUse>, RegistryError> {
        if nights.is_empty() {
            return Ok(Vec::new());
        }
        let sql = of_nights(nights.len());
        let mut query = sqlx::query(AssertSqlSafe(sql))
            .persistent(false)
            .bind(stream);
        for night in nights {
            query = query.bind(night.as_ref());
        }
        self.database.rows(query, read).await
    }

    /// What one filter has sent out of a night, whether it is on or not.
    ///
    /// # Errors
    /// `Unavailable` without a database.
    pub async fn night_use_of(&self, filter: FilterId, night: &str) -> Result<Used, RegistryError> {
        let sql = format!(
            "select f.topic, c.night, {}
             from filters f
             join settings s on s.filter_id = f.id
             join night_counts c on c.setting = s.number
             where f.id = $1 and c.night = $2
             group by f.id, f.topic, c.night",
            sums("f.id")
        );
        let query = sqlx::query(AssertSqlSafe(sql)).bind(filter.0).bind(night);
        let found = self.database.rows(query, read).await?;
        Ok(found.first().map(NightUse::used).unwrap_or_default())
    }

    /// What the filters of a stream that are on have sent out of the last nights, earliest first: so
    /// many of each of their settings.
    ///
    /// # Errors
    /// `Unavailable` without a database.
    pub async fn latest_use(
        &self,
        stream: &str,
        nights: usize,
    ) -> Result<Vec<NightUse>, RegistryError> {
        // From one night of a setting to the one before it, each found in the index: a filter of many
        // years costs no more than one of a week.
        let sql = format!(
            "with recursive latest (setting, filter, topic, night, place) as (
                 select s.number, f.id, f.topic,
                        (select max(n.night) from night_counts n where n.setting = s.number),
                        cast(1 as bigint)
                 from {ACTIVE}
                 where f.stream = $1 and a.lane = 'main' and a.state = 'active'
                 union all
                 select l.setting, l.filter, l.topic,
                        (select max(n.night) from night_counts n
                         where n.setting = l.setting and n.night < l.night),
                        l.place + 1
                 from latest l
                 where l.place < $2 and l.night is not null
             )
             select l.topic, c.night, {}
             from latest l
             join night_counts c on c.setting = l.setting and c.night = l.night
             group by l.filter, l.topic, c.night
             order by c.night",
            sums("l.filter")
        );
        let query = sqlx::query(AssertSqlSafe(sql)).bind(stream);
        let query = query.bind(i64::try_from(nights).unwrap_or(i64::MAX));
        self.database.rows(query, read).await
    }
}

/// The question for so many nights.
pub(super) fn of_nights(nights: usize) -> String {
    let places: Vec<String> = (2..nights + 2).map(|n| format!("${n}")).collect();
    // By night first: of a night there is a row for each setting that ran, and no more.
    format!(
        "select f.topic, c.night, {}
         from {ACTIVE}
         join night_counts c on c.setting = s.number
         where f.stream = $1 and a.lane = 'main' and a.state = 'active' and c.night in ({})
         group by f.id, f.topic, c.night
         order by c.night",
        sums("f.id"),
        places.join(", ")
    )
}

/// Of a quota per night: the most that one filter of an owner has used of the last night it has alerts
/// of; none of another quota.
pub(super) async fn most_of_a_night(
    connection: &mut AnyConnection,
    owner: OwnerId,
    quota: Quota,
) -> Result<Option<i64>, RegistryError> {
    if quota == Quota::LogBytesPerNight {
        return logged(connection, owner).await.map(Some);
    }
    let (used, unit) = match quota {
        Quota::AlertsPerNight => ("alerts", 1),
        Quota::BytesPerNight => ("bytes", 1),
        Quota::CpuSPerNight => ("elapsed_ns", 1_000_000_000),
        _ => return Ok(None),
    };
    let sql = format!(
        "with latest as materialized (
             select f.id, max(c.night) as night
             from filters f
             join settings s on s.filter_id = f.id
             join night_counts c on c.setting = s.number
             where f.owner_id = $1 and f.deleted_ms is null
             group by f.id
         )
         select max(sums.{used}) from (
             select {}
             from latest l
             join settings s on s.filter_id = l.id
             join night_counts c on c.setting = s.number and c.night = l.night
             group by l.id, c.night
         ) sums",
        sums("l.id")
    );
    let most: Option<i64> = sqlx::query_scalar(AssertSqlSafe(sql))
        .bind(owner.0)
        .fetch_one(connection)
        .await?;
    Ok(Some(most.unwrap_or(0) / unit))
}

async fn logged(connection: &mut AnyConnection, owner: OwnerId) -> Result<i64, RegistryError> {
    let most: Option<i64> = sqlx::query_scalar(
        "select max(l.bytes)
         from log_nights l join filters f on f.id = l.filter_id
         where f.owner_id = $1 and f.deleted_ms is null
           and l.at_ms = (select max(n.at_ms) from log_nights n where n.filter_id = f.id)",
    )
    .bind(owner.0)
    .fetch_one(connection)
    .await?;
    Ok(most.unwrap_or(0))
}

fn read(row: &AnyRow) -> Result<NightUse, RegistryError> {
    Ok(NightUse {
        topic: row.try_get("topic")?,
        night: row.try_get("night")?,
        alerts: row.try_get("alerts")?,
        bytes: row.try_get("bytes")?,
        elapsed_ns: row.try_get("elapsed_ns")?,
    })
}
