//! The walk of `docs/three-people.md`, typed as it stands there.
//!
//! In: the document; a real broker, a real PostgreSQL, an empty folder for each person. Out: every command
//! succeeds and prints what the document shows; the counts are what lies in the filter's topic. Never:
//! another command, but for the addresses, than the reader's.

#![allow(clippy::unwrap_used)]

use std::collections::HashMap;
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;
use skysieve_tests::host::{program as skysieve, wait};
use skysieve_tests::topic::read_all;
use skysieve_tests::{Broker, Postgres};
use tempfile::TempDir;

const DOCUMENT: &str = include_str!("../../docs/three-people.md");
const SERVE: &str = "skysieve serve &";
const LIMIT: Duration = Duration::from_secs(60);
/// How many alerts of the night may go out, as the administrator says.
const QUOTA: usize = 100;
/// A person does not look again sooner, nor may they more than 600 times a minute.
const LOOK: Duration = Duration::from_millis(500);
/// Commands that change nothing: what they show may need a moment to come.
const LOOKS: [&str; 6] = ["list", "counts", "quota", "notices", "health", "withheld"];

/// A fenced block of the document.
#[derive(Debug)]
struct Block<'a> {
    /// The first word of the section's title.
    person: &'a str,
    language: &'a str,
    text: String,
}

fn blocks(document: &str) -> Vec<Block<'_>> {
    let mut blocks: Vec<Block<'_>> = Vec::new();
    let (mut person, mut is_inside) = ("", false);
    for line in document.lines() {
        match (line.strip_prefix("```"), is_inside) {
            (Some(language), false) => blocks.push(Block {
                person,
                language,
                text: String::new(),
            }),
            (None, true) => {
                let text = &mut blocks.last_mut().unwrap().text;
                text.push_str(line);
                text.push('\n');
            }
            (None, false) if line.starts_with("## ") => {
                person = line[3..].split(':').next().unwrap();
            }
            _ => {}
        }
        is_inside ^= line.starts_with("```");
    }
    blocks
}

/// Whether `said` has each expected line, in this order; `…` stands for anything.
fn shows(said: &str, expected: &str) -> Result<(), String> {
    let flat = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
    let mut lines = said.lines().map(flat);
    for wanted in expected.lines().map(flat).filter(|line| !line.is_empty()) {
        let parts: Vec<&str> = wanted.split('…').map(str::trim).collect();
        let fits = |line: &String| {
            let mut rest = line.as_str();
            parts.iter().all(|part| {
                let place = rest.find(part);
                rest = place.map_or("", |place| &rest[place + part.len()..]);
                place.is_some()
            })
        };
        if !lines.any(|line| fits(&line)) {
            return Err(wanted);
        }
    }
    Ok(())
}

/// The people's folders, and the host that one of them starts.
struct Stage {
    folder: TempDir,
    /// The document's addresses, and those of this run.
    addresses: Vec<(&'static str, String)>,
    current: HashMap<String, PathBuf>,
    host: Option<Child>,
    port: u16,
}

impl Drop for Stage {
    fn drop(&mut self) {
        if let Some(mut host) = self.host.take() {
            // The test is over, whatever it found.
            let _ = host.kill();
            let _ = host.wait();
        }
    }
}

impl Stage {
    fn here(&self, text: &str) -> String {
        self.addresses
            .iter()
            .fold(text.to_owned(), |text, (written, actual)| {
                text.replace(written, actual)
            })
    }

    /// Where the person is; at first an empty folder beside a copy of this repository.
    fn current(&mut self, person: &str) -> PathBuf {
        let [own, root] = [person, "root"].map(|name| self.folder.path().join(name));
        let current = self.current.entry(person.to_owned()).or_insert_with(|| {
            std::fs::create_dir_all(&own).unwrap();
            let repository = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
            std::os::unix::fs::symlink(repository, own.join("skysieve")).unwrap();
            let token = format!("{person}.token");
            // An administrator handed it over.
            let _ = std::fs::copy(root.join(&token), own.join(&token));
            own
        });
        current.clone()
    }

    fn command(&mut self, program: &str, person: &str) -> Command {
        let current = self.current(person);
        let folder = super_folder(&skysieve());
        let path = format!("{}:{}", folder.display(), std::env::var("PATH").unwrap());
        let mut command = Command::new(program);
        command.current_dir(current).env("PATH", path);
        command.env(
            "XDG_CONFIG_HOME",
            self.folder.path().join(person).join(".config"),
        );
        command.env(
            "CARGO_TARGET_DIR",
            super_folder(&folder).join("three-people"),
        );
        command
    }

    /// Types a block; everything that it printed.
    fn types(&mut self, person: &str, text: &str) -> Result<String, String> {
        let text = self.here(text);
        let place = self.folder.path().join("place");
        let script = format!(
            "set -euo pipefail\nexec 2>&1\n{text}\npwd > {}",
            place.display()
        );
        let mut bash = self.command("bash", person);
        let output = bash
            .args(["-c", &script])
            .stdin(Stdio::null())
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        if !output.status.success() {
            return Err(format!("{text}\nended with {}:\n{said}", output.status));
        }
        let now = std::fs::read_to_string(&place).unwrap();
        self.current
            .insert(person.to_owned(), PathBuf::from(now.trim()));
        Ok(said)
    }

