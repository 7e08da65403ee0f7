//! A registry as a year of many users leaves it.
//!
//! In: a registry that a host has set up and a scientist has uploaded to. Out: the same, full. Never: a
//! table of its own making: the schema is that of the migrations.

use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result};
use sqlx::{AnyConnection, AssertSqlSafe, Connection as _, Row};

use super::site::Engine;
use super::variant::{digest, variant};

const YEAR: &str = include_str!("year.sql");
/// The helper table counts so far.
const COUNTED: u64 = 20_000;
/// Nights of the helper table: twelve months of 28.
const NIGHTS: u64 = 336;
/// Every tenth filter is live.
pub const LIVE_OF: u64 = 10;

/// How much.
#[derive(Debug, Clone, Copy)]
pub struct Year {
    /// People.
    pub users: u64,
    /// Filters.
    pub filters: u64,
    /// Nights of counts of a live filter.
    pub nights: u64,
}

impl Year {
    /// How many filters it makes live.
    pub const fn live(self) -> usize {
        (self.filters / LIVE_OF) as usize
    }
}

/// Fill the registry at `url`, whose host is stopped. `components` are what the scientist's filters run,
/// in their order; the first filter gets the long history.
pub async fn fill(engine: Engine, url: &str, year: Year, components: &[Vec<u8>]) -> Result<()> {
    sqlx::any::install_default_drivers();
    let mut connection = AnyConnection::connect(url).await?;
    if engine == Engine::Sqlite {
        run(&mut connection, "pragma synchronous = off").await?;
        run(&mut connection, "pragma cache_size = -400000").await?;
    }
    run(&mut connection, "begin").await?;
    help(&mut connection).await?;
    programs(&mut connection, year, components).await?;
    let words = words(&mut connection, year).await?;
    for statement in YEAR.split(";\n").filter(|text| !text.trim().is_empty()) {
        let put =
            |text: String, (word, value): &(&str, i64)| text.replace(word, &value.to_string());
        let statement = words.iter().fold(statement.to_owned(), put);
        run(&mut connection, &statement).await?;
    }
    run(&mut connection, "commit").await?;
    settle(engine, &mut connection).await?;
    connection.close().await?;
    Ok(())
}

/// What the engine does by itself some minutes after so many writes.
async fn settle(engine: Engine, connection: &mut AnyConnection) -> Result<()> {
    match engine {
        Engine::Sqlite => run(connection, "pragma wal_checkpoint(truncate)").await,
        // The autovacuum of a server that runs for a year.
        Engine::Postgres => run(connection, "vacuum (analyze)").await,
    }
}

async fn run(connection: &mut AnyConnection, sql: &str) -> Result<()> {
    let statement = sqlx::raw_sql(AssertSqlSafe(sql.to_owned()));
    statement
        .execute(connection)
        .await
        .map(drop)
        .with_context(|| sql.to_owned())
}

/// The helper tables of `year.sql`.
async fn help(connection: &mut AnyConnection) -> Result<()> {
    let counter = format!(
        "create temporary table counter as
         with recursive n(i) as (
             select cast(0 as bigint) union all select i + 1 from n where i + 1 < {COUNTED})
         select i from n"
    );
    let nights = format!(
        "create temporary table nights as
         select i, '2026-' || substr(cast(101 + i / 28 as text), 2) || '-'
                           || substr(cast(101 + i % 28 as text), 2) as night
         from counter where i < {NIGHTS}"
    );
    for sql in [
        counter.as_str(),
        "create unique index counter_i on counter (i)",
        nights.as_str(),
        "create unique index nights_i on nights (i)",
        "create temporary table program (n bigint not null, digest text not null)",
        "create temporary table template as
         select cast((select count(*) from filters g where g.id < f.id) as bigint) as k,
                v.description, v.title, v.trial
         from filters f join versions v on v.filter_id = f.id and v.number = 1",
        "analyze counter",
        "analyze nights",
    ] {
        run(connection, sql).await?;
    }
    Ok(())
}

/// The bytes of the live versions: programs that are told apart by their digests.
async fn programs(
    connection: &mut AnyConnection,
    year: Year,
    components: &[Vec<u8>],
) -> Result<()> {
    let keep = "insert into components (digest, wasm, created_ms) values ($1, $2, 1)";
    sqlx::query(keep)
        .bind("placeholder")
        .bind(&b"\0asm: one of many"[..])
        .execute(&mut *connection)
        .await?;
    for (n, component) in (0..year.filters / LIVE_OF).zip(components.iter().cycle()) {
        let wasm = variant(component, n);
        let digest = digest(&wasm);
        sqlx::query(keep)
            .bind(digest.as_str())
            .bind(wasm)
            .execute(&mut *connection)
            .await?;
        sqlx::query("insert into program (n, digest) values ($1, $2)")
            .bind(i64::try_from(n * LIVE_OF)?)
            .bind(digest)
            .execute(&mut *connection)
            .await?;
    }
    run(connection, "create unique index program_n on program (n)").await
}

/// What stands for the words of `year.sql`.
async fn words(connection: &mut AnyConnection, year: Year) -> Result<[(&'static str, i64); 6]> {
    let first = sqlx::query("select id, owner_id from filters order by id limit 1")
        .fetch_one(connection)
        .await?;
    let now = SystemTime::now().duration_since(UNIX_EPOCH)?.as_millis();
    Ok([
        (":users", i64::try_from(year.users)?),
        (":filters", i64::try_from(year.filters)?),
        (":nights", i64::try_from(year.nights)?),
        (":now", i64::try_from(now)?),
        (":scientist", first.try_get("owner_id")?),
        (":deep", first.try_get("id")?),
    ])
}
