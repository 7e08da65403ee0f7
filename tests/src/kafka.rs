//! A real Apache Kafka broker (KRaft, one node) on the loopback.
//!
//! In: Java, and Kafka's libraries. Out: an address. Never: a topic made by itself, or data that
//! outlives the test unless the broker was named from outside.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use nix::sys::signal::Signal;
use rdkafka::ClientConfig;
use rdkafka::consumer::{BaseConsumer, Consumer};

use crate::guarded::{Guarded, folder, free_port, until};
use crate::maven::kafka_libraries;
use crate::skip::skipped;

/// Environment variable that names a broker to use instead, `host:port`.
pub const NAMED_BROKER: &str = "SKYSIEVE_TEST_KAFKA";
/// A broker that is not up after this long never will be.
const UP: Duration = Duration::from_secs(90);

/// A broker.
#[derive(Debug)]
pub struct Broker {
    address: String,
    own: Option<Own>,
}

#[derive(Debug)]
struct Own {
    folder: PathBuf,
    libraries: PathBuf,
    running: Option<Guarded>,
}

impl Broker {
    /// A broker of the test's own, or the named one; `None` when neither can be had.
    ///
    /// # Errors
    /// When one should be there but does not come up.
    pub fn start() -> Result<Option<Self>> {
        if let Ok(address) = std::env::var(NAMED_BROKER) {
            return Ok(Some(Broker { address, own: None }));
        }
        Self::start_own(&[])
    }

    /// A broker of the test's own, with further lines for its `server.properties`, later ones
    /// winning; `None` when Java or Kafka's libraries cannot be had.
    ///
    /// # Errors
    /// When it does not come up.
    pub fn start_own(properties: &[&str]) -> Result<Option<Self>> {
        let libraries = match has_java().and_then(|()| kafka_libraries()) {
            Ok(libraries) => libraries,
            Err(error) => {
                eprintln!("no broker: {error:#}");
                return Ok(None);
            }
        };
        let folder = folder(None)?;
        let (port, control) = (free_port()?, free_port()?);
        let lines = format!(
            "{}{}\n",
            self::properties(&folder, port, control),
            properties.join("\n")
        );
        std::fs::write(folder.join("server.properties"), lines)?;
        format_storage(&folder, &libraries)
            .inspect_err(|_| drop(std::fs::remove_dir_all(&folder)))?;
        let mut broker = Broker {
            address: format!("127.0.0.1:{port}"),
            own: Some(Own {
                folder,
                libraries,
                running: None,
            }),
        };
        broker.restart()?;
        Ok(Some(broker))
    }

    /// One broker for all tests of this process; the calling test counts as skipped when there is none.
    pub fn shared() -> Option<&'static Self> {
        static SHARED: OnceLock<Option<Broker>> = OnceLock::new();
        let broker = SHARED
            .get_or_init(|| Broker::start().expect("the broker comes up"))
            .as_ref();
        if broker.is_none() {
            skipped(
                "Kafka",
                "no Java or Maven here, and SKYSIEVE_TEST_KAFKA names no broker",
            );
        }
        broker
    }

    /// Where clients begin, `host:port`.
    #[must_use]
    pub fn address(&self) -> &str {
        &self.address
    }

    /// The names of all topics.
    ///
    /// # Errors
    /// When the broker does not answer.
    pub fn topics(&self) -> Result<Vec<String>> {
        let client: BaseConsumer = ClientConfig::new()
            .set("bootstrap.servers", &self.address)
            .create()?;
        let metadata = client.fetch_metadata(None, UP)?;
        let topics = metadata.topics().iter();
        Ok(topics.map(|topic| topic.name().to_owned()).collect())
    }

    /// May it be killed, frozen and started again?
    #[must_use]
    pub fn is_own(&self) -> bool {
        self.own.is_some()
    }

    /// End it as a power cut would; its data stays for [`Broker::restart`].
    ///
    /// # Errors
    /// When it is not of the test's own.
    pub fn kill(&mut self) -> Result<()> {
        match self.own()?.running.take() {
            Some(running) => running.kill(),
            None => Ok(()),
        }
    }

    /// Start it (again) on the same port and data, and wait until it answers.
    ///
    /// # Errors
    /// When it does not come up.
    pub fn restart(&mut self) -> Result<()> {
        let address = self.address.clone();
        let own = self.own()?;
        if own.running.is_none() {
            own.running = Some(launch(&own.folder, &own.libraries)?);
        }
        until(UP, "the broker", || Ok(answers(&address))).with_context(|| self.log_tail())
    }

    /// Freeze it (`SIGSTOP`) or let it go on (`SIGCONT`).
    ///
    /// # Errors
    /// When it is not of the test's own or not running.
    pub fn signal(&mut self, signal: Signal) -> Result<()> {
        self.own()?
            .running
            .as_ref()
            .context("the broker is not running")?
            .signal(signal)
    }

    /// Last lines of the broker's own output.
    #[must_use]
    pub fn log_tail(&self) -> String {
        let running = self.own.as_ref().and_then(|own| own.running.as_ref());
        running.map(Guarded::log_tail).unwrap_or_default()
    }

    fn own(&mut self) -> Result<&mut Own> {
        self.own
            .as_mut()
            .with_context(|| format!("the broker that {NAMED_BROKER} names is not ours to end"))
    }
}

