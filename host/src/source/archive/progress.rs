//! How far an archive was read and committed, file by file.
//!
//! In: committed positions, and the number of packets of each file once its end is known. Out:
//! where to read on, and which files are finished and need not be opened again. Shared by the
//! sources and sinks of one stream. Never: IO.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use sha2::{Digest, Sha256};

use crate::source::Partition;

/// Where to read on in a partition.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Next {
    /// From this offset on.
    At(i64),
    /// Every packet of the file is committed.
    Finished,
}

/// The committed positions of a stream; clones share them.
#[derive(Debug, Clone, Default)]
pub struct Progress {
    files: Arc<Mutex<Files>>,
}

/// Keyed by digest: a night of a million loose packets then needs 32 MB instead of 150.
#[derive(Debug, Default)]
struct Files {
    next: HashMap<Key, Next>,
    packets: HashMap<Key, i64>,
    claimed: HashSet<Key>,
}

/// Partitions of which one delivery is being committed; dropping it lets others commit.
#[derive(Debug)]
pub struct Claim {
    files: Arc<Mutex<Files>>,
    keys: Vec<Key>,
}

impl Drop for Claim {
    fn drop(&mut self) {
        let mut files = self.files.lock().unwrap_or_else(PoisonError::into_inner);
        for key in &self.keys {
            files.claimed.remove(key);
        }
    }
}

/// The first half of the SHA-256 of a partition's name: equal names only, for all practice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Key(u128);

impl Key {
    pub(super) fn of(topic: &str, index: i32) -> Self {
        let digest = Sha256::new()
            .chain_update(topic)
            .chain_update(index.to_le_bytes())
            .finalize();
        let mut half = [0; 16];
        half.copy_from_slice(&digest[..16]);
        Self(u128::from_le_bytes(half))
    }

    /// Whether worker `worker` of `workers` reads this file; the same on every machine.
    pub(super) fn belongs_to(self, worker: usize, workers: usize) -> bool {
        self.0 % (workers.max(1) as u128) == worker as u128
    }
}

impl Progress {
    /// What was committed: partition, next offset to read.
    pub fn committed(positions: impl IntoIterator<Item = (Partition, Next)>) -> Self {
        let progress = Self::default();
        for (partition, next) in positions {
            progress.put(&partition, next);
        }
        progress
    }

    /// Remember one committed position; never goes backwards.
    pub fn put(&self, partition: &Partition, next: Next) {
        self.lock()
            .put(Key::of(&partition.topic, partition.index), next);
    }

    /// Remember what one delivery committed: first offset and the next one to read.
    pub fn advance(&self, positions: &BTreeMap<Partition, (i64, i64)>) {
        let mut files = self.lock();
        for (partition, (_, next)) in positions {
            let key = Key::of(&partition.topic, partition.index);
            let reached = files.reached(key, *next);
            files.put(key, reached);
        }
    }

    /// The right to commit what lies between these positions, first offset and the next one to read. None
    /// where another worker commits packets of one of the partitions, or has committed some of these: a
    /// partition changes hands while its former holder is still at a commit.
    #[must_use]
    pub fn claim(&self, positions: &BTreeMap<Partition, (i64, i64)>) -> Option<Claim> {
        let keys = |(partition, (first, _)): (&Partition, &(i64, i64))| {
            (Key::of(&partition.topic, partition.index), Next::At(*first))
        };
        let keys: Vec<(Key, Next)> = positions.iter().map(keys).collect();
        let mut files = self.lock();
        let is_free = |(key, first): &(Key, Next)| {
            let committed = files.next.get(key);
            !files.claimed.contains(key) && committed.is_none_or(|next| next <= first)
        };
        if !keys.iter().all(is_free) {
            return None;
        }
        let keys: Vec<Key> = keys.into_iter().map(|(key, _)| key).collect();
        files.claimed.extend(&keys);
        drop(files);
        let files = self.files.clone();
        Some(Claim { files, keys })
    }

    /// Where to read on in `partition`; none where nothing of it was committed.
    #[must_use]
    pub fn next(&self, partition: &Partition) -> Option<Next> {
        self.of(Key::of(&partition.topic, partition.index))
    }

    /// What `next` means for `partition`: its end, where that is known and reached.
    #[must_use]
    pub fn reached(&self, partition: &Partition, next: i64) -> Next {
        self.lock()
            .reached(Key::of(&partition.topic, partition.index), next)
    }

    pub(super) fn of(&self, key: Key) -> Option<Next> {
        self.lock().next.get(&key).copied()
    }

    /// The source saw the end of a file.
    pub(super) fn ends(&self, key: Key, packets: i64) {
        self.lock().packets.insert(key, packets);
    }

    fn lock(&self) -> MutexGuard<'_, Files> {
        self.files.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Files {
    fn reached(&self, key: Key, next: i64) -> Next {
        match self.packets.get(&key) {
            Some(packets) if next >= *packets => Next::Finished,
            _ => Next::At(next),
        }
    }

    fn put(&mut self, key: Key, next: Next) {
        let kept = self.next.entry(key).or_insert(next);
        *kept = (*kept).max(next);
        if *kept == Next::Finished {
            self.packets.remove(&key);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packets_are_claimed_by_one_at_a_time_and_never_again() {
        let progress = Progress::default();
        let of = |first, next| BTreeMap::from([(partition("a"), (first, next))]);
        let both = BTreeMap::from([(partition("a"), (10, 20)), (partition("b"), (0, 5))]);
        let claim = progress.claim(&of(0, 10));
        assert!(claim.is_some());
        assert!(progress.claim(&both).is_none(), "a commit is under way");
        progress.advance(&of(0, 10));
        drop(claim);
        for (first, free) in [(0, false), (9, false), (10, true), (12, true)] {
            assert_eq!(
                progress.claim(&of(first, 20)).is_some(),
                free,
                "from {first}"
            );
        }
        assert!(
            progress.claim(&both).is_some(),
            "what was refused holds nothing"
        );
        progress.put(&partition("a"), Next::Finished);
        assert!(progress.claim(&of(20, 30)).is_none());
    }

    fn partition(topic: &str) -> Partition {
        Partition {
            topic: topic.into(),
            index: 0,
        }
    }

    #[test]
    fn a_file_is_finished_when_its_last_packet_is_committed() {
        let progress = Progress::default();
        let file = partition("a.tar");
        progress.ends(Key::of("a.tar", 0), 3);
        progress.advance(&BTreeMap::from([(file.clone(), (0, 2))]));
        assert_eq!(progress.next(&file), Some(Next::At(2)));
        progress.advance(&BTreeMap::from([(file.clone(), (2, 3))]));
        assert_eq!(progress.next(&file), Some(Next::Finished));
        progress.advance(&BTreeMap::from([(file.clone(), (0, 2))]));
        assert_eq!(
            progress.next(&file),
            Some(Next::Finished),
            "never backwards"
        );
        assert_eq!(progress.next(&partition("b.tar")), None);
    }

    #[test]
    fn every_file_has_one_worker() {
        for file in 0..1000 {
            let key = Key::of(&format!("night/{file}.avro"), 0);
            let owners = (0..7).filter(|worker| key.belongs_to(*worker, 7)).count();
            assert_eq!(owners, 1);
        }
    }
}
