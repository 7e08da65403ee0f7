//! Quotas: how much an owner may have and use, by default or as an administrator set it.
//!
//! In: the defaults of the configuration, what was set for an owner. Out: the value that holds, and
//! what was used of it. Never: a limit that is enforced here; whoever does a thing asks first.

use std::collections::BTreeMap;

use serde_json::json;
use sqlx::{AnyConnection, Row};

use super::audit::{self, By, Deed};
use super::error::RegistryError;
use super::numbers::OwnerId;
use super::{Registry, activation, now_ms};

/// What there is a quota of.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    serde::Serialize,
    serde::Deserialize,
    utoipa::ToSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Quota {
    /// Filters, but for deleted ones.
    Filters,
    /// Filters that are switched on.
    ActiveFilters,
    /// Size of one upload [bytes].
    UploadBytes,
    /// Time that checks, compilation and trials of uploads take per day, UTC [s].
    CompileSPerDay,
    /// Fuel of one alert.
    FuelPerAlert,
    /// Memory of a filter [bytes].
    MemoryBytes,
    /// Time in the sandbox per filter and night [s].
    CpuSPerNight,
    /// Alerts that go out per filter and night.
    AlertsPerNight,
    /// Bytes of payload that go out per filter and night.
    BytesPerNight,
    /// Alerts that back-tests judge per day, UTC.
    BacktestAlertsPerDay,
    /// Lines that a filter logs per night [bytes].
    LogBytesPerNight,
    /// Requests to the HTTP interface per minute.
    RequestsPerMinute,
}

impl Quota {
    /// All of them, in the order in which they are shown.
    pub const ALL: [Self; 12] = [
        Self::Filters,
        Self::ActiveFilters,
        Self::UploadBytes,
        Self::CompileSPerDay,
        Self::FuelPerAlert,
        Self::MemoryBytes,
        Self::CpuSPerNight,
        Self::AlertsPerNight,
        Self::BytesPerNight,
        Self::BacktestAlertsPerDay,
        Self::LogBytesPerNight,
        Self::RequestsPerMinute,
    ];

    /// The word that is stored and shown.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Filters => "filters",
            Self::ActiveFilters => "active_filters",
            Self::UploadBytes => "upload_bytes",
            Self::CompileSPerDay => "compile_s_per_day",
            Self::FuelPerAlert => "fuel_per_alert",
            Self::MemoryBytes => "memory_bytes",
            Self::CpuSPerNight => "cpu_s_per_night",
            Self::AlertsPerNight => "alerts_per_night",
            Self::BytesPerNight => "bytes_per_night",
            Self::BacktestAlertsPerDay => "backtest_alerts_per_day",
            Self::LogBytesPerNight => "log_bytes_per_night",
            Self::RequestsPerMinute => "requests_per_minute",
        }
    }

    /// The quota of this name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|quota| quota.as_str() == name)
    }
}

/// The quotas of whoever has none of their own. A scientist's working day, and a tenth of ZTF's
/// night as output: 100,000 alerts of 60 kB.
#[derive(Debug, Clone, PartialEq, Eq, serde::Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Quotas {
    /// Filters, but for deleted ones.
    pub filters: i64,
    /// Filters that are switched on.
    pub active_filters: i64,
    /// Size of one upload [bytes].
    pub upload_bytes: i64,
    /// Time that checks, compilation and trials of uploads take per day, UTC [s].
    pub compile_s_per_day: i64,
    /// Fuel of one alert; the sandbox's own limit holds besides.
    pub fuel_per_alert: i64,
    /// Memory of a filter [bytes]; the sandbox's own limit holds besides.
    pub memory_bytes: i64,
    /// Time in the sandbox per filter and night [s].
    pub cpu_s_per_night: i64,
    /// Alerts that go out per filter and night.
    pub alerts_per_night: i64,
    /// Bytes of payload that go out per filter and night.
    pub bytes_per_night: i64,
    /// Alerts that back-tests judge per day, UTC.
    pub backtest_alerts_per_day: i64,
    /// Lines that a filter logs per night [bytes].
    pub log_bytes_per_night: i64,
    /// Requests to the HTTP interface per minute.
    pub requests_per_minute: i64,
}

impl Default for Quotas {
    fn default() -> Self {
        Self {
            filters: 100,
            active_filters: 20,
            upload_bytes: 8 << 20,
            compile_s_per_day: 3_600,
            fuel_per_alert: i64::MAX,
            memory_bytes: i64::MAX,
            cpu_s_per_night: 3_600,
            alerts_per_night: 100_000,
            bytes_per_night: 6_000_000_000,
            backtest_alerts_per_day: 5_000_000,
            log_bytes_per_night: 4 << 20,
            requests_per_minute: 600,
        }
    }
}

impl Quotas {
    /// The default of a quota.
    #[must_use]
    pub const fn default_of(&self, quota: Quota) -> i64 {
        match quota {
            Quota::Filters => self.filters,
            Quota::ActiveFilters => self.active_filters,
            Quota::UploadBytes => self.upload_bytes,
            Quota::CompileSPerDay => self.compile_s_per_day,
            Quota::FuelPerAlert => self.fuel_per_alert,
            Quota::MemoryBytes => self.memory_bytes,
            Quota::CpuSPerNight => self.cpu_s_per_night,
            Quota::AlertsPerNight => self.alerts_per_night,
            Quota::BytesPerNight => self.bytes_per_night,
            Quota::BacktestAlertsPerDay => self.backtest_alerts_per_day,
            Quota::LogBytesPerNight => self.log_bytes_per_night,
            Quota::RequestsPerMinute => self.requests_per_minute,
        }
    }
}

