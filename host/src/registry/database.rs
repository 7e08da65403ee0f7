//! The connections to the database: two engines behind one face.
//!
//! In: [`Settings`]. Out: connections and transactions, each within a bounded time. Never: SQL of an
//! aggregate, or a wait without an end.

use std::future::Future;
use std::path::Path;
use std::time::Duration;

use sqlx::AnyPool;
use sqlx::any::{AnyArguments, AnyConnectOptions, AnyPoolOptions, AnyRow};
use sqlx::pool::PoolConnection;
use sqlx::query::Query;
use sqlx::{Any, AnyConnection, Connection as _, Transaction};

use super::error::RegistryError;
use super::migrations;
use super::settings::{Address, Settings};

/// The database behind the registry.
#[derive(Debug, Clone)]
pub(super) struct Database {
    engine: Engine,
    readers: AnyPool,
    /// SQLite: one connection, so that writers queue here and never meet a locked file. PostgreSQL:
    /// the same pool as `readers`.
    writers: AnyPool,
    call: Duration,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Engine {
    Sqlite,
    Postgres,
}

/// What each SQLite connection is told: readers never wait for the writer (WAL), another process
/// that writes is waited for (2 s), and foreign keys hold.
const SQLITE_PRAGMAS: &str =
    "pragma journal_mode = wal; pragma busy_timeout = 2000; pragma foreign_keys = on;";

impl Database {
    /// Connects and brings the schema up to date.
    pub(super) async fn open(settings: &Settings, data: &Path) -> Result<Self, RegistryError> {
        sqlx::any::install_default_drivers();
        let address = settings.address(data)?;
        let database = Self::connect(settings, &address)?;
        first_connection(&address, Duration::from_millis(settings.connect_ms)).await?;
        // A migration of a large registry may take longer than a call; it is bounded all the same.
        within(Duration::from_secs(120), migrations::run(&database.writers)).await?;
        Ok(database)
    }

    /// A database as an earlier release left it, after so many migrations.
    #[cfg(test)]
    pub(super) async fn open_at(
        settings: &Settings,
        data: &Path,
        migrations: usize,
    ) -> Result<Self, RegistryError> {
        sqlx::any::install_default_drivers();
        let database = Self::connect(settings, &settings.address(data)?)?;
        migrations::run_first(&database.writers, migrations).await?;
        Ok(database)
    }

    fn connect(settings: &Settings, address: &Address) -> Result<Self, RegistryError> {
        let (engine, url) = match address {
            Address::Sqlite { file, url } => {
                make_folder(file)?;
                (Engine::Sqlite, url)
            }
            Address::Postgres { url } => (Engine::Postgres, url),
        };
        let options = options(url)?;
        let pool = |connections: u32| pool(engine, settings, connections, options.clone());
        let readers = pool(settings.connections.max(1));
        let writers = if engine == Engine::Sqlite {
            pool(1)
        } else {
            readers.clone()
        };
        let call = Duration::from_millis(settings.call_ms);
        Ok(Self {
            engine,
            readers,
            writers,
            call,
        })
    }

    /// A connection for reading.
    pub(super) async fn read(&self) -> Result<PoolConnection<Any>, RegistryError> {
        Ok(self.readers.acquire().await?)
    }

    /// A transaction for writing. On SQLite it takes the write lock at once: a transaction that
    /// reads first and then writes fails there when another process wrote in between.
    pub(super) async fn write(&self) -> Result<Transaction<'static, Any>, RegistryError> {
        Ok(match self.engine {
            Engine::Sqlite => self.writers.begin_with("begin immediate").await?,
            Engine::Postgres => self.writers.begin().await?,
        })
    }

    /// Runs a whole call within the time that a call may take.
    pub(super) async fn bounded<T>(
        &self,
        work: impl Future<Output = Result<T, RegistryError>>,
    ) -> Result<T, RegistryError> {
        within(self.call, work).await
    }

    /// All rows of a query, each read.
    pub(super) async fn rows<T>(
        &self,
        query: Query<'_, Any, AnyArguments>,
        read: impl Fn(&AnyRow) -> Result<T, RegistryError>,
    ) -> Result<Vec<T>, RegistryError> {
        self.bounded(async {
            let mut connection = self.read().await?;
            let rows = query.fetch_all(&mut *connection).await?;
            rows.iter().map(read).collect()
        })
        .await
    }

    /// Closes all connections, waiting for the calls under way.
    pub(super) async fn close(&self) {
        self.writers.close().await;
        self.readers.close().await;
    }
}

fn options(url: &str) -> Result<AnyConnectOptions, RegistryError> {
    url.parse().map_err(|error: sqlx::Error| {
        RegistryError::Settings(format!("registry.url cannot be read: {error}"))
    })
}

/// A connection by itself, for a pool only says that it waited in vain.
async fn first_connection(address: &Address, limit: Duration) -> Result<(), RegistryError> {
    let options = options(address.url())?;
    let attempt = async {
        let mut connection = AnyConnection::connect_with(&options).await?;
        if matches!(address, Address::Sqlite { .. }) {
            sqlx::raw_sql(SQLITE_PRAGMAS)
                .execute(&mut connection)
                .await?;
        }
        connection.close().await
    };
    let failed = match tokio::time::timeout(limit, attempt).await {
        Ok(Ok(())) => return Ok(()),
        Ok(Err(error)) => error,
        Err(_) => {
            let why = format!("{address}: no answer within {} ms", limit.as_millis());
            return Err(RegistryError::Unavailable(why));
        }
    };
    let code = failed.as_database_error().and_then(|error| error.code());
    match (address, code.as_deref()) {
        // SQLITE_CANTOPEN, SQLITE_NOTADB.
        (Address::Sqlite { .. }, Some("14" | "26")) => Err(RegistryError::Settings(format!(
            "registry.url: {address} is not a database that can be opened: {failed}"
        ))),
        _ => match RegistryError::from(failed) {
            RegistryError::Unavailable(why) => {
                Err(RegistryError::Unavailable(format!("{address}: {why}")))
            }
            other => Err(other),
        },
    }
}

fn pool(
    engine: Engine,
    settings: &Settings,
    connections: u32,
    options: AnyConnectOptions,
) -> AnyPool {
    AnyPoolOptions::new()
        .max_connections(connections)
        .acquire_timeout(Duration::from_millis(settings.connect_ms))
        .after_connect(move |connection, _| {
            Box::pin(async move {
                if engine == Engine::Sqlite {
                    sqlx::raw_sql(SQLITE_PRAGMAS).execute(connection).await?;
                }
                Ok(())
            })
        })
        .connect_lazy_with(options)
}

fn make_folder(file: &Path) -> Result<(), RegistryError> {
    let Some(folder) = file
        .parent()
        .filter(|folder| !folder.as_os_str().is_empty())
    else {
        return Ok(());
    };
    std::fs::create_dir_all(folder).map_err(|error| {
        RegistryError::Settings(format!(
            "the folder {} cannot be made: {error}",
            folder.display()
        ))
    })
}

async fn within<T>(
    limit: Duration,
    work: impl Future<Output = Result<T, RegistryError>>,
) -> Result<T, RegistryError> {
    tokio::time::timeout(limit, work).await.unwrap_or_else(|_| {
        Err(RegistryError::Unavailable(format!(
            "no answer within {} ms",
            limit.as_millis()
        )))
    })
}
