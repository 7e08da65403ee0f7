//! `/v1/filters/{owner}/{name}/explain`: why an alert passed, or did not.
//!
//! In: a version or setting, and a packet or the id of an alert of the recent past. Out: verdict,
//! reason, everything the filter read. Never: more explanations at once than bounded, so that live
//! work keeps its sandboxes; or a difference between an alert beyond the owner's rights and none.

use std::sync::Arc;

use axum::Json;
use axum::extract::{FromRequest, Request, State};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::Host;
use super::auth::Held;
use super::error::{Kind, Problem, is};
use super::explain_room::{Explained, FoundAt, NotExplained, Subject};
use super::extract::{Body, Params, heard_out, is_json, read_body};
use super::queue::Limits;
use crate::explain::{ExplainError, Explanation};
use crate::logbook::Wanted;
use crate::registry::{ActiveSetting, Chosen, Filter};

/// Explanations at once and waiting; each under way takes a place in the sandboxes' pool and a thread.
pub const PLACES: Limits = Limits {
    inside: 2,
    waiting: 16,
    of_user: 8,
};
/// How far back an alert is searched for where nobody says [ms].
const BACK_MS: i64 = 24 * 3_600 * 1_000;

/// Which version or setting, and how far back.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct Query {
    /// The setting; without it and a version what is switched on, else the last version.
    setting: Option<i64>,
    /// The version, with its default parameters.
    version: Option<i64>,
    /// How far back an alert is searched for, as in 2026-11-23T18:00:00Z; the last 24 hours where it
    /// is missing.
    since: Option<String>,
}

/// Which alert of the recent past.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = AlertWanted)]
pub struct Asked {
    /// The alert of this id.
    alert_id: Option<Id>,
    /// The most recent alert of this object.
    object_id: Option<Id>,
}

/// An id, as text or as the number that it is in many surveys.
#[derive(Deserialize, ToSchema)]
#[serde(untagged)]
#[schema(as = AnyId)]
pub enum Id {
    /// Text.
    Text(String),
    /// Number.
    Number(i64),
}

/// A packet, byte for byte as the survey sends it.
#[derive(ToSchema)]
#[schema(value_type = String, format = Binary)]
pub struct PacketBytes(#[expect(dead_code, reason = "the body is read as it comes")] Vec<u8>);

/// The answer.
#[derive(Serialize, ToSchema)]
#[schema(as = Explained)]
pub struct Answer {
    version: i64,
    /// Null where a version was asked for.
    setting: Option<i64>,
    parameters: Vec<Parameter>,
    fuel_budget: u64,
    /// Null where the packet was sent.
    found: Option<FoundAt>,
    alerts: Vec<Explanation>,
}

/// A parameter with the value it had.
#[derive(Serialize, ToSchema)]
#[schema(as = ParameterUsed)]
pub struct Parameter {
    name: String,
    value: crate::evaluate::ParameterValue,
    unit: String,
}

/// Why an alert passed, or did not: the alert of an id, or the alerts of a packet that is sent.
#[utoipa::path(
    post, path = "/v1/filters/{owner}/{name}/explain", tag = "health", params(Query),
    request_body(content((Asked = "application/json"), (PacketBytes = "application/octet-stream"))),
    responses(
        (status = OK, body = Answer), Held, Params<Query>, Body<Asked>, is::NoVersion, is::InvalidField,
        is::UnknownStream, is::DamagedPacket, is::TooManyWaiting, is::Busy, is::SourceUnavailable
    )
)]
pub async fn explain(
    State(host): State<Arc<Host>>,
    held: Held,
    Params(query): Params<Query>,
    request: Request,
) -> Result<Json<Answer>, Problem> {
    let setting = chosen(&held.filter, &query)?;
    let setting = host.registry.runnable(held.filter.id, setting).await?;
    let since_ms = since_ms(query.since.as_deref())?;
    let room = host.explain_room()?;
    let place = match host.explanations.enter(held.actor.0.user) {
        Ok(place) => place,
        Err(full) => return Err(heard_out(request, host.settings.upload_bytes, full).await),
    };
    let subject = subject(request, since_ms, host.settings.upload_bytes).await?;
    let name = match &subject {
        Subject::Packet(_) => "of this packet".to_owned(),
        Subject::Past(Wanted::Alert(id) | Wanted::Object(id), _) => id.clone(),
    };
    let (stream, running) = (held.filter.stream.clone(), setting.clone());
    let explained = host
        .explanations
        .work(place, move || room.explain(&stream, running, subject))
        .await?
        .map_err(|why| problem(why, &name, &held.filter.stream))?;
    Ok(Json(answer(setting, explained)))
}

