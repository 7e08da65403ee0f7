//! The bounded buffer between a reader's thread and its connection.
//!
//! In: events. Out: the same as an HTTP body. Who does not take any for too long while the buffer is
//! full is too slow. Never: more bytes than the bound, but for one event that is larger by itself.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::pin::Pin;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use hyper::body::{Body, Bytes, Frame};
use tokio::sync::watch;

/// How often a thread that waits for room looks whether the host stops.
const LOOK: Duration = Duration::from_millis(200);

/// The thread's end.
pub(super) struct Pipe {
    shared: Arc<Shared>,
    bound: usize,
    patience: Duration,
    ending: watch::Receiver<bool>,
}

struct Shared {
    state: Mutex<State>,
    /// Told when something was taken, or the connection is gone.
    taken: Condvar,
}

#[derive(Default)]
struct State {
    waiting: VecDeque<Event>,
    bytes: usize,
    /// The last cursor that was taken.
    last: String,
    ended: bool,
    gone: bool,
    waker: Option<Waker>,
}

struct Event {
    text: Bytes,
    /// Behind it.
    cursor: String,
    alerts: u64,
}

/// What became of an event.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Pushed {
    /// It waits, or is taken already.
    Taken,
    /// Nobody is there any more.
    Gone,
    /// The host stops.
    Ending,
    /// There was no room for too long.
    Slow {
        /// Behind the last event that was taken.
        cursor: String,
        /// Alerts that wait, this one included.
        alerts: u64,
    },
}

impl Pipe {
    /// Holds `bound` bytes; `patience` is for a reader that takes nothing while it is full.
    pub fn new(bound: usize, patience: Duration, ending: watch::Receiver<bool>) -> Self {
        Self {
            shared: Arc::new(Shared {
                state: Mutex::default(),
                taken: Condvar::new(),
            }),
            bound,
            patience,
            ending,
        }
    }

    /// The connection's end.
    pub fn body(&self) -> PipeBody {
        PipeBody(self.shared.clone())
    }

    /// Hand over one event; waits for room.
    pub fn push(&self, text: String, cursor: &str, alerts: u64) -> Pushed {
        let mut state = self.shared.lock();
        let (mut since, mut taken) = (Instant::now(), state.last.clone());
        while !state.waiting.is_empty() && state.bytes + text.len() > self.bound {
            if state.gone {
                return Pushed::Gone;
            }
            if *self.ending.borrow() {
                return Pushed::Ending;
            }
            if state.last != taken {
                (since, taken) = (Instant::now(), state.last.clone());
            }
            if since.elapsed() >= self.patience {
                return Pushed::Slow {
                    cursor: taken,
                    alerts: alerts + state.waiting.iter().map(|event| event.alerts).sum::<u64>(),
                };
            }
            let waited = self
                .shared
                .taken
                .wait_timeout(state, LOOK.min(self.patience));
            state = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
        if state.gone {
            return Pushed::Gone;
        }
        if state.last.is_empty() {
            // The first event greets; what is behind it begins here.
            cursor.clone_into(&mut state.last);
        }
        state.put(text, cursor, alerts);
        Pushed::Taken
    }

    /// Whether to go on: somebody is there, and the host does not stop.
    pub fn is_open(&self) -> bool {
        !self.shared.lock().gone && !*self.ending.borrow()
    }

    /// Behind the last event that was handed over.
    pub fn last(&self) -> String {
        let state = self.shared.lock();
        state
            .waiting
            .back()
            .map_or_else(|| state.last.clone(), |event| event.cursor.clone())
    }

    /// Say one more thing, behind all that waits, and end.
    pub fn end(&self, text: String) {
        let cursor = self.last();
        let mut state = self.shared.lock();
        state.ended = true;
        state.put(text, &cursor, 0);
    }

    /// Forget what waits, say one more thing and end.
    pub fn cut(&self, text: String) {
        let mut state = self.shared.lock();
        state.waiting.clear();
        state.bytes = 0;
        state.ended = true;
        let cursor = state.last.clone();
        state.put(text, &cursor, 0);
    }
}

impl Drop for Pipe {
    fn drop(&mut self) {
        let mut state = self.shared.lock();
        state.ended = true;
        state.wake();
    }
}

impl State {
    fn put(&mut self, text: String, cursor: &str, alerts: u64) {
        self.bytes += text.len();
        self.waiting.push_back(Event {
            text: text.into(),
            cursor: cursor.to_owned(),
            alerts,
        });
        self.wake();
    }

