//! What passing alerts carry: scores, classes, computed magnitudes.
//!
//! What comes in: an author's struct. What goes out: its fields as typed values. Never: a number
//! that is not finite (it counts as absent).

use crate::description::{AnnotationKind, AnnotationType};
use crate::verdict::Verdict;

/// A struct of annotations; derive it.
///
/// Each field is a `bool`, `i32`, `i64`, `f32`, `f64`, `String`, `&str`, or an `Option` of one; none,
/// NaN and infinities leave the annotation out. The doc comment is its summary.
///
/// ```
/// use skysieve_sdk::Annotations;
///
/// #[derive(Annotations)]
/// struct Found {
///     /// Mean rise since the first detection.
///     #[annotation(unit = "mag/d")]
///     rise_rate: f64,
/// }
/// assert_eq!(Found::KINDS[0].unit, "mag/d");
/// # let _ = Found { rise_rate: 0.1 }.rise_rate;
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot annotate an alert",
    label = "derive `Annotations` for it"
)]
pub trait Annotations {
    /// Its fields, in order.
    const KINDS: &'static [AnnotationKind];

    /// Hands over each value that is there, with its place in `KINDS`.
    fn write(self, sink: &mut dyn FnMut(u32, AnnotationValue));
}

impl Annotations for () {
    const KINDS: &'static [AnnotationKind] = &[];

    fn write(self, _: &mut dyn FnMut(u32, AnnotationValue)) {}
}

/// The value of an annotation.
#[derive(Debug, Clone, PartialEq)]
pub enum AnnotationValue {
    /// Truth value.
    Boolean(bool),
    /// Whole number.
    Int64(i64),
    /// Finite number.
    Float64(f64),
    /// Text.
    Utf8(String),
}

/// A type that a field of an annotation struct may have.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be the type of an annotation",
    note = "use bool, i32, i64, f32, f64, String, &str, or an Option of one"
)]
pub trait AnnotationField {
    /// Its type in the contract.
    const ELEMENT: AnnotationType;

    /// The value, where there is one.
    fn value(self) -> Option<AnnotationValue>;
}

macro_rules! annotation {
    ($type:ty, $case:ident, $value:ident => $converted:expr) => {
        impl AnnotationField for $type {
            const ELEMENT: AnnotationType = AnnotationType::$case;

            fn value(self) -> Option<AnnotationValue> {
                let $value = self;
                $converted.map(AnnotationValue::$case)
            }
        }
    };
}

annotation!(bool, Boolean, value => Some(value));
annotation!(i32, Int64, value => Some(i64::from(value)));
annotation!(i64, Int64, value => Some(value));
annotation!(f32, Float64, value => value.is_finite().then(|| f64::from(value)));
annotation!(f64, Float64, value => value.is_finite().then_some(value));
annotation!(String, Utf8, value => Some(value));
annotation!(&str, Utf8, value => Some(value.to_owned()));

impl<T: AnnotationField> AnnotationField for Option<T> {
    const ELEMENT: AnnotationType = T::ELEMENT;

    fn value(self) -> Option<AnnotationValue> {
        self.and_then(T::value)
    }
}

/// What a filter function returns, for the macro to ask its annotations.
#[diagnostic::on_unimplemented(
    message = "a filter returns `Verdict`, or `Verdict<A>` where passing alerts carry annotations",
    label = "not a verdict"
)]
pub trait Judgement {
    /// The annotations of its passing alerts.
    const KINDS: &'static [AnnotationKind];
}

impl<A: Annotations> Judgement for Verdict<A> {
    const KINDS: &'static [AnnotationKind] = A::KINDS;
}
