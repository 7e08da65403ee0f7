//! Notes: bounded, added once, of several hosts together.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use serde_json::json;

use super::stage::Stage;
use crate::delivery::{CountKey, Counts};
use crate::evaluate::LogLevel;
use crate::logbook::{
    Cause, Costs, Example, Failed, LastAlert, Line, Notes, SettingNotes, Settings,
};
use crate::registry::{By, Chosen, Filter, LineQuery, Quota, Registry};
use crate::sink::CountRecord;
use crate::source::{Partition, Position};

super::on_both_engines!(
    lines_are_kept_searched_and_bounded,
    a_night_has_room_for_so_much_text,
    causes_of_several_hosts_add_up,
    causes_are_bounded,
    costs_and_last_alerts_of_several_hosts_add_up,
    notes_are_added_once,
    old_notes_are_forgotten,
    text_of_any_kind_is_kept,
    what_would_run_is_told,
);

const NIGHT: &str = "2026-11-23";
const ALL: LineQuery = LineQuery {
    night: None,
    level: None,
    text: None,
    before: None,
    limit: 100,
};

/// Anna's filter with the settings 1 and 2 of one version, and somebody else's with setting 3.
async fn filters(stage: &Stage) -> (Filter, Filter) {
    let (anna, berta) = (stage.user("anna").await, stage.user("berta").await);
    let mine = stage.filter(&anna, "nearby").await;
    stage.version(&mine, "one").await;
    for detections in 1..=2 {
        stage
            .setting(&mine, json!({"detections": detections}))
            .await;
    }
    let other = stage.filter(&berta, "distant").await;
    stage.version(&other, "two").await;
    stage.setting(&other, json!({})).await;
    (mine, other)
}

/// A line about an alert.
pub(crate) fn line(message: &str, level: LogLevel, night: &str) -> Line {
    Line {
        at_ms: 1_000,
        night: night.into(),
        level,
        alert_id: "17".to_owned(),
        message: message.to_owned(),
    }
}

/// Lines of a setting.
pub(crate) fn lines(setting: i64, lines: Vec<Line>) -> Notes {
    let notes = SettingNotes {
        version: 1,
        lines,
        ..SettingNotes::default()
    };
    Notes::from([(setting, notes)])
}

/// Failures of one cause, with an example.
pub(crate) fn failed(setting: i64, place: &str, at_ms: i64, night: &str, alerts: u64) -> Notes {
    let partition = Partition {
        topic: "night.tar".into(),
        index: 0,
    };
    let example = Example {
        message: format!("{place} 17"),
        alert_id: at_ms.to_string(),
        object_id: "a".to_owned(),
        night: night.into(),
        position: Position {
            partition,
            offset: 5,
        },
        record: 0,
        packet: Some(Arc::from(format!("packet of {at_ms}").as_bytes())),
    };
    let failed = Failed {
        nights: BTreeMap::from([(night.into(), alerts)]),
        first_ms: at_ms,
        last_ms: at_ms + 10,
        example,
    };
    let cause = Cause {
        kind: "trap",
        place: place.to_owned(),
    };
    let notes = SettingNotes {
        version: 1,
        causes: HashMap::from([(cause, failed)]),
        ..SettingNotes::default()
    };
    Notes::from([(setting, notes)])
}

async fn note(registry: &Registry, sequence: i64, notes: &Notes, settings: &Settings) -> usize {
    let full = registry.note("writer", sequence, notes, settings).await;
    full.unwrap().len()
}

async fn messages(registry: &Registry, filter: &Filter, query: &LineQuery) -> Vec<String> {
    let lines = registry.log_lines(filter.id, query).await.unwrap();
    lines.into_iter().map(|line| line.message).collect()
}

