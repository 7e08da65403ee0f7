//! Packets of every type and codec, written by apache-avro from a seed.
#![allow(dead_code, clippy::unwrap_used)]

use apache_avro::types::Value;
use apache_avro::{Codec, Schema, Writer};
use serde_json::{Map, json};
use sha2::{Digest, Sha256};

/// Every type, nullable either way round, nested as surveys nest them and deeper.
pub const SCHEMA: &str = r#"{"type":"record","name":"alert","namespace":"made.up","fields":[
    {"name":"truth","type":"boolean"},
    {"name":"small","type":"int"},
    {"name":"large","type":"long"},
    {"name":"single","type":"float"},
    {"name":"double","type":"double"},
    {"name":"text","type":"string"},
    {"name":"raw","type":"bytes"},
    {"name":"four","type":{"type":"fixed","name":"four","size":4}},
    {"name":"band","type":{"type":"enum","name":"band","symbols":["u","g","r"]}},
    {"name":"maybe_truth","type":["null","boolean"]},
    {"name":"maybe_small","type":["int","null"]},
    {"name":"maybe_large","type":["null","long"]},
    {"name":"maybe_single","type":["float","null"]},
    {"name":"maybe_double","type":["null","double"]},
    {"name":"maybe_text","type":["string","null"]},
    {"name":"maybe_raw","type":["null","bytes"]},
    {"name":"maybe_four","type":["null","four"]},
    {"name":"maybe_band","type":["band","null"]},
    {"name":"nothing","type":"null"},
    {"name":"source","type":{"type":"record","name":"source","fields":[
        {"name":"flux","type":["null","float"]},
        {"name":"time","type":"double"},
        {"name":"flags","type":["null",{"type":"array","items":["null","int"]}]},
        {"name":"band","type":"band"}]}},
    {"name":"history","type":["null",{"type":"array","items":"source"}]},
    {"name":"gaps","type":[{"type":"array","items":["source","null"]},"null"]},
    {"name":"grid","type":{"type":"array","items":{"type":"array","items":"long"}}},
    {"name":"words","type":["null",{"type":"map","values":["null","string"]}]},
    {"name":"either","type":["null","int","string",{"type":"array","items":"float"}]},
    {"name":"object","type":["null",{"type":"record","name":"object","fields":[
        {"name":"id","type":"long"},
        {"name":"nearest","type":["null","source"]},
        {"name":"names","type":{"type":"array","items":"string"}}]}]}]}"#;

/// By Avro's names.
pub const CODECS: [&str; 6] = ["null", "deflate", "snappy", "zstandard", "bzip2", "xz"];

/// Random values of one seed.
pub struct Random(u64);

impl Random {
    pub fn new(seed: u64) -> Random {
        Random(seed ^ 0x9e37_79b9_7f4a_7c15)
    }

    /// SplitMix64.
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    pub fn below(&mut self, bound: usize) -> usize {
        (self.next() % bound as u64) as usize
    }

    fn float(&mut self) -> f64 {
        match self.below(6) {
            0 => f64::NAN,
            1 => f64::INFINITY,
            2 => -0.0,
            _ => f64::from(self.next() as i32) / 1000.0,
        }
    }

    fn integer(&mut self) -> i64 {
        let bits = self.below(64);
        (self.next() as i64) >> bits
    }