/// What an administrator set for an owner.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SetQuota {
    /// How much.
    pub value: i64,
    /// Why.
    pub reason: String,
    /// When [ms since the Unix epoch].
    pub set_ms: i64,
}

/// The quotas that were set, by owner.
pub type SetQuotas = BTreeMap<(OwnerId, Quota), i64>;

impl Registry {
    /// The defaults.
    #[must_use]
    pub fn quota_defaults(&self) -> &Quotas {
        &self.quotas
    }

    /// What holds for an owner.
    ///
    /// # Errors
    /// `Unavailable` without a database.
    pub async fn quota(&self, owner: OwnerId, quota: Quota) -> Result<i64, RegistryError> {
        self.database
            .bounded(async {
                let mut connection = self.database.read().await?;
                value(&mut connection, owner, quota, &self.quotas).await
            })
            .await
    }

    /// What was set for one owner.
    ///
    /// # Errors
    /// `Unavailable` without a database.
    pub async fn set_quotas_of(
        &self,
        owner: OwnerId,
    ) -> Result<BTreeMap<Quota, SetQuota>, RegistryError> {
        self.database
            .bounded(async {
                let mut connection = self.database.read().await?;
                let rows = sqlx::query(
                    "select name, value, reason, set_ms from quotas where owner_id = $1",
                )
                .bind(owner.0)
                .fetch_all(&mut *connection)
                .await?;
                let mut set = BTreeMap::new();
                for row in &rows {
                    if let Some(quota) = Quota::named(row.try_get("name")?) {
                        let (value, reason) = (row.try_get("value")?, row.try_get("reason")?);
                        let set_ms = row.try_get("set_ms")?;
                        set.insert(
                            quota,
                            SetQuota {
                                value,
                                reason,
                                set_ms,
                            },
                        );
                    }
                }
                Ok(set)
            })
            .await
    }

    /// What was set for anybody.
    ///
    /// # Errors
    /// `Unavailable` without a database.
    pub async fn set_quotas(&self) -> Result<SetQuotas, RegistryError> {
        self.database
            .bounded(async {
                let mut connection = self.database.read().await?;
                let rows: Vec<(i64, String, i64)> =
                    sqlx::query_as("select owner_id, name, value from quotas")
                        .fetch_all(&mut *connection)
                        .await?;
                let known = |(owner, name, value): (i64, String, i64)| {
                    Some(((OwnerId(owner), Quota::named(&name)?), value))
                };
                Ok(rows.into_iter().filter_map(known).collect())
            })
            .await
    }

    /// Sets a quota of an owner, or, with none, lets the default hold again.
    ///
    /// # Errors
    /// `Unavailable` without a database.
    pub async fn set_quota(
        &self,
        (owner, name): (OwnerId, &str),
        quota: Quota,
        value: Option<i64>,
        reason: &str,
        by: &By,
    ) -> Result<(), RegistryError> {
        self.database
            .bounded(async {
                let mut transaction = self.database.write().await?;
                sqlx::query("delete from quotas where owner_id = $1 and name = $2")
                    .bind(owner.0)
                    .bind(quota.as_str())
                    .execute(&mut *transaction)
                    .await?;
                if let Some(value) = value {
                    sqlx::query(
                        "insert into quotas (owner_id, name, value, reason, set_by, set_ms)
                         values ($1, $2, $3, $4, $5, $6)",
                    )
                    .bind(owner.0)
                    .bind(quota.as_str())
                    .bind(value)
                    .bind(reason)
                    .bind(by.id())
                    .bind(now_ms())
                    .execute(&mut *transaction)
                    .await?;
                }
                let deed = Deed {
                    action: "quota.set",
                    owner: Some(owner),
                    filter: None,
                    subject: name,
                    detail: json!({"quota": quota, "value": value, "reason": reason}),
                };
                audit::record(&mut transaction, by, deed).await?;
                // What the owner's active filters may send out has changed.
                activation::raise_generation(&mut transaction).await?;
                transaction.commit().await?;
                Ok(())
            })
            .await
    }
}

/// What holds for an owner.
pub(super) async fn value(
    connection: &mut AnyConnection,
    owner: OwnerId,
    quota: Quota,
    defaults: &Quotas,
) -> Result<i64, RegistryError> {
    let set: Option<i64> =
        sqlx::query_scalar("select value from quotas where owner_id = $1 and name = $2")
            .bind(owner.0)
            .bind(quota.as_str())
            .fetch_optional(connection)
            .await?;
    Ok(set.unwrap_or_else(|| defaults.default_of(quota)))
}

/// Refuses what would be more than an owner may have.
///
/// # Errors
/// `Quota` where `would_be` is more than what holds.
pub(super) async fn refuse_more(
    connection: &mut AnyConnection,
    owner: OwnerId,
    quota: Quota,
    defaults: &Quotas,
    would_be: i64,
) -> Result<(), RegistryError> {
    let most = value(connection, owner, quota, defaults).await?;
    if would_be > most {
        return Err(RegistryError::Quota {
            quota: quota.as_str(),
            most,
        });
    }
    Ok(())
}
