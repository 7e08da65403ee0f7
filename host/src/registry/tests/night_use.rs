//! What filters have sent out of their nights: of a few nights, however many there were.

use std::collections::BTreeMap;

use serde_json::json;
use sqlx::{AssertSqlSafe, Row};

use super::stage::Stage;
use crate::delivery::{CountKey, Counts};
use crate::registry::{By, Filter, NightUse, Quota};
use crate::sink::CountRecord;

super::on_both_engines!(
    the_last_nights_of_each_setting_are_told,
    only_the_nights_that_are_asked_for_are_told,
    no_look_reads_the_nights_of_years,
    the_fullest_filter_shows_what_is_used_of_a_night,
);

/// Nights of a filter's setting: alerts that went out, by the day of the month.
async fn fold(stage: &Stage, setting: i64, nights: impl Iterator<Item = u64>) {
    let counted = nights.map(|day| {
        let key = CountKey {
            setting,
            night: format!("2026-10-{day:02}"),
        };
        let counts = Counts {
            evaluated: day + 7,
            passed: day + 5,
            withheld: BTreeMap::from([("alerts_per_night".to_owned(), 3), ("gate".to_owned(), 2)]),
            bytes_out: 1_000 * day,
            elapsed_ns: 1_500_000_000 * day,
            rejected: BTreeMap::from([("a_faint".to_owned(), 2)]),
            ..Counts::default()
        };
        (key, counts)
    });
    let record = CountRecord {
        log: format!("of {setting}"),
        sequence: 1,
        counts: counted.collect(),
    };
    stage.registry.fold(&[record]).await.unwrap();
}

/// A filter with two settings, of which the second is on.
async fn active(stage: &Stage, name: &str) -> (Filter, [i64; 2]) {
    let anna = stage.registry.user("anna").await.unwrap();
    let anna = match anna {
        Some(anna) => anna,
        None => stage.user("anna").await,
    };
    let filter = stage.filter(&anna, name).await;
    stage.version(&filter, "one").await;
    let first = stage
        .setting(&filter, json!({"detections": 1}))
        .await
        .number;
    let second = stage
        .setting(&filter, json!({"detections": 2}))
        .await
        .number;
    let by = By::host();
    stage
        .registry
        .activate(filter.id, second, &by)
        .await
        .unwrap();
    (filter, [first, second])
}

fn shown(used: &[NightUse]) -> Vec<(&str, i64)> {
    used.iter()
        .map(|one| (&one.night[8..], one.alerts))
        .collect()
}

async fn the_last_nights_of_each_setting_are_told(stage: &Stage) {
    let (filter, [first, second]) = active(stage, "nearby").await;
    fold(stage, first, 1..=5).await;
    fold(stage, second, 5..=30).await;
    let used = stage.registry.latest_use("ztf", 3).await.unwrap();
    // The fifth is in the last three of the first setting: what the other has of it is left out, as
    // are its nights before the last three.
    assert_eq!(
        shown(&used),
        [
            ("03", 3),
            ("04", 4),
            ("05", 5),
            ("28", 28),
            ("29", 29),
            ("30", 30)
        ]
    );
    let last = used.last().unwrap();
    let sums = (&*last.topic, last.bytes, last.elapsed_ns);
    assert_eq!(sums, (&*filter.topic, 30_000, 45_000_000_000));
    assert_eq!(stage.registry.latest_use("lsst", 3).await.unwrap(), []);
    stage.registry.pause(filter.id, &By::host()).await.unwrap();
    assert_eq!(stage.registry.latest_use("ztf", 3).await.unwrap(), []);
}

async fn only_the_nights_that_are_asked_for_are_told(stage: &Stage) {
    let (_, [first, second]) = active(stage, "nearby").await;
    fold(stage, first, 1..=5).await;
    fold(stage, second, 5..=30).await;
    let nights = ["2026-10-05", "2026-10-17", "2026-11-01"];
    let used = stage.registry.night_use("ztf", &nights).await.unwrap();
    assert_eq!(shown(&used), [("05", 10), ("17", 17)]);
    let none: [&str; 0] = [];
    assert_eq!(stage.registry.night_use("ztf", &none).await.unwrap(), []);
    assert_eq!(stage.registry.night_use("lsst", &nights).await.unwrap(), []);
}

