//! Which alerts of the past a back-test reads.
//!
//! In: what a user asks for, a stream. Out: a checked [`Choice`], as the registry keeps it. Never:
//! reading.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::night;
use crate::source::archive;
use crate::stream::{SourceSettings, StreamSettings};

/// Most nights of one choice.
const MOST_NIGHTS: usize = 400;

/// Where the past lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "lowercase")]
#[schema(as = BacktestOrigin)]
pub enum Origin {
    /// Files: the stream's own source, or the folder that its `[streams.backtest]` names.
    Archive,
    /// The stream's topics.
    Topics,
}

/// Which alerts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Choice {
    /// Where they lie.
    pub from: Origin,
    /// Their observing nights; empty: any.
    #[serde(default)]
    pub nights: Vec<String>,
    /// The first instant of the broker's time [ms since the Unix epoch].
    #[serde(default)]
    pub since_ms: Option<i64>,
    /// The first instant that no longer belongs to it [ms since the Unix epoch].
    #[serde(default)]
    pub until_ms: Option<i64>,
}

/// Why a choice cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum WrongChoice {
    /// There are no topics.
    #[error("the stream is no Kafka stream; its past lies in an archive, chosen by `nights`")]
    NoTopics,
    /// There is no archive.
    #[error(
        "the stream has no archive; its past lies in its topics, chosen by `since` and `until` (an \
         administrator may name an archive in [streams.backtest])"
    )]
    NoArchive,
    /// Files carry no time stamps.
    #[error("packets of an archive carry no time of the broker; choose `nights`")]
    NoTime,
    /// A name that is none.
    #[error(
        "{0:?} is no night; write the local date of its evening, as in 2026-04-01, or `unknown`"
    )]
    Night(String),
    /// More than can be looked up.
    #[error("at most {MOST_NIGHTS} nights, not {0}")]
    Nights(usize),
    /// The stream gives alerts no night.
    #[error("the stream's alerts have no observation time, so their night is `unknown`")]
    NoNights,
    /// It ends before it begins.
    #[error("`until` must be later than `since`")]
    Empty,
}

impl Choice {
    /// Everything that a stream has: its topics, else its archive.
    #[must_use]
    pub fn everything(stream: &StreamSettings) -> Self {
        let from = match stream.source {
            SourceSettings::Kafka(_) => Origin::Topics,
            SourceSettings::Archive(_) => Origin::Archive,
        };
        Self {
            from,
            nights: Vec::new(),
            since_ms: None,
            until_ms: None,
        }
    }

    /// Whether `stream` has such a past.
    ///
    /// # Errors
    /// What has to be asked for instead.
    pub fn check(&self, stream: &StreamSettings) -> Result<(), WrongChoice> {
        let has_time = self.since_ms.is_some() || self.until_ms.is_some();
        match (self.from, &stream.source) {
            (Origin::Topics, SourceSettings::Archive(_)) => return Err(WrongChoice::NoTopics),
            (Origin::Archive, _) if archive(stream).is_none() => {
                return Err(WrongChoice::NoArchive);
            }
            (Origin::Archive, _) if has_time => return Err(WrongChoice::NoTime),
            _ => {}
        }
        if let (Some(since), Some(until)) = (self.since_ms, self.until_ms)
            && until <= since
        {
            return Err(WrongChoice::Empty);
        }
        if self.nights.len() > MOST_NIGHTS {
            return Err(WrongChoice::Nights(self.nights.len()));
        }
        if let Some(wrong) = self.nights.iter().find(|name| !night::is_name(name)) {
            return Err(WrongChoice::Night(wrong.chars().take(80).collect()));
        }
        if !self.nights.is_empty() && stream.observed.is_none() {
            return Err(WrongChoice::NoNights);
        }
        Ok(())
    }
}

/// The archive of a stream's past, and the greatest packet in it [bytes].
pub(super) fn archive(stream: &StreamSettings) -> Option<(PathBuf, u64)> {
    match (&stream.backtest.archive, &stream.source) {
        (Some(path), SourceSettings::Archive(source)) => Some((path.clone(), source.packet_bytes)),
        (Some(path), _) => Some((path.clone(), archive::Settings::default().packet_bytes)),
        (None, SourceSettings::Archive(source)) => Some((source.path.clone(), source.packet_bytes)),
        (None, SourceSettings::Kafka(_)) => None,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::config::{Config, DEFAULT_DOCUMENT};

    fn stream() -> StreamSettings {
        let config = Config::parse("test", DEFAULT_DOCUMENT, &Default::default());
        config.unwrap().streams.remove(0)
    }

    fn on_kafka() -> StreamSettings {
        StreamSettings {
            source: SourceSettings::Kafka(Box::default()),
            ..stream()
        }
    }

    fn check(stream: &StreamSettings, choice: &str, expected: Result<(), WrongChoice>) {
        let choice: Choice = serde_json::from_str(choice).unwrap();
        assert_eq!(choice.check(stream), expected, "{choice:?}");
    }

    #[test]
    fn what_a_stream_does_not_have_is_refused() {
        use WrongChoice::*;
        let archive = stream();
        check(&archive, r#"{"from": "archive"}"#, Ok(()));
        check(
            &archive,
            r#"{"from": "archive", "nights": ["2026-04-01", "unknown"]}"#,
            Ok(()),
        );
        check(&archive, r#"{"from": "topics"}"#, Err(NoTopics));
        check(
            &archive,
            r#"{"from": "archive", "since_ms": 5}"#,
            Err(NoTime),
        );
        check(
            &archive,
            r#"{"from": "archive", "nights": ["April"]}"#,
            Err(Night("April".into())),
        );
        let kafka = on_kafka();
        check(
            &kafka,
            r#"{"from": "topics", "since_ms": 5, "until_ms": 6}"#,
            Ok(()),
        );
        check(
            &kafka,
            r#"{"from": "topics", "since_ms": 5, "until_ms": 5}"#,
            Err(Empty),
        );
        check(&kafka, r#"{"from": "archive"}"#, Err(NoArchive));
        let mut with_archive = on_kafka();
        with_archive.backtest.archive = Some("somewhere".into());
        check(&with_archive, r#"{"from": "archive"}"#, Ok(()));
        let mut timeless = stream();
        timeless.observed = None;
        check(
            &timeless,
            r#"{"from": "archive", "nights": ["2026-04-01"]}"#,
            Err(NoNights),
        );
    }

    #[test]
    fn too_many_nights_are_refused() {
        let choice = Choice {
            nights: vec!["2026-04-01".to_owned(); MOST_NIGHTS + 1],
            ..Choice::everything(&stream())
        };
        assert_eq!(
            choice.check(&stream()),
            Err(WrongChoice::Nights(MOST_NIGHTS + 1))
        );
    }
}
