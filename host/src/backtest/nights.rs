//! Only the packets of some nights, by their alerts' own observation time.
//!
//! In: packets. Out: those that hold an alert of one of the nights. Never: more decoded of a packet
//! than its time and names.

use std::collections::BTreeSet;
use std::sync::Arc;

use skysieve_decode::{Decoder, Limits, SchemaSource};

use crate::identity::IdentityFields;
use crate::source::Packet;
use crate::stream::StreamSettings;

/// The nights that were asked for.
pub(super) struct ChosenNights {
    nights: BTreeSet<String>,
    identity: IdentityFields,
    decoder: Decoder,
}

impl ChosenNights {
    /// None where any night will do.
    pub(super) fn new(
        nights: &[String],
        settings: &StreamSettings,
        schemas: &Arc<dyn SchemaSource>,
    ) -> Option<Self> {
        if nights.is_empty() {
            return None;
        }
        let identity = IdentityFields::new(settings);
        let fields = identity.fields().to_vec();
        let decoder = Decoder::new(fields, schemas.clone(), Limits::default())
            .expect("the stream's paths were checked with the configuration");
        Some(Self {
            nights: nights.iter().cloned().collect(),
            identity,
            decoder,
        })
    }

    pub(super) fn holds(&self, night: &str) -> bool {
        self.nights.contains(night)
    }

    /// Packets with an alert of these nights. A damaged one has no night, so it is of none of them.
    pub(super) fn choose(&mut self, packets: Vec<Packet>) -> Vec<Packet> {
        let whole = |packet: &Packet| packet.damage.is_none();
        let bytes: Vec<&[u8]> = packets
            .iter()
            .map(|packet| if whole(packet) { &*packet.bytes } else { &[] })
            .collect();
        let batch = self.decoder.decode(&bytes);
        let identities = self.identity.read(&batch.columns, batch.rows.len());
        let mut wanted = vec![false; packets.len()];
        for (row, identity) in batch.rows.iter().zip(&identities) {
            wanted[row.packet as usize] |= self.nights.contains(&*identity.night);
        }
        let chosen = packets.into_iter().zip(wanted);
        chosen
            .filter_map(|(packet, wanted)| wanted.then_some(packet))
            .collect()
    }
}
