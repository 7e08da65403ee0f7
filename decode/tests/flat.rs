//! Flat buffers of whole, sliced and taken columns say what the columns say.
#![allow(clippy::unwrap_used)]

mod support;

use std::borrow::Cow;
use std::sync::Arc;

use arrow_array::{Array, Float64Array, ListArray, NullArray};
use arrow_buffer::OffsetBuffer;
use proptest::prelude::*;
use serde_json::{Value, json};
use skysieve_decode::flat::{FlatColumn, FlatValues, FlatVarying, take_rows};
use skysieve_decode::{Field, Schema};
use support::generated::{SCHEMA, packet};
use support::{Documents, decode, json};

fn bit(bitmap: &[u8], index: usize) -> bool {
    bitmap[index / 8] >> (index % 8) & 1 == 1
}

/// Checks a bitmap's length and its unused bits.
fn check_bitmap(bitmap: &[u8], length: usize) {
    assert_eq!(bitmap.len(), length.div_ceil(8));
    (length..bitmap.len() * 8).for_each(|index| assert!(!bit(bitmap, index)));
}

fn check_offsets(offsets: &[u32], elements: usize, end: usize) {
    assert_eq!(
        (offsets.len(), offsets[0], offsets[elements] as usize),
        (elements + 1, 0, end)
    );
    assert!(offsets.is_sorted());
}

/// Length of the values, and the element of an index as JSON.
fn element(values: &FlatValues<'_>, elements: usize, index: usize) -> Value {
    let float = |value: f64, text: String| match value {
        _ if value.is_nan() => json!("NaN"),
        _ if value.is_infinite() => json!(if value > 0.0 { "Infinity" } else { "-Infinity" }),
        _ => serde_json::from_str(&text).unwrap(),
    };
    let slice = |varying: &FlatVarying<'_>| {
        check_offsets(&varying.offsets, elements, varying.bytes.len());
        varying.bytes[varying.offsets[index] as usize..varying.offsets[index + 1] as usize].to_vec()
    };
    match values {
        FlatValues::Boolean(bits) => {
            check_bitmap(bits, elements);
            json!(bit(bits, index))
        }
        FlatValues::Int32(values) => json!(values[index]),
        FlatValues::Int64(values) => json!(values[index]),
        FlatValues::Float32(values) => float(values[index].into(), format!("{:?}", values[index])),
        FlatValues::Float64(values) => float(values[index], format!("{:?}", values[index])),
        FlatValues::Utf8(values) => json!(String::from_utf8(slice(values)).unwrap()),
        FlatValues::Binary(values) => {
            support::generated::to_json(&apache_avro::types::Value::Bytes(slice(values)))
        }
    }
}

/// Element `index` at a level, children and all.
fn nested(column: &FlatColumn<'_>, level: usize, elements: usize, index: usize) -> Value {
    let Some(list) = column.levels.get(level) else {
        if let Some(validity) = &column.validity {
            check_bitmap(validity, elements);
            if !bit(validity, index) {
                return Value::Null;
            }
        }
        return element(&column.values, elements, index);
    };
    let children = list.offsets[elements] as usize;
    check_offsets(&list.offsets, elements, children);
    let owned = list.offsets[index] as usize..list.offsets[index + 1] as usize;
    if let Some(validity) = &list.validity {
        check_bitmap(validity, elements);
        if !bit(validity, index) {
            assert!(owned.is_empty(), "a null array owns no children");
            return Value::Null;
        }
    }
    owned
        .map(|child| nested(column, level + 1, children, child))
        .collect()
}

fn check(array: &dyn Array) {
    let flat = FlatColumn::of(array).unwrap();
    let rows: Vec<Value> = (0..array.len())
        .map(|row| nested(&flat, 0, array.len(), row))
        .collect();
    assert_eq!(rows, json(array));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]

    #[test]
    fn flat_columns_say_what_the_columns_say(
        seed in any::<u64>(),
        rows in prop::collection::vec(any::<prop::sample::Index>(), 0..30),
        start in any::<prop::sample::Index>(),
        length in any::<prop::sample::Index>(),
    ) {
        let (packet, _) = packet(seed, "null", 20);
        let askable = Schema::parse(SCHEMA).unwrap().askable_paths();
        let fields: Vec<Field> =
            askable.into_iter().map(|a| Field::new(vec![a.path], a.element).unwrap()).collect();
        let batch = decode(&fields, Documents::default(), &[&packet]);
        let rows: Vec<u32> = rows.iter().map(|row| row.index(20) as u32).collect();
        let start = start.index(20);
        let length = length.index(21 - start);
        for column in &batch.columns {
            check(column);
            check(&column.slice(start, length));
            let taken = take_rows(column, &rows);
            check(&taken);
            let all = json(column);
            let expected: Vec<Value> = rows.iter().map(|row| all[*row as usize].clone()).collect();
            prop_assert_eq!(json(&taken), expected);
            check(&take_rows(&column.slice(start, 20 - start), &[0]));
        }
    }
}

#[test]
fn unsliced_columns_are_borrowed() {
    let values = Float64Array::from(vec![1.0, f64::NAN, 3.0]);
    let field = Arc::new(arrow_schema::Field::new(
        "item",
        values.data_type().clone(),
        true,
    ));
    let list = ListArray::new(
        field,
        OffsetBuffer::from_lengths([1, 0, 2]),
        Arc::new(values),
        None,
    );
    let flat = FlatColumn::of(&list).unwrap();
    assert!(matches!(
        flat.levels[0].offsets,
        Cow::Borrowed([0, 1, 1, 3])
    ));
    let FlatValues::Float64(values) = flat.values else {
        panic!("no floats")
    };
    assert_eq!(values.len(), 3);
    let sliced = list.slice(2, 1);
    let flat = FlatColumn::of(&sliced).unwrap();
    assert!(matches!(&flat.levels[0].offsets, Cow::Owned(offsets) if *offsets == [0, 2]));
    assert!(FlatColumn::of(&NullArray::new(1)).is_none());
}
