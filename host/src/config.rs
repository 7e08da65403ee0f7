//! The configuration: composes the settings that each room declares; reads, checks, explains.
//!
//! In: one TOML document, overridden by `SKYSIEVE_…` variables of the environment. Out: a checked
//! [`Config`], passed on by value. Never: globals, or a default that is not written down in
//! `host/skysieve.default.toml`.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use toml::{Table, Value};

use crate::stream::{SinkSettings, SourceSettings, StreamSettings};
use crate::{api, backtest, evaluate, logbook, notices, registry, upload};

/// The documented configuration that holds where no file is given.
pub const DEFAULT_DOCUMENT: &str = include_str!("../skysieve.default.toml");

/// Known surveys' streams: how their alerts are named where no configuration says otherwise.
pub const SURVEYS_DOCUMENT: &str = include_str!("../surveys.toml");

/// File that is read where `--config` names none.
pub const DEFAULT_FILE: &str = "skysieve.toml";

/// Everything an administrator can set.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Where the host keeps what is its own: registry, compiled filters.
    #[serde(default = "default_data")]
    pub data: PathBuf,
    /// The database of users, filters and counts.
    #[serde(default)]
    pub registry: registry::Settings,
    /// The HTTP interface.
    #[serde(default)]
    pub api: api::Settings,
    /// Limits of the sandbox.
    #[serde(default)]
    pub sandbox: evaluate::Settings,
    /// Limits of uploads.
    #[serde(default)]
    pub upload: upload::Settings,
    /// Bounds of back-tests.
    #[serde(default)]
    pub backtest: backtest::Settings,
    /// How much of what filters say and do is kept for their owners.
    #[serde(default)]
    pub logbook: logbook::Settings,
    /// What owners are told, and how.
    #[serde(default)]
    pub notices: notices::Settings,
    /// The alert streams of this host.
    #[serde(default)]
    pub streams: Vec<StreamSettings>,
}

fn default_data() -> PathBuf {
    PathBuf::from("skysieve-data")
}

/// Why a configuration is refused. One line each: what is wrong, where, what to write instead.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file cannot be read.
    #[error("cannot read the configuration {path}: {error}")]
    Unreadable {
        /// As it was given.
        path: String,
        /// Why.
        error: std::io::Error,
    },
    /// The text is not TOML, or a key or value is not one of ours.
    #[error("{origin}: {message}")]
    Wrong {
        /// The file, or the variable of the environment.
        origin: String,
        /// What is wrong and what to write.
        message: String,
    },
}

impl Config {
    /// Read `path`; without one `skysieve.toml` where it exists, else the embedded defaults. Then
    /// apply the environment and check.
    ///
    /// # Errors
    /// When the file cannot be read or says something that is not understood.
    pub fn read(path: Option<&Path>) -> Result<Self, ConfigError> {
        Self::read_or(path, ("embedded defaults", DEFAULT_DOCUMENT))
    }

    /// The same, but for judging packets that belong to no running stream: without a file, as the
    /// known surveys name them.
    ///
    /// # Errors
    /// As for [`Config::read`].
    pub fn read_for_packets(path: Option<&Path>) -> Result<Self, ConfigError> {
        Self::read_or(path, ("embedded surveys", SURVEYS_DOCUMENT))
    }

    fn read_or(path: Option<&Path>, embedded: (&str, &str)) -> Result<Self, ConfigError> {
        let environment = std::env::vars().collect();
        match path.or(Some(Path::new(DEFAULT_FILE)).filter(|file| file.exists())) {
            None => Self::parse(embedded.0, embedded.1, &environment),
            Some(path) => {
                let origin = path.display().to_string();
                let text =
                    std::fs::read_to_string(path).map_err(|error| ConfigError::Unreadable {
                        path: origin.clone(),
                        error,
                    })?;
                Self::parse(&origin, &text, &environment)
            }
        }
    }

