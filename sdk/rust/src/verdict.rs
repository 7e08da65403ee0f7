//! What a filter says of one alert, and the macros that say it.
//!
//! What comes in: a condition and a reason. What goes out: a verdict. Never: a verdict code of the
//! host's own (200 to 254).

/// What a filter says of one alert. `A` is what passing alerts carry: nothing, or a struct that
/// derives [`Annotations`](crate::Annotations).
#[derive(Debug, Clone, PartialEq)]
#[must_use]
pub enum Verdict<A = ()> {
    /// The alert passes, with these annotations.
    Pass(A),
    /// The alert is rejected by this cut.
    Reject(Cut),
    /// The filter could not judge the alert; its owner reads the message.
    Fail(String),
}

/// One cut of a filter: a row of its cut-flow table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cut {
    /// 1 to 199, in the order of the cuts.
    pub code: u8,
    /// The key of its reason.
    pub name: &'static str,
}

impl<A> Verdict<A> {
    /// True where the alert passes.
    pub fn passes(&self) -> bool {
        matches!(self, Self::Pass(_))
    }

    /// The key of the reason for which the alert is rejected.
    pub fn reason(&self) -> Option<&'static str> {
        match self {
            Self::Reject(cut) => Some(cut.name),
            _ => None,
        }
    }

    /// What the passing alert carries.
    pub fn annotations(self) -> Option<A> {
        match self {
            Self::Pass(annotations) => Some(annotations),
            _ => None,
        }
    }
}

/// Ends the function: the alert passes, with annotations where the verdict carries some.
///
/// ```
/// use skysieve_sdk::{Verdict, pass};
///
/// fn everything() -> Verdict {
///     pass!()
/// }
/// assert!(everything().passes());
/// ```
#[macro_export]
macro_rules! pass {
    () => {
        return $crate::Verdict::Pass(())
    };
    ($annotations:expr $(,)?) => {
        return $crate::Verdict::Pass($annotations)
    };
}

/// Ends the function: the alert could not be judged. Takes what `format!` takes; the message is
/// for the owner. The verdicts of other alerts stand.
///
/// ```
/// use skysieve_sdk::{Verdict, could_not_judge};
///
/// fn nothing(night: i32) -> Verdict {
///     could_not_judge!("no calibration for night {night}")
/// }
/// assert_eq!(nothing(3), Verdict::Fail("no calibration for night 3".to_owned()));
/// ```
#[macro_export]
macro_rules! could_not_judge {
    ($($message:tt)+) => {
        return $crate::Verdict::Fail(::std::format!($($message)+))
    };
}

/// Rejects the alert unless the condition holds: `reject_unless!(mag < 18.5, "fainter than 18.5 mag")`.
///
/// Stands in the body of a [`#[filter]`](macro@crate::filter) function, which numbers the cuts and
/// declares their reasons. The key of a reason is its text in lower case with `_`, or given:
/// `reject_unless!(mag < 18.5, name = "faint", "fainter than 18.5 mag")`.
/// Counts are kept under the key, so a given key survives a change of wording or of limit.
/// Mind NaN: `reject_unless!(x < limit, ..)` rejects it, `reject_if!(x >= limit, ..)` keeps it.
#[macro_export]
macro_rules! reject_unless {
    (@cut $code:literal $name:literal $condition:expr) => {
        if !$condition {
            return $crate::Verdict::Reject($crate::Cut {
                code: $code,
                name: $name,
            });
        }
    };
    ($($other:tt)*) => {
        ::core::compile_error!("reject_unless! stands in the body of a function marked #[filter]")
    };
}

/// Rejects the alert if the condition holds; otherwise as [`reject_unless!`](crate::reject_unless).
#[macro_export]
macro_rules! reject_if {
    (@cut $code:literal $name:literal $condition:expr) => {
        if $condition {
            return $crate::Verdict::Reject($crate::Cut {
                code: $code,
                name: $name,
            });
        }
    };
    ($($other:tt)*) => {
        ::core::compile_error!("reject_if! stands in the body of a function marked #[filter]")
    };
}

/// Rejects the alert: `reject!("no history")`; otherwise as [`reject_unless!`](crate::reject_unless).
#[macro_export]
macro_rules! reject {
    (@cut $code:literal $name:literal) => {
        return $crate::Verdict::Reject($crate::Cut {
            code: $code,
            name: $name,
        })
    };
    ($($other:tt)*) => {
        ::core::compile_error!("reject! stands in the body of a function marked #[filter]")
    };
}
