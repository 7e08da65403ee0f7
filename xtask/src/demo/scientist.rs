//! What a scientist does: upload filters over HTTP, back-test and activate them, watch the counts.
//!
//! In: a running host, built filters. Out: active filters and what they counted. Never: anything
//! that a scientist with a token and curl could not do.

use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::{Value, json};

use super::folder::Folder;
use super::night::Night;
use super::service::Service;
use crate::house::{ExampleFilter, House};

/// The user of the demo.
pub const USER: &str = "demo";
/// Every call answers well under a second but an upload, which compiles.
const CALL_LIMIT: Duration = Duration::from_secs(120);
/// Without any progress for so long the night will not end.
const STANDSTILL_LIMIT: Duration = Duration::from_secs(60);
/// A change is live in about a second.
const LIVE_LIMIT: Duration = Duration::from_secs(20);
/// A thousand alerts take well under a second.
const BACKTEST_LIMIT: Duration = Duration::from_secs(60);
const LOOK: Duration = Duration::from_millis(250);

/// Somebody with a token.
pub struct Scientist {
    agent: ureq::Agent,
    address: String,
    token: String,
}

/// A filter that is active now.
pub struct Uploaded {
    /// Its name.
    pub name: String,
    /// The stream it reads.
    pub stream: String,
    /// The setting that was activated.
    pub setting: i64,
}

impl Scientist {
    /// Have a token made for `user`, on the host's own command line.
    pub fn new(
        service: &Service,
        house: &House,
        folder: &Folder,
        user: &str,
        role: &str,
    ) -> Result<Self> {
        let output = Command::new(house.skysieve())
            .args(["token", "create", "--user", user, "--role", role])
            .arg("--config")
            .arg(folder.config())
            .current_dir(folder.root())
            .output()
            .context("cannot run skysieve token create")?;
        let complaint = String::from_utf8_lossy(&output.stderr);
        ensure!(
            output.status.success(),
            "skysieve token create: {}",
            complaint.trim()
        );
        let token = String::from_utf8(output.stdout)?.trim().to_owned();
        let agent = ureq::Agent::config_builder()
            .timeout_global(Some(CALL_LIMIT))
            .http_status_as_error(false)
            .build()
            .new_agent();
        Ok(Self {
            agent,
            address: service.address.clone(),
            token,
        })
    }

    /// The token itself.
    pub fn token(&self) -> &str {
        &self.token
    }

    /// Create the filter, upload its first version, make a setting of it, back-test that on an earlier
    /// night, activate it.
    pub fn publish(&self, filter: &ExampleFilter) -> Result<Uploaded> {
        let begun = Instant::now();
        let name = &filter.name;
        let new = json!({"name": name, "stream": filter.stream, "summary": filter.summary});
        self.post("/v1/filters", &new)?;
        let wasm = std::fs::read(&filter.wasm)?;
        let version = self.send(&format!("/v1/filters/{USER}/{name}/versions"), &wasm)?;
        let setting = json!({"version": number(&version, "number")?});
        let setting = self.post(&format!("/v1/filters/{USER}/{name}/settings"), &setting)?;
        let number = number(&setting, "setting")?;
        let choice = json!({"setting": number});
        let tested = self.back_test(name, &choice)?;
        self.post(&format!("/v1/filters/{USER}/{name}/activate"), &choice)?;
        eprintln!(
            "   {name}: {} kB uploaded, back-tested ({tested}) and activated in {:.2} s",
            wasm.len() / 1000,
            begun.elapsed().as_secs_f64()
        );
        Ok(Uploaded {
            name: name.clone(),
            stream: filter.stream.clone(),
            setting: number,
        })
    }

    /// Have a setting judge an earlier night, and wait for it; how much it passed.
    fn back_test(&self, name: &str, setting: &Value) -> Result<String> {
        let backtests = format!("/v1/filters/{USER}/{name}/backtests");
        let source = json!({"setting": setting["setting"], "source": {"from": "archive"}});
        let id = number(&self.post(&backtests, &source)?, "id")?;
        let begun = Instant::now();
        loop {
            let shown = self.get(&format!("{backtests}/{id}"))?;
            match shown["state"].as_str() {
                Some("done") => {
                    let (result, percent) = (&shown["result"], &shown["result"]["pass_percent"]);
                    let percent = percent.as_f64().context("a report has its pass rate")?;
                    let (passed, alerts) = (&result["passed"], &result["alerts"]);
                    return Ok(format!("{passed} of {alerts} passed, {percent:.1} %"));
                }
                Some("queued" | "running") => {}
                _ => bail!("the back-test of {name} did not end well: {shown}"),
            }
            ensure!(
                begun.elapsed() < BACKTEST_LIMIT,
                "the back-test of {name} has not ended after {} s",
                BACKTEST_LIMIT.as_secs()
            );
            std::thread::sleep(LOOK);
        }
    }

