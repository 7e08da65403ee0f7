//! One upload for every layer, refused there, with words that say what to change.

use skysieve::upload::{Caps, Settings, StreamSamples, UploadError};

use super::stage::{Stage, component, describing, module, refusal, stage, stage_with};

fn check(stage: &Stage, bytes: &[u8], code: &str, words: &str) {
    let refusal = refusal(stage, bytes);
    let message = refusal.to_string();
    assert_eq!(refusal.code(), code, "{message}");
    assert!(message.contains(words), "{message}");
}

#[test]
fn size_and_kind() {
    let small = stage_with(&Settings {
        component_bytes: 1000,
        ..Settings::default()
    });
    check(
        &small,
        module(),
        "too_large",
        "a filter may have 1000; build with `--release`",
    );
    let stage = stage();
    check(&stage, b"", "not_wasm", "an empty file");
    check(
        &stage,
        b"def keep(alert):\n  return True\n",
        "not_wasm",
        "Python source",
    );
    check(&stage, &module()[..100], "invalid_wasm", "damaged");
}

#[test]
fn modules_of_other_worlds() {
    let stage = stage();
    let wat = |text: &str| wat::parse_str(text).unwrap();
    check(
        &stage,
        &wat("(module)"),
        "no_component_type",
        "skysieve-sdk",
    );
    let wasi = wat(
        r#"(module (import "wasi_snapshot_preview1" "fd_write" (func (param i32 i32 i32 i32) (result i32))))"#,
    );
    check(
        &stage,
        &wasi,
        "wasi_import",
        "wasm32-unknown-unknown instead of",
    );
    let web = wat(r#"(module (import "wbg" "now" (func (result f64))))"#);
    check(&stage, &web, "foreign_import", "wasm-bindgen");
    let wasi = wat(r#"(component (import "wasi:clocks/monotonic-clock@0.2.0" (instance)))"#);
    check(
        &stage,
        &wasi,
        "wasi_import",
        "wasi:clocks/monotonic-clock@0.2.0",
    );
    let other = wat(r#"(component (import "acme:sky/catalogue" (instance)))"#);
    check(&stage, &other, "foreign_import", "`acme:sky/catalogue`");
    check(&stage, &wat("(component)"), "no_program", "it is no filter");
    let newer =
        wat(r#"(component (instance $i) (export "skysieve:filter/program@0.9.0" (instance $i)))"#);
    check(
        &stage,
        &newer,
        "world_version",
        "this host knows `skysieve:filter/program@0.1.0`",
    );
    check(&stage, &component(""), "does_not_fit", "describe");
}

#[test]
fn features_that_filters_may_not_use() {
    let stage = stage();
    for module in [
        "(core module (memory 1 1 shared))",
        "(core module (memory i64 1))",
        "(core module (memory 1) (memory 1))",
        "(core module (func $f (return_call $f)))",
        "(core module (type (struct)))",
        "(core module (func (result v128) v128.const i32x4 0 0 0 0 v128.const i32x4 0 0 0 0 i8x16.relaxed_swizzle))",
        "(core module (tag))",
    ] {
        check(
            &stage,
            &component(module),
            "invalid_wasm",
            "features that filters may not use",
        );
    }
}

#[test]
fn caps() {
    let caps = Caps {
        functions: 3,
        function_bytes: 100,
        locals: 10,
        block_depth: 5,
        branch_targets: 8,
        types: 6,
        imports: 2,
        exports: 3,
        globals: 2,
        segments: 2,
        parts: 2,
        instances: 3,
        nesting: 2,
    };
    let stage = stage_with(&Settings {
        caps,
        ..Settings::default()
    });
    let many = |count: usize, part: &str| format!("(core module {})", part.repeat(count));
    let within = |count: usize, part: &str| format!("(core module (func {}))", part.repeat(count));
    let nested = |count: usize| {
        format!(
            "(core module (func {} {}))",
            "(block ".repeat(count),
            ")".repeat(count)
        )
    };
    let table = |count: usize| {
        format!(
            "(core module (func i32.const 0 br_table {}))",
            "0 ".repeat(count)
        )
    };
    let over = [
        (many(4, "(func)"), "4 functions and may have 3"),
        (
            within(101, "nop "),
            "bytes in one function and may have 100; split it",
        ),
        (within(11, "(local i32)"), "local variables"),
        (nested(6), "blocks within each other"),
        (table(10), "branch targets"),
        (many(7, "(type (func))"), "types"),
        (many(3, "(import \"a\" \"b\" (func))"), "imports"),
        (many(3, "(global i32 (i32.const 0))"), "globals"),
        (many(3, "(data \"x\")"), "segments"),
        ("(core module)".repeat(3), "modules and components"),
        (
            "(core module $m)".to_owned() + &"(core instance (instantiate $m))".repeat(4),
            "instances",
        ),
        (
            "(component (component))".to_owned(),
            "components within each other",
        ),
    ];
    for (body, words) in over {
        check(&stage, &component(&body), "limit", words);
    }
    let at_the_limit = [
        many(3, "(func)"),
        within(96, "nop "),
        within(10, "(local i32)"),
        nested(5),
        table(8),
        many(2, "(global i32 (i32.const 0))"),
        many(2, "(data \"x\")"),
        "(core module)".repeat(2),
        "(component)".to_owned(),
    ];
    for body in at_the_limit {
        check(&stage, &component(&body), "does_not_fit", "describe");
    }
}

#[test]
fn descriptions() {
    let stage = stage();
    check(
        &stage,
        &describing(b'1'),
        "describe",
        "differently from call to call",
    );
    check(&stage, &describing(b'2'), "describe", "units of fuel");
    check(&stage, &describing(b'4'), "description", "257 fields");
}

/// Every place of `pattern` in the guest.
fn places(pattern: &[u8]) -> impl Iterator<Item = usize> {
    let places = module().windows(pattern.len()).enumerate();
    let found: Vec<usize> = places
        .filter(|(_, window)| *window == pattern)
        .map(|(place, _)| place)
        .collect();
    found.into_iter()
}

/// Taken or refused, but never a trouble of the host's.
fn survives(stage: &Stage, bytes: &[u8], what: &str) {
    match stage.uploader.accept(bytes, &StreamSamples::default()) {
        Ok(_) | Err(UploadError::Refused(_)) => {}
        Err(UploadError::Host(reason)) => panic!("{what}: {reason}"),
    }
}

#[test]
fn an_interface_that_refers_to_itself_ends_the_child_alone() {
    let stage = stage();
    // One of these makes wit-component recurse without end.
    let name = b"skysieve:filter/program";
    for place in places(name) {
        let mut bytes = module().to_vec();
        bytes[place + b"skysieve:filt".len()] = b'm';
        survives(&stage, &bytes, &format!("byte {place}"));
    }
    assert!(places(name).count() > 0);
}

#[test]
fn names_that_wrapping_gives_up_on_are_refused() {
    let stage = stage();
    for (from, to) in [
        (&b"skysieve:filter/log@0.1.0"[..], &b"__main_module__"[..]),
        (b"skysieve:filter/log@0.1.0", b"cm32p2|skysieve:filter/lo"),
    ] {
        for place in places(from) {
            let mut bytes = module().to_vec();
            bytes[place..place + to.len()].copy_from_slice(to);
            survives(&stage, &bytes, &format!("byte {place}"));
        }
    }
}

#[test]
fn changed_bytes_in_the_interface_are_survived() {
    let stage = stage();
    let section = places(b"component-type").next().unwrap();
    // Numbers that look random and are the same in every run (splitmix64).
    let mut state = 20_181_029_u64;
    let mut below = |bound: usize| {
        state = state.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mixed = (state ^ (state >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        usize::try_from((mixed ^ (mixed >> 27)) % bound as u64).unwrap()
    };
    for _ in 0..60 {
        let mut bytes = module().to_vec();
        let place = section + below(2_000).min(bytes.len() - section - 1);
        bytes[place] = u8::try_from(below(256)).unwrap();
        let what = format!("byte {place} is {}", bytes[place]);
        survives(&stage, &bytes, &what);
    }
}

#[test]
fn a_refused_filter_leaves_no_code_behind() {
    let stage = stage();
    let (modes, folder) = ([b'1', b'2', b'3'], stage.folder.path());
    let kept = || {
        let files = std::fs::read_dir(folder).unwrap();
        files
            .filter(|entry| {
                let name = entry.as_ref().unwrap().file_name();
                name.to_string_lossy().ends_with(".cwasm")
            })
            .count()
    };
    let refused = modes.iter().filter(|mode| {
        let accepted = stage
            .uploader
            .accept(&describing(**mode), &StreamSamples::default());
        accepted.is_err()
    });
    assert!(refused.count() > 0);
    let accepted = modes.iter().filter(|mode| {
        let accepted = stage
            .uploader
            .accept(&describing(**mode), &StreamSamples::default());
        accepted.is_ok()
    });
    assert_eq!(kept(), accepted.count());
}
