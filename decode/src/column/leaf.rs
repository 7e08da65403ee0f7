//! Values and nulls of one leaf of a column.

use std::sync::Arc;

use arrow_array::types::{Float32Type, Float64Type, Int32Type, Int64Type};
use arrow_array::{ArrayRef, BinaryArray, BooleanArray, PrimitiveArray, StringArray};
use arrow_buffer::{BooleanBufferBuilder, Buffer, NullBufferBuilder, OffsetBuffer, ScalarBuffer};

use crate::error::Wrong;
use crate::field::Element;
use crate::value::Value;

/// Text or bytes end to end.
pub(crate) struct Varying {
    offsets: Vec<i32>,
    bytes: Vec<u8>,
}

impl Varying {
    fn new() -> Varying {
        Varying {
            offsets: vec![0],
            bytes: Vec::new(),
        }
    }

    fn push(&mut self, value: &[u8]) -> Result<(), Wrong> {
        let end = i32::try_from(self.bytes.len() + value.len()).map_err(|_| Wrong::ColumnFull)?;
        self.bytes.extend_from_slice(value);
        self.offsets.push(end);
        Ok(())
    }

    fn truncate(&mut self, length: usize) {
        self.offsets.truncate(length + 1);
        self.bytes
            .truncate(self.offsets.last().map_or(0, |&end| end as usize));
    }

    fn take(&mut self) -> (OffsetBuffer<i32>, Buffer) {
        let taken = std::mem::replace(self, Varying::new());
        (
            OffsetBuffer::new(ScalarBuffer::from(taken.offsets)),
            Buffer::from_vec(taken.bytes),
        )
    }
}

enum Values {
    Boolean(BooleanBufferBuilder),
    Int32(Vec<i32>),
    Int64(Vec<i64>),
    Float32(Vec<f32>),
    Float64(Vec<f64>),
    Utf8(Varying),
    Binary(Varying),
}

/// Values and nulls of one leaf of a column.
pub(crate) struct LeafBuilder {
    values: Values,
    validity: NullBufferBuilder,
}

impl LeafBuilder {
    pub fn new(element: Element) -> LeafBuilder {
        let values = match element {
            Element::Boolean => Values::Boolean(BooleanBufferBuilder::new(0)),
            Element::Int32 => Values::Int32(Vec::new()),
            Element::Int64 => Values::Int64(Vec::new()),
            Element::Float32 => Values::Float32(Vec::new()),
            Element::Float64 => Values::Float64(Vec::new()),
            Element::Utf8 => Values::Utf8(Varying::new()),
            Element::Binary => Values::Binary(Varying::new()),
        };
        LeafBuilder {
            values,
            validity: NullBufferBuilder::new(0),
        }
    }

    pub fn len(&self) -> usize {
        self.validity.len()
    }

    pub fn push_null(&mut self) {
        match &mut self.values {
            Values::Boolean(values) => values.append(false),
            Values::Int32(values) => values.push(0),
            Values::Int64(values) => values.push(0),
            Values::Float32(values) => values.push(0.0),
            Values::Float64(values) => values.push(0.0),
            Values::Utf8(values) | Values::Binary(values) => {
                values
                    .offsets
                    .push(values.offsets.last().copied().unwrap_or(0));
            }
        }
        self.validity.append_null();
    }

    /// Appends a value, converted to the column's type.
    #[inline(always)]
    pub fn push(&mut self, value: Value<'_>) -> Result<(), Wrong> {
        match (&mut self.values, value) {
            (Values::Boolean(values), Value::Boolean(value)) => values.append(value),
            (Values::Int32(values), Value::Int(value)) => values.push(value),
            (Values::Int64(values), Value::Int(value)) => values.push(value.into()),
            (Values::Int64(values), Value::Long(value)) => values.push(value),
            (Values::Float32(values), Value::Float(value)) => values.push(value),
            (Values::Float64(values), Value::Int(value)) => values.push(value.into()),
            (Values::Float64(values), Value::Float(value)) => values.push(value.into()),
            (Values::Float64(values), Value::Double(value)) => values.push(value),
            (Values::Utf8(values), Value::Text(value)) => values.push(value.as_bytes())?,
            (Values::Binary(values), Value::Text(value)) => values.push(value.as_bytes())?,
            (Values::Binary(values), Value::Bytes(value)) => values.push(value)?,
            _ => unreachable!("a plan only connects values with columns that can hold them"),
        }
        self.validity.append_non_null();
        Ok(())
    }

    /// Cuts back to the first `length` values.
    pub fn truncate(&mut self, length: usize) {
        match &mut self.values {
            Values::Boolean(values) => values.truncate(length),
            Values::Int32(values) => values.truncate(length),
            Values::Int64(values) => values.truncate(length),
            Values::Float32(values) => values.truncate(length),
            Values::Float64(values) => values.truncate(length),
            Values::Utf8(values) | Values::Binary(values) => values.truncate(length),
        }
        self.validity.truncate(length);
    }

    /// The finished array; the builder is empty again.
    pub fn finish(&mut self) -> ArrayRef {
        let nulls = self.validity.finish();
        match &mut self.values {
            Values::Boolean(values) => Arc::new(BooleanArray::new(values.finish(), nulls)),
            Values::Int32(values) => Arc::new(PrimitiveArray::<Int32Type>::new(
                std::mem::take(values).into(),
                nulls,
            )),
            Values::Int64(values) => Arc::new(PrimitiveArray::<Int64Type>::new(
                std::mem::take(values).into(),
                nulls,
            )),
            Values::Float32(values) => Arc::new(PrimitiveArray::<Float32Type>::new(
                std::mem::take(values).into(),
                nulls,
            )),
            Values::Float64(values) => Arc::new(PrimitiveArray::<Float64Type>::new(
                std::mem::take(values).into(),
                nulls,
            )),
            Values::Utf8(values) => {
                let (offsets, bytes) = values.take();
                Arc::new(StringArray::new(offsets, bytes, nulls))
            }
            Values::Binary(values) => {
                let (offsets, bytes) = values.take();
                Arc::new(BinaryArray::new(offsets, bytes, nulls))
            }
        }
    }
}
