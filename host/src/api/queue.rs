//! The queue before a room: who may go in, how many at once, whose turn it is.
//!
//! In: users with work. Out: the work's end. Users take turns, so that one who brings much waits for
//! themselves and not others for them; each user's own goes in order of arrival. Never: more inside than
//! told, a queue without an end, of one user or of all, or work on a thread that answers others.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::oneshot;

use super::error::{Kind, Problem};
use crate::registry::OwnerId;

/// How many there may be.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Inside at once.
    pub inside: usize,
    /// Waiting besides.
    pub waiting: usize,
    /// Of one user, inside and waiting.
    pub of_user: usize,
}

/// The queue. Clones share it.
#[derive(Debug, Clone)]
pub struct Queue {
    /// What is brought, for people: `uploads`.
    what: &'static str,
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    limits: Limits,
    line: Mutex<Line>,
}

/// Who is there.
#[derive(Debug, Default)]
struct Line {
    /// Places of each user, inside and waiting, the reading of their bodies included; none is 0.
    places: HashMap<OwnerId, usize>,
    inside: usize,
    /// The users who wait, the next one first.
    turns: VecDeque<(OwnerId, VecDeque<oneshot::Sender<Inside>>)>,
}

/// A place in the queue, given back when it is dropped.
#[derive(Debug)]
pub struct Place {
    user: OwnerId,
    shared: Arc<Shared>,
}

/// The right to be inside, which goes to the next when it is dropped.
#[derive(Debug)]
struct Inside(Arc<Shared>);

impl Queue {
    /// A queue before a room, for so many.
    #[must_use]
    pub fn new(what: &'static str, limits: Limits) -> Self {
        let inside = limits.inside.max(1);
        let limits = Limits { inside, ..limits };
        let line = Mutex::default();
        Self {
            what,
            shared: Arc::new(Shared { limits, line }),
        }
    }

    /// A place, at once or not at all.
    ///
    /// # Errors
    /// `TooManyWaiting`, where the user has as many as they may have; `Busy`, where the queue is full.
    pub fn enter(&self, user: OwnerId) -> Result<Place, Problem> {
        let (what, limits) = (self.what, self.shared.limits);
        let refuse = |kind, detail: String| {
            Err(Problem::new(kind, detail).advise("try again after the seconds in Retry-After"))
        };
        let mut line = self.shared.lock();
        let own = line.places.get(&user).copied().unwrap_or(0);
        if own >= limits.of_user {
            let detail = format!("{own} of your {what} are waiting or under way");
            return refuse(Kind::TooManyWaiting, detail);
        }
        let all: usize = line.places.values().sum();
        if all >= limits.inside.saturating_add(limits.waiting) {
            return refuse(Kind::Busy, format!("too many {what} are waiting"));
        }
        line.places.insert(user, own + 1);
        drop(line);
        let shared = self.shared.clone();
        Ok(Place { user, shared })
    }

    /// Waits for the user's turn, then works inside on a thread of its own. The place stays taken until
    /// the work ends, even where the client has left.
    ///
    /// # Errors
    /// Internal, where the work panicked.
    pub async fn work<T: Send + 'static>(
        &self,
        place: Place,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, Problem> {
        let inside = self.turn(place.user).await?;
        let task = tokio::task::spawn_blocking(move || {
            let done = work();
            drop((inside, place));
            done
        });
        task.await.map_err(Problem::internal)
    }

