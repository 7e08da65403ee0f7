//! `/v1/filters/{owner}/{name}/settings`: make, list, read.
//!
//! In: a version, parameters, a payload choice. Out: settings as JSON. Never: a changed setting.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::response::Response;
use serde::Deserialize;
use serde_json::{Value, json};

use super::answer::{created, existing};
use super::auth::Held;
use super::error::{Kind, Problem};
use super::extract::{Body, Params};
use super::page::{self, Page};
use super::{Host, time};
use crate::registry::{FilterSetting, NewSetting, Payload};

/// What makes a setting.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Creation {
    /// The last one where it is missing.
    version: Option<i64>,
    #[serde(default)]
    parameters: BTreeMap<String, Value>,
    #[serde(default)]
    payload: Payload,
}

/// `POST /v1/filters/{owner}/{name}/settings`.
pub async fn create(
    State(host): State<Arc<Host>>,
    held: Held,
    Body(asked): Body<Creation>,
) -> Result<Response, Problem> {
    let new = NewSetting {
        filter: held.filter.id,
        by: held.actor.0.user,
        version: asked.version.map_or_else(|| last_version(&held), Ok)?,
        parameters: asked.parameters,
        payload: asked.payload,
    };
    let (setting, is_new) = host.registry.add_setting(&new).await?;
    let (owner, name) = (&held.filter.owner, &held.filter.name);
    let path = format!("/v1/filters/{owner}/{name}/settings/{}", setting.number);
    let answer = if is_new { created } else { existing };
    Ok(answer(&path, &view(&setting)))
}

/// `GET /v1/filters/{owner}/{name}/settings`.
pub async fn list(
    State(host): State<Arc<Host>>,
    held: Held,
    Params(asked): Params<Page>,
) -> Result<Json<Value>, Problem> {
    let limit = page::limit(asked.limit)?;
    let before = page::number_place(asked.cursor.as_deref())?;
    let settings = host
        .registry
        .settings(held.filter.id, before, limit)
        .await?;
    Ok(Json(page::page(&settings, limit, view, |setting| {
        setting.number.to_string()
    })))
}

/// `GET /v1/filters/{owner}/{name}/settings/{number}`.
pub async fn one(State(host): State<Arc<Host>>, held: Held) -> Result<Json<Value>, Problem> {
    let setting = host
        .registry
        .setting(held.filter.id, held.number("setting")?)
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

fn view(setting: &FilterSetting) -> Value {
    json!({
        "setting": setting.number,
        "version": setting.version,
        "parameters": setting.parameters,
        "payload": setting.payload,
        "created_by": setting.created_by,
        "created": time(setting.created_ms),
    })
}
