//! Names of a stream's own topics, and what makes a name safe. Pure.
//!
//! In: names of prefix and stream. Out: topic names that Kafka accepts and that never meet. Never: a
//! connection, or the name of a filter's topic, which the registry makes.
//!
//! | topic | holds |
//! |---|---|
//! | `<prefix>.<stream>.<owner>.<filter>` | alerts that pass the filter |
//! | `<prefix>.<stream>.dead-letters` | packets that could not be decoded |
//! | `<prefix>.<stream>.failures` | alerts that a filter failed on |
//! | `<prefix>.<stream>.withheld` | alerts that passed and may not go out |
//! | `<prefix>.<stream>.counts` | what each commit counted |
//! | `<prefix>.<stream>.positions` | the next position to read, newest per partition |
//!
//! Two names never meet: parts hold neither `.` nor `_` (the two are one to Kafka's metrics, so the
//! broker refuses `a.b` beside `a_b`) nor capitals (some file systems fold them), and a filter's
//! topic has four parts where the stream's own have three.

use super::KafkaError;

/// Longest part of a name, so that four of them fit Kafka's 249 characters.
const LONGEST_PART: usize = 63;

/// Names of one stream's own topics.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StreamTopics {
    /// Packets that could not be decoded.
    pub dead_letters: String,
    /// Alerts that a filter failed on.
    pub failures: String,
    /// Alerts that passed and may not go out.
    pub withheld: String,
    /// What each commit counted.
    pub counts: String,
    /// Next position to read, newest per partition.
    pub positions: String,
}

impl StreamTopics {
    /// Names for a stream.
    ///
    /// # Errors
    /// [`KafkaError::Settings`] when a part is not made of small letters, digits and `-`.
    pub fn new(prefix: &str, stream: &str) -> Result<Self, KafkaError> {
        if !is_legal_part(prefix) || !is_legal_part(stream) {
            return Err(KafkaError::Settings(format!(
                "prefix {prefix:?} and stream {stream:?} name topics: use small letters, digits and '-', \
                 beginning with a letter or digit, at most {LONGEST_PART}"
            )));
        }
        let name = |last| format!("{prefix}.{stream}.{last}");
        Ok(StreamTopics {
            dead_letters: name("dead-letters"),
            failures: name("failures"),
            withheld: name("withheld"),
            counts: name("counts"),
            positions: name("positions"),
        })
    }
}

/// May this be one part of a name?
pub(super) fn is_legal_part(part: &str) -> bool {
    let legal = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit();
    part.len() <= LONGEST_PART
        && part.bytes().next().is_some_and(legal)
        && part.bytes().all(|b| legal(b) || b == b'-')
}

/// Would Kafka accept it as a topic?
pub(super) fn is_legal_topic(topic: &str) -> bool {
    !matches!(topic, "" | "." | "..")
        && topic.len() <= 249
        && topic
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b"._-".contains(&b))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_stream_has_its_own_topics() {
        let topics = StreamTopics::new("skysieve", "ztf").unwrap();
        assert_eq!(topics.dead_letters, "skysieve.ztf.dead-letters");
        for topic in [
            topics.dead_letters,
            topics.failures,
            topics.counts,
            topics.positions,
        ] {
            assert!(
                is_legal_topic(&topic) && topic.split('.').count() == 3,
                "{topic}"
            );
        }
    }

    #[test]
    fn what_could_collide_is_refused() {
        for bad in [
            "",
            "a.b",
            "a_b",
            "Ann",
            "-a",
            "a b",
            "é",
            "a/b",
            &"a".repeat(64),
        ] {
            assert!(StreamTopics::new("skysieve", bad).is_err(), "{bad}");
            assert!(StreamTopics::new(bad, "ztf").is_err(), "{bad}");
        }
    }
}
