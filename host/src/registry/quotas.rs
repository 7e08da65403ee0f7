//! Quotas: how much an owner may have and use, by default or as an administrator set it.
//!
//! In: the defaults of the configuration, what was set for an owner. Out: the value that holds, and
//! what was used of it. Never: a limit that is enforced here; whoever does a thing asks first.

use std::collections::BTreeMap;

use serde_json::json;
use sqlx::{AnyConnection, Row};

use super::audit::{self, By, Deed};
use super::error::RegistryError;
use super::numbers::OwnerId;
use super::quota::{Quota, Quotas};
use super::{Registry, activation, now_ms};

/// What an administrator set for an owner.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SetQuota {
    /// How much.
    pub value: i64,
    /// Why.
    pub reason: String,
    /// When [ms since the Unix epoch].
    pub set_ms: i64,
}

/// The quotas that were set, by owner.
pub type SetQuotas = BTreeMap<(OwnerId, Quota), i64>;

impl Registry {
    /// The defaults.
    #[must_use]
    pub fn quota_defaults(&self) -> &Quotas {
        &self.quotas
    }

    /// What holds for an owner.
    ///
    /// # Errors
    /// `Unavailable` without a database.
    pub async fn quota(&self, owner: OwnerId, quota: Quota) -> Result<i64, RegistryError> {
        self.database
            .bounded(async {
                let mut connection = self.database.read().await?;
                value(&mut connection, owner, quota, &self.quotas).await
            })
            .await
    }

    /// What was set for one owner.
    ///
    /// # Errors
    /// `Unavailable` without a database.
    pub async fn set_quotas_of(
        &self,
        owner: OwnerId,
    ) -> Result<BTreeMap<Quota, SetQuota>, RegistryError> {
        self.database
            .bounded(async {
                let mut connection = self.database.read().await?;
                let rows = sqlx::query(
                    "select name, value, reason, set_ms from quotas where owner_id = $1",
                )
                .bind(owner.0)
                .fetch_all(&mut *connection)
                .await?;
                let mut set = BTreeMap::new();
                for row in &rows {
                    if let Some(quota) = Quota::named(row.try_get("name")?) {
                        let (value, reason) = (row.try_get("value")?, row.try_get("reason")?);
                        let set_ms = row.try_get("set_ms")?;
                        set.insert(
                            quota,
                            SetQuota {
                                value,
                                reason,
                                set_ms,
                            },
                        );
                    }
                }
                Ok(set)
            })
            .await
    }

    /// What was set for anybody.
    ///
    /// # Errors
    /// `Unavailable` without a database.
    pub async fn set_quotas(&self) -> Result<SetQuotas, RegistryError> {
        self.database
            .bounded(async {
                let mut connection = self.database.read().await?;
                let rows: Vec<(i64, String, i64)> =
                    sqlx::query_as("select owner_id, name, value from quotas")
                        .fetch_all(&mut *connection)
                        .await?;
                let known = |(owner, name, value): (i64, String, i64)| {
                    Some(((OwnerId(owner), Quota::named(&name)?), value))
                };
                Ok(rows.into_iter().filter_map(known).collect())
            })
            .await
    }

    /// Sets a quota of an owner, or, with none, lets the default hold again.
    ///
    /// # Errors
    /// `Unavailable` without a database.
    pub async fn set_quota(
        &self,
        (owner, name): (OwnerId, &str),
        quota: Quota,
        value: Option<i64>,
        reason: &str,
        by: &By,
    ) -> Result<(), RegistryError> {
        self.database
            .bounded(async {
                let mut transaction = self.database.write().await?;
                sqlx::query("delete from quotas where owner_id = $1 and name = $2")
                    .bind(owner.0)
                    .bind(quota.as_str())
                    .execute(&mut *transaction)
                    .await?;
                if let Some(value) = value {
                    sqlx::query(
                        "insert into quotas (owner_id, name, value, reason, set_by, set_ms)
                         values ($1, $2, $3, $4, $5, $6)",
                    )
                    .bind(owner.0)
                    .bind(quota.as_str())
                    .bind(value)
                    .bind(reason)
                    .bind(by.id())
                    .bind(now_ms())
                    .execute(&mut *transaction)
                    .await?;
                }
                let deed = Deed {
                    action: "quota.set",
                    owner: Some(owner),
                    filter: None,
                    subject: name,
                    detail: json!({"quota": quota, "value": value, "reason": reason}),
                };
                audit::record(&mut transaction, by, deed).await?;
                // What the owner's active filters may send out has changed.
                activation::raise_generation(&mut transaction).await?;
                transaction.commit().await?;
                Ok(())
            })
            .await
    }
}

/// What holds for an owner.
pub(super) async fn value(
    connection: &mut AnyConnection,
    owner: OwnerId,
    quota: Quota,
    defaults: &Quotas,
) -> Result<i64, RegistryError> {
    let set: Option<i64> =
        sqlx::query_scalar("select value from quotas where owner_id = $1 and name = $2")
            .bind(owner.0)
            .bind(quota.as_str())
            .fetch_optional(connection)
            .await?;
    Ok(set.unwrap_or_else(|| defaults.default_of(quota)))
}

/// Refuses what would be more than an owner may have.
///
/// # Errors
/// `Quota` where `would_be` is more than what holds.
pub(super) async fn refuse_more(
    connection: &mut AnyConnection,
    owner: OwnerId,
    quota: Quota,
    defaults: &Quotas,
    would_be: i64,
) -> Result<(), RegistryError> {
    let most = value(connection, owner, quota, defaults).await?;
    if would_be > most {
        return Err(RegistryError::Quota {
            quota: quota.as_str(),
            most,
        });
    }
    Ok(())
}
