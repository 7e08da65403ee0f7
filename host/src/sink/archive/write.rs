//! A delivery into files, before it is committed.
//!
//! In: a delivery. Out: its packets and lines appended and brought to disk, new files named in the
//! journal first. Never: the record that commits it.

use std::collections::BTreeMap;
use std::time::SystemTime;

use super::ArchiveSink;
use super::error::ArchiveError;
use super::state::Line;
use super::{layout, lines, tarball};
use crate::delivery::{DeadLetter, Delivery, Failure, Output};

/// Bytes gathered for one file before they are written.
const GATHERED_BYTES: usize = 4 << 20;

impl ArchiveSink {
    /// Everything but the journal.
    pub(super) fn write(&mut self, delivery: &Delivery) -> Result<(), ArchiveError> {
        let mut outputs: BTreeMap<String, Vec<&Output>> = BTreeMap::new();
        for output in &delivery.outputs {
            let stem = self.place.outputs(&output.destination.topic, &output.night);
            outputs.entry(stem).or_default().push(output);
        }
        self.announce(&outputs, delivery)?;
        let now_s = SystemTime::UNIX_EPOCH
            .elapsed()
            .unwrap_or_default()
            .as_secs();
        for (stem, outputs) in outputs {
            self.write_outputs(&stem, &outputs, now_s)?;
        }
        self.write_dead_letters(&delivery.dead_letters, now_s)?;
        self.write_lines(&self.place.failures(), &delivery.failures)?;
        self.write_lines(&self.place.withheld(), &delivery.withheld)?;
        self.files.sync()
    }

    /// Name new files in the journal before they are made.
    fn announce(
        &mut self,
        outputs: &BTreeMap<String, Vec<&Output>>,
        delivery: &Delivery,
    ) -> Result<(), ArchiveError> {
        let mut names: Vec<String> = outputs
            .keys()
            .flat_map(|stem| [tar(stem), jsonl(stem)])
            .collect();
        if !delivery.dead_letters.is_empty() {
            let stem = self.place.dead_letters();
            names.extend([tar(&stem), jsonl(&stem)]);
        }
        if !delivery.failures.is_empty() {
            names.push(jsonl(&self.place.failures()));
        }
        if !delivery.withheld.is_empty() {
            names.push(jsonl(&self.place.withheld()));
        }
        let unknown = self.files.unknown(names.into_iter())?;
        if !unknown.is_empty() {
            self.journal.append(&Line::Creating(unknown.clone()))?;
            self.files.expect(unknown);
        }
        Ok(())
    }

    fn write_outputs(
        &mut self,
        stem: &str,
        outputs: &[&Output],
        now_s: u64,
    ) -> Result<(), ArchiveError> {
        let (mut packets, mut lines) = (Vec::new(), String::new());
        for output in outputs {
            let member = layout::member(output);
            tarball::push(&mut packets, &member, &output.payload, now_s);
            lines.push_str(&lines::output(&member, output));
            if packets.len() > GATHERED_BYTES {
                self.files.append(&tar(stem), &packets)?;
                packets.clear();
            }
        }
        self.files.append(&tar(stem), &packets)?;
        self.files.append(&jsonl(stem), lines.as_bytes())
    }

    fn write_dead_letters(
        &mut self,
        letters: &[DeadLetter],
        now_s: u64,
    ) -> Result<(), ArchiveError> {
        let stem = self.place.dead_letters();
        for letter in letters {
            let member = layout::dead_member(&letter.packet.position);
            let mut packet = Vec::new();
            tarball::push(&mut packet, &member, &letter.packet.bytes, now_s);
            self.files.append(&tar(&stem), &packet)?;
            let line = lines::dead_letter(&member, letter);
            self.files.append(&jsonl(&stem), line.as_bytes())?;
        }
        Ok(())
    }

    fn write_lines(&mut self, stem: &str, failures: &[Failure]) -> Result<(), ArchiveError> {
        if failures.is_empty() {
            return Ok(());
        }
        let lines: String = failures.iter().map(lines::failure).collect();
        self.files.append(&jsonl(stem), lines.as_bytes())
    }
}

fn tar(stem: &str) -> String {
    format!("{stem}.tar")
}

fn jsonl(stem: &str) -> String {
    format!("{stem}.jsonl")
}
