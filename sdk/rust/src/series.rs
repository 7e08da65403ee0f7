//! Arrays of an alert: light curves and the like.
//!
//! What comes in: one array of a column. What goes out: its items, in the order of the packet.
//! Never: a copy of the array.

use std::fmt;
use std::iter::FusedIterator;
use std::ops::Range;

use crate::column::{Column, Level, present};
use crate::description::ElementType;
use crate::value::FieldValue;

/// The array behind a path with `[]`, one item for each entry (`prv_candidates[].magpsf`).
///
/// Series of the same array have the same length and order, so they can be zipped.
/// `Series<'a, T>` reads a null array as an empty one; `Option<Series<'a, T>>` keeps them apart.
/// An item that may be null wants `Series<'a, Option<T>>`: a null item of a `Series<'a, f32>`
/// makes the alert one that could not be judged, and the message says so.
/// Arrays within arrays are `Series<'a, Series<'a, T>>`.
///
/// ```
/// use skysieve_sdk::Series;
///
/// fn faintest(magnitudes: Series<'_, Option<f32>>) -> Option<f32> {
///     magnitudes.iter().flatten().reduce(f32::max)
/// }
/// ```
pub struct Series<'a, T: FieldValue<'a>> {
    items: T::Reader,
    start: usize,
    end: usize,
}

impl<'a, T: FieldValue<'a>> Series<'a, T> {
    #[cfg(all(feature = "testing", not(target_arch = "wasm32")))]
    pub(crate) fn new(items: T::Reader, start: usize, end: usize) -> Self {
        Self { items, start, end }
    }

    /// Number of items.
    pub fn len(&self) -> usize {
        self.end - self.start
    }

    /// True where there is no item.
    pub fn is_empty(&self) -> bool {
        self.start == self.end
    }

    /// The item at `index`, from 0; none past the end.
    pub fn get(&self, index: usize) -> Option<T> {
        (index < self.len()).then(|| T::read(&self.items, self.start + index))
    }

    /// The first item in the packet's order.
    pub fn first(&self) -> Option<T> {
        self.get(0)
    }

    /// The last item in the packet's order.
    pub fn last(&self) -> Option<T> {
        self.len().checked_sub(1).and_then(|index| self.get(index))
    }

    /// The items, in the packet's order.
    pub fn iter(&self) -> Items<'a, T> {
        Items {
            items: self.items,
            places: self.start..self.end,
        }
    }
}

impl<'a, T: FieldValue<'a>> Clone for Series<'a, T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<'a, T: FieldValue<'a>> Copy for Series<'a, T> {}

impl<'a, T: FieldValue<'a> + fmt::Debug> fmt::Debug for Series<'a, T> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_list().entries(self.iter()).finish()
    }
}

impl<'a, T: FieldValue<'a>> IntoIterator for Series<'a, T> {
    type Item = T;
    type IntoIter = Items<'a, T>;

    fn into_iter(self) -> Items<'a, T> {
        self.iter()
    }
}

impl<'a, T: FieldValue<'a>> IntoIterator for &Series<'a, T> {
    type Item = T;
    type IntoIter = Items<'a, T>;

    fn into_iter(self) -> Items<'a, T> {
        self.iter()
    }
}

/// The items of a [`Series`].
pub struct Items<'a, T: FieldValue<'a>> {
    items: T::Reader,
    places: Range<usize>,
}

impl<'a, T: FieldValue<'a>> Clone for Items<'a, T> {
    fn clone(&self) -> Self {
        Self {
            items: self.items,
            places: self.places.clone(),
        }
    }
}

impl<'a, T: FieldValue<'a>> Iterator for Items<'a, T> {
    type Item = T;

    #[inline]
    fn next(&mut self) -> Option<T> {
        self.places.next().map(|place| T::read(&self.items, place))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.places.size_hint()
    }
}

impl<'a, T: FieldValue<'a>> DoubleEndedIterator for Items<'a, T> {
    #[inline]
    fn next_back(&mut self) -> Option<T> {
        self.places
            .next_back()
            .map(|place| T::read(&self.items, place))
    }
}

impl<'a, T: FieldValue<'a>> ExactSizeIterator for Items<'a, T> {}
impl<'a, T: FieldValue<'a>> FusedIterator for Items<'a, T> {}

/// Reads one array after another.
pub struct Nested<'a, R> {
    level: Level<'a>,
    items: R,
}

impl<R: Copy> Clone for Nested<'_, R> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<R: Copy> Copy for Nested<'_, R> {}

impl<'a, T: FieldValue<'a>> FieldValue<'a> for Series<'a, T> {
    const ELEMENT: ElementType = T::ELEMENT;
    const LEVELS: usize = 1 + T::LEVELS;
    const REQUIRED: bool = false;
    type Reader = Nested<'a, T::Reader>;

    fn open(column: &Column<'a>, depth: usize) -> Option<Self::Reader> {
        let level = *column.levels.get(depth)?;
        Some(Nested {
            level,
            items: T::open(column, depth + 1)?,
        })
    }
    #[inline]
    fn complete(reader: &Self::Reader, index: usize) -> bool {
        let (start, end) = reader.level.children(index);
        (start..end).all(|place| T::complete(&reader.items, place))
    }
    #[inline]
    fn read(reader: &Self::Reader, index: usize) -> Self {
        let (start, end) = reader.level.children(index);
        Self {
            items: reader.items,
            start,
            end,
        }
    }
}

impl<'a, T: FieldValue<'a>> FieldValue<'a> for Option<Series<'a, T>> {
    const ELEMENT: ElementType = T::ELEMENT;
    const LEVELS: usize = 1 + T::LEVELS;
    const REQUIRED: bool = false;
    type Reader = Nested<'a, T::Reader>;

    fn open(column: &Column<'a>, depth: usize) -> Option<Self::Reader> {
        <Series<'a, T> as FieldValue<'a>>::open(column, depth)
    }
    #[inline]
    fn complete(reader: &Self::Reader, index: usize) -> bool {
        <Series<'a, T> as FieldValue<'a>>::complete(reader, index)
    }
    #[inline]
    fn read(reader: &Self::Reader, index: usize) -> Self {
        present(reader.level.validity, index)
            .then(|| <Series<'a, T> as FieldValue<'a>>::read(reader, index))
    }
}
