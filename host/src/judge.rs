//! Decode, evaluate, route: the one path that the live stream, replay and trial share.
//!
//! In: packets and the active set of filters. Out: a [`Judgement`], what every filter said of every
//! alert; [`crate::route`] turns it into a delivery. Never: IO, or a verdict that depends on
//! anything but the alert and the setting.

use std::collections::HashMap;
mod alone;
mod left_out;

use std::sync::Arc;

use arrow_array::ArrayRef;
use skysieve_decode::{Damage, Decoder, Limits, Origin, SchemaSource};

use crate::delivery::Destination;
use crate::evaluate::Evaluation;
use crate::evaluate::active::{ActiveFilter, ActiveSet};
use crate::identity::{Identity, IdentityFields};
use crate::reduce::Payloads;
use crate::rights::Rights;
use crate::source::Packet;
use crate::stream::StreamSettings;

/// Judges packets by the active set; decodes each once, whatever the number of filters.
pub struct Judge {
    settings: Arc<StreamSettings>,
    schemas: Arc<dyn SchemaSource>,
    active: Arc<ActiveSet>,
    identity: IdentityFields,
    decoder: Decoder,
    payloads: Payloads,
    alone: bool,
    out_of_time: Option<OutOfTime>,
}

/// Whether a filter has used up its time of a night.
pub type OutOfTime = Box<dyn Fn(&Destination, &Arc<str>) -> bool + Send>;

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
    /// Its own columns, in the order of its fields; a row is an index into [`Judgement::alerts`].
    pub columns: Vec<ArrayRef>,
    /// The alerts that were handed over, ascending indexes into [`Judgement::alerts`].
    pub rows: Vec<u32>,
    /// Alerts beyond its owner's rights, likewise: to the filter they were never sent.
    pub hidden: Vec<u32>,
    /// Alerts that it would have been handed, were its time of the night not used up, likewise.
    pub skipped: Vec<u32>,
    /// One verdict for each of `rows`, with fuel and time.
    pub evaluation: Evaluation,
    /// Where alerts are judged alone, each one's own fuel; else empty.
    pub fuels: Vec<u64>,
    /// What goes out of passing rows, where that is not the packet.
    pub payloads: HashMap<u32, Arc<[u8]>>,
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
        let payloads = Payloads::new(&settings, schemas.clone());
        Self {
            settings,
            schemas,
            active,
            identity,
            decoder,
            payloads,
            alone: false,
            out_of_time: None,
        }
    }

    /// Whether to hand alerts over one by one, so that each one's fuel is known.
    #[must_use]
    pub fn alone(mut self, alone: bool) -> Self {
        self.alone = alone;
        self
    }

    /// Filters that `out_of_time` says so of are skipped for the night.
    #[must_use]
    pub fn stopping(self, out_of_time: OutOfTime) -> Self {
        Self {
            out_of_time: Some(out_of_time),
            ..self
        }
    }

    /// From the next batch on judge by `active`.
    pub fn switch(&mut self, active: Arc<ActiveSet>) {
        if active.fields != self.active.fields {
            self.identity = IdentityFields::new(&self.settings);
            self.decoder = decoder(&self.identity, &active, &self.schemas);
        }
        self.active = active;
        self.payloads.clear();
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
        let filters = self.active.filters.iter().filter(|_| !alerts.is_empty());
        let mut verdicts: Vec<Verdicts> = filters
            .map(|filter| self.verdicts(filter, columns, &alerts))
            .collect();
        self.isolate(packets, &mut alerts, &mut verdicts);
        self.payloads.make(packets, &alerts, &mut verdicts);
        Judgement {
            generation: self.active.generation,
            alerts,
            damages: batch.damages,
            verdicts,
        }
    }

    /// Those of `packets` all of whose alerts somebody may see.
    #[must_use]
    pub fn visible(mut self, packets: Vec<Arc<[u8]>>, rights: &Rights) -> Vec<Arc<[u8]>> {
        let own = self.identity.count();
        let sees_all = |packet: &Arc<[u8]>| {
            let batch = self.decoder.decode(&[packet]);
            let columns = &batch.columns[..own];
            let alerts = self.identity.read(columns, batch.rows.len());
            batch.damages.is_empty() && alerts.iter().all(|alert| rights.allow(alert.programme))
        };
        packets.into_iter().filter(sees_all).collect()
    }

    fn verdicts(
        &self,
        filter: &Arc<ActiveFilter>,
        columns: &[ArrayRef],
        alerts: &[Alert],
    ) -> Verdicts {
        let columns = filter.columns(columns);
        let hidden = self.hidden(filter, alerts);
        let count = u32::try_from(alerts.len()).unwrap_or(u32::MAX);
        let mut rows = filter.eligible(&columns, count);
        if !hidden.is_empty() {
            rows.retain(|row| hidden.binary_search(row).is_err());
        }
        let skipped = self.skipped(filter, alerts, &mut rows);
        let evaluate = |rows: &[u32]| filter.program.evaluate(&columns, rows, &filter.parameters);
        if !self.alone {
            let evaluation = evaluate(&rows);
            return Verdicts {
                filter: filter.clone(),
                columns,
                rows,
                hidden,
                skipped,
                evaluation,
                fuels: Vec::new(),
                payloads: HashMap::new(),
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
            columns,
            rows,
            hidden,
            skipped,
            evaluation: whole,
            fuels,
            payloads: HashMap::new(),
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
