//! What several tests of this crate need: the folder of real packets, schema trees, single paths.
#![allow(dead_code, clippy::unwrap_used)]

pub mod generated;

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use skysieve_decode::{Batch, Decoder, Element, Field, Limits, SchemaSource, assemble};

/// The folder of real packets, or none, in which case one line says so.
pub fn alerts() -> Option<PathBuf> {
    let default = concat!(env!("CARGO_MANIFEST_DIR"), "/../../shared/alerts");
    let folder = PathBuf::from(std::env::var_os("SKYSIEVE_ALERTS").unwrap_or(default.into()));
    if folder.is_dir() {
        return Some(folder);
    }
    println!(
        "skipped: no folder of alerts at {}; set SKYSIEVE_ALERTS",
        folder.display()
    );
    None
}

/// Every packet below a folder, sorted by name; schema documents and texts are left out.
pub fn packets(folder: &Path) -> Vec<(String, Vec<u8>)> {
    let mut files = Vec::new();
    collect(folder, &mut files);
    files.sort();
    let name = |file: &Path| file.strip_prefix(folder).unwrap().display().to_string();
    files
        .iter()
        .map(|file| (name(file), std::fs::read(file).unwrap()))
        .collect()
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        if path.is_dir() {
            if !name.ends_with("-schemas") {
                collect(&path, files);
            }
        } else if !["avsc", "md", "csv", "json"]
            .iter()
            .any(|end| name.ends_with(end))
        {
            files.push(path);
        }
    }
}

/// Documents by id.
#[derive(Default)]
pub struct Documents(pub HashMap<u32, Arc<str>>);

impl SchemaSource for Documents {
    fn schema(&self, id: u32) -> Option<Arc<str>> {
        self.0.get(&id).cloned()
    }
}

/// Rubin's schema tree, `<major>/<minor>/*.avsc`.
pub fn rubin(alerts: &Path) -> Documents {
    let mut documents = Documents::default();
    for major in 1..20u32 {
        for minor in 0..10u32 {
            let folder = alerts.join(format!("lsst-schemas/{major}/{minor}"));
            let Ok(entries) = std::fs::read_dir(&folder) else {
                continue;
            };
            let files = entries
                .map(|entry| entry.unwrap().path())
                .filter(|p| p.extension().is_some());
            let parts: Vec<_> = files
                .map(|p| {
                    (
                        p.display().to_string(),
                        std::fs::read_to_string(&p).unwrap(),
                    )
                })
                .collect();
            documents
                .0
                .insert(major * 100 + minor, assemble(&parts).unwrap().into());
        }
    }
    documents
}

/// A field of one path.
pub fn field(path: &str, element: Element) -> Field {
    Field::new(vec![path.parse().unwrap()], element).unwrap()
}

/// Decodes packets with a fresh decoder.
pub fn decode(fields: &[Field], schemas: Documents, packets: &[&[u8]]) -> Batch {
    Decoder::new(fields.to_vec(), Arc::new(schemas), Limits::default())
        .unwrap()
        .decode(packets)
}

/// Appends a number as Avro writes an int or long.
pub fn long(out: &mut Vec<u8>, value: i64) {
    let mut rest = ((value << 1) ^ (value >> 63)) as u64;
    while rest >= 0x80 {
        out.push(rest as u8 | 0x80);
        rest >>= 7;
    }
    out.push(rest as u8);
}

/// Numbers end to end.
pub fn longs(values: &[i64]) -> Vec<u8> {
    let mut out = Vec::new();
    values.iter().for_each(|value| long(&mut out, *value));
    out
}

/// Appends text or bytes.
pub fn sized(out: &mut Vec<u8>, bytes: &[u8]) {
    long(out, bytes.len() as i64);
    out.extend_from_slice(bytes);
}

/// Ends every block of the containers below.
pub const SYNC: [u8; 16] = *b"0123456789abcdef";

/// A container with these blocks: number of records, data.
pub fn container(schema: &str, codec: &str, blocks: &[(i64, &[u8])]) -> Vec<u8> {
    let mut out = b"Obj\x01".to_vec();
    long(&mut out, 2);
    for (key, value) in [("avro.schema", schema), ("avro.codec", codec)] {
        sized(&mut out, key.as_bytes());
        sized(&mut out, value.as_bytes());
    }
    out.push(0);
    out.extend(SYNC);
    for (records, data) in blocks {
        long(&mut out, *records);
        sized(&mut out, data);
        out.extend(SYNC);
    }
    out
}

/// A record schema called `alert` with these fields.
pub fn record(fields: &[(&str, &str)]) -> String {
    let fields: Vec<String> = fields
        .iter()
        .map(|(name, kind)| format!(r#"{{"name":"{name}","type":{kind}}}"#))
        .collect();
    format!(
        r#"{{"type":"record","name":"alert","fields":[{}]}}"#,
        fields.join(",")
    )
}

/// A column as JSON values, one per row.
pub fn json(column: &dyn arrow_array::Array) -> Vec<serde_json::Value> {
    (0..column.len())
        .map(|row| {
            let mut text = String::new();
            skysieve_decode::write_json(&mut text, column, row).unwrap();
            serde_json::from_str(&text).unwrap()
        })
        .collect()
}

/// The value of a path in a whole alert as JSON: what the column of that path has to hold.
pub fn at_path(
    alert: &serde_json::Value,
    members: &[skysieve_decode::Member],
) -> serde_json::Value {
    let Some((first, rest)) = members.split_first() else {
        return alert.clone();
    };
    match alert {
        serde_json::Value::Null => serde_json::Value::Null,
        _ => through_arrays(&alert[&first.name], first.arrays, rest),
    }
}

fn through_arrays(
    value: &serde_json::Value,
    arrays: usize,
    rest: &[skysieve_decode::Member],
) -> serde_json::Value {
    match value {
        serde_json::Value::Array(items) if arrays > 0 => items
            .iter()
            .map(|item| through_arrays(item, arrays - 1, rest))
            .collect(),
        serde_json::Value::Null => serde_json::Value::Null,
        other => at_path(other, rest),
    }
}
