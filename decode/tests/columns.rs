//! What the declared type, alternatives and missing fields make of a column.
#![allow(clippy::unwrap_used)]

mod support;

use skysieve_decode::{Element, Field, FieldPath};
use support::{Documents, container, decode, field, json, long, longs, record, sized};

fn text(values: Vec<serde_json::Value>) -> String {
    serde_json::Value::from(values).to_string()
}

#[test]
fn the_declared_type_fixes_the_column() {
    let schema = record(&[
        ("i", "\"int\""),
        ("f", "\"float\""),
        ("s", "\"string\""),
        ("e", r#"{"type":"enum","name":"e","symbols":["u","g"]}"#),
        ("d", r#"{"type":"int","logicalType":"date"}"#),
        ("u", r#"{"type":"string","logicalType":"uuid"}"#),
        (
            "c",
            r#"{"type":"bytes","logicalType":"decimal","precision":4}"#,
        ),
    ]);
    let mut body = longs(&[-3]);
    body.extend(0.1f32.to_le_bytes());
    sized(&mut body, b"ZTF");
    body.extend(longs(&[1, 20_000]));
    sized(&mut body, b"not a uuid");
    sized(&mut body, &[1, 2]);
    let packet = container(&schema, "null", &[(1, &body)]);
    let check = |path: &str, element: Element, expected: &str| {
        let batch = decode(&[field(path, element)], Documents::default(), &[&packet]);
        assert_eq!(batch.damages, []);
        assert_eq!(batch.columns[0].data_type(), &element.data_type());
        assert_eq!(text(json(&batch.columns[0])), expected, "{path}");
    };
    check("i", Element::Int32, "[-3]");
    check("i", Element::Int64, "[-3]");
    check("i", Element::Float64, "[-3.0]");
    check("f", Element::Float32, "[0.1]");
    check("f", Element::Float64, "[0.10000000149011612]");
    check("s", Element::Utf8, "[\"ZTF\"]");
    check("e", Element::Utf8, "[\"g\"]");
    check("d", Element::Int32, "[20000]");
    check("u", Element::Utf8, "[\"not a uuid\"]");
    // As a type that would lose something, it is lacking.
    check("f", Element::Int64, "[null]");
    check("i", Element::Float32, "[null]");
    check("gone", Element::Utf8, "[null]");
    let batch = decode(
        &[field("s", Element::Binary), field("c", Element::Binary)],
        Documents::default(),
        &[&packet],
    );
    assert_eq!(json(&batch.columns[0])[0]["bytes"], 3);
    assert_eq!(json(&batch.columns[1])[0]["bytes"], 2);
}

#[test]
fn alternatives_follow_renames_and_order_is_kept() {
    let old = record(&[("alertId", "\"long\""), ("x", "\"int\"")]);
    let new = record(&[("x", "[\"int\",\"null\"]"), ("diaSourceId", "\"long\"")]);
    let neither = record(&[("y", "\"int\"")]);
    let packets = [
        container(&old, "null", &[(2, &longs(&[1, 10, 2, 20]))]),
        container(&new, "null", &[(1, &longs(&[0, 30, 3]))]),
        container(&neither, "null", &[(1, &longs(&[5]))]),
        container(&old, "null", &[]),
        container(&new, "null", &[(1, &longs(&[1, 1 << 60]))]),
        container(&old, "null", &[(1, &longs(&[4, 40]))]),
    ];
    let bytes: Vec<&[u8]> = packets.iter().map(Vec::as_slice).collect();
    let paths: Vec<FieldPath> = ["diaSourceId", "alertId"]
        .map(|path| path.parse().unwrap())
        .into();
    let fields = [
        Field::new(paths, Element::Int64).unwrap(),
        field("x", Element::Int32),
        field("x", Element::Int64),
    ];
    let batch = decode(&fields, Documents::default(), &bytes);
    assert_eq!(batch.damages, []);
    assert_eq!(
        text(json(&batch.columns[0])),
        format!("[1,2,3,null,{},4]", 1i64 << 60)
    );
    assert_eq!(text(json(&batch.columns[1])), "[10,20,30,null,null,40]");
    assert_eq!(json(&batch.columns[1]), json(&batch.columns[2]));
    assert_eq!(batch.records, [2, 1, 1, 0, 1, 1]);
    let rows: Vec<(u32, u32)> = batch
        .rows
        .iter()
        .map(|row| (row.packet, row.record))
        .collect();
    assert_eq!(rows, [(0, 0), (0, 1), (1, 0), (2, 0), (4, 0), (5, 0)]);
}

#[test]
fn of_two_fields_of_one_name_the_last_counts() {
    let schema = record(&[("x", "\"string\""), ("y", "\"int\""), ("x", "\"int\"")]);
    let mut body = Vec::new();
    sized(&mut body, b"first");
    body.extend(longs(&[1, 2]));
    let packet = container(&schema, "null", &[(1, &body)]);
    let fields = [
        field("x", Element::Int32),
        field("y", Element::Int32),
        field("x", Element::Utf8),
    ];
    let batch = decode(&fields, Documents::default(), &[&packet]);
    let columns: Vec<String> = batch
        .columns
        .iter()
        .map(|column| text(json(column)))
        .collect();
    assert_eq!(columns, ["[2]", "[1]", "[null]"]);
}

#[test]
fn nan_keeps_its_bits() {
    use arrow_array::cast::AsArray;
    use arrow_array::types::{Float32Type, Float64Type};
    let schema = record(&[("f", "\"float\""), ("d", "\"double\"")]);
    let (single, double) = (0xffc1_2345u32, 0x7ff8_0000_dead_beefu64);
    let body = [single.to_le_bytes().to_vec(), double.to_le_bytes().to_vec()].concat();
    let packet = container(&schema, "null", &[(1, &body)]);
    let fields = [field("f", Element::Float32), field("d", Element::Float64)];
    let batch = decode(&fields, Documents::default(), &[&packet]);
    assert_eq!(
        batch.columns[0]
            .as_primitive::<Float32Type>()
            .value(0)
            .to_bits(),
        single
    );
    assert_eq!(
        batch.columns[1]
            .as_primitive::<Float64Type>()
            .value(0)
            .to_bits(),
        double
    );
    assert_eq!(batch.columns[0].null_count(), 0);
}

#[test]
fn confluent_bodies_are_read_by_the_schema_of_their_id() {
    let mut documents = Documents::default();
    documents
        .0
        .insert(0x0102_0304, record(&[("x", "\"int\"")]).into());
    documents.0.insert(900, "{".into());
    let framed = |id: u32, body: &[i64]| [vec![0], id.to_be_bytes().to_vec(), longs(body)].concat();
    let packets = [
        framed(0x0102_0304, &[7]),
        framed(0x0102_0304, &[7, 7]),
        framed(0x0102_0304, &[]),
        framed(0x0403_0201, &[7]),
        framed(900, &[7]),
        vec![],
        b"Obk\x01 and more".to_vec(),
        vec![0, 1, 2, 3],
        framed(0x0102_0304, &[8]),
    ];
    let bytes: Vec<&[u8]> = packets.iter().map(Vec::as_slice).collect();
    let batch = decode(&[field("x", Element::Int32)], documents, &bytes);
    assert_eq!(text(json(&batch.columns[0])), "[7,8]");
    let errors: Vec<String> = batch
        .damages
        .iter()
        .map(|damage| damage.error.to_string())
        .collect();
    let parts = [
        "record 0, byte 6: 1 bytes are left over",
        "record 0, byte 5, at x: the bytes end here",
        "schema id 67305985 is not known: the folder of schema documents lacks it",
        "schema cannot be read: the schema is not valid JSON",
        "the packet is empty",
        "starts with 4f 62 6b 01 20 61 6e 64",
        "starts with 00 01 02 03",
    ];
    assert_eq!(errors.len(), parts.len(), "{errors:?}");
    for (error, part) in errors.iter().zip(parts) {
        assert!(error.contains(part), "{error}");
    }
}

#[test]
fn arrays_of_arrays_keep_null_and_empty_apart() {
    let schema = record(&[(
        "a",
        r#"["null",{"type":"array","items":["null",{"type":"record","name":"r","fields":[
            {"name":"b","type":[{"type":"array","items":["null","int"]},"null"]}]}]}]"#,
    )]);
    let body = longs(&[
        0, // null
        1, 0, // empty
        // Five items: null; null b; empty b; b of 5 and null.
        1, 4, 0, 1, 1, 1, 0, 0, 1, 0, 2, 1, 5, 0, 0, 0,
    ]);
    let mut body = body;
    long(&mut body, 0);
    let packet = container(&schema, "null", &[(4, &body)]);
    let batch = decode(
        &[field("a[].b[]", Element::Int64)],
        Documents::default(),
        &[&packet],
    );
    assert_eq!(batch.damages, []);
    assert_eq!(
        text(json(&batch.columns[0])),
        "[null,[],[null,null,[],[5,null]],null]"
    );
}
