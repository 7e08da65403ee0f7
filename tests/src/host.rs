//! The `skysieve` program as a test uses it: started, asked over HTTP, stopped or killed.
//!
//! In: the streams of a configuration. Out: a running host with a scientist's token. Never: code of
//! the host; what is tested is the program.

use std::collections::BTreeMap;
use std::fs::File;
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use serde_json::{Value, json};
use tempfile::TempDir;

/// The scientist of every test.
pub const USER: &str = "ada";
/// A host answers in well under a second on an idle machine.
const START_LIMIT: Duration = Duration::from_secs(60);
const STOP_LIMIT: Duration = Duration::from_secs(60);
const CALL_LIMIT: Duration = Duration::from_secs(120);
/// A change is live in about a second.
const LIVE_LIMIT: Duration = Duration::from_secs(20);
/// Longest answer that is read [bytes].
const MOST_BYTES: u64 = 256 << 20;
const LOOK: Duration = Duration::from_millis(10);

/// Where the built program lies: beside the tests' own folder.
///
/// # Panics
/// Where it is not built.
#[must_use]
pub fn program() -> PathBuf {
    let test = std::env::current_exe().expect("a running test has a path");
    let profile = test.ancestors().nth(2).expect("target/PROFILE/deps/TEST");
    let program = profile.join("skysieve");
    assert!(
        program.is_file(),
        "{} is missing: cargo build --release",
        program.display()
    );
    program
}

/// A filter built for the sandbox: `cargo xtask test` builds them all.
///
/// # Panics
/// Where it is not built.
#[must_use]
pub fn wasm(filter: &str) -> PathBuf {
    let program = program();
    let target = program.ancestors().nth(2).expect("target/PROFILE/skysieve");
    let file = format!("{}.wasm", filter.replace('-', "_"));
    let path = target.join("wasm32-unknown-unknown/release").join(file);
    assert!(
        path.is_file(),
        "{} is missing: run cargo xtask test",
        path.display()
    );
    path
}

/// Wait until `condition` gives something.
///
/// # Errors
/// When `limit` has passed, naming what was waited for.
pub fn wait<T>(
    what: &str,
    limit: Duration,
    mut condition: impl FnMut() -> Result<Option<T>>,
) -> Result<T> {
    let begun = Instant::now();
    loop {
        if let Some(found) = condition()? {
            return Ok(found);
        }
        ensure!(
            begun.elapsed() < limit,
            "{what}: not within {} s",
            limit.as_secs()
        );
        std::thread::sleep(LOOK);
    }
}

/// A host, its folder, and a scientist's token.
pub struct Host {
    child: Option<Child>,
    folder: TempDir,
    port: u16,
    token: String,
    agent: ureq::Agent,
    variables: Vec<(String, String)>,
}

/// An answer of the HTTP interface.
#[derive(Debug)]
pub struct Answer {
    /// The status.
    pub status: u16,
    /// The document; null where there is none.
    pub body: Value,
}

impl Host {
    /// Start a host; `streams` gives the configuration's `[[streams]]` for its folder.
    ///
    /// # Errors
    /// When it does not come up.
    pub fn start(streams: impl FnOnce(&Path) -> String) -> Result<Self> {
        Self::start_with(&[], streams)
    }

    /// The same, with variables of its environment.
    ///
    /// # Errors
    /// When it does not come up.
    pub fn start_with(
        variables: &[(&str, &str)],
        streams: impl FnOnce(&Path) -> String,
    ) -> Result<Self> {
        let folder = TempDir::new()?;
        let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
        let streams = streams(folder.path());
        // Tests look every 10 ms whether what they wait for has come.
        let text = format!(
            "[registry.quotas]\nrequests_per_minute = 100000\n\n\
             [api]\nlisten = \"127.0.0.1:{port}\"\n\n{streams}"
        );
        std::fs::write(folder.path().join("skysieve.toml"), text)?;
        let agent = ureq::Agent::config_builder()
            .timeout_global(Some(CALL_LIMIT))
            .http_status_as_error(false)
            .build()
            .new_agent();
        let mut host = Self {
            child: None,
            folder,
            port,
            token: String::new(),
            agent,
            variables: variables
                .iter()
                .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
                .collect(),
        };
        host.restart()?;
        host.token = host.create_token()?;
        Ok(host)
    }

