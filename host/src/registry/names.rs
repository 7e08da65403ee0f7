//! Names of streams, owners and filters, and the topic they make. Pure.
//!
//! In: text. Out: checked [`Name`]s and topic names that never collide. Never: the database.

use std::fmt;

/// Longest name [characters]: three of them make a topic name well below Kafka's 249.
pub const NAME_LENGTH: usize = 63;

/// A name that can stand in a topic, a path and a folder as it is: `[a-z0-9][a-z0-9-]{0,62}`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Name(String);

/// Why a text is no name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{given}` cannot be a name: use 1 to {NAME_LENGTH} lower-case letters, digits and hyphens, beginning with a letter or digit{}",
    suggestion.as_ref().map(|name| format!(", for instance `{name}`")).unwrap_or_default()
)]
pub struct NameError {
    /// As it was given, shortened.
    pub given: String,
    /// The nearest name that would do.
    pub suggestion: Option<String>,
}

impl Name {
    /// Checks `text`.
    ///
    /// # Errors
    /// When it has another form; the error suggests the nearest name.
    pub fn parse(text: &str) -> Result<Self, NameError> {
        let letters = text.bytes().all(|byte| is_plain(byte) || byte == b'-');
        let begins = text.bytes().next().is_some_and(is_plain);
        if letters && begins && text.len() <= NAME_LENGTH {
            return Ok(Self(text.to_owned()));
        }
        Err(NameError {
            given: text.chars().take(80).collect(),
            suggestion: suggest(text),
        })
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Name {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

/// The output topic of a filter: `skysieve.<stream>.<owner>.<filter>`. Names hold no dots, so no
/// two filters share a topic, and no underscores, so Kafka's metric names do not collide either.
#[must_use]
pub fn topic(stream: &Name, owner: &Name, filter: &Name) -> String {
    format!("skysieve.{stream}.{owner}.{filter}")
}

fn is_plain(byte: u8) -> bool {
    byte.is_ascii_lowercase() || byte.is_ascii_digit()
}

/// Lower case, everything else a hyphen, cut to length.
fn suggest(text: &str) -> Option<String> {
    let lower = text.to_lowercase();
    let words: Vec<&str> = lower
        .split(|c: char| !c.is_ascii_alphanumeric())
        .filter(|word| !word.is_empty())
        .collect();
    let joined: String = words.join("-").chars().take(NAME_LENGTH).collect();
    let name = joined.trim_end_matches('-').to_owned();
    (!name.is_empty()).then_some(name)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn takes_names_that_are_safe_in_a_topic() {
        for good in ["a", "0", "ztf", "bright-supernova", "a--b", &"x".repeat(63)] {
            assert_eq!(Name::parse(good).unwrap().as_str(), good);
        }
    }

    #[test]
    fn refuses_others_and_suggests() {
        let long = "x".repeat(64);
        let cases = [
            ("", None),
            ("-a", Some("a")),
            ("Bright SN!", Some("bright-sn")),
            ("a.b", Some("a-b")),
            ("a_b", Some("a-b")),
            ("../etc", Some("etc")),
            ("ü", None),
            (long.as_str(), Some(&long[..63])),
        ];
        for (bad, suggestion) in cases {
            assert_eq!(
                Name::parse(bad).unwrap_err().suggestion.as_deref(),
                suggestion,
                "{bad}"
            );
        }
    }

    #[test]
    fn the_longest_topic_fits_kafka() {
        let name = Name::parse(&"x".repeat(63)).unwrap();
        assert!(topic(&name, &name, &name).len() <= 249);
    }
}
