//! Arrow columns under construction.
//!
//! In: values and nulls in the order in which they stand in the bytes. Out: Arrow arrays. A column
//! can be cut back to any earlier number of rows, whatever was pushed since: a record that turns
//! out damaged half way leaves nothing behind.

mod leaf;
mod list;

use arrow_array::ArrayRef;

pub(crate) use leaf::LeafBuilder;
pub(crate) use list::ListBuilder;

use crate::error::Wrong;
use crate::field::Element;

/// The column of one field: lists around one leaf.
pub(crate) struct Column {
    levels: Vec<ListBuilder>,
    pub leaf: LeafBuilder,
}

impl Column {
    pub fn new(element: Element, arrays: usize) -> Column {
        Column {
            levels: (0..arrays).map(|_| ListBuilder::new()).collect(),
            leaf: LeafBuilder::new(element),
        }
    }

    /// Number of children that the list at `level` has so far.
    fn children(&self, level: usize) -> usize {
        self.levels
            .get(level + 1)
            .map_or_else(|| self.leaf.len(), ListBuilder::len)
    }

    /// Everything pushed one level down since the last list becomes one list.
    #[inline]
    pub fn close(&mut self, level: usize) -> Result<(), Wrong> {
        let children = self.children(level);
        self.levels[level].close(children)
    }

    /// A null in place of the list at `level`, or of the value below all lists.
    #[inline]
    pub fn push_null(&mut self, level: usize) -> Result<(), Wrong> {
        if level == self.levels.len() {
            self.leaf.push_null();
            return Ok(());
        }
        let children = self.children(level);
        self.levels[level].close_null(children)
    }

    /// Cuts back to the first `rows` rows and what belongs to them.
    pub fn truncate(&mut self, rows: usize) {
        let mut length = rows;
        for level in &mut self.levels {
            length = level.truncate(length);
        }
        self.leaf.truncate(length);
    }

    /// The finished array; the column is empty again.
    pub fn finish(&mut self) -> ArrayRef {
        let leaf = self.leaf.finish();
        self.levels
            .iter_mut()
            .rev()
            .fold(leaf, |child, level| level.finish(child))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::value::Value;
    use arrow_array::Array;
    use arrow_array::cast::AsArray;
    use arrow_array::types::Int32Type;

    #[test]
    fn truncation_forgets_half_a_record_at_every_level() {
        let mut column = Column::new(Element::Int32, 2);
        column.leaf.push(Value::Int(1)).unwrap();
        column.close(1).unwrap();
        column.push_null(1).unwrap();
        column.close(0).unwrap();
        // Half a record: two values, one closed inner list, a null one.
        column.leaf.push(Value::Int(2)).unwrap();
        column.close(1).unwrap();
        column.leaf.push_null();
        column.push_null(1).unwrap();
        column.truncate(1);
        column.push_null(0).unwrap();
        column.leaf.push(Value::Int(3)).unwrap();
        column.close(1).unwrap();
        column.close(0).unwrap();
        let array = column.finish();
        let outer = array.as_list::<i32>();
        assert_eq!(outer.len(), 3);
        assert!(outer.is_null(1));
        let inner = outer.values().as_list::<i32>();
        assert_eq!(outer.value_offsets(), [0, 2, 2, 3]);
        assert_eq!(inner.value_offsets(), [0, 1, 1, 2]);
        assert!(inner.is_null(1) && inner.is_valid(2));
        assert_eq!(inner.values().as_primitive::<Int32Type>().values(), &[1, 3]);
        assert_eq!(inner.values().null_count(), 0);
        assert_eq!(column.finish().len(), 0);
    }
}
