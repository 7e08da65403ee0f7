//! A column as flat buffers, as filters get it (`column` in the WIT package `skysieve:filter`).
//!
//! In: an Arrow array as [`crate::Decoder`] gives it, whole, sliced or taken. Out: borrowed offsets,
//! values and bitmaps, each starting at 0; copied only where the array does not start there.
//! Never: a change of a value.

use std::borrow::Cow;

use arrow_array::cast::AsArray;
use arrow_array::types::{
    ArrowPrimitiveType, ByteArrayType, Float32Type, Float64Type, Int32Type, Int64Type,
};
use arrow_array::{Array, ArrayRef, GenericByteArray, ListArray, UInt32Array};
use arrow_buffer::{BooleanBuffer, Buffer, NullBuffer, OffsetBuffer};
use arrow_schema::DataType;

/// Bits of one per element, least significant first, from bit 0 on, unused bits zero.
pub type Bitmap<'a> = Cow<'a, [u8]>;

/// One field of a batch.
#[derive(Debug, Clone, PartialEq)]
pub struct FlatColumn<'a> {
    /// Outermost array first; empty for a plain field.
    pub levels: Vec<FlatLevel<'a>>,
    /// The elements, null ones included.
    pub values: FlatValues<'a>,
    /// Which elements are not null; none: all.
    pub validity: Option<Bitmap<'a>>,
}

/// One array of the path: parent `i` owns the children `offsets[i]..offsets[i + 1]`.
#[derive(Debug, Clone, PartialEq)]
pub struct FlatLevel<'a> {
    /// One more than there are parents, first 0.
    pub offsets: Cow<'a, [u32]>,
    /// Which parents have an array at all; none: all. A null one owns no children.
    pub validity: Option<Bitmap<'a>>,
}

/// The elements of a column.
#[derive(Debug, Clone, PartialEq)]
pub enum FlatValues<'a> {
    /// Truth values.
    Boolean(Bitmap<'a>),
    /// 32-bit integers.
    Int32(&'a [i32]),
    /// 64-bit integers.
    Int64(&'a [i64]),
    /// 32-bit floats, NaN and infinities as sent.
    Float32(&'a [f32]),
    /// 64-bit floats, NaN and infinities as sent.
    Float64(&'a [f64]),
    /// Text, end to end.
    Utf8(FlatVarying<'a>),
    /// Bytes, end to end.
    Binary(FlatVarying<'a>),
}

/// Elements of varying length: element `i` is `bytes[offsets[i]..offsets[i + 1]]`.
#[derive(Debug, Clone, PartialEq)]
pub struct FlatVarying<'a> {
    /// One more than there are elements, first 0.
    pub offsets: Cow<'a, [u32]>,
    /// End to end.
    pub bytes: &'a [u8],
}

/// The chosen rows, in the order given, as a new column.
///
/// # Panics
/// When a row is not below the number of rows.
#[must_use]
pub fn take_rows(column: &ArrayRef, rows: &[u32]) -> ArrayRef {
    let rows = UInt32Array::from(rows.to_vec());
    arrow_select::take::take(column, &rows, None).expect("the rows chosen are rows of the column")
}

impl<'a> FlatColumn<'a> {
    /// Borrows a column of [`crate::Batch::columns`], or a slice or choice of rows of one. None for
    /// an array of another type.
    #[must_use]
    pub fn of(column: &'a dyn Array) -> Option<FlatColumn<'a>> {
        let mut levels = Vec::new();
        let mut array = column;
        let mut range = 0..column.len();
        while let DataType::List(_) = array.data_type() {
            let list: &ListArray = array.as_list();
            let (level, children) = level(list, range);
            levels.push(level);
            range = children;
            array = list.values().as_ref();
        }
        let values = values(array, range.clone())?;
        Some(FlatColumn {
            levels,
            values,
            validity: validity(array.nulls(), range),
        })
    }
}

type Range = std::ops::Range<usize>;

/// The lists in `range`, and which children they own.
fn level(list: &ListArray, range: Range) -> (FlatLevel<'_>, Range) {
    let (offsets, children) = rebased(list.offsets(), range.clone());
    (
        FlatLevel {
            offsets,
            validity: validity(list.nulls(), range),
        },
        children,
    )
}

/// Offsets of the elements in `range`, from 0 on, and what they span.
fn rebased(offsets: &OffsetBuffer<i32>, range: Range) -> (Cow<'_, [u32]>, Range) {
    let all: &[u32] = offsets.inner().inner().typed_data();
    let window = &all[range.start..=range.end];
    let (first, last) = (window[0], window[window.len() - 1]);
    let offsets = match first {
        0 => Cow::Borrowed(window),
        _ => window.iter().map(|offset| offset - first).collect(),
    };
    (offsets, first as usize..last as usize)
}

fn values(array: &dyn Array, range: Range) -> Option<FlatValues<'_>> {
    Some(match array.data_type() {
        DataType::Boolean => FlatValues::Boolean(bitmap(array.as_boolean().values(), range)),
        DataType::Int32 => FlatValues::Int32(numbers::<Int32Type>(array, range)),
        DataType::Int64 => FlatValues::Int64(numbers::<Int64Type>(array, range)),
        DataType::Float32 => FlatValues::Float32(numbers::<Float32Type>(array, range)),
        DataType::Float64 => FlatValues::Float64(numbers::<Float64Type>(array, range)),
        DataType::Utf8 => FlatValues::Utf8(varying(array.as_string::<i32>(), range)),
        DataType::Binary => FlatValues::Binary(varying(array.as_binary::<i32>(), range)),
        _ => return None,
    })
}

fn numbers<T: ArrowPrimitiveType>(array: &dyn Array, range: Range) -> &[T::Native] {
    &array.as_primitive::<T>().values()[range]
}

fn varying<T: ByteArrayType<Offset = i32>>(
    array: &GenericByteArray<T>,
    range: Range,
) -> FlatVarying<'_> {
    let (offsets, span) = rebased(array.offsets(), range);
    FlatVarying {
        offsets,
        bytes: &array.value_data()[span],
    }
}

fn validity(nulls: Option<&NullBuffer>, range: Range) -> Option<Bitmap<'_>> {
    let nulls = nulls.filter(|nulls| nulls.null_count() > 0)?;
    Some(bitmap(nulls.inner(), range))
}

/// The bits of `range`, from bit 0 on, unused ones zero.
fn bitmap(bits: &BooleanBuffer, range: Range) -> Bitmap<'_> {
    let length = range.len();
    let start = bits.offset() + range.start;
    let bytes = length.div_ceil(8);
    let whole = bits.values();
    if start.is_multiple_of(8) {
        let window = &whole[start / 8..start / 8 + bytes];
        if length.is_multiple_of(8) || window[bytes - 1] >> (length % 8) == 0 {
            return Cow::Borrowed(window);
        }
    }
    let copied: Buffer = bits.inner().bit_slice(start, length);
    let mut copied = copied.as_slice()[..bytes].to_vec();
    if !length.is_multiple_of(8)
        && let Some(last) = copied.last_mut()
    {
        *last &= (1 << (length % 8)) - 1;
    }
    Cow::Owned(copied)
}
