//! The one way from columns to verdicts, the same in the sandbox and in native tests.
//!
//! What comes in: the columns of a batch, the rows to judge, the parameters. What goes out: one
//! code per row, annotations, failures. Never: state from one row to the next.

use std::ops::Range;

use crate::annotation::{AnnotationValue, Annotations};
use crate::column::Column;
use crate::description::{Description, Field, ParameterValue};
use crate::log;
use crate::value::FieldValue;
use crate::verdict::Verdict;

/// A filter, as [`#[filter]`](macro@crate::filter) makes one of a function: a type of the
/// function's name.
pub trait Filter {
    /// What it says of itself.
    fn describe() -> Description;

    /// Judges the alerts `rows` of a batch. One column per declared field, one value per declared
    /// parameter.
    ///
    /// # Panics
    ///
    /// Where columns or parameters are not those that it declared.
    fn judge(
        columns: &[Column<'_>],
        rows: Range<u32>,
        parameters: &[ParameterValue<'_>],
    ) -> Outcome;
}

/// A struct of the fields that a filter reads; derive it.
///
/// Each field names its place: `#[alert(path = "candidate.magpsf")]`, or alternatives of which the
/// first that the alert's schema has is read: `#[alert(paths = ["diaSourceId", "alertId"])]`.
/// Its type is one of those of [`FieldValue`]. A plain type is *required*: the host withholds
/// alerts in which it is null. An `Option` takes a null.
#[diagnostic::on_unimplemented(
    message = "`{Self}` does not say which fields of an alert it reads",
    label = "derive `Alert` for it"
)]
pub trait Alert<'a>: Sized {
    /// Its fields, in order.
    const FIELDS: &'static [Field];
    /// One reader per field.
    type Readers;

    /// The readers of these columns; none where they are not those of `FIELDS`.
    fn open(columns: &[Column<'a>]) -> Option<Self::Readers>;

    /// The alert in this row.
    ///
    /// # Errors
    ///
    /// Where a field is null that has no room for a null.
    fn read(readers: &Self::Readers, row: usize) -> Result<Self, UnexpectedNull>;
}

/// A null where the author's type has no room for one: the place of the field.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UnexpectedNull(pub usize);

/// The answer to a batch.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Outcome {
    /// One code per row judged: 0 passes, n rejects for reason n, 255 could not judge.
    pub verdicts: Vec<u8>,
    /// Ascending by row.
    pub annotations: Vec<Annotation>,
    /// One per code 255, ascending by row.
    pub failures: Vec<Failure>,
}

/// One annotation of one alert.
#[derive(Debug, Clone, PartialEq)]
pub struct Annotation {
    /// The row of the batch.
    pub row: u32,
    /// Its place in the description.
    pub kind: u32,
    /// Its value, of the declared type.
    pub value: AnnotationValue,
}

/// Why an alert could not be judged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// The row of the batch.
    pub row: u32,
    /// For the owner.
    pub message: String,
}

const COULD_NOT_JUDGE: u8 = 255;

/// Judges rows with an author's function.
#[doc(hidden)]
pub fn judge<'a, A: Alert<'a>, V: Annotations>(
    columns: &[Column<'a>],
    rows: Range<u32>,
    keep: impl Fn(A) -> Verdict<V>,
) -> Outcome {
    let readers =
        A::open(columns).expect("the host hands over the columns that describe() declared");
    let mut outcome = Outcome {
        verdicts: Vec::with_capacity(rows.len()),
        ..Outcome::default()
    };
    for row in rows {
        log::enter(row);
        match A::read(&readers, row as usize) {
            Ok(alert) => outcome.add(row, keep(alert)),
            Err(UnexpectedNull(field)) => outcome.fail(row, unexpected_null(&A::FIELDS[field])),
        }
    }
    log::leave();
    outcome
}

impl Outcome {
    #[inline]
    fn add<V: Annotations>(&mut self, row: u32, verdict: Verdict<V>) {
        match verdict {
            Verdict::Pass(annotations) => {
                self.verdicts.push(0);
                annotations.write(&mut |kind, value| {
                    self.annotations.push(Annotation { row, kind, value });
                });
            }
            Verdict::Reject(cut) => self.verdicts.push(cut.code),
            Verdict::Fail(message) => self.fail(row, message),
        }
    }

    fn fail(&mut self, row: u32, message: String) {
        self.verdicts.push(COULD_NOT_JUDGE);
        self.failures.push(Failure { row, message });
    }
}

#[cold]
fn unexpected_null(field: &Field) -> String {
    let mut message = String::from(field.paths.first().copied().unwrap_or_default());
    message.push_str(" has a null that its Rust type has no room for: make it an Option");
    message
}

/// The value of one field, or the field's place where it is null and must not be.
#[doc(hidden)]
#[inline]
pub fn value<'a, T: FieldValue<'a>>(
    reader: &T::Reader,
    row: usize,
    field: usize,
) -> Result<T, UnexpectedNull> {
    if T::complete(reader, row) {
        Ok(T::read(reader, row))
    } else {
        Err(UnexpectedNull(field))
    }
}
