//! Targets: where an owner wants to be told.
//!
//! In: addresses that the API has checked. Out: [`Target`]s; a webhook's secret, once. Never: a
//! notice to an e-mail address whose reader has not asked for it.

use serde_json::json;
use sqlx::AnyConnection;
use sqlx::error::ErrorKind;

use super::enqueue::{AtMost, enqueue_to};
use super::kind::NoticeKind;
use super::target::{Medium, Target, find, of_owner};
use super::{NoticeId, TargetId, enqueue};
use crate::registry::audit::{self, By, Deed};
use crate::registry::error::OnViolation;
use crate::registry::numbers::{self, Numbered, OwnerId};
use crate::registry::{Registry, RegistryError, now_ms};

/// Greatest number of targets of an owner.
pub const MAX_TARGETS: i64 = 10;

/// Least time between two tests of one target: nobody floods others through us.
const TEST_EVERY: std::time::Duration = std::time::Duration::from_secs(10);

/// Codes that are sent for one owner in a day, whatever the addresses: they may be strangers'.
const CODES_PER_DAY: i64 = 20;

/// A target to be made.
#[derive(Debug, Clone)]
pub struct NewTarget {
    /// Whose.
    pub owner: OwnerId,
    /// How it is reached.
    pub medium: Medium,
    /// Where; checked.
    pub address: String,
    /// Which kinds it is told; empty: all.
    pub kinds: Vec<NoticeKind>,
    /// A webhook's key, or the code that an address is asked for.
    pub secret: String,
}

/// Why a target cannot be so.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TargetError {
    /// The owner has one of that address.
    #[error("there is a target of that address already")]
    Exists,
    /// The code is not the one that was sent to the address.
    #[error("the code is not the one that was sent")]
    WrongCode,
    /// It was tested a moment ago.
    #[error("it was tested less than {} s ago", TEST_EVERY.as_secs())]
    TooSoon,
}

impl Registry {
    /// Makes a target. An e-mail address is sent its code.
    ///
    /// # Errors
    /// `Full` where there are too many, `Target` where there is one of that address.
    pub async fn create_target(&self, new: &NewTarget, by: &By) -> Result<Target, RegistryError> {
        self.database
            .bounded(async {
                let mut transaction = self.database.write().await?;
                refuse_too_many(&mut transaction, new.owner).await?;
                let id = insert(&mut transaction, new).await?;
                let target = find(&mut transaction, id).await?;
                log(&mut transaction, by, "target.create", &target).await?;
                if new.medium == Medium::Email {
                    send_code(&mut transaction, &target).await?;
                }
                transaction.commit().await?;
                Ok(target)
            })
            .await
    }

    /// The targets of an owner, oldest first; there are at most ten.
    ///
    /// # Errors
    /// `Unavailable` without a database.
    pub async fn targets(&self, owner: OwnerId) -> Result<Vec<Target>, RegistryError> {
        self.database
            .bounded(async {
                let mut connection = self.database.read().await?;
                of_owner(&mut connection, owner).await
            })
            .await
    }

    /// One target, whoever owns it.
    ///
    /// # Errors
    /// `Missing` where there is none.
    pub async fn target(&self, id: TargetId) -> Result<Target, RegistryError> {
        self.database
            .bounded(async {
                let mut connection = self.database.read().await?;
                find(&mut connection, id).await
            })
            .await
    }

    /// Removes a target and what is on its way there.
    ///
    /// # Errors
    /// `Missing` where there is none.
    pub async fn delete_target(&self, id: TargetId, by: &By) -> Result<(), RegistryError> {
        self.database
            .bounded(async {
                let mut transaction = self.database.write().await?;
                let target = find(&mut transaction, id).await?;
                sqlx::query("delete from notice_deliveries where target_id = $1")
                    .bind(id.0)
                    .execute(&mut *transaction)
                    .await?;
                sqlx::query("delete from notice_targets where id = $1")
                    .bind(id.0)
                    .execute(&mut *transaction)
                    .await?;
                log(&mut transaction, by, "target.delete", &target).await?;
                transaction.commit().await?;
                Ok(())
            })
            .await
    }

    /// Confirms an e-mail address by the code that was sent to it. Doing so again changes nothing.
    ///
    /// # Errors
    /// `Target` where the code is another.
    pub async fn confirm_target(&self, id: TargetId, code: &str) -> Result<Target, RegistryError> {
        self.database
            .bounded(async {
                let mut transaction = self.database.write().await?;
                let confirmed = sqlx::query(
                    "update notice_targets set confirmed_ms = coalesce(confirmed_ms, $3)
                     where id = $1 and medium = 'email' and secret = $2",
                )
                .bind(id.0)
                .bind(code)
                .bind(now_ms())
                .execute(&mut *transaction)
                .await?
                .rows_affected();
                let target = find(&mut transaction, id).await?;
                if confirmed == 0 {
                    return Err(TargetError::WrongCode.into());
                }
                transaction.commit().await?;
                Ok(target)
            })
            .await
    }

