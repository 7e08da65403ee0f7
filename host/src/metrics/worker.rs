//! What one worker tells, from its own thread.
//!
//! In: each thing that it did. Out: figures of its stream, and its pulse. Never: a figure of something that
//! was not committed, but for what is measured of the work itself.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};
use std::time::{Duration, Instant, SystemTime};

use super::millis;
use super::series::{FilterSeries, Series, StreamSeries, Sums};
use crate::delivery::Delivery;
use crate::evaluate::active::ActiveSet;
use crate::source::Packet;

/// No instant: nothing is wrong.
const NONE: u64 = u64::MAX;

/// Whether a worker comes round, and whether it is well. Instants are in ms since the process began.
pub(super) struct Pulse {
    turned_ms: AtomicU64,
    troubled_since_ms: AtomicU64,
    is_running: AtomicBool,
    behind: AtomicU64,
    /// Broker's timestamp of the packet read last [ms since the Unix epoch].
    timestamp_ms: AtomicI64,
}

/// What the scraper sees of a worker.
pub(super) struct Shared {
    pub name: String,
    pub pulse: Pulse,
    stream: StreamSeries,
}

/// The worker's side.
pub struct WorkerMeter {
    shared: Arc<Shared>,
    series: Series,
    begun: Instant,
    /// By setting, of the active set and the one before.
    filters: HashMap<i64, (String, FilterSeries)>,
    before: HashMap<i64, (String, FilterSeries)>,
    pending: Pending,
}

/// Packets that are not committed yet.
#[derive(Default)]
struct Pending {
    bytes: u64,
    timestamps_ms: Vec<i64>,
}

/// Figures of a delivery that is about to be committed.
pub struct Weighed {
    packets: u64,
    alerts: u64,
    dead_letters: u64,
    outputs: u64,
    output_bytes: u64,
    filters: Vec<(i64, Sums)>,
}

impl Pulse {
    fn new() -> Self {
        Self {
            turned_ms: AtomicU64::new(0),
            troubled_since_ms: AtomicU64::new(NONE),
            is_running: AtomicBool::new(true),
            behind: AtomicU64::new(0),
            timestamp_ms: AtomicI64::new(i64::MAX),
        }
    }

    pub fn is_running(&self) -> bool {
        self.is_running.load(Ordering::Relaxed)
    }

    pub fn turned_ms(&self) -> u64 {
        self.turned_ms.load(Ordering::Relaxed)
    }

    pub fn troubled_since_ms(&self) -> Option<u64> {
        let since = self.troubled_since_ms.load(Ordering::Relaxed);
        (since != NONE).then_some(since)
    }
}

impl Shared {
    pub fn new(name: String, stream: StreamSeries) -> Self {
        let pulse = Pulse::new();
        Self {
            name,
            pulse,
            stream,
        }
    }

    /// Sums over workers begin at zero.
    pub fn begin_scrape(&self) {
        self.stream.behind.set(0);
        self.stream.late.set(0);
        self.stream.workers.set(0);
    }

    pub fn scrape(&self) {
        let pulse = &self.pulse;
        if !pulse.is_running() {
            return;
        }
        self.stream.workers.inc();
        let behind = pulse.behind.load(Ordering::Relaxed);
        self.stream
            .behind
            .inc_by(i64::try_from(behind).unwrap_or(i64::MAX));
        let read_ms = pulse.timestamp_ms.load(Ordering::Relaxed);
        let late_s = now_ms().saturating_sub(read_ms).max(0) / 1_000;
        if behind > 0 && late_s > self.stream.late.get() {
            self.stream.late.set(late_s);
        }
    }
}

impl WorkerMeter {
    pub(super) fn new(shared: Arc<Shared>, series: Series, begun: Instant) -> Self {
        Self {
            shared,
            series,
            begun,
            filters: HashMap::new(),
            before: HashMap::new(),
            pending: Pending::default(),
        }
    }

    /// The worker has come round once more; so many packets wait in its source.
    pub fn turn(&self, behind: Option<u64>) {
        let pulse = &self.shared.pulse;
        pulse
            .turned_ms
            .store(millis(self.begun.elapsed()), Ordering::Relaxed);
        pulse
            .behind
            .store(behind.unwrap_or_default(), Ordering::Relaxed);
    }

    /// Source or sink do not answer.
    pub fn troubled(&self) {
        let now_ms = millis(self.begun.elapsed());
        let since = &self.shared.pulse.troubled_since_ms;
        // Since the first trouble in a row: whoever comes later changes nothing.
        _ = since.compare_exchange(NONE, now_ms, Ordering::Relaxed, Ordering::Relaxed);
    }

