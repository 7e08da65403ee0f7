//! What an honest filter gets: every verdict, in order, whatever the batch.

use skysieve::evaluate::{
    AnnotationValue, FaultKind, ParameterValue, Settings, ValueType, Verdict,
};

use super::guest::{
    columns, evaluate, own_program, parameters, program, program_with, settings, with_guilty,
};

fn pass(value: f64) -> Verdict {
    Verdict::Pass(vec![(0, AnnotationValue::Float64(value))])
}

#[test]
fn every_chosen_row_gets_its_verdict_in_order() {
    let columns = columns(&[Some(1.0), None, Some(-1.0), Some(2.0), Some(3.0)]);
    let honest = parameters("honest", 1e9);
    let all = program()
        .evaluate(&columns, &[0, 1, 2, 3, 4], &honest)
        .verdicts;
    assert_eq!(all[0], pass(1.0));
    let Verdict::Fail(fault) = &all[1] else {
        panic!("{all:?}")
    };
    assert_eq!(
        (fault.kind, fault.message.as_str()),
        (FaultKind::NotJudged, "no value")
    );
    assert_eq!(
        all[2],
        Verdict::Reject {
            code: 1,
            annotations: vec![]
        }
    );
    assert_eq!(all[3..], [pass(2.0), pass(3.0)]);
    let some = program().evaluate(&columns, &[4, 0, 3], &honest).verdicts;
    assert_eq!(some, [pass(3.0), pass(1.0), pass(2.0)]);
    let none = program().evaluate(&columns, &[], &honest);
    assert_eq!((none.verdicts.len(), none.runs, none.fuel), (0, 0, 0));
}

#[test]
fn a_verdict_does_not_depend_on_the_batch() {
    let values = with_guilty(100, &[]);
    let whole = evaluate(&own_program(), "honest", &values);
    assert_eq!(whole.runs, 1);
    assert!(whole.fuel > 0 && whole.elapsed_ns > 0);
    let alone: Vec<_> = values
        .iter()
        .flat_map(|value| evaluate(program(), "honest", &[*value]).verdicts)
        .collect();
    assert_eq!(whole.verdicts, alone);
}

#[test]
fn fuel_of_a_batch_of_one_is_the_same_every_time() {
    let fuel = evaluate(program(), "honest", &[5.0]).fuel;
    assert!(fuel > 0);
    assert_eq!(evaluate(program(), "honest", &[5.0]).fuel, fuel);
    let on_demand = program_with(&Settings {
        pooling: false,
        ..settings()
    });
    assert_eq!(evaluate(&on_demand, "honest", &[5.0]).fuel, fuel);
}

#[test]
fn a_guest_that_counts_its_calls_answers_one_for_ever() {
    let calls = |evaluation: skysieve::evaluate::Evaluation| match &evaluation.verdicts[..] {
        [Verdict::Pass(annotations)] => annotations[1].1.clone(),
        other => panic!("{other:?}"),
    };
    for _ in 0..50 {
        assert_eq!(
            calls(evaluate(program(), "count_calls", &[2000.0])),
            AnnotationValue::Int64(1)
        );
    }
    let reusing = program_with(&Settings {
        batches_per_instance: 3,
        ..settings()
    });
    let counted: Vec<_> = (0..4)
        .map(|_| calls(evaluate(&reusing, "count_calls", &[2000.0])))
        .collect();
    assert_eq!(
        counted,
        [1, 2, 3, 1].map(AnnotationValue::Int64),
        "reuse is for those who ask for it, and retires"
    );
}

#[test]
fn threads_share_a_program() {
    let values = with_guilty(64, &[]);
    let expected = evaluate(program(), "honest", &values).verdicts;
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                (0..20).for_each(|_| {
                    assert_eq!(evaluate(program(), "honest", &values).verdicts, expected)
                })
            });
        }
    });
}

#[test]
fn the_description_is_the_hosts_own() {
    let description = program().description();
    assert_eq!(description.title, "Hostile");
    assert_eq!(description.fields[1].paths, ["series[].x"]);
    assert_eq!(description.reason(1).unwrap().name, "reason_0");
    assert!(description.reason(0).is_none() && description.reason(2).is_none());
    assert_eq!(description.annotations[1].element, ValueType::Int64);
    let text = serde_json::to_string(description).unwrap();
    assert_eq!(
        &serde_json::from_str::<skysieve::evaluate::Description>(&text).unwrap(),
        description
    );
    assert_eq!(description.decode_fields().len(), 3);
}

#[test]
fn parameters_are_checked_and_filled_in() {
    let description = program().description();
    let set = |json: serde_json::Value| {
        description.parameters_from(&serde_json::from_value(json).unwrap())
    };
    let values = set(serde_json::json!({"guilty_from": 5})).unwrap();
    assert_eq!(
        values,
        [
            ParameterValue::Utf8("honest".to_owned()),
            ParameterValue::Float64(5.0)
        ]
    );
    let refused = |json| set(json).unwrap_err().to_string();
    assert!(
        refused(serde_json::json!({"guilty_from": -2e6}))
            .contains("a finite number from -1000000.0")
    );
    assert!(refused(serde_json::json!({"guilty_from": "5"})).contains("cannot be \"5\""));
    assert!(refused(serde_json::json!({"guilty": 5})).contains("it has mode, guilty_from"));
    let text = |pair: (&str, &str)| {
        description.parameters_from_text(&[(pair.0.to_owned(), pair.1.to_owned())])
    };
    assert_eq!(
        text(("guilty_from", "7.5")).unwrap()[1],
        ParameterValue::Float64(7.5)
    );
    assert!(text(("guilty_from", "NaN")).is_err());
}
