//! Timing: several rounds over all cases in turn, the median of each.
//!
//! In: closures, each with how many units of work a call does. Out: nanoseconds of processor time
//! per unit. Never: a figure of one case taken minutes after another's; ratios come of interleaved
//! rounds.

use std::time::{Duration, Instant};

use nix::sys::resource::{UsageWho, getrusage};

/// One thing to measure.
pub struct Case<'a> {
    /// Its name in the figures.
    pub name: String,
    /// Units (alerts, evaluations) that one call works on.
    pub units: usize,
    /// The work.
    pub run: Box<dyn FnMut() + 'a>,
}

impl<'a> Case<'a> {
    /// A case named `name`, whose every call does `units`.
    pub fn new(name: impl Into<String>, units: usize, run: impl FnMut() + 'a) -> Self {
        Self {
            name: name.into(),
            units,
            run: Box::new(run),
        }
    }
}

/// How long to measure.
#[derive(Clone, Copy)]
pub struct Effort {
    /// Rounds over all cases; odd, so that the median is one of them.
    pub rounds: usize,
    /// Time for one case in one round.
    pub turn: Duration,
}

/// Median nanoseconds per unit of each case, in their order.
pub fn measure(cases: &mut [Case<'_>], effort: Effort) -> Vec<(String, f64)> {
    let calls: Vec<u32> = cases
        .iter_mut()
        .map(|case| calibrate(case, effort.turn))
        .collect();
    let mut times = vec![Vec::with_capacity(effort.rounds); cases.len()];
    for _ in 0..effort.rounds {
        for ((case, &calls), times) in cases.iter_mut().zip(&calls).zip(&mut times) {
            times.push(turn(case, calls));
        }
    }
    cases
        .iter()
        .zip(&mut times)
        .map(|(case, times)| (case.name.clone(), median(times)))
        .collect()
}

/// Calls that fill a turn, after a warm-up call.
fn calibrate(case: &mut Case<'_>, turn: Duration) -> u32 {
    (case.run)();
    let begun = Instant::now();
    let mut calls = 0_u32;
    while begun.elapsed() < turn / 4 {
        (case.run)();
        calls += 1;
    }
    calls.saturating_mul(4).max(1)
}

#[allow(clippy::cast_precision_loss)] // far below 2^53
fn turn(case: &mut Case<'_>, calls: u32) -> f64 {
    let begun = busy();
    for _ in 0..calls {
        (case.run)();
    }
    (busy() - begun).as_nanos() as f64 / f64::from(calls) / case.units as f64
}

/// Processor time of this thread, in user and kernel: what else runs on the machine does not count.
pub fn busy() -> Duration {
    let usage = getrusage(UsageWho::RUSAGE_THREAD).expect("a thread has usage");
    [usage.user_time(), usage.system_time()]
        .iter()
        .map(|time| {
            let seconds = u64::try_from(time.tv_sec()).unwrap_or(0);
            Duration::from_secs(seconds) + Duration::from_micros(time.tv_usec().unsigned_abs())
        })
        .sum()
}

/// The middle value.
pub fn median(values: &mut [f64]) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_is_the_middle_value() {
        assert!((median(&mut [5.0, 1.0, 3.0]) - 3.0).abs() < f64::EPSILON);
    }

    #[test]
    fn more_work_takes_longer() {
        let work = |n: u64| move || (0..n).for_each(|i| _ = std::hint::black_box(i));
        let mut cases = [
            Case::new("less", 1, work(10_000)),
            Case::new("more", 1, work(100_000)),
        ];
        let effort = Effort {
            rounds: 3,
            turn: Duration::from_millis(5),
        };
        let times = measure(&mut cases, effort);
        assert!(times[1].1 > 2.0 * times[0].1, "{times:?}");
    }
}
