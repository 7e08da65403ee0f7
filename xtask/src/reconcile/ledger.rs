//! Both sides of the book.
//!
//! In: packets that went in, results that came out, counts that were shown. Out: every difference,
//! one line each. Never: a difference that is explained away.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::packets::{Packet, Position};
use super::results::Results;

/// Packets by where they stood.
pub type Packets = BTreeMap<Position, Packet>;

/// Counts as the host shows them: by filter a list of `{setting, night, evaluated, ...}`.
pub type Shown = serde_json::Map<String, Value>;

/// Everything that is compared.
pub struct Ledger<'a> {
    /// What went in.
    pub packets: &'a Packets,
    /// What came out.
    pub results: &'a Results,
    /// What was shown; settings of other streams among it.
    pub shown: Option<&'a Shown>,
}

impl Ledger<'_> {
    /// Every difference.
    pub fn differences(&self) -> Vec<String> {
        let mut found = self.results.misfits.clone();
        self.totals(&mut found);
        self.sums(&mut found);
        self.nights(&mut found);
        self.deliveries(&mut found);
        self.failures(&mut found);
        self.bytes(&mut found);
        self.display(&mut found);
        found
    }

    /// A setting under the name of its filter.
    pub fn name(&self, setting: i64) -> String {
        let named = self.shown.into_iter().flatten().find(|(_, records)| {
            records
                .as_array()
                .into_iter()
                .flatten()
                .any(|record| record["setting"] == setting)
        });
        let known = named
            .map(|(name, _)| name)
            .or_else(|| self.results.names.get(&setting));
        known.map_or_else(
            || format!("setting {setting}"),
            |name| format!("{name} ({setting})"),
        )
    }

    /// Settings that have counted.
    pub fn settings(&self) -> BTreeSet<i64> {
        self.results
            .journals
            .counts
            .keys()
            .map(|(setting, _)| *setting)
            .collect()
    }

    /// What went in was read; every filter was handed, or had withheld, all that could be decoded.
    fn totals(&self, found: &mut Vec<String>) {
        let journals = &self.results.journals;
        let packets = self.packets.len() as u64;
        let records: u64 = self.packets.values().map(|packet| packet.records).sum();
        let damaged = self.damaged(found);
        if journals.packets != packets {
            found.push(format!(
                "{packets} packets went in, {} were read",
                journals.packets
            ));
        }
        if journals.alerts + damaged != records {
            let alerts = journals.alerts;
            found.push(format!(
                "{records} alerts went in: {alerts} decoded, {damaged} damaged"
            ));
        }
        for setting in self.settings() {
            let seen = self
                .of(setting)
                .map(|(_, count)| count.eligible())
                .sum::<u64>();
            if seen + damaged != records {
                found.push(format!(
                    "{}: {seen} alerts evaluated or withheld, {damaged} damaged, {records} went in",
                    self.name(setting)
                ));
            }
        }
        if self.settings().is_empty() {
            found.push("no filter has counted anything".to_owned());
        }
    }

    /// Records that could not be decoded; each dead letter is a packet that went in.
    fn damaged(&self, found: &mut Vec<String>) -> u64 {
        let mut damaged = 0;
        for letter in &self.results.dead_letters {
            match self.packets.get(&letter.position) {
                None => found.push(format!(
                    "dead letter of {:?}, which never went in",
                    letter.position
                )),
                Some(packet) if packet.sha256 != letter.sha256 => {
                    found.push(format!(
                        "dead letter {:?} is not as it came in",
                        letter.position
                    ));
                }
                Some(packet) => damaged += packet.records.saturating_sub(letter.record),
            }
        }
        damaged
    }

    /// Evaluated is passed, rejected and failed.
    fn sums(&self, found: &mut Vec<String>) {
        for ((setting, night), count) in &self.results.journals.counts {
            let (passed, rejected, failed) = (count.passed, count.rejected(), count.failed());
            if count.evaluated != passed + rejected + failed {
                found.push(format!(
                    "{} {night}: {} evaluated, but {passed} passed + {rejected} rejected + {failed} \
                     failed",
                    self.name(*setting),
                    count.evaluated
                ));
            }
        }
    }

    /// Every filter of a stream saw equally much of each night.
    fn nights(&self, found: &mut Vec<String>) {
        let mut sizes: BTreeMap<&str, BTreeMap<i64, u64>> = BTreeMap::new();
        for ((setting, night), count) in &self.results.journals.counts {
            *sizes.entry(night).or_default().entry(*setting).or_default() += count.eligible();
        }
        let settings = self.settings().len();
        for (night, sizes) in sizes {
            let distinct: BTreeSet<_> = sizes.values().collect();
            if distinct.len() > 1 || sizes.len() != settings {
                found.push(format!(
                    "night {night}: filters saw different numbers {distinct:?}"
                ));
            }
        }
    }

    /// What was counted as passed lies there, once.
    fn deliveries(&self, found: &mut Vec<String>) {
        let mut lying: BTreeMap<(i64, &str), u64> = BTreeMap::new();
        let mut seen = BTreeSet::new();
        for alert in &self.results.passing {
            *lying.entry((alert.setting, &alert.night)).or_default() += 1;
            if !seen.insert((alert.setting, &alert.position, alert.record)) {
                let name = self.name(alert.setting);
                found.push(format!("{name}: {:?} came out twice", alert.position));
            }
        }
        let counts = self.results.journals.counts.iter();
        let passed = counts.map(|((setting, night), count)| ((*setting, &**night), count.passed));
        self.compare("passed", passed.collect(), &lying, found);
    }

    /// What was counted as failed is recorded.
    fn failures(&self, found: &mut Vec<String>) {
        let mut lying: BTreeMap<(i64, &str), u64> = BTreeMap::new();
        for failure in &self.results.failures {
            *lying.entry((failure.setting, &failure.night)).or_default() += 1;
        }
        let counts = self.results.journals.counts.iter();
        let failed = counts.map(|((setting, night), count)| ((*setting, &**night), count.failed()));
        self.compare("failed", failed.collect(), &lying, found);
    }

    fn compare(
        &self,
        what: &str,
        counted: BTreeMap<(i64, &str), u64>,
        lying: &BTreeMap<(i64, &str), u64>,
        found: &mut Vec<String>,
    ) {
        for key in counted.keys().chain(lying.keys()).collect::<BTreeSet<_>>() {
            let of = |side: &BTreeMap<_, u64>| side.get(key).copied().unwrap_or(0);
            if of(&counted) != of(lying) {
                let (name, night) = (self.name(key.0), key.1);
                let (counted, lying) = (of(&counted), of(lying));
                found.push(format!(
                    "{name} {night}: {counted} {what} counted, {lying} lie there"
                ));
            }
        }
    }

    /// A passing packet goes out as it came in.
    fn bytes(&self, found: &mut Vec<String>) {
        for alert in &self.results.passing {
            let name = self.name(alert.setting);
            match self.packets.get(&alert.position) {
                None => found.push(format!("{name}: {:?} never went in", alert.position)),
                // Of a container of several records, one goes out in a container of its own.
                Some(packet) if packet.records == 1 && packet.sha256 != alert.sha256 => {
                    found.push(format!("{name}: {:?} is not as it came in", alert.position));
                }
                Some(_) => {}
            }
        }
    }

    /// The host showed what lies there.
    fn display(&self, found: &mut Vec<String>) {
        let Some(shown) = self.shown else { return };
        let records = shown
            .values()
            .flat_map(|records| records.as_array().into_iter().flatten());
        let records: Vec<_> = records.collect();
        for ((setting, night), count) in &self.results.journals.counts {
            let of = |key: &str| {
                let mine = records
                    .iter()
                    .filter(|record| record["setting"] == *setting);
                let mine = mine.filter(|record| record["night"] == **night);
                mine.map(|record| total(&record[key])).sum::<u64>()
            };
            for (key, lying) in [
                ("evaluated", count.evaluated),
                ("passed", count.passed),
                ("rejected", count.rejected()),
                ("failed", count.failed()),
                ("lacking", count.lacking),
            ] {
                if of(key) != lying {
                    let (name, told) = (self.name(*setting), of(key));
                    found.push(format!(
                        "{name} {night}: {told} {key} shown, {lying} in the journals"
                    ));
                }
            }
        }
    }

    /// The counts of one setting, by night.
    pub fn of(&self, setting: i64) -> impl Iterator<Item = (&str, &super::results::Count)> {
        let counts = self.results.journals.counts.iter();
        counts
            .filter(move |((of, _), _)| *of == setting)
            .map(|((_, night), count)| (&**night, count))
    }
}

/// A number; or the sum of numbers by name; or of a cut-flow's rows.
fn total(value: &Value) -> u64 {
    match value {
        Value::Object(names) => names.values().filter_map(Value::as_u64).sum(),
        Value::Array(cuts) => cuts.iter().filter_map(|cut| cut["alerts"].as_u64()).sum(),
        value => value.as_u64().unwrap_or(0),
    }
}

#[cfg(test)]
mod tests;
