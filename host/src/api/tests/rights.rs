//! Who gets what: every route by a stranger, the owner, another scientist and an administrator.

use crate::registry::By;
use serde_json::{Value, json};

use super::stage::{Stage, Who};

const WHO: [Who; 5] = [
    Who::Stranger,
    Who::Owner,
    Who::Other,
    Who::Administrator,
    Who::Reader,
];

/// What the stranger, the owner, another scientist and an administrator get.
type Wanted = [u16; 4];

/// Everybody.
const ALL: Wanted = [200; 4];
/// Whoever has a token.
const TOKEN: Wanted = [401, 200, 200, 200];
const TOKEN_MAKES: Wanted = [401, 201, 201, 201];
/// The owner and administrators; to others it is not there.
const HERS: Wanted = [401, 200, 404, 200];
/// Administrators.
const ADMIN: Wanted = [401, 403, 403, 200];
const ADMIN_MAKES: Wanted = [401, 403, 403, 201];
const ADMIN_SETS: Wanted = [401, 403, 403, 204];
/// Members of a group that nobody is in: administrators.
const GROUP: Wanted = [401, 404, 404, 200];
const GROUP_SETS: Wanted = [401, 404, 404, 204];

/// Method, path, body (text: an upload), and who gets what.
fn table() -> Vec<(&'static str, &'static str, Value, Wanted)> {
    let none = || Value::Null;
    vec![
        ("GET", "/livez", none(), ALL),
        ("GET", "/readyz", none(), ALL),
        ("GET", "/metrics", none(), ADMIN),
        ("GET", "/v1/openapi.json", none(), ALL),
        ("GET", "/v1/docs", none(), ALL),
        ("GET", "/v1/me", none(), TOKEN),
        ("GET", "/v1/streams", none(), TOKEN),
        ("GET", "/v1/filters", none(), TOKEN),
        (
            "POST",
            "/v1/filters",
            json!({"name": "another", "stream": "ztf"}),
            TOKEN_MAKES,
        ),
        ("GET", "/v1/filters/anna/nearby", none(), HERS),
        (
            "PATCH",
            "/v1/filters/anna/nearby",
            json!({"summary": "new"}),
            HERS,
        ),
        ("GET", "/v1/filters/anna/nearby/versions", none(), HERS),
        ("GET", "/v1/filters/anna/nearby/versions/1", none(), HERS),
        (
            "GET",
            "/v1/filters/anna/nearby/versions/1/component",
            none(),
            HERS,
        ),
        (
            "POST",
            "/v1/filters/anna/nearby/versions",
            json!("one"),
            HERS,
        ),
        ("GET", "/v1/filters/anna/nearby/settings", none(), HERS),
        ("GET", "/v1/filters/anna/nearby/settings/1", none(), HERS),
        (
            "POST",
            "/v1/filters/anna/nearby/settings",
            json!({"version": 1}),
            HERS,
        ),
        ("GET", "/v1/filters/anna/nearby/counts", none(), HERS),
        (
            "POST",
            "/v1/filters/anna/nearby/explain",
            json!("a packet"),
            HERS,
        ),
        ("GET", "/v1/filters/anna/nearby/logs", none(), HERS),
        ("GET", "/v1/filters/anna/nearby/health", none(), HERS),
        ("GET", "/v1/filters/anna/nearby/failures", none(), HERS),
        (
            "GET",
            "/v1/filters/anna/nearby/failures/b802c5e4bd2a07c9/packet",
            none(),
            HERS,
        ),
        ("GET", "/v1/filters/anna/nearby/history", none(), HERS),
        ("GET", "/v1/filters/anna/nearby/withheld", none(), HERS),
        (
            "GET",
            "/v1/filters/anna/nearby/withheld/2026-04-01/alerts",
            none(),
            HERS,
        ),
        ("GET", "/v1/filters/anna/nearby/audit", none(), HERS),
        ("GET", "/v1/filters/anna/nearby/alerts", none(), HERS),
        (
            "POST",
            "/v1/filters/anna/nearby/activate",
            json!({"setting": 1}),
            HERS,
        ),
        (
            "POST",
            "/v1/filters/anna/nearby/rollback",
            none(),
            [401, 409, 404, 409],
        ),
        ("POST", "/v1/filters/anna/nearby/pause", none(), HERS),
        ("POST", "/v1/filters/anna/nearby/resume", none(), HERS),
        (
            "POST",
            "/v1/filters/anna/nearby/suspend",
            json!({"reason": "it floods"}),
            ADMIN,
        ),
        (
            "PUT",
            "/v1/filters/anna/nearby/schedule",
            json!({"setting": 1, "at": "2126-01-01T00:00:00Z"}),
            HERS,
        ),
        ("GET", "/v1/filters/anna/nearby/schedule", none(), HERS),
        (
            "DELETE",
            "/v1/filters/anna/nearby/schedule",
            none(),
            [401, 204, 404, 204],
        ),
        ("POST", "/v1/filters/anna/nearby/retire", none(), HERS),
        ("GET", "/v1/filters/anna/nearby/backtests", none(), HERS),
        (
            "POST",
            "/v1/filters/anna/nearby/backtests",
            json!({"setting": 1}),
            [401, 201, 404, 201],
        ),
        ("GET", "/v1/filters/anna/nearby/backtests/1", none(), HERS),
        (
            "POST",
            "/v1/filters/anna/nearby/backtests/1/cancel",
            none(),
            HERS,
        ),
        ("GET", "/v1/filters/anna/nearby/gate", none(), HERS),
        (
            "PUT",
            "/v1/filters/anna/nearby/gate",
            json!({"reason": "a survey of everything"}),
            [401, 403, 404, 200],
        ),
        (
            "DELETE",
            "/v1/filters/anna/nearby/gate",
            none(),
            [401, 403, 404, 204],
        ),
        (
            "DELETE",
            "/v1/filters/anna/nearby",
            none(),
            [401, 204, 404, 204],
        ),
        ("POST", "/v1/tokens", json!({"name": "laptop"}), TOKEN_MAKES),
        ("GET", "/v1/tokens", none(), TOKEN),
        ("DELETE", "/v1/tokens/99", none(), [401, 404, 404, 404]),
        ("POST", "/v1/users", json!({"name": "carla"}), ADMIN_MAKES),
        ("GET", "/v1/users", none(), ADMIN),
        ("GET", "/v1/users/anna", none(), ADMIN),
        ("PATCH", "/v1/users/anna", json!({"disabled": false}), ADMIN),
        (
            "POST",
            "/v1/users/anna/tokens",
            json!({"name": "laptop"}),
            ADMIN_MAKES,
        ),
        ("POST", "/v1/groups", json!({"name": "sn"}), ADMIN_MAKES),
        ("GET", "/v1/groups", none(), TOKEN),
        ("GET", "/v1/groups/sn", none(), GROUP),
        (
            "PUT",
            "/v1/groups/sn/members/berta",
            json!({"role": "member"}),
            GROUP_SETS,
        ),
        (
            "DELETE",
            "/v1/groups/sn/members/berta",
            none(),
            [401, 404, 404, 204],
        ),
        (
            "PUT",
            "/v1/groups/sn/programmes/ztf",
            json!({"programmes": [2]}),
            ADMIN_SETS,
        ),
        ("GET", "/v1/quotas", none(), TOKEN),
        (
            "PUT",
            "/v1/quotas/anna/filters",
            json!({"value": 100, "reason": "as asked"}),
            ADMIN_SETS,
        ),
        ("DELETE", "/v1/quotas/anna/filters", none(), ADMIN_SETS),
        ("GET", "/v1/audit", none(), TOKEN),
        (
            "POST",
            "/v1/notice-targets",
            json!({"medium": "webhook", "address": "https://example.org/another"}),
            TOKEN_MAKES,
        ),
        ("GET", "/v1/notice-targets", none(), TOKEN),
        ("GET", "/v1/notice-targets/1", none(), HERS),
        ("GET", "/v1/notice-targets?owner=anna", none(), HERS),
        ("GET", "/v1/notices", none(), TOKEN),
        ("GET", "/v1/notices?owner=anna", none(), HERS),
        (
            "POST",
            "/v1/notice-targets/1/test",
            none(),
            [401, 202, 404, 202],
        ),
        (
            "POST",
            "/v1/notice-targets/1/confirm",
            json!({"code": "x"}),
            [401, 409, 404, 409],
        ),
        (
            "DELETE",
            "/v1/notice-targets/1",
            none(),
            [401, 204, 404, 204],
        ),
    ]
}

