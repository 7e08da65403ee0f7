//! The recent past of an archive: files by the time of their last change, packets by number.
//!
//! In: the folder or file that a stream reads. Out: packets. Never: a look at how far workers are, so
//! a file that they have not reached yet may be searched, too.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use super::Settings;
use super::folder::Folder;
use super::packets::{FilePackets, Kind};
use crate::source::lookback::{Bound, Lookback, Search};
use crate::source::{Packet, Partition, Position, SourceError};

/// Packets that are handed on at once.
const PART: usize = 64;

/// The files of a stream.
pub struct ArchiveLookback {
    path: PathBuf,
    packet_bytes: u64,
}

impl ArchiveLookback {
    /// Of the archive of these settings.
    #[must_use]
    pub fn new(settings: &Settings) -> Self {
        Self {
            path: settings.path.clone(),
            packet_bytes: settings.packet_bytes,
        }
    }

    /// The packets of one file from a number on; none where it is gone or holds none.
    fn open(
        &self,
        folder: &Folder,
        topic: &Arc<str>,
        from: i64,
    ) -> Result<Option<FilePackets>, SourceError> {
        let path = folder.path(topic);
        let kind = Kind::of_name(topic).or(folder.is_named(topic).then_some(Kind::Packet));
        match FilePackets::open(&path, topic, kind, from, self.packet_bytes) {
            Ok(packets) => Ok(packets),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(SourceError::Retry(format!("{}: {error}", path.display()))),
        }
    }

    /// Files changed at `since_ms` or later, the latest first.
    fn files(&self, folder: &mut Folder, since_ms: i64) -> Result<Vec<Arc<str>>, SourceError> {
        let found = folder
            .scan(|_| true)
            .map_err(|error| SourceError::Retry(format!("{}: {error}", self.path.display())))?;
        let changed = |topic: Arc<str>| {
            let changed = std::fs::metadata(folder.path(&topic)).and_then(|data| data.modified());
            changed.ok().map(|time| (ms(time), topic))
        };
        let mut files: Vec<(i64, Arc<str>)> = found
            .into_iter()
            .filter_map(changed)
            .filter(|(changed_ms, _)| *changed_ms >= since_ms)
            .collect();
        // Files of one moment by their names, for a writer numbers them.
        files.sort_unstable_by(|one, other| other.cmp(one));
        Ok(files.into_iter().map(|(_, topic)| topic).collect())
    }
}

impl Lookback for ArchiveLookback {
    fn packets(
        &self,
        positions: &[Position],
        bound: &Bound,
    ) -> Result<HashMap<Position, Option<Packet>>, SourceError> {
        let folder = Folder::new(self.path.clone(), false);
        let mut by_file: BTreeMap<&Arc<str>, BTreeSet<i64>> = BTreeMap::new();
        for position in positions {
            let topic = &position.partition.topic;
            by_file.entry(topic).or_default().insert(position.offset);
        }
        let (mut found, mut bytes) = (HashMap::new(), 0);
        for (topic, mut offsets) in by_file {
            if bound.is_reached(bytes) {
                break;
            }
            let first = offsets.first().copied().unwrap_or_default();
            let mut packets = self.open(&folder, topic, first)?;
            let mut is_over = false;
            while !offsets.is_empty() && !is_over {
                let Some((packet, _)) = packets.as_mut().and_then(FilePackets::next) else {
                    break;
                };
                if offsets.remove(&packet.position.offset) {
                    bytes += packet.bytes.len();
                    found.insert(packet.position.clone(), Some(packet));
                }
                is_over = bound.is_reached(bytes);
            }
            // Read to its end, the file does not hold the others.
            let gone = offsets.into_iter().filter(|_| !is_over);
            found.extend(gone.map(|offset| {
                let partition = Partition {
                    topic: topic.clone(),
                    index: 0,
                };
                (Position { partition, offset }, None)
            }));
        }
        Ok(found)
    }

    fn backwards(
        &self,
        since_ms: i64,
        deadline: Instant,
        search: &mut dyn Search,
    ) -> Result<(), SourceError> {
        let mut folder = Folder::new(self.path.clone(), false);
        for topic in self.files(&mut folder, since_ms)? {
            // One file that cannot be read does not hide the others.
            let Ok(Some(mut packets)) = self.open(&folder, &topic, 0) else {
                continue;
            };
            let mut part = Vec::with_capacity(PART);
            while let Some((packet, last)) = packets.next() {
                part.push(packet);
                if last || part.len() == PART {
                    search.look(std::mem::take(&mut part));
                }
                if search.is_exhausted() || Instant::now() >= deadline {
                    break;
                }
            }
            search.look(part);
            if search.is_over() || search.is_exhausted() || Instant::now() >= deadline {
                break;
            }
        }
        Ok(())
    }
}

