//! What a host remembers of the alerts it judged, for the owners of filters.
//!
//! In: what workers tell after each batch. Out: the same, bounded, for whoever asks. Never: a worker
//! that waits for more than a moment, or anything that delivery depends on: what is on a page when
//! the process dies is lost, and what is judged again after a commit was given up counts again.

mod nights;
mod notes;
mod page;
mod place;
mod recent;
mod settings;
#[cfg(test)]
mod tests;

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

pub use notes::{Cause, Costs, Example, Failed, LastAlert, Line, Notes, SettingNotes};
pub use recent::{Recent, Wanted};
pub use settings::Settings;

use crate::delivery::Failure;
use crate::judge::Judgement;
use crate::source::Packet;
use page::Sheet;

/// The logbook of one stream, shared by its workers.
pub struct Logbook {
    settings: Settings,
    recent: Recent,
    sheets: Mutex<Vec<Arc<Sheet>>>,
}

/// One worker's page.
pub struct Page {
    book: Arc<Logbook>,
    sheet: Arc<Sheet>,
}

impl Logbook {
    /// An empty logbook that remembers where the last `recent_alerts` stand.
    #[must_use]
    pub fn new(settings: &Settings, recent_alerts: usize) -> Arc<Self> {
        Arc::new(Self {
            settings: settings.clone(),
            recent: Recent::new(recent_alerts),
            sheets: Mutex::default(),
        })
    }

    /// How much is kept.
    #[must_use]
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// Where the alerts lately judged stand.
    #[must_use]
    pub fn recent(&self) -> &Recent {
        &self.recent
    }

    /// A page for one worker.
    #[must_use]
    pub fn page(self: &Arc<Self>) -> Page {
        let (book, sheet) = (self.clone(), Arc::new(Sheet::default()));
        self.sheets
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(sheet.clone());
        Page { book, sheet }
    }

    /// Take the notes of every page away; without `all` only lines and failures.
    #[must_use]
    pub fn take(&self, all: bool) -> Vec<Notes> {
        let sheets = self.sheets();
        let taken = sheets.iter().map(|sheet| {
            if all {
                sheet.take()
            } else {
                sheet.take_urgent()
            }
        });
        taken.filter(|notes| !notes.is_empty()).collect()
    }

    /// A setting's filter has used up what it may log of a night: further lines are only counted, for
    /// a while.
    pub fn told_full(&self, setting: i64, night: &Arc<str>) {
        for sheet in self.sheets() {
            sheet.told_full(setting, night);
        }
    }

    fn sheets(&self) -> Vec<Arc<Sheet>> {
        self.sheets
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }
}

impl Page {
    /// Take note of a batch.
    pub fn note(&mut self, packets: &[Packet], judgement: &Judgement) {
        self.book.recent.add(packets, &judgement.alerts);
        self.sheet.note(judgement, now_ms());
    }

    /// Take note of the alerts of a batch that filters failed on.
    pub fn failed(&mut self, packets: &[Packet], failures: &[Failure]) {
        self.sheet.failed(packets, failures, now_ms());
    }
}

/// This instant [ms since the Unix epoch].
fn now_ms() -> i64 {
    let since = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}
