//! Series of an author's own, to call a filter function without a packet.
//!
//! What comes in: values. What goes out: a series of them, as a packet's would read. Never: memory
//! given back (a test ends soon).

use crate::column::Varying;
use crate::series::Series;
use crate::value::{FieldValue, Leaf, Plain, Texts};

/// A series of these values, some of which may be null.
///
/// ```
/// use skysieve_sdk::testing::series;
///
/// let days = series(&[2_460_000.5, 2_460_001.5]);
/// assert_eq!(days.last(), Some(2_460_001.5));
/// let magnitudes = series(&[Some(18.5_f32), None]);
/// assert_eq!(magnitudes.iter().flatten().count(), 1);
/// ```
pub fn series<T: Item>(values: &[T]) -> Series<'static, T> {
    Series::new(T::reader(values), 0, values.len())
}

/// What a series can be made of: the single values of the contract, and options of them.
pub trait Item: FieldValue<'static> {
    /// Reads these values.
    fn reader(values: &[Self]) -> Self::Reader;
}

/// A single value of the contract.
pub trait Single: Plain<'static> + Copy {
    /// What stands in a null's place.
    const NULL: Self;

    /// Puts values end to end.
    fn lay_out(values: Vec<Self>) -> Self::Buffer;
}

impl<T: Single> Item for T {
    fn reader(values: &[Self]) -> Self::Reader {
        Leaf {
            buffer: T::lay_out(values.to_vec()),
            validity: None,
        }
    }
}

impl<T: Single> Item for Option<T> {
    fn reader(values: &[Self]) -> Self::Reader {
        let validity: &[u8] = Vec::leak(bits(values.iter().map(Option::is_some)));
        let plain = values.iter().map(|value| value.unwrap_or(T::NULL));
        Leaf {
            buffer: T::lay_out(plain.collect()),
            validity: Some(validity),
        }
    }
}

macro_rules! single {
    ($($type:ty),*) => {$(
        impl Single for $type {
            const NULL: Self = 0 as $type;

            fn lay_out(values: Vec<Self>) -> Self::Buffer {
                Vec::leak(values)
            }
        }
    )*};
}

single!(i32, i64, f32, f64);

impl Single for bool {
    const NULL: Self = false;

    fn lay_out(values: Vec<Self>) -> Self::Buffer {
        Vec::leak(bits(values.into_iter()))
    }
}

impl Single for &'static str {
    const NULL: Self = "";

    fn lay_out(values: Vec<Self>) -> Self::Buffer {
        let Varying { offsets, .. } = end_to_end(values.iter().map(|text| text.as_bytes()));
        Texts {
            offsets,
            text: String::leak(values.concat()),
        }
    }
}

impl Single for &'static [u8] {
    const NULL: Self = &[];

    fn lay_out(values: Vec<Self>) -> Self::Buffer {
        end_to_end(values.into_iter())
    }
}

fn bits(values: impl ExactSizeIterator<Item = bool>) -> Vec<u8> {
    let mut bytes = vec![0; values.len().div_ceil(8)];
    for (place, _) in values.enumerate().filter(|(_, set)| *set) {
        bytes[place / 8] |= 1 << (place % 8);
    }
    bytes
}

fn end_to_end<'a>(values: impl Iterator<Item = &'a [u8]>) -> Varying<'static> {
    let (mut offsets, mut bytes) = (vec![0], Vec::new());
    for value in values {
        bytes.extend_from_slice(value);
        offsets.push(u32::try_from(bytes.len()).expect("a test's series has less than 4 GiB"));
    }
    Varying {
        offsets: Vec::leak(offsets),
        bytes: Vec::leak(bytes),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_type_reads_back() {
        fn check<T: Item + PartialEq + std::fmt::Debug + Clone>(values: &[T]) {
            let read: Vec<T> = series(values).iter().collect();
            assert_eq!(read, values);
        }
        check(&[true, false, true]);
        check(&[Some(true), None]);
        check(&[1_i32, -1]);
        check(&[i64::MAX, i64::MIN]);
        check(&[1.5_f32]);
        check::<f64>(&[]);
        check(&["", "t", "null"]);
        check(&[Some("i"), None, Some("z")]);
        check(&[&b"a"[..], b""]);
    }
}
