//! `skysieve show` as a user runs it: lines, damaged packets, fields, tars, schema folders.
#![allow(clippy::unwrap_used, missing_docs)]

use std::path::Path;
use std::process::{Command, Output, Stdio};

const SCHEMA: &str = r#"{"type":"record","name":"alert","fields":[
    {"name":"id","type":"long"},{"name":"mag","type":["null","float"]},
    {"name":"old","type":["null",{"type":"array","items":"double"}]},{"name":"image","type":"bytes"}]}"#;

/// Two records: the second has nothing but NaN in its history.
fn bodies() -> Vec<u8> {
    let mut bytes = vec![14, 2];
    bytes.extend(0.1f32.to_le_bytes());
    bytes.extend([0, 0]);
    bytes.extend([16, 0, 2, 2]);
    bytes.extend(f64::NAN.to_le_bytes());
    bytes.extend([0, 2, 0xff]);
    bytes
}

fn sized(out: &mut Vec<u8>, bytes: &[u8]) {
    let mut length = bytes.len() << 1;
    while length >= 0x80 {
        out.push(length as u8 | 0x80);
        length >>= 7;
    }
    out.push(length as u8);
    out.extend_from_slice(bytes);
}

fn container() -> Vec<u8> {
    let mut out = b"Obj\x01\x02".to_vec();
    sized(&mut out, b"avro.schema");
    sized(&mut out, SCHEMA.as_bytes());
    out.push(0);
    out.extend([7; 16]);
    out.push(4);
    sized(&mut out, &bodies());
    out.extend([7; 16]);
    out
}

fn show(folder: &Path, arguments: &[&str]) -> (Vec<String>, String, i32) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_skysieve"));
    let Output {
        status,
        stdout,
        stderr,
    } = command
        .current_dir(folder)
        .arg("show")
        .args(arguments)
        .output()
        .unwrap();
    let lines = String::from_utf8(stdout)
        .unwrap()
        .lines()
        .map(str::to_owned)
        .collect();
    (
        lines,
        String::from_utf8(stderr).unwrap(),
        status.code().unwrap(),
    )
}

fn folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let inside = folder.path().join("night/b");
    std::fs::create_dir_all(&inside).unwrap();
    std::fs::write(inside.join("two.avro"), container()).unwrap();
    let cut = container();
    std::fs::write(folder.path().join("night/a.avro"), &cut[..cut.len() - 20]).unwrap();
    let schemas = folder.path().join("schemas/3/1");
    std::fs::create_dir_all(&schemas).unwrap();
    std::fs::write(schemas.join("alert.avsc"), SCHEMA).unwrap();
    let framed = [&[0, 0, 0, 1, 45], &bodies()[..8]].concat();
    std::fs::write(folder.path().join("one.wire"), framed).unwrap();
    folder
}

const FIRST: &str = r#"{"id":7,"mag":0.1,"old":null,"image":{"bytes":0,"sha256":"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"}}"#;
const SECOND: &str = r#"{"id":8,"mag":null,"old":["NaN"],"image":{"bytes":1,"sha256":"a8100ae6aa1940d0b663bb31cd466142ebbdbd5187131b92d93818987832eb89"}}"#;

#[test]
fn records_are_lines_and_damage_is_said_and_counts() {
    let folder = folder();
    let (lines, _, status) = show(folder.path(), &["night"]);
    assert_eq!(lines.len(), 3);
    assert!(
        lines[0].starts_with(r#"{"file":"night/a.avro","record":0,"error":"byte "#),
        "{}",
        lines[0]
    );
    assert_eq!(
        lines[1],
        format!(r#"{{"file":"night/b/two.avro","record":0,"alert":{FIRST}}}"#)
    );
    assert_eq!(
        lines[2],
        format!(r#"{{"file":"night/b/two.avro","record":1,"alert":{SECOND}}}"#)
    );
    assert_eq!(status, 1);
    let (lines, _, status) = show(folder.path(), &["./night/b/two.avro"]);
    assert!(
        lines[0].starts_with(r#"{"file":"./night/b/two.avro","record":0,"#),
        "{}",
        lines[0]
    );
    assert_eq!((lines.len(), status), (2, 0));
}

#[test]
fn fields_are_shown_by_their_paths() {
    let folder = folder();
    let file = "night/b/two.avro";
    let (lines, message, status) = show(
        folder.path(),
        &[file, "--field", "mag", "--field", "old[]", "--field", "mga"],
    );
    assert_eq!(
        lines[0],
        format!(r#"{{"file":"{file}","record":0,"alert":{{"mag":0.1,"old[]":null,"mga":null}}}}"#)
    );
    assert_eq!(
        lines[1],
        format!(
            r#"{{"file":"{file}","record":1,"alert":{{"mag":null,"old[]":["NaN"],"mga":null}}}}"#
        )
    );
    assert!(
        message.contains("there is no mga; did you mean mag"),
        "{message}"
    );
    assert_eq!(status, 0);
    let (lines, message, status) = show(folder.path(), &[file, "--field", "old"]);
    assert!(message.contains("old is an array"), "{message}");
    assert!(
        lines
            .iter()
            .all(|line| line.contains(r#""alert":{"old":null}"#)),
        "{lines:?}"
    );
    assert_ne!(status, 0);
}

#[test]
fn confluent_packets_need_a_folder_of_schemas() {
    let folder = folder();
    let (lines, _, status) = show(folder.path(), &["one.wire", "--schema-dir", "schemas"]);
    assert_eq!(
        lines,
        [format!(
            r#"{{"file":"one.wire","record":0,"alert":{FIRST}}}"#
        )]
    );
    assert_eq!(status, 0);
    let (lines, _, status) = show(folder.path(), &["one.wire"]);
    assert_eq!(
        lines,
        [
            r#"{"file":"one.wire","record":0,"error":"schema id 301 is not known: the folder of schema documents lacks it"}"#
        ]
    );
    assert_eq!(status, 1);
    let (_, message, status) = show(folder.path(), &["one.wire", "--schema-dir", "night"]);
    assert!(message.contains("holds no schemas"), "{message}");
    assert_ne!(status, 0);
    let (_, message, _) = show(folder.path(), &["nowhere.avro"]);
    assert!(message.contains("nowhere.avro"), "{message}");
}

#[test]
fn packets_of_a_tar_are_numbered() {
    let folder = folder();
    let mut tar =
        tar::Builder::new(std::fs::File::create(folder.path().join("night.tar")).unwrap());
    for name in ["x.avro", "y.avro"] {
        tar.append_path_with_name(folder.path().join("night/b/two.avro"), name)
            .unwrap();
    }
    tar.finish().unwrap();
    drop(tar);
    let (lines, _, status) = show(folder.path(), &["night.tar"]);
    assert_eq!((lines.len(), status), (4, 0));
    assert_eq!(
        lines[3],
        format!(r#"{{"file":"night.tar","packet":1,"record":1,"alert":{SECOND}}}"#)
    );
}

#[test]
fn a_reader_that_goes_away_is_no_error() {
    let folder = folder();
    let many = vec!["night/b/two.avro"; 1];
    let mut child = Command::new(env!("CARGO_BIN_EXE_skysieve"))
        .current_dir(folder.path())
        .arg("show")
        .args(many)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert!(
        output.stderr.is_empty(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    assert!(output.status.success());
}
