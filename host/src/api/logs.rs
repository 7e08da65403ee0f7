//! `/v1/filters/{owner}/{name}/logs`: what a filter logged in the live stream.
//!
//! In: a night, a level, a text, or none of them. Out: lines, newest first. Never: more than are kept.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::auth::Held;
use super::counts::night_of;
use super::error::{Problem, is};
use super::extract::{Params, refuse_control};
use super::page::{self, Listed};
use super::{Host, time};
use crate::evaluate::LogLevel;
use crate::registry::{KeptLine, LineQuery};

/// Which lines to show.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct Listing {
    /// The local date of its evening, or `unknown`.
    #[param(pattern = "^(unknown|[0-9]{4}-[0-9]{2}-[0-9]{2})$")]
    night: Option<String>,
    /// Lines of this level and of those that matter more.
    #[param(inline)]
    level: Option<LogLevel>,
    /// Lines that hold this text, to the letter.
    text: Option<String>,
    /// At most so many items; 50 where it is missing.
    #[param(minimum = 1, maximum = 200)]
    limit: Option<i64>,
    /// The `next` of the page before.
    cursor: Option<String>,
}

/// A line.
#[derive(Serialize, ToSchema)]
#[schema(as = KeptLine)]
pub struct Line {
    /// Rises with every line of the filter.
    number: i64,
    #[schema(format = DateTime)]
    time: String,
    night: String,
    level: LogLevel,
    setting: i64,
    version: i64,
    /// Null where the line is about none.
    alert_id: Option<String>,
    message: String,
}

/// What a filter logged in the live stream, newest first.
#[utoipa::path(get, path = "/v1/filters/{owner}/{name}/logs", tag = "health", params(Listing), responses((status = OK, body = Listed<Line>), Held, Params<Listing>, is::InvalidField))]
pub async fn lines(
    State(host): State<Arc<Host>>,
    held: Held,
    Params(asked): Params<Listing>,
) -> Result<Json<Listed<Line>>, Problem> {
    let limit = page::limit(asked.limit)?;
    refuse_control("text", asked.text.as_deref().unwrap_or_default())?;
    let query = LineQuery {
        night: night_of(asked.night)?,
        level: asked.level,
        text: asked.text,
        before: page::number_place(asked.cursor.as_deref())?,
        limit,
    };
    let found = host.registry.log_lines(held.filter.id, &query).await?;
    let place = |line: &KeptLine| line.number.to_string();
    Ok(Json(Listed::page(&found, limit, show, place)))
}

fn show(line: &KeptLine) -> Line {
    Line {
        number: line.number,
        time: time(line.at_ms),
        night: line.night.clone(),
        level: line.level,
        setting: line.setting,
        version: line.version,
        alert_id: (!line.alert_id.is_empty()).then(|| line.alert_id.clone()),
        message: line.message.clone(),
    }
}
