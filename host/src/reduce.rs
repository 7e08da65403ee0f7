//! Payloads that are less than the packet, made for passing alerts.
//!
//! In: packets, verdicts, the choices of the active filters. Out: the bytes that go out for each
//! passing alert whose filter wants less. Never: IO, or a payload larger than a topic takes that takes
//! the packet: what would not become smaller goes out as it came.

use std::collections::HashMap;
use std::sync::Arc;

use skysieve_decode::{FieldPath, Limits, Reducer, Reference, SchemaSource};

use crate::evaluate::Verdict;
use crate::judge::{Alert, Verdicts};
use crate::payload::Payload;
use crate::source::Packet;
use crate::stream::StreamSettings;

/// A payload of a packet smaller than that may be larger than the packet, for a schema of its own
/// [bytes]. Topics take so much more than a packet's bound.
const ROOM_FOR_SCHEMA: usize = 512 << 10;

/// Makes payloads; keeps what was prepared for each choice.
pub struct Payloads {
    cutouts: Vec<FieldPath>,
    schemas: Arc<dyn SchemaSource>,
    reducers: HashMap<Payload, Reducer>,
}

impl Payloads {
    /// For a stream.
    #[must_use]
    pub fn new(settings: &StreamSettings, schemas: Arc<dyn SchemaSource>) -> Self {
        Self {
            cutouts: settings.cutout_paths(),
            schemas,
            reducers: HashMap::new(),
        }
    }

    /// Forget the choices of filters that ran before.
    pub fn clear(&mut self) {
        self.reducers.clear();
    }

    /// Fill in the payloads of passing alerts where their filter wants less than the packet; filters
    /// of one choice share them.
    pub fn make(&mut self, packets: &[Packet], alerts: &[Alert], verdicts: &mut [Verdicts]) {
        let mut made: HashMap<(Payload, u32), Option<Arc<[u8]>>> = HashMap::new();
        for said in verdicts {
            let choice = &said.filter.destination.payload;
            if *choice == Payload::Packet {
                continue;
            }
            let judged = said.rows.iter().zip(&said.evaluation.verdicts);
            let passing = judged.filter(|(_, verdict)| matches!(verdict, Verdict::Pass(_)));
            for (row, _) in passing {
                let payload = made
                    .entry((choice.clone(), *row))
                    .or_insert_with(|| self.one(choice, packets, &alerts[*row as usize]));
                if let Some(payload) = payload {
                    said.payloads.insert(*row, payload.clone());
                }
            }
        }
    }

    /// None where the packet goes out as it is.
    fn one(&mut self, choice: &Payload, packets: &[Packet], alert: &Alert) -> Option<Arc<[u8]>> {
        let packet = &packets[alert.packet];
        let Some(parts) = choice.parts(&self.cutouts) else {
            return Some(reference(packet, alert).container().into());
        };
        let schemas = &self.schemas;
        let make = || Reducer::new(parts, schemas.clone(), Limits::default());
        let reducer = self.reducers.entry(choice.clone()).or_insert_with(make);
        let bytes = alert.alone.as_ref().unwrap_or(&packet.bytes);
        // It was decoded just now; should it fail all the same, the whole packet goes out.
        let reduced = reducer.reduce(bytes).ok()?.container();
        (reduced.len() <= bytes.len().max(ROOM_FOR_SCHEMA)).then(|| reduced.into())
    }
}

fn reference<'a>(packet: &'a Packet, alert: &'a Alert) -> Reference<'a> {
    Reference {
        object_id: &alert.identity.object_id,
        alert_id: &alert.identity.alert_id,
        topic: &packet.position.partition.topic,
        partition: packet.position.partition.index,
        offset: packet.position.offset,
        record: alert.record,
    }
}
