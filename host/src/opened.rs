//! A stream, opened: what its workers, the registry's window and the HTTP interface need of it.
//!
//! In: the settings of one stream. Out: a source and a sink per worker, the log of their counts,
//! schemas, samples, topics. Never: a running thread.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use skysieve_decode::SchemaSource;

use crate::evaluate::active::ActiveHandle;
use crate::kafka::{self, KafkaError, KafkaInput, KafkaStream};
use crate::logbook::{self, Logbook};
use crate::outflow::Outflow;
use crate::results::Results;
use crate::samples::Samples;
use crate::sink::archive::{self, ArchiveCountLog, ArchiveError, ArchiveResults};
use crate::sink::{CountLog, Sink, SinkError};
use crate::source::archive::{ArchiveLookback, ArchiveSource, Share};
use crate::source::lookback::Lookback;
use crate::source::schema_folder::{SchemaFolder, SchemaFolderError};
use crate::source::{self, BatchLimits, Polled, Source};
use crate::stream::{MAIN_LANE, SinkSettings, SourceSettings, StreamSettings};

/// How many packets are looked at before the first one was judged; a few of each schema are kept.
const FIRST_SAMPLES: usize = 1_000;
/// Longest time to look for them.
const FIRST_SAMPLES_WAIT: Duration = Duration::from_secs(5);

/// One worker's source and sink.
pub type Way = (Box<dyn Source + Send>, Box<dyn Sink + Send>);

/// A stream that is ready to run.
pub struct OpenStream {
    /// Its settings.
    pub settings: Arc<StreamSettings>,
    /// Documents for Confluent framing.
    pub schemas: Arc<dyn SchemaSource>,
    /// A few of its packets.
    pub samples: Arc<Samples>,
    /// What workers tell of the alerts they judged.
    pub logbook: Arc<Logbook>,
    /// The packets that the source still keeps.
    pub lookback: Arc<dyn Lookback>,
    /// What judges its alerts.
    pub active: ActiveHandle,
    /// What of its filters' alerts may go out.
    pub outflow: Arc<Outflow>,
    /// One per worker.
    pub ways: Vec<Way>,
    /// What the workers counted.
    pub counts: Box<dyn CountLog>,
    /// Where its filters' alerts go.
    pub topics: Topics,
    /// Reads them back.
    pub results: Arc<dyn Results>,
}

/// Makes the place for a filter's alerts.
#[derive(Clone)]
pub enum Topics {
    /// Folders make themselves.
    Archive,
    /// A topic on the cluster.
    Kafka(KafkaStream),
}

