//! What a plain `cargo build` leaves of each example filter can be uploaded as it is.
//!
//! What comes in: the core modules of `example-filters/`. What goes out: that each wraps into a
//! component of the contract with no import but the log, and stays small. Never: a run of one (the
//! host's tests do that).
#![allow(clippy::unwrap_used)]

use std::path::{Path, PathBuf};
use std::process::Command;

use wit_component::{ComponentEncoder, DecodedWasm, decode};

/// Far above what the simple ones need, far below the host's limit.
const LARGEST_FILTER_BYTES: usize = 200_000;

#[test]
fn each_example_is_a_component_that_imports_the_log_alone() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let names = example_names(&root.join("example-filters"));
    assert!(!names.is_empty());
    let folder = build(&root, &names);
    for name in names {
        let module =
            std::fs::read(folder.join(name.replace('-', "_")).with_extension("wasm")).unwrap();
        println!("{name}: {} bytes", module.len());
        assert!(
            module.len() < LARGEST_FILTER_BYTES,
            "{name} has {} bytes",
            module.len()
        );
        check(&name, &module);
    }
}

fn example_names(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap());
    let crates = entries.filter(|entry| entry.path().join("Cargo.toml").exists());
    let mut names: Vec<_> = crates
        .map(|entry| entry.file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

fn build(root: &Path, names: &[String]) -> PathBuf {
    let mut cargo = Command::new(env!("CARGO"));
    cargo
        .current_dir(root)
        .args(["build", "--release", "--target", "wasm32-unknown-unknown"]);
    for name in names {
        cargo.args(["--package", name]);
    }
    assert!(cargo.status().unwrap().success());
    let target = std::env::var_os("CARGO_TARGET_DIR").map_or(root.join("target"), PathBuf::from);
    target.join("wasm32-unknown-unknown/release")
}

fn check(name: &str, module: &[u8]) {
    let component = ComponentEncoder::default()
        .validate(true)
        .module(module)
        .unwrap()
        .encode()
        .unwrap();
    let DecodedWasm::Component(resolve, world) = decode(&component).unwrap() else {
        panic!("{name} is no component");
    };
    let world = &resolve.worlds[world];
    let imports: Vec<_> = world
        .imports
        .keys()
        .map(|key| resolve.name_world_key(key))
        .collect();
    let allowed = ["skysieve:filter/types@0.1.0", "skysieve:filter/log@0.1.0"];
    assert!(
        imports
            .iter()
            .all(|import| allowed.contains(&import.as_str())),
        "{name}: {imports:?}"
    );
    let exports: Vec<_> = world
        .exports
        .keys()
        .map(|key| resolve.name_world_key(key))
        .collect();
    assert_eq!(exports, ["skysieve:filter/program@0.1.0"], "{name}");
}