/// What was asked for; else what is switched on, else the last version.
fn chosen(filter: &Filter, query: &Query) -> Result<Chosen, Problem> {
    match (query.setting, query.version, &filter.active) {
        (Some(_), Some(_), _) => Err(Problem::new(
            Kind::BadRequest,
            "name either a `setting` or a `version`",
        )),
        (Some(setting), None, _) => Ok(Chosen::Setting(setting)),
        (None, Some(version), _) => Ok(Chosen::Version(version)),
        (None, None, Some(active)) => Ok(Chosen::Setting(active.setting)),
        (None, None, None) if filter.versions > 0 => Ok(Chosen::Version(filter.versions)),
        (None, None, None) => Err(Problem::new(
            Kind::NoVersion,
            "there is nothing to ask: the filter has no version yet",
        )
        .advise("upload one first")),
    }
}

fn since_ms(since: Option<&str>) -> Result<i64, Problem> {
    let Some(text) = since else {
        return Ok(jiff::Timestamp::now().as_millisecond() - BACK_MS);
    };
    let time: Result<jiff::Timestamp, _> = text.parse();
    time.map(jiff::Timestamp::as_millisecond).map_err(|_| {
        Problem::new(
            Kind::BadRequest,
            format!("`since` is {text:?}, which is no time"),
        )
        .advise("write it as in 2026-11-23T18:00:00Z")
    })
}

async fn subject(request: Request, since_ms: i64, bytes: usize) -> Result<Subject, Problem> {
    if !is_json(&request) {
        let packet = read_body(request, bytes).await?;
        return Ok(Subject::Packet(packet.to_vec()));
    }
    let Body(asked) = Body::<Asked>::from_request(request, &()).await?;
    let wanted = match (asked.alert_id.map(Id::text), asked.object_id.map(Id::text)) {
        (Some(id), None) if !id.is_empty() => Wanted::Alert(id),
        (None, Some(id)) if !id.is_empty() => Wanted::Object(id),
        _ => {
            return Err(Problem::new(
                Kind::InvalidField,
                "name either an `alert_id` or an `object_id`",
            ));
        }
    };
    Ok(Subject::Past(wanted, since_ms))
}

pub(super) fn problem(why: NotExplained, name: &str, stream: &str) -> Problem {
    match why {
        NotExplained::NoStream => Problem::new(
            Kind::UnknownStream,
            format!("this host does not have the stream `{stream}` of the filter"),
        ),
        NotExplained::Filter(reason) => Problem::internal(reason),
        NotExplained::Registry(error) => error.into(),
        NotExplained::Alert(ExplainError::NoAlert) => Problem::missing("alert", name).advise(
            "alerts are searched for among those lately judged and those still kept since `since`; \
             send the packet itself to have it explained",
        ),
        NotExplained::Alert(error @ ExplainError::Damaged(_)) => {
            Problem::new(Kind::DamagedPacket, error.to_string())
                .advise("send one packet, byte for byte as the survey sends it")
        }
        NotExplained::Alert(ExplainError::Source(error)) => {
            tracing::warn!(%error, "the past of a stream cannot be read");
            Problem::new(Kind::SourceUnavailable, "the alerts cannot be read now")
                .advise("try again later, or send the packet itself")
        }
    }
}

fn answer(setting: ActiveSetting, explained: Explained) -> Answer {
    let declared = setting.description.parameters.into_iter();
    let parameters = declared
        .zip(setting.parameters)
        .map(|(one, value)| Parameter {
            name: one.name,
            value,
            unit: one.unit,
        });
    Answer {
        version: setting.version,
        setting: (setting.setting > 0).then_some(setting.setting),
        parameters: parameters.collect(),
        fuel_budget: explained.fuel_budget,
        found: explained.found,
        alerts: explained.alerts,
    }
}

impl Id {
    fn text(self) -> String {
        match self {
            Self::Text(text) => text,
            Self::Number(number) => number.to_string(),
        }
    }
}
