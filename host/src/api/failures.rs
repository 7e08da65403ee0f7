//! `/v1/filters/{owner}/{name}/failures`: why a filter failed on alerts, grouped by cause.
//!
//! In: a page, or the id of a cause. Out: causes, the last one first; the packet of an example.
//! Never: an alert beyond the rights that the filter's owner has now.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, State};
use axum::http::header::{CONTENT_DISPOSITION, CONTENT_TYPE};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use utoipa::ToSchema;

use super::auth::Held;
use super::error::{Problem, is};
use super::explain::{PacketBytes, problem};
use super::extract::Params;
use super::page::{self, Listed, Page};
use super::{Host, time};
use crate::registry::{Filter, KeptExample, KnownCause};

/// A cause of failure.
#[derive(Serialize, ToSchema)]
pub struct Cause {
    /// Of version, kind and place.
    id: String,
    version: i64,
    kind: String,
    /// The message without what differs from alert to alert.
    place: String,
    /// Alerts so far.
    alerts: u64,
    #[schema(format = DateTime)]
    first_seen: String,
    #[schema(format = DateTime)]
    last_seen: String,
    /// The latest night in which it happened.
    night: String,
    /// Alerts of that night.
    night_alerts: u64,
    /// Their share of the alerts that the version judged in that night; null where it is not counted
    /// yet.
    rate: Option<f64>,
    example: Example,
}

/// The first alert of a cause.
#[derive(Serialize, ToSchema)]
#[schema(as = CauseExample)]
pub struct Example {
    message: String,
    alert_id: String,
    object_id: String,
    night: String,
    setting: i64,
    /// Topic; of an archive the file.
    topic: String,
    partition: i64,
    offset: i64,
    record: i64,
    /// Where the packet can be fetched; null where it was too large to be kept.
    packet: Option<String>,
}

/// Why a filter failed on alerts, grouped by cause, the last one first.
#[utoipa::path(get, path = "/v1/filters/{owner}/{name}/failures", tag = "health", params(Page), responses((status = OK, body = Listed<Cause>), Held, Params<Page>))]
pub async fn causes(
    State(host): State<Arc<Host>>,
    held: Held,
    Params(asked): Params<Page>,
) -> Result<Json<Listed<Cause>>, Problem> {
    let limit = page::limit(asked.limit)?;
    let after = after(asked.cursor.as_deref())?;
    let found = host.registry.causes(held.filter.id, after, limit).await?;
    let show = |cause: &KnownCause| show(&held.filter, cause);
    let place = |cause: &KnownCause| format!("{} {}", cause.last_ms, cause.id);
    Ok(Json(Listed::page(&found, limit, show, place)))
}

/// The packet of a cause's example, for `skysieve replay`.
#[utoipa::path(get, path = "/v1/filters/{owner}/{name}/failures/{id}/packet", tag = "health", responses((status = OK, description = "The packet", body = PacketBytes, content_type = "application/octet-stream"), Held, is::UnknownStream))]
pub async fn packet(
    State(host): State<Arc<Host>>,
    held: Held,
    Path((_, _, id)): Path<(String, String, String)>,
) -> Result<Response, Problem> {
    let missing = || Problem::missing("failure", &id);
    if id.is_empty() || !id.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return Err(missing());
    }
    let (_, packet) = host.registry.cause(held.filter.id, &id).await?;
    if packet.is_empty() {
        return Err(Problem::missing("kept packet of failure", &id)
            .advise("it was too large; `example` says where it stands in the source"));
    }
    if !may_see(&host, &held.filter, packet.clone()).await? {
        return Err(missing());
    }
    let name = format!("attachment; filename=\"{id}.avro\"");
    let headers = [
        (CONTENT_TYPE, "application/octet-stream".to_owned()),
        (CONTENT_DISPOSITION, name),
    ];
    Ok((headers, packet).into_response())
}

/// Rights may have been taken away since the packet was kept.
async fn may_see(host: &Host, filter: &Filter, packet: Vec<u8>) -> Result<bool, Problem> {
    let room = host.explain_room()?;
    let (stream, owner) = (filter.stream.clone(), filter.owner_id);
    let asked = tokio::task::spawn_blocking(move || room.may_see(&stream, owner, packet));
    let may = asked.await.map_err(Problem::internal)?;
    may.map_err(|why| problem(why, "of this failure", &filter.stream))
}

fn after(cursor: Option<&str>) -> Result<Option<(i64, String)>, Problem> {
    let Some(place) = page::place(cursor)? else {
        return Ok(None);
    };
    let parts = place
        .split_once(' ')
        .and_then(|(last_ms, id)| Some((last_ms.parse().ok()?, id.to_owned())));
    parts
        .filter(|(_, id): &(i64, String)| id.bytes().all(|byte| byte.is_ascii_hexdigit()))
        .map(Some)
        .ok_or_else(page::wrong_cursor)
}

fn show(filter: &Filter, cause: &KnownCause) -> Cause {
    let rate = cause.night_alerts as f64 / cause.night_evaluated as f64;
    Cause {
        id: cause.id.clone(),
        version: cause.version,
        kind: cause.kind.clone(),
        place: cause.place.clone(),
        alerts: cause.alerts,
        first_seen: time(cause.first_ms),
        last_seen: time(cause.last_ms),
        night: cause.night.clone(),
        night_alerts: cause.night_alerts,
        rate: (cause.night_evaluated > 0).then_some(rate.min(1.0)),
        example: example(filter, &cause.id, &cause.example),
    }
}

fn example(filter: &Filter, id: &str, example: &KeptExample) -> Example {
    let (owner, name) = (&filter.owner, &filter.name);
    let packet = format!("/v1/filters/{owner}/{name}/failures/{id}/packet");
    Example {
        message: example.message.clone(),
        alert_id: example.alert_id.clone(),
        object_id: example.object_id.clone(),
        night: example.night.clone(),
        setting: example.setting,
        topic: example.topic.clone(),
        partition: example.partition,
        offset: example.offset,
        record: example.record,
        packet: (example.packet_bytes > 0).then_some(packet),
    }
}
