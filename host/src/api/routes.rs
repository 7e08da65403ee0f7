//! All routes, each with its place in the OpenAPI document: what `#[utoipa::path]` of a handler says is
//! both.
//!
//! In: nothing. Out: routers by the time that their requests may take. Never: a route that the
//! document does not know.

use std::sync::Arc;

use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::{
    Host, about, activation, alerts, audit, backtests, counts, explain, failures, filter_changes,
    filters, gate, groups, health, live, logs, notice_targets, notices, openapi, quotas, running,
    settings, tokens, users, versions, withheld,
};

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
        .routes(routes!(about::metrics))
        .routes(routes!(openapi::json))
        .routes(routes!(openapi::page))
        .routes(routes!(about::me))
        .routes(routes!(about::streams))
        .routes(routes!(filters::create, filters::list))
        .routes(routes!(
            filters::one,
            filters::delete,
            filter_changes::change
        ))
        .routes(routes!(versions::list))
        .routes(routes!(versions::one))
        .routes(routes!(versions::component))
        .routes(routes!(settings::create, settings::list))
        .routes(routes!(settings::one))
        .routes(routes!(activation::activate))
        .routes(routes!(activation::pause))
        .routes(routes!(activation::resume))
        .routes(routes!(running::rollback))
        .routes(routes!(running::retire))
        .routes(routes!(running::suspend))
        .routes(routes!(
            running::scheduled,
            running::schedule,
            running::unschedule
        ))
        .routes(routes!(running::history))
        .routes(routes!(withheld::nights))
        .routes(routes!(withheld::page))
        .routes(routes!(counts::list))
        .routes(routes!(tokens::create, tokens::list))
        .routes(routes!(tokens::revoke))
        .routes(routes!(users::create, users::list))
        .routes(routes!(users::one, users::change))
        .routes(routes!(users::create_token))
        .routes(routes!(groups::create, groups::list))
        .routes(routes!(groups::one))
        .routes(routes!(groups::put_member, groups::remove_member))
        .routes(routes!(groups::set_programmes))
        .routes(routes!(quotas::list))
        .routes(routes!(quotas::set, quotas::unset))
        .routes(routes!(notice_targets::create, notice_targets::list))
        .routes(routes!(notice_targets::one, notice_targets::delete))
        .routes(routes!(notice_targets::test))
        .routes(routes!(notice_targets::confirm))
        .routes(routes!(notices::list))
        .routes(routes!(audit::list))
        .routes(routes!(audit::of_filter))
        .routes(routes!(backtests::create, backtests::list))
        .routes(routes!(backtests::one))
        .routes(routes!(backtests::cancel))
        .routes(routes!(gate::show, gate::lift, gate::end_lift))
        .routes(routes!(alerts::page))
        .routes(routes!(live::live))
        .routes(routes!(explain::explain))
        .routes(routes!(failures::causes))
        .routes(routes!(failures::packet))
        .routes(routes!(health::health))
        .routes(routes!(logs::lines))
}
