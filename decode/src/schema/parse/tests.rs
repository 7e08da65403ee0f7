//! Schema documents as surveys write them, and such that are none.

#![allow(clippy::unwrap_used)]
use super::*;

fn root_of(document: &str) -> (Schema, Vec<Member>) {
    let schema = Schema::parse(document).unwrap();
    let Type::Record(members) = schema.type_of(schema.root()).clone() else {
        panic!("no record")
    };
    (schema, members)
}

#[test]
fn resolves_names_in_every_spelling() {
    let (schema, members) = root_of(
        r#"{"type":"record","name":"n.s.alert","extra":1,"fields":[
            {"name":"first","type":"later"},
            {"name":"a","type":{"type":"record","name":"part","fields":[{"name":"x","type":"int","default":null}]}},
            {"name":"b","type":"part"},
            {"name":"c","type":"n.s.part"},
            {"name":"d","type":{"type":"n.s.part"}},
            {"name":"e","type":{"type":{"type":"fixed","name":"other.later","size":3}}},
            {"name":"f","type":{"type":"fixed","name":"later","size":4,"logicalType":"decimal"}},
            {"name":"chi/N","type":["null","other.later"]}]}"#,
    );
    let ids: Vec<TypeId> = members.iter().map(|member| member.type_id).collect();
    assert!(ids[1] == ids[2] && ids[2] == ids[3] && ids[3] == ids[4]);
    assert_eq!(schema.type_of(ids[0]), &Type::Fixed(4));
    assert_eq!(schema.type_of(ids[5]), &Type::Fixed(3));
    assert_eq!(schema.fixed_size(ids[1]), None);
    assert_eq!(Schema::member(&members, "chi/N"), Some(7));
}

#[test]
fn recursive_types_are_a_loop_in_the_table_only() {
    let (schema, members) = root_of(
        r#"{"type":"record","name":"r","fields":[{"name":"next","type":["null","r"]},{"name":"me","type":"r"}]}"#,
    );
    assert_eq!(members[1].type_id, schema.root());
    assert_eq!(schema.fixed_size(schema.root()), None);
}

#[test]
fn says_what_is_wrong() {
    for (document, part) in [
        ("{", "not valid JSON"),
        ("3", "neither a name"),
        (r#""wibble""#, "\"wibble\" is not defined"),
        (
            r#"{"type":"record","name":"r"}"#,
            "r: lacks its list of fields",
        ),
        (r#"{"type":"record","fields":[]}"#, "lacks a name"),
        (
            r#"{"type":"record","name":"r","fields":[{"name":"x"}]}"#,
            "x: lacks a type",
        ),
        (
            r#"{"type":"record","name":"r","fields":[{"type":"int"}]}"#,
            "a field without a name",
        ),
        (
            r#"{"type":"enum","name":"e","symbols":[1]}"#,
            "lacks its list of symbols",
        ),
        (r#"{"type":"fixed","name":"f","size":-1}"#, "lacks its size"),
        (r#"{"type":"array"}"#, "lacks items"),
        (r#"{"type":"map"}"#, "lacks values"),
        (r#"{"name":"x"}"#, "x: lacks a type"),
    ] {
        let error = Schema::parse(document).unwrap_err().to_string();
        assert!(error.contains(part), "{document}: {error}");
    }
    let large = format!("\"int\"{}", " ".repeat(LARGEST_DOCUMENT - 5));
    assert!(Schema::parse(&large).is_ok());
    assert_eq!(
        Schema::parse(&(large + " ")).err(),
        Some(SchemaError::TooLarge {
            bytes: LARGEST_DOCUMENT + 1
        })
    );
    let deep = "[".repeat(200) + &"]".repeat(200);
    assert!(matches!(Schema::parse(&deep), Err(SchemaError::Json(_))));
}
