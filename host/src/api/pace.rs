//! How many requests a user may send.
//!
//! In: who asks, and their number per minute. Out: a place, or how long to wait. Never: more memory than
//! for so many users.

use std::collections::HashMap;
use std::num::NonZeroU32;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use governor::clock::{Clock as _, DefaultClock};
use governor::{DefaultDirectRateLimiter, Quota, RateLimiter};

use super::error::{Kind, Problem};
use crate::registry::OwnerId;

/// Users whose pace is remembered; above, those that were silent for a minute are forgotten.
const USERS: usize = 10_000;

/// After so long a pace is as good as new.
const FORGOTTEN: Duration = Duration::from_mins(1);

/// The pace of all users.
#[derive(Default)]
pub struct Paces {
    users: Mutex<HashMap<OwnerId, Pace>>,
}

struct Pace {
    per_minute: i64,
    limiter: DefaultDirectRateLimiter,
    last: Instant,
}

impl Pace {
    fn new(per_minute: i64) -> Self {
        let number = u32::try_from(per_minute).unwrap_or(u32::MAX);
        let number = NonZeroU32::new(number).unwrap_or(NonZeroU32::MIN);
        Self {
            per_minute,
            limiter: RateLimiter::direct(Quota::per_minute(number)),
            last: Instant::now(),
        }
    }
}

impl Paces {
    /// Lets a request of `user` in, who may send `per_minute`, at once or evenly.
    ///
    /// # Errors
    /// `TooManyRequests`, with the time to wait.
    pub fn admit(&self, user: OwnerId, per_minute: i64) -> Result<(), Problem> {
        if per_minute <= 0 {
            return Err(refuse(per_minute, FORGOTTEN));
        }
        let mut users = self.users.lock().unwrap_or_else(PoisonError::into_inner);
        if users.len() >= USERS && !users.contains_key(&user) {
            users.retain(|_, pace| pace.last.elapsed() < FORGOTTEN);
            // So many within a minute: their paces begin anew rather than that memory grows.
            if users.len() >= USERS {
                users.clear();
            }
        }
        let pace = users.entry(user).or_insert_with(|| Pace::new(per_minute));
        if pace.per_minute != per_minute {
            *pace = Pace::new(per_minute);
        }
        pace.last = Instant::now();
        pace.limiter.check().map_err(|full| {
            refuse(
                per_minute,
                full.wait_time_from(DefaultClock::default().now()),
            )
        })
    }
}

fn refuse(per_minute: i64, wait: Duration) -> Problem {
    let seconds = u32::try_from(wait.as_secs()).unwrap_or(u32::MAX);
    let detail = format!("you may send {per_minute} requests a minute");
    Problem::new(Kind::TooManyRequests, detail)
        .again_in(seconds.saturating_add(1))
        .advise("wait as long as Retry-After says [s]; an administrator can raise the quota")
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn each_user_has_a_pace_of_their_own_and_a_new_number_holds_at_once() {
        let paces = Paces::default();
        let (anna, berta) = (OwnerId(1), OwnerId(2));
        paces.admit(anna, 2).unwrap();
        paces.admit(anna, 2).unwrap();
        assert!(paces.admit(anna, 2).is_err());
        paces.admit(berta, 2).unwrap();
        paces.admit(anna, 3).unwrap();
        assert!(paces.admit(berta, 0).is_err());
        for _ in 0..1_000 {
            paces.admit(berta, i64::MAX).unwrap();
        }
    }

    #[test]
    fn memory_is_bounded() {
        let paces = Paces::default();
        for user in 0..=2 * i64::try_from(USERS).unwrap() {
            paces.admit(OwnerId(user), 60).unwrap();
            assert!(paces.users.lock().unwrap().len() <= USERS);
        }
    }
}
