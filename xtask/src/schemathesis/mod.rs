//! `cargo xtask schemathesis`: requests made from the OpenAPI document, right and wrong ones, against the
//! real host; each answer is held against the document.
//!
//! In: the document as it is served. Out: non-zero where an answer is a 500, or one that the document does
//! not know. Never: more than a few minutes, or a host that outlives the check.

mod venv;

use std::process::Command;

use anyhow::{Context, Result, ensure};
use serde_json::json;

use crate::demo::folder::Folder;
use crate::demo::night::Night;
use crate::demo::scientist::{Scientist, USER};
use crate::demo::service::Service;
use crate::demo::{Arguments as DemoArguments, upload};
use crate::house::{House, step};

const CONFIGURATION: &str = include_str!("schemathesis.toml");

/// What each answer is held against.
const CHECKS: &str = "not_a_server_error,status_code_conformance,content_type_conformance,\
response_headers_conformance,response_schema_conformance,negative_data_rejection,unsupported_method,\
allow_header_conformance,ignored_auth";

/// Alerts of the night that the filters have seen.
const ALERTS: u32 = 300;

/// More than any run sends [requests a minute].
const PACE: i64 = 1_000_000;

/// A stream without an end; its tests read it.
const ENDLESS: [&str; 1] = ["alerts_live"];

/// What ends the filters, tokens and rights that the other requests stand on: these come last, by
/// themselves.
const DESTRUCTIVE: [&str; 5] = [
    "filters_delete",
    "quotas_set",
    "quotas_unset",
    "tokens_revoke",
    "users_change",
];

/// Arguments of `cargo xtask schemathesis`.
#[derive(clap::Args)]
pub struct Arguments {
    /// Longest time for each of two runs, as a scientist and as an administrator [s].
    #[arg(long, default_value_t = 30, value_parser = clap::value_parser!(u32).range(5..=3600))]
    seconds: u32,
    /// Seed of the requests.
    #[arg(long, default_value_t = 1)]
    seed: u32,
}

/// Set up, run, stop.
pub fn run(arguments: &Arguments) -> Result<()> {
    let house = House::open()?;
    house.build_host()?;
    house.build_filters()?;
    let program = venv::schemathesis(&house)?;
    let folder = Folder::fresh(&house.target, "schemathesis")?;
    let nights = Night::prepare(&house, &folder, &DemoArguments::of_alerts(ALERTS))?;
    let service = Service::start(&house, &folder, &nights)?;
    let scientist = Scientist::new(&service, &house, &folder, USER, "scientist")?;
    let chief = Scientist::new(&service, &house, &folder, "chief", "administrator")?;
    for user in [USER, "chief"] {
        let body = json!({"value": PACE, "reason": "schemathesis"});
        chief.put(&format!("/v1/quotas/{user}/requests_per_minute"), &body)?;
    }
    let uploaded = upload(&house, &scientist, &nights)?;
    scientist.wait_until_live(&uploaded)?;
    for night in &nights {
        night.begin(&folder)?;
    }
    scientist.watch(&uploaded, &nights)?;

    std::fs::write(folder.root().join("schemathesis.toml"), CONFIGURATION)?;
    let run = |name: &str, token: &str, seconds: u32, only: &[&str]| {
        let mut command = Command::new(&program);
        command.current_dir(folder.root()).env("NO_COLOR", "1");
        command.args(["run", &format!("{}/v1/openapi.json", service.address)]);
        command.args(["--header", &format!("Authorization: Bearer {token}")]);
        command.args([
            "--checks",
            CHECKS,
            "--continue-on-failure",
            "--max-failures",
            "50",
        ]);
        command.args([
            "--max-time",
            &seconds.to_string(),
            "--request-timeout",
            "20",
        ]);
        command.args(["--seed", &arguments.seed.to_string(), "--warnings", "off"]);
        command.args(["--generation-database", "none"]);
        for operation in only {
            command.args(["--include-operation-id", operation]);
        }
        for operation in ENDLESS
            .iter()
            .chain(&DESTRUCTIVE)
            .filter(|_| only.is_empty())
        {
            command.args(["--exclude-operation-id", operation]);
        }
        step(&format!("schemathesis as {name}"), &mut command)
    };
    run("a scientist", scientist.token(), arguments.seconds, &[])?;
    run("an administrator", chief.token(), arguments.seconds, &[])?;
    run(
        "an administrator who ends things",
        chief.token(),
        10,
        &DESTRUCTIVE,
    )?;
    service.stop()?;
    refuse_panics(&folder)
}

/// A handler that panics ends its connection; the client cannot tell it from a broken network.
fn refuse_panics(folder: &Folder) -> Result<()> {
    let log = std::fs::read_to_string(folder.log()).context("the host's log")?;
    let panic = log.lines().find(|line| line.contains("panicked at"));
    ensure!(
        panic.is_none(),
        "the host panicked: {}",
        panic.unwrap_or_default()
    );
    Ok(())
}
