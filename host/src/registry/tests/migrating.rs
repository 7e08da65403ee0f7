//! Forward from the first release's database, with what it held.

use std::path::Path;

use super::stage::Stage;
use crate::registry::database::Database;
use crate::registry::{By, CountsQuery, FilterQuery, Registry, Scope, State, Visibility};

/// What the first release wrote: a user with a token, a filter with a version, a setting that is active
/// and one that was before it, counts of a night.
const FIRST_RELEASE: [&str; 11] = [
    "insert into owners (id, name, kind, created_ms) values (1, 'anna', 'user', 5)",
    "insert into users (id, role) values (1, 'administrator')",
    "insert into tokens (id, user_id, name, hash, created_ms, expires_ms, revoked_ms, last_used_ms)
     values (1, 1, 'laptop', '9b5a1a6a3d0c2f1e', 5, null, null, null)",
    "insert into filters (id, owner_id, name, stream, topic, summary, versions, created_ms, updated_ms)
     values (1, 1, 'nearby', 'ztf', 'skysieve.ztf.anna.nearby', 'old', 1, 5, 6)",
    "insert into components (digest, wasm, created_ms) values ('d', 'wasm', 5)",
    "insert into versions (filter_id, number, digest, description, title, trial, notes, source,
         created_by, created_ms)
     values (1, 1, 'd', '{\"title\":\"Nearby\",\"fields\":[],\"reasons\":[],\"parameters\":[],\"annotations\":[]}',
         'Nearby', '{}', '', '', 1, 5)",
    "insert into settings (number, filter_id, version, parameters, payload, digest, created_by, created_ms)
     values (1, 1, 1, '{}', 'packet', 's1', 1, 5), (2, 1, 1, '{}', 'packet', 's2', 1, 6)",
    "insert into activations (filter_id, lane, setting, state, reason, since_ms)
     values (1, 'main', 2, 'active', '', 7)",
    "insert into night_counts (setting, night, evaluated, passed, lacking, fuel, elapsed_ns)
     values (2, '2018-10-29', 20, 3, 1, 100, 200)",
    "insert into night_outcomes (setting, night, outcome, name, alerts)
     values (2, '2018-10-29', 'rejected', 'faint', 17)",
    "update numbers set last = case name when 'setting' then 2 else 1 end",
];

#[tokio::test]
async fn from_the_first_release_on_sqlite() {
    forward(false).await;
}

#[tokio::test]
async fn from_the_first_release_on_postgres() {
    forward(true).await;
}

async fn forward(postgres: bool) {
    let Some((settings, empty)) = Stage::empty(postgres).await else {
        return;
    };
    let old = Database::open_at(&settings, Path::new("unused"), 1)
        .await
        .unwrap();
    let mut transaction = old.write().await.unwrap();
    for statement in FIRST_RELEASE {
        // PostgreSQL takes a text for bytes only where it is told so.
        let statement = match postgres {
            true => statement.replace("'wasm'", "'wasm'::bytea"),
            false => statement.replace("'wasm'", "x'7761736d'"),
        };
        let sql = sqlx::AssertSqlSafe(statement);
        sqlx::query(sql).execute(&mut *transaction).await.unwrap();
    }
    transaction.commit().await.unwrap();
    old.close().await;

    let registry = Registry::open(&settings, Path::new("unused"))
        .await
        .unwrap();
    let filter = registry.filter("anna", "nearby").await.unwrap();
    assert_eq!(
        (filter.visibility, filter.revision),
        (Visibility::Private, 0)
    );
    let active = filter.active.unwrap();
    assert_eq!((active.setting, active.state), (2, State::Active));
    let query = FilterQuery {
        seen_by: Some(filter.owner_id),
        limit: 10,
        ..FilterQuery::default()
    };
    assert_eq!(registry.filters(&query).await.unwrap().len(), 1);
    let tokens = registry.tokens(None).await.unwrap();
    assert_eq!((tokens.len(), tokens[0].scope), (1, Scope::Full));
    assert!(registry.has_administrator().await.unwrap());
    assert_eq!(registry.component("d").await.unwrap(), b"wasm");
    let counts = CountsQuery {
        limit: 10,
        ..CountsQuery::default()
    };
    let counts = &registry.counts(filter.id, &counts).await.unwrap()[0].counts;
    assert_eq!(
        (counts.evaluated, counts.passed, counts.delivered()),
        (20, 3, 3)
    );
    assert_eq!((counts.skipped, counts.bytes_out), (0, 0));
    // What was active before there was a history is in it, so that it can be gone back to.
    registry.activate(filter.id, 1, &By::host()).await.unwrap();
    registry.roll_back(filter.id, &By::host()).await.unwrap();
    let active = registry
        .filter("anna", "nearby")
        .await
        .unwrap()
        .active
        .unwrap();
    assert_eq!(active.setting, 2);
    registry.close().await;
    // A second start changes nothing.
    Registry::open(&settings, Path::new("unused"))
        .await
        .unwrap()
        .close()
        .await;
    empty.end().await;
}
