//! The lines of withheld alerts that one commit added.
//!
//! In: a range of bytes of lines, which all filters share. Out: one filter's alerts, without payloads.
//! Never: another filter's, or a byte beyond the range.

use std::io::{BufRead, BufReader, Read};

use serde::Deserialize;

use super::error::{ArchiveError, Context};
use super::ledger::Range;
use super::members::{LONGEST_LINE, part};
use super::reader::Walk;
use super::results::ArchiveReader;
use crate::results::{Found, Origin, Place, Withholder};

/// A line as `lines` wrote it.
#[derive(Deserialize)]
struct Line {
    owner: String,
    filter: String,
    setting: i64,
    version: i64,
    alert_id: String,
    object_id: String,
    night: String,
    source: Origin,
    kind: String,
    #[serde(default)]
    programme: Option<i64>,
}

impl Walk<'_> {
    /// True when all lines of the range were read.
    pub(super) fn withheld(
        &mut self,
        reader: &mut ArchiveReader,
        range: &Range,
        of: &Withholder,
    ) -> Result<bool, ArchiveError> {
        let path = reader.root.join(format!("{}.jsonl", range.stem));
        let Some(lines) = part(&path, range.lines).at(&path)? else {
            self.looked.lost += 1;
            return Ok(true);
        };
        let (mut lines, mut text) = (BufReader::new(lines), Vec::new());
        while (&mut lines)
            .take(LONGEST_LINE)
            .read_until(b'\n', &mut text)
            .at(&path)?
            > 0
        {
            let line = serde_json::from_slice::<Line>(&text).ok();
            text.clear();
            self.within += 1;
            if self.within <= self.skip {
                continue;
            }
            if self.look.is_over(self.looked.found.len(), *self.bytes) {
                self.looked.more = true;
                return Ok(false);
            }
            let (number, within) = (self.portion.sequence, self.within);
            let after = Place { number, within };
            reader.cursor.put(&self.partition, after);
            match line.filter(|line| self.portion.holds(&line.source)) {
                None => self.looked.lost += 1,
                Some(line) if line.owner != of.owner || line.filter != of.filter => {}
                Some(line) => {
                    let found = self.found(line, after);
                    if self.look.wants(&found) {
                        self.looked.found.push(found);
                    }
                }
            }
        }
        Ok(true)
    }

    fn found(&self, line: Line, after: Place) -> Found {
        Found {
            partition: self.partition.clone(),
            after,
            object_id: line.object_id,
            alert_id: line.alert_id,
            night: line.night,
            version: line.version,
            setting: line.setting,
            programme: line.programme,
            holds: "reference".to_owned(),
            source: line.source,
            annotations: serde_json::Map::new(),
            payload: Vec::new(),
            withheld: Some(line.kind),
            missing: None,
        }
    }
}