async fn the_fullest_filter_shows_what_is_used_of_a_night(stage: &Stage) {
    let (one, [first, second]) = active(stage, "one").await;
    let (_, [_, other]) = active(stage, "other").await;
    fold(stage, first, 20..=20).await;
    fold(stage, second, 19..=20).await;
    fold(stage, other, 9..=25).await;
    let used = async |quota| stage.registry.used(one.owner_id, quota).await.unwrap();
    assert_eq!(used(Quota::AlertsPerNight).await, Some(40));
    assert_eq!(used(Quota::BytesPerNight).await, Some(40_000));
    assert_eq!(used(Quota::CpuSPerNight).await, Some(60));
    assert_eq!(used(Quota::LogBytesPerNight).await, Some(0));
    assert_eq!(used(Quota::FuelPerAlert).await, None);
    let mut connection = stage.registry.database.write().await.unwrap();
    let logged = "insert into log_nights (filter_id, night, lines, bytes, dropped, at_ms)
                  select id, '2026-10-20', 1, 10 * id, 0, 5 from filters
                  union all select id, '2026-10-19', 1, 1000, 0, 4 from filters";
    sqlx::query(logged).execute(&mut *connection).await.unwrap();
    connection.commit().await.unwrap();
    assert_eq!(used(Quota::LogBytesPerNight).await, Some(20));
}

/// A thousand filters and three hundred nights of each, as PostgreSQL and SQLite plan it: what is asked
/// every second reads as many rows as there are filters, found by the night.
async fn no_look_reads_the_nights_of_years(stage: &Stage) {
    let (_, [_, setting]) = active(stage, "nearby").await;
    let mut connection = stage.registry.database.write().await.unwrap();
    let copies = "with recursive n(i) as (select 1 union all select i + 1 from n where i < 1000)";
    for fill in [
        "insert into filters (id, owner_id, name, stream, topic, summary, versions, created_ms, updated_ms)
         {copies} select 1000 + i, owner_id, 'f' || i, stream, topic || i, '', 1, 5, 6 from filters, n",
        "insert into versions (filter_id, number, digest, description, title, trial, notes, source,
             created_by, created_ms)
         {copies} select 1000 + i, number, digest, description, title, trial, notes, source,
             created_by, created_ms from versions, n",
        "insert into settings (number, filter_id, version, parameters, payload, digest, created_by,
             created_ms)
         {copies} select 1000 + i, 1000 + i, version, parameters, payload, digest || i, created_by,
             created_ms from settings, n where number = {setting}",
        "insert into activations (filter_id, lane, setting, state, reason, since_ms)
         {copies} select 1000 + i, lane, 1000 + i, state, reason, since_ms from activations, n",
        "insert into night_counts (setting, night, evaluated, passed, lacking, fuel, elapsed_ns, bytes_out)
         {copies} select s.number, (2000 + i / 336) || '-' || (10 + i / 28 % 12) || '-' || (10 + i % 28),
             9, 5, 0, 5, 7, 100 from settings s, n where s.number > 1000 and i <= 300",
        "analyze",
    ] {
        let fill = fill.replace("{copies}", copies).replace("{setting}", &setting.to_string());
        sqlx::query(AssertSqlSafe(fill)).execute(&mut *connection).await.unwrap();
    }
    connection.commit().await.unwrap();
    let registry = &stage.registry;
    let used = registry.night_use("ztf", &["2000-15-12"]).await.unwrap();
    assert_eq!(used.len(), 1_000);
    let used = registry.latest_use("ztf", 8).await.unwrap();
    assert_eq!(used.len(), 8_000);
    let is_sqlite = stage.settings.url.starts_with("sqlite");
    let explain = if is_sqlite {
        "explain query plan"
    } else {
        "explain"
    };
    let plan = format!("{explain} {}", crate::registry::night_use::of_nights(1));
    let mut connection = registry.database.read().await.unwrap();
    let query = sqlx::query(AssertSqlSafe(plan))
        .bind("ztf")
        .bind("2000-15-12");
    let rows = query.fetch_all(&mut *connection).await.unwrap();
    let column = if is_sqlite { 3 } else { 0 };
    let plan: Vec<String> = rows.iter().map(|row| row.get(column)).collect();
    let plan = plan.join("\n");
    let is_read_whole = plan.contains("SCAN c") || plan.contains("Seq Scan on night_counts");
    assert!(plan.contains("night_counts") && !is_read_whole, "{plan}");
}
