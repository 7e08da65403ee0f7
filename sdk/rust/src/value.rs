//! The types that a field of an author's struct may have.
//!
//! What comes in: a column and a row. What goes out: the value, or that it is null where the type
//! has no room for a null. Never: a made-up value for a missing one.

use crate::column::{Column, Values, Varying, bit, present};
use crate::description::ElementType;

/// A type that a field may have: `bool`, `i32`, `i64`, `f32`, `f64`, `&str`, `&[u8]`, an `Option`
/// of one, or a [`Series`](crate::Series) of those.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be the type of an alert's field",
    label = "not a type that the host hands over",
    note = "use bool, i32, i64, f32, f64, &'a str, &'a [u8], an Option of one, or Series<'a, ...> for a path with []"
)]
pub trait FieldValue<'a>: Sized {
    /// The type in which the field is asked for.
    const ELEMENT: ElementType;
    /// How many arrays stand around the element: the number of `[]` in its path.
    const LEVELS: usize;
    /// Whether the host withholds alerts in which it is null.
    const REQUIRED: bool;
    /// What reads it from a column.
    type Reader: Copy;

    /// The reader of this column, its first `depth` arrays entered already; none where the column
    /// is of another type.
    fn open(column: &Column<'a>, depth: usize) -> Option<Self::Reader>;
    /// False where `index` holds a null that the type has no room for.
    fn complete(reader: &Self::Reader, index: usize) -> bool;
    /// The value at `index`.
    fn read(reader: &Self::Reader, index: usize) -> Self;
}

/// A single value of the contract.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be the type of an alert's field",
    label = "not a type that the host hands over",
    note = "use bool, i32, i64, f32, f64, &'a str, &'a [u8], an Option of one, or Series<'a, ...> for a path with []"
)]
pub trait Plain<'a>: Sized {
    /// Its type in the contract.
    const TYPE: ElementType;
    /// Its elements.
    type Buffer: Copy;

    /// The elements, where they are of this type.
    fn buffer(values: &Values<'a>) -> Option<Self::Buffer>;
    /// One element.
    fn at(buffer: &Self::Buffer, index: usize) -> Self;
}

/// Reads single values and their nulls.
#[derive(Clone, Copy)]
pub struct Leaf<'a, B> {
    pub(crate) buffer: B,
    pub(crate) validity: Option<&'a [u8]>,
}

impl<'a, B> Leaf<'a, B> {
    fn open<T: Plain<'a, Buffer = B>>(column: &Column<'a>, depth: usize) -> Option<Self> {
        let buffer = T::buffer(&column.values)?;
        (column.levels.len() == depth).then_some(Self {
            buffer,
            validity: column.validity,
        })
    }
}

impl<'a, T: Plain<'a>> FieldValue<'a> for T {
    const ELEMENT: ElementType = T::TYPE;
    const LEVELS: usize = 0;
    const REQUIRED: bool = true;
    type Reader = Leaf<'a, T::Buffer>;

    fn open(column: &Column<'a>, depth: usize) -> Option<Self::Reader> {
        Leaf::open::<T>(column, depth)
    }
    #[inline]
    fn complete(reader: &Self::Reader, index: usize) -> bool {
        present(reader.validity, index)
    }
    #[inline]
    fn read(reader: &Self::Reader, index: usize) -> Self {
        T::at(&reader.buffer, index)
    }
}

impl<'a, T: Plain<'a>> FieldValue<'a> for Option<T> {
    const ELEMENT: ElementType = T::TYPE;
    const LEVELS: usize = 0;
    const REQUIRED: bool = false;
    type Reader = Leaf<'a, T::Buffer>;

    fn open(column: &Column<'a>, depth: usize) -> Option<Self::Reader> {
        Leaf::open::<T>(column, depth)
    }
    #[inline]
    fn complete(_: &Self::Reader, _: usize) -> bool {
        true
    }
    #[inline]
    fn read(reader: &Self::Reader, index: usize) -> Self {
        present(reader.validity, index).then(|| T::at(&reader.buffer, index))
    }
}

impl<'a> Plain<'a> for bool {
    const TYPE: ElementType = ElementType::Boolean;
    type Buffer = &'a [u8];

    fn buffer(values: &Values<'a>) -> Option<Self::Buffer> {
        match *values {
            Values::Boolean(bits) => Some(bits),
            _ => None,
        }
    }
    #[inline]
    fn at(buffer: &Self::Buffer, index: usize) -> Self {
        bit(buffer, index)
    }
}

macro_rules! number {
    ($type:ty, $case:ident) => {
        impl<'a> Plain<'a> for $type {
            const TYPE: ElementType = ElementType::$case;
            type Buffer = &'a [$type];

            fn buffer(values: &Values<'a>) -> Option<Self::Buffer> {
                match *values {
                    Values::$case(numbers) => Some(numbers),
                    _ => None,
                }
            }
            #[inline]
            fn at(buffer: &Self::Buffer, index: usize) -> Self {
                buffer[index]
            }
        }
    };
}

number!(i32, Int32);
number!(i64, Int64);
number!(f32, Float32);
number!(f64, Float64);

/// Texts end to end, checked as UTF-8 once.
#[derive(Clone, Copy)]
pub struct Texts<'a> {
    pub(crate) offsets: &'a [u32],
    pub(crate) text: &'a str,
}

impl<'a> Plain<'a> for &'a str {
    const TYPE: ElementType = ElementType::Utf8;
    type Buffer = Texts<'a>;

    fn buffer(values: &Values<'a>) -> Option<Self::Buffer> {
        match *values {
            Values::Utf8(Varying { offsets, bytes }) => Some(Texts {
                offsets,
                text: str::from_utf8(bytes).ok()?,
            }),
            _ => None,
        }
    }
    #[inline]
    fn at(buffer: &Self::Buffer, index: usize) -> Self {
        &buffer.text[buffer.offsets[index] as usize..buffer.offsets[index + 1] as usize]
    }
}

impl<'a> Plain<'a> for &'a [u8] {
    const TYPE: ElementType = ElementType::Binary;
    type Buffer = Varying<'a>;

    fn buffer(values: &Values<'a>) -> Option<Self::Buffer> {
        match *values {
            Values::Binary(varying) => Some(varying),
            _ => None,
        }
    }
    #[inline]
    fn at(buffer: &Self::Buffer, index: usize) -> Self {
        &buffer.bytes[buffer.offsets[index] as usize..buffer.offsets[index + 1] as usize]
    }
}
