//! A fresh registry on either engine, and the things that most tests need in it.
//!
//! In: nothing. Out: a [`Stage`]. Never: a database that another test uses.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::OnceLock;

use serde_json::{Value, json};
use skysieve_tests::Postgres;
use sqlx::Connection;
use tokio::sync::{Semaphore, SemaphorePermit};

use crate::registry::{
    By, Filter, FilterSetting, Name, NewFilter, NewSetting, NewToken, NewVersion, Payload,
    Registry, Role, Scope, Settings, User, Version, Visibility,
};

/// A registry of its own for one test.
pub(crate) struct Stage {
    pub(crate) registry: Registry,
    pub(crate) settings: Settings,
    _folder: Option<tempfile::TempDir>,
    database: Option<(String, SemaphorePermit<'static>)>,
}

/// What an empty database has to be given back.
pub(crate) enum Empty {
    Folder(tempfile::TempDir),
    Database(String),
}

impl Empty {
    pub(crate) async fn end(self) {
        match self {
            Self::Folder(folder) => drop(folder),
            Self::Database(name) => {
                let server = server().unwrap();
                ask(server, format!("drop database {name} with (force)")).await;
            }
        }
    }
}

/// So many tests use the server at once: each has up to three hosts of four connections, and the
/// server takes a hundred.
static POSTGRES_TURNS: Semaphore = Semaphore::const_new(6);

impl Stage {
    /// In a temporary file.
    pub(crate) async fn sqlite() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let url = format!("sqlite://{}/not made/registry.db", folder.path().display());
        Self::open(url, Some(folder)).await
    }

    /// In a new database of the test server; none where there is no server.
    pub(crate) async fn postgres() -> Option<Self> {
        let server = server()?;
        let turn = POSTGRES_TURNS.acquire().await.unwrap();
        let name = format!("skysieve_{}", random());
        ask(server, format!("create database {name}")).await;
        let base = server.rsplit_once('/').map(|(base, _)| base).unwrap();
        let mut stage = Self::open(format!("{base}/{name}"), None).await;
        stage.database = Some((name, turn));
        Some(stage)
    }

    /// Leaves nothing behind on a server that may be somebody's.
    pub(crate) async fn end(self) {
        self.registry.close().await;
        if let (Some((name, _)), Some(server)) = (&self.database, server()) {
            ask(server, format!("drop database {name} with (force)")).await;
        }
    }

    /// An empty database of either engine: its settings, for a test of the schema itself.
    pub(crate) async fn empty(postgres: bool) -> Option<(Settings, Empty)> {
        let settings = |url| Settings {
            url,
            connections: 4,
            ..Settings::default()
        };
        if !postgres {
            let folder = tempfile::tempdir().unwrap();
            let url = format!("sqlite://{}/registry.db", folder.path().display());
            return Some((settings(url), Empty::Folder(folder)));
        }
        let server = server()?;
        let name = format!("skysieve_{}", random());
        ask(server, format!("create database {name}")).await;
        let base = server.rsplit_once('/').map(|(base, _)| base).unwrap();
        Some((settings(format!("{base}/{name}")), Empty::Database(name)))
    }

    async fn open(url: String, folder: Option<tempfile::TempDir>) -> Self {
        let settings = Settings {
            url,
            connections: 4,
            ..Settings::default()
        };
        let registry = Registry::open(&settings, Path::new("unused"))
            .await
            .unwrap();
        Self {
            registry,
            settings,
            _folder: folder,
            database: None,
        }
    }

    /// The same database, opened by another host.
    pub(crate) async fn another_host(&self) -> Registry {
        Registry::open(&self.settings, Path::new("unused"))
            .await
            .unwrap()
    }

    pub(crate) async fn user(&self, user: &str) -> User {
        self.registry
            .create_user(&name(user), Role::Scientist, &By::host())
            .await
            .unwrap()
    }

