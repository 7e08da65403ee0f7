//! The rules of the world for an answer: what comes back from a guest is hostile until checked.
//!
//! In: a guest's outcome for a batch. Out: one verdict per row, or which rule it breaks. Never: a
//! number, text or row that was not checked.

use super::bindings::types;
use super::description::{AnnotationKind, Description, ValueType};
use super::limits::{MESSAGE_BYTES, Settings};
use super::text::for_people;
use super::verdict::{Annotation, AnnotationValue, Fault, FaultKind, Verdict};

/// First code that belongs to the host.
const HOST_CODES: u8 = 200;
/// "I could not judge this alert."
const NOT_JUDGED: u8 = 255;

/// Which rule an answer breaks.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum Malformed {
    #[error("{found} verdicts for {rows} alerts; answer exactly one per alert")]
    Count { found: usize, rows: usize },
    #[error(
        "verdict {code} of row {row} belongs to the host; 0 passes, 1 to 199 reject, 255 could not judge"
    )]
    Reserved { row: usize, code: u8 },
    #[error("verdict {code} of row {row}, but only {declared} reasons are declared")]
    Undeclared {
        row: usize,
        code: u8,
        declared: usize,
    },
    #[error(
        "an annotation of row {row} after one of row {after}, or twice the same; annotations go in ascending order of rows"
    )]
    Order { row: u32, after: u32 },
    #[error("an annotation of row {row}, but the batch has {rows} rows")]
    Row { row: u32, rows: usize },
    #[error("annotation kind {kind} of row {row}, but only {declared} are declared")]
    Kind {
        row: u32,
        kind: u32,
        declared: usize,
    },
    #[error("annotation `{name}` occurs twice at row {row}")]
    Twice { row: u32, name: String },
    #[error("annotation `{name}` of row {row} is not of its declared type, {declared}")]
    Type {
        row: u32,
        name: String,
        declared: &'static str,
    },
    #[error("annotation `{name}` of row {row} is not a finite number")]
    NotFinite { row: u32, name: String },
    #[error("annotation `{name}` of row {row} is longer than {most} bytes")]
    Text { row: u32, name: String, most: usize },
    #[error("the annotations of row {row} hold more than {most} bytes of text")]
    TextOfAlert { row: u32, most: usize },
    #[error(
        "{found} failures for {expected} verdicts of 255; give exactly one message for each, in ascending order of rows"
    )]
    Failures { found: usize, expected: usize },
    #[error("a failure of row {row} where one of row {expected} was due")]
    FailureRow { row: u32, expected: u32 },
}

impl From<Malformed> for Fault {
    fn from(malformed: Malformed) -> Fault {
        let message = format!("the answer breaks the rules: {malformed}");
        Fault {
            kind: FaultKind::Malformed,
            message: for_people(&message, MESSAGE_BYTES),
        }
    }
}

/// Checks an answer and appends its verdicts.
///
/// # Errors
/// The first rule that it breaks; nothing is appended then.
pub(super) fn check(
    outcome: types::Outcome,
    rows: usize,
    description: &Description,
    settings: &Settings,
    verdicts: &mut Vec<Verdict>,
) -> Result<(), Malformed> {
    let start = verdicts.len();
    let appended = codes(&outcome.verdicts, rows, description.reasons.len(), verdicts)
        .and_then(|()| {
            annotations(
                outcome.annotations,
                description,
                settings,
                &mut verdicts[start..],
            )
        })
        .and_then(|()| failures(outcome.failures, &mut verdicts[start..]));
    if appended.is_err() {
        verdicts.truncate(start);
    }
    appended
}

fn codes(
    codes: &[u8],
    rows: usize,
    declared: usize,
    verdicts: &mut Vec<Verdict>,
) -> Result<(), Malformed> {
    if codes.len() != rows {
        return Err(Malformed::Count {
            found: codes.len(),
            rows,
        });
    }
    for (row, &code) in codes.iter().enumerate() {
        verdicts.push(match code {
            0 => Verdict::Pass(Vec::new()),
            NOT_JUDGED => Verdict::Fail(Fault {
                kind: FaultKind::NotJudged,
                message: String::new(),
            }),
            HOST_CODES.. => return Err(Malformed::Reserved { row, code }),
            _ if usize::from(code) > declared => {
                return Err(Malformed::Undeclared {
                    row,
                    code,
                    declared,
                });
            }
            _ => Verdict::Reject {
                code,
                annotations: Vec::new(),
            },
        });
    }
    Ok(())
}

