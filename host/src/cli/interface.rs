//! What the HTTP interface is given of the other rooms: uploads and topics, by stream.
//!
//! In: opened streams, the upload room. Out: the interface's host. Never: HTTP.

use std::collections::BTreeMap;
use std::sync::Arc;

use anyhow::Context;
use skysieve_decode::{FieldPath, SchemaSource};

use super::explaining::Explaining;
use crate::api::{
    Accepted, Budgets, EnsureTopic, Host, Refused, Settings, StreamInfo, StreamResults, UploadRoom,
};
use crate::judge::Judge;
use crate::opened::{OpenStream, Topics};
use crate::registry::{Name, Registry};
use crate::rights::Rights;
use crate::samples::Samples;
use crate::stream::{MAIN_LANE, StreamSettings};
use crate::upload::{StreamSamples, UploadError, Uploader};

/// The interface's host over `streams`.
pub(super) fn host(
    settings: Settings,
    registry: &Registry,
    uploader: &Arc<Uploader>,
    streams: &[OpenStream],
) -> anyhow::Result<Host> {
    let info = |stream: &OpenStream| -> anyhow::Result<StreamInfo> {
        let name = Name::parse(&stream.settings.name).context("name of a stream")?;
        let active = stream.active.clone();
        let live = move || {
            let filters = &active.current().filters;
            filters.iter().map(|one| one.destination.setting).collect()
        };
        Ok(StreamInfo {
            name,
            settings: stream.settings.clone(),
            lane: MAIN_LANE.to_owned(),
            live: Arc::new(live),
        })
    };
    let infos = streams.iter().map(info).collect::<Result<_, _>>()?;
    let known = streams.iter().map(|stream| {
        let known = Known {
            settings: stream.settings.clone(),
            samples: stream.samples.clone(),
            schemas: stream.schemas.clone(),
        };
        (stream.settings.name.clone(), known)
    });
    let room = Room {
        uploader: uploader.clone(),
        streams: known.collect(),
    };
    let explaining = Arc::new(Explaining::new(registry, uploader, streams));
    let host = Host::new(
        settings,
        registry.clone(),
        infos,
        Arc::new(room),
        ensure_topic(streams),
    )
    .within(Budgets::new(uploader.sandbox().settings()))
    .explaining(explaining.clone());
    Ok(streams.iter().fold(host, |host, stream| {
        host.with_results(&stream.settings.name, results(stream, &explaining))
    }))
}

fn results(stream: &OpenStream, explaining: &Arc<Explaining>) -> StreamResults {
    let (name, explaining) = (stream.settings.name.clone(), explaining.clone());
    let (samples, schemas) = (stream.samples.clone(), stream.schemas.clone());
    let check_fields = move |fields: &[FieldPath]| {
        if fields.is_empty() {
            return Ok(());
        }
        StreamSamples::of_packets(samples.packets(), schemas.clone()).check_parts(fields)
    };
    StreamResults {
        results: stream.results.clone(),
        schemas: stream.schemas.clone(),
        cutouts: stream.settings.cutout_paths(),
        programmes: stream.settings.programmes.clone(),
        check_fields: Arc::new(check_fields),
        restore: Arc::new(move |filter| explaining.restorer(&name, filter)),
    }
}

fn ensure_topic(streams: &[OpenStream]) -> EnsureTopic {
    let topics = streams
        .iter()
        .map(|one| (one.settings.name.clone(), one.topics.clone()));
    let topics: BTreeMap<String, Topics> = topics.collect();
    Arc::new(move |stream, topic| match topics.get(stream) {
        Some(topics) => topics.ensure(topic).map_err(|error| error.to_string()),
        None => Err(format!("this host has no stream `{stream}`")),
    })
}

/// The upload room, with what is known of each stream.
struct Room {
    uploader: Arc<Uploader>,
    streams: BTreeMap<String, Known>,
}

struct Known {
    settings: Arc<StreamSettings>,
    samples: Arc<Samples>,
    schemas: Arc<dyn SchemaSource>,
}

impl Known {
    /// The sample packets that may be seen by whom these programmes were granted: all of whose alerts
    /// may.
    fn visible(&self, granted: &[i64]) -> Vec<Arc<[u8]>> {
        let packets = self.samples.packets();
        let rights = Rights::of(self.settings.programmes.as_ref(), granted);
        if rights == Rights::all() {
            return packets;
        }
        let judge = Judge::new(self.settings.clone(), self.schemas.clone(), Arc::default());
        judge.visible(packets, &rights)
    }
}

impl UploadRoom for Room {
    fn accept(&self, stream: &str, granted: &[i64], bytes: &[u8]) -> Result<Accepted, Refused> {
        let samples = match self.streams.get(stream) {
            Some(known) => StreamSamples::of_packets(known.visible(granted), known.schemas.clone()),
            None => StreamSamples::default(),
        };
        let accepted = self
            .uploader
            .accept(bytes, &samples)
            .map_err(|error| match error {
                UploadError::Refused(refusal) => Refused::Wrong {
                    code: refusal.code().to_owned(),
                    message: refusal.to_string(),
                },
                UploadError::Host(reason) => Refused::Failed(reason),
            })?;
        let failed = |error: serde_json::Error| Refused::Failed(error.to_string());
        Ok(Accepted {
            component: accepted.component,
            title: accepted.description.title.clone(),
            description: serde_json::to_value(&accepted.description).map_err(failed)?,
            trial: serde_json::to_value(&accepted.trial).map_err(failed)?,
        })
    }
}
