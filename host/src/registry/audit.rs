//! The audit log: what was done, by whom, to what. It only grows.
//!
//! In: entries, written in the transaction of what they tell. Out: pages of them, newest first.
//! Never: an update or a deletion of a row, or a secret in one.

use serde_json::Value;
use sqlx::any::AnyRow;
use sqlx::{AnyConnection, Row};

use super::asked::Asked;
use super::error::RegistryError;
use super::numbers::{self, FilterId, Numbered, OwnerId, TokenId};
use super::versions::document;
use super::{Registry, now_ms};

/// Who does something.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct By {
    /// The user; none for the host itself and its command line.
    pub user: Option<OwnerId>,
    /// As the log names them.
    pub name: String,
    /// The token that they used.
    pub token: Option<TokenId>,
    /// The revision of the filter that they saw: another one is not changed.
    pub seen: Option<i64>,
}

impl By {
    /// The host, by itself.
    #[must_use]
    pub fn host() -> Self {
        Self::nobody("(host)")
    }

    /// Whoever has the host's own command line, and so its database.
    #[must_use]
    pub fn command_line() -> Self {
        Self::nobody("(command line)")
    }

    /// The OpenID Connect issuer, through whoever signs in.
    #[must_use]
    pub fn issuer() -> Self {
        Self::nobody("(issuer)")
    }

    /// A user, without a token.
    #[must_use]
    pub fn user(user: OwnerId, name: String) -> Self {
        Self {
            user: Some(user),
            name,
            token: None,
            seen: None,
        }
    }

    fn nobody(name: &str) -> Self {
        Self {
            user: None,
            name: name.to_owned(),
            token: None,
            seen: None,
        }
    }

    /// The user's id, where there is one.
    pub(super) fn id(&self) -> Option<i64> {
        self.user.map(|user| user.0)
    }
}

/// What was done, to be logged.
pub(super) struct Deed<'a> {
    /// `filter.create`, `quota.set` ...
    pub(super) action: &'static str,
    /// Whose it is, where it is somebody's.
    pub(super) owner: Option<OwnerId>,
    /// The filter that it was done to.
    pub(super) filter: Option<FilterId>,
    /// What it was done to, as people name it.
    pub(super) subject: &'a str,
    /// What there is to know.
    pub(super) detail: Value,
}

/// An entry of the log.
#[derive(Debug, Clone, PartialEq)]
pub struct AuditEntry {
    /// Rises with every entry.
    pub id: i64,
    /// When [ms since the Unix epoch].
    pub at_ms: i64,
    /// Who.
    pub actor: String,
    /// With which token.
    pub token: Option<i64>,
    /// What.
    pub action: String,
    /// To what.
    pub subject: String,
    /// What there is to know.
    pub detail: Value,
}

/// Which entries to list.
#[derive(Debug, Clone, Default)]
pub struct AuditQuery {
    /// Only of this owner's things.
    pub owner: Option<OwnerId>,
    /// Only of this filter.
    pub filter: Option<FilterId>,
    /// Only this action.
    pub action: Option<String>,
    /// Only below this id.
    pub before: Option<i64>,
    /// At most so many.
    pub limit: i64,
}

impl Registry {
    /// Entries of the log, newest first.
    ///
    /// # Errors
    /// `Unavailable` without a database.
    pub async fn audit(&self, query: &AuditQuery) -> Result<Vec<AuditEntry>, RegistryError> {
        let query = Asked::new(
            "select id, at_ms, actor, token_id, action, subject, detail from audit where true",
        )
        .and("owner_id = ?", query.owner.map(|owner| owner.0))
        .and("filter_id = ?", query.filter.map(|filter| filter.0))
        .and(
            "action = ?",
            query.action.as_deref().filter(|one| !one.is_empty()),
        )
        .and("id < ?", query.before)
        .page("id desc", query.limit);
        self.database.rows(query, read).await
    }
}

/// Logs a deed in the transaction that does it.
pub(super) async fn record(
    connection: &mut AnyConnection,
    by: &By,
    deed: Deed<'_>,
) -> Result<(), RegistryError> {
    let id = numbers::next(connection, Numbered::Audit).await?;
    sqlx::query(
        "insert into audit
             (id, at_ms, actor_id, actor, token_id, action, owner_id, filter_id, subject, detail)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
    )
    .bind(id)
    .bind(now_ms())
    .bind(by.id())
    .bind(by.name.as_str())
    .bind(by.token.map(|token| token.0))
    .bind(deed.action)
    .bind(deed.owner.map_or(0, |owner| owner.0))
    .bind(deed.filter.map_or(0, |filter| filter.0))
    .bind(deed.subject)
    .bind(deed.detail.to_string())
    .execute(connection)
    .await?;
    Ok(())
}

/// Logs what was done to a filter, whose owner and name are looked up.
pub(super) async fn record_for_filter(
    connection: &mut AnyConnection,
    by: &By,
    filter: FilterId,
    action: &'static str,
    detail: Value,
) -> Result<(), RegistryError> {
    let row = sqlx::query(
        "select o.id, o.name as owner, f.name from filters f join owners o on o.id = f.owner_id
         where f.id = $1",
    )
    .bind(filter.0)
    .fetch_one(&mut *connection)
    .await?;
    let (owner, name): (&str, &str) = (row.try_get("owner")?, row.try_get("name")?);
    let subject = format!("{owner}/{name}");
    let deed = Deed {
        action,
        owner: Some(OwnerId(row.try_get("id")?)),
        filter: Some(filter),
        subject: &subject,
        detail,
    };
    record(connection, by, deed).await
}

fn read(row: &AnyRow) -> Result<AuditEntry, RegistryError> {
    Ok(AuditEntry {
        id: row.try_get("id")?,
        at_ms: row.try_get("at_ms")?,
        actor: row.try_get("actor")?,
        token: row.try_get("token_id")?,
        action: row.try_get("action")?,
        subject: row.try_get("subject")?,
        detail: document(row, "detail")?,
    })
}