/// A token that only reads gets what its owner gets to read, and changes nothing.
fn wanted(who: Who, (method, path): (&str, &str), wanted: Wanted) -> u16 {
    match who {
        Who::Stranger => wanted[0],
        Who::Owner => wanted[1],
        Who::Other => wanted[2],
        Who::Administrator => wanted[3],
        Who::Reader if method == "GET" || path.ends_with("/explain") => wanted[1],
        Who::Reader => 403,
    }
}

async fn ask(
    stage: &Stage,
    who: Who,
    method: &str,
    path: &str,
    body: &Value,
) -> super::stage::Answer {
    match body {
        Value::String(bytes) => stage.upload(who, path, bytes).await,
        body => stage.ask(who, method, path, body.clone()).await,
    }
}

#[tokio::test]
async fn everybody_gets_what_they_may() {
    for who in WHO {
        let stage = Stage::new().await;
        stage.nearby().await;
        let hook = json!({"medium": "webhook", "address": "https://example.org/"});
        let made = stage
            .ask(Who::Owner, "POST", "/v1/notice-targets", hook)
            .await;
        assert_eq!(made.status, 201, "{made:?}");
        // What others cannot make themselves.
        if matches!(who, Who::Owner | Who::Reader | Who::Administrator) {
            let mine = "/v1/filters/anna/nearby";
            let setting = json!({"setting": 1, "at": "2126-01-01T00:00:00Z"});
            let schedule = format!("{mine}/schedule");
            stage.ask(Who::Owner, "PUT", &schedule, setting).await;
            for made in ["activate", "backtests"] {
                let (path, setting) = (format!("{mine}/{made}"), json!({"setting": 1}));
                stage.ask(Who::Owner, "POST", &path, setting).await;
            }
        }
        for (method, path, body, of_all) in table() {
            let answer = ask(&stage, who, method, path, &body).await;
            assert_eq!(
                answer.status,
                wanted(who, (method, path), of_all),
                "{who:?} {method} {path}: {answer:?}"
            );
        }
    }
}

