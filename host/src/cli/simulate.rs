//! `skysieve simulate`: a night of survey-like alerts, to a folder or to Kafka.
//!
//! In: survey, night, seed, number of alerts. Out: tars of packets, renamed into place when whole,
//! or records of a topic; the schema document where packets do not carry theirs; a line with the
//! rate. Never: a file overwritten.

mod tars;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use indicatif::{HumanBytes, ProgressBar, ProgressStyle};
use skysieve_simulator::{Alert, Night, Simulation, Survey};

use crate::kafka;
use crate::kafka::publish::{Publication, Publisher};
use tars::Tars;

/// At a given rate a tar is closed after this long, however few its packets.
const LONGEST_TAR: Duration = Duration::from_secs(1);

/// Make a night of survey-like alerts.
#[derive(Debug, clap::Args)]
pub struct SimulateArgs {
    /// Whose alerts they resemble
    #[arg(long, value_enum, default_value = "ztf")]
    survey: SurveyName,
    /// How many
    #[arg(long, default_value_t = 10_000)]
    alerts: u64,
    /// The same seed gives the same alerts, bit for bit
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Local date of the night's evening
    #[arg(long, value_name = "YYYY-MM-DD", default_value = "2026-04-01", value_parser = Night::parse)]
    night: Night,
    /// Write tars of up to 1,000 packets to this folder
    #[arg(
        long,
        value_name = "DIR",
        required_unless_present = "kafka",
        conflicts_with = "kafka"
    )]
    out: Option<PathBuf>,
    /// Publish to this Kafka cluster, host:port,host:port
    #[arg(long, value_name = "BROKERS", requires = "topic")]
    kafka: Option<String>,
    /// Topic to publish to; made where it is missing
    #[arg(long, requires = "kafka")]
    topic: Option<String>,
    /// Partitions of a topic that is made
    #[arg(long, default_value_t = 16, requires = "kafka")]
    partitions: u32,
    /// Alerts per second, at most
    #[arg(long, value_name = "ALERTS_PER_S", value_parser = positive)]
    rate: Option<f64>,
    /// Folder for the schema document <id>.avsc of packets that do not carry theirs; DIR when not given
    #[arg(long, value_name = "DIR")]
    schemas: Option<PathBuf>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum SurveyName {
    Ztf,
    Lsst,
}

fn positive(text: &str) -> Result<f64, String> {
    let rate = text
        .parse()
        .ok()
        .filter(|rate| *rate > 0.0 && f64::is_finite(*rate));
    rate.ok_or_else(|| "write a number above 0".to_owned())
}

/// Makes the night.
///
/// # Errors
/// When the folder or the broker does not take it.
pub fn run(args: SimulateArgs) -> Result<ExitCode> {
    let survey = match args.survey {
        SurveyName::Ztf => Survey::Ztf,
        SurveyName::Lsst => Survey::Lsst,
    };
    write_schema(survey, args.schemas.as_deref().or(args.out.as_deref()))?;
    let (mut target, place) = Target::open(&args, survey)?;
    let mut simulation = Simulation::new(survey, args.night, args.seed, args.alerts);
    let progress = progress(args.alerts);
    let (begun, mut bytes) = (Instant::now(), 0);
    for number in 0..args.alerts {
        if let Some(rate) = args.rate {
            let due = begun + Duration::from_secs_f64(number as f64 / rate);
            std::thread::sleep(due.saturating_duration_since(Instant::now()));
        }
        let alert = simulation.alert(number);
        bytes += alert.bytes.len() as u64;
        target.take(alert)?;
        progress.inc(1);
    }
    target.finish()?;
    progress.finish_and_clear();
    let seconds = begun.elapsed().as_secs_f64();
    let (alerts, name, night) = (args.alerts, survey.name(), args.night);
    let (size, rate) = (HumanBytes(bytes), alerts as f64 / seconds);
    println!(
        "{alerts} {name} alerts of {night}, {size}, to {place} in {seconds:.1} s: {rate:.0} alerts/s"
    );
    Ok(ExitCode::SUCCESS)
}

fn progress(alerts: u64) -> ProgressBar {
    let style = ProgressStyle::with_template("{bar:40} {pos}/{len} alerts, {per_sec}, {eta} left");
    let style = style.unwrap_or_else(|_| ProgressStyle::default_bar());
    ProgressBar::new(alerts).with_style(style)
}

