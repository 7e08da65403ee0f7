//! Numbers and words that the owner may change without a new upload.
//!
//! What comes in: the values that the host checked against their ranges. What goes out: the
//! author's struct. Never: a value outside its range.

use crate::description::{Parameter, ParameterValue};

/// A struct of parameters; derive it. `Default` comes with it and gives the declared defaults, for
/// native calls. Each field is a `bool`, `i64`, `f64` or `String`; the doc comment is its summary.
///
/// ```
/// use skysieve_sdk::Parameters;
///
/// #[derive(Parameters)]
/// struct Limits {
///     /// Faintest magnitude that passes.
///     #[parameter(unit = "mag", default = 18.5, minimum = 10.0, maximum = 25.0)]
///     faintest: f64,
///     /// Band that is looked at.
///     #[parameter(default = "r", choices = ["g", "r", "i"])]
///     band: String,
/// }
/// assert_eq!(Limits::default().faintest, 18.5);
/// assert_eq!(Limits::DECLARED[1].choices.len(), 3);
/// # let _ = Limits::default().band;
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot hold a filter's parameters",
    label = "derive `Parameters` for it"
)]
pub trait Parameters: Default {
    /// Its fields, in order.
    const DECLARED: &'static [Parameter];

    /// The struct of these values; none where they are not those declared.
    fn read(values: &[ParameterValue<'_>]) -> Option<Self>;
}

impl Parameters for () {
    const DECLARED: &'static [Parameter] = &[];

    fn read(values: &[ParameterValue<'_>]) -> Option<Self> {
        values.is_empty().then_some(())
    }
}

/// A type that a parameter may have.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be the type of a parameter",
    note = "use bool, i64, f64 or String"
)]
pub trait ParameterField: Sized {
    /// The value of this type.
    fn value(value: &ParameterValue<'_>) -> Option<Self>;
}

macro_rules! parameter {
    ($type:ty, $case:ident, $value:ident => $converted:expr) => {
        impl ParameterField for $type {
            fn value(value: &ParameterValue<'_>) -> Option<Self> {
                match value {
                    ParameterValue::$case($value) => Some($converted),
                    _ => None,
                }
            }
        }
    };
}

parameter!(bool, Boolean, value => *value);
parameter!(i64, Int64, value => *value);
parameter!(f64, Float64, value => *value);
parameter!(String, Utf8, value => (*value).to_owned());