/// A new route needs a row above.
#[test]
fn the_table_holds_every_route() {
    let document = crate::api::openapi::document();
    for (path, item) in document["paths"].as_object().unwrap() {
        // An answer without an end: `live.rs` has its rights.
        if path.ends_with("/live") {
            continue;
        }
        for method in item.as_object().unwrap().keys() {
            let row = table()
                .into_iter()
                .find(|(of, asked, ..)| of.eq_ignore_ascii_case(method) && stands_for(path, asked));
            assert!(row.is_some(), "no row for {method} {path}");
        }
    }
}

/// Whether `path`, with braces, is the route of `asked`.
fn stands_for(path: &str, asked: &str) -> bool {
    let (path, asked) = (path.split('/'), asked.split('/'));
    path.clone().count() == asked.clone().count()
        && path
            .zip(asked)
            .all(|(wanted, part)| wanted.starts_with('{') || wanted == part)
}

/// The answer about somebody else's filter is, but for its name, the one about none at all.
#[tokio::test]
async fn a_foreign_filter_looks_like_none() {
    let stage = Stage::new().await;
    stage.nearby().await;
    for (method, path, body, _) in table() {
        if !path.contains("nearby") {
            continue;
        }
        let absent_path = path.replace("nearby", "absent");
        let foreign = ask(&stage, Who::Other, method, path, &body).await;
        let absent = ask(&stage, Who::Other, method, &absent_path, &body).await;
        let renamed = foreign.body.to_string().replace("nearby", "absent");
        assert_eq!(renamed, absent.body.to_string(), "{method} {path}");
        assert_eq!(foreign.status, absent.status);
        let mut names: Vec<_> = foreign.headers.keys().collect();
        let mut others: Vec<_> = absent.headers.keys().collect();
        names.sort_by_key(|name| name.as_str());
        others.sort_by_key(|name| name.as_str());
        assert_eq!(names, others);
    }
}

