//! The OpenAPI document: what the handlers say of themselves, completed by what holds for all of them.
//!
//! In: the routes. Out: one document of OpenAPI 3.1, as JSON and as a page. Never: a word about a
//! route that is not served.

use std::sync::Arc;

use axum::Extension;
use axum::http::header::{CONTENT_TYPE, ETAG};
use axum::response::{Html, IntoResponse, Response};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::{OpenApi as _, PartialSchema};

use super::error::ProblemDocument;
use super::{docs_page, operation, routes, tags};
use crate::evaluate::ParameterValue;

/// What stands at every path.
#[derive(utoipa::OpenApi)]
#[openapi(
    info(
        title = "Skysieve",
        description = "Runs astronomers' sandboxed filters over a telescope's live alert stream. \
                       `docs/http-api.md` tells the same as a walk from a token to a cut-flow."
    ),
    components(schemas(ProblemDocument)),
    tags(
        (name = "about", description = "Who am I, what is there, how is the host."),
        (name = "filters", description = "Filters: names under which versions are uploaded."),
        (name = "versions", description = "Versions of a filter: immutable, numbered, by digest."),
        (name = "settings", description = "Settings of a version: parameters and payload choice under one number."),
        (name = "activation", description = "What runs on the live stream."),
        (name = "tokens", description = "Bearer tokens of your own."),
        (name = "users", description = "Who may sign in, and as what. For administrators."),
        (name = "groups", description = "Collaborations that own filters together."),
        (name = "quotas", description = "How much an owner may have and use."),
        (name = "notices", description = "What you are told of your filters, where, and what became of it."),
        (name = "audit", description = "What was done, by whom, to what."),
        (name = "backtests", description = "What a setting would have done to alerts of the past."),
        (name = "gate", description = "What a setting has to show before it goes live."),
        (name = "alerts", description = "Passing alerts of a filter, by page and live."),
        (name = "counts", description = "What each cut did, night by night."),
        (name = "health", description = "Why an alert did not pass; how a filter is doing."),
    )
)]
struct Base;

/// The document of all routes.
#[must_use]
pub fn document() -> Value {
    let mut document = Base::openapi();
    document.merge(routes::uploads().into_openapi());
    document.merge(routes::others().into_openapi());
    let bearer = HttpBuilder::new()
        .scheme(HttpAuthScheme::Bearer)
        .description(Some("A token of `skysieve token create`: `sksv_...`"));
    document
        .components
        .get_or_insert_default()
        .add_security_scheme("bearer", SecurityScheme::Http(bearer.build()));
    let mut document = json!(document);
    name_items(&mut document["components"]["schemas"]);
    let paths = document["paths"].as_object_mut().into_iter().flatten();
    for (path, item) in paths {
        for (method, one) in item.as_object_mut().into_iter().flatten() {
            operation::complete(path, method, one);
        }
    }
    document
}

/// The items of a page stand in it in full; a name says the same, and clients know it.
fn name_items(schemas: &mut Value) {
    let Some(schemas) = schemas.as_object_mut() else {
        return;
    };
    let mut named = Vec::new();
    for (name, schema) in schemas.iter_mut() {
        if let Some(item) = name.strip_prefix("Page_") {
            let items = &mut schema["properties"]["items"]["items"];
            let reference = json!({ "$ref": format!("#/components/schemas/{item}") });
            named.push((item.to_owned(), std::mem::replace(items, reference)));
        }
    }
    schemas.extend(named);
    schemas.sort_keys();
}

/// The document as people read it and compare it.
#[must_use]
pub fn document_text() -> String {
    format!("{:#}\n", document())
}

/// The document, written once for all requests.
pub struct Written {
    json: String,
    page: String,
    /// Of both.
    tag: String,
}

impl Written {
    /// Writes the document of all routes.
    pub fn new() -> Self {
        let document = document();
        let json = document.to_string();
        let page = docs_page::write(&document);
        let hash = Sha256::new()
            .chain_update(&json)
            .chain_update(&page)
            .finalize();
        let tag = format!("\"{}\"", base16ct::lower::encode_string(&hash[..8]));
        Self { json, page, tag }
    }
}

/// This interface as an OpenAPI 3.1 document.
#[utoipa::path(
    get, path = "/v1/openapi.json", tag = "about",
    responses((status = OK, description = "The document", body = Value), tags::Same)
)]
pub async fn json(Extension(written): Extension<Arc<Written>>) -> Response {
    let headers = [(CONTENT_TYPE, "application/json"), (ETAG, &*written.tag)];
    (headers, written.json.clone()).into_response()
}

/// This interface as a page for people.
#[utoipa::path(
    get, path = "/v1/docs", tag = "about",
    responses((status = OK, description = "The page", body = String, content_type = "text/html"), tags::Same)
)]
pub async fn page(Extension(written): Extension<Arc<Written>>) -> Response {
    ([(ETAG, &*written.tag)], Html(written.page.clone())).into_response()
}

impl PartialSchema for ParameterValue {
    fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::schema::Schema> {
        use utoipa::openapi::schema::{ObjectBuilder, SchemaType, Type};
        let types = [Type::Boolean, Type::Number, Type::String];
        ObjectBuilder::new()
            .schema_type(SchemaType::from_iter(types))
            .description(Some(
                "A truth value, a number or a text, as the parameter declares",
            ))
            .into()
    }
}

impl utoipa::ToSchema for ParameterValue {}
