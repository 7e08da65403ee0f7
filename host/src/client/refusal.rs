//! Why a host gave no document.
//!
//! In: a problem document, a broken connection. Out: words that a command line can end with. Never: a
//! text of a host that no host sent.

use serde_json::Value;

/// Why there is no document.
#[derive(Debug, thiserror::Error)]
pub enum CallError {
    /// The host said no.
    #[error("{0}")]
    Refused(Box<Refusal>),
    /// Nobody answered.
    #[error("{base} does not answer: {reason}")]
    Unreachable {
        /// The host's address.
        base: String,
        /// Why.
        reason: String,
    },
    /// Something answered that is no host of ours, or broke off.
    #[error("{base} answers what cannot be read: {reason}")]
    Unreadable {
        /// The host's address.
        base: String,
        /// Why.
        reason: String,
    },
}

/// What a host said that said no.
#[derive(Debug, Clone, PartialEq)]
pub struct Refusal {
    /// The status.
    pub status: u16,
    /// The problem document; null where there was none.
    pub document: Value,
}

impl Refusal {
    /// A text of the document; empty where it has none of that name.
    #[must_use]
    pub fn text(&self, name: &str) -> &str {
        self.document[name].as_str().unwrap_or_default()
    }
}

impl std::fmt::Display for Refusal {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.text("detail") {
            "" => write!(formatter, "the host answered {}", self.status)?,
            detail => formatter.write_str(detail)?,
        }
        match self.text("advice") {
            "" => Ok(()),
            advice => write!(formatter, "; {advice}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_says_what_to_do() {
        let refusal = |document| Refusal {
            status: 409,
            document,
        };
        let whole = serde_json::json!({"detail": "it is so", "advice": "do that"});
        assert_eq!(refusal(whole).to_string(), "it is so; do that");
        assert_eq!(refusal(Value::Null).to_string(), "the host answered 409");
    }
}
