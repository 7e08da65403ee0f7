//! The database of the tests' own comes up, is cut off, and comes back with its data's place.
#![allow(clippy::unwrap_used)]

use skysieve_tests::Postgres;

#[test]
fn it_starts_dies_and_starts_again() {
    let Some(mut server) = Postgres::start_or_skip().unwrap() else {
        return;
    };
    assert!(server.url().starts_with("postgres://"));
    if std::env::var_os(skysieve_tests::postgres::NAMED_SERVER).is_none() {
        server.kill().unwrap();
        server.restart().unwrap();
    }
}
