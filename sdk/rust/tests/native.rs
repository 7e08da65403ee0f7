//! The feature `testing`: a filter over packets, natively.
//!
//! What comes in: container files written here. What goes out: that each alert is judged as the
//! host would, and that mistakes are named. Never: a real packet (the example filters read those).
#![allow(clippy::unwrap_used)]

use apache_avro::types::Value;
use apache_avro::{Schema, Writer};
use skysieve_sdk::testing::{self, Judgement, Trial};
use skysieve_sdk::{AnnotationValue, ParameterValue, prelude::*};

const SCHEMA: &str = r#"{"type": "record", "name": "alert", "fields": [
    {"name": "id", "type": "long"},
    {"name": "mag", "type": ["null", "float"]},
    {"name": "history", "type": ["null", {"type": "array", "items": {
        "type": "record", "name": "entry", "fields": [{"name": "mag", "type": ["null", "float"]}]
    }}]}
]}"#;

#[derive(Alert)]
struct Made<'a> {
    #[alert(path = "id")]
    id: i64,
    #[alert(path = "mag")]
    mag: f32,
    #[alert(path = "history[].mag")]
    history: Series<'a, Option<f32>>,
}

#[derive(Parameters)]
struct Limits {
    #[parameter(unit = "mag", default = 18.5)]
    faintest: f64,
}

#[derive(Annotations)]
struct Found {
    earlier: i64,
}

#[filter(title = "Bright")]
fn keep(alert: Made, limits: &Limits) -> Verdict<Found> {
    log::info(format_args!("alert {}", alert.id));
    reject_unless!(f64::from(alert.mag) < limits.faintest, "faint");
    pass!(Found {
        earlier: alert.history.iter().flatten().count() as i64
    })
}

fn nullable(value: Option<Value>) -> Value {
    let branch = u32::from(value.is_some());
    Value::Union(branch, Box::new(value.unwrap_or(Value::Null)))
}

fn alert(id: i64, mag: Option<f32>) -> Value {
    let entry =
        |mag: Option<f32>| Value::Record(vec![("mag".to_owned(), nullable(mag.map(Value::Float)))]);
    let history = Value::Array(vec![entry(Some(19.0)), entry(None)]);
    Value::Record(vec![
        ("id".to_owned(), Value::Long(id)),
        ("mag".to_owned(), nullable(mag.map(Value::Float))),
        ("history".to_owned(), nullable(Some(history))),
    ])
}

fn packet(alerts: Vec<Value>) -> Vec<u8> {
    let schema = Schema::parse_str(SCHEMA).unwrap();
    let mut writer = Writer::new(&schema, Vec::new()).unwrap();
    for alert in alerts {
        writer.append_value(alert).unwrap();
    }
    writer.into_inner().unwrap()
}

#[test]
fn every_alert_is_judged_in_order() {
    let two = packet(vec![alert(1, Some(17.0)), alert(2, None)]);
    let faint = packet(vec![alert(i64::MAX, Some(19.5))]);
    let cut_off = faint[..faint.len() - 5].to_vec();
    let judged = testing::run::<keep>(&[two, cut_off, faint]);

    let places: Vec<_> = judged
        .iter()
        .map(|each| (each.packet, each.record))
        .collect();
    assert_eq!(places, [(0, 0), (0, 1), (1, 0), (2, 0)]);
    assert_eq!(judged[0].verdict, Judgement::Pass);
    assert_eq!(
        judged[0].annotation("earlier"),
        Some(&AnnotationValue::Int64(1))
    );
    assert_eq!(judged[1].verdict, Judgement::Withheld("mag"));
    assert!(matches!(judged[2].verdict, Judgement::Damaged(_)));
    assert_eq!(judged[3].verdict, Judgement::Reject("faint"));
    assert_eq!(
        judged[3].log,
        [(log::Level::Info, "alert 9223372036854775807".to_owned())]
    );
}

#[test]
fn a_line_of_json_has_the_keys_of_replay() {
    let judged = testing::run::<keep>(&[packet(vec![alert(1, Some(17.0)), alert(2, None)])]);
    let expected = r#"{"record":0,"verdict":"pass","reason":null,"annotations":{"earlier":1}}"#;
    assert_eq!(judged[0].to_json(), expected);
    let lacking =
        r#"{"record":1,"verdict":"reject","reason":"lacks_a_required_field","annotations":{}}"#;
    assert_eq!(judged[1].to_json(), lacking);
}

#[test]
fn parameters_can_be_set() {
    let trial = Trial::<keep>::new().parameter("faintest", ParameterValue::Float64(16.0));
    let judged = trial.run(&[packet(vec![alert(1, Some(17.0))])]);
    assert_eq!(judged[0].verdict, Judgement::Reject("faint"));
}

#[test]
#[should_panic(expected = "no parameter `faintness`")]
fn an_unknown_parameter_is_named() {
    let _ = Trial::<keep>::new().parameter("faintness", ParameterValue::Float64(16.0));
}

#[derive(Alert)]
struct Mistyped {
    #[alert(path = "magn")]
    mag: f32,
}

#[filter(title = "Asks for a field that does not exist")]
fn mistyped(alert: Mistyped) -> Verdict {
    reject_unless!(alert.mag < 18.5, "faint");
    pass!()
}

#[test]
#[should_panic(expected = "magn")]
fn a_mistyped_path_is_named() {
    testing::run::<mistyped>(&[packet(vec![alert(1, None)])]);
}
