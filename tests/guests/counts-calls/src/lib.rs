//! A guest that remembers how often it was called.
//!
//! In: any batch. Out: at its first call everything passes, annotated with 1; at a later one
//! everything is rejected. Never: a second call, if the host keeps its promise of a fresh sandbox.

use std::sync::atomic::{AtomicU32, Ordering::Relaxed};

wit_bindgen::generate!({ path: "../../../wit", world: "skysieve:filter/filter@0.1.0" });

use exports::skysieve::filter::program::{Batch, Description, Guest, Outcome, ParameterValue};
use skysieve::filter::types::{
    Annotation, AnnotationKind, AnnotationType, AnnotationValue, ElementType, Field, Reason,
};

static CALLS: AtomicU32 = AtomicU32::new(0);

struct CountsCalls;

export!(CountsCalls);

impl Guest for CountsCalls {
    fn describe() -> Description {
        Description {
            title: "Counts its calls".to_owned(),
            built_with: "by hand".to_owned(),
            fields: vec![Field {
                paths: vec!["name".to_owned()],
                element: ElementType::Utf8,
                required: false,
            }],
            parameters: Vec::new(),
            reasons: vec![Reason {
                name: "called_before".to_owned(),
                summary: "state survived a call".to_owned(),
            }],
            annotations: vec![AnnotationKind {
                name: "calls".to_owned(),
                unit: String::new(),
                summary: "Calls so far".to_owned(),
                element: AnnotationType::Int64,
            }],
        }
    }

    fn evaluate(batch: Batch, _: Vec<ParameterValue>) -> Outcome {
        let calls = CALLS.fetch_add(1, Relaxed) + 1;
        let annotation = |row| Annotation {
            row,
            kind: 0,
            value: AnnotationValue::Int64(calls.into()),
        };
        Outcome {
            verdicts: vec![u8::from(calls > 1); batch.rows as usize],
            annotations: (0..batch.rows).map(annotation).collect(),
            failures: Vec::new(),
        }
    }
}
