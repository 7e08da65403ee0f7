//! The registry: filters, versions, settings, users and counts, and all of sqlx.
//!
//! In: what people do through the API and the command line, and the counts that sinks logged. Out:
//! the same, typed; the active set of a stream. Never: an HTTP status, an alert, or a wait without an
//! end: every call answers within [`Settings::call_ms`], with [`RegistryError::Unavailable`] where
//! the database does not.
//!
//! One file per aggregate holds its types and all of its SQL, one text for SQLite and PostgreSQL.
//! Start reading at `migrations/`.

mod activation;
mod active_set;
mod asked;
mod audit;
mod backtest_ends;
mod backtest_jobs;
mod backtest_quota;
mod backtest_state;
mod backtests;
mod bearer;
mod causes;
mod counts;
mod database;
mod error;
mod filter_changes;
mod filter_nights;
mod filter_settings;
mod filters;
mod fold;
mod gate;
mod groups;
mod health;
mod history;
mod issuer_groups;
mod kept_answers;
mod members;
mod migrations;
mod names;
mod new_filter;
mod night_use;
mod note_causes;
mod note_costs;
mod note_lines;
mod notes;
mod notices;
mod numbers;
mod programmes;
mod quota;
mod quotas;
mod role;
mod schedules;
mod scope;
mod settings;
mod sign_in;
mod tokens;
mod usage;
mod users;
mod versions;
mod wish;
mod withheld_reads;

use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

pub use crate::payload::Payload;
pub use activation::MAIN_LANE;
pub use active_set::{ActiveSetting, Chosen};
pub use audit::{AuditEntry, AuditQuery, By};
pub use backtest_ends::BacktestEnd;
pub use backtest_jobs::{BacktestJob, Saved, Standing};
pub use backtest_state::BacktestState;
pub use backtests::{Backtest, NewBacktest};
pub use bearer::Bearer;
pub use causes::{KeptExample, KnownCause};
pub use counts::{CountsQuery, NightCounts};
pub use error::RegistryError;
pub use filter_changes::FilterChange;
pub use filter_settings::{FilterSetting, NewSetting};
pub use filters::{Active, Filter, FilterQuery, Visibility};
pub use gate::{Evidence, GateLift};
pub use groups::Group;
pub use health::{KeptLine, LineQuery, LoggedNight};
pub use history::HistoryLine;
pub use kept_answers::{KeptAnswer, KeyedRequest, Known};
pub use members::{GROUP_MEMBERS, Member, MemberRole, Membership};
pub use names::{NAME_LENGTH, Name, NameError, topic};
pub use new_filter::NewFilter;
pub use night_use::NightUse;
pub use notes::Full;
pub use notices::{
    About, AtMost, Attempt, Delivery, Due, Medium, NewNotice, NewTarget, Notice, NoticeId,
    NoticeKind, NoticeQuery, Target, TargetError, TargetId, TargetState,
};
pub use numbers::{BacktestId, FilterId, OwnerId, TokenId};
pub use programmes::{GRANTED_PROGRAMMES, Granted};
pub use quota::{Quota, Quotas};
pub use quotas::{SetQuota, SetQuotas};
pub use role::Role;
pub use schedules::Schedule;
pub use scope::Scope;
pub use settings::Settings;
pub use sign_in::{Admission, SignIn};
pub use tokens::{NewToken, Secret, TOKEN_PREFIX, Token};
pub use usage::Withholding;
pub use users::User;
pub use versions::{NewVersion, Version};
pub use wish::State;
pub use withheld_reads::WithheldRead;

/// The registry. Cheap to clone; any number of hosts may share one PostgreSQL database.
#[derive(Debug, Clone)]
pub struct Registry {
    database: database::Database,
    quotas: std::sync::Arc<Quotas>,
}

impl Registry {
    /// Connects and brings the schema up to date. `data` is the host's data folder, where the
    /// database lies unless the settings name another.
    ///
    /// # Errors
    /// `Settings` where the address cannot be used, `Unavailable` where the database does not answer.
    pub async fn open(settings: &Settings, data: &Path) -> Result<Self, RegistryError> {
        Ok(Self {
            database: database::Database::open(settings, data).await?,
            quotas: settings.quotas.clone().into(),
        })
    }

    /// Ends all connections, after the calls under way.
    pub async fn close(&self) {
        self.database.close().await;
    }
}

/// This instant [ms since the Unix epoch].
fn now_ms() -> i64 {
    let since = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}

#[cfg(test)]
pub(crate) mod tests;
