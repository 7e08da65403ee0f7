//! The series themselves: names, units, what they mean.
//!
//! In: a registry. Out: one family for each name, and the series of a stream or a filter out of them.
//! Never: a figure.

use std::sync::atomic::AtomicU64;
use std::time::Duration;

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Registry, Unit};

use super::labels::{
    OfCommit, OfFilter, OfStream, OfVerdict, VERDICTS, batches, durations, latencies,
};

use crate::delivery::Counts;

/// Adds fractions of seconds up.
type SecondsCounter = Counter<f64, AtomicU64>;
type Histograms = Family<OfStream, Histogram, fn() -> Histogram>;

/// Every family.
#[derive(Clone)]
pub(super) struct Series {
    packets: Family<OfStream, Counter>,
    packet_bytes: Family<OfStream, Counter>,
    alerts: Family<OfStream, Counter>,
    dead_letters: Family<OfStream, Counter>,
    outputs: Family<OfStream, Counter>,
    output_bytes: Family<OfStream, Counter>,
    batch: Histograms,
    judging: Histograms,
    commit: Histograms,
    latency: Histograms,
    commits: Family<OfCommit, Counter>,
    behind: Family<OfStream, Gauge>,
    late: Family<OfStream, Gauge>,
    generation: Family<OfStream, Gauge>,
    active: Family<OfStream, Gauge>,
    workers: Family<OfStream, Gauge>,
    verdicts: Family<OfVerdict, Counter>,
    withheld: Family<OfFilter, Counter>,
    seconds: Family<OfFilter, SecondsCounter>,
    fuel: Family<OfFilter, Counter>,
}

/// The series of one stream's lane.
#[derive(Clone)]
pub(super) struct StreamSeries {
    pub stream: String,
    pub packets: Counter,
    pub packet_bytes: Counter,
    pub alerts: Counter,
    pub dead_letters: Counter,
    pub outputs: Counter,
    pub output_bytes: Counter,
    pub batch: Histogram,
    pub judging: Histogram,
    pub commit: Histogram,
    pub latency: Histogram,
    pub committed: Counter,
    pub aborted: Counter,
    pub behind: Gauge,
    pub late: Gauge,
    pub generation: Gauge,
    pub active: Gauge,
    pub workers: Gauge,
}

/// The series of one filter.
#[derive(Clone)]
pub(super) struct FilterSeries {
    pub passed: Counter,
    pub rejected: Counter,
    pub failed: Counter,
    pub withheld: Counter,
    pub seconds: SecondsCounter,
    pub fuel: Counter,
}

impl Series {
    /// Registers them all.
    pub fn register(registry: &mut Registry) -> Self {
        let series = Self {
            packets: Family::default(),
            packet_bytes: Family::default(),
            alerts: Family::default(),
            dead_letters: Family::default(),
            outputs: Family::default(),
            output_bytes: Family::default(),
            batch: Family::new_with_constructor(batches),
            judging: Family::new_with_constructor(durations),
            commit: Family::new_with_constructor(durations),
            latency: Family::new_with_constructor(latencies),
            commits: Family::default(),
            behind: Family::default(),
            late: Family::default(),
            generation: Family::default(),
            active: Family::default(),
            workers: Family::default(),
            verdicts: Family::default(),
            withheld: Family::default(),
            seconds: Family::default(),
            fuel: Family::default(),
        };
        let all = series.clone();
        let bytes = || Unit::Bytes;
        let seconds = || Unit::Seconds;
        registry.register("packets", "Packets read and committed", all.packets);
        registry.register_with_unit(
            "packets",
            "Bytes of those packets",
            bytes(),
            all.packet_bytes,
        );
        registry.register("alerts", "Alerts decoded, of committed packets", all.alerts);
        registry.register(
            "dead_letters",
            "Packets that could not be decoded",
            all.dead_letters,
        );
        registry.register("outputs", "Passing alerts that went out", all.outputs);
        registry.register_with_unit(
            "outputs",
            "Bytes of payload that went out",
            bytes(),
            all.output_bytes,
        );
        registry.register("batch_alerts", "Packets of a micro-batch", all.batch);
        registry.register_with_unit(
            "judging",
            "Decoding and judging a micro-batch",
            seconds(),
            all.judging,
        );
        registry.register_with_unit(
            "commit",
            "A commit, on Kafka one transaction",
            seconds(),
            all.commit,
        );
        registry.register_with_unit(
            "latency",
            "From the broker's timestamp of a packet to its commit",
            seconds(),
            all.latency,
        );
        registry.register("commits", "Commits by how they ended", all.commits);
        registry.register("lag_alerts", "Packets that wait in the source", all.behind);
        registry.register_with_unit(
            "lag",
            "Age of the packet read last, by the broker's timestamp, while others wait",
            seconds(),
            all.late,
        );
        registry.register(
            "active_generation",
            "Generation of the active set",
            all.generation,
        );
        registry.register("active_filters", "Filters that judge", all.active);
        registry.register("workers", "Workers that run", all.workers);
        registry.register(
            "filter_verdicts",
            "Alerts that a filter judged",
            all.verdicts,
        );
        registry.register(
            "filter_withheld",
            "Alerts that passed and that a quota or the gate held back",
            all.withheld,
        );
        registry.register_with_unit(
            "filter",
            "Time of a filter in the sandbox",
            seconds(),
            all.seconds,
        );
        registry.register("filter_fuel", "Fuel that a filter spent", all.fuel);
        series
    }