    /// Show progress until every filter has seen every alert of its stream's night.
    pub fn watch(&self, uploaded: &[Uploaded], nights: &[Night]) -> Result<()> {
        let alerts = |filter: &Uploaded| {
            nights
                .iter()
                .filter(|n| n.stream == filter.stream)
                .map(|n| n.alerts)
                .sum::<u64>()
        };
        let total: u64 = uploaded.iter().map(alerts).sum();
        let style = "   {bar:40} {pos}/{len} verdicts, {per_sec}, {elapsed}";
        let bar = ProgressBar::new(total).with_style(ProgressStyle::with_template(style)?);
        let mut last = (0, Instant::now());
        loop {
            let counts = self.counts(uploaded)?;
            let seen: u64 = counts
                .values()
                .map(|filter| sum(filter, &["evaluated", "lacking"]))
                .sum();
            bar.set_position(seen);
            if seen >= total {
                bar.finish();
                return Ok(());
            }
            if seen > last.0 {
                last = (seen, Instant::now());
            }
            if last.1.elapsed() > STANDSTILL_LIMIT {
                bar.abandon();
                bail!(
                    "{seen} of {total} verdicts, and none more within {} s",
                    STANDSTILL_LIMIT.as_secs()
                );
            }
            std::thread::sleep(LOOK);
        }
    }

    /// Per filter: the list of its counts by setting and night.
    pub fn counts(&self, uploaded: &[Uploaded]) -> Result<serde_json::Map<String, Value>> {
        let mut all = serde_json::Map::new();
        for filter in uploaded {
            let path = format!("/v1/filters/{USER}/{}/counts?limit=200", filter.name);
            all.insert(filter.name.clone(), self.list(&path)?);
        }
        Ok(all)
    }

    /// Wait until the host judges by every one of them: from the next alert on.
    pub fn wait_until_live(&self, uploaded: &[Uploaded]) -> Result<()> {
        let begun = Instant::now();
        loop {
            let streams = self.list("/v1/streams?limit=200")?;
            let live = |filter: &Uploaded| {
                let streams = streams.as_array().into_iter().flatten();
                let mut settings = streams
                    .filter(|stream| stream["name"] == *filter.stream)
                    .flat_map(|stream| stream["live"].as_array().into_iter().flatten());
                settings.any(|setting| *setting == filter.setting)
            };
            match uploaded.iter().find(|filter| !live(filter)) {
                None => return Ok(()),
                Some(late) => ensure!(
                    begun.elapsed() < LIVE_LIMIT,
                    "{} is not live {} s after its activation",
                    late.name,
                    LIVE_LIMIT.as_secs()
                ),
            }
            std::thread::sleep(LOOK);
        }
    }

    /// Every item of a listing, page by page.
    fn list(&self, path: &str) -> Result<Value> {
        let mut items = Vec::new();
        let mut next = path.to_owned();
        loop {
            let mut page = self.get(&next)?;
            items.append(
                page["items"]
                    .as_array_mut()
                    .context("a listing has items")?,
            );
            match page["next"].as_str() {
                Some(cursor) => next = format!("{path}&cursor={cursor}"),
                None => return Ok(Value::Array(items)),
            }
        }
    }

    fn get(&self, path: &str) -> Result<Value> {
        let call = self.agent.get(format!("{}{path}", self.address));
        answer(path, call.header("Authorization", self.bearer()).call()?)
    }

    fn post(&self, path: &str, body: &Value) -> Result<Value> {
        let call = self.agent.post(format!("{}{path}", self.address));
        answer(
            path,
            call.header("Authorization", self.bearer())
                .send_json(body)?,
        )
    }

    /// Put something where it belongs.
    pub fn put(&self, path: &str, body: &Value) -> Result<Value> {
        let call = self.agent.put(format!("{}{path}", self.address));
        answer(
            path,
            call.header("Authorization", self.bearer())
                .send_json(body)?,
        )
    }

    fn send(&self, path: &str, body: &[u8]) -> Result<Value> {
        let call = self.agent.post(format!("{}{path}", self.address));
        let call = call.header("Content-Type", "application/wasm");
        answer(
            path,
            call.header("Authorization", self.bearer()).send(body)?,
        )
    }

    fn bearer(&self) -> String {
        format!("Bearer {}", self.token)
    }
}

fn answer(path: &str, mut response: ureq::http::Response<ureq::Body>) -> Result<Value> {
    let status = response.status();
    let text = response.body_mut().read_to_string()?;
    ensure!(
        status.is_success(),
        "{path} answered {status}: {}",
        text.trim()
    );
    if text.is_empty() {
        Ok(Value::Null)
    } else {
        Ok(serde_json::from_str(&text)?)
    }
}

fn number(value: &Value, key: &str) -> Result<i64> {
    value[key]
        .as_i64()
        .with_context(|| format!("no number {key:?} in {value}"))
}

/// Sum of `keys` over a filter's list of counts.
pub fn sum(counts: &Value, keys: &[&str]) -> u64 {
    let records = counts.as_array().map(Vec::as_slice).unwrap_or_default();
    records
        .iter()
        .flat_map(|record| keys.iter().map(|key| record[*key].as_u64().unwrap_or(0)))
        .sum()
}
