//! Ends the process when a call of the client library does not return.
//!
//! In: the calls under way. Out: nothing, or the end of the process with status [`EXIT_STALLED`] and
//! one clear line. Never: an attempt to go on.
//!
//! The library's `send_offsets_to_transaction` ignores its time-out while the group's coordinator
//! is away (confluentinc/librdkafka issues 5456 and 5511): after a broker's restart a worker then
//! waits for good, sends heartbeats all the while, and nobody else gets its partitions. Nothing
//! inside the thread can help, so a thread outside looks on, and whatever supervises the process
//! starts it again; what was committed stays, what was not is read again.

use std::collections::BTreeMap;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// Exit status after a stalled call (EX_TEMPFAIL of sysexits.h: start it again).
pub const EXIT_STALLED: i32 = 75;

/// Longest time that one call may last.
pub const LONGEST_CALL: Duration = Duration::from_secs(20);

/// Looks on while calls are under way. Dropping it ends its thread.
pub struct Watchdog {
    calls: Arc<Calls>,
    observer: Option<Observer>,
    thread: Option<JoinHandle<()>>,
}

/// Told of every call before it begins, on the thread that makes it.
pub type Observer = Arc<dyn Fn(&str) + Send + Sync>;

#[derive(Default)]
struct Calls {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    next: u64,
    running: BTreeMap<u64, (Instant, String)>,
    closed: bool,
}

/// A call under way; it ends when this is dropped.
pub struct Call<'a> {
    calls: &'a Calls,
    number: u64,
}

impl Watchdog {
    /// One that ends the process.
    #[must_use]
    pub fn ending_the_process(observer: Option<Observer>) -> Self {
        let mut watchdog = Self::new(LONGEST_CALL, |what, limit| {
            tracing::error!(
                call = what,
                limit_s = limit.as_secs(),
                "the client library does not return"
            );
            eprintln!(
                "skysieve: {what} has not returned for {} s; ending with status {EXIT_STALLED} so that a new \
                 process can take over from the committed positions",
                limit.as_secs()
            );
            std::process::exit(EXIT_STALLED);
        });
        watchdog.observer = observer;
        watchdog
    }

    /// One that tells of each call that lasts over `limit`, once.
    pub fn new(limit: Duration, stalled: impl Fn(&str, Duration) + Send + 'static) -> Self {
        let calls = Arc::new(Calls::default());
        let seen = calls.clone();
        let thread = std::thread::Builder::new()
            .name("kafka-watchdog".into())
            .spawn(move || seen.watch(limit, stalled))
            .expect("a process can start one more thread");
        Watchdog {
            calls,
            observer: None,
            thread: Some(thread),
        }
    }

    /// Watch a call until what is returned is dropped.
    pub fn watch(&self, what: &str) -> Call<'_> {
        if let Some(observer) = &self.observer {
            observer(what);
        }
        let mut state = self.calls.lock();
        let number = state.next;
        state.next += 1;
        state
            .running
            .insert(number, (Instant::now(), what.to_owned()));
        Call {
            calls: &self.calls,
            number,
        }
    }
}

impl Calls {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Until closed: look a few times per limit; calls that end in time are never noticed.
    fn watch(&self, limit: Duration, stalled: impl Fn(&str, Duration)) {
        let mut state = self.lock();
        while !state.closed {
            let late: Vec<u64> = state
                .running
                .iter()
                .filter(|(_, (since, _))| since.elapsed() >= limit)
                .map(|(number, _)| *number)
                .collect();
            for number in late {
                if let Some((_, what)) = state.running.remove(&number) {
                    stalled(&what, limit);
                }
            }
            state = self
                .changed
                .wait_timeout(state, limit / 8)
                .unwrap_or_else(PoisonError::into_inner)
                .0;
        }
    }
}

impl Drop for Call<'_> {
    fn drop(&mut self) {
        self.calls.lock().running.remove(&self.number);
    }
}

impl Drop for Watchdog {
    fn drop(&mut self) {
        self.calls.lock().closed = true;
        self.calls.changed.notify_all();
        if let Some(thread) = self.thread.take() {
            // A panic of the thread was reported when it happened.
            let _ = thread.join();
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use std::sync::mpsc;

    #[test]
    fn a_stalled_call_is_told_and_a_short_one_is_not() {
        let (sender, told) = mpsc::channel();
        let watchdog = Watchdog::new(Duration::from_millis(200), move |what, _| {
            sender.send(what.to_owned()).unwrap();
        });
        drop(watchdog.watch("short"));
        let stalled = watchdog.watch("stalled");
        assert_eq!(
            told.recv_timeout(Duration::from_secs(10)).unwrap(),
            "stalled"
        );
        drop(stalled);
        drop(watchdog);
        assert!(told.recv().is_err(), "nothing else was told");
    }
}
