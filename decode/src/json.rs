//! A value of an Arrow array as JSON, for people and for comparison with other readers.
//!
//! In: an array and a row. Out: JSON text in which every number has the shortest digits that give
//! back the same bits in its own width, NaN and infinities are the strings "NaN", "Infinity" and
//! "-Infinity", bytes are `{"bytes": LENGTH, "sha256": HEX}`, and unions have no wrapper. Never: a
//! rounded number.

use std::fmt::{Result, Write};

use arrow_array::Array;
use arrow_array::cast::AsArray;
use arrow_array::types::{Float32Type, Float64Type, Int32Type, Int64Type};
use arrow_schema::DataType;
use sha2::{Digest, Sha256};

/// Writes the value of `row` as JSON: of the arrays that [`crate::Decoder`] and
/// [`crate::WholeDecoder`] give. Other types are written as null.
///
/// # Errors
/// When `out` takes no more.
///
/// # Panics
/// When `row` is not below the array's length.
pub fn write_json(out: &mut dyn Write, array: &dyn Array, row: usize) -> Result {
    if array.is_null(row) {
        return out.write_str("null");
    }
    match array.data_type() {
        DataType::Boolean => write!(out, "{}", array.as_boolean().value(row)),
        DataType::Int32 => write!(out, "{}", array.as_primitive::<Int32Type>().value(row)),
        DataType::Int64 => write!(out, "{}", array.as_primitive::<Int64Type>().value(row)),
        // Rust's `Debug` of a float is the shortest text that reads back as the same float of its
        // width, always with a point or an exponent.
        DataType::Float32 => match array.as_primitive::<Float32Type>().value(row) {
            value if value.is_finite() => write!(out, "{value:?}"),
            value => out.write_str(not_finite(value.into())),
        },
        DataType::Float64 => match array.as_primitive::<Float64Type>().value(row) {
            value if value.is_finite() => write!(out, "{value:?}"),
            value => out.write_str(not_finite(value)),
        },
        DataType::Utf8 => write_text(out, array.as_string::<i32>().value(row)),
        DataType::Binary => write_bytes(out, array.as_binary::<i32>().value(row)),
        DataType::List(_) => {
            let list = array.as_list::<i32>();
            let offsets = list.value_offsets();
            let items = offsets[row] as usize..offsets[row + 1] as usize;
            write_list(out, list.values(), items)
        }
        DataType::Struct(_) => write_record(out, array, row),
        DataType::Map(..) => write_map(out, array, row),
        DataType::Union(..) => {
            let union = array.as_union();
            let child = union.child(union.type_id(row));
            write_json(out, child, union.value_offset(row))
        }
        _ => out.write_str("null"),
    }
}

fn not_finite(value: f64) -> &'static str {
    if value.is_nan() {
        "\"NaN\""
    } else if value > 0.0 {
        "\"Infinity\""
    } else {
        "\"-Infinity\""
    }
}

fn write_text(out: &mut dyn Write, text: &str) -> Result {
    write!(out, "{}", serde_json::Value::from(text))
}

fn write_bytes(out: &mut dyn Write, bytes: &[u8]) -> Result {
    write!(out, "{{\"bytes\":{},\"sha256\":\"", bytes.len())?;
    for byte in Sha256::digest(bytes) {
        write!(out, "{byte:02x}")?;
    }
    out.write_str("\"}")
}

fn write_list(out: &mut dyn Write, items: &dyn Array, range: std::ops::Range<usize>) -> Result {
    out.write_char('[')?;
    for (index, row) in range.enumerate() {
        if index > 0 {
            out.write_char(',')?;
        }
        write_json(out, items, row)?;
    }
    out.write_char(']')
}

fn write_record(out: &mut dyn Write, array: &dyn Array, row: usize) -> Result {
    let record = array.as_struct();
    out.write_char('{')?;
    for (index, (field, member)) in record.fields().iter().zip(record.columns()).enumerate() {
        if index > 0 {
            out.write_char(',')?;
        }
        write_text(out, field.name())?;
        out.write_char(':')?;
        write_json(out, member, row)?;
    }
    out.write_char('}')
}

fn write_map(out: &mut dyn Write, array: &dyn Array, row: usize) -> Result {
    let map = array.as_map();
    let offsets = map.value_offsets();
    let entries = offsets[row] as usize..offsets[row + 1] as usize;
    out.write_char('{')?;
    for (index, entry) in entries.enumerate() {
        if index > 0 {
            out.write_char(',')?;
        }
        write_json(out, map.keys(), entry)?;
        out.write_char(':')?;
        write_json(out, map.values(), entry)?;
    }
    out.write_char('}')
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use arrow_array::{
        BinaryArray, Float32Array, Float64Array, Int64Array, NullArray, StringArray,
    };

    fn check(array: &dyn Array, expected: &str) {
        let mut out = String::new();
        write_list(&mut out, array, 0..array.len()).unwrap();
        assert_eq!(out, expected);
    }

    #[test]
    fn numbers_have_the_shortest_digits_of_their_own_width() {
        check(
            &Float32Array::from(vec![
                Some(0.1),
                None,
                Some(-0.0),
                Some(1e-45),
                Some(16_777_216.0),
                Some(3.4e38),
            ]),
            "[0.1,null,-0.0,1e-45,16777216.0,3.4e38]",
        );
        check(
            &Float64Array::from(vec![
                0.1,
                1e300,
                5e-324,
                f64::NAN,
                f64::INFINITY,
                f64::NEG_INFINITY,
            ]),
            "[0.1,1e300,5e-324,\"NaN\",\"Infinity\",\"-Infinity\"]",
        );
        check(
            &Float32Array::from(vec![f32::NAN, f32::NEG_INFINITY]),
            "[\"NaN\",\"-Infinity\"]",
        );
        check(
            &Int64Array::from(vec![2_695_378_462_115_010_012, i64::MIN]),
            "[2695378462115010012,-9223372036854775808]",
        );
    }

    #[test]
    fn text_is_escaped_and_bytes_are_summed_up() {
        check(
            &StringArray::from(vec!["a\"\n\u{1}é"]),
            "[\"a\\\"\\n\\u0001é\"]",
        );
        let empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
        check(
            &BinaryArray::from_vec(vec![b""]),
            &format!("[{{\"bytes\":0,\"sha256\":\"{empty}\"}}]"),
        );
        check(&NullArray::new(2), "[null,null]");
    }
}
