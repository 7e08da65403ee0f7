//! How packets that belong to no running stream are named and read.
//!
//! In: a configuration, the name of one of its streams. Out: settings and schemas. Never: a
//! survey's field names; those stand in the configuration.

use std::path::Path;
use std::sync::Arc;

use anyhow::bail;
use skysieve_decode::{NoSchemas, SchemaSource};

use crate::config::Config;
use crate::source::schema_folder::SchemaFolder;
use crate::stream::StreamSettings;

/// What judging needs to know of a stream.
pub(super) struct PacketStream {
    pub settings: Arc<StreamSettings>,
    pub schemas: Arc<dyn SchemaSource>,
}

/// The stream called `name`; without a name, one that tries the ids of every configured stream.
pub(super) fn for_packets(
    config: Option<&Path>,
    name: Option<&str>,
    schema_dir: Option<&Path>,
) -> anyhow::Result<PacketStream> {
    let streams = Config::read_for_packets(config)?.streams;
    let settings = match name {
        Some(name) => match streams.iter().find(|stream| stream.name == name) {
            Some(stream) => stream.clone(),
            None => {
                let names: Vec<&str> = streams.iter().map(|stream| stream.name.as_str()).collect();
                bail!(
                    "no stream is named {name:?}; the configuration has: {}",
                    names.join(", ")
                );
            }
        },
        None => merge(streams)?,
    };
    let folder = schema_dir.or(settings.schemas.as_deref());
    let schemas: Arc<dyn SchemaSource> = match folder {
        Some(folder) => Arc::new(SchemaFolder::read(folder)?),
        None => Arc::new(NoSchemas),
    };
    Ok(PacketStream {
        settings: Arc::new(settings),
        schemas,
    })
}

fn merge(streams: Vec<StreamSettings>) -> anyhow::Result<StreamSettings> {
    let mut streams = streams.into_iter();
    let Some(mut merged) = streams.next() else {
        bail!("the configuration has no [[streams]]")
    };
    for stream in streams {
        merged.object_id.extend(stream.object_id);
        merged.alert_id.extend(stream.alert_id);
        merged.observed = None;
    }
    Ok(merged)
}
