//! Versions of a filter and the components they run.
//!
//! In: uploads that the upload room accepted. Out: [`Version`]s, and component bytes by digest.
//! Never: a changed version, or the same bytes under two numbers of one filter.

use serde_json::{Value, json};
use sqlx::any::AnyRow;
use sqlx::{AnyConnection, Row};

use super::audit::{self, By};
use super::error::RegistryError;
use super::numbers::{FilterId, OwnerId};
use super::{Registry, filters, now_ms};

/// A version to be stored.
#[derive(Debug, Clone)]
pub struct NewVersion {
    /// Of which filter.
    pub filter: FilterId,
    /// Who uploaded it.
    pub by: OwnerId,
    /// SHA-256 of the uploaded bytes, hexadecimal.
    pub digest: String,
    /// The component that runs.
    pub component: Vec<u8>,
    /// What it says of itself.
    pub description: Value,
    /// Its title, for lists.
    pub title: String,
    /// What the trial on sample alerts gave.
    pub trial: Value,
    /// What the owner says about it.
    pub notes: String,
    /// Link to the source code; empty where none was given.
    pub source: String,
}

/// A version.
#[derive(Debug, Clone, PartialEq)]
pub struct Version {
    /// From 1, within its filter.
    pub number: i64,
    /// SHA-256 of the uploaded bytes, hexadecimal.
    pub digest: String,
    /// What it says of itself.
    pub description: Value,
    /// What the trial on sample alerts gave.
    pub trial: Value,
    /// What the owner says about it.
    pub notes: String,
    /// Link to the source code; empty where none was given.
    pub source: String,
    /// Name of who uploaded it.
    pub created_by: String,
    /// When [ms since the Unix epoch].
    pub created_ms: i64,
}

/// Everything a [`Version`] shows. Callers add the rest of the `where`.
macro_rules! select_version {
    ($rest:literal) => {
        concat!(
            "select v.number, v.digest, v.description, v.trial, v.notes, v.source, v.created_ms,
                    o.name as created_by
             from versions v join owners o on o.id = v.created_by
             where v.filter_id = $1 ",
            $rest
        )
    };
}

impl Registry {
    /// Stores an accepted upload as the next version; true where it is new, false where the filter
    /// has a version of the same bytes, which is then given back as it is.
    ///
    /// # Errors
    /// `Deleted` or `Missing` where there is no such filter any more.
    pub async fn add_version(&self, new: &NewVersion) -> Result<(Version, bool), RegistryError> {
        self.database
            .bounded(async {
                let mut transaction = self.database.write().await?;
                let versions = filters::lock(&mut transaction, new.filter).await?;
                if let Some(same) = find_digest(&mut transaction, new.filter, &new.digest).await? {
                    return Ok((same, false));
                }
                let number = versions + 1;
                keep_component(&mut transaction, &new.digest, &new.component).await?;
                insert(&mut transaction, new, number).await?;
                let version = find(&mut transaction, new.filter, number).await?;
                let detail = json!({"version": number, "digest": new.digest});
                let by = By::user(new.by, version.created_by.clone());
                audit::record_for_filter(
                    &mut transaction,
                    &by,
                    new.filter,
                    "version.upload",
                    detail,
                )
                .await?;
                transaction.commit().await?;
                Ok((version, true))
            })
            .await
    }

    /// The version of these very bytes, where the filter has one.
    ///
    /// # Errors
    /// `Unavailable` without a database.
    pub async fn version_of_digest(
        &self,
        filter: FilterId,
        digest: &str,
    ) -> Result<Option<Version>, RegistryError> {
        self.database
            .bounded(async {
                let mut connection = self.database.read().await?;
                find_digest(&mut connection, filter, digest).await
            })
            .await
    }

    /// One version.
    ///
    /// # Errors
    /// `Missing` where there is none of that number.
    pub async fn version(&self, filter: FilterId, number: i64) -> Result<Version, RegistryError> {
        self.database
            .bounded(async {
                let mut connection = self.database.read().await?;
                find(&mut connection, filter, number).await
            })
            .await
    }