    /// The series of a stream's lane; they are there from now on.
    pub fn of_stream(&self, stream: &str, lane: &str) -> StreamSeries {
        let of = OfStream {
            stream: stream.to_owned(),
            lane: lane.to_owned(),
        };
        let commits = |result| {
            let OfStream { stream, lane } = of.clone();
            let of = OfCommit {
                stream,
                lane,
                result,
            };
            self.commits.get_or_create_owned(&of)
        };
        StreamSeries {
            stream: stream.to_owned(),
            packets: self.packets.get_or_create_owned(&of),
            packet_bytes: self.packet_bytes.get_or_create_owned(&of),
            alerts: self.alerts.get_or_create_owned(&of),
            dead_letters: self.dead_letters.get_or_create_owned(&of),
            outputs: self.outputs.get_or_create_owned(&of),
            output_bytes: self.output_bytes.get_or_create_owned(&of),
            batch: self.batch.get_or_create_owned(&of),
            judging: self.judging.get_or_create_owned(&of),
            commit: self.commit.get_or_create_owned(&of),
            latency: self.latency.get_or_create_owned(&of),
            committed: commits("committed"),
            aborted: commits("aborted"),
            behind: self.behind.get_or_create_owned(&of),
            late: self.late.get_or_create_owned(&of),
            generation: self.generation.get_or_create_owned(&of),
            active: self.active.get_or_create_owned(&of),
            workers: self.workers.get_or_create_owned(&of),
        }
    }

    /// The series of a filter; they are there from now on.
    pub fn of_filter(&self, stream: &str, filter: &str) -> FilterSeries {
        let [passed, rejected, failed] = VERDICTS.map(|verdict| {
            let of = OfVerdict {
                stream: stream.to_owned(),
                filter: filter.to_owned(),
                verdict,
            };
            self.verdicts.get_or_create_owned(&of)
        });
        let of = OfFilter {
            stream: stream.to_owned(),
            filter: filter.to_owned(),
        };
        FilterSeries {
            passed,
            rejected,
            failed,
            withheld: self.withheld.get_or_create_owned(&of),
            seconds: self.seconds.get_or_create_owned(&of),
            fuel: self.fuel.get_or_create_owned(&of),
        }
    }

    /// The filter no longer judges: its series end.
    pub fn forget_filter(&self, stream: &str, filter: &str) {
        for verdict in VERDICTS {
            self.verdicts.remove(&OfVerdict {
                stream: stream.to_owned(),
                filter: filter.to_owned(),
                verdict,
            });
        }
        let of = OfFilter {
            stream: stream.to_owned(),
            filter: filter.to_owned(),
        };
        self.withheld.remove(&of);
        self.seconds.remove(&of);
        self.fuel.remove(&of);
    }
}

/// What the figures of a filter need of its counts.
#[derive(Clone, Copy)]
pub(super) struct Sums {
    passed: u64,
    rejected: u64,
    failed: u64,
    withheld: u64,
    elapsed: Duration,
    fuel: u64,
}

impl From<&Counts> for Sums {
    fn from(counts: &Counts) -> Self {
        Self {
            passed: counts.passed,
            rejected: counts.rejected.values().sum(),
            failed: counts.failed.values().sum(),
            withheld: counts.withheld.values().sum(),
            elapsed: Duration::from_nanos(counts.elapsed_ns),
            fuel: counts.fuel,
        }
    }
}

impl FilterSeries {
    /// Adds what one delivery did.
    pub fn add(&self, sums: &Sums) {
        self.passed.inc_by(sums.passed);
        self.rejected.inc_by(sums.rejected);
        self.failed.inc_by(sums.failed);
        self.withheld.inc_by(sums.withheld);
        self.seconds.inc_by(sums.elapsed.as_secs_f64());
        self.fuel.inc_by(sums.fuel);
    }
}