    /// Parse and check `text`; `environment` overrides it.
    ///
    /// # Errors
    /// When something in it is not understood.
    pub fn parse(
        origin: &str,
        text: &str,
        environment: &BTreeMap<String, String>,
    ) -> Result<Self, ConfigError> {
        let wrong = |message: String| ConfigError::Wrong {
            origin: origin.to_owned(),
            message,
        };
        // Once for its positions in the file, before variables are mixed in.
        toml::from_str::<Self>(text).map_err(|error| wrong(explain(&error)))?;
        let mut table: Table = toml::from_str(text).map_err(|error| wrong(explain(&error)))?;
        for (name, value) in environment {
            if let Some(keys) = override_path(name) {
                set(&mut table, &keys, value).map_err(|message| ConfigError::Wrong {
                    origin: format!("environment variable {name}"),
                    message,
                })?;
            }
        }
        let config: Self =
            table
                .try_into()
                .map_err(|error: toml::de::Error| ConfigError::Wrong {
                    origin: format!("{origin} with the SKYSIEVE_ variables of the environment"),
                    message: explain(&error),
                })?;
        config.check().map_err(wrong)?;
        Ok(config)
    }

    /// What is written where packets are read would be read again, for ever.
    fn check_folders(&self) -> Result<(), String> {
        for reader in &self.streams {
            let SourceSettings::Archive(source) = &reader.source else {
                continue;
            };
            let incoming = real(&source.path);
            for writer in &self.streams {
                if let SinkSettings::Archive(sink) = &writer.sink
                    && real(&sink.path).starts_with(&incoming)
                {
                    return Err(format!(
                        "stream {:?}: sink.path {:?} lies within source.path {:?} of stream {:?}, so results \
                         would be read as packets; write them to a folder of their own",
                        writer.name,
                        sink.path.display(),
                        source.path.display(),
                        reader.name
                    ));
                }
            }
        }
        Ok(())
    }

    fn check(&self) -> Result<(), String> {
        self.api.check()?;
        self.backtest.check()?;
        self.notices.check()?;
        self.check_folders()?;
        let mut names = std::collections::BTreeSet::new();
        for stream in &self.streams {
            stream
                .check()
                .map_err(|message| format!("stream {:?}: {message}", stream.name))?;
            if !names.insert(&stream.name) {
                return Err(format!(
                    "two streams are named {:?}; give each a name of its own",
                    stream.name
                ));
            }
        }
        Ok(())
    }
}

/// A path as it is on this machine, as far as it exists.
fn real(path: &Path) -> PathBuf {
    let whole = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    let existing = whole.ancestors().find_map(|part| {
        let real = part.canonicalize().ok()?;
        Some((real, whole.strip_prefix(part).ok()?))
    });
    existing.map_or_else(|| whole.clone(), |(real, rest)| real.join(rest))
}

/// `SKYSIEVE_API__LISTEN` is `api.listen`; names of other programs and of ours that are no
/// settings (`SKYSIEVE_ALERTS`, `SKYSIEVE_TEST_…`, `SKYSIEVE_TOKEN`, secrets) are left alone.
fn override_path(name: &str) -> Option<Vec<String>> {
    let rest = name.strip_prefix("SKYSIEVE_")?;
    let settings = rest == "DATA" || rest.contains("__");
    settings.then(|| rest.split("__").map(str::to_lowercase).collect())
}

/// Set one value; `STREAMS__0__WORKERS` enters an array by its number.
fn set(table: &mut Table, keys: &[String], text: &str) -> Result<(), String> {
    let value = text
        .parse::<Value>()
        .unwrap_or_else(|_| Value::String(text.to_owned()));
    let mut place = None::<&mut Value>;
    for (depth, key) in keys.iter().enumerate() {
        let next = match place {
            None => table
                .entry(key.clone())
                .or_insert_with(|| Value::Table(Table::new())),
            Some(Value::Table(inner)) => inner
                .entry(key.clone())
                .or_insert_with(|| Value::Table(Table::new())),
            Some(Value::Array(items)) => {
                let count = items.len();
                key.parse::<usize>()
                    .ok()
                    .and_then(|index| items.get_mut(index))
                    .ok_or_else(|| {
                        format!("{key:?} is not a number below {count}, the count of entries")
                    })?
            }
            Some(_) => return Err(format!("{} is not a table", keys[..depth].join("."))),
        };
        place = Some(next);
    }
    if let Some(place) = place {
        *place = value;
    }
    Ok(())
}