fn ms(time: SystemTime) -> i64 {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::time::Duration;

    use super::*;

    /// Takes note of what it was shown, a run a line.
    #[derive(Default)]
    struct Note {
        runs: Vec<Vec<String>>,
        run: Vec<String>,
        enough: usize,
    }

    impl Search for Note {
        fn look(&mut self, packets: Vec<Packet>) {
            let text = |packet: &Packet| String::from_utf8_lossy(&packet.bytes[4..]).into_owned();
            self.run.extend(packets.iter().map(text));
        }

        fn is_over(&mut self) -> bool {
            self.runs.push(std::mem::take(&mut self.run));
            self.runs.len() >= self.enough
        }

        fn is_exhausted(&self) -> bool {
            false
        }
    }

    fn put(root: &std::path::Path, name: &str, changed_s: u64, packets: &[&str]) {
        let path = root.join(name);
        let mut tar = tar::Builder::new(std::fs::File::create(&path).unwrap());
        for packet in packets {
            let bytes = format!("Obj\u{1}{packet}");
            let mut header = tar::Header::new_gnu();
            header.set_size(bytes.len() as u64);
            tar.append_data(&mut header, "x.avro", bytes.as_bytes())
                .unwrap();
        }
        let file = tar.into_inner().unwrap();
        file.set_modified(UNIX_EPOCH + Duration::from_secs(changed_s))
            .unwrap();
    }

    fn archive() -> (tempfile::TempDir, ArchiveLookback) {
        let root = tempfile::tempdir().unwrap();
        put(root.path(), "b.tar", 2_000, &["b0", "b1"]);
        put(root.path(), "a.tar", 3_000, &["a0"]);
        put(root.path(), "c.tar", 1_000, &["c0"]);
        let past = ArchiveLookback::new(&Settings {
            path: root.path().to_owned(),
            ..Settings::default()
        });
        (root, past)
    }

    fn soon() -> Instant {
        Instant::now() + Duration::from_secs(60)
    }

    #[test]
    fn a_packet_is_found_by_its_number() {
        let (_root, past) = archive();
        let at = |topic: &str, offset: i64| {
            let partition = Partition {
                topic: topic.into(),
                index: 0,
            };
            let packet = past.packet(&Position { partition, offset }, soon());
            packet.unwrap().map(|packet| packet.bytes[4..].to_vec())
        };
        assert_eq!(at("b.tar", 1), Some(b"b1".to_vec()));
        assert_eq!(at("b.tar", 2), None);
        assert_eq!(at("gone.tar", 0), None);
    }

    #[test]
    fn packets_are_found_by_their_numbers_within_a_bound() {
        let (_root, past) = archive();
        let at = |topic: &str, offset: i64| {
            let partition = Partition {
                topic: topic.into(),
                index: 0,
            };
            Position { partition, offset }
        };
        let wanted = [
            at("b.tar", 1),
            at("gone.tar", 0),
            at("a.tar", 0),
            at("a.tar", 7),
        ];
        let read = |bytes, deadline| {
            let packets = past.packets(&wanted, &Bound { deadline, bytes }).unwrap();
            let bytes = |packet: Packet| String::from_utf8(packet.bytes[4..].to_vec()).unwrap();
            let found = wanted.iter().map(|one| packets.get(one).cloned());
            found
                .map(|one| one.map(|one| one.map(bytes)))
                .collect::<Vec<_>>()
        };
        let (a, b) = (Some(Some("a0".to_owned())), Some(Some("b1".to_owned())));
        assert_eq!(
            read(usize::MAX, soon()),
            [b, Some(None), a.clone(), Some(None)]
        );
        // What is left out was not read; it is not gone.
        assert_eq!(read(6, soon()), [None, None, a, None]);
        assert_eq!(read(usize::MAX, Instant::now()), [None, None, None, None]);
    }

    #[test]
    fn the_latest_files_come_first_and_old_ones_not_at_all() {
        let (_root, past) = archive();
        let search = |since_ms, enough| {
            let mut note = Note {
                enough,
                ..Note::default()
            };
            past.backwards(since_ms, soon(), &mut note).unwrap();
            note.runs
        };
        let all = vec![vec!["a0"], vec!["b0", "b1"], vec!["c0"]];
        assert_eq!(search(0, 9), all);
        assert_eq!(search(2_000_000, 9), all[..2]);
        assert_eq!(search(0, 1), all[..1]);
    }
}
