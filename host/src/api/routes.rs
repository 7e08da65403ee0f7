//! All routes, each with its place in the OpenAPI document: what `#[utoipa::path]` of a handler says is
//! both.
//!
//! In: nothing. Out: routers by the time that their requests may take. Never: a route that the
//! document does not know.

use std::sync::Arc;

use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::{Host, about, activation, alerts, counts, filters, live, openapi, settings, versions};

type Routes = OpenApiRouter<Arc<Host>>;

/// Uploads: what a filter's validation and compilation may take.
pub fn uploads() -> Routes {
    OpenApiRouter::new().routes(routes!(versions::upload))
}

/// Everything else: what a look into the registry may take.
pub fn others() -> Routes {
    OpenApiRouter::new()
        .routes(routes!(about::alive))
        .routes(routes!(about::ready))
        .routes(routes!(openapi::json))
        .routes(routes!(openapi::page))
        .routes(routes!(about::me))
        .routes(routes!(about::streams))
        .routes(routes!(filters::create, filters::list))
        .routes(routes!(filters::one, filters::delete))
        .routes(routes!(versions::list))
        .routes(routes!(versions::one))
        .routes(routes!(settings::create, settings::list))
        .routes(routes!(settings::one))
        .routes(routes!(activation::activate))
        .routes(routes!(activation::pause))
        .routes(routes!(activation::resume))
        .routes(routes!(counts::list))
        .routes(routes!(alerts::page))
        .routes(routes!(live::live))
}
