//! The scribe: brings what workers note to the registry, now and then, so that they never wait for it.
//!
//! In: a stream's logbook. Out: rows in the registry; which filters have logged as much as they
//! may, back to the logbook. Never: notes added twice, or kept here without a bound: while the database is away,
//! what is in hand waits, and pages fill up to their bounds and drop.

use std::sync::Arc;
use std::time::Duration;

use skysieve_decode::{Decoder, Limits, SchemaSource};
use tokio::sync::watch;

use crate::evaluate::for_people;
use crate::logbook::{Logbook, Notes, SettingNotes};
use crate::opened::OpenStream;
use crate::outage::Outage;
use crate::registry::{Registry, RegistryError};

/// How often lines and failures are written, and, in so many turns, costs and last alerts.
const TURN: Duration = Duration::from_secs(1);
const TURNS_FOR_ALL: u64 = 5;
/// How often what is old is deleted, in turns (an hour).
const TURNS_TO_FORGET: u64 = 3_600;
/// Settings whose notes go into one transaction.
const SETTINGS_PER_WRITE: usize = 200;

/// Longest id, and topic or file name, that is kept [bytes].
const ID_BYTES: usize = 200;
const TOPIC_BYTES: usize = 1_000;

/// Writes one stream's notes.
pub struct Scribe {
    registry: Registry,
    logbook: Arc<Logbook>,
    schemas: Arc<dyn SchemaSource>,
    /// Name of this writer: no two ever share one.
    writer: String,
    sequence: i64,
    /// Notes that are not written yet.
    in_hand: Vec<Notes>,
    outage: Outage,
}

impl Scribe {
    /// Writes what the workers of `stream` note.
    #[must_use]
    pub fn new(registry: &Registry, stream: &OpenStream) -> Self {
        let mut chance = [0; 16];
        // Without chance the name is as good as the process and the time make it.
        if getrandom::fill(&mut chance).is_err() {
            let time = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
            let ns = time.unwrap_or_default().as_nanos() ^ u128::from(std::process::id());
            chance = ns.to_le_bytes();
        }
        Self {
            registry: registry.clone(),
            logbook: stream.logbook.clone(),
            schemas: stream.schemas.clone(),
            writer: base16ct::lower::encode_string(&chance),
            sequence: 0,
            in_hand: Vec::new(),
            outage: Outage::default(),
        }
    }

    /// Write again and again until told to stop, then once more.
    pub async fn run(mut self, mut stop: watch::Receiver<bool>) {
        let mut turn = 0;
        while !*stop.borrow() {
            _ = tokio::time::timeout(TURN, stop.changed()).await;
            turn += 1;
            let all = *stop.borrow() || turn % TURNS_FOR_ALL == 0;
            self.tell(all).await;
            if turn % TURNS_TO_FORGET == 1 {
                self.forget().await;
            }
        }
    }

    /// Write what there is, and say so in the log where the registry is away.
    async fn tell(&mut self, all: bool) {
        let written = self.write(all).await;
        if let (_, Some(error)) = self.outage.news(written) {
            tracing::warn!(%error, "notes on filters wait, and are dropped where they grow too many");
        }
    }

    /// Take the notes of all pages, unless some are in hand still, and write them.
    ///
    /// # Errors
    /// When the registry does not answer; what is not written stays in hand.
    pub async fn write(&mut self, all: bool) -> Result<(), RegistryError> {
        if self.in_hand.is_empty() {
            let taken = self.logbook.take(all);
            self.in_hand = taken.into_iter().flat_map(parts).collect();
            for notes in &mut self.in_hand {
                isolate_examples(notes, &self.schemas);
                notes.values_mut().for_each(make_plain);
            }
        }
        while let Some(notes) = self.in_hand.last() {
            let sequence = self.sequence + 1;
            let settings = self.logbook.settings();
            let full = self
                .registry
                .note(&self.writer, sequence, notes, settings)
                .await;
            if let Err(error @ RegistryError::Unavailable(_)) = full {
                return Err(error);
            }
            self.sequence = sequence;
            self.in_hand.pop();
            // Notes that the registry will never take must not stand in the way of the next ones.
            for (setting, night) in full? {
                self.logbook.told_full(setting, &night);
            }
        }
        Ok(())
    }

    async fn forget(&self) {
        let days = self.logbook.settings().keep_days;
        if let Err(error) = self.registry.forget_notes(days).await {
            tracing::warn!(%error, "old notes on filters are kept for now");
        }
    }
}

/// Notes of at most so many settings each.
fn parts(mut notes: Notes) -> Vec<Notes> {
    let mut parts = Vec::new();
    while let Some(border) = notes.keys().nth(SETTINGS_PER_WRITE).copied() {
        let rest = notes.split_off(&border);
        parts.push(std::mem::replace(&mut notes, rest));
    }
    parts.push(notes);
    parts
}

/// Ids come from packets and may hold anything; PostgreSQL takes no NUL.
fn make_plain(notes: &mut SettingNotes) {
    let plain = |id: &mut String| *id = for_people(id, ID_BYTES);
    if let Some(last) = &mut notes.last {
        plain(&mut last.alert_id);
        plain(&mut last.object_id);
    }
    notes
        .lines
        .iter_mut()
        .for_each(|line| plain(&mut line.alert_id));
    for failed in notes.causes.values_mut() {
        let example = &mut failed.example;
        plain(&mut example.alert_id);
        plain(&mut example.object_id);
        let topic = &mut example.position.partition.topic;
        *topic = for_people(topic, TOPIC_BYTES).into();
    }
}

/// An example is one alert: of a packet of several records, a packet of that record alone. The others
/// may be beyond the rights of the filter's owner.
fn isolate_examples(notes: &mut Notes, schemas: &Arc<dyn SchemaSource>) {
    let failures = notes
        .values_mut()
        .flat_map(|notes| notes.causes.values_mut());
    for example in failures.map(|failed| &mut failed.example) {
        let Some(packet) = example.packet.take() else {
            continue;
        };
        let Ok(mut decoder) = Decoder::new(Vec::new(), schemas.clone(), Limits::default()) else {
            continue;
        };
        example.packet = if decoder.decode(&[&packet]).rows.len() == 1 {
            Some(packet)
        } else {
            let alone = decoder.isolate(&packet, &[example.record]).ok();
            alone.and_then(|mut alone| alone.pop()).map(Into::into)
        };
    }
}