    fn wake(&mut self) {
        if let Some(waker) = self.waker.take() {
            waker.wake();
        }
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        // Whole at every moment: a panic elsewhere leaves nothing half done.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The connection's end.
pub(super) struct PipeBody(Arc<Shared>);

impl Body for PipeBody {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let mut state = self.0.lock();
        if let Some(event) = state.waiting.pop_front() {
            state.bytes -= event.text.len();
            state.last = event.cursor;
            self.0.taken.notify_all();
            return Poll::Ready(Some(Ok(Frame::data(event.text))));
        }
        if state.ended {
            return Poll::Ready(None);
        }
        state.waker = Some(context.waker().clone());
        Poll::Pending
    }
}

impl Drop for PipeBody {
    fn drop(&mut self) {
        self.0.lock().gone = true;
        self.0.taken.notify_all();
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::task::Waker;

    use super::*;

    fn pipe(bound: usize, patience_ms: u64) -> (Pipe, PipeBody, watch::Sender<bool>) {
        let (sender, receiver) = watch::channel(false);
        let pipe = Pipe::new(bound, Duration::from_millis(patience_ms), receiver);
        let body = pipe.body();
        (pipe, body, sender)
    }

    /// The next event, `end`, or `nothing` yet.
    fn take(body: &mut PipeBody) -> String {
        match Pin::new(body).poll_frame(&mut Context::from_waker(Waker::noop())) {
            Poll::Pending => "nothing".to_owned(),
            Poll::Ready(None) => "end".to_owned(),
            Poll::Ready(Some(frame)) => {
                String::from_utf8(frame.unwrap().into_data().unwrap().to_vec()).unwrap()
            }
        }
    }

    #[test]
    fn events_come_in_order_and_the_end_behind_them() {
        let (pipe, mut body, _ending) = pipe(100, 1000);
        assert_eq!(take(&mut body), "nothing");
        assert_eq!(pipe.push("a".to_owned(), "1", 1), Pushed::Taken);
        assert_eq!(pipe.push("b".to_owned(), "2", 1), Pushed::Taken);
        pipe.end("bye".to_owned());
        let taken: Vec<String> = (0..4).map(|_| take(&mut body)).collect();
        assert_eq!(taken, ["a", "b", "bye", "end"]);
    }

    #[test]
    fn who_takes_nothing_is_cut_off_and_told_where() {
        let (pipe, mut body, _ending) = pipe(10, 20);
        assert_eq!(pipe.push("hello".to_owned(), "0", 0), Pushed::Taken);
        assert_eq!(take(&mut body), "hello");
        assert_eq!(pipe.push("aaaaa".to_owned(), "1", 1), Pushed::Taken);
        assert_eq!(pipe.push("bbbbb".to_owned(), "2", 1), Pushed::Taken);
        assert_eq!(take(&mut body), "aaaaa");
        assert_eq!(pipe.push("ccccc".to_owned(), "3", 1), Pushed::Taken);
        let slow = Pushed::Slow {
            cursor: "1".to_owned(),
            alerts: 3,
        };
        assert_eq!(pipe.push("ddddd".to_owned(), "4", 1), slow);
        pipe.cut("gap".to_owned());
        assert_eq!(
            (take(&mut body), take(&mut body)),
            ("gap".to_owned(), "end".to_owned())
        );
    }

    #[test]
    fn an_event_larger_than_the_bound_goes_alone() {
        let (pipe, mut body, _ending) = pipe(10, 20);
        assert_eq!(pipe.push("x".repeat(50), "1", 1), Pushed::Taken);
        assert!(matches!(
            pipe.push("y".to_owned(), "2", 1),
            Pushed::Slow { .. }
        ));
        assert_eq!(take(&mut body), "x".repeat(50));
        assert_eq!(pipe.push("y".to_owned(), "2", 1), Pushed::Taken);
    }

    #[test]
    fn room_is_waited_for_and_a_stop_or_a_leave_is_seen() {
        let (pipe, mut body, ending) = pipe(3, 60_000);
        assert_eq!(pipe.push("abc".to_owned(), "1", 1), Pushed::Taken);
        let taken = std::thread::scope(|scope| {
            let pushed = scope.spawn(|| pipe.push("d".to_owned(), "2", 1));
            let first = take(&mut body);
            (first, pushed.join().unwrap())
        });
        assert_eq!(taken, ("abc".to_owned(), Pushed::Taken));
        assert_eq!(pipe.push("ef".to_owned(), "3", 1), Pushed::Taken);
        ending.send_replace(true);
        assert_eq!(pipe.push("g".to_owned(), "4", 1), Pushed::Ending);
        ending.send_replace(false);
        drop(body);
        assert_eq!(pipe.push("g".to_owned(), "4", 1), Pushed::Gone);
    }
}
