//! Offsets and nulls of one level of lists.

use std::sync::Arc;

use arrow_array::{Array, ArrayRef, ListArray};
use arrow_buffer::{NullBufferBuilder, OffsetBuffer, ScalarBuffer};
use arrow_schema::Field;

use crate::error::Wrong;

/// One level of lists; the children are built elsewhere.
pub(crate) struct ListBuilder {
    /// One more than there are lists, the first 0.
    offsets: Vec<i32>,
    validity: NullBufferBuilder,
}

impl ListBuilder {
    pub fn new() -> ListBuilder {
        ListBuilder {
            offsets: vec![0],
            validity: NullBufferBuilder::new(0),
        }
    }

    pub fn len(&self) -> usize {
        self.offsets.len() - 1
    }

    /// The children up to `children` belong to a list that ends here.
    pub fn close(&mut self, children: usize) -> Result<(), Wrong> {
        self.offsets
            .push(i32::try_from(children).map_err(|_| Wrong::ColumnFull)?);
        self.validity.append_non_null();
        Ok(())
    }

    /// A null list, which has no children.
    pub fn close_null(&mut self, children: usize) -> Result<(), Wrong> {
        self.offsets
            .push(i32::try_from(children).map_err(|_| Wrong::ColumnFull)?);
        self.validity.append_null();
        Ok(())
    }

    /// Cuts back to `length` lists; gives the number of children that these have.
    pub fn truncate(&mut self, length: usize) -> usize {
        self.offsets.truncate(length + 1);
        self.validity.truncate(length);
        self.offsets.last().map_or(0, |&offset| offset as usize)
    }

    /// Offsets and nulls; the builder is empty again.
    pub fn take(&mut self) -> (OffsetBuffer<i32>, Option<arrow_buffer::NullBuffer>) {
        let offsets = std::mem::replace(&mut self.offsets, vec![0]);
        (
            OffsetBuffer::new(ScalarBuffer::from(offsets)),
            self.validity.finish(),
        )
    }

    pub fn finish(&mut self, child: ArrayRef) -> ArrayRef {
        let (offsets, validity) = self.take();
        let item = Arc::new(Field::new("item", child.data_type().clone(), true));
        Arc::new(ListArray::new(item, offsets, child, validity))
    }
}