async fn lines_are_kept_searched_and_bounded(stage: &Stage) {
    let registry = &stage.registry;
    let (mine, other) = filters(stage).await;
    let settings = Settings {
        log_lines: 5,
        ..Settings::default()
    };
    let written = vec![
        line("first", LogLevel::Debug, "2026-11-22"),
        line("100 % sure", LogLevel::Error, NIGHT),
        line("100 times", LogLevel::Warning, NIGHT),
        line("last", LogLevel::Info, NIGHT),
    ];
    assert_eq!(note(registry, 1, &lines(1, written), &settings).await, 0);
    let all = messages(registry, &mine, &ALL).await;
    assert_eq!(all, ["last", "100 times", "100 % sure", "first"]);
    assert!(messages(registry, &other, &ALL).await.is_empty());
    let found = async |query: LineQuery| messages(registry, &mine, &query).await;
    let text = |text: &str| LineQuery {
        text: Some(text.to_owned()),
        ..ALL
    };
    assert_eq!(found(text("100 %")).await, ["100 % sure"]);
    assert_eq!(found(text("_")).await, [""; 0]);
    let level = Some(LogLevel::Warning);
    let by_level = LineQuery { level, ..ALL };
    assert_eq!(found(by_level).await, ["100 times", "100 % sure"]);
    let night = Some("2026-11-22".to_owned());
    assert_eq!(found(LineQuery { night, ..ALL }).await, ["first"]);
    let page = registry
        .log_lines(mine.id, &LineQuery { limit: 2, ..ALL })
        .await
        .unwrap();
    let before = Some(page[1].number);
    let rest = found(LineQuery { before, ..ALL }).await;
    assert_eq!(rest, ["100 % sure", "first"]);
    assert_eq!((page[0].setting, page[0].version), (1, 1));
    assert_eq!(
        (page[0].level, page[0].alert_id.as_str()),
        (LogLevel::Info, "17")
    );
    // Two more, by another setting: the oldest gives way.
    let more = vec![
        line("fifth", LogLevel::Info, NIGHT),
        line("sixth", LogLevel::Info, NIGHT),
    ];
    note(registry, 2, &lines(2, more), &settings).await;
    let all = messages(registry, &mine, &ALL).await;
    assert_eq!(all, ["sixth", "fifth", "last", "100 times", "100 % sure"]);
    let logged = registry.logged(mine.id, NIGHT).await.unwrap();
    assert_eq!((logged.lines, logged.dropped), (5, 0));
    assert_eq!(logged.bytes, 10 + 9 + 4 + 5 + 5);
}

async fn a_night_has_room_for_so_much_text(stage: &Stage) {
    let registry = &stage.registry;
    let (mine, _) = filters(stage).await;
    let owner = (mine.owner_id, "anna");
    let quota = Quota::LogBytesPerNight;
    registry
        .set_quota(owner, quota, Some(10), "short of room", &By::host())
        .await
        .unwrap();
    let settings = Settings::default();
    let four = |night: &str| {
        (0..4)
            .map(|_| line("four", LogLevel::Info, night))
            .collect()
    };
    let mut notes = lines(1, four(NIGHT));
    let dropped = BTreeMap::from([(NIGHT.into(), 7)]);
    notes.get_mut(&1).unwrap().dropped_lines = dropped;
    let full = registry
        .note("one host", 1, &notes, &settings)
        .await
        .unwrap();
    assert_eq!(full, [(1, Arc::from(NIGHT))]);
    // Another host and setting of the same filter have no room either, another night has.
    let full = registry
        .note("another", 1, &lines(2, four(NIGHT)), &settings)
        .await
        .unwrap();
    assert_eq!(full, [(2, Arc::from(NIGHT))]);
    registry
        .note("another", 2, &lines(2, four("2026-11-24")), &settings)
        .await
        .unwrap();
    let logged = registry.logged(mine.id, NIGHT).await.unwrap();
    assert_eq!(
        (logged.lines, logged.bytes, logged.dropped),
        (2, 8, 2 + 7 + 4)
    );
    assert_eq!(messages(registry, &mine, &ALL).await.len(), 4);
}

