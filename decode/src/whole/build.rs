//! Arrow arrays of any shape under construction.
//!
//! In: values and nulls, part by part. Out: nested arrays. A part is only given a shape once a value
//! of it is seen, so that types which contain themselves end where the data end.

use std::sync::Arc;

use arrow_array::{Array, ArrayRef, MapArray, NullArray, StructArray, UnionArray};
use arrow_buffer::NullBufferBuilder;
use arrow_schema::{Field, Fields, UnionFields};

use crate::column::{LeafBuilder, ListBuilder};
use crate::error::Wrong;
use crate::field::Element;

/// One part of the records.
pub(super) enum Builder {
    /// Only nulls so far, this many.
    Nulls(usize),
    Leaf(LeafBuilder),
    List {
        lists: ListBuilder,
        items: Box<Builder>,
    },
    Map {
        maps: ListBuilder,
        keys: LeafBuilder,
        values: Box<Builder>,
    },
    Record(RecordBuilder),
    Union(UnionBuilder),
}

/// The members of a record by name; of several of one name there is one.
pub(super) struct RecordBuilder {
    pub members: Vec<(Box<str>, Builder)>,
    pub validity: NullBufferBuilder,
}

/// Which branch each value is of, and the values of each branch that was seen.
#[derive(Default)]
pub(super) struct UnionBuilder {
    /// Per value: index into `seen`.
    places: Vec<i8>,
    offsets: Vec<i32>,
    seen: Vec<Branch>,
}

struct Branch {
    /// Its number in the schema.
    number: usize,
    length: usize,
    values: Builder,
}

/// Arrow numbers the branches of a union by a byte with a sign.
const MOST_BRANCHES: usize = i8::MAX as usize;

impl Default for Builder {
    fn default() -> Builder {
        Builder::Nulls(0)
    }
}

impl Builder {
    pub fn leaf(element: Element) -> Builder {
        Builder::Leaf(LeafBuilder::new(element))
    }

    pub fn list() -> Builder {
        Builder::List {
            lists: ListBuilder::new(),
            items: Box::default(),
        }
    }

    pub fn map() -> Builder {
        Builder::Map {
            maps: ListBuilder::new(),
            keys: LeafBuilder::new(Element::Utf8),
            values: Box::default(),
        }
    }

    pub fn record(names: impl Iterator<Item = Box<str>>) -> Builder {
        Builder::Record(RecordBuilder {
            members: names.map(|name| (name, Builder::default())).collect(),
            validity: NullBufferBuilder::new(0),
        })
    }

    pub fn union() -> Builder {
        Builder::Union(UnionBuilder::default())
    }

    pub fn push_null(&mut self) -> Result<(), Wrong> {
        match self {
            Builder::Nulls(length) => *length += 1,
            Builder::Leaf(leaf) => leaf.push_null(),
            Builder::List { lists, items } => lists.close_null(items.len())?,
            Builder::Map { maps, keys, .. } => maps.close_null(keys.len())?,
            Builder::Record(record) => {
                for (_, member) in &mut record.members {
                    member.push_null()?;
                }
                record.validity.append_null();
            }
            // The first value of a union that came after nulls: they are nulls of its first branch.
            Builder::Union(union) => union.push(0, |values| values.push_null())?,
        }
        Ok(())
    }

    pub fn len(&self) -> usize {
        match self {
            Builder::Nulls(length) => *length,
            Builder::Leaf(leaf) => leaf.len(),
            Builder::List { lists, .. } => lists.len(),
            Builder::Map { maps, .. } => maps.len(),
            Builder::Record(record) => record.validity.len(),
            Builder::Union(union) => union.places.len(),
        }
    }

    /// Cuts back to the first `length` values, whatever was pushed since.
    pub fn truncate(&mut self, length: usize) {
        match self {
            Builder::Nulls(nulls) => *nulls = length.min(*nulls),
            Builder::Leaf(leaf) => leaf.truncate(length),
            Builder::List { lists, items } => items.truncate(lists.truncate(length)),
            Builder::Map { maps, keys, values } => {
                let children = maps.truncate(length);
                keys.truncate(children);
                values.truncate(children);
            }
            Builder::Record(record) => {
                record.validity.truncate(length);
                for (_, member) in &mut record.members {
                    member.truncate(length);
                }
            }
            Builder::Union(union) => union.truncate(length),
        }
    }

