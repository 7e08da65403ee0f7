//! Kafka's own libraries, from Maven Central, kept in the workspace's `target/`.
//!
//! In: `mvn`. Out: a folder of jars. Never: a second download.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, bail};

/// Version of Apache Kafka that the tests run.
pub const KAFKA_VERSION: &str = "4.1.0";
const LOG4J_VERSION: &str = "2.25.1";

/// The folder with Kafka's jars; fetched when it is not there yet. Other processes wait meanwhile.
///
/// # Errors
/// When it has to be fetched and `mvn` is missing or fails.
pub fn kafka_libraries() -> Result<PathBuf> {
    let root = target().join(format!("kafka-{KAFKA_VERSION}"));
    let (libraries, done) = (root.join("lib"), root.join("complete"));
    std::fs::create_dir_all(&root)?;
    let lock = std::fs::File::create(root.join("lock"))?;
    lock.lock()?;
    if !done.exists() {
        fetch(&root, &libraries)?;
        std::fs::write(done, "")?;
    }
    Ok(libraries)
}

fn fetch(root: &Path, libraries: &Path) -> Result<()> {
    std::fs::write(root.join("pom.xml"), project())?;
    eprintln!("fetching Apache Kafka {KAFKA_VERSION} from Maven Central");
    let output = Command::new("mvn")
        .args(["-q", "-B", "dependency:copy-dependencies"])
        .arg(format!("-DoutputDirectory={}", libraries.display()))
        .current_dir(root)
        .stdin(Stdio::null())
        .output()
        .context("mvn (Apache Maven) is not installed")?;
    if !output.status.success() {
        bail!(
            "mvn could not fetch Apache Kafka: {}",
            String::from_utf8_lossy(&output.stdout)
        );
    }
    Ok(())
}

fn project() -> String {
    let dependency = |group: &str, name: &str, version: &str| {
        format!(
            "<dependency><groupId>{group}</groupId><artifactId>{name}</artifactId>\
             <version>{version}</version></dependency>"
        )
    };
    format!(
        "<project xmlns=\"http://maven.apache.org/POM/4.0.0\"><modelVersion>4.0.0</modelVersion>\
         <groupId>skysieve</groupId><artifactId>test-broker</artifactId><version>1</version>\
         <dependencies>{}{}</dependencies></project>\n",
        dependency("org.apache.kafka", "kafka_2.13", KAFKA_VERSION),
        dependency(
            "org.apache.logging.log4j",
            "log4j-slf4j-impl",
            LOG4J_VERSION
        ),
    )
}

fn target() -> PathBuf {
    match std::env::var_os("CARGO_TARGET_DIR") {
        Some(target) => target.into(),
        None => Path::new(env!("CARGO_MANIFEST_DIR")).join("../target"),
    }
}
