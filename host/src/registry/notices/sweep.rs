//! Sweeping: notices are kept for a time, not for ever.
//!
//! In: an age. Out: the registry without what is older, a bounded part at a time. Never: the audit log.

use std::time::Duration;

use super::enqueue::before;
use crate::registry::{Registry, RegistryError, now_ms};

/// Rows that one sweep removes of each table.
const SWEPT: i64 = 500;

/// How long a mark is kept [ms]: longer than any time that a subject is not told again.
const MARK_MS: i64 = 32 * 86_400_000;

impl Registry {
    /// Removes some of what is older than `age`; true where there may be more.
    ///
    /// # Errors
    /// `Unavailable` without a database.
    pub async fn sweep_notices(&self, age: Duration) -> Result<bool, RegistryError> {
        let now = now_ms();
        let before = before(now, age);
        self.database
            .bounded(async {
                let mut transaction = self.database.write().await?;
                let old =
                    "select id from notices where created_ms < $1 order by created_ms, id limit $2";
                let statements = [
                    format!("delete from notice_deliveries where notice_id in ({old})"),
                    format!("delete from notices where id in ({old})"),
                ];
                let mut swept = 0;
                for sql in statements {
                    swept = sqlx::query(sqlx::AssertSqlSafe(sql))
                        .bind(before)
                        .bind(SWEPT)
                        .execute(&mut *transaction)
                        .await?
                        .rows_affected();
                }
                sqlx::query(
                    "delete from notice_marks where subject in
                         (select subject from notice_marks where last_ms < $1 limit $2)",
                )
                .bind(now - MARK_MS)
                .bind(SWEPT)
                .execute(&mut *transaction)
                .await?;
                transaction.commit().await?;
                Ok(i64::try_from(swept).is_ok_and(|swept| swept >= SWEPT))
            })
            .await
    }
}