fn has_java() -> Result<()> {
    let status = Command::new("java")
        .arg("-version")
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status();
    match status {
        Ok(status) if status.success() => Ok(()),
        _ => bail!("java is not installed"),
    }
}

fn answers(address: &str) -> Option<()> {
    let consumer: BaseConsumer = ClientConfig::new()
        .set("bootstrap.servers", address)
        .create()
        .ok()?;
    let metadata = consumer.fetch_metadata(None, Duration::from_secs(2)).ok()?;
    (!metadata.brokers().is_empty()).then_some(())
}

fn launch(folder: &Path, libraries: &Path) -> Result<Guarded> {
    let classes = libraries.join("*");
    let line = ["java", "-Xmx512m", "-XX:+UseSerialGC", "-cp"].map(OsStr::new);
    let rest = [
        classes.as_os_str(),
        OsStr::new("kafka.Kafka"),
        OsStr::new("server.properties"),
    ];
    Guarded::start(folder, None, &[&line[..], &rest[..]].concat())
}

fn format_storage(folder: &Path, libraries: &Path) -> Result<()> {
    let output = Command::new("java")
        .args([
            "-Xmx128m",
            "-XX:+UseSerialGC",
            "-XX:TieredStopAtLevel=1",
            "-cp",
        ])
        .arg(libraries.join("*"))
        .args([
            "kafka.tools.StorageTool",
            "format",
            "--standalone",
            "-t",
            &cluster_id(folder),
        ])
        .args(["-c", "server.properties"])
        .current_dir(folder)
        .output()?;
    if !output.status.success() {
        bail!(
            "the broker's storage cannot be formatted: {}",
            String::from_utf8_lossy(&output.stderr)
        );
    }
    Ok(())
}

/// 16 bytes in base64 of which the last two bits count: one per folder.
fn cluster_id(folder: &Path) -> String {
    use sha2::Digest as _;
    let digest = sha2::Sha256::digest(folder.as_os_str().as_encoded_bytes());
    let letters = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdef";
    let text: String = digest[..21]
        .iter()
        .map(|byte| char::from(letters[usize::from(byte % 32)]))
        .collect();
    text + "A"
}

fn properties(folder: &Path, port: u16, control: u16) -> String {
    format!(
        "process.roles=broker,controller
node.id=1
controller.quorum.bootstrap.servers=127.0.0.1:{control}
listeners=PLAINTEXT://127.0.0.1:{port},CONTROLLER://127.0.0.1:{control}
advertised.listeners=PLAINTEXT://127.0.0.1:{port}
controller.listener.names=CONTROLLER
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT
inter.broker.listener.name=PLAINTEXT
log.dirs={}
auto.create.topics.enable=false
num.partitions=1
offsets.topic.replication.factor=1
offsets.topic.num.partitions=4
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
transaction.state.log.num.partitions=4
transaction.abort.timed.out.transaction.cleanup.interval.ms=1000
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
group.initial.rebalance.delay.ms=0
group.min.session.timeout.ms=1000
log.segment.bytes=104857600
log.cleaner.dedupe.buffer.size=4194304
",
        folder.join("data").display()
    )
}
