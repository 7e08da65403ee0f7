//! Data rights: which programmes of a stream's alerts an owner may see besides the public ones.
//!
//! In: grants to groups. Out: what an owner may see. Never: an alert, or a right that nobody gave.

use std::collections::BTreeMap;

use serde_json::json;

use super::audit::By;
use super::error::RegistryError;
use super::groups::{self, Group};
use super::numbers::OwnerId;
use super::{Registry, activation, now_ms};

/// The programmes of a stream that a group may see besides the public ones.
pub type Granted = BTreeMap<String, Vec<i64>>;

/// Greatest number of programmes that a group may see of a stream.
pub const GRANTED_PROGRAMMES: usize = 256;

/// What an owner may see: a group its own programmes, a person those of every group that they are
/// a member of.
const OF_OWNERS: &str = "select p.group_id as owner_id, p.programme from programmes p
     where p.stream = $1
     union
     select m.user_id as owner_id, p.programme
     from programmes p join members m on m.group_id = p.group_id
     where p.stream = $1";

impl Registry {
    /// Sets the programmes of a stream that a group may see besides the public ones; takes away
    /// those that it had and that are not among them.
    ///
    /// # Errors
    /// `Full` where there are too many.
    pub async fn set_programmes(
        &self,
        group: &Group,
        stream: &str,
        programmes: &[i64],
        by: &By,
    ) -> Result<(), RegistryError> {
        if programmes.len() > GRANTED_PROGRAMMES {
            return Err(RegistryError::Full {
                what: "programmes of a group",
                most: i64::try_from(GRANTED_PROGRAMMES).unwrap_or(i64::MAX),
            });
        }
        self.database
            .bounded(async {
                let mut transaction = self.database.write().await?;
                sqlx::query("delete from programmes where group_id = $1 and stream = $2")
                    .bind(group.id.0)
                    .bind(stream)
                    .execute(&mut *transaction)
                    .await?;
                for programme in programmes {
                    sqlx::query(
                        "insert into programmes (group_id, stream, programme, granted_by, granted_ms)
                         values ($1, $2, $3, $4, $5)
                         on conflict (group_id, stream, programme) do nothing",
                    )
                    .bind(group.id.0)
                    .bind(stream)
                    .bind(programme)
                    .bind(by.id())
                    .bind(now_ms())
                    .execute(&mut *transaction)
                    .await?;
                }
                let detail = json!({"stream": stream, "programmes": programmes});
                groups::log(&mut transaction, by, "group.programmes", group, detail).await?;
                // What every active filter of the group may see has changed.
                activation::raise_generation(&mut transaction).await?;
                transaction.commit().await?;
                Ok(())
            })
            .await
    }

    /// The programmes that a group was granted, by stream.
    ///
    /// # Errors
    /// `Unavailable` without a database.
    pub async fn granted(&self, group: OwnerId) -> Result<Granted, RegistryError> {
        self.database
            .bounded(async {
                let mut connection = self.database.read().await?;
                let rows: Vec<(String, i64)> = sqlx::query_as(
                    "select stream, programme from programmes where group_id = $1
                     order by stream, programme",
                )
                .bind(group.0)
                .fetch_all(&mut *connection)
                .await?;
                let mut granted = Granted::new();
                for (stream, programme) in rows {
                    granted.entry(stream).or_default().push(programme);
                }
                Ok(granted)
            })
            .await
    }

    /// The programmes of a stream that each owner was granted; who is not in it was granted none.
    ///
    /// # Errors
    /// `Unavailable` without a database.
    pub async fn programmes(
        &self,
        stream: &str,
    ) -> Result<BTreeMap<OwnerId, Vec<i64>>, RegistryError> {
        self.database
            .bounded(async {
                let mut connection = self.database.read().await?;
                let rows: Vec<(i64, i64)> = sqlx::query_as(OF_OWNERS)
                    .bind(stream)
                    .fetch_all(&mut *connection)
                    .await?;
                let mut owners: BTreeMap<OwnerId, Vec<i64>> = BTreeMap::new();
                for (owner, programme) in rows {
                    owners.entry(OwnerId(owner)).or_default().push(programme);
                }
                Ok(owners)
            })
            .await
    }

    /// The programmes of a stream that one owner was granted.
    ///
    /// # Errors
    /// `Unavailable` without a database.
    pub async fn programmes_of(
        &self,
        owner: OwnerId,
        stream: &str,
    ) -> Result<Vec<i64>, RegistryError> {
        self.database
            .bounded(async {
                let mut connection = self.database.read().await?;
                Ok(sqlx::query_scalar(
                    "select p.programme from programmes p
                     where p.stream = $1 and p.group_id = $2
                     union
                     select p.programme
                     from programmes p join members m on m.group_id = p.group_id
                     where p.stream = $1 and m.user_id = $2",
                )
                .bind(stream)
                .bind(owner.0)
                .fetch_all(&mut *connection)
                .await?)
            })
            .await
    }
}
