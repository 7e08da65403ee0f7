//! The packets of one stream's night, made or taken, and how they come in.
//!
//! In: a seed, or a folder of real packets. Out: packets staged beside the folder that the host
//! follows, and moved into it when the night begins. Never: a change to somebody's own packets.

use std::path::Path;

use anyhow::{Context, Result, ensure};

use super::Arguments;
use super::folder::Folder;
use crate::house::{House, step};
use crate::reconcile::packets;

/// How many packets the checks of an upload get to see.
const SAMPLES: u32 = 32;
/// How many alerts of an earlier night there are for back-tests.
const PAST: u32 = 1_000;
/// Greatest part of the alerts that an example may pass [%]. A survey's gate is tighter; a simulated
/// night is rich in what the examples look for.
const GATE_PERCENT: u32 = 25;
/// One LSST alert for so many of ZTF.
const LSST_SHARE: u32 = 5;

/// What the host is told of a survey: configuration, never code of the host.
struct Survey {
    stream: &'static str,
    identities: &'static str,
    observed: &'static str,
    schemas: bool,
}

const ZTF: Survey = Survey {
    stream: "ztf",
    identities: "object_id = [\"objectId\"]\nalert_id = [\"candid\"]\n",
    observed: "\n[streams.observed]\npath = [\"candidate.jd\"]\nformat = \"jd\"\nscale = \"utc\"\n\
               longitude_deg = -116.8650\n",
    schemas: false,
};

const LSST: Survey = Survey {
    stream: "lsst",
    identities: "object_id = [\"diaSource.diaObjectId\", \"diaSource.ssObjectId\"]\n\
                 alert_id = [\"diaSourceId\", \"alertId\"]\n",
    observed: "\n[streams.observed]\npath = [\"diaSource.midpointMjdTai\"]\nformat = \"mjd\"\n\
               scale = \"tai\"\nlongitude_deg = -70.7494\n",
    schemas: true,
};

/// What a filter has to show before it goes live: greatest part passed [%], of how many alerts.
struct Gate {
    percent: u32,
    alerts: u32,
}

/// A night of one stream.
pub struct Night {
    /// The stream's name.
    pub stream: &'static str,
    /// How many alerts it has.
    pub alerts: u64,
    gate: Gate,
    survey: &'static Survey,
}

impl Night {
    /// Stage the packets of every stream of the demo.
    pub fn prepare(house: &House, folder: &Folder, arguments: &Arguments) -> Result<Vec<Self>> {
        if let Some(data) = &arguments.data {
            return Ok(vec![Self::of_packets(folder, data)?]);
        }
        let shares = [
            (&ZTF, arguments.alerts),
            (&LSST, arguments.alerts.div_ceil(LSST_SHARE)),
        ];
        shares
            .into_iter()
            .map(|(survey, alerts)| Self::simulate(house, folder, survey, alerts, arguments.seed))
            .collect()
    }

    fn simulate(
        house: &House,
        folder: &Folder,
        survey: &'static Survey,
        alerts: u32,
        seed: u64,
    ) -> Result<Self> {
        let stream = survey.stream;
        let make = |what: &str, alerts: u32, seed: u64, out: &Path| {
            std::fs::create_dir_all(out)?;
            let mut simulate = std::process::Command::new(house.skysieve());
            simulate.args([
                "simulate",
                "--survey",
                stream,
                "--alerts",
                &alerts.to_string(),
            ]);
            simulate
                .args(["--seed", &seed.to_string(), "--out"])
                .arg(out);
            if survey.schemas {
                simulate.arg("--schemas").arg(folder.schemas(stream));
            }
            step(
                &format!("simulate {what} of {alerts} {stream} alerts"),
                &mut simulate,
            )
        };
        make("a night", alerts, seed, &folder.staged(stream))?;
        make(
            "samples",
            SAMPLES.min(alerts),
            seed.wrapping_add(1),
            &folder.samples(stream),
        )?;
        let past = PAST.min(alerts);
        make(
            "an earlier night",
            past,
            seed.wrapping_add(2),
            &folder.past(stream),
        )?;
        let gate = Gate {
            percent: GATE_PERCENT,
            alerts: past.min(200),
        };
        Self::staged(folder, survey, gate)
    }

    /// Real packets, copied: the host's folder is the demo's own.
    fn of_packets(folder: &Folder, data: &Path) -> Result<Self> {
        ensure!(data.is_dir(), "--data {}: no such folder", data.display());
        eprintln!("── copy the packets of {}", data.display());
        let files = packets::files(data)?;
        ensure!(
            !files.is_empty(),
            "--data {}: no packets in it",
            data.display()
        );
        copy(data, &files, &folder.staged(ZTF.stream))?;
        let every = files.len().div_ceil(SAMPLES as usize);
        let samples: Vec<_> = files.into_iter().step_by(every).collect();
        copy(data, &samples, &folder.samples(ZTF.stream))?;
        copy(data, &samples, &folder.past(ZTF.stream))?;
        // Somebody's packets may all be of one kind: every filter goes live, whatever it passes.
        let gate = Gate {
            percent: 100,
            alerts: 1,
        };
        Self::staged(folder, &ZTF, gate)
    }

    fn staged(folder: &Folder, survey: &'static Survey, gate: Gate) -> Result<Self> {
        std::fs::create_dir_all(folder.incoming(survey.stream))?;
        let packets = packets::read(&folder.staged(survey.stream))?;
        let alerts = packets.values().map(|packet| packet.records).sum();
        ensure!(alerts > 0, "the night of {} has no alerts", survey.stream);
        Ok(Self {
            stream: survey.stream,
            alerts,
            gate,
            survey,
        })
    }

    /// Move the packets into the folder that the host follows.
    pub fn begin(&self, folder: &Folder) -> Result<()> {
        let (from, to) = (
            folder.staged(self.stream),
            folder.incoming(self.stream).join("night"),
        );
        std::fs::rename(&from, &to).with_context(|| format!("cannot move {}", from.display()))
    }

    /// Paths of the ids, for the configuration.
    pub fn identities(&self) -> &'static str {
        self.survey.identities
    }

    /// What filters have to show, for the configuration.
    pub fn gate(&self) -> String {
        let Gate { percent, alerts } = self.gate;
        format!("gate_percent = {percent}.0\ngate_alerts = {alerts}\n")
    }

    /// Observation time and the observatory's place, for the configuration.
    pub fn observed(&self) -> &'static str {
        self.survey.observed
    }

    /// Whether the packets refer to schema documents.
    pub fn has_schemas(&self) -> bool {
        self.survey.schemas
    }
}

fn copy(from: &Path, files: &[String], to: &Path) -> Result<()> {
    for file in files {
        let target = to.join(file);
        if let Some(parent) = target.parent() {
            std::fs::create_dir_all(parent)?;
        }
        std::fs::copy(from.join(file), &target).with_context(|| format!("cannot copy {file}"))?;
    }
    Ok(())
}
