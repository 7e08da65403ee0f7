//! Withheld alerts over HTTP: which they are, and as much of them as the quotas of the night allow.

use std::collections::BTreeMap;

use axum::body::{Body, to_bytes};
use serde_json::{Value, json};
use tower::ServiceExt;

use super::shelf::withheld;
use super::stage::{Stage, Who};
use crate::delivery::{CountKey, Counts};
use crate::sink::CountRecord;

const NIGHT: &str = "2026-04-01";
const PATH: &str = "/v1/filters/anna/nearby/withheld/2026-04-01/alerts";

/// A night of which two alerts of 1,000 bytes went out and four were withheld, one of them beyond the
/// owner's rights by now; another night and another filter had some, too.
async fn stage() -> Stage {
    let stage = Stage::new().await;
    stage.nearby().await;
    let counts = Counts {
        evaluated: 6,
        passed: 6,
        withheld: BTreeMap::from([("alerts_per_night".to_owned(), 3), ("gate".to_owned(), 1)]),
        bytes_out: 2_000,
        ..Counts::default()
    };
    let key = CountKey {
        setting: 1,
        night: NIGHT.to_owned(),
    };
    let record = CountRecord {
        log: "log".to_owned(),
        sequence: 1,
        counts: BTreeMap::from([(key, counts)]),
    };
    stage.registry.registry.fold(&[record]).await.unwrap();
    let (mine, other) = (withheld("anna", "nearby"), withheld("anna", "other"));
    for (topic, id, night, programme) in [
        (&other, "9", NIGHT, 1),
        (&mine, "1", NIGHT, 1),
        (&mine, "2", NIGHT, 1),
        (&mine, "8", "2026-04-02", 1),
        (&mine, "7", NIGHT, 3),
        (&mine, "3", NIGHT, 1),
    ] {
        stage.shelf.put_of(topic, id, night, false, Some(programme));
    }
    stage
}

async fn allow(stage: &Stage, quota: &str, value: i64) {
    let body = json!({"value": value, "reason": "of a test"});
    let path = format!("/v1/quotas/anna/{quota}");
    let set = stage.ask(Who::Administrator, "PUT", &path, body).await;
    assert_eq!(set.status, 204, "{set:?}");
}

/// Ids, the next cursor, and whether there is more; else status and code.
async fn read(stage: &Stage, query: &str) -> Result<(Vec<String>, String, bool), (u16, String)> {
    let request = stage.request(Who::Owner, "GET", &format!("{PATH}{query}"));
    let request = request.body(Body::empty()).unwrap();
    let response = stage.router.clone().oneshot(request).await.unwrap();
    let (parts, body) = response.into_parts();
    let body = to_bytes(body, 1 << 24).await.unwrap();
    if parts.status != 200 {
        let problem: Value = serde_json::from_slice(&body).unwrap();
        return Err((
            parts.status.as_u16(),
            problem["code"].as_str().unwrap().to_owned(),
        ));
    }
    let text = String::from_utf8(body.to_vec()).unwrap();
    let line = |line: &str| -> String {
        let line: Value = serde_json::from_str(line).unwrap();
        line["alert_id"].as_str().unwrap().to_owned()
    };
    let header = |name: &str| parts.headers[name].to_str().unwrap().to_owned();
    let more = header("skysieve-more") == "true";
    Ok((
        text.lines().map(line).collect(),
        header("skysieve-next"),
        more,
    ))
}

fn refused(read: Result<(Vec<String>, String, bool), (u16, String)>) -> (u16, String) {
    read.unwrap_err()
}