    /// A value of the schema.
    pub fn value(&mut self, schema: &Schema, names: &Names<'_>) -> Value {
        match schema {
            Schema::Null => Value::Null,
            Schema::Boolean => Value::Boolean(self.below(2) == 1),
            Schema::Int => Value::Int(self.integer() as i32),
            Schema::Long => Value::Long(self.integer()),
            Schema::Float => Value::Float(self.float() as f32),
            Schema::Double => Value::Double(self.float()),
            Schema::Bytes => Value::Bytes((0..self.below(9)).map(|_| self.next() as u8).collect()),
            Schema::String => Value::String(["", "null", "ZTF18", "é\"\n"][self.below(4)].into()),
            Schema::Fixed(fixed) => Value::Fixed(
                fixed.size,
                (0..fixed.size).map(|_| self.next() as u8).collect(),
            ),
            Schema::Enum(symbols) => {
                let index = self.below(symbols.symbols.len());
                Value::Enum(index as u32, symbols.symbols[index].clone())
            }
            Schema::Array(array) => Value::Array(
                (0..self.below(4))
                    .map(|_| self.value(&array.items, names))
                    .collect(),
            ),
            Schema::Map(map) => Value::Map(
                (0..self.below(3))
                    .map(|key| (format!("k{key}"), self.value(&map.types, names)))
                    .collect(),
            ),
            Schema::Union(union) => {
                let branch = self.below(union.variants().len());
                Value::Union(
                    branch as u32,
                    Box::new(self.value(&union.variants()[branch], names)),
                )
            }
            Schema::Record(record) => Value::Record(
                record
                    .fields
                    .iter()
                    .map(|field| (field.name.clone(), self.value(&field.schema, names)))
                    .collect(),
            ),
            Schema::Ref { name } => self.value(names[&name.to_string()], names),
            other => panic!("{other:?} is not in the schema"),
        }
    }
}

/// Named types.
pub type Names<'a> = std::collections::HashMap<String, &'a Schema>;

fn collect<'a>(schema: &'a Schema, names: &mut Names<'a>) {
    if let Some(name) = schema.name()
        && !matches!(schema, Schema::Ref { .. })
    {
        names.insert(name.to_string(), schema);
    }
    match schema {
        Schema::Record(record) => record
            .fields
            .iter()
            .for_each(|field| collect(&field.schema, names)),
        Schema::Array(array) => collect(&array.items, names),
        Schema::Map(map) => collect(&map.types, names),
        Schema::Union(union) => union
            .variants()
            .iter()
            .for_each(|branch| collect(branch, names)),
        _ => {}
    }
}

/// A container of random records, and these as JSON.
pub fn packet(seed: u64, codec: &str, records: usize) -> (Vec<u8>, Vec<serde_json::Value>) {
    let schema = Schema::parse_str(SCHEMA).unwrap();
    let mut names = Names::new();
    collect(&schema, &mut names);
    let mut random = Random::new(seed);
    let codec: Codec = codec.parse().unwrap();
    let mut writer = Writer::with_codec(&schema, Vec::new(), codec).unwrap();
    let mut values = Vec::new();
    for index in 0..records {
        let value = random.value(&schema, &names);
        values.push(to_json(&value));
        writer.append_value(value).unwrap();
        if index % 3 == 2 {
            writer.flush().unwrap();
        }
    }
    (writer.into_inner().unwrap(), values)
}

/// As `skysieve show` writes it.
pub fn to_json(value: &Value) -> serde_json::Value {
    let float = |value: f64, text: String| match value {
        _ if value.is_nan() => json!("NaN"),
        f64::INFINITY => json!("Infinity"),
        f64::NEG_INFINITY => json!("-Infinity"),
        _ => serde_json::from_str(&text).unwrap(),
    };
    match value {
        Value::Null => json!(null),
        Value::Boolean(value) => json!(value),
        Value::Int(value) => json!(value),
        Value::Long(value) => json!(value),
        Value::Float(value) => float((*value).into(), format!("{value:?}")),
        Value::Double(value) => float(*value, format!("{value:?}")),
        Value::String(value) | Value::Enum(_, value) => json!(value),
        Value::Bytes(bytes) | Value::Fixed(_, bytes) => {
            let hash: String = Sha256::digest(bytes)
                .iter()
                .map(|byte| format!("{byte:02x}"))
                .collect();
            json!({"bytes": bytes.len(), "sha256": hash})
        }
        Value::Array(items) => items.iter().map(to_json).collect(),
        Value::Map(entries) => {
            let entries: Map<_, _> = entries
                .iter()
                .map(|(key, value)| (key.clone(), to_json(value)))
                .collect();
            entries.into()
        }
        Value::Record(fields) => {
            let fields: Map<_, _> = fields
                .iter()
                .map(|(name, value)| (name.clone(), to_json(value)))
                .collect();
            fields.into()
        }
        Value::Union(_, value) => to_json(value),
        Value::TimestampMillis(time) | Value::TimestampMicros(time) => json!(time),
        other => panic!("{other:?} is not in the schema"),
    }
}