/// A member uses the group's filter as an owner does; who left it sees it no longer.
#[tokio::test]
async fn a_groups_filter_is_every_members() {
    let stage = Stage::new().await;
    let ask = async |who, method, path: &str, body| stage.ask(who, method, path, body).await.status;
    let (admin, anna, berta) = (Who::Administrator, Who::Owner, Who::Other);
    assert_eq!(
        ask(admin, "POST", "/v1/groups", json!({"name": "sn"})).await,
        201
    );
    let theirs = json!({"name": "shared", "stream": "ztf", "owner": "sn"});
    assert_eq!(ask(anna, "POST", "/v1/filters", theirs.clone()).await, 404);
    let manager = json!({"role": "manager"});
    assert_eq!(
        ask(admin, "PUT", "/v1/groups/sn/members/anna", manager).await,
        204
    );
    assert_eq!(ask(anna, "POST", "/v1/filters", theirs).await, 201);
    let (one, mine) = ("/v1/filters/sn/shared", "/v1/groups/sn/members/berta");
    assert_eq!(ask(berta, "GET", one, Value::Null).await, 404);
    assert_eq!(ask(berta, "PUT", mine, json!({})).await, 404);
    assert_eq!(ask(anna, "PUT", mine, json!({})).await, 204);
    assert_eq!(
        stage
            .upload(berta, &format!("{one}/versions"), "one")
            .await
            .status,
        201
    );
    assert_eq!(
        ask(berta, "GET", "/v1/quotas?owner=sn", Value::Null).await,
        200
    );
    assert_eq!(
        ask(berta, "GET", "/v1/quotas?owner=anna", Value::Null).await,
        404
    );
    // A member is no manager.
    assert_eq!(
        ask(berta, "PUT", "/v1/groups/sn/members/anna", json!({})).await,
        403
    );
    assert_eq!(ask(berta, "DELETE", mine, Value::Null).await, 204);
    assert_eq!(ask(berta, "GET", one, Value::Null).await, 404);
    assert_eq!(ask(berta, "GET", "/v1/groups/sn", Value::Null).await, 404);
}

/// What a filter is can be public; what it did, and its bytes, stay the owner's.
#[tokio::test]
async fn a_public_filter_can_be_read_and_no_more() {
    let stage = Stage::new().await;
    stage.nearby().await;
    let mine = "/v1/filters/anna/nearby";
    let public = json!({"visibility": "public"});
    assert_eq!(
        stage.ask(Who::Owner, "PATCH", mine, public).await.status,
        200
    );
    for (method, path, body, of_all) in table() {
        if !path.contains("nearby") {
            continue;
        }
        let is_read = [
            "",
            "/versions",
            "/versions/1",
            "/settings",
            "/settings/1",
            "/history",
        ]
        .iter()
        .any(|end| path == format!("{mine}{end}"));
        let expected = if method == "GET" && is_read {
            of_all[1]
        } else {
            403
        };
        let answer = ask(&stage, Who::Other, method, path, &body).await;
        assert_eq!(answer.status, expected, "{method} {path}: {answer:?}");
        assert_eq!(
            ask(&stage, Who::Stranger, method, path, &body).await.status,
            401
        );
    }
    let version = format!("{mine}/versions/1");
    let seen = stage.ask(Who::Other, "GET", &version, Value::Null).await;
    assert!(seen.body["trial"].is_null(), "{seen:?}");
    assert!(seen.body["description"]["reasons"].is_array());
    let open = json!({"open_bytes": true});
    assert_eq!(stage.ask(Who::Owner, "PATCH", mine, open).await.status, 200);
    let component = format!("{version}/component");
    let bytes = stage.ask(Who::Other, "GET", &component, Value::Null).await;
    assert_eq!(bytes.status, 200);
    assert_eq!(bytes.headers["content-type"], "application/wasm");
}

