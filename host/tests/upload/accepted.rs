//! Uploads that are good, what is known of them then, and what their trial found out.

use skysieve::evaluate::Verdict;
use skysieve::upload::{Refusal, Settings, StreamSamples, UploadError};

use super::stage::{describing, marked, module, samples, stage, uploader};

#[test]
fn a_module_as_cargo_leaves_it_is_accepted() {
    let stage = stage();
    let accepted = stage
        .uploader
        .accept(
            module(),
            &samples(&[Some(1.0), Some(2.0), Some(-1.0), None]),
        )
        .unwrap();
    assert_eq!(accepted.sha256.len(), 64);
    assert_eq!(accepted.description.title, "Hostile");
    let trial = &accepted.trial;
    assert_eq!(
        (trial.alerts, trial.passed, trial.rejected["reason_0"]),
        (4, 2, 1)
    );
    assert_eq!(
        (
            trial.failed["not_judged"].alerts,
            trial.failed["not_judged"].message.as_str()
        ),
        (1, "no value")
    );
    assert!(
        trial.fuel_min > 0
            && trial.fuel_min <= trial.fuel_median
            && trial.fuel_median <= trial.fuel_max
    );
    assert_eq!(trial.note, None);
    // The component that it was wrapped into is good, too.
    let again = stage
        .uploader
        .accept(&accepted.component, &samples(&[Some(1.0)]))
        .unwrap();
    assert_eq!(again.component, accepted.component);
}

#[test]
fn without_samples_it_is_accepted_with_a_note() {
    let stage = stage();
    let accepted = stage
        .uploader
        .accept(module(), &StreamSamples::default())
        .unwrap();
    assert!(
        accepted
            .trial
            .note
            .unwrap()
            .contains("nothing is known of this stream's alerts yet")
    );
}

#[test]
fn a_mistyped_path_is_answered_with_the_right_one() {
    let refused = stage()
        .uploader
        .accept(&describing(b'g'), &samples(&[Some(1.0)]))
        .unwrap_err();
    let UploadError::Refused(refusal) = refused else {
        panic!("{refused}")
    };
    assert_eq!(refusal.code(), "unknown_field");
    assert_eq!(
        refusal.to_string(),
        "field 1: there is no valeu; did you mean value?"
    );
}

#[test]
fn verdicts_that_depend_on_batch_mates_are_refused() {
    let refused = |mode: &[u8], values: &[Option<f64>]| {
        let stage = stage();
        let module = marked(b"hostile-default-mode: ", mode);
        match stage.uploader.accept(&module, &samples(values)) {
            Err(UploadError::Refused(refusal)) => refusal,
            other => panic!("{other:?}"),
        }
    };
    let values = [Some(1.0), Some(-1.0), Some(2.0)];
    let refusal = refused(b"batch_order ", &values);
    assert!(matches!(refusal, Refusal::BatchMates { .. }), "{refusal}");
    assert!(
        refusal
            .to_string()
            .contains("passed with 1 annotations alone, rejected as `reason_0` together"),
        "{refusal}"
    );
    assert!(matches!(
        refused(b"batch_size  ", &values),
        Refusal::BatchMates { .. }
    ));
    let refusal = refused(b"panic       ", &[Some(1e9), Some(2e9)]);
    assert_eq!(refusal.code(), "always_fails");
    assert!(
        refusal
            .to_string()
            .contains("failed on all 2 sample alerts; on the first: the program broke off")
    );
}

#[test]
fn compiled_code_is_kept_checked_and_made_again() {
    let stage = stage();
    let accepted = stage
        .uploader
        .accept(module(), &samples(&[Some(1.0)]))
        .unwrap();
    let unreachable = || Err("not needed".to_owned());
    let judged = |program: skysieve::evaluate::Program| {
        let columns = columns();
        let parameters = program
            .description()
            .parameters_from(&std::collections::BTreeMap::new())
            .unwrap();
        assert!(matches!(
            program.evaluate(&columns, &[0], &parameters).verdicts[..],
            [Verdict::Pass(_)]
        ));
    };
    judged(
        stage
            .uploader
            .program(&accepted.sha256, unreachable)
            .unwrap(),
    );
    // Another start of the host, with the same folder.
    let restarted = uploader(stage.folder.path(), &Settings::default());
    judged(restarted.program(&accepted.sha256, unreachable).unwrap());
    // Somebody changes a byte: it is not loaded but compiled again.
    let files = || {
        std::fs::read_dir(stage.folder.path())
            .unwrap()
            .map(|entry| entry.unwrap().path())
    };
    let code = files()
        .find(|path| {
            path.extension()
                .is_some_and(|extension| extension == "cwasm")
        })
        .unwrap();
    let mut bytes = std::fs::read(&code).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    std::fs::remove_file(&code).unwrap();
    std::fs::write(&code, &bytes).unwrap();
    assert!(matches!(
        restarted.program(&accepted.sha256, unreachable),
        Err(UploadError::Host(_))
    ));
    judged(
        restarted
            .program(&accepted.sha256, || Ok(accepted.component.clone()))
            .unwrap(),
    );
    assert_ne!(std::fs::read(&code).unwrap(), bytes);
}

/// One alert of value 1 as the guest's columns.
fn columns() -> Vec<arrow_array::ArrayRef> {
    let samples = samples(&[Some(1.0)]);
    let fields = [
        ("value", skysieve_decode::Element::Float64),
        ("series[].x", skysieve_decode::Element::Float32),
        ("name", skysieve_decode::Element::Utf8),
    ];
    let field = |(path, element): (&str, _)| skysieve_decode::Field {
        paths: vec![path.parse().unwrap()],
        element,
    };
    let mut decoder = skysieve_decode::Decoder::new(
        fields.map(field).to_vec(),
        samples.source.clone(),
        skysieve_decode::Limits::default(),
    )
    .unwrap();
    decoder.decode(&[&samples.packets[0]]).columns
}
