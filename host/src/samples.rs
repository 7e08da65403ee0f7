//! A few recent packets of a stream, for the checks and the trial of an upload.
//!
//! In: the packets that workers take. Out: copies of some. Never: more than the bounds below.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::source::Packet;

/// Greatest number of packets that are kept.
const PACKETS: usize = 64;
/// Greatest number of bytes that are kept.
const BYTES: usize = 16 << 20;
/// A worker offers as often as it likes; one packet is taken per interval once the store is full.
const INTERVAL: Duration = Duration::from_secs(1);

/// The store of one stream, shared by its workers.
#[derive(Debug, Default)]
pub struct Samples {
    kept: Mutex<Kept>,
}

#[derive(Debug, Default)]
struct Kept {
    packets: VecDeque<Arc<[u8]>>,
    bytes: usize,
    taken: Option<Instant>,
}

impl Samples {
    /// A store that begins with `packets`.
    pub fn new(packets: impl IntoIterator<Item = Arc<[u8]>>) -> Self {
        let samples = Self::default();
        let mut kept = samples.lock();
        for packet in packets.into_iter().take(PACKETS) {
            kept.push(packet);
        }
        drop(kept);
        samples
    }

    /// Take from a batch what the store lacks, or one packet now and then.
    pub fn offer(&self, packets: &[Packet]) {
        let mut kept = self.lock();
        let full = kept.packets.len() >= PACKETS;
        if full && kept.taken.is_some_and(|taken| taken.elapsed() < INTERVAL) {
            return;
        }
        let wanted = if full {
            1
        } else {
            PACKETS - kept.packets.len()
        };
        for packet in packets.iter().take(wanted) {
            kept.push(packet.bytes.clone());
        }
        kept.taken = Some(Instant::now());
    }

    /// The packets, oldest first.
    #[must_use]
    pub fn packets(&self) -> Vec<Arc<[u8]>> {
        self.lock().packets.iter().cloned().collect()
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Kept> {
        // Whole at every moment: a panic elsewhere leaves nothing half done.
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Kept {
    fn push(&mut self, packet: Arc<[u8]>) {
        self.bytes += packet.len();
        self.packets.push_back(packet);
        while self.packets.len() > PACKETS || (self.bytes > BYTES && self.packets.len() > 1) {
            if let Some(oldest) = self.packets.pop_front() {
                self.bytes -= oldest.len();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_store_keeps_the_latest_within_its_bounds() {
        let samples = Samples::new((0..200_u8).map(|n| Arc::from(vec![n; 10])));
        assert_eq!(samples.packets().len(), PACKETS);
        let large = Samples::new((0..4).map(|_| Arc::from(vec![0_u8; BYTES / 2 + 1])));
        assert_eq!(large.packets().len(), 1);
    }
}
