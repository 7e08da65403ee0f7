//! Ids: types of their own, and the numbers they are made of.
//!
//! In: what is to be numbered. Out: the next number, given once. Never: ids made by the engine.

use sqlx::AnyConnection;

use super::error::RegistryError;

/// Identity of an owner: a person or a group.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct OwnerId(pub i64);

/// Identity of a token.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TokenId(pub i64);

/// Identity of a filter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct FilterId(pub i64);

/// Identity of a back-test.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct BacktestId(pub i64);

/// What is numbered: the rows of table `numbers`.
#[derive(Debug, Clone, Copy)]
pub(super) enum Numbered {
    Owner,
    Token,
    Filter,
    Setting,
    Audit,
    Backtest,
    GateLift,
    Notice,
    NoticeTarget,
}

impl Numbered {
    const fn name(self) -> &'static str {
        match self {
            Self::Owner => "owner",
            Self::Token => "token",
            Self::Filter => "filter",
            Self::Setting => "setting",
            Self::Audit => "audit",
            Self::Backtest => "backtest",
            Self::GateLift => "gate_lift",
            Self::Notice => "notice",
            Self::NoticeTarget => "notice_target",
        }
    }
}

/// The next number, never given again: the row stays locked until the transaction ends.
pub(super) async fn next(
    connection: &mut AnyConnection,
    numbered: Numbered,
) -> Result<i64, RegistryError> {
    let number =
        sqlx::query_scalar("update numbers set last = last + 1 where name = $1 returning last")
            .bind(numbered.name())
            .fetch_one(connection)
            .await?;
    Ok(number)
}
