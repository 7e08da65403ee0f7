//! A host to upload to, the hostile guest to upload, and packets for its trial.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Arc, OnceLock};

use apache_avro::types::Value;
use apache_avro::{Schema, Writer};
use skysieve::evaluate::{Sandbox, Settings as Limits};
use skysieve::upload::{Refusal, Settings, StreamSamples, UploadError, Uploader};
use skysieve_decode::NoSchemas;
use tempfile::TempDir;

pub const SCHEMA: &str = r#"{"type": "record", "name": "alert", "fields": [
    {"name": "value", "type": ["null", "double"]},
    {"name": "series", "type": {"type": "array", "items":
        {"type": "record", "name": "point", "fields": [{"name": "x", "type": "float"}]}}},
    {"name": "name", "type": "string"}]}"#;

/// Built once by cargo, in the workspace's own target folder.
pub fn module() -> &'static [u8] {
    static MODULE: OnceLock<Vec<u8>> = OnceLock::new();
    MODULE.get_or_init(|| {
        let root = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("..");
        let built = Command::new(env!("CARGO"))
            .current_dir(&root)
            .args([
                "build",
                "--quiet",
                "--release",
                "--target",
                "wasm32-unknown-unknown",
                "-p",
                "hostile",
            ])
            .status()
            .unwrap();
        assert!(built.success(), "the hostile guest does not build");
        let target =
            std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root.join("target"), PathBuf::from);
        std::fs::read(target.join("wasm32-unknown-unknown/release/hostile.wasm")).unwrap()
    })
}

/// The guest with what follows a mark in its data overwritten.
pub fn marked(mark: &[u8], by: &[u8]) -> Vec<u8> {
    let mut module = module().to_vec();
    let place = module
        .windows(mark.len())
        .position(|window| window == mark)
        .unwrap()
        + mark.len();
    module[place..place + by.len()].copy_from_slice(by);
    module
}

/// The guest with another way to describe itself.
pub fn describing(how: u8) -> Vec<u8> {
    marked(b"hostile-describe-mode: ", &[how])
}

pub struct Stage {
    pub uploader: Uploader,
    pub folder: TempDir,
}

pub fn stage() -> Stage {
    stage_with(&Settings::default())
}

pub fn stage_with(settings: &Settings) -> Stage {
    let folder = tempfile::tempdir().unwrap();
    let uploader = uploader(folder.path(), settings);
    Stage { uploader, folder }
}

pub fn uploader(folder: &Path, settings: &Settings) -> Uploader {
    let limits = Limits {
        fuel_per_alert: 5_000_000,
        pool_instances: 4,
        ..Limits::default()
    };
    let program = PathBuf::from(env!("CARGO_BIN_EXE_skysieve"));
    Uploader::new(Sandbox::new(&limits).unwrap(), folder, program, settings).unwrap()
}

/// One packet per value.
pub fn samples(values: &[Option<f64>]) -> StreamSamples {
    let schema = Schema::parse_str(SCHEMA).unwrap();
    let packet = |value: &Option<f64>| -> Arc<[u8]> {
        let mut writer = Writer::new(&schema, Vec::new()).unwrap();
        let value = match value {
            Some(value) => Value::Union(1, Box::new(Value::Double(*value))),
            None => Value::Union(0, Box::new(Value::Null)),
        };
        let point = Value::Record(vec![("x".to_owned(), Value::Float(1.5))]);
        let record = Value::Record(vec![
            ("value".to_owned(), value),
            ("series".to_owned(), Value::Array(vec![point])),
            ("name".to_owned(), Value::String("an object".to_owned())),
        ]);
        writer.append_value(record).unwrap();
        writer.into_inner().unwrap().into()
    };
    StreamSamples::of_packets(values.iter().map(packet).collect(), Arc::new(NoSchemas))
}

/// The refusal of an upload to a stream of which nothing is known.
pub fn refusal(stage: &Stage, bytes: &[u8]) -> Refusal {
    match stage.uploader.accept(bytes, &StreamSamples::default()) {
        Err(UploadError::Refused(refusal)) => refusal,
        other => panic!("{other:?}"),
    }
}

/// A component of `body`, with an export of our name that has nothing in it.
pub fn component(body: &str) -> Vec<u8> {
    let text = format!(
        "(component {body} (instance $i) (export \"skysieve:filter/program@0.1.0\" (instance $i)))"
    );
    wat::parse_str(text).unwrap()
}
