//! Whose figures they are, and the buckets of histograms.
//!
//! In: nothing. Out: labels, bounds. Never: a figure.

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};

/// Whose figures they are: a stream in one of its lanes.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct OfStream {
    pub stream: String,
    pub lane: String,
}

/// How a commit ended.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct OfCommit {
    pub stream: String,
    pub lane: String,
    pub result: &'static str,
}

/// Whose figures they are: a filter, `owner/name`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct OfFilter {
    pub stream: String,
    pub filter: String,
}

/// What a filter said.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct OfVerdict {
    pub stream: String,
    pub filter: String,
    pub verdict: &'static str,
}

/// Verdicts by the label's value.
pub(super) const VERDICTS: [&str; 3] = ["passed", "rejected", "failed"];

/// From 1 to 4,096 alerts.
pub(super) fn batches() -> Histogram {
    Histogram::new(exponential_buckets(1.0, 4.0, 7))
}

/// From 1 ms to 16 s.
pub(super) fn durations() -> Histogram {
    Histogram::new(exponential_buckets(0.001, 2.0, 15))
}

/// From 10 ms to a day; an alert of a night that is caught up with comes late.
pub(super) fn latencies() -> Histogram {
    let bounds = [
        0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0, 3_600.0,
        86_400.0,
    ];
    Histogram::new(bounds)
}
