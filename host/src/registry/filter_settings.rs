//! Settings of filters: version, parameters and payload choice under one immutable number.
//!
//! In: a version and what its owner chose. Out: a [`FilterSetting`]. Never: a changed setting, or the
//! same choice under two numbers.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};
use sqlx::any::AnyRow;
use sqlx::{AnyConnection, Row};

use super::audit::{self, By};
use super::error::RegistryError;
use super::numbers::{self, FilterId, Numbered, OwnerId};
use super::{Registry, filters, now_ms, versions};
use crate::evaluate::{Description, ParameterValue};
use crate::payload::Payload;

/// A setting to be made.
#[derive(Debug, Clone)]
pub struct NewSetting {
    /// Of which filter.
    pub filter: FilterId,
    /// Who makes it.
    pub by: OwnerId,
    /// Which version.
    pub version: i64,
    /// Values by name; what is missing keeps its default.
    pub parameters: BTreeMap<String, Value>,
    /// What goes out.
    pub payload: Payload,
}

/// A setting.
#[derive(Debug, Clone, PartialEq)]
pub struct FilterSetting {
    /// Unique in the whole registry.
    pub number: i64,
    /// Which version.
    pub version: i64,
    /// Every declared parameter with its value.
    pub parameters: Map<String, Value>,
    /// What goes out.
    pub payload: Payload,
    /// Name of who made it.
    pub created_by: String,
    /// When [ms since the Unix epoch].
    pub created_ms: i64,
}

/// Everything a [`FilterSetting`] shows. Callers add the rest of the `where`.
macro_rules! select_setting {
    ($rest:literal) => {
        concat!(
            "select s.number, s.version, s.parameters, s.payload, s.created_ms, o.name as created_by
             from settings s join owners o on o.id = s.created_by
             where s.filter_id = $1 ",
            $rest
        )
    };
}

impl Registry {
    /// Makes a setting; true where it is new, false where the filter has the same choice already.
    ///
    /// # Errors
    /// `Missing` where there is no such version, `Parameter` where a value does not fit.
    pub async fn add_setting(
        &self,
        new: &NewSetting,
    ) -> Result<(FilterSetting, bool), RegistryError> {
        self.database
            .bounded(async {
                let mut transaction = self.database.write().await?;
                filters::lock(&mut transaction, new.filter).await?;
                let parameters = fitting(&mut transaction, new).await?;
                let digest = digest(new, &parameters);
                if let Some(same) = find_digest(&mut transaction, new.filter, &digest).await? {
                    return Ok((same, false));
                }
                let number = numbers::next(&mut transaction, Numbered::Setting).await?;
                insert(&mut transaction, new, number, &parameters, &digest).await?;
                let setting = find(&mut transaction, new.filter, number).await?;
                let detail = json!({"setting": number, "version": new.version});
                let by = By::user(new.by, setting.created_by.clone());
                audit::record_for_filter(&mut transaction, &by, new.filter, "setting.make", detail)
                    .await?;
                transaction.commit().await?;
                Ok((setting, true))
            })
            .await
    }

    /// One setting of a filter.
    ///
    /// # Errors
    /// `Missing` where the filter has none of that number.
    pub async fn setting(
        &self,
        filter: FilterId,
        number: i64,
    ) -> Result<FilterSetting, RegistryError> {
        self.database
            .bounded(async {
                let mut connection = self.database.read().await?;
                find(&mut connection, filter, number).await
            })
            .await
    }

    /// Settings below `before`, newest first, at most `limit`.
    ///
    /// # Errors
    /// `Unavailable` without a database.
    pub async fn settings(
        &self,
        filter: FilterId,
        before: Option<i64>,
        limit: i64,
    ) -> Result<Vec<FilterSetting>, RegistryError> {
        let query = sqlx::query(select_setting!(
            "and s.number < $2 order by s.number desc limit $3"
        ))
        .bind(filter.0)
        .bind(before.unwrap_or(i64::MAX))
        .bind(limit);
        self.database.rows(query, read).await
    }

    /// The filter that a setting belongs to.
    pub(super) async fn filter_of_setting(&self, number: i64) -> Result<FilterId, RegistryError> {
        self.database
            .bounded(async {
                let mut connection = self.database.read().await?;
                sqlx::query_scalar("select filter_id from settings where number = $1")
                    .bind(number)
                    .fetch_optional(&mut *connection)
                    .await?
                    .map(FilterId)
                    .ok_or_else(|| RegistryError::Missing {
                        what: "setting",
                        name: number.to_string(),
                    })
            })
            .await
    }
}

/// The parameters in full and in declared order, checked against the version's description.
async fn fitting(connection: &mut AnyConnection, new: &NewSetting) -> Result<Value, RegistryError> {
    let version = versions::find(connection, new.filter, new.version).await?;
    let description: Description = serde_json::from_value(version.description)
        .map_err(|error| RegistryError::Database(format!("a stored description: {error}")))?;
    let values = description.parameters_from(&new.parameters)?;
    Ok(by_name(&description, &values))
}

/// The values by name, in declared order.
fn by_name(description: &Description, values: &[ParameterValue]) -> Value {
    let pairs = description.parameters.iter().zip(values);
    Value::Object(
        pairs
            .map(|(one, value)| (one.name.clone(), json!(value)))
            .collect(),
    )
}

fn digest(new: &NewSetting, parameters: &Value) -> String {
    let choice = format!("{}\n{}\n{parameters}", new.version, new.payload.to_stored());
    base16ct::lower::encode_string(&Sha256::digest(choice.as_bytes()))
}

/// The filter is locked and has no such setting: no constraint is left to violate.
async fn insert(
    connection: &mut AnyConnection,
    new: &NewSetting,
    number: i64,
    parameters: &Value,
    digest: &str,
) -> Result<(), RegistryError> {
    sqlx::query(
        "insert into settings
             (number, filter_id, version, parameters, payload, digest, created_by, created_ms)
         values ($1, $2, $3, $4, $5, $6, $7, $8)",
    )
    .bind(number)
    .bind(new.filter.0)
    .bind(new.version)
    .bind(parameters.to_string())
    .bind(new.payload.to_stored())
    .bind(digest)
    .bind(new.by.0)
    .bind(now_ms())
    .execute(connection)
    .await?;
    Ok(())
}

async fn find(
    connection: &mut AnyConnection,
    filter: FilterId,
    number: i64,
) -> Result<FilterSetting, RegistryError> {
    sqlx::query(select_setting!("and s.number = $2"))
        .bind(filter.0)
        .bind(number)
        .fetch_optional(connection)
        .await?
        .as_ref()
        .map(read)
        .transpose()?
        .ok_or_else(|| RegistryError::Missing {
            what: "setting",
            name: number.to_string(),
        })
}

async fn find_digest(
    connection: &mut AnyConnection,
    filter: FilterId,
    digest: &str,
) -> Result<Option<FilterSetting>, RegistryError> {
    sqlx::query(select_setting!("and s.digest = $2"))
        .bind(filter.0)
        .bind(digest)
        .fetch_optional(connection)
        .await?
        .as_ref()
        .map(read)
        .transpose()
}

fn read(row: &AnyRow) -> Result<FilterSetting, RegistryError> {
    Ok(FilterSetting {
        number: row.try_get("number")?,
        version: row.try_get("version")?,
        parameters: versions::document(row, "parameters")?,
        payload: Payload::from_stored(row.try_get("payload")?)?,
        created_by: row.try_get("created_by")?,
        created_ms: row.try_get("created_ms")?,
    })
}