    /// Sends a target a notice that says nothing but that it works. To an e-mail address that is not
    /// confirmed its code is sent again.
    ///
    /// # Errors
    /// `Target` where that was done a moment ago, `Missing` where there is no such target.
    pub async fn test_target(&self, id: TargetId) -> Result<NoticeId, RegistryError> {
        self.database
            .bounded(async {
                let mut transaction = self.database.write().await?;
                let target = find(&mut transaction, id).await?;
                let at_most = AtMost {
                    subject: format!("test {}", id.0),
                    every: TEST_EVERY,
                };
                if !enqueue::mark(&mut transaction, &at_most, now_ms()).await? {
                    return Err(TargetError::TooSoon.into());
                }
                let unconfirmed =
                    target.medium == Medium::Email && !is_confirmed(&mut transaction, id).await?;
                let notice = if unconfirmed {
                    send_code(&mut transaction, &target).await?
                } else {
                    let text = "This is a test: notices of Skysieve arrive here.".to_owned();
                    enqueue_to(&mut transaction, &target, NoticeKind::Test, text).await?
                };
                transaction.commit().await?;
                Ok(notice)
            })
            .await
    }
}

async fn refuse_too_many(
    connection: &mut AnyConnection,
    owner: OwnerId,
) -> Result<(), RegistryError> {
    let there = of_owner(connection, owner).await?.len();
    if i64::try_from(there).is_ok_and(|there| there < MAX_TARGETS) {
        return Ok(());
    }
    Err(RegistryError::Full {
        what: "targets of one owner",
        most: MAX_TARGETS,
    })
}

async fn log(
    connection: &mut AnyConnection,
    by: &By,
    action: &'static str,
    target: &Target,
) -> Result<(), RegistryError> {
    let deed = Deed {
        action,
        owner: Some(target.owner_id),
        filter: None,
        subject: &target.owner,
        detail: json!({ "target": target.id.0, "address": target.address }),
    };
    audit::record(connection, by, deed).await
}

/// The code itself goes by mail alone: the notice, which its owner can read, only says that it went.
async fn send_code(
    connection: &mut AnyConnection,
    target: &Target,
) -> Result<NoticeId, RegistryError> {
    let sent: i64 = sqlx::query_scalar(
        "select count(*) from notices where owner_id = $1 and kind = $2 and created_ms > $3",
    )
    .bind(target.owner_id.0)
    .bind(NoticeKind::Confirm.as_str())
    .bind(now_ms() - 24 * 3_600_000)
    .fetch_one(&mut *connection)
    .await?;
    if sent >= CODES_PER_DAY {
        return Err(RegistryError::Full {
            what: "codes to addresses of one owner within a day",
            most: CODES_PER_DAY,
        });
    }
    let text = format!("A code to confirm it was sent to {}.", target.address);
    enqueue_to(connection, target, NoticeKind::Confirm, text).await
}

async fn is_confirmed(connection: &mut AnyConnection, id: TargetId) -> Result<bool, RegistryError> {
    let confirmed_ms: Option<i64> =
        sqlx::query_scalar("select confirmed_ms from notice_targets where id = $1")
            .bind(id.0)
            .fetch_one(connection)
            .await?;
    Ok(confirmed_ms.is_some())
}

async fn insert(
    connection: &mut AnyConnection,
    new: &NewTarget,
) -> Result<TargetId, RegistryError> {
    let id = numbers::next(connection, Numbered::NoticeTarget).await?;
    let words: Vec<&str> = new.kinds.iter().map(|kind| kind.as_str()).collect();
    sqlx::query(
        "insert into notice_targets
             (id, owner_id, medium, address, secret, kinds, reason, given_up, created_ms)
         values ($1, $2, $3, $4, $5, $6, '', 0, $7)",
    )
    .bind(id)
    .bind(new.owner.0)
    .bind(new.medium.as_str())
    .bind(new.address.as_str())
    .bind(new.secret.as_str())
    .bind(json!(words).to_string())
    .bind(now_ms())
    .execute(connection)
    .await
    .on_violation(ErrorKind::UniqueViolation, || TargetError::Exists.into())?;
    Ok(TargetId(id))
}
