//! What there is a quota of, and how much by default. Pure.
//!
//! In: the `[registry.quotas]` of the configuration. Out: [`Quota`]s and their defaults. Never: what was
//! set for one owner; `quotas.rs` has that.

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
#[schema(as = QuotaName)]
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