/// An administrator sets a quota; its owner sees it and it holds.
#[tokio::test]
async fn a_quota_holds() {
    let stage = Stage::new().await;
    stage.nearby().await;
    let set = json!({"value": 1, "reason": "one is enough"});
    let path = "/v1/quotas/anna/filters";
    assert_eq!(
        stage.ask(Who::Administrator, "PUT", path, set).await.status,
        204
    );
    let quotas = stage.get("/v1/quotas").await.body;
    let shown = quotas["items"].as_array().unwrap().iter();
    let shown: Vec<&Value> = shown.filter(|one| one["quota"] == "filters").collect();
    assert_eq!(
        *shown[0],
        json!({"quota": "filters", "value": 1, "is_default": false,
               "reason": "one is enough", "used": 1, "left": 0})
    );
    let another = json!({"name": "another", "stream": "ztf"});
    let refused = stage
        .ask(Who::Owner, "POST", "/v1/filters", another.clone())
        .await;
    assert_eq!((refused.status.as_u16(), refused.code()), (409, "quota"));
    // A deleted filter frees it.
    let mine = "/v1/filters/anna/nearby";
    assert_eq!(
        stage
            .ask(Who::Owner, "DELETE", mine, Value::Null)
            .await
            .status,
        204
    );
    assert_eq!(
        stage
            .ask(Who::Owner, "POST", "/v1/filters", another)
            .await
            .status,
        201
    );
    let log = stage.get("/v1/audit?action=quota.set").await.body;
    assert_eq!(log["items"][0]["actor"], "root");
    assert_eq!(log["items"][0]["detail"]["value"], 1);
}

#[tokio::test]
async fn listings_hold_only_what_one_may_see() {
    let stage = Stage::new().await;
    stage.nearby().await;
    let body = json!({"name": "theirs", "stream": "ztf"});
    assert_eq!(
        stage
            .ask(Who::Other, "POST", "/v1/filters", body)
            .await
            .status,
        201
    );
    let names = async |who, path: &str| -> Vec<String> {
        let answer = stage.ask(who, "GET", path, Value::Null).await;
        assert_eq!(answer.status, 200);
        let items = answer.body["items"].as_array().unwrap().iter();
        items
            .map(|filter| filter["name"].as_str().unwrap().to_owned())
            .collect()
    };
    assert_eq!(names(Who::Owner, "/v1/filters").await, ["nearby"]);
    assert_eq!(names(Who::Other, "/v1/filters").await, ["theirs"]);
    assert_eq!(
        names(Who::Administrator, "/v1/filters").await,
        ["theirs", "nearby"]
    );
    assert_eq!(
        names(Who::Administrator, "/v1/filters?owner=anna").await,
        ["nearby"]
    );
    assert!(names(Who::Other, "/v1/filters?owner=anna").await.is_empty());
    assert!(
        names(Who::Other, "/v1/filters?owner=nobody")
            .await
            .is_empty()
    );
}

#[tokio::test]
async fn a_token_that_ended_opens_nothing() {
    let stage = Stage::new().await;
    assert_eq!(stage.get("/v1/me").await.status, 200);
    let tokens = stage.registry.registry.tokens(Some("anna")).await.unwrap();
    let token = tokens.iter().find(|one| one.name == "test").unwrap();
    stage
        .registry
        .registry
        .revoke_token(token.id, None, &By::host())
        .await
        .unwrap();
    let answer = stage.get("/v1/me").await;
    assert_eq!(
        (answer.status.as_u16(), answer.code()),
        (401, "unauthorized")
    );
    assert_eq!(answer.headers["www-authenticate"], "Bearer");
}