    /// They do.
    pub fn well(&self) {
        self.shared
            .pulse
            .troubled_since_ms
            .store(NONE, Ordering::Relaxed);
    }

    /// Other filters judge from now on.
    pub fn switched(&mut self, active: &ActiveSet) {
        let stream = &self.shared.stream;
        stream.generation.set(active.generation);
        let filters = i64::try_from(active.filters.len());
        stream.active.set(filters.unwrap_or(i64::MAX));
        let now: HashMap<i64, (String, FilterSeries)> = active
            .filters
            .iter()
            .map(|filter| {
                let destination = &filter.destination;
                let name = format!("{}/{}", destination.owner, destination.filter);
                let series = self.series.of_filter(&stream.stream, &name);
                (destination.setting, (name, series))
            })
            .collect();
        let names: HashSet<&str> = now.values().map(|(name, _)| name.as_str()).collect();
        for (name, _) in self.filters.values() {
            if !names.contains(name.as_str()) {
                self.series.forget_filter(&stream.stream, name);
            }
        }
        self.before = std::mem::replace(&mut self.filters, now);
    }

    /// A micro-batch was decoded and judged.
    pub fn judged(&mut self, packets: &[Packet], took: Duration) {
        let stream = &self.shared.stream;
        // A batch is far below 2^52 packets.
        stream.batch.observe(packets.len() as f64);
        stream.judging.observe(took.as_secs_f64());
        let timestamps = packets.iter().filter_map(|packet| packet.timestamp_ms);
        self.pending.timestamps_ms.extend(timestamps);
        let bytes = packets.iter().map(|packet| packet.bytes.len() as u64);
        self.pending.bytes += bytes.sum::<u64>();
        if let Some(last) = self.pending.timestamps_ms.last() {
            let pulse = &self.shared.pulse;
            pulse.timestamp_ms.store(*last, Ordering::Relaxed);
        }
    }

    /// What a delivery is, before it is given away.
    #[must_use]
    pub fn weigh(&self, delivery: &Delivery) -> Weighed {
        let filters = delivery.counts.iter();
        let payloads = delivery.outputs.iter();
        Weighed {
            packets: delivery.packets,
            alerts: delivery.alerts,
            dead_letters: delivery.dead_letters.len() as u64,
            outputs: delivery.outputs.len() as u64,
            output_bytes: payloads.map(|output| output.payload.len() as u64).sum(),
            filters: filters
                .map(|(key, counts)| (key.setting, Sums::from(counts)))
                .collect(),
        }
    }

    /// It was committed.
    pub fn committed(&mut self, weighed: &Weighed, took: Duration) {
        let stream = &self.shared.stream;
        stream.commit.observe(took.as_secs_f64());
        stream.committed.inc();
        stream.packets.inc_by(weighed.packets);
        stream.packet_bytes.inc_by(self.pending.bytes);
        stream.alerts.inc_by(weighed.alerts);
        stream.dead_letters.inc_by(weighed.dead_letters);
        stream.outputs.inc_by(weighed.outputs);
        stream.output_bytes.inc_by(weighed.output_bytes);
        let now_ms = now_ms();
        for timestamp_ms in &self.pending.timestamps_ms {
            let late_ms = now_ms.saturating_sub(*timestamp_ms).max(0);
            // Below 2^52 ms.
            stream.latency.observe(late_ms as f64 / 1_000.0);
        }
        for (setting, sums) in &weighed.filters {
            let known = self
                .filters
                .get(setting)
                .or_else(|| self.before.get(setting));
            if let Some((_, series)) = known {
                series.add(sums);
            }
        }
        self.forget();
        self.well();
    }

    /// The commit was given up; the packets will come again.
    pub fn aborted(&mut self, took: Duration) {
        let stream = &self.shared.stream;
        stream.commit.observe(took.as_secs_f64());
        stream.aborted.inc();
        self.forget();
        self.troubled();
    }

    /// What is pending is not this worker's any more.
    pub fn forget(&mut self) {
        self.pending.bytes = 0;
        self.pending.timestamps_ms.clear();
    }
}

impl Drop for WorkerMeter {
    fn drop(&mut self) {
        self.shared.pulse.is_running.store(false, Ordering::Relaxed);
    }
}

fn now_ms() -> i64 {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    i64::try_from(now.unwrap_or_default().as_millis()).unwrap_or(i64::MAX)
}
