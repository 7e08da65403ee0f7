//! A few packets of a stream, of every schema lately seen, for the checks and the trial of an upload.
//!
//! In: the packets that workers take. Out: copies of some. Never: more than the bounds below, or a
//! schema pushed out by the packets of another.

use std::collections::VecDeque;
use std::collections::hash_map::DefaultHasher;
use std::hash::{Hash, Hasher};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use skysieve_decode::{SchemaSource, schema_text};

use crate::source::Packet;

/// Greatest number of packets that are kept.
const PACKETS: usize = 64;
/// Greatest number of bytes that are kept.
const BYTES: usize = 32 << 20;
/// Once the store is full, workers are looked at this often.
const INTERVAL: Duration = Duration::from_millis(200);
/// How many packets of one batch are looked at.
const LOOKED_AT: usize = 8;

/// The store of one stream, shared by its workers.
pub struct Samples {
    schemas: Arc<dyn SchemaSource>,
    kept: Mutex<Kept>,
}

#[derive(Default)]
struct Kept {
    packets: VecDeque<Sample>,
    bytes: usize,
    looked: Option<Instant>,
}

struct Sample {
    /// Hash of the schema's text.
    schema: u64,
    packet: Arc<[u8]>,
}

impl Samples {
    /// An empty store of packets whose schemas, where they do not carry them, are in `schemas`.
    #[must_use]
    pub fn new(schemas: Arc<dyn SchemaSource>) -> Self {
        Self {
            schemas,
            kept: Mutex::default(),
        }
    }

    /// Take a packet; a damaged one is left out.
    pub fn add(&self, packet: &Arc<[u8]>) {
        let Ok(text) = schema_text(packet, &*self.schemas) else {
            return;
        };
        let mut hasher = DefaultHasher::new();
        text.hash(&mut hasher);
        self.lock().push(Sample {
            schema: hasher.finish(),
            packet: packet.clone(),
        });
    }

    /// Look at a few packets of a batch, now and then.
    pub fn offer(&self, packets: &[Packet]) {
        let mut kept = self.lock();
        let full = kept.packets.len() >= PACKETS;
        if full
            && kept
                .looked
                .is_some_and(|looked| looked.elapsed() < INTERVAL)
        {
            return;
        }
        kept.looked = Some(Instant::now());
        drop(kept);
        let step = packets.len().div_ceil(LOOKED_AT).max(1);
        for packet in packets.iter().step_by(step) {
            self.add(&packet.bytes);
        }
    }

    /// The packets, oldest first.
    #[must_use]
    pub fn packets(&self) -> Vec<Arc<[u8]>> {
        let kept = self.lock();
        kept.packets
            .iter()
            .map(|sample| sample.packet.clone())
            .collect()
    }

    fn lock(&self) -> MutexGuard<'_, Kept> {
        // Whole at every moment: a panic elsewhere leaves nothing half done.
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Kept {
    fn push(&mut self, sample: Sample) {
        self.bytes += sample.packet.len();
        self.packets.push_back(sample);
        while self.packets.len() > PACKETS || (self.bytes > BYTES && self.packets.len() > 1) {
            let place = self.oldest_of_the_commonest();
            if let Some(gone) = self.packets.remove(place) {
                self.bytes -= gone.packet.len();
            }
        }
    }

    /// The oldest packet of the schema that has most.
    fn oldest_of_the_commonest(&self) -> usize {
        let count = |schema| {
            self.packets
                .iter()
                .filter(|sample| sample.schema == schema)
                .count()
        };
        let places = self.packets.iter().enumerate().rev();
        let commonest = places.max_by_key(|(_, sample)| count(sample.schema));
        commonest.map_or(0, |(place, _)| place)
    }
}

#[cfg(test)]
mod tests {
    use skysieve_decode::NoSchemas;

    use super::*;

    /// A container file of no records under the schema of this name, filled up to `bytes`.
    fn packet(name: &str, bytes: usize) -> Arc<[u8]> {
        let schema = format!(r#"{{"type": "record", "name": "{name}", "fields": []}}"#);
        let mut packet = b"Obj\x01\x02\x16avro.schema".to_vec();
        packet.push(u8::try_from(schema.len() * 2 % 128 + 128).unwrap_or(0));
        packet.push(u8::try_from(schema.len() * 2 / 128).unwrap_or(0));
        packet.extend(schema.bytes());
        packet.push(0);
        packet.extend([0; 16]);
        packet.resize(packet.len().max(bytes), 0);
        packet.into()
    }

    #[test]
    fn a_rare_schema_is_not_pushed_out_by_a_common_one() {
        let samples = Samples::new(Arc::new(NoSchemas));
        let rare = packet("a_name_that_makes_it_long_enough_rare", 0);
        samples.add(&rare);
        for _ in 0..200 {
            samples.add(&packet("a_name_that_makes_it_long_enough", 0));
        }
        assert_eq!(samples.packets().len(), PACKETS);
        assert!(samples.packets().contains(&rare));
    }

    #[test]
    fn bytes_are_bounded_and_damaged_packets_left_out() {
        let samples = Samples::new(Arc::new(NoSchemas));
        samples.add(&Arc::from(*b"Obj\x01 torn"));
        assert!(samples.packets().is_empty());
        for _ in 0..3 {
            samples.add(&packet("a_name_that_makes_it_long_enough", BYTES / 2 + 1));
        }
        assert_eq!(samples.packets().len(), 1);
    }
}