    /// Start it again after [`Host::stop`] or [`Host::kill`].
    ///
    /// # Errors
    /// When it does not come up.
    pub fn restart(&mut self) -> Result<()> {
        let log = File::options().create(true).append(true).open(self.log())?;
        let child = self
            .command("serve")
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log)
            .spawn()
            .context("cannot start skysieve serve")?;
        self.child = Some(child);
        wait("skysieve serve answers", START_LIMIT, || {
            if let Some(status) = self.child.as_mut().and_then(|c| c.try_wait().transpose()) {
                bail!("skysieve serve ended with {}:\n{}", status?, self.words());
            }
            Ok(TcpStream::connect(("127.0.0.1", self.port))
                .is_ok()
                .then_some(()))
        })
    }

    /// SIGTERM, then its exit status.
    ///
    /// # Errors
    /// When it does not end.
    pub fn stop(&mut self) -> Result<ExitStatus> {
        let mut child = self.child.take().context("the host runs")?;
        let pid = child.id().to_string();
        ensure!(
            Command::new("kill")
                .args(["-TERM", &pid])
                .status()?
                .success(),
            "kill -TERM {pid}"
        );
        let status = wait("skysieve serve ends after SIGTERM", STOP_LIMIT, || {
            Ok(child.try_wait()?)
        });
        if status.is_err() {
            self.child = Some(child);
        }
        status
    }

    /// kill -9.
    ///
    /// # Errors
    /// When there is nothing to kill.
    pub fn kill(&mut self) -> Result<()> {
        let mut child = self.child.take().context("the host runs")?;
        child.kill()?;
        child.wait()?;
        Ok(())
    }

    /// The folder that holds everything of this host.
    #[must_use]
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Process number of the running host.
    #[must_use]
    pub fn pid(&self) -> Option<u32> {
        self.child.as_ref().map(Child::id)
    }

    /// What it has said so far.
    #[must_use]
    pub fn words(&self) -> String {
        std::fs::read_to_string(self.log()).unwrap_or_default()
    }

    /// `skysieve COMMAND --config FILE` in the host's folder.
    #[must_use]
    pub fn command(&self, command: &str) -> Command {
        let mut skysieve = Command::new(program());
        skysieve
            .args(command.split(' '))
            .arg("--config")
            .arg(self.folder.path().join("skysieve.toml"));
        skysieve.current_dir(self.folder.path());
        skysieve.envs(self.variables.iter().map(|(name, value)| (name, value)));
        skysieve
    }

    fn log(&self) -> PathBuf {
        self.folder.path().join("serve.log")
    }

    fn create_token(&self) -> Result<String> {
        let output = self
            .command("token create")
            .args(["--user", USER])
            .output()?;
        let complaint = String::from_utf8_lossy(&output.stderr);
        ensure!(
            output.status.success(),
            "skysieve token create: {complaint}"
        );
        Ok(String::from_utf8(output.stdout)?.trim().to_owned())
    }

    /// Where it is, as in `http://127.0.0.1:8780`.
    #[must_use]
    pub fn address(&self) -> String {
        self.url("")
    }

    /// GET `path`.
    ///
    /// # Errors
    /// When there is no answer.
    pub fn get(&self, path: &str) -> Result<Answer> {
        answer(
            self.agent
                .get(self.url(path))
                .header("Authorization", self.bearer())
                .call()?,
        )
    }

    /// GET `path` with another token; its text.
    ///
    /// # Errors
    /// When there is no answer, or the host refused.
    pub fn get_as(&self, token: &str, path: &str) -> Result<String> {
        let call = self.agent.get(self.url(path));
        let mut response = call
            .header("Authorization", format!("Bearer {token}"))
            .call()?;
        let status = response.status();
        ensure!(status.is_success(), "answered {status}");
        Ok(response.body_mut().read_to_string()?)
    }

    /// GET `path`: status, headers, and the body as it came.
    ///
    /// # Errors
    /// When there is no answer.
    pub fn get_bytes(&self, path: &str) -> Result<(u16, ureq::http::HeaderMap, Vec<u8>)> {
        let call = self.agent.get(self.url(path));
        let mut response = call.header("Authorization", self.bearer()).call()?;
        let body = response
            .body_mut()
            .with_config()
            .limit(MOST_BYTES)
            .read_to_vec()?;
        Ok((response.status().as_u16(), response.headers().clone(), body))
    }

    /// GET `path`, whatever its bytes.
    ///
    /// # Errors
    /// When there is no answer, or the host refused.
    pub fn bytes(&self, path: &str) -> Result<Vec<u8>> {
        let call = self.agent.get(self.url(path));
        let mut response = call.header("Authorization", self.bearer()).call()?;
        let status = response.status();
        ensure!(status.is_success(), "answered {status}");
        Ok(response.body_mut().read_to_vec()?)
    }

    /// POST a JSON document to `path`.
    ///
    /// # Errors
    /// When there is no answer.
    pub fn post(&self, path: &str, body: &Value) -> Result<Answer> {
        let call = self
            .agent
            .post(self.url(path))
            .header("Authorization", self.bearer());
        answer(call.send_json(body)?)
    }

    /// POST a program to `path`.
    ///
    /// # Errors
    /// When there is no answer.
    pub fn send(&self, path: &str, wasm: &[u8]) -> Result<Answer> {
        let call = self
            .agent
            .post(self.url(path))
            .header("Authorization", self.bearer());
        answer(call.header("Content-Type", "application/wasm").send(wasm)?)
    }

    /// Create a filter on `stream` without a version.
    ///
    /// # Errors
    /// When the host refuses.
    pub fn create(&self, filter: &str, stream: &str) -> Result<()> {
        let new = json!({"name": filter, "stream": stream, "summary": "of a test"});
        self.post("/v1/filters", &new)?.created().map(drop)
    }

    /// Upload a version of `filter`; its number.
    ///
    /// # Errors
    /// When the host refuses.
    pub fn upload(&self, filter: &str, wasm: &[u8]) -> Result<i64> {
        let path = format!("/v1/filters/{USER}/{filter}/versions");
        number(&self.send(&path, wasm)?.created()?, "number")
    }

    /// Make a setting of `version` and activate it; the setting's number.
    ///
    /// # Errors
    /// When the host refuses.
    pub fn activate(&self, filter: &str, version: i64, parameters: &Value) -> Result<i64> {
        let setting = json!({"version": version, "parameters": parameters});
        let path = format!("/v1/filters/{USER}/{filter}/settings");
        let setting = number(&self.post(&path, &setting)?.created()?, "setting")?;
        let path = format!("/v1/filters/{USER}/{filter}/activate");
        self.post(&path, &json!({"setting": setting}))?.created()?;
        Ok(setting)
    }

    /// Create, upload and activate in one go; the setting's number.
    ///
    /// # Errors
    /// When the host refuses.
    pub fn publish(&self, filter: &str, stream: &str, wasm: &[u8]) -> Result<i64> {
        self.create(filter, stream)?;
        let version = self.upload(filter, wasm)?;
        self.activate(filter, version, &json!({}))
    }

    /// Where the passing alerts of `filter` go: a topic, or a folder of the archive.
    ///
    /// # Errors
    /// When there is no answer.
    pub fn topic(&self, filter: &str) -> Result<String> {
        let filter = self
            .get(&format!("/v1/filters/{USER}/{filter}"))?
            .created()?;
        Ok(filter["topic"]
            .as_str()
            .context("a filter has a topic")?
            .to_owned())
    }

    /// Wait until every worker of `stream` judges by `setting`.
    ///
    /// # Errors
    /// When that takes longer than a refresh should.
    pub fn wait_until_live(&self, stream: &str, setting: i64) -> Result<()> {
        wait("the setting is live", LIVE_LIMIT, || {
            let streams = self.get("/v1/streams")?.created()?;
            let streams = streams["items"].as_array().cloned().unwrap_or_default();
            let live = streams
                .iter()
                .filter(|one| one["name"] == stream)
                .any(|one| {
                    one["live"]
                        .as_array()
                        .into_iter()
                        .flatten()
                        .any(|number| *number == setting)
                });
            Ok(live.then_some(()))
        })
    }

    /// The counts of `filter`, by night and setting.
    ///
    /// # Errors
    /// When there is no answer.
    pub fn counts(&self, filter: &str) -> Result<Vec<Value>> {
        let mut items = Vec::new();
        let path = format!("/v1/filters/{USER}/{filter}/counts?limit=200");
        let mut next = path.clone();
        loop {
            let mut page = self.get(&next)?.created()?;
            items.append(page["items"].as_array_mut().context("counts are a list")?);
            match page["next"].as_str() {
                Some(cursor) => next = format!("{path}&cursor={cursor}"),
                None => return Ok(items),
            }
        }
    }

    /// Sum of `key` over all settings and nights of `filter`.
    ///
    /// # Errors
    /// When there is no answer.
    pub fn count(&self, filter: &str, key: &str) -> Result<u64> {
        Ok(self
            .counts(filter)?
            .iter()
            .filter_map(|record| record[key].as_u64())
            .sum())
    }

    /// Alerts of `filter` rejected for each reason, all settings and nights together.
    ///
    /// # Errors
    /// When there is no answer.
    pub fn rejected(&self, filter: &str) -> Result<BTreeMap<String, u64>> {
        let mut total = BTreeMap::new();
        for record in self.counts(filter)? {
            for cut in record["rejected"].as_array().into_iter().flatten() {
                let (reason, alerts) = (cut["reason"].as_str(), cut["alerts"].as_u64());
                if let (Some(reason), Some(alerts @ 1..)) = (reason, alerts) {
                    *total.entry(reason.to_owned()).or_default() += alerts;
                }
            }
        }
        Ok(total)
    }

    fn url(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}{path}", self.port)
    }

    /// The port that it listens on.
    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    pub(crate) fn bearer(&self) -> String {
        format!("Bearer {}", self.token)
    }
}

impl Answer {
    /// The document of a successful answer.
    ///
    /// # Errors
    /// When the host refused.
    pub fn created(self) -> Result<Value> {
        ensure!(
            (200..300).contains(&self.status),
            "answered {}: {}",
            self.status,
            self.body
        );
        Ok(self.body)
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        if let Some(mut child) = self.child.take() {
            // The test is over, whatever it found.
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

fn answer(mut response: ureq::http::Response<ureq::Body>) -> Result<Answer> {
    let status = response.status().as_u16();
    let text = response.body_mut().read_to_string()?;
    let body = serde_json::from_str(&text).unwrap_or(Value::String(text));
    Ok(Answer { status, body })
}

fn number(value: &Value, key: &str) -> Result<i64> {
    value[key]
        .as_i64()
        .with_context(|| format!("no number {key:?} in {value}"))
}
