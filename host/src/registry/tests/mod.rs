//! The registry on both engines: every test below runs on SQLite and on PostgreSQL.
//!
//! In: a temporary SQLite file; a fresh database on a PostgreSQL server of the test's own, or the one
//! that `SKYSIEVE_TEST_POSTGRES` names. Out: the same behaviour on both. Never: a silent skip.

#![allow(clippy::unwrap_used)]

mod activations;
mod backtests;
mod counting;
mod gate;
mod groups;
mod kept_answers;
mod migrating;
mod night_use;
pub(crate) mod notes;
mod notices;
mod outages;
mod payloads;
mod people;
mod running;
mod sign_in;
pub(crate) mod stage;
mod uploads;

/// Runs each named test function of the module on both engines.
macro_rules! on_both_engines {
    ($($name:ident),+ $(,)?) => {
        mod sqlite {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $name() {
                let stage = $crate::registry::tests::stage::Stage::sqlite().await;
                super::$name(&stage).await;
                stage.end().await;
            })+
        }
        mod postgres {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $name() {
                if let Some(stage) = $crate::registry::tests::stage::Stage::postgres().await {
                    super::$name(&stage).await;
                    stage.end().await;
                }
            })+
        }
    };
}
pub(crate) use on_both_engines;
