//! The events of the registry's own that owners are told of.
//!
//! In: the connection of the transaction that makes the event. Out: a notice in it. Never: a notice of
//! what owners do themselves.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use serde_json::json;
use sqlx::{AnyConnection, AssertSqlSafe, Row};

use super::enqueue::{NewNotice, before, enqueue};
use super::kind::NoticeKind;
use crate::delivery::{CountKey, Counts};
use crate::registry::numbers::FilterId;
use crate::registry::{RegistryError, now_ms};

/// How long a filter that keeps failing in the same way is not told of again.
const FAILING_EVERY: Duration = Duration::from_secs(24 * 3600);

/// How long what was withheld of a night is not told of again: the night is over by then.
const WITHHELD_EVERY: Duration = Duration::from_secs(31 * 24 * 3600);

/// Subjects that one statement looks up.
const SUBJECTS_PER_STATEMENT: usize = 100;

/// The host stopped a setting for `reason`.
pub(in crate::registry) async fn suspended(
    connection: &mut AnyConnection,
    filter: FilterId,
    setting: i64,
    reason: &str,
) -> Result<(), RegistryError> {
    let text = format!(
        "The host stopped setting {setting}: {reason}. It judges no more alerts until a version or a \
         setting is activated."
    );
    let notice = NewNotice::of_filter(filter, NoticeKind::Suspended, text)
        .with(json!({ "setting": setting, "reason": reason }));
    enqueue(connection, &notice).await?;
    Ok(())
}

/// An activation that was set for a time took place, or did not because of `failure`: nobody may have
/// been looking.
pub(in crate::registry) async fn activated(
    connection: &mut AnyConnection,
    filter: FilterId,
    setting: i64,
    failure: Option<&str>,
) -> Result<(), RegistryError> {
    let text = match failure {
        None => format!("The scheduled activation of setting {setting} took place."),
        Some(reason) => {
            format!("The scheduled activation of setting {setting} did not take place: {reason}.")
        }
    };
    let document = json!({ "setting": setting, "activated": failure.is_none(), "reason": failure });
    let notice = NewNotice::of_filter(filter, NoticeKind::Activation, text).with(document);
    enqueue(connection, &notice).await?;
    Ok(())
}

/// A back-test of a setting (its number, filter and setting) ended as `state`, and why.
pub(in crate::registry) async fn backtested(
    connection: &mut AnyConnection,
    (number, filter, setting): (i64, FilterId, i64),
    state: &str,
    reason: &str,
) -> Result<(), RegistryError> {
    let why = if reason.is_empty() {
        String::new()
    } else {
        format!(": {reason}")
    };
    let text = format!("Back-test {number} of setting {setting} is {state}{why}.");
    let document = json!({
        "backtest": number, "setting": setting, "state": state, "reason": reason,
    });
    let notice = NewNotice::of_filter(filter, NoticeKind::Backtest, text).with(document);
    enqueue(connection, &notice).await?;
    Ok(())
}

/// A limit (a quota, or `gate`) holds back passing alerts of a filter: told once a night and limit.
pub(in crate::registry) async fn withheld(
    connection: &mut AnyConnection,
    filter: FilterId,
    (setting, night): (i64, &str),
    limit: &str,
) -> Result<(), RegistryError> {
    let (kind, why) = if limit == "gate" {
        (
            NoticeKind::Throttled,
            "passes more alerts than its gate allows".to_owned(),
        )
    } else {
        (NoticeKind::Quota, format!("has used up `{limit}`"))
    };
    let text = format!(
        "Setting {setting} {why} in night {night}: alerts that it passes are withheld. They are judged and \
         counted as ever."
    );
    let document = json!({ "setting": setting, "night": night, "limit": limit });
    let notice = NewNotice::of_filter(filter, kind, text)
        .with(document)
        .at_most(
            format!("withheld {} {night} {limit}", filter.0),
            WITHHELD_EVERY,
        );
    enqueue(connection, &notice).await?;
    Ok(())
}

/// Tells of filters that could not judge: the first failure of a kind, then one a day. In the
/// transaction that adds the counts up.
pub(in crate::registry) async fn failing(
    connection: &mut AnyConnection,
    total: &BTreeMap<CountKey, Counts>,
) -> Result<(), RegistryError> {
    let mut failures: BTreeMap<String, Failure> = BTreeMap::new();
    for (key, counts) in total {
        for (kind, alerts) in counts.failed.iter().filter(|(_, alerts)| **alerts > 0) {
            let failure = failures
                .entry(subject(key.setting, kind))
                .or_insert_with(|| Failure::new(key, kind));
            failure.alerts = failure.alerts.saturating_add(*alerts);
        }
    }
    let subjects: Vec<&String> = failures.keys().collect();
    let mut told = BTreeSet::new();
    for part in subjects.chunks(SUBJECTS_PER_STATEMENT) {
        told.append(&mut recently_told(connection, part).await?);
    }
    for (subject, failure) in &failures {
        if !told.contains(subject) {
            tell_failure(connection, subject, failure).await?;
        }
    }
    Ok(())
}

fn subject(setting: i64, kind: &str) -> String {
    format!("failing {setting} {kind}")
}

/// One kind of failure of one setting.
struct Failure {
    setting: i64,
    kind: String,
    night: String,
    alerts: u64,
}

impl Failure {
    fn new(key: &CountKey, kind: &str) -> Self {
        Self {
            setting: key.setting,
            kind: kind.to_owned(),
            night: key.night.to_string(),
            alerts: 0,
        }
    }
}

/// A setting that this registry does not know (it was restored from a backup) is passed over.
async fn tell_failure(
    connection: &mut AnyConnection,
    subject: &str,
    failure: &Failure,
) -> Result<(), RegistryError> {
    let row = sqlx::query("select filter_id, version from settings where number = $1")
        .bind(failure.setting)
        .fetch_optional(&mut *connection)
        .await?;
    let Some(row) = row else { return Ok(()) };
    let (filter, version): (i64, i64) = (row.try_get("filter_id")?, row.try_get("version")?);
    let Failure {
        setting,
        kind,
        night,
        alerts,
    } = failure;
    let text = format!(
        "Version {version} (setting {setting}) could not judge {alerts} alerts of night {night}: {kind}. \
         Those alerts were not passed on; all others are judged as ever. Failures of this kind are not \
         told again for a day."
    );
    let document = json!({
        "setting": setting, "version": version, "failure": kind, "night": night, "alerts": alerts,
    });
    let notice = NewNotice::of_filter(FilterId(filter), NoticeKind::Failing, text)
        .with(document)
        .at_most(subject, FAILING_EVERY);
    enqueue(connection, &notice).await?;
    Ok(())
}

/// Those of `subjects` that were told within the time of failures.
async fn recently_told(
    connection: &mut AnyConnection,
    subjects: &[&String],
) -> Result<BTreeSet<String>, RegistryError> {
    let places: Vec<String> = (0..subjects.len())
        .map(|index| format!("${}", index + 2))
        .collect();
    let sql = format!(
        "select subject from notice_marks where last_ms > $1 and subject in ({})",
        places.join(", ")
    );
    let mut query = sqlx::query_scalar(AssertSqlSafe(sql)).bind(before(now_ms(), FAILING_EVERY));
    for subject in subjects {
        query = query.bind(subject.as_str());
    }
    let found: Vec<String> = query.persistent(false).fetch_all(connection).await?;
    Ok(found.into_iter().collect())
}
