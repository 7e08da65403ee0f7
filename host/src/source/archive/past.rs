//! An archive as it is now, read once in the order of its files' names, from a place on.
//!
//! In: a folder or file, and how far it was read. Out: packets; which part of the archive they are.
//! Never: waiting for files that are still to come.

use std::path::PathBuf;

use super::{ArchiveSource, Folder, Next, Partition, Progress, Share};
use crate::source::{BatchLimits, Packet, Polled, Source, SourceError};

/// A tar's part beside its members' bytes, for each of them [bytes]: the header and half a block.
const MEMBER_BYTES: u64 = 768;

/// The past, as far as it lies in files.
pub struct PastFiles {
    source: ArchiveSource,
    total_bytes: u64,
    /// Of the files that are read.
    done_bytes: u64,
    /// The file that is being read: name, size, bytes of the packets that came of it.
    current: (String, u64, u64),
}

impl PastFiles {
    /// The packets of an archive from packet `next` of the file `name` on; from its beginning where
    /// the name is empty. Lists it, which takes a while where it is large.
    ///
    /// # Errors
    /// When it cannot be listed.
    pub fn open(
        path: PathBuf,
        packet_bytes: u64,
        name: &str,
        next: i64,
    ) -> Result<Self, SourceError> {
        let folder = Folder::new(path, false);
        let progress = Progress::default();
        let mut source =
            ArchiveSource::over(vec![folder], Share::WHOLE, progress, false, packet_bytes);
        source.look()?;
        let (mut total_bytes, mut done_bytes) = (0, 0);
        for (_, topic) in &source.queue {
            let bytes = size(&source, topic);
            total_bytes += bytes;
            if **topic < *name {
                done_bytes += bytes;
            }
        }
        source.queue.retain(|(_, topic)| **topic >= *name);
        let partition = Partition {
            topic: name.into(),
            index: 0,
        };
        if !name.is_empty() {
            source.progress.put(&partition, Next::At(next));
        }
        Ok(Self {
            source,
            total_bytes,
            done_bytes,
            current: (String::new(), 0, 0),
        })
    }

    /// The next packets; none at the end.
    ///
    /// # Errors
    /// When the machine is in trouble.
    pub fn poll(&mut self, limits: &BatchLimits) -> Result<Option<Vec<Packet>>, SourceError> {
        match self.source.poll(limits)? {
            Polled::Packets(packets) => {
                packets.iter().for_each(|packet| self.count(packet));
                Ok(Some(packets))
            }
            Polled::Rebalanced => Ok(Some(Vec::new())),
            Polled::End => Ok(None),
        }
    }

    /// Which part of the archive is read, 0 to 1; an estimate where files are compressed.
    #[must_use]
    #[allow(clippy::cast_precision_loss)] // an estimate
    pub fn fraction(&self) -> f64 {
        let (_, size, read) = &self.current;
        let done = self.done_bytes + read.min(size);
        (done as f64 / self.total_bytes.max(1) as f64).min(1.0)
    }

    fn count(&mut self, packet: &Packet) {
        let topic = &packet.position.partition.topic;
        if *self.current.0 != **topic {
            self.done_bytes += self.current.1;
            self.current = (topic.to_string(), size(&self.source, topic), 0);
        }
        self.current.2 += packet.bytes.len() as u64 + MEMBER_BYTES;
    }
}

/// A file that went away counts nothing.
fn size(source: &ArchiveSource, topic: &str) -> u64 {
    let path = source.folders[0].path(topic);
    std::fs::metadata(path).map_or(0, |data| data.len())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::time::Duration;

    use super::*;
    use crate::source::place::Place;

    const LIMITS: BatchLimits = BatchLimits {
        rows: 2,
        bytes: 1 << 20,
        age: Duration::from_secs(10),
    };

    fn archive() -> tempfile::TempDir {
        let root = tempfile::tempdir().unwrap();
        for name in ["b.avro", "a.avro", "e.avro"] {
            std::fs::write(root.path().join(name), name).unwrap();
        }
        let mut tar = tar::Builder::new(Vec::new());
        for member in ["1", "2", "3"] {
            let mut header = tar::Header::new_gnu();
            header.set_size(1);
            tar.append_data(&mut header, member, member.as_bytes())
                .unwrap();
        }
        std::fs::write(root.path().join("c.tar"), tar.into_inner().unwrap()).unwrap();
        root
    }

    /// Packets to the end, and the place behind each batch.
    fn read(root: &std::path::Path, place: &Place) -> Vec<(Vec<String>, Place)> {
        let Place::File { name, next } = place else {
            panic!("{place:?}")
        };
        let mut past = PastFiles::open(root.to_owned(), 100, name, *next).unwrap();
        let (mut batches, mut place) = (Vec::new(), place.clone());
        while let Some(packets) = past.poll(&LIMITS).unwrap() {
            place.advance(&packets);
            let texts = packets
                .iter()
                .map(|packet| String::from_utf8_lossy(&packet.bytes).into());
            batches.push((texts.collect(), place.clone()));
        }
        batches
    }

    #[test]
    fn files_are_read_in_order_and_from_any_place_on() {
        let root = archive();
        let all = read(root.path(), &Place::archive());
        let texts = |batches: &[(Vec<String>, Place)]| -> Vec<String> {
            batches
                .iter()
                .flat_map(|(texts, _)| texts.clone())
                .collect()
        };
        assert_eq!(texts(&all), ["a.avro", "b.avro", "1", "2", "3", "e.avro"]);
        for (number, (_, place)) in all.iter().enumerate() {
            let rest = read(root.path(), place);
            assert_eq!(texts(&rest), texts(&all[number + 1..]), "{place:?}");
        }
    }

    #[test]
    fn the_part_that_is_read_grows_to_the_whole() {
        let root = archive();
        let mut past = PastFiles::open(root.path().to_owned(), 100, "", 0).unwrap();
        let mut last = past.fraction();
        assert!(last == 0.0);
        while past.poll(&LIMITS).unwrap().is_some() {
            assert!(past.fraction() >= last);
            last = past.fraction();
        }
        assert!(last > 0.8, "{last}");
    }

    #[test]
    fn a_missing_archive_is_an_error() {
        assert!(PastFiles::open("/nowhere/at/all".into(), 100, "", 0).is_err());
    }
}
