//! Filters: names under which versions are uploaded, each bound to a stream and a topic.
//!
//! In: owners, names, streams. Out: [`Filter`]s with what is active of them. Never: a deleted row.

use sqlx::any::AnyRow;
use sqlx::{AnyConnection, Row};

use super::asked::Asked;
use super::error::RegistryError;
use super::numbers::{FilterId, OwnerId};
use super::wish::State;
use super::{Registry, now_ms};

/// A filter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Filter {
    /// Identity.
    pub id: FilterId,
    /// Identity of its owner.
    pub owner_id: OwnerId,
    /// Name of its owner.
    pub owner: String,
    /// Its name.
    pub name: String,
    /// The stream it reads.
    pub stream: String,
    /// Where its passing alerts go.
    pub topic: String,
    /// One line, by its owner.
    pub summary: String,
    /// Title of the last version.
    pub title: Option<String>,
    /// Number of the last version; 0 before the first.
    pub versions: i64,
    /// Who may read what it is and what its cuts did.
    pub visibility: Visibility,
    /// Where it is public: whether the bytes of its versions are, too.
    pub open_bytes: bool,
    /// Rises with every change.
    pub revision: i64,
    /// What is switched on in lane `main`.
    pub active: Option<Active>,
    /// When it was made [ms since the Unix epoch].
    pub created_ms: i64,
    /// When it was last changed [ms since the Unix epoch].
    pub updated_ms: i64,
    /// When it was deleted [ms since the Unix epoch].
    pub deleted_ms: Option<i64>,
}

/// Who may read what a filter is and what its cuts did.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    Default,
    serde::Serialize,
    serde::Deserialize,
    utoipa::ToSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Visibility {
    /// Its owner; of a group, every member.
    #[default]
    Private,
    /// Everybody with a token. Its results stay the owner's.
    Public,
}

impl Visibility {
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Private => "private",
            Self::Public => "public",
        }
    }

    fn from_stored(word: &str) -> Result<Self, RegistryError> {
        match word {
            "private" => Ok(Self::Private),
            "public" => Ok(Self::Public),
            other => Err(RegistryError::Database(format!(
                "unknown visibility `{other}`"
            ))),
        }
    }
}

/// What is switched on of a filter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Active {
    /// The setting.
    pub setting: i64,
    /// Its version.
    pub version: i64,
    /// Whether it runs.
    pub state: State,
    /// Why it is suspended.
    pub reason: String,
    /// Since when [ms since the Unix epoch].
    pub since_ms: i64,
}

/// Which filters to list.
#[derive(Debug, Clone, Default)]
pub struct FilterQuery {
    /// Only this owner's.
    pub owner: Option<String>,
    /// Only those that this user may see: their own, their groups', public ones.
    pub seen_by: Option<OwnerId>,
    /// Only those of this stream.
    pub stream: Option<String>,
    /// Deleted ones instead of the others.
    pub deleted: bool,
    /// Only those made before this one.
    pub before: Option<FilterId>,
    /// At most so many.
    pub limit: i64,
}

/// Everything a [`Filter`] shows, in one row. Callers add the `where`.
macro_rules! select_filter {
    ($rest:literal) => {
        concat!(
            "select f.id, f.owner_id, o.name as owner, f.name, f.stream, f.topic, f.summary,
                    f.versions, f.visibility, f.open_bytes, f.revision, f.created_ms, f.updated_ms, f.deleted_ms, v.title,
                    a.setting, s.version as active_version, a.state, a.reason, a.since_ms
             from filters f
             join owners o on o.id = f.owner_id
             left join versions v on v.filter_id = f.id and v.number = f.versions
             left join activations a on a.filter_id = f.id and a.lane = 'main'
             left join settings s on s.number = a.setting ",
            $rest
        )
    };
}

impl Registry {
    /// The filter of this owner and name, a deleted one included.
    ///
    /// # Errors
    /// `Missing` where there is none.
    pub async fn filter(&self, owner: &str, name: &str) -> Result<Filter, RegistryError> {
        self.database
            .bounded(async {
                let mut connection = self.database.read().await?;
                find(&mut connection, owner, name).await
            })
            .await
    }

