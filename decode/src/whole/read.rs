//! The walk over one record that keeps everything.

use super::build::{Builder, RecordBuilder};
use crate::cursor::Cursor;
use crate::error::Wrong;
use crate::plan::SkipTable;
use crate::schema::{Leaf, Member, Schema, Type, TypeId};
use crate::value::Value;

/// Values of one packet that are kept; the largest real alerts have a hundred thousand. It also
/// bounds what takes no bytes, such as arrays of empty records.
const MOST_VALUES: usize = 20_000_000;
/// Parts of a packet's records that have a column of their own, or a place for one; the widest real
/// schemas have 500.
const MOST_PARTS: usize = 100_000;

pub(super) struct Reader<'a> {
    schema: &'a Schema,
    skips: &'a SkipTable,
    /// Values of all records so far.
    values: usize,
    /// Parts of all records so far.
    parts: usize,
}

impl<'a> Reader<'a> {
    pub fn new(schema: &'a Schema, skips: &'a SkipTable) -> Reader<'a> {
        Reader {
            schema,
            skips,
            values: 0,
            parts: 0,
        }
    }

    /// Reads a record into the builder.
    pub fn read_root(&mut self, root: &mut Builder, cursor: &mut Cursor<'_>) -> Result<(), Wrong> {
        self.read(self.schema.root(), root, cursor, 0)
    }

    /// Reads a value of the type, which lies within `depth` others, into its builder.
    fn read(
        &mut self,
        id: TypeId,
        builder: &mut Builder,
        cursor: &mut Cursor<'_>,
        depth: usize,
    ) -> Result<(), Wrong> {
        self.values += 1;
        if self.values > MOST_VALUES {
            return Err(Wrong::Values(MOST_VALUES));
        }
        let schema = self.schema;
        if let Some(leaf) = leaf(schema, id) {
            let Builder::Leaf(values) = self.shaped(builder, || Builder::leaf(leaf.natural()))?
            else {
                return Err(Wrong::TooManyColumns);
            };
            return values.push(leaf.read(cursor)?);
        }
        match schema.type_of(id) {
            Type::Union(branches) => self.read_union(branches, builder, cursor, depth),
            Type::Record(members) => {
                let depth = self.skips.deeper(depth)?;
                if matches!(builder, Builder::Nulls(_)) {
                    self.count_parts(members.len())?;
                }
                let record = self.shaped(builder, || Builder::record(kept_names(members)))?;
                let Builder::Record(record) = record else {
                    return Err(Wrong::TooManyColumns);
                };
                self.read_record(members, record, cursor, depth)
            }
            Type::Array(items) => {
                let depth = self.skips.deeper(depth)?;
                let list = self.shaped(builder, Builder::list)?;
                self.read_array(*items, list, cursor, depth)
            }
            Type::Map(values) => {
                let depth = self.skips.deeper(depth)?;
                let map = self.shaped(builder, Builder::map)?;
                self.read_map(*values, map, cursor, depth)
            }
            // Null; all others are leaves.
            _ => builder.push_null(),
        }
    }

    fn read_union(
        &mut self,
        branches: &[TypeId],
        builder: &mut Builder,
        cursor: &mut Cursor<'_>,
        depth: usize,
    ) -> Result<(), Wrong> {
        let branch = cursor.branch(branches.len())?;
        let id = branches[branch];
        if self.schema.nullable(branches).is_some() {
            return self.read(id, builder, cursor, depth);
        }
        let union = self.shaped(builder, Builder::union)?;
        let Builder::Union(union) = union else {
            return Err(Wrong::TooManyColumns);
        };
        union.push(branch, |values| self.read(id, values, cursor, depth))
    }

    fn read_record(
        &mut self,
        members: &[Member],
        record: &mut RecordBuilder,
        cursor: &mut Cursor<'_>,
        depth: usize,
    ) -> Result<(), Wrong> {
        let mut kept = record.members.iter_mut();
        for member in members {
            if member.replaced {
                self.skips
                    .step_over(self.schema, member.type_id, cursor, depth)?;
            } else if let Some((_, builder)) = kept.next() {
                self.read(member.type_id, builder, cursor, depth)?;
            }
        }
        record.validity.append_non_null();
        Ok(())
    }

    fn read_array(
        &mut self,
        id: TypeId,
        list: &mut Builder,
        cursor: &mut Cursor<'_>,
        depth: usize,
    ) -> Result<(), Wrong> {
        let Builder::List { lists, items } = list else {
            return Err(Wrong::TooManyColumns);
        };
        let mut total = 0;
        while let Some(block) = cursor.items(&mut total, self.skips.limits().array_items)? {
            let start = cursor.at();
            for _ in 0..block.items {
                self.read(id, items, cursor, depth)?;
            }
            cursor.check_block(block, start)?;
        }
        lists.close(items.len())
    }

    fn read_map(
        &mut self,
        id: TypeId,
        map: &mut Builder,
        cursor: &mut Cursor<'_>,
        depth: usize,
    ) -> Result<(), Wrong> {
        let Builder::Map { maps, keys, values } = map else {
            return Err(Wrong::TooManyColumns);
        };
        let mut total = 0;
        while let Some(block) = cursor.items(&mut total, self.skips.limits().array_items)? {
            let start = cursor.at();
            for _ in 0..block.items {
                keys.push(Value::Text(cursor.text()?))?;
                self.read(id, values, cursor, depth)?;
            }
            cursor.check_block(block, start)?;
        }
        maps.close(keys.len())
    }

    fn count_parts(&mut self, more: usize) -> Result<(), Wrong> {
        self.parts = self.parts.saturating_add(more);
        if self.parts > MOST_PARTS {
            return Err(Wrong::TooManyColumns);
        }
        Ok(())
    }

    /// The builder, given its shape if it has none yet: the nulls before it are taken over.
    fn shaped<'b>(
        &mut self,
        builder: &'b mut Builder,
        shape: impl FnOnce() -> Builder,
    ) -> Result<&'b mut Builder, Wrong> {
        if let Builder::Nulls(length) = *builder {
            self.count_parts(1)?;
            *builder = shape();
            for _ in 0..length {
                builder.push_null()?;
            }
        }
        Ok(builder)
    }
}

/// The names of a record's members without those that a later one of the same name replaces.
fn kept_names(members: &[Member]) -> impl Iterator<Item = Box<str>> {
    members
        .iter()
        .filter(|member| !member.replaced)
        .map(|member| member.name.clone())
}

/// As for columns, and bytes of no length too.
fn leaf(schema: &Schema, id: TypeId) -> Option<Leaf> {
    match schema.type_of(id) {
        Type::Fixed(0) => Some(Leaf::Fixed(0)),
        _ => schema.leaf(id),
    }
}
