//! The history of activations of a filter: what ran when, and what a rollback goes back to.
//!
//! In: every change of what is switched on. Out: lines, newest first; the setting that ran before
//! the present one. Never: a changed line.

use sqlx::any::AnyRow;
use sqlx::{AnyConnection, Row};

use super::Registry;
use super::audit::By;
use super::error::RegistryError;
use super::now_ms;
use super::numbers::FilterId;

/// How many of the latest activations a rollback looks back on.
const LOOKED_BACK: i64 = 200;

/// A line of history.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HistoryLine {
    /// From 1, within its filter.
    pub number: i64,
    /// `activate`, `rollback`, `pause`, `resume`, `suspend` or `retire`.
    pub action: String,
    /// The setting that it was done to.
    pub setting: i64,
    /// Why, where there is a reason.
    pub reason: String,
    /// Name of who did it; none for the host.
    pub by: Option<String>,
    /// When [ms since the Unix epoch].
    pub at_ms: i64,
}

impl Registry {
    /// Lines of a filter below `before`, newest first.
    ///
    /// # Errors
    /// `Unavailable` without a database.
    pub async fn history(
        &self,
        filter: FilterId,
        before: Option<i64>,
        limit: i64,
    ) -> Result<Vec<HistoryLine>, RegistryError> {
        let query = sqlx::query(
            "select h.number, h.action, h.setting, h.reason, o.name as by_name, h.at_ms
                     from activation_history h left join owners o on o.id = h.by_id
                     where h.filter_id = $1 and h.number < $2
                     order by h.number desc limit $3",
        )
        .bind(filter.0)
        .bind(before.unwrap_or(i64::MAX))
        .bind(limit);
        self.database.rows(query, read).await
    }
}

/// Adds a line; the filter is locked.
pub(super) async fn add(
    connection: &mut AnyConnection,
    filter: FilterId,
    action: &str,
    (setting, reason): (i64, &str),
    by: &By,
) -> Result<(), RegistryError> {
    sqlx::query(
        "insert into activation_history (filter_id, number, action, setting, reason, by_id, at_ms)
         select $1, coalesce(max(number), 0) + 1, $2, $3, $4, $5, $6
         from activation_history where filter_id = $1",
    )
    .bind(filter.0)
    .bind(action)
    .bind(setting)
    .bind(reason)
    .bind(by.id())
    .bind(now_ms())
    .execute(connection)
    .await?;
    Ok(())
}

/// The setting that ran before the present one.
///
/// # Errors
/// `NothingBefore` where there is none.
pub(super) async fn before(
    connection: &mut AnyConnection,
    filter: FilterId,
) -> Result<i64, RegistryError> {
    let mut lines: Vec<(String, i64)> = sqlx::query_as(
        "select action, setting from activation_history
         where filter_id = $1 and action in ('activate', 'rollback')
         order by number desc limit $2",
    )
    .bind(filter.0)
    .bind(LOOKED_BACK)
    .fetch_all(connection)
    .await?;
    lines.reverse();
    let lines = lines
        .iter()
        .map(|(action, setting)| (action.as_str(), *setting));
    stack(lines).ok_or(RegistryError::NothingBefore)
}

/// Activations pile up, a rollback takes the topmost away: what lies under the top.
fn stack<'a>(lines: impl Iterator<Item = (&'a str, i64)>) -> Option<i64> {
    let mut pile: Vec<i64> = Vec::new();
    for (action, setting) in lines {
        match action {
            "rollback" => {
                pile.pop();
                // Where the activation under it lies further back than was looked.
                if pile.last() != Some(&setting) {
                    pile.push(setting);
                }
            }
            _ if pile.last() == Some(&setting) => {}
            _ => pile.push(setting),
        }
    }
    pile.pop();
    pile.pop()
}

fn read(row: &AnyRow) -> Result<HistoryLine, RegistryError> {
    Ok(HistoryLine {
        number: row.try_get("number")?,
        action: row.try_get("action")?,
        setting: row.try_get("setting")?,
        reason: row.try_get("reason")?,
        by: row.try_get("by_name")?,
        at_ms: row.try_get("at_ms")?,
    })
}

#[cfg(test)]
mod tests {
    use super::stack;

    type Case<'a> = (&'a [(&'a str, i64)], Option<i64>);

    #[test]
    fn a_rollback_goes_back_one_activation_at_a_time() {
        let cases: [Case<'_>; 6] = [
            (&[], None),
            (&[("activate", 1)], None),
            (&[("activate", 1), ("activate", 2)], Some(1)),
            (
                &[("activate", 1), ("activate", 1), ("activate", 2)],
                Some(1),
            ),
            (
                &[
                    ("activate", 1),
                    ("activate", 2),
                    ("activate", 3),
                    ("rollback", 2),
                ],
                Some(1),
            ),
            (
                &[
                    ("activate", 1),
                    ("activate", 2),
                    ("rollback", 1),
                    ("activate", 3),
                ],
                Some(1),
            ),
        ];
        for (lines, expected) in cases {
            assert_eq!(stack(lines.iter().copied()), expected, "{lines:?}");
        }
    }
}