    /// The finished array.
    pub fn finish(self) -> ArrayRef {
        match self {
            Builder::Nulls(length) => Arc::new(NullArray::new(length)),
            Builder::Leaf(mut leaf) => leaf.finish(),
            Builder::List { mut lists, items } => lists.finish(items.finish()),
            Builder::Map { maps, keys, values } => finish_map(maps, keys, *values),
            Builder::Record(record) => record.finish(),
            Builder::Union(union) => union.finish(),
        }
    }
}

fn nullable(name: &str, array: &ArrayRef) -> Field {
    Field::new(name, array.data_type().clone(), true)
}

fn finish_map(mut maps: ListBuilder, mut keys: LeafBuilder, values: Builder) -> ArrayRef {
    let (keys, values) = (keys.finish(), values.finish());
    let (offsets, validity) = maps.take();
    let key = Field::new("key", keys.data_type().clone(), false);
    let fields = Fields::from(vec![key, nullable("value", &values)]);
    let entries = StructArray::new(fields, vec![keys, values], None);
    let field = Field::new("entries", entries.data_type().clone(), false);
    Arc::new(MapArray::new(
        Arc::new(field),
        offsets,
        entries,
        validity,
        false,
    ))
}

impl RecordBuilder {
    fn finish(mut self) -> ArrayRef {
        let length = self.validity.len();
        let validity = self.validity.finish();
        if self.members.is_empty() {
            return Arc::new(StructArray::new_empty_fields(length, validity));
        }
        let mut fields = Vec::with_capacity(self.members.len());
        let mut arrays = Vec::with_capacity(self.members.len());
        for (name, member) in self.members {
            let array = member.finish();
            fields.push(nullable(&name, &array));
            arrays.push(array);
        }
        Arc::new(StructArray::new(fields.into(), arrays, validity))
    }
}

impl UnionBuilder {
    /// One value of the branch, which `push` appends.
    pub fn push(
        &mut self,
        number: usize,
        push: impl FnOnce(&mut Builder) -> Result<(), Wrong>,
    ) -> Result<(), Wrong> {
        let place = self.place(number)?;
        let branch = &mut self.seen[place];
        push(&mut branch.values)?;
        self.offsets
            .push(i32::try_from(branch.length).map_err(|_| Wrong::ColumnFull)?);
        self.places
            .push(i8::try_from(place).expect("there are at most MOST_BRANCHES places"));
        branch.length += 1;
        Ok(())
    }

    /// Where the values of a branch are kept.
    fn place(&mut self, number: usize) -> Result<usize, Wrong> {
        if let Some(place) = self.seen.iter().position(|branch| branch.number == number) {
            return Ok(place);
        }
        if self.seen.len() == MOST_BRANCHES {
            return Err(Wrong::TooManyColumns);
        }
        self.seen.push(Branch {
            number,
            length: 0,
            values: Builder::default(),
        });
        Ok(self.seen.len() - 1)
    }

    fn truncate(&mut self, length: usize) {
        self.places.truncate(length);
        self.offsets.truncate(length);
        for (place, branch) in self.seen.iter_mut().enumerate() {
            let of_branch = self.places.iter().filter(|kept| **kept as usize == place);
            branch.length = of_branch.count();
            branch.values.truncate(branch.length);
        }
    }

    fn finish(self) -> ArrayRef {
        let values: Vec<ArrayRef> = self
            .seen
            .into_iter()
            .map(|branch| branch.values.finish())
            .collect();
        let fields = values
            .iter()
            .enumerate()
            .map(|(place, array)| nullable(&place.to_string(), array));
        let fields = UnionFields::from_fields(fields);
        let union = UnionArray::try_new(
            fields,
            self.places.into(),
            Some(self.offsets.into()),
            values,
        );
        Arc::new(union.expect("every offset was the length of its branch at that time"))
    }
}
