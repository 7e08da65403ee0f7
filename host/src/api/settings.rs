//! `/v1/filters/{owner}/{name}/settings`: make, list, read.
//!
//! In: a version, parameters, a payload choice. Out: settings as JSON. Never: a changed setting.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::response::Response;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::ToSchema;

use super::answer::{created, existing};
use super::auth::{Held, Seen};
use super::error::{Kind, Problem, is};
use super::extract::{Body, Params};
use super::page::{self, Listed, Page};
use super::{Host, time};
use crate::evaluate::ParameterValue;
use crate::payload::{Payload, PayloadKind};
use crate::registry::{FilterSetting, NewSetting};

/// What makes a setting.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewSetting)]
pub struct Creation {
    /// The last one where it is missing.
    version: Option<i64>,
    /// Values by name; what is missing keeps its default.
    #[serde(default)]
    #[schema(value_type = BTreeMap<String, ParameterValue>)]
    parameters: BTreeMap<String, Value>,
    /// What goes out for an alert that passes.
    #[serde(default)]
    payload: Option<PayloadKind>,
    /// Paths of the parts that go out, where `payload` is `fields`.
    #[serde(default)]
    fields: Option<Vec<String>>,
}

/// A setting as clients see it.
#[derive(Serialize, ToSchema)]
#[schema(as = Setting)]
pub struct SettingView {
    /// Its number, unique on this host.
    setting: i64,
    version: i64,
    /// Every declared parameter with its value.
    #[schema(value_type = BTreeMap<String, ParameterValue>)]
    parameters: Map<String, Value>,
    /// What goes out for an alert that passes.
    payload: PayloadKind,
    /// The parts that go out, where `payload` is `fields`.
    #[serde(skip_serializing_if = "Option::is_none")]
    fields: Option<Vec<String>>,
    /// Name of who made it.
    created_by: String,
    #[schema(format = DateTime)]
    created: String,
}

/// Make a setting: version, parameters and payload choice under a number. The same choice again is the
/// same setting.
#[utoipa::path(
    post, path = "/v1/filters/{owner}/{name}/settings", tag = "settings", request_body = Creation,
    responses(
        (status = CREATED, body = SettingView), (status = OK, description = "The filter has this setting already", body = SettingView),
        Held, Body<Creation>, is::FilterDeleted, is::NoVersion, is::InvalidParameter, is::InvalidField
    )
)]
pub async fn create(
    State(host): State<Arc<Host>>,
    held: Held,
    Body(asked): Body<Creation>,
) -> Result<Response, Problem> {
    // A host that does not run the stream has nothing to check fields against.
    let payload = Payload::choose(asked.payload, asked.fields)?;
    if let Ok(stream) = host.reading.stream(&held.filter.stream) {
        stream.check(&payload)?;
    }
    let new = NewSetting {
        filter: held.filter.id,
        by: held.actor.0.user,
        version: asked.version.map_or_else(|| last_version(&held), Ok)?,
        parameters: asked.parameters,
        payload,
    };
    let (setting, is_new) = host.registry.add_setting(&new).await?;
    let (owner, name) = (&held.filter.owner, &held.filter.name);
    let path = format!("/v1/filters/{owner}/{name}/settings/{}", setting.number);
    let answer = if is_new { created } else { existing };
    Ok(answer(&path, &view(&setting)))
}

/// Settings, newest first.
#[utoipa::path(get, path = "/v1/filters/{owner}/{name}/settings", tag = "settings", params(Page), responses((status = OK, body = Listed<SettingView>), Held, Params<Page>))]
pub async fn list(
    State(host): State<Arc<Host>>,
    seen: Seen,
    Params(asked): Params<Page>,
) -> Result<Json<Listed<SettingView>>, Problem> {
    let limit = page::limit(asked.limit)?;
    let before = page::number_place(asked.cursor.as_deref())?;
    let settings = host
        .registry
        .settings(seen.filter.id, before, limit)
        .await?;
    Ok(Json(Listed::page(&settings, limit, view, |setting| {
        setting.number.to_string()
    })))
}

/// One setting.
#[utoipa::path(get, path = "/v1/filters/{owner}/{name}/settings/{number}", tag = "settings", responses((status = OK, body = SettingView), Held))]
pub async fn one(State(host): State<Arc<Host>>, seen: Seen) -> Result<Json<SettingView>, Problem> {
    let setting = host
        .registry
        .setting(seen.filter.id, seen.number("setting")?)
        .await?;
    Ok(Json(view(&setting)))
}

fn last_version(held: &Held) -> Result<i64, Problem> {
    match held.filter.versions {
        0 => Err(
            Problem::new(Kind::NoVersion, "the filter has no version yet")
                .advise("upload one to its `versions`"),
        ),
        last => Ok(last),
    }
}

fn view(setting: &FilterSetting) -> SettingView {
    SettingView {
        setting: setting.number,
        version: setting.version,
        parameters: setting.parameters.clone(),
        payload: setting.payload.kind(),
        fields: match &setting.payload {
            Payload::Fields(fields) => Some(fields.clone()),
            _ => None,
        },
        created_by: setting.created_by.clone(),
        created: time(setting.created_ms),
    }
}
