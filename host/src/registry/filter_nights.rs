//! The way from a filter to its nights: which of its settings judged alerts of which night.
//!
//! In: settings with nights that something is counted of. Out: rows of `filter_nights`, through which
//! counts and costs are found. Never: a row of a setting that the registry does not know.

use std::collections::BTreeSet;

use sqlx::{AnyConnection, AssertSqlSafe};

use super::error::RegistryError;
use super::fold::placeholders;

/// Rows that go into one statement.
const ROWS_PER_STATEMENT: usize = 100;

/// Sees to it that they are there.
pub(super) async fn add(
    connection: &mut AnyConnection,
    nights: BTreeSet<(i64, &str)>,
) -> Result<(), RegistryError> {
    let nights: Vec<_> = nights.into_iter().collect();
    for rows in nights.chunks(ROWS_PER_STATEMENT) {
        // Both engines call the columns of `values` so.
        let sql = format!(
            "insert into filter_nights (filter_id, night, setting)
             select s.filter_id, n.column2, s.number
             from (values {}) n join settings s on s.number = n.column1
             where true
             on conflict (filter_id, night, setting) do nothing",
            placeholders(rows.len(), 2)
        );
        let mut query = sqlx::query(AssertSqlSafe(sql)).persistent(false);
        for (setting, night) in rows {
            query = query.bind(*setting).bind(*night);
        }
        query.execute(&mut *connection).await?;
    }
    Ok(())
}
