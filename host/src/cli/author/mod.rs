//! The author's commands: everything that a scientist does with a host, and owners with their notices.
//!
//! In: the words of a command line, a login. Out: what the host answered, as tables or as JSON. Never:
//! anything that a token and `curl` could not do.

mod activate;
mod backtest;
mod backtest_report;
mod build;
mod counts;
mod delete;
mod explain;
mod health;
mod list;
pub(super) mod login;
mod logs;
mod notices;
mod push;
pub(super) mod quota;
pub(super) mod run_state;
pub(super) mod session;
mod share;
pub(super) mod table;
mod tail;
mod targets;
mod withheld;

use std::process::ExitCode;

use session::{Common, Session};

use crate::client::CallError;

/// Commands whose arguments hold `common` and that are run by the function `run` of their file.
macro_rules! commands {
    ($($(#[doc = $doc:literal])+ $name:ident($file:ident::$arguments:ident)),+ $(,)?) => {
        /// The author's commands.
        #[derive(Debug, clap::Subcommand)]
        pub enum Command {
            $($(#[doc = $doc])+ $name($file::$arguments),)+
        }

        impl Command {
            fn common(&self) -> &Common {
                match self {
                    $(Self::$name(arguments) => &arguments.common,)+
                }
            }

            fn act(&self, session: &Session) -> anyhow::Result<ExitCode> {
                match self {
                    $(Self::$name(arguments) => $file::run(arguments, session),)+
                }
            }
        }
    };
}

commands! {
    /// Build a filter, upload it, and print what its trial gave.
    Push(push::PushArgs),
    /// List filters.
    List(list::ListArgs),
    /// Let a version or a setting run on the live stream, now or at a time.
    Activate(activate::ActivateArgs),
    /// Stop a filter until it is resumed.
    Pause(run_state::PauseArgs),
    /// Let a paused filter run again.
    Resume(run_state::ResumeArgs),
    /// Go back to the setting that ran before.
    Rollback(run_state::RollbackArgs),
    /// Switch a filter off; an activation switches it on again.
    Retire(run_state::RetireArgs),
    /// Delete a filter for good; its history stays.
    Delete(delete::DeleteArgs),
    /// Say who may read what a filter is.
    Share(share::ShareArgs),
    /// Try a version or a setting on alerts of the past.
    Backtest(backtest::BacktestArgs),
    /// Say why an alert passed, or did not.
    Explain(explain::ExplainArgs),
    /// Print what each cut removed, night by night.
    Counts(counts::CountsArgs),
    /// Print how a filter is doing, and why it failed.
    Health(health::HealthArgs),
    /// Print what a filter logged.
    Logs(logs::LogsArgs),
    /// Print passing alerts as they come.
    Tail(tail::TailArgs),
    /// Print what a quota or the gate held back, and read it later.
    Withheld(withheld::WithheldArgs),
    /// Print how much there is of each quota, and what is left.
    Quota(quota::QuotaArgs),
    /// Print what you were told of your filters.
    Notices(notices::NoticesArgs),
    /// Say where you want to be told of your filters.
    Targets(targets::TargetsArgs),
}

impl Command {
    /// Runs it.
    ///
    /// # Errors
    /// When nobody is logged in, or the host does not do it.
    pub fn run(&self) -> anyhow::Result<ExitCode> {
        with_session(self.common(), |session| self.act(session))
    }
}

/// Runs something that asks a host. Where JSON is asked for, the host's own document says on standard
/// error why it refused.
pub fn with_session(
    common: &Common,
    act: impl FnOnce(&Session) -> anyhow::Result<ExitCode>,
) -> anyhow::Result<ExitCode> {
    let session = Session::open(common)?;
    let result = act(&session);
    let Err(error) = &result else { return result };
    let refusal = error.chain().find_map(|cause| match cause.downcast_ref() {
        Some(CallError::Refused(refusal)) => Some(refusal),
        _ => None,
    });
    match (refusal, super::exit::status(error)) {
        (Some(refusal), Some(status)) if common.json && refusal.document.is_object() => {
            eprintln!("{}", refusal.document);
            Ok(ExitCode::from(status))
        }
        _ => result,
    }
}
