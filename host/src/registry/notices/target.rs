//! A target as the registry keeps it.
//!
//! In: rows. Out: [`Target`]s. Never: a target's secret.

use sqlx::any::AnyRow;
use sqlx::{AnyConnection, Row};

use super::TargetId;
use super::kind::NoticeKind;
use crate::registry::RegistryError;
use crate::registry::numbers::OwnerId;

/// How a target is reached.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize, utoipa::ToSchema,
)]
#[serde(rename_all = "snake_case")]
#[schema(as = NoticeMedium)]
pub enum Medium {
    /// An HTTP POST.
    Webhook,
    /// A mail.
    Email,
}

impl Medium {
    /// The word that is stored and shown.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Webhook => "webhook",
            Self::Email => "email",
        }
    }

    pub(super) fn from_stored(word: &str) -> Result<Self, RegistryError> {
        match word {
            "webhook" => Ok(Self::Webhook),
            "email" => Ok(Self::Email),
            other => Err(RegistryError::Database(format!("unknown medium `{other}`"))),
        }
    }
}

/// Whether a target gets notices.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = NoticeTargetState)]
pub enum TargetState {
    /// A webhook that nothing was delivered to yet; an address that was not confirmed yet.
    Unverified,
    /// It listens.
    Verified,
    /// Too many deliveries in a row were given up; a test that arrives wakes it.
    Failed,
}

/// A target as lists show it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    /// Identity.
    pub id: TargetId,
    /// Whose.
    pub owner_id: OwnerId,
    /// Their name.
    pub owner: String,
    /// How it is reached.
    pub medium: Medium,
    /// Where.
    pub address: String,
    /// Which kinds it is told; empty: all.
    pub kinds: Vec<NoticeKind>,
    /// Whether it gets notices.
    pub state: TargetState,
    /// Why it failed, or the last delivery did; empty where none did.
    pub reason: String,
    /// When it was made [ms since the Unix epoch].
    pub created_ms: i64,
}

impl Target {
    /// Whether it is told of `kind` now.
    pub(super) fn wants(&self, kind: NoticeKind) -> bool {
        let listens = match (self.medium, self.state) {
            (_, TargetState::Verified) => true,
            // A webhook is a machine that its owner named; mail may go to a stranger.
            (Medium::Webhook, TargetState::Unverified) => true,
            (Medium::Email, TargetState::Unverified) | (_, TargetState::Failed) => false,
        };
        listens && (self.kinds.is_empty() || self.kinds.contains(&kind))
    }
}

/// The columns of a [`Target`].
const COLUMNS: &str = "select t.id, t.owner_id, o.name as owner_name, t.medium, t.address, t.kinds,
        t.confirmed_ms, t.failed_ms, t.reason, t.created_ms
    from notice_targets t join owners o on o.id = t.owner_id";

/// All of an owner's.
pub(super) async fn of_owner(
    connection: &mut AnyConnection,
    owner: OwnerId,
) -> Result<Vec<Target>, RegistryError> {
    let sql = format!("{COLUMNS} where t.owner_id = $1 order by t.id");
    let rows = sqlx::query(sqlx::AssertSqlSafe(sql))
        .bind(owner.0)
        .fetch_all(connection)
        .await?;
    rows.iter().map(read).collect()
}

pub(super) async fn find(
    connection: &mut AnyConnection,
    id: TargetId,
) -> Result<Target, RegistryError> {
    let sql = format!("{COLUMNS} where t.id = $1");
    let row = sqlx::query(sqlx::AssertSqlSafe(sql))
        .bind(id.0)
        .fetch_optional(connection)
        .await?;
    read(&row.ok_or_else(|| missing(id))?)
}

fn missing(id: TargetId) -> RegistryError {
    RegistryError::Missing {
        what: "target",
        name: id.0.to_string(),
    }
}

fn read(row: &AnyRow) -> Result<Target, RegistryError> {
    let words: Vec<String> = serde_json::from_str(row.try_get("kinds")?)
        .map_err(|error| RegistryError::Database(format!("kinds of a target: {error}")))?;
    let kinds: Result<Vec<_>, _> = words
        .iter()
        .map(|word| NoticeKind::from_stored(word))
        .collect();
    let (confirmed_ms, failed_ms): (Option<i64>, Option<i64>) =
        (row.try_get("confirmed_ms")?, row.try_get("failed_ms")?);
    Ok(Target {
        id: TargetId(row.try_get("id")?),
        owner_id: OwnerId(row.try_get("owner_id")?),
        owner: row.try_get("owner_name")?,
        medium: Medium::from_stored(row.try_get("medium")?)?,
        address: row.try_get("address")?,
        kinds: kinds?,
        state: match (confirmed_ms, failed_ms) {
            (_, Some(_)) => TargetState::Failed,
            (Some(_), None) => TargetState::Verified,
            (None, None) => TargetState::Unverified,
        },
        reason: row.try_get("reason")?,
        created_ms: row.try_get("created_ms")?,
    })
}