    async fn turn(&self, user: OwnerId) -> Result<Inside, Problem> {
        let turn = {
            let mut line = self.shared.lock();
            if line.inside < self.shared.limits.inside {
                line.inside += 1;
                return Ok(Inside(self.shared.clone()));
            }
            line.wait(user)
        };
        turn.await.map_err(Problem::internal)
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Line> {
        // Whole at every moment: a panic elsewhere leaves nothing half done.
        self.line.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Line {
    fn wait(&mut self, user: OwnerId) -> oneshot::Receiver<Inside> {
        // Those who left keep no memory.
        for (_, own) in &mut self.turns {
            own.retain(|turn| !turn.is_closed());
        }
        self.turns.retain(|(_, own)| !own.is_empty());
        let (turn, waiting) = oneshot::channel();
        match self.turns.iter_mut().find(|(other, _)| *other == user) {
            Some((_, own)) => own.push_back(turn),
            None => self.turns.push_back((user, VecDeque::from([turn]))),
        }
        waiting
    }

    /// The next one: the first of the user whose turn it is, who then waits behind all others.
    fn next(&mut self) -> Option<oneshot::Sender<Inside>> {
        let (user, mut own) = self.turns.pop_front()?;
        let next = own.pop_front();
        if !own.is_empty() {
            self.turns.push_back((user, own));
        }
        next
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut line = self.shared.lock();
        let left = line.places.get(&self.user).map_or(0, |own| own - 1);
        if left == 0 {
            line.places.remove(&self.user);
        } else {
            line.places.insert(self.user, left);
        }
    }
}

impl Drop for Inside {
    fn drop(&mut self) {
        let next = {
            let mut line = self.0.lock();
            let next = line.next();
            if next.is_none() {
                line.inside -= 1;
            }
            next
        };
        if let Some(turn) = next {
            // Where they left meanwhile, what comes back is dropped here, and so goes to the one behind.
            drop(turn.send(Inside(self.0.clone())));
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use axum::response::IntoResponse;

    use super::*;

    const ANNA: OwnerId = OwnerId(1);
    const BERTA: OwnerId = OwnerId(2);
    const CAROLINE: OwnerId = OwnerId(3);

    fn queue(inside: usize, waiting: usize, of_user: usize) -> Queue {
        let limits = Limits {
            inside,
            waiting,
            of_user,
        };
        Queue::new("uploads", limits)
    }

    fn status(refused: Result<Place, Problem>) -> u16 {
        refused.unwrap_err().into_response().status().as_u16()
    }

    /// Everybody in `waiting` comes in this order while somebody is inside; who went in after whom.
    async fn order(queue: &Queue, waiting: &[OwnerId]) -> Vec<OwnerId> {
        let first = queue.turn(OwnerId(0)).await.unwrap();
        let (told, mut went) = tokio::sync::mpsc::unbounded_channel();
        let waits = waiting.iter().map(|user| {
            let turn = queue.shared.lock().wait(*user);
            let (told, user) = (told.clone(), *user);
            tokio::spawn(async move {
                let inside = turn.await.unwrap();
                told.send(user).unwrap();
                drop(inside);
            })
        });
        let waits: Vec<_> = waits.collect();
        drop((first, told));
        for wait in waits {
            wait.await.unwrap();
        }
        let mut order = Vec::new();
        while let Some(user) = went.recv().await {
            order.push(user);
        }
        order
    }

    #[tokio::test]
    async fn users_take_turns() {
        let queue = queue(1, 10, 10);
        let waiting = [ANNA, ANNA, ANNA, ANNA, BERTA, BERTA, CAROLINE];
        let expected = [ANNA, BERTA, CAROLINE, ANNA, BERTA, ANNA, ANNA];
        assert_eq!(order(&queue, &waiting).await, expected);
        assert_eq!(queue.shared.lock().inside, 0);
        assert!(queue.shared.lock().turns.is_empty());
    }

    #[tokio::test]
    async fn one_user_and_all_have_so_many_places() {
        let queue = queue(1, 3, 2);
        let annas = [queue.enter(ANNA).unwrap(), queue.enter(ANNA).unwrap()];
        assert_eq!(status(queue.enter(ANNA)), 429);
        let _bertas = [queue.enter(BERTA).unwrap(), queue.enter(BERTA).unwrap()];
        assert_eq!(status(queue.enter(CAROLINE)), 503);
        drop(annas);
        let again = queue.enter(CAROLINE).unwrap();
        assert_eq!(again.user, CAROLINE);
        assert_eq!(queue.shared.lock().places.len(), 2);
    }

    #[tokio::test]
    async fn who_leaves_keeps_neither_place_nor_turn() {
        let queue = queue(1, 10, 10);
        let inside = queue.turn(ANNA).await.unwrap();
        let gone: Vec<_> = [ANNA, BERTA, ANNA]
            .map(|user| queue.shared.lock().wait(user))
            .into();
        let stays = queue.shared.lock().wait(CAROLINE);
        drop(gone);
        drop(inside);
        drop(stays.await.unwrap());
        assert_eq!(queue.shared.lock().inside, 0);
        // The turn was given, and never taken.
        let inside = queue.turn(ANNA).await.unwrap();
        let given = queue.shared.lock().wait(BERTA);
        drop(inside);
        assert_eq!(queue.shared.lock().inside, 1);
        drop(given);
        assert_eq!(queue.shared.lock().inside, 0);
        // The line holds nobody who left, however many did.
        let _inside = queue.turn(ANNA).await.unwrap();
        for user in 0..100 {
            drop(queue.shared.lock().wait(OwnerId(user)));
        }
        assert_eq!(queue.shared.lock().turns.len(), 1);
    }

    #[tokio::test]
    async fn work_that_panics_gives_back_its_place() {
        let queue = queue(1, 0, 1);
        let place = queue.enter(ANNA).unwrap();
        let failed = queue.work(place, || panic!("as intended")).await;
        assert!(failed.is_err());
        let place = queue.enter(ANNA).unwrap();
        assert_eq!(queue.work(place, || 7).await.unwrap(), 7);
    }
}