fn write_schema(survey: Survey, folder: Option<&Path>) -> Result<()> {
    let (Some(id), Some(folder)) = (survey.schema_id(), folder) else {
        return Ok(());
    };
    let path = folder.join(format!("{id}.avsc"));
    fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display()))?;
    fs::write(&path, survey.schema()).with_context(|| format!("cannot write {}", path.display()))
}

/// Where alerts go.
enum Target {
    Folder(Tars),
    Topic(Publisher),
}

impl Target {
    fn open(args: &SimulateArgs, survey: Survey) -> Result<(Self, String)> {
        match (&args.out, &args.kafka, &args.topic) {
            (None, Some(brokers), Some(topic)) => {
                let settings = kafka::Settings {
                    brokers: brokers.clone(),
                    ..Default::default()
                };
                let publisher = Publisher::new(&settings, topic, args.partitions)?;
                Ok((Self::Topic(publisher), format!("topic {topic}")))
            }
            (Some(folder), ..) => {
                fs::create_dir_all(folder)
                    .with_context(|| format!("cannot make {}", folder.display()))?;
                let stem = folder.join(format!("{}_{}", survey.name(), args.night));
                let longest = args.rate.map(|_| LONGEST_TAR);
                let place = folder.display().to_string();
                Ok((Self::Folder(Tars::new(stem, longest)), place))
            }
            _ => anyhow::bail!("say where to: --out DIR, or --kafka BROKERS --topic TOPIC"),
        }
    }

    fn take(&mut self, alert: Alert) -> Result<()> {
        match self {
            Self::Folder(tars) => tars.take(&alert),
            Self::Topic(publisher) => Ok(publisher.publish(&Publication {
                key: alert.object_id,
                bytes: alert.bytes.into(),
                timestamp_ms: None,
            })?),
        }
    }

    fn finish(self) -> Result<()> {
        match self {
            Self::Folder(mut tars) => tars.close(),
            Self::Topic(publisher) => Ok(publisher.finish().map(|_| ())?),
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::source::archive::ArchiveSource;
    use crate::source::{BatchLimits, Polled, Source};
    use clap::Parser;

    #[derive(Parser)]
    struct Command {
        #[command(flatten)]
        args: SimulateArgs,
    }

    fn parse(arguments: &[&str]) -> Result<SimulateArgs, clap::Error> {
        let all = [&["simulate"], arguments].concat();
        Ok(Command::try_parse_from(all)?.args)
    }

    #[test]
    fn a_night_is_written_whole_and_read_back() {
        let folder = tempfile::tempdir().unwrap();
        let out = folder.path().to_str().unwrap();
        let arguments = ["--survey", "lsst", "--alerts", "1003", "--out", out];
        run(parse(&arguments).unwrap()).unwrap();
        let mut names: Vec<_> = fs::read_dir(folder.path())
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        assert_eq!(
            names,
            [
                "1000.avsc",
                "lsst_2026-04-01_000.tar",
                "lsst_2026-04-01_001.tar"
            ]
        );
        let limits = BatchLimits {
            rows: 5000,
            bytes: 1 << 30,
            age: Duration::from_secs(60),
        };
        let mut source = ArchiveSource::replay([folder.path().to_owned()]);
        let mut packets = 0;
        while let Polled::Packets(batch) = source.poll(&limits).unwrap() {
            assert!(
                batch
                    .iter()
                    .all(|packet| packet.damage.is_none() && packet.bytes[0] == 0)
            );
            packets += batch.len();
        }
        assert_eq!(packets, 1003);
        let again = run(parse(&arguments).unwrap()).unwrap_err();
        assert!(again.to_string().contains("choose another folder"));
    }

    #[test]
    fn a_command_line_without_a_target_is_refused() {
        assert!(parse(&["--alerts", "5"]).is_err());
        assert!(parse(&["--kafka", "127.0.0.1:9092"]).is_err());
        assert!(parse(&["--out", "x", "--kafka", "127.0.0.1:9092", "--topic", "t"]).is_err());
        assert!(parse(&["--out", "x", "--night", "tonight"]).is_err());
        assert!(parse(&["--out", "x", "--rate", "0"]).is_err());
        assert!(parse(&["--kafka", "127.0.0.1:9092", "--topic", "t", "--rate", "10"]).is_ok());
    }
}