    pub(crate) async fn filter(&self, owner: &User, filter: &str) -> Filter {
        self.registry
            .create_filter(&new_filter(owner, filter), &By::host())
            .await
            .unwrap()
    }

    pub(crate) async fn version(&self, filter: &Filter, bytes: &str) -> Version {
        self.registry
            .add_version(&new_version(filter, bytes))
            .await
            .unwrap()
            .0
    }

    pub(crate) async fn setting(&self, filter: &Filter, parameters: Value) -> FilterSetting {
        self.registry
            .add_setting(&new_setting(filter, parameters))
            .await
            .unwrap()
            .0
    }
}

/// A full token.
pub(crate) fn new_token(name: &str, expires_ms: Option<i64>) -> NewToken<'_> {
    NewToken {
        name,
        scope: Scope::Full,
        expires_ms,
    }
}

/// The address of the test server, which ends with this process; none, and a line that says so,
/// where none can be had.
pub(crate) fn server() -> Option<&'static str> {
    static SERVER: OnceLock<Option<Postgres>> = OnceLock::new();
    let server = SERVER.get_or_init(|| Postgres::start().unwrap()).as_ref();
    if server.is_none() {
        let why = "not installed here, and SKYSIEVE_TEST_POSTGRES names no server";
        skysieve_tests::skipped("PostgreSQL", why);
    }
    server.map(Postgres::url)
}

async fn ask(server: &str, sql: String) {
    sqlx::any::install_default_drivers();
    let mut admin = sqlx::AnyConnection::connect(server).await.unwrap();
    let sql = sqlx::AssertSqlSafe(sql);
    sqlx::raw_sql(sql).execute(&mut admin).await.unwrap();
    admin.close().await.unwrap();
}

pub(crate) fn name(text: &str) -> Name {
    Name::parse(text).unwrap()
}

pub(crate) fn new_filter(owner: &User, filter: &str) -> NewFilter {
    NewFilter {
        owner: owner.id,
        owner_name: name(&owner.name),
        name: name(filter),
        stream: name("ztf"),
        summary: "nearby and rising".to_owned(),
        visibility: Visibility::Private,
    }
}

/// A version whose upload is `bytes`.
pub(crate) fn new_version(filter: &Filter, bytes: &str) -> NewVersion {
    NewVersion {
        filter: filter.id,
        by: filter.owner_id,
        digest: format!("{bytes:0>64}"),
        component: bytes.as_bytes().to_vec(),
        description: description(),
        title: "Bright and rising".to_owned(),
        trial: json!({"alerts": 20}),
        notes: "first try".to_owned(),
        source: "https://example.org/filter".to_owned(),
    }
}

pub(crate) fn new_setting(filter: &Filter, parameters: Value) -> NewSetting {
    let parameters: BTreeMap<String, Value> = serde_json::from_value(parameters).unwrap();
    let by = filter.owner_id;
    NewSetting {
        filter: filter.id,
        by,
        version: 1,
        parameters,
        payload: Payload::Packet,
    }
}

/// Two parameters, two reasons.
pub(crate) fn description() -> Value {
    json!({
        "title": "Bright and rising",
        "built_with": "by hand",
        "fields": [{"paths": ["candidate.magpsf"], "element": "float32", "required": true}],
        "parameters": [
            {"name": "faintest_mag", "type": "float64", "unit": "mag", "summary": "Faintest",
             "default": 18.5, "minimum": 10.0, "maximum": 22.0, "choices": []},
            {"name": "detections", "type": "int64", "unit": "", "summary": "Least number",
             "default": 2, "minimum": null, "maximum": null, "choices": []},
        ],
        "reasons": [
            {"name": "z_bogus", "summary": "real-bogus score at most 0.8"},
            {"name": "a_faint", "summary": "fainter than the limit"},
        ],
        "annotations": [],
    })
}

fn random() -> String {
    let mut bytes = [0; 8];
    getrandom::fill(&mut bytes).unwrap();
    base16ct::lower::encode_string(&bytes)
}