/// Why a stream cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The archive that results go to.
    #[error(transparent)]
    Archive(#[from] ArchiveError),
    /// The cluster.
    #[error(transparent)]
    Kafka(#[from] KafkaError),
    /// The log of counts.
    #[error(transparent)]
    Counts(#[from] SinkError),
    /// Not built yet.
    #[error("an archive goes to an archive: from an archive to Kafka there is no way yet")]
    Mixed,
    /// The folder of schema documents.
    #[error(transparent)]
    Schemas(#[from] SchemaFolderError),
    /// A folder or file that the settings name.
    #[error("{key} = {:?}: {error}", path.display())]
    Path {
        /// Which setting.
        key: &'static str,
        /// What it says.
        path: PathBuf,
        /// Why it does not do.
        error: std::io::Error,
    },
}

impl OpenError {
    /// Whether a setting has to change before another start can help.
    #[must_use]
    pub fn is_setting(&self) -> bool {
        match self {
            Self::Kafka(error) => matches!(error, KafkaError::Settings(_)),
            Self::Schemas(_) | Self::Path { .. } | Self::Mixed => true,
            Self::Archive(_) | Self::Counts(_) => false,
        }
    }
}

impl Topics {
    /// Make the place that is called `topic`, where it is missing. Blocks, not for ever.
    ///
    /// # Errors
    /// When the cluster does not answer or refuses.
    pub fn ensure(&self, topic: &str) -> Result<(), KafkaError> {
        match self {
            Self::Archive => Ok(()),
            Self::Kafka(stream) => stream.ensure_topic(topic),
        }
    }
}

impl OpenStream {
    /// Open the stream of these settings. Blocks, not for ever.
    ///
    /// # Errors
    /// When its source, sink or schemas cannot be reached.
    pub fn open(settings: &StreamSettings, logbook: &logbook::Settings) -> Result<Self, OpenError> {
        if let Some(samples) = &settings.samples {
            std::fs::metadata(samples).map_err(path_error("samples", samples))?;
        }
        let schemas: Arc<dyn SchemaSource> = match &settings.schemas {
            Some(folder) => Arc::new(SchemaFolder::read(folder)?),
            None => Arc::new(skysieve_decode::NoSchemas),
        };
        let (ways, counts, topics, results) = match (&settings.source, &settings.sink) {
            (SourceSettings::Archive(source), SinkSettings::Archive(sink)) => {
                open_archive(settings, source, sink)?
            }
            (SourceSettings::Kafka(kafka), SinkSettings::Kafka) => open_kafka(settings, kafka)?,
            (SourceSettings::Kafka(kafka), SinkSettings::Archive(sink)) => {
                open_kafka_to_archive(settings, kafka, sink)?
            }
            (SourceSettings::Archive(_), SinkSettings::Kafka) => return Err(OpenError::Mixed),
        };
        let samples = Samples::new(schemas.clone());
        first_samples(&samples, settings);
        Ok(Self {
            settings: Arc::new(settings.clone()),
            schemas,
            samples: Arc::new(samples),
            logbook: Logbook::new(logbook, settings.recent_alerts),
            lookback: lookback(settings),
            active: ActiveHandle::default(),
            outflow: Arc::default(),
            ways,
            counts,
            topics,
            results,
        })
    }
}

fn lookback(settings: &StreamSettings) -> Arc<dyn Lookback> {
    match &settings.source {
        SourceSettings::Archive(source) => Arc::new(ArchiveLookback::new(source)),
        SourceSettings::Kafka(kafka) => Arc::new(KafkaInput::lookback(kafka)),
    }
}

/// Positions lie beside the results; nothing is written to the cluster.
fn open_kafka_to_archive(
    settings: &StreamSettings,
    kafka: &kafka::Settings,
    sink: &archive::Settings,
) -> Result<Parts, OpenError> {
    std::fs::create_dir_all(&sink.path).map_err(path_error("sink.path", &sink.path))?;
    let input = KafkaInput::open(kafka, &settings.name, MAIN_LANE)?;
    let (sinks, progress) = archive::open(sink, &settings.name, MAIN_LANE, settings.workers)?;
    let mut ways: Vec<Way> = Vec::with_capacity(settings.workers);
    for sink in sinks {
        ways.push((Box::new(input.worker(progress.clone())?), Box::new(sink)));
    }
    let counts = ArchiveCountLog::new(&sink.path, &settings.name);
    let results = ArchiveResults::new(&sink.path, &settings.name);
    Ok((ways, Box::new(counts), Topics::Archive, Arc::new(results)))
}

type Parts = (Vec<Way>, Box<dyn CountLog>, Topics, Arc<dyn Results>);

fn open_archive(
    settings: &StreamSettings,
    source: &source::archive::Settings,
    sink: &archive::Settings,
) -> Result<Parts, OpenError> {
    let workers = settings.workers;
    std::fs::create_dir_all(&sink.path).map_err(path_error("sink.path", &sink.path))?;
    if source.follow && !source.path.exists() {
        std::fs::create_dir_all(&source.path).map_err(path_error("source.path", &source.path))?;
        tracing::info!(folder = %source.path.display(), "made; packets are awaited there");
    }
    let (sinks, progress) = archive::open(sink, &settings.name, MAIN_LANE, workers)?;
    let way = |(worker, sink)| -> Way {
        let share = Share { worker, workers };
        (
            Box::new(ArchiveSource::new(source, share, progress.clone())),
            Box::new(sink),
        )
    };
    let ways = sinks.into_iter().enumerate().map(way).collect();
    let counts = ArchiveCountLog::new(&sink.path, &settings.name);
    let results = ArchiveResults::new(&sink.path, &settings.name);
    Ok((ways, Box::new(counts), Topics::Archive, Arc::new(results)))
}

fn path_error(key: &'static str, path: &Path) -> impl FnOnce(std::io::Error) -> OpenError {
    let path = path.to_owned();
    move |error| OpenError::Path { key, path, error }
}

fn open_kafka(settings: &StreamSettings, kafka: &kafka::Settings) -> Result<Parts, OpenError> {
    let stream = KafkaStream::open(kafka, &settings.name, MAIN_LANE)?;
    let mut ways: Vec<Way> = Vec::with_capacity(settings.workers);
    for worker in 0..settings.workers {
        let (source, sink) = stream.worker(worker)?;
        ways.push((Box::new(source), Box::new(sink)));
    }
    let counts = stream.count_log()?;
    let results = Arc::new(stream.clone());
    Ok((ways, Box::new(counts), Topics::Kafka(stream), results))
}

/// From the folder that the settings name, else from the source. None is no error: an upload is
/// then told that its fields could not be checked.
fn first_samples(samples: &Samples, settings: &StreamSettings) {
    match (&settings.samples, &settings.source) {
        (Some(path), _) => from_files(samples, path),
        (None, SourceSettings::Archive(source)) => from_files(samples, &source.path),
        (None, SourceSettings::Kafka(kafka)) => {
            match KafkaInput::samples(kafka, FIRST_SAMPLES / 4, FIRST_SAMPLES_WAIT) {
                Ok(packets) => packets.iter().for_each(|packet| samples.add(packet)),
                Err(error) => tracing::warn!(%error, "no sample packets yet"),
            }
        }
    }
}

fn from_files(samples: &Samples, path: &Path) {
    let mut source = ArchiveSource::replay([path.to_owned()]);
    let limits = BatchLimits {
        rows: FIRST_SAMPLES,
        bytes: 128 << 20,
        age: FIRST_SAMPLES_WAIT,
    };
    match source.poll(&limits) {
        Ok(Polled::Packets(packets)) => {
            packets.iter().for_each(|packet| samples.add(&packet.bytes));
        }
        Ok(Polled::Rebalanced | Polled::End) => {}
        Err(error) => tracing::warn!(%error, "no sample packets yet"),
    }
}
