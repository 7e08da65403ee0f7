//! `/v1/filters/{owner}/{name}/versions`: upload, list, read.
//!
//! In: the bytes of a filter, notes, a link to its source. Out: versions as JSON. Never: a stored
//! upload that the room refused, or a changed version.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Request, State};
use axum::response::Response;
use serde::Deserialize;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::answer::{created, existing};
use super::auth::Held;
use super::error::{Kind, Problem};
use super::extract::{Params, read_body, refuse_control};
use super::page::{self, Page};
use super::{Host, time};
use crate::registry::{Filter, NewVersion, Version};

/// Longest notes [characters].
const NOTES_LENGTH: usize = 2_000;

/// Longest link to the source [characters].
const SOURCE_LENGTH: usize = 500;

/// What goes with an upload.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Notes {
    #[serde(default)]
    notes: String,
    #[serde(default)]
    source: String,
}

/// `POST /v1/filters/{owner}/{name}/versions`: the body is the filter.
pub async fn upload(
    State(host): State<Arc<Host>>,
    held: Held,
    Params(notes): Params<Notes>,
    request: Request,
) -> Result<Response, Problem> {
    check(&notes)?;
    if held.filter.deleted_ms.is_some() {
        return Err(crate::registry::RegistryError::Deleted.into());
    }
    let place = host.queue.enter()?;
    let bytes = read_body(request, host.settings.upload_bytes).await?;
    let digest = base16ct::lower::encode_string(&Sha256::digest(&bytes));
    if let Some(same) = host
        .registry
        .version_of_digest(held.filter.id, &digest)
        .await?
    {
        return Ok(existing(&path(&held.filter, &same), &whole(&same)));
    }
    let (room, stream) = (host.uploads.clone(), held.filter.stream.clone());
    let accepted = host
        .queue
        .work(place, move || room.accept(&stream, &bytes))
        .await??;
    let new = NewVersion {
        filter: held.filter.id,
        by: held.actor.0.user,
        digest,
        component: accepted.component,
        description: accepted.description,
        title: accepted.title,
        trial: accepted.trial,
        notes: notes.notes,
        source: notes.source,
    };
    let (version, is_new) = host.registry.add_version(&new).await?;
    let answer = if is_new { created } else { existing };
    Ok(answer(&path(&held.filter, &version), &whole(&version)))
}

/// `GET /v1/filters/{owner}/{name}/versions`.
pub async fn list(
    State(host): State<Arc<Host>>,
    held: Held,
    Params(asked): Params<Page>,
) -> Result<Json<Value>, Problem> {
    let limit = page::limit(asked.limit)?;
    let before = page::number_place(asked.cursor.as_deref())?;
    let versions = host
        .registry
        .versions(held.filter.id, before, limit)
        .await?;
    Ok(Json(page::page(&versions, limit, brief, |version| {
        version.number.to_string()
    })))
}

/// `GET /v1/filters/{owner}/{name}/versions/{number}`.
pub async fn one(State(host): State<Arc<Host>>, held: Held) -> Result<Json<Value>, Problem> {
    let version = host
        .registry
        .version(held.filter.id, held.number("version")?)
        .await?;
    Ok(Json(whole(&version)))
}

fn check(notes: &Notes) -> Result<(), Problem> {
    let too_long = |name: &str, limit: usize| {
        Err(Problem::new(
            Kind::InvalidField,
            format!("`{name}` is longer than {limit} characters"),
        ))
    };
    refuse_control("notes", &notes.notes)?;
    refuse_control("source", &notes.source)?;
    if notes.notes.chars().count() > NOTES_LENGTH {
        return too_long("notes", NOTES_LENGTH);
    }
    if notes.source.chars().count() > SOURCE_LENGTH {
        return too_long("source", SOURCE_LENGTH);
    }
    let is_link = ["https://", "http://"]
        .iter()
        .any(|start| notes.source.starts_with(start));
    if !notes.source.is_empty() && !is_link {
        let detail = "`source` must be a link that begins with https:// or http://";
        return Err(Problem::new(Kind::InvalidField, detail));
    }
    Ok(())
}

fn path(filter: &Filter, version: &Version) -> String {
    format!(
        "/v1/filters/{}/{}/versions/{}",
        filter.owner, filter.name, version.number
    )
}

/// As lists show it.
fn brief(version: &Version) -> Value {
    json!({
        "number": version.number,
        "digest": version.digest,
        "title": version.description.get("title"),
        "notes": version.notes,
        "source": version.source,
        "created_by": version.created_by,
        "created": time(version.created_ms),
    })
}

/// With what it declared and what its trial gave.
fn whole(version: &Version) -> Value {
    let mut whole = brief(version);
    whole["description"] = version.description.clone();
    whole["trial"] = version.trial.clone();
    whole
}
