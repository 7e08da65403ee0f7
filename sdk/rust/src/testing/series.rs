//! Series of an author's own, to call a filter function without a packet.
//!
//! What comes in: values. What goes out: a series of them, as a packet's would read. Never: memory
//! given back (a test ends soon).

use crate::series::Series;
use crate::value::{Leaf, Plain};

/// A series of numbers.
///
/// ```
/// use skysieve_sdk::testing::series;
///
/// let days = series(&[2_460_000.5, 2_460_001.5]);
/// assert_eq!(days.last(), Some(2_460_001.5));
/// ```
pub fn series<T>(values: &[T]) -> Series<'static, T>
where
    T: Plain<'static, Buffer = &'static [T]> + Clone,
{
    let buffer = Vec::leak(values.to_vec());
    Series::new(Leaf { buffer, validity: None }, 0, values.len())
}

/// A series of numbers, some of which are null.
///
/// ```
/// use skysieve_sdk::testing::series_of_options;
///
/// let magnitudes = series_of_options(&[Some(18.5_f32), None]);
/// assert_eq!(magnitudes.iter().flatten().count(), 1);
/// ```
pub fn series_of_options<T>(values: &[Option<T>]) -> Series<'static, Option<T>>
where
    T: Plain<'static, Buffer = &'static [T]> + Clone + Default,
{
    let mut validity = vec![0; values.len().div_ceil(8)];
    for place in (0..values.len()).filter(|&place| values[place].is_some()) {
        validity[place / 8] |= 1 << (place % 8);
    }
    let buffer = Vec::leak(values.iter().map(|value| value.clone().unwrap_or_default()).collect());
    Series::new(Leaf { buffer, validity: Some(Vec::leak(validity)) }, 0, values.len())
}
