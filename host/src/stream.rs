//! What a stream is, as far as judging it goes: whose alerts, how each is named, when it was
//! observed. A survey is nothing but such settings.
//!
//! In: the `[[streams]]` of the configuration. Out: checked settings. Never: a survey's field
//! names in code.

use std::path::PathBuf;
use std::time::Duration;

use serde::Deserialize;
use skysieve_decode::FieldPath;

use crate::gate::Gate;
use crate::rights::Programmes;
use crate::source::BatchLimits;
use crate::{backtest, kafka, sink, source};

/// The lane that every filter runs in.
pub const MAIN_LANE: &str = "main";

/// One alert stream of this host.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StreamSettings {
    /// Short name, `[a-z0-9][a-z0-9-]*`; part of topics and of the consumer group.
    pub name: String,
    /// Where alerts come from.
    pub source: SourceSettings,
    /// Where results go.
    pub sink: SinkSettings,
    /// Folder of schema documents for Confluent framing: `<id>.avsc`, or `<major>/<minor>/*.avsc`.
    #[serde(default)]
    pub schemas: Option<PathBuf>,
    /// File or folder of sample packets for the checks and the trial of an upload; without it the
    /// stream's own most recent packets serve.
    #[serde(default)]
    pub samples: Option<PathBuf>,
    /// Paths of the object's id, the first that holds one counts; 0 and empty mean "none".
    pub object_id: Vec<String>,
    /// Paths of the alert's own id, likewise; stands in for a missing object id.
    pub alert_id: Vec<String>,
    /// Paths of what is called a cutout: images, or records and arrays of them. The payload
    /// `without_cutouts` leaves them out.
    #[serde(default)]
    pub cutouts: Vec<String>,
    /// When an alert was observed; without it every alert belongs to the night `unknown`.
    #[serde(default)]
    pub observed: Option<ObservationTime>,
    /// Whose alerts they are, where a survey shares its telescope; without it everybody sees all.
    #[serde(default)]
    pub programmes: Option<Programmes>,
    /// Threads that each walk the whole way from source to sink.
    #[serde(default = "one")]
    pub workers: usize,
    /// Greatest number of packets judged at once.
    #[serde(default = "batch_rows")]
    pub batch_rows: usize,
    /// Greatest number of bytes judged at once.
    #[serde(default = "batch_bytes")]
    pub batch_bytes: usize,
    /// Longest wait for a batch to fill [ms].
    #[serde(default = "batch_age_ms")]
    pub batch_age_ms: u64,
    /// Time from one commit to the next [ms]: 100 on Kafka, 1000 in an archive.
    #[serde(default)]
    pub commit_interval_ms: Option<u64>,
    /// Greatest part of the alerts that a filter may pass [%]; from 100 on nothing is asked.
    #[serde(default = "gate_percent")]
    pub gate_percent: f64,
    /// Alerts that a trial or back-test must have judged to speak for a filter.
    #[serde(default = "gate_alerts")]
    pub gate_alerts: u64,
    /// While live, no more than the gate's part of so many alerts, the last ones, goes out.
    #[serde(default = "gate_window")]
    pub gate_window: u64,
    /// What back-tests may read beside the source.
    #[serde(default)]
    pub backtest: backtest::StreamBacktest,
    /// Alerts lately judged whose places are remembered, so that `explain` finds them at once; each
    /// takes 48 bytes.
    #[serde(default = "recent_alerts")]
    pub recent_alerts: usize,
}

/// Where alerts come from.
#[derive(Debug, Clone, Deserialize)]
#[serde(tag = "kind", rename_all = "lowercase")]
pub enum SourceSettings {
    /// Files, folders, tar and tar.gz nights of packets.
    Archive(source::archive::Settings),
    /// Topics of a Kafka cluster.
    Kafka(Box<kafka::Settings>),
}

/// Where results go.
#[derive(Debug, Clone, Deserialize)]
#[serde(tag = "kind", rename_all = "lowercase")]
pub enum SinkSettings {
    /// A tar per filter, night and worker.
    Archive(sink::archive::Settings),
    /// A topic per filter, on the cluster that the source names.
    Kafka,
}

/// Where the observation time stands and what it means, and where the observatory does: together
/// they give the night, from local noon to local noon.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ObservationTime {
    /// Paths of the time; the first that holds one counts.
    pub path: Vec<String>,
    /// `jd` or `mjd`.
    pub format: TimeFormat,
    /// `utc` or `tai`.
    pub scale: TimeScale,
    /// The observatory's longitude, east positive [deg].
    pub longitude_deg: f64,
}

/// How an instant is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum TimeFormat {
    /// Julian date [d].
    Jd,
    /// Modified Julian date, JD − 2,400,000.5 [d].
    Mjd,
}

/// Which clock counts it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum TimeScale {
    /// Coordinated universal time.
    Utc,
    /// International atomic time.
    Tai,
}

