//! What a filter may not say of itself, and how much it may say.
//!
//! In: nothing; these are the bounds and the words. Out: the words. Never: the checking.

/// Fields of a filter.
pub const FIELDS: usize = 256;
/// Reasons of a filter: the codes 1 to 199.
pub const REASONS: usize = 199;
/// Parameters of a filter.
pub const PARAMETERS: usize = 64;
/// Annotations of a filter.
pub const ANNOTATIONS: usize = 64;
/// Allowed values of one parameter.
pub const CHOICES: usize = 64;
/// Title and name of the kit [bytes].
pub const LINE_BYTES: usize = 200;
/// Names of parameters, reasons and annotations [bytes].
pub const NAME_BYTES: usize = 64;
/// Units [bytes].
pub const UNIT_BYTES: usize = 32;
/// Summaries [bytes].
pub const SUMMARY_BYTES: usize = 500;

/// Which rule a description breaks.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidDescription {
    /// More than allowed.
    #[error("the filter declares {count} {what}; at most {most} are allowed")]
    TooMany {
        /// Fields, reasons, ...
        what: &'static str,
        /// How many it declares.
        count: usize,
        /// How many it may.
        most: usize,
    },
    /// A name outside the pattern.
    #[error(
        "the {what} name `{name}` is not allowed: names start with a lower-case letter and go on with \
         lower-case letters, digits and _, at most {NAME_BYTES} in all"
    )]
    Name {
        /// Parameter, reason or annotation.
        what: &'static str,
        /// As declared.
        name: String,
    },
    /// A name that occurs twice.
    #[error("the {what} name `{name}` is declared twice; give each its own")]
    Twice {
        /// Parameter, reason or annotation.
        what: &'static str,
        /// As declared.
        name: String,
    },
    /// A text that is too long, or holds control characters.
    #[error(
        "{what} `{text}` has to be one line of at most {most} bytes without control characters"
    )]
    Text {
        /// Whose text.
        what: String,
        /// Its beginning.
        text: String,
        /// Greatest length [bytes].
        most: usize,
    },
    /// A title is missing.
    #[error("the filter has no title; give it one line for lists")]
    NoTitle,
    /// A path that cannot be.
    #[error("field {number}: {reason}")]
    Field {
        /// From 1, in the order of declaration.
        number: usize,
        /// What is wrong with it.
        reason: String,
    },
    /// A parameter whose values do not fit together.
    #[error("parameter `{name}`: {reason}")]
    Parameter {
        /// The parameter.
        name: String,
        /// What does not fit.
        reason: &'static str,
    },
}
