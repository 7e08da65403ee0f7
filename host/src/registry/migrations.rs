//! The schema, embedded in the program.
//!
//! In: a database of any earlier release. Out: the same with today's schema. Never: a change to a
//! migration that was applied anywhere.

use sqlx::AnyPool;
use sqlx::SqlSafeStr;
use sqlx::migrate::{Migration, MigrationType, Migrator};

use super::error::RegistryError;

/// Number (date and count of that day), description, text; oldest first.
const MIGRATIONS: [(i64, &str, &str); 10] = [
    (
        20_261_123_000_001,
        "registry",
        include_str!("../../../migrations/20261123000001_registry.sql"),
    ),
    (
        20_261_124_000_001,
        "people",
        include_str!("../../../migrations/20261124000001_people.sql"),
    ),
    (
        20_261_124_000_002,
        "http",
        include_str!("../../../migrations/20261124000002_http.sql"),
    ),
    (
        20_261_124_000_003,
        "backtests",
        include_str!("../../../migrations/20261124000003_backtests.sql"),
    ),
    (
        20_261_124_000_005,
        "health",
        include_str!("../../../migrations/20261124000005_health.sql"),
    ),
    (
        20_261_124_000_006,
        "notices",
        include_str!("../../../migrations/20261124000006_notices.sql"),
    ),
    (
        20_261_124_000_020,
        "sign_in",
        include_str!("../../../migrations/20261124000020_sign_in.sql"),
    ),
    (
        20_261_124_000_030,
        "night_use",
        include_str!("../../../migrations/20261124000030_night_use.sql"),
    ),
    (
        20_261_124_000_031,
        "withheld_reads",
        include_str!("../../../migrations/20261124000031_withheld_reads.sql"),
    ),
    (
        20_261_125_000_001,
        "scale",
        include_str!("../../../migrations/20261125000001_scale.sql"),
    ),
];

/// Applies what is missing. Safe from several processes at once: PostgreSQL takes a lock, and where
/// another process changed a SQLite file meanwhile the next attempt finds its work done, which may be
/// so for each migration.
pub(super) async fn run(pool: &AnyPool) -> Result<(), RegistryError> {
    run_first(pool, MIGRATIONS.len()).await
}

/// The same with the oldest `count` alone: the schema of an earlier release.
pub(super) async fn run_first(pool: &AnyPool, count: usize) -> Result<(), RegistryError> {
    let migrations = MIGRATIONS.into_iter().take(count).map(migration);
    let migrator = Migrator::with_migrations(migrations.collect());
    for _ in 0..count {
        if migrator.run(pool).await.is_ok() {
            return Ok(());
        }
    }
    Ok(migrator.run(pool).await?)
}

fn migration((number, description, text): (i64, &'static str, &'static str)) -> Migration {
    Migration::new(
        number,
        description.into(),
        MigrationType::Simple,
        text.into_sql_str(),
        false,
    )
}
