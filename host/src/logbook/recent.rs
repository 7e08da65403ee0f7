//! Where the alerts lately judged stand, so that one can be found again by its id.
//!
//! In: packets and who their alerts are. Out: positions by alert or object, newest first. Never: a
//! packet, an id as text, or more than the bound.

use std::collections::hash_map::DefaultHasher;
use std::hash::{Hash, Hasher};
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::judge::Alert;
use crate::source::{Packet, Position};

/// Entries that are looked at before workers get their turn.
const TURN: usize = 64 << 10;

/// Which alert somebody looks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Wanted {
    /// The alert of this id.
    Alert(String),
    /// The most recent alert of this object.
    Object(String),
}

impl Wanted {
    /// Whether it is this one.
    #[must_use]
    pub fn is(&self, alert: &Alert) -> bool {
        match self {
            Self::Alert(id) => *id == alert.identity.alert_id,
            Self::Object(id) => *id == alert.identity.object_id,
        }
    }
}

/// A ring of the alerts lately judged, shared by the workers of a stream.
///
/// An alert takes 48 bytes, and keeps the name of its topic or file in memory, which the alerts of
/// one file share. Ids are kept as hashes: whoever finds a position looks at the packet itself.
pub struct Recent {
    most: usize,
    ring: Mutex<Ring>,
}

struct Ring {
    entries: Vec<Entry>,
    /// How many alerts were ever added.
    added: u64,
}

#[derive(Clone)]
struct Entry {
    alert: u64,
    object: u64,
    position: Position,
}

impl Recent {
    /// An empty ring of at most `most` alerts; 0 keeps none.
    #[must_use]
    pub fn new(most: usize) -> Self {
        Self {
            most,
            // Reserved at once and touched as it fills: a growing list would be copied in the way
            // of a worker.
            ring: Mutex::new(Ring {
                entries: Vec::with_capacity(most),
                added: 0,
            }),
        }
    }

    /// Remember where `alerts` of `packets` stand.
    pub fn add(&self, packets: &[Packet], alerts: &[Alert]) {
        if self.most == 0 {
            return;
        }
        let entry = |alert: &Alert| Entry {
            alert: hash(&alert.identity.alert_id),
            object: hash(&alert.identity.object_id),
            position: packets[alert.packet].position.clone(),
        };
        // Hashed before the lock is taken.
        let entries: Vec<Entry> = alerts.iter().map(entry).collect();
        let mut ring = self.lock();
        for entry in entries {
            ring.push(entry, self.most);
        }
    }

    /// Positions where the wanted alert may stand, newest first, at most `most`.
    #[must_use]
    pub fn find(&self, wanted: &Wanted, most: usize) -> Vec<Position> {
        let (of_alert, key) = match wanted {
            Wanted::Alert(id) => (true, hash(id)),
            Wanted::Object(id) => (false, hash(id)),
        };
        let mut found: Vec<Position> = Vec::new();
        let mut end = self.lock().added;
        loop {
            // Locked for one turn at a time: a search must not hold the workers up.
            let ring = self.lock();
            let oldest = ring.added.saturating_sub(ring.entries.len() as u64);
            let start = end.saturating_sub(TURN as u64).max(oldest);
            for number in (start..end).rev() {
                let entry = ring.of(number, self.most);
                let is = if of_alert { entry.alert } else { entry.object } == key;
                if is && !found.contains(&entry.position) {
                    found.push(entry.position.clone());
                }
                if found.len() >= most {
                    return found;
                }
            }
            if start <= oldest {
                return found;
            }
            end = start;
        }
    }

    fn lock(&self) -> MutexGuard<'_, Ring> {
        // Whole at every moment: a panic elsewhere leaves nothing half done.
        self.ring.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Ring {
    fn push(&mut self, entry: Entry, most: usize) {
        if self.entries.len() < most {
            self.entries.push(entry);
        } else {
            let place = place(self.added, most);
            self.entries[place] = entry;
        }
        self.added += 1;
    }

    fn of(&self, number: u64, most: usize) -> &Entry {
        &self.entries[place(number, most)]
    }
}

fn place(number: u64, most: usize) -> usize {
    usize::try_from(number % most as u64).expect("below a usize")
}

fn hash(id: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    id.hash(&mut hasher);
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::identity::Identity;
    use crate::source::Partition;

    fn put(recent: &Recent, offset: i64, alert_id: &str, object_id: &str) {
        let partition = Partition {
            topic: "night.tar".into(),
            index: 0,
        };
        let packet = Packet {
            bytes: Arc::from([]),
            position: Position { partition, offset },
            timestamp_ms: None,
            damage: None,
        };
        let alert = Alert {
            packet: 0,
            record: 0,
            alone: None,
            identity: Identity {
                object_id: object_id.to_owned(),
                alert_id: alert_id.to_owned(),
                night: "2026-11-23".into(),
                programme: None,
            },
        };
        recent.add(&[packet], &[alert]);
    }

    fn offsets(recent: &Recent, wanted: &Wanted) -> Vec<i64> {
        let found = recent.find(wanted, 3);
        found.iter().map(|position| position.offset).collect()
    }

    #[test]
    fn the_newest_come_first_and_the_oldest_give_way() {
        let recent = Recent::new(4);
        let object = Wanted::Object("a".to_owned());
        assert!(offsets(&recent, &object).is_empty());
        for offset in 0..6 {
            put(
                &recent,
                offset,
                &offset.to_string(),
                ["a", "b"][offset as usize % 2],
            );
        }
        assert_eq!(offsets(&recent, &object), [4, 2]);
        assert_eq!(offsets(&recent, &Wanted::Alert("3".to_owned())), [3]);
        assert!(offsets(&recent, &Wanted::Alert("1".to_owned())).is_empty());
    }

    #[test]
    fn what_is_judged_twice_is_found_once_and_no_more_than_asked_for() {
        let recent = Recent::new(100);
        for offset in [1, 2, 2, 3, 4, 4] {
            put(&recent, offset, "x", "a");
        }
        assert_eq!(offsets(&recent, &Wanted::Object("a".to_owned())), [4, 3, 2]);
    }

    #[test]
    fn a_ring_longer_than_a_turn_is_searched_to_its_end() {
        let most = TURN + 10;
        let recent = Recent::new(most);
        for offset in 0..(most as i64 + 5) {
            put(&recent, offset, &offset.to_string(), "a");
        }
        assert_eq!(offsets(&recent, &Wanted::Alert("5".to_owned())), [5]);
        assert!(offsets(&recent, &Wanted::Alert("4".to_owned())).is_empty());
    }

    #[test]
    fn none_are_kept_where_none_are_wanted() {
        let recent = Recent::new(0);
        put(&recent, 1, "x", "a");
        assert!(offsets(&recent, &Wanted::Alert("x".to_owned())).is_empty());
    }
}