/// The message of the TOML reader, with the nearest right key where one is unknown.
fn explain(error: &toml::de::Error) -> String {
    let text = error.to_string();
    let flat = text.split_whitespace().collect::<Vec<_>>().join(" ");
    let quoted: Vec<&str> = error.message().split('`').skip(1).step_by(2).collect();
    let nearest = match quoted.split_first() {
        Some((unknown, known)) if error.message().starts_with("unknown field") => known
            .iter()
            .min_by_key(|name| strsim::damerau_levenshtein(unknown, name)),
        _ => None,
    };
    match nearest {
        Some(name) => format!("{flat}; did you mean `{name}`?"),
        None => flat,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn parse(text: &str, environment: &[(&str, &str)]) -> Result<Config, ConfigError> {
        let environment = environment
            .iter()
            .map(|(k, v)| ((*k).to_owned(), (*v).to_owned()))
            .collect();
        Config::parse("test.toml", text, &environment)
    }

    #[test]
    fn the_embedded_defaults_are_sound() {
        let defaults = parse(DEFAULT_DOCUMENT, &[]).unwrap();
        assert_eq!(defaults.streams.len(), 1);
        assert_eq!(defaults.sandbox, evaluate::Settings::default());
        assert_eq!(defaults.upload, upload::Settings::default());
        assert_eq!(defaults.backtest, backtest::Settings::default());
        assert_eq!(defaults.logbook, logbook::Settings::default());
        assert_eq!(parse(SURVEYS_DOCUMENT, &[]).unwrap().streams.len(), 2);
    }

    #[test]
    fn an_unknown_key_is_refused_with_the_nearest_right_one() {
        let error = parse("[api]\nlistn = \"127.0.0.1:1\"", &[])
            .unwrap_err()
            .to_string();
        assert!(error.contains("did you mean `listen`?"), "{error}");
        assert!(!error.contains('\n'), "{error}");
    }

    #[test]
    fn an_address_without_a_port_is_refused() {
        let error = parse("[api]\nlisten = \"localhost\"", &[]).unwrap_err();
        assert!(error.to_string().contains("127.0.0.1:8780"), "{error}");
    }

    #[test]
    fn the_environment_overrides_the_file() {
        let text = "[api]\nlisten = \"127.0.0.1:1\"";
        let config = parse(text, &[("SKYSIEVE_API__LISTEN", "127.0.0.1:2")]).unwrap();
        assert_eq!(config.api.listen, "127.0.0.1:2");
        assert!(parse(text, &[("SKYSIEVE_API__LISTN", "127.0.0.1:2")]).is_err());
        assert!(parse(text, &[("SKYSIEVE_ALERTS", "/somewhere")]).is_ok());
    }

    #[test]
    fn an_entry_of_an_array_is_named_by_its_number() {
        let workers = ("SKYSIEVE_STREAMS__0__WORKERS", "3");
        assert_eq!(
            parse(DEFAULT_DOCUMENT, &[workers]).unwrap().streams[0].workers,
            3
        );
        let far = ("SKYSIEVE_STREAMS__9__WORKERS", "3");
        assert!(parse(DEFAULT_DOCUMENT, &[far]).is_err());
    }

    #[test]
    fn results_do_not_go_where_packets_come_from() {
        let with = |incoming: &str, results: &str| {
            let text = DEFAULT_DOCUMENT
                .replace("skysieve-data/incoming", incoming)
                .replace("skysieve-data/results", results);
            parse(&text, &[]).map_err(|error| error.to_string())
        };
        assert!(with("/nowhere/in", "/nowhere/out").is_ok());
        assert!(with("/nowhere/in", "/nowhere/in-results").is_ok());
        for results in ["/nowhere/in", "/nowhere/in/results"] {
            let error = with("/nowhere/in", results).unwrap_err();
            assert!(error.contains("folder of their own"), "{error}");
        }
    }

    #[test]
    fn two_streams_of_one_name_are_refused() {
        let twice = format!(
            "{DEFAULT_DOCUMENT}\n{}",
            DEFAULT_DOCUMENT
                .split_once("[[streams]]")
                .map(|(_, rest)| format!("[[streams]]{rest}"))
                .unwrap()
        );
        assert!(
            parse(&twice, &[])
                .unwrap_err()
                .to_string()
                .contains("two streams")
        );
    }
}
