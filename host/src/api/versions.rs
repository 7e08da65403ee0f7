//! `/v1/filters/{owner}/{name}/versions`: upload, list, read.
//!
//! In: the bytes of a filter, notes, a link to its source. Out: versions as JSON. Never: a stored
//! upload that the room refused, or a changed version.

use std::sync::Arc;
use std::time::Instant;

use axum::Json;
use axum::extract::{Request, State};
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest, Sha256};
use utoipa::{IntoParams, ToSchema};

use super::answer::{created, existing};
use super::auth::{Held, Seen};
use super::error::{Kind, Problem, is};
use super::extract::{Params, heard_out, read_body, refuse_control};
use super::page::{self, Listed, Page};
use super::{Host, time};
use crate::evaluate::Description;
use crate::registry::{Filter, NewVersion, OwnerId, Quota, Version};
use crate::upload::TrialReport;

/// Longest notes [characters].
const NOTES_LENGTH: usize = 2_000;

/// Longest link to the source [characters].
const SOURCE_LENGTH: usize = 500;

/// What goes with an upload.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct Notes {
    /// What is new.
    #[serde(default)]
    #[param(max_length = 2000)]
    notes: String,
    /// Link to the source.
    #[serde(default)]
    #[param(max_length = 500)]
    source: String,
}

/// A filter as `cargo build --release --target wasm32-unknown-unknown` left it.
#[derive(ToSchema)]
#[schema(value_type = String, format = Binary)]
pub struct FilterBytes(#[expect(dead_code, reason = "the body is read as it comes")] Vec<u8>);

/// A version as lists show it.
#[derive(Serialize, ToSchema)]
#[schema(as = VersionBrief)]
pub struct Brief {
    number: i64,
    /// SHA-256 of the uploaded bytes, in hexadecimal digits.
    digest: String,
    /// One line, by the filter itself.
    title: Option<String>,
    notes: String,
    /// Link to the source.
    source: String,
    /// Name of who uploaded it.
    created_by: String,
    #[schema(format = DateTime)]
    created: String,
}

/// A version with what it declared and what its trial gave.
#[derive(Serialize, ToSchema)]
#[schema(as = Version)]
pub struct Whole {
    #[serde(flatten)]
    brief: Brief,
    #[schema(value_type = Description)]
    description: Value,
    #[schema(value_type = TrialReport)]
    trial: Value,
}

/// Upload a version: the body is the filter as it was compiled. The same bytes again are the same
/// version.
#[utoipa::path(
    post, path = "/v1/filters/{owner}/{name}/versions", tag = "versions", params(Notes),
    request_body(content_type = "application/octet-stream", content = FilterBytes),
    responses(
        (status = CREATED, body = Whole), (status = OK, description = "The filter has this version already", body = Whole),
        Held, Params<Notes>, is::FilterDeleted, is::TooLarge, is::InvalidField, is::Refused, is::TooManyWaiting, is::Busy
    )
)]
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
    let owner = held.filter.owner_id;
    let place = match host.queue.enter(held.actor.0.user) {
        Ok(place) => place,
        Err(full) => return Err(heard_out(request, host.settings.upload_bytes, full).await),
    };
    let bytes = read_body(request, most_bytes(&host, owner).await?).await?;
    let digest = base16ct::lower::encode_string(&Sha256::digest(&bytes));
    if let Some(same) = host
        .registry
        .version_of_digest(held.filter.id, &digest)
        .await?
    {
        return Ok(existing(&path(&held.filter, &same), &whole(&same)));
    }
    // Nothing is left of today's time: nothing is begun.
    host.registry
        .charge(owner, Quota::CompileSPerDay, 1)
        .await?;
    let (room, stream) = (host.uploads.clone(), held.filter.stream.clone());
    let granted = host.registry.programmes_of(owner, &stream).await?;
    let work = move || {
        let since = Instant::now();
        let accepted = room.accept(&stream, &granted, &bytes);
        (accepted, since.elapsed().as_secs())
    };
    let (accepted, took_s) = host.queue.work(place, work).await?;
    charge(&host, owner, took_s).await?;
    let accepted = accepted?;
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

/// Versions, newest first.
#[utoipa::path(get, path = "/v1/filters/{owner}/{name}/versions", tag = "versions", params(Page), responses((status = OK, body = Listed<Brief>), Held, Params<Page>))]
pub async fn list(
    State(host): State<Arc<Host>>,
    seen: Seen,
    Params(asked): Params<Page>,
) -> Result<Json<Listed<Brief>>, Problem> {
    let limit = page::limit(asked.limit)?;
    let before = page::number_place(asked.cursor.as_deref())?;
    let versions = host
        .registry
        .versions(seen.filter.id, before, limit)
        .await?;
    Ok(Json(Listed::page(&versions, limit, brief, |version| {
        version.number.to_string()
    })))
}

/// One version, with what it declared and its trial.
#[utoipa::path(get, path = "/v1/filters/{owner}/{name}/versions/{number}", tag = "versions", responses((status = OK, body = Whole), Held))]
pub async fn one(State(host): State<Arc<Host>>, seen: Seen) -> Result<Json<Whole>, Problem> {
    let version = host
        .registry
        .version(seen.filter.id, seen.number("version")?)
        .await?;
    let mut whole = whole(&version);
    if !seen.is_own() {
        // What it did to alerts is the owner's.
        whole.trial = Value::Null;
    }
    Ok(Json(whole))
}

/// The component that runs: for its owner, and for everybody who may see a filter whose bytes are open.
#[utoipa::path(
    get, path = "/v1/filters/{owner}/{name}/versions/{number}/component", tag = "versions",
    responses((status = OK, description = "A WebAssembly component", body = Vec<u8>, content_type = "application/wasm"), Seen)
)]
pub async fn component(State(host): State<Arc<Host>>, seen: Seen) -> Result<Response, Problem> {
    if !seen.is_own() && !seen.filter.open_bytes {
        return Err(Problem::new(
            Kind::Forbidden,
            "the owner keeps the filter's bytes to themselves",
        ));
    }
    let version = seen.number("version")?;
    let version = host.registry.version(seen.filter.id, version).await?;
    let bytes = host.registry.component(&version.digest).await?;
    Ok(([(CONTENT_TYPE, "application/wasm")], bytes).into_response())
}

/// As much as the host takes, or less, where the owner's quota says so.
async fn most_bytes(host: &Host, owner: OwnerId) -> Result<usize, Problem> {
    let quota = host.registry.quota(owner, Quota::UploadBytes).await?;
    let quota = usize::try_from(quota).unwrap_or(usize::MAX);
    Ok(host.settings.upload_bytes.min(quota))
}

/// What it took beyond the second that was charged at the start. An upload that has ended is kept even
/// where it has used up more than was left.
async fn charge(host: &Host, owner: OwnerId, took_s: u64) -> Result<(), Problem> {
    let more = i64::try_from(took_s.saturating_sub(1)).unwrap_or(i64::MAX);
    if more > 0 {
        host.registry
            .note_use(owner, Quota::CompileSPerDay, more)
            .await?;
    }
    Ok(())
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

fn brief(version: &Version) -> Brief {
    let title = version.description.get("title").and_then(Value::as_str);
    Brief {
        number: version.number,
        digest: version.digest.clone(),
        title: title.map(ToOwned::to_owned),
        notes: version.notes.clone(),
        source: version.source.clone(),
        created_by: version.created_by.clone(),
        created: time(version.created_ms),
    }
}

fn whole(version: &Version) -> Whole {
    Whole {
        brief: brief(version),
        description: version.description.clone(),
        trial: version.trial.clone(),
    }
}