fn annotations(
    said: Vec<types::Annotation>,
    description: &Description,
    settings: &Settings,
    verdicts: &mut [Verdict],
) -> Result<(), Malformed> {
    let (mut last_row, mut seen, mut text_bytes) = (0, 0_u64, 0);
    for types::Annotation { row, kind, value } in said {
        if row < last_row {
            return Err(Malformed::Order {
                row,
                after: last_row,
            });
        }
        if row > last_row {
            (last_row, seen, text_bytes) = (row, 0, 0);
        }
        let rows = verdicts.len();
        let verdict = verdicts
            .get_mut(row as usize)
            .ok_or(Malformed::Row { row, rows })?;
        let declared = description.annotations.len();
        let of = description
            .annotations
            .get(kind as usize)
            .ok_or(Malformed::Kind {
                row,
                kind,
                declared,
            })?;
        // At most 64 kinds are declared: check.rs.
        let bit = 1_u64 << (kind % u64::BITS);
        if seen & bit != 0 {
            return Err(Malformed::Twice {
                row,
                name: of.name.clone(),
            });
        }
        seen |= bit;
        text_bytes += if let types::AnnotationValue::Utf8(text) = &value {
            text.len()
        } else {
            0
        };
        if text_bytes > settings.text_bytes_per_alert {
            return Err(Malformed::TextOfAlert {
                row,
                most: settings.text_bytes_per_alert,
            });
        }
        attach(verdict, (kind, annotation_value(row, of, value, settings)?));
    }
    Ok(())
}

fn attach(verdict: &mut Verdict, annotation: Annotation) {
    match verdict {
        Verdict::Pass(annotations) | Verdict::Reject { annotations, .. } => {
            annotations.push(annotation)
        }
        // An alert that could not be judged keeps its message alone.
        Verdict::Fail(_) => {}
    }
}

fn annotation_value(
    row: u32,
    of: &AnnotationKind,
    said: types::AnnotationValue,
    settings: &Settings,
) -> Result<AnnotationValue, Malformed> {
    let name = || of.name.clone();
    match (of.element, said) {
        (ValueType::Boolean, types::AnnotationValue::Boolean(value)) => {
            Ok(AnnotationValue::Boolean(value))
        }
        (ValueType::Int64, types::AnnotationValue::Int64(value)) => {
            Ok(AnnotationValue::Int64(value))
        }
        (ValueType::Float64, types::AnnotationValue::Float64(value)) if value.is_finite() => {
            Ok(AnnotationValue::Float64(value))
        }
        (ValueType::Float64, types::AnnotationValue::Float64(_)) => {
            Err(Malformed::NotFinite { row, name: name() })
        }
        (ValueType::Utf8, types::AnnotationValue::Utf8(text))
            if text.len() <= settings.text_bytes =>
        {
            Ok(AnnotationValue::Utf8(text))
        }
        (ValueType::Utf8, types::AnnotationValue::Utf8(_)) => Err(Malformed::Text {
            row,
            name: name(),
            most: settings.text_bytes,
        }),
        (declared, _) => Err(Malformed::Type {
            row,
            name: name(),
            declared: declared.as_str(),
        }),
    }
}

fn failures(said: Vec<types::Failure>, verdicts: &mut [Verdict]) -> Result<(), Malformed> {
    let found = said.len();
    let due = verdicts
        .iter()
        .filter(|verdict| matches!(verdict, Verdict::Fail(_)))
        .count();
    if found != due {
        return Err(Malformed::Failures {
            found,
            expected: due,
        });
    }
    let mut said = said.into_iter();
    for (row, verdict) in (0_u32..).zip(verdicts) {
        let Verdict::Fail(fault) = verdict else {
            continue;
        };
        let Some(failure) = said.next() else {
            return Err(Malformed::Failures {
                found,
                expected: due,
            });
        };
        if failure.row != row {
            return Err(Malformed::FailureRow {
                row: failure.row,
                expected: row,
            });
        }
        fault.message = for_people(&failure.message, MESSAGE_BYTES);
    }
    Ok(())
}