async fn causes_of_several_hosts_add_up(stage: &Stage) {
    let registry = &stage.registry;
    let other_host = stage.another_host().await;
    let (mine, other) = filters(stage).await;
    let settings = Settings::default();
    let write = async |registry: &Registry, writer: &str, notes: Notes| {
        registry.note(writer, 1, &notes, &settings).await.unwrap();
    };
    write(registry, "a", failed(1, "no band", 2_000, NIGHT, 3)).await;
    write(&other_host, "b", failed(2, "no band", 1_000, NIGHT, 4)).await;
    write(
        &other_host,
        "c",
        failed(1, "no flux", 3_000, "2026-11-24", 1),
    )
    .await;
    // An earlier night does not take the place of the latest one.
    write(registry, "d", failed(1, "no band", 4_000, "2026-11-20", 5)).await;
    let counts = Counts {
        evaluated: 70,
        ..Counts::default()
    };
    let key = CountKey {
        setting: 2,
        night: NIGHT.to_owned(),
    };
    let record = CountRecord {
        log: "log".to_owned(),
        sequence: 1,
        counts: BTreeMap::from([(key, counts)]),
    };
    registry.fold(&[record]).await.unwrap();
    let causes = registry.causes(mine.id, None, 10).await.unwrap();
    let places: Vec<_> = causes.iter().map(|cause| cause.place.as_str()).collect();
    assert_eq!(places, ["no band", "no flux"]);
    let first = &causes[0];
    assert_eq!(
        (first.alerts, first.first_ms, first.last_ms),
        (12, 1_000, 4_010)
    );
    assert_eq!((first.night.as_str(), first.night_alerts), (NIGHT, 7));
    assert_eq!(first.night_evaluated, 70);
    assert_eq!((first.version, first.kind.as_str()), (1, "trap"));
    assert_eq!(first.example.message, "no band 17");
    assert_eq!(first.example.packet_bytes, 14);
    let (_, packet) = registry.cause(mine.id, &first.id).await.unwrap();
    assert_eq!(packet, b"packet of 2000");
    let after = Some((first.last_ms, first.id.clone()));
    let rest = registry.causes(mine.id, after, 10).await.unwrap();
    assert_eq!(rest, causes[1..]);
    assert!(
        registry
            .causes(other.id, None, 10)
            .await
            .unwrap()
            .is_empty()
    );
    assert!(registry.cause(other.id, &first.id).await.is_err());
}

async fn causes_are_bounded(stage: &Stage) {
    let registry = &stage.registry;
    let (mine, _) = filters(stage).await;
    let settings = Settings {
        causes: 3,
        example_bytes: 13,
        ..Settings::default()
    };
    for number in 0..8 {
        let place = format!("place {}", ["a", "b", "c", "d", "e", "f", "g", "h"][number]);
        let notes = failed(1, &place, 1_000 + number as i64, NIGHT, 1);
        note(registry, number as i64 + 1, &notes, &settings).await;
    }
    let causes = registry.causes(mine.id, None, 10).await.unwrap();
    let count = |place: &str| -> u64 {
        let found = causes.iter().find(|cause| cause.place == place);
        found.map_or(0, |cause| cause.alerts)
    };
    assert_eq!(causes.len(), 4);
    assert_eq!(
        (count("place a"), count("place c"), count("(others)")),
        (1, 1, 5)
    );
    // 14 bytes are too many.
    assert!(causes.iter().all(|cause| cause.example.packet_bytes == 0));
}

/// Costs of a setting, and its last alert.
pub(crate) fn costs(setting: i64, at_ms: i64, fuel: u64, alerts: u64) -> Notes {
    let mut costs = Costs::default();
    costs.fuel.add_many(fuel, alerts);
    costs.time_ns.add_many(fuel * 2, alerts);
    let last = LastAlert {
        at_ms,
        alert_id: at_ms.to_string(),
        object_id: "a".to_owned(),
        night: NIGHT.to_owned(),
    };
    let notes = SettingNotes {
        version: 1,
        last: Some(last),
        costs: BTreeMap::from([(NIGHT.into(), costs)]),
        ..SettingNotes::default()
    };
    Notes::from([(setting, notes)])
}

async fn costs_and_last_alerts_of_several_hosts_add_up(stage: &Stage) {
    let registry = &stage.registry;
    let other_host = stage.another_host().await;
    let (mine, other) = filters(stage).await;
    let settings = Settings::default();
    for (registry, writer, notes) in [
        (registry, "a", costs(1, 5_000, 100, 90)),
        (&other_host, "b", costs(1, 4_000, 100, 5)),
        (&other_host, "c", costs(2, 3_000, 10_000, 5)),
    ] {
        registry.note(writer, 1, &notes, &settings).await.unwrap();
    }
    let last = registry.last_alert(mine.id).await.unwrap().unwrap();
    assert_eq!((last.at_ms, last.alert_id.as_str()), (5_000, "5000"));
    assert_eq!(registry.last_alert(other.id).await.unwrap(), None);
    let found = registry.costs(mine.id, NIGHT).await.unwrap();
    let fuel = found.fuel.distribution();
    assert_eq!(fuel.alerts, 100);
    assert!((100..113).contains(&fuel.p90), "{fuel:?}");
    assert!((10_000..11_300).contains(&fuel.p99), "{fuel:?}");
    assert!((200..226).contains(&found.time_ns.distribution().p50));
    let none = registry.costs(mine.id, "2026-11-24").await.unwrap();
    assert_eq!(none, Costs::default());
}