const fn one() -> usize {
    1
}
const fn batch_rows() -> usize {
    256
}
const fn batch_bytes() -> usize {
    32 << 20
}
const fn batch_age_ms() -> u64 {
    20
}
const fn gate_percent() -> f64 {
    5.0
}
const fn gate_window() -> u64 {
    10_000
}
const fn gate_alerts() -> u64 {
    200
}
const fn recent_alerts() -> usize {
    1_000_000
}

impl StreamSettings {
    /// Of how many alerts, the last ones, how many may go out of a live filter.
    #[must_use]
    #[allow(
        clippy::cast_precision_loss,
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss
    )]
    pub fn live_gate(&self) -> (u64, u64) {
        // A percentage from 0 to 100 of a number that f64 holds exactly.
        let passing = self.gate_window as f64 * self.gate_percent / 100.0;
        (self.gate_window, passing as u64)
    }

    /// Bounds of a micro-batch.
    #[must_use]
    pub fn batch_limits(&self) -> BatchLimits {
        BatchLimits {
            rows: self.batch_rows,
            bytes: self.batch_bytes,
            age: Duration::from_millis(self.batch_age_ms),
        }
    }

    /// What a filter has to show before it goes live.
    #[must_use]
    pub fn gate(&self) -> Gate {
        Gate {
            percent: self.gate_percent,
            alerts: self.gate_alerts,
        }
    }

    /// Time from one commit to the next.
    #[must_use]
    pub fn commit_interval(&self) -> Duration {
        let default_ms = match self.sink {
            SinkSettings::Archive(_) => 1000,
            SinkSettings::Kafka => 100,
        };
        Duration::from_millis(self.commit_interval_ms.unwrap_or(default_ms))
    }

    /// The paths of its cutouts; checked with the configuration.
    #[must_use]
    pub fn cutout_paths(&self) -> Vec<FieldPath> {
        let paths = self.cutouts.iter().filter_map(|path| path.parse().ok());
        paths.collect()
    }

    /// What is wrong with it, in one line.
    pub(crate) fn check(&self) -> Result<(), String> {
        check_name(&self.name)?;
        check_range("workers", self.workers, 1, 256)?;
        check_range("batch_rows", self.batch_rows, 1, 65_536)?;
        check_range("batch_bytes", self.batch_bytes, 1 << 16, 1 << 30)?;
        if !(1..=100_000_000).contains(&self.gate_window) {
            let window = self.gate_window;
            return Err(format!("gate_window = {window}: must be 1 to 100000000"));
        }
        if !(0.0..=100.0).contains(&self.gate_percent) {
            let percent = self.gate_percent;
            return Err(format!("gate_percent = {percent}: must be 0 to 100"));
        }
        check_range("recent_alerts", self.recent_alerts, 0, 100_000_000)?;
        let times = self.observed.iter().flat_map(|observed| &observed.path);
        for path in self.object_id.iter().chain(&self.alert_id).chain(times) {
            let path: FieldPath = path.parse().map_err(|error| format!("{error}"))?;
            if path.arrays() > 0 {
                return Err(format!(
                    "{path} lies in an array; an alert has one id and one time"
                ));
            }
        }
        if let Some(programmes) = &self.programmes {
            programmes.check()?;
        }
        for path in &self.cutouts {
            path.parse::<FieldPath>()
                .map_err(|error| format!("cutouts: {error}"))?;
        }
        if self.alert_id.is_empty() {
            return Err("alert_id is empty; name at least one path".to_owned());
        }
        if let Some(observed) = &self.observed
            && !(-180.0..=360.0).contains(&observed.longitude_deg)
        {
            return Err(format!(
                "longitude_deg = {} is no longitude",
                observed.longitude_deg
            ));
        }
        match (&self.source, &self.sink) {
            (SourceSettings::Archive(_), SinkSettings::Archive(_)) => Ok(()),
            (SourceSettings::Kafka(settings), _) => {
                settings.check().map_err(|error| error.to_string())
            }
            (SourceSettings::Archive(_), SinkSettings::Kafka) => Err(
                "sink.kind = \"kafka\" needs source.kind = \"kafka\": from an archive to Kafka there is no \
                 way yet"
                    .to_owned(),
            ),
        }
    }
}

fn check_name(name: &str) -> Result<(), String> {
    let legal = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    let sound = !name.is_empty() && name.len() <= 32 && name.chars().all(legal);
    if sound && !name.starts_with('-') {
        return Ok(());
    }
    Err("a stream's name is 1 to 32 of a-z, 0-9 and -, and does not begin with -".to_owned())
}

fn check_range(key: &str, value: usize, least: usize, most: usize) -> Result<(), String> {
    if (least..=most).contains(&value) {
        return Ok(());
    }
    Err(format!("{key} = {value}: must be {least} to {most}"))
}