    /// Filters, newest first.
    ///
    /// # Errors
    /// `Unavailable` without a database.
    pub async fn filters(&self, query: &FilterQuery) -> Result<Vec<Filter>, RegistryError> {
        self.database
            .bounded(async {
                let mut connection = self.database.read().await?;
                list(&mut connection, query).await
            })
            .await
    }
}

/// Locks the filter until the transaction ends, and says how many versions it has.
pub(super) async fn lock(
    connection: &mut AnyConnection,
    id: FilterId,
) -> Result<i64, RegistryError> {
    lock_as_seen(connection, id, None).await
}

/// The same, where it still is at the revision that its changer saw, if they say which.
pub(super) async fn lock_as_seen(
    connection: &mut AnyConnection,
    id: FilterId,
    seen: Option<i64>,
) -> Result<i64, RegistryError> {
    let row = sqlx::query(
        "update filters set updated_ms = $1, revision = revision + 1 where id = $2
         returning versions, revision, deleted_ms",
    )
    .bind(now_ms())
    .bind(id.0)
    .fetch_optional(connection)
    .await?
    .ok_or_else(|| RegistryError::Missing {
        what: "filter",
        name: id.0.to_string(),
    })?;
    if row.try_get::<Option<i64>, _>("deleted_ms")?.is_some() {
        return Err(RegistryError::Deleted);
    }
    // The lock has raised it by one.
    let before = row.try_get::<i64, _>("revision")? - 1;
    if seen.is_some_and(|seen| seen != before) {
        return Err(RegistryError::Changed);
    }
    Ok(row.try_get("versions")?)
}

/// The filter of this owner and name, or `Missing`.
pub(super) async fn find(
    connection: &mut AnyConnection,
    owner: &str,
    name: &str,
) -> Result<Filter, RegistryError> {
    sqlx::query(select_filter!("where o.name = $1 and f.name = $2"))
        .bind(owner)
        .bind(name)
        .fetch_optional(connection)
        .await?
        .as_ref()
        .map(read)
        .transpose()?
        .ok_or_else(|| RegistryError::Missing {
            what: "filter",
            name: format!("{owner}/{name}"),
        })
}

async fn list(
    connection: &mut AnyConnection,
    query: &FilterQuery,
) -> Result<Vec<Filter>, RegistryError> {
    let listed = match query.deleted {
        true => select_filter!("where f.deleted_ms is not null"),
        false => select_filter!("where f.deleted_ms is null"),
    };
    Asked::new(listed)
        .and(
            "f.owner_id = (select w.id from owners w where w.name = ?)",
            query.owner.as_deref().filter(|one| !one.is_empty()),
        )
        .and(
            "f.stream = ?",
            query.stream.as_deref().filter(|one| !one.is_empty()),
        )
        .and("f.id < ?", query.before.map(|id| id.0))
        .and(
            "(f.owner_id = ? or f.visibility = 'public' or f.owner_id in (
                 select m.group_id from members m where m.user_id = ?))",
            query.seen_by.map(|user| user.0),
        )
        .page("f.id desc", query.limit)
        .fetch_all(connection)
        .await?
        .iter()
        .map(read)
        .collect()
}

fn read(row: &AnyRow) -> Result<Filter, RegistryError> {
    Ok(Filter {
        id: FilterId(row.try_get("id")?),
        owner_id: OwnerId(row.try_get("owner_id")?),
        owner: row.try_get("owner")?,
        name: row.try_get("name")?,
        stream: row.try_get("stream")?,
        topic: row.try_get("topic")?,
        summary: row.try_get("summary")?,
        title: row.try_get("title")?,
        versions: row.try_get("versions")?,
        visibility: Visibility::from_stored(row.try_get("visibility")?)?,
        open_bytes: row.try_get::<i64, _>("open_bytes")? == 1,
        revision: row.try_get("revision")?,
        active: read_active(row)?,
        created_ms: row.try_get("created_ms")?,
        updated_ms: row.try_get("updated_ms")?,
        deleted_ms: row.try_get("deleted_ms")?,
    })
}

fn read_active(row: &AnyRow) -> Result<Option<Active>, RegistryError> {
    let Some(setting) = row.try_get::<Option<i64>, _>("setting")? else {
        return Ok(None);
    };
    Ok(Some(Active {
        setting,
        version: row.try_get("active_version")?,
        state: State::from_stored(row.try_get("state")?)?,
        reason: row.try_get("reason")?,
        since_ms: row.try_get("since_ms")?,
    }))
}