async fn notes_are_added_once(stage: &Stage) {
    let registry = &stage.registry;
    let (mine, _) = filters(stage).await;
    let settings = Settings::default();
    let notes = failed(1, "no band", 1_000, NIGHT, 3);
    for sequence in [1, 1, 2, 2, 1] {
        note(registry, sequence, &notes, &settings).await;
    }
    let causes = registry.causes(mine.id, None, 10).await.unwrap();
    assert_eq!(causes[0].alerts, 6);
    // A setting that this registry does not know stops nothing.
    let mut unknown = failed(777, "no band", 1_000, NIGHT, 3);
    unknown.extend(lines(1, vec![line("kept", LogLevel::Info, NIGHT)]));
    unknown.insert(
        778,
        lines(778, vec![line("lost", LogLevel::Info, NIGHT)])[&778].clone(),
    );
    note(registry, 3, &unknown, &settings).await;
    assert_eq!(messages(registry, &mine, &ALL).await, ["kept"]);
}

async fn old_notes_are_forgotten(stage: &Stage) {
    let registry = &stage.registry;
    let (mine, _) = filters(stage).await;
    let settings = Settings::default();
    note(
        registry,
        1,
        &lines(1, vec![line("old", LogLevel::Info, NIGHT)]),
        &settings,
    )
    .await;
    note(
        registry,
        2,
        &failed(1, "no band", 1_000, NIGHT, 3),
        &settings,
    )
    .await;
    let now_ms = jiff::Timestamp::now().as_millisecond();
    let mut young = line("young", LogLevel::Info, NIGHT);
    young.at_ms = now_ms;
    note(registry, 3, &lines(1, vec![young]), &settings).await;
    note(
        registry,
        4,
        &failed(1, "no flux", now_ms, NIGHT, 3),
        &settings,
    )
    .await;
    registry.forget_notes(30).await.unwrap();
    assert_eq!(messages(registry, &mine, &ALL).await, ["young"]);
    let causes = registry.causes(mine.id, None, 10).await.unwrap();
    let places: Vec<_> = causes.iter().map(|cause| cause.place.as_str()).collect();
    assert_eq!(places, ["no flux"]);
}

/// As the scribe hands it on: escaped, but with quotes, percent signs and letters of any script.
async fn text_of_any_kind_is_kept(stage: &Stage) {
    let registry = &stage.registry;
    let (mine, _) = filters(stage).await;
    let hostile = "'; drop table log_lines; -- δ < 3″ \\r\\n\\u{0} $1 {}";
    let written = vec![line(hostile, LogLevel::Info, NIGHT)];
    note(registry, 1, &lines(1, written), &Settings::default()).await;
    let text = Some("'; drop table".to_owned());
    let found = messages(registry, &mine, &LineQuery { text, ..ALL }).await;
    assert_eq!(found, [hostile]);
}

/// A setting with its parameters, a version with the defaults, of this filter alone.
async fn what_would_run_is_told(stage: &Stage) {
    let registry = &stage.registry;
    let (mine, other) = filters(stage).await;
    let detections = |running: &crate::registry::ActiveSetting| {
        let names = running.description.parameters.iter();
        let place = names
            .map(|one| one.name.as_str())
            .position(|name| name == "detections");
        serde_json::to_value(&running.parameters[place.unwrap()]).unwrap()
    };
    let setting = registry
        .runnable(mine.id, Chosen::Setting(1))
        .await
        .unwrap();
    assert_eq!((setting.setting, setting.version), (1, 1));
    assert_eq!(
        (setting.owner.as_str(), setting.filter.as_str()),
        ("anna", "nearby")
    );
    assert_eq!(detections(&setting), 1);
    let version = registry
        .runnable(mine.id, Chosen::Version(1))
        .await
        .unwrap();
    assert_eq!((version.setting, version.version), (0, 1));
    assert_eq!(detections(&version), 2);
    assert_eq!(version.digest, setting.digest);
    for missing in [
        Chosen::Setting(3),
        Chosen::Setting(0),
        Chosen::Version(2),
        Chosen::Version(0),
    ] {
        assert!(
            registry.runnable(mine.id, missing).await.is_err(),
            "{missing:?}"
        );
    }
    assert!(
        registry
            .runnable(other.id, Chosen::Setting(3))
            .await
            .is_ok()
    );
}