    fn serve(&mut self, person: &str) {
        let log = std::fs::File::create(self.folder.path().join("serve.log")).unwrap();
        let mut serve = self.command("skysieve", person);
        serve.arg("serve").stdin(Stdio::null()).stderr(log);
        self.host = Some(serve.spawn().unwrap());
        let port = self.port;
        wait("skysieve serve answers", LIMIT, || {
            Ok(TcpStream::connect(("127.0.0.1", port))
                .is_ok()
                .then_some(()))
        })
        .unwrap();
    }

    fn json(&mut self, person: &str, words: &str) -> Value {
        let text = self.types(person, &format!("{words} --json")).unwrap();
        serde_json::from_str(&text).unwrap_or_else(|error| panic!("{words}: {error}: {text}"))
    }
}

fn super_folder(path: &Path) -> PathBuf {
    path.parent().unwrap().to_owned()
}

fn is_look(text: &str) -> bool {
    let mut lines = text.lines();
    lines.all(|line| {
        let mut words = line.split(' ').skip(1);
        words.next().is_some_and(|word| LOOKS.contains(&word))
    })
}

#[test]
fn everybody_gets_what_the_document_shows() {
    let Some(broker) = Broker::start_own(&[]).unwrap() else {
        return;
    };
    let Some(database) = Postgres::start_or_skip().unwrap() else {
        return;
    };
    let port = TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
        .port();
    let mut stage = Stage {
        folder: TempDir::new().unwrap(),
        addresses: vec![
            ("localhost:9092", broker.address().to_owned()),
            ("postgres://localhost/skysieve", database.url().to_owned()),
            ("127.0.0.1:8780", format!("127.0.0.1:{port}")),
        ],
        current: HashMap::new(),
        host: None,
        port,
    };
    for (written, _) in &stage.addresses {
        assert!(
            DOCUMENT.contains(written),
            "{written} is not in the document"
        );
    }
    let blocks = blocks(DOCUMENT);
    for (number, block) in blocks.iter().enumerate() {
        let person = block.person;
        match block.language {
            "toml" => {
                let file = stage.current(person).join("skysieve.toml");
                std::fs::write(file, stage.here(&block.text)).unwrap();
            }
            "sh" => {
                let next = blocks
                    .get(number + 1)
                    .filter(|next| next.language == "text");
                let expected = next.map_or("", |next| next.text.as_str());
                type_and_compare(&mut stage, person, &block.text, expected);
            }
            "text" => {}
            other => panic!("a block of {other:?}: what is to be done with it?"),
        }
    }
    reconcile(&mut stage, &broker);
}

fn type_and_compare(stage: &mut Stage, person: &str, text: &str, expected: &str) {
    let typed = text.replace(SERVE, "");
    let mut said = stage
        .types(person, &typed)
        .unwrap_or_else(|error| panic!("{error}"));
    if typed != text {
        stage.serve(person);
    }
    let begun = Instant::now();
    while is_look(text) && shows(&said, expected).is_err() && begun.elapsed() < LIMIT {
        std::thread::sleep(LOOK);
        said = stage
            .types(person, text)
            .unwrap_or_else(|error| panic!("{error}"));
    }
    println!("{person}$ {text}{said}");
    if let Err(line) = shows(&said, expected) {
        panic!("{person} typed\n{text}\nand did not see\n{line}\nbut\n{said}");
    }
}

/// What lies in the topic is what the counts call delivered, and no more than the quota.
fn reconcile(stage: &mut Stage, broker: &Broker) {
    let counts = stage.json("root", "skysieve counts novae/bright-and-real");
    let items = counts["items"].as_array().unwrap();
    let sum = |key: &str| {
        items
            .iter()
            .filter_map(|item| item[key].as_u64())
            .sum::<u64>()
    };
    let withheld: u64 = items
        .iter()
        .filter_map(|item| item["withheld"]["alerts_per_night"].as_u64())
        .sum();
    assert!(withheld > 0, "{counts:#}");
    assert_eq!(sum("passed"), sum("delivered") + withheld, "{counts:#}");
    let topic = "skysieve.ztf.novae.bright-and-real";
    let records = read_all(broker.address(), topic, LIMIT).unwrap();
    assert_eq!(records.len() as u64, sum("delivered"), "{counts:#}");
    assert_eq!(records.len(), QUOTA, "{counts:#}");
}

#[test]
fn the_comparison_sees_what_is_missing() {
    let said = "setting 1  active\nnight 2026-04-01, 12 passed\n";
    assert_eq!(shows(said, "setting 1 active\nnight …, 12 passed"), Ok(()));
    assert_eq!(
        shows(said, "night … passed\nsetting 1"),
        Err("setting 1".to_owned())
    );
    assert_eq!(shows(said, "13 passed"), Err("13 passed".to_owned()));
}
