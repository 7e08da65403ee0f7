//! Decode, evaluate, route: the one path that the live stream, replay and trial share.
//!
//! In: packets and the active set of filters. Out: a [`Judgement`], what every filter said of every
//! alert; [`crate::route`] turns it into a delivery. Never: IO, or a verdict that depends on
//! anything but the alert and the setting.

use std::sync::Arc;

use arrow_array::ArrayRef;
use skysieve_decode::{Damage, Decoder, Limits, Origin, SchemaSource};

use crate::evaluate::active::{ActiveFilter, ActiveSet};
use crate::evaluate::{Evaluation, Verdict};
use crate::identity::{Identity, IdentityFields};
use crate::source::Packet;
use crate::stream::StreamSettings;

/// Judges packets by the active set; decodes each once, whatever the number of filters.
pub struct Judge {
    settings: Arc<StreamSettings>,
    schemas: Arc<dyn SchemaSource>,
    active: Arc<ActiveSet>,
    identity: IdentityFields,
    decoder: Decoder,
    alone: bool,
}

/// One alert: a record of a packet, under its names.
#[derive(Debug, Clone)]
pub struct Alert {
    /// Index of its packet among those judged.
    pub packet: usize,
    /// Index of the record within the packet.
    pub record: u32,
    /// What goes out where it passes, if not the packet itself: of a packet of several records, a
    /// packet of this one alone.
    pub alone: Option<Arc<[u8]>>,
    /// Who it is and when.
    pub identity: Identity,
}

/// What one filter said.
pub struct Verdicts {
    /// The filter.
    pub filter: Arc<ActiveFilter>,
    /// The alerts that were handed over, ascending indexes into [`Judgement::alerts`].
    pub rows: Vec<u32>,
    /// One verdict for each of `rows`, with fuel and time.
    pub evaluation: Evaluation,
    /// Where alerts are judged alone, each one's own fuel; else empty.
    pub fuels: Vec<u64>,
}

/// What every filter said of every alert of a run of packets.
pub struct Judgement {
    /// Generation of the active set.
    pub generation: i64,
    /// In the order of packets and records.
    pub alerts: Vec<Alert>,
    /// Packets, or the rest of them, that could not be decoded.
    pub damages: Vec<Damage>,
    /// One per active filter.
    pub verdicts: Vec<Verdicts>,
}

impl Judge {
    /// A judge of a stream's alerts by `active`.
    #[must_use]
    pub fn new(
        settings: Arc<StreamSettings>,
        schemas: Arc<dyn SchemaSource>,
        active: Arc<ActiveSet>,
    ) -> Self {
        let identity = IdentityFields::new(&settings);
        let decoder = decoder(&identity, &active, &schemas);
        Self {
            settings,
            schemas,
            active,
            identity,
            decoder,
            alone: false,
        }
    }

    /// Whether to hand alerts over one by one, so that each one's fuel is known.
    #[must_use]
    pub fn alone(mut self, alone: bool) -> Self {
        self.alone = alone;
        self
    }

    /// From the next batch on judge by `active`.
    pub fn switch(&mut self, active: Arc<ActiveSet>) {
        if active.fields != self.active.fields {
            self.identity = IdentityFields::new(&self.settings);
            self.decoder = decoder(&self.identity, &active, &self.schemas);
        }
        self.active = active;
    }

    /// Generation of the active set.
    #[must_use]
    pub fn generation(&self) -> i64 {
        self.active.generation
    }

    /// Judge `packets`, in order.
    pub fn judge(&mut self, packets: &[Packet]) -> Judgement {
        // What the source could not read whole is not decoded: it is damage, `route` says why.
        let whole = |packet: &Packet| packet.damage.is_none();
        let bytes = packets
            .iter()
            .map(|packet| if whole(packet) { &*packet.bytes } else { &[] });
        let bytes: Vec<&[u8]> = bytes.collect();
        let batch = self.decoder.decode(&bytes);
        let own = self.identity.count();
        let identities = self.identity.read(&batch.columns[..own], batch.rows.len());
        let alert = |(row, identity): (&Origin, _)| {
            let (packet, record) = (row.packet as usize, row.record);
            Alert {
                packet,
                record,
                alone: None,
                identity,
            }
        };
        let mut alerts: Vec<Alert> = std::iter::zip(&batch.rows, identities).map(alert).collect();
        let columns = &batch.columns[own..];
        let rows = u32::try_from(batch.rows.len()).unwrap_or(u32::MAX);
        let filters = self.active.filters.iter().filter(|_| rows > 0);
        let verdicts: Vec<Verdicts> = filters
            .map(|filter| self.verdicts(filter, columns, rows))
            .collect();
        self.isolate(packets, &mut alerts, &verdicts);
        Judgement {
            generation: self.active.generation,
            alerts,
            damages: batch.damages,
            verdicts,
        }
    }

    /// Give each passing record of a packet that holds several a packet of its own.
    fn isolate(&mut self, packets: &[Packet], alerts: &mut [Alert], verdicts: &[Verdicts]) {
        if alerts.iter().all(|alert| alert.record == 0) {
            return;
        }
        let mut passes = vec![false; alerts.len()];
        for said in verdicts {
            for (row, verdict) in said.rows.iter().zip(&said.evaluation.verdicts) {
                passes[*row as usize] |= matches!(verdict, Verdict::Pass(_));
            }
        }
        let mut passing: Vec<&mut Alert> = alerts
            .iter_mut()
            .zip(passes)
            .filter(|(_, passes)| *passes)
            .map(|(alert, _)| alert)
            .collect();
        for of_packet in passing.chunk_by_mut(|one, next| one.packet == next.packet) {
            let records: Vec<u32> = of_packet.iter().map(|alert| alert.record).collect();
            let packet = &packets[of_packet[0].packet].bytes;
            // It was decoded just now; should it fail all the same, the whole packet goes out.
            let Ok(alone) = self.decoder.isolate(packet, &records) else {
                continue;
            };
            for (alert, bytes) in of_packet.iter_mut().zip(alone) {
                alert.alone = Some(bytes.into());
            }
        }
    }

    fn verdicts(&self, filter: &Arc<ActiveFilter>, columns: &[ArrayRef], rows: u32) -> Verdicts {
        let columns = filter.columns(columns);
        let rows = filter.eligible(&columns, rows);
        let evaluate = |rows: &[u32]| filter.program.evaluate(&columns, rows, &filter.parameters);
        if !self.alone {
            let evaluation = evaluate(&rows);
            return Verdicts {
                filter: filter.clone(),
                rows,
                evaluation,
                fuels: Vec::new(),
            };
        }
        let mut whole = Evaluation::default();
        let mut fuels = Vec::with_capacity(rows.len());
        for row in &rows {
            let one = evaluate(std::slice::from_ref(row));
            fuels.push(one.fuel);
            whole.append(one);
        }
        Verdicts {
            filter: filter.clone(),
            rows,
            evaluation: whole,
            fuels,
        }
    }
}

fn decoder(
    identity: &IdentityFields,
    active: &ActiveSet,
    schemas: &Arc<dyn SchemaSource>,
) -> Decoder {
    let fields = identity
        .fields()
        .iter()
        .chain(&active.fields)
        .cloned()
        .collect();
    Decoder::new(fields, schemas.clone(), Limits::default())
        .expect("the stream's paths and every description were checked before")
}