    /// Versions below `before`, newest first, at most `limit`.
    ///
    /// # Errors
    /// `Unavailable` without a database.
    pub async fn versions(
        &self,
        filter: FilterId,
        before: Option<i64>,
        limit: i64,
    ) -> Result<Vec<Version>, RegistryError> {
        let query = sqlx::query(select_version!(
            "and v.number < $2 order by v.number desc limit $3"
        ))
        .bind(filter.0)
        .bind(before.unwrap_or(i64::MAX))
        .bind(limit);
        self.database.rows(query, read).await
    }

    /// The component that runs for an upload of this digest.
    ///
    /// # Errors
    /// `Missing` where nothing of that digest was stored.
    pub async fn component(&self, digest: &str) -> Result<Vec<u8>, RegistryError> {
        self.database
            .bounded(async {
                let mut connection = self.database.read().await?;
                sqlx::query_scalar("select wasm from components where digest = $1")
                    .bind(digest)
                    .fetch_optional(&mut *connection)
                    .await?
                    .ok_or_else(|| RegistryError::Missing {
                        what: "component",
                        name: digest.to_owned(),
                    })
            })
            .await
    }
}

async fn keep_component(
    connection: &mut AnyConnection,
    digest: &str,
    wasm: &[u8],
) -> Result<(), RegistryError> {
    sqlx::query(
        "insert into components (digest, wasm, created_ms) values ($1, $2, $3)
         on conflict (digest) do nothing",
    )
    .bind(digest)
    .bind(wasm)
    .bind(now_ms())
    .execute(connection)
    .await?;
    Ok(())
}

/// The filter is locked and has no version of these bytes: no constraint is left to violate.
async fn insert(
    connection: &mut AnyConnection,
    new: &NewVersion,
    number: i64,
) -> Result<(), RegistryError> {
    sqlx::query(
        "insert into versions
             (filter_id, number, digest, description, title, trial, notes, source, created_by,
              created_ms)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
    )
    .bind(new.filter.0)
    .bind(number)
    .bind(new.digest.as_str())
    .bind(new.description.to_string())
    .bind(new.title.as_str())
    .bind(new.trial.to_string())
    .bind(new.notes.as_str())
    .bind(new.source.as_str())
    .bind(new.by.0)
    .bind(now_ms())
    .execute(&mut *connection)
    .await?;
    sqlx::query("update filters set versions = $1 where id = $2")
        .bind(number)
        .bind(new.filter.0)
        .execute(connection)
        .await?;
    Ok(())
}

/// One version, or `Missing`.
pub(super) async fn find(
    connection: &mut AnyConnection,
    filter: FilterId,
    number: i64,
) -> Result<Version, RegistryError> {
    sqlx::query(select_version!("and v.number = $2"))
        .bind(filter.0)
        .bind(number)
        .fetch_optional(connection)
        .await?
        .as_ref()
        .map(read)
        .transpose()?
        .ok_or_else(|| RegistryError::Missing {
            what: "version",
            name: number.to_string(),
        })
}

async fn find_digest(
    connection: &mut AnyConnection,
    filter: FilterId,
    digest: &str,
) -> Result<Option<Version>, RegistryError> {
    sqlx::query(select_version!("and v.digest = $2"))
        .bind(filter.0)
        .bind(digest)
        .fetch_optional(connection)
        .await?
        .as_ref()
        .map(read)
        .transpose()
}

fn read(row: &AnyRow) -> Result<Version, RegistryError> {
    Ok(Version {
        number: row.try_get("number")?,
        digest: row.try_get("digest")?,
        description: document(row, "description")?,
        trial: document(row, "trial")?,
        notes: row.try_get("notes")?,
        source: row.try_get("source")?,
        created_by: row.try_get("created_by")?,
        created_ms: row.try_get("created_ms")?,
    })
}

/// A column that holds JSON.
pub(super) fn document<T: serde::de::DeserializeOwned>(
    row: &AnyRow,
    column: &str,
) -> Result<T, RegistryError> {
    serde_json::from_str(row.try_get(column)?)
        .map_err(|error| RegistryError::Database(format!("column {column}: {error}")))
}
