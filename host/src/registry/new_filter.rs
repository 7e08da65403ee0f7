//! Creating filters.
//!
//! In: an owner, a name, a stream. Out: a [`Filter`] with its topic. Never: a name given twice.

use serde_json::json;
use sqlx::AnyConnection;
use sqlx::error::ErrorKind;

use super::audit::{self, By};
use super::error::{OnViolation, RegistryError};
use super::filters::{self, Filter, Visibility};
use super::names::{self, Name};
use super::numbers::{self, Numbered, OwnerId};
use super::quota::Quota;
use super::quotas;
use super::{Registry, now_ms, usage};

/// A filter to be created.
#[derive(Debug, Clone)]
pub struct NewFilter {
    /// Who will own it.
    pub owner: OwnerId,
    /// Their name.
    pub owner_name: Name,
    /// Unique among the owner's filters, deleted ones included.
    pub name: Name,
    /// The stream it reads.
    pub stream: Name,
    /// One line for people.
    pub summary: String,
    /// Who may see it.
    pub visibility: Visibility,
}

impl Registry {
    /// Creates a filter.
    ///
    /// # Errors
    /// `NameTaken` where its owner has, or had, one of that name.
    pub async fn create_filter(&self, new: &NewFilter, by: &By) -> Result<Filter, RegistryError> {
        self.database
            .bounded(async {
                let mut transaction = self.database.write().await?;
                refuse_taken(&mut transaction, new).await?;
                insert(&mut transaction, new).await?;
                let filters = usage::filters(&mut transaction, new.owner).await?;
                let quota = Quota::Filters;
                quotas::refuse_more(&mut transaction, new.owner, quota, &self.quotas, filters)
                    .await?;
                let filter =
                    filters::find(&mut transaction, new.owner_name.as_str(), new.name.as_str())
                        .await?;
                let detail = json!({"stream": new.stream.as_str(), "visibility": new.visibility});
                audit::record_for_filter(&mut transaction, by, filter.id, "filter.create", detail)
                    .await?;
                transaction.commit().await?;
                Ok(filter)
            })
            .await
    }
}

/// Says early and in full what the unique constraint would only refuse.
async fn refuse_taken(
    connection: &mut AnyConnection,
    new: &NewFilter,
) -> Result<(), RegistryError> {
    match filters::find(connection, new.owner_name.as_str(), new.name.as_str()).await {
        Ok(filter) => Err(taken(new, filter.deleted_ms.is_some())),
        Err(RegistryError::Missing { .. }) => Ok(()),
        Err(other) => Err(other),
    }
}

async fn insert(connection: &mut AnyConnection, new: &NewFilter) -> Result<(), RegistryError> {
    let id = numbers::next(connection, Numbered::Filter).await?;
    let now = now_ms();
    sqlx::query(
        "insert into filters
             (id, owner_id, name, stream, topic, summary, versions, created_ms, updated_ms,
              visibility)
         values ($1, $2, $3, $4, $5, $6, 0, $7, $7, $8)",
    )
    .bind(id)
    .bind(new.owner.0)
    .bind(new.name.as_str())
    .bind(new.stream.as_str())
    .bind(names::topic(&new.stream, &new.owner_name, &new.name))
    .bind(new.summary.as_str())
    .bind(now)
    .bind(new.visibility.as_str())
    .execute(connection)
    .await
    .on_violation(ErrorKind::UniqueViolation, || taken(new, false))?;
    Ok(())
}

fn taken(new: &NewFilter, deleted: bool) -> RegistryError {
    RegistryError::NameTaken {
        name: new.name.to_string(),
        deleted,
    }
}