#[tokio::test]
async fn the_quotas_of_the_night_hold_for_what_is_read_later() {
    let stage = stage().await;
    let quota = (409, "quota".to_owned());
    allow(&stage, "alerts_per_night", 2).await;
    assert_eq!(refused(read(&stage, "").await), quota);
    // Which they are can always be seen, and counts for nothing.
    let (ids, cursor, more) = read(&stage, "?payload=reference").await.unwrap();
    assert_eq!(
        (ids, more),
        (vec!["1".into(), "2".into(), "3".into()], false)
    );
    // Nobody gets past what was not counted.
    allow(&stage, "alerts_per_night", 3).await;
    let (ids, next, more) = read(&stage, &format!("?after={cursor}")).await.unwrap();
    assert_eq!((ids, more), (vec!["1".to_owned()], true));
    assert_eq!(
        refused(read(&stage, &format!("?after={next}")).await),
        quota
    );
    // What was read is read again for nothing.
    let (ids, ..) = read(&stage, "").await.unwrap();
    assert_eq!(ids, ["1"]);
    let quotas = stage.get("/v1/quotas").await.body;
    let named = |one: &&Value| one["quota"] == "alerts_per_night";
    let shown = quotas["items"]
        .as_array()
        .unwrap()
        .iter()
        .find(named)
        .unwrap();
    assert_eq!((&shown["used"], &shown["left"]), (&json!(3), &json!(0)));

    allow(&stage, "alerts_per_night", 100).await;
    let (first, next, more) = read(&stage, "?limit=2").await.unwrap();
    assert_eq!((first, more), (vec!["1".into(), "2".into()], true));
    let (rest, next, more) = read(&stage, &format!("?after={next}")).await.unwrap();
    assert_eq!((rest, more), (vec!["3".to_owned()], false));
    let (nothing, ..) = read(&stage, &format!("?after={next}")).await.unwrap();
    assert_eq!(nothing.len(), 0);
    // A lower quota takes nothing back.
    allow(&stage, "alerts_per_night", 0).await;
    let (all, ..) = read(&stage, "").await.unwrap();
    assert_eq!(all, ["1", "2", "3"]);
}

#[tokio::test]
async fn bytes_are_counted_as_those_that_went_out() {
    let stage = stage().await;
    allow(&stage, "bytes_per_night", 2_000).await;
    assert_eq!(refused(read(&stage, "").await), (409, "quota".to_owned()));
    let page = stage.shelf.bytes(&withheld("anna", "nearby"), 1);
    allow(&stage, "bytes_per_night", 2_000 + page).await;
    assert_eq!(read(&stage, "").await.unwrap().0, ["1"]);
    assert_eq!(read(&stage, "").await.unwrap().0, ["1"]);
    allow(&stage, "bytes_per_night", 2_000 + 2 * page - 1).await;
    assert_eq!(read(&stage, "").await.unwrap().0, ["1"]);
    allow(&stage, "bytes_per_night", 2_000 + 2 * page).await;
    assert_eq!(read(&stage, "").await.unwrap().0, ["1", "2"]);
}

#[tokio::test]
async fn what_cannot_be_asked_is_refused() {
    let stage = stage().await;
    let passing = stage.get("/v1/filters/anna/nearby/alerts").await;
    let of_passing = passing.headers["skysieve-next"]
        .to_str()
        .unwrap()
        .to_owned();
    for (query, code) in [
        (format!("?after={of_passing}"), "bad_request"),
        ("?after=zz".to_owned(), "bad_request"),
        ("?limit=0".to_owned(), "bad_request"),
        ("?format=csv".to_owned(), "bad_request"),
        ("?night=unknown".to_owned(), "bad_request"),
        ("?fields=nothing".to_owned(), "invalid_field"),
    ] {
        assert_eq!(refused(read(&stage, &query).await).1, code, "{query}");
    }
    let night = stage.get(&PATH.replace(NIGHT, "April")).await;
    assert_eq!((night.status.as_u16(), night.code()), (400, "bad_request"));
    // A cursor of withheld alerts is none of the passing ones.
    let (_, next, _) = read(&stage, "?payload=reference").await.unwrap();
    let path = format!("/v1/filters/anna/nearby/alerts?after={next}");
    assert_eq!(stage.get(&path).await.code(), "bad_request");
    *stage.shelf.away.lock().unwrap() = true;
    for query in ["", "?payload=reference"] {
        let away = refused(read(&stage, query).await);
        assert_eq!(away, (503, "results_unavailable".to_owned()));
    }
}
