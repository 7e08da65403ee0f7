//! Stepping over values that nobody asks for, as fast as the bytes allow.
//!
//! In: types of a schema. Out: a [`SkipTable`] with one program per record type, so that a type
//! that is used in many places is prepared once. Values are still checked where that is free, so
//! whether a packet is damaged hardly depends on what is asked of it: text is checked as UTF-8 only
//! where it is read, and what lies in array blocks that state their length is stepped over unseen.

use crate::cursor::Cursor;
use crate::error::Wrong;
use crate::limits::Limits;
use crate::schema::{Schema, Type, TypeId};

/// A value that needs no program of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Scalar {
    Fixed(usize),
    Boolean,
    Int,
    Long,
    Sized,
    Symbol(usize),
}

/// How to step over one value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Skip {
    Scalar(Scalar),
    /// A union of null and a scalar.
    NullOr {
        null: usize,
        scalar: Scalar,
    },
    /// A record type, by its number in the table.
    Record(TypeId),
    Array(Box<Skip>),
    /// Keys and values.
    Map(Box<Skip>),
    Union(Box<[Skip]>),
}

/// The programs of every record type of a schema.
#[derive(Debug)]
pub(crate) struct SkipTable {
    records: Vec<Box<[Skip]>>,
    limits: Limits,
}

impl SkipTable {
    pub fn new(schema: &Schema, limits: &Limits) -> SkipTable {
        let program = |id| match schema.type_of(id) {
            Type::Record(members) => {
                run(members.iter().map(|member| skip_of(schema, member.type_id)))
            }
            _ => Box::default(),
        };
        SkipTable {
            records: (0..schema.len()).map(program).collect(),
            limits: limits.clone(),
        }
    }

    pub fn limits(&self) -> &Limits {
        &self.limits
    }

    /// Steps over one value of the type.
    pub fn step_over(
        &self,
        schema: &Schema,
        id: TypeId,
        cursor: &mut Cursor<'_>,
        depth: usize,
    ) -> Result<(), Wrong> {
        self.step(&skip_of(schema, id), cursor, depth)
    }

    /// Steps over the values of `skips`, which lie within `depth` others.
    pub fn run(&self, skips: &[Skip], cursor: &mut Cursor<'_>, depth: usize) -> Result<(), Wrong> {
        for skip in skips {
            self.step(skip, cursor, depth)?;
        }
        Ok(())
    }

    #[inline(always)]
    fn step(&self, skip: &Skip, cursor: &mut Cursor<'_>, depth: usize) -> Result<(), Wrong> {
        match skip {
            Skip::Scalar(scalar) => scalar.step(cursor),
            Skip::NullOr { null, scalar } => {
                if cursor.branch(2)? == *null {
                    Ok(())
                } else {
                    scalar.step(cursor)
                }
            }
            Skip::Union(branches) => {
                let branch = cursor.branch(branches.len())?;
                self.step(&branches[branch], cursor, depth)
            }
            other => self.step_composite(other, cursor, self.deeper(depth)?),
        }
    }

    #[inline(never)]
    fn step_composite(
        &self,
        skip: &Skip,
        cursor: &mut Cursor<'_>,
        depth: usize,
    ) -> Result<(), Wrong> {
        match skip {
            Skip::Record(id) => self.run(&self.records[*id], cursor, depth),
            Skip::Array(item) => self.step_items(false, item, cursor, depth),
            Skip::Map(value) => self.step_items(true, value, cursor, depth),
            scalar => self.step(scalar, cursor, depth),
        }
    }

    fn step_items(
        &self,
        keyed: bool,
        item: &Skip,
        cursor: &mut Cursor<'_>,
        depth: usize,
    ) -> Result<(), Wrong> {
        let mut total = 0;
        while let Some(block) = cursor.items(&mut total, self.limits.array_items)? {
            match (block.bytes, item, keyed) {
                (Some(bytes), ..) => cursor.skip(bytes)?,
                (None, Skip::Scalar(Scalar::Fixed(size)), false) => {
                    cursor.skip(size.checked_mul(block.items).ok_or(Wrong::End)?)?;
                }
                _ => {
                    for _ in 0..block.items {
                        if keyed {
                            cursor.sized()?;
                        }
                        self.step(item, cursor, depth)?;
                    }
                }
            }
        }
        Ok(())
    }

    /// One level further in.
    pub fn deeper(&self, depth: usize) -> Result<usize, Wrong> {
        if depth < self.limits.nesting {
            Ok(depth + 1)
        } else {
            Err(Wrong::Nesting(self.limits.nesting))
        }
    }
}

impl Scalar {
    #[inline(always)]
    fn step(self, cursor: &mut Cursor<'_>) -> Result<(), Wrong> {
        match self {
            Scalar::Fixed(size) => cursor.skip(size),
            Scalar::Boolean => cursor.boolean().map(drop),
            Scalar::Int => cursor.int().map(drop),
            Scalar::Long => cursor.long().map(drop),
            Scalar::Sized => cursor.sized().map(drop),
            Scalar::Symbol(symbols) => cursor.symbol(symbols).map(drop),
        }
    }
}

/// How to step over a value of the type.
pub(crate) fn skip_of(schema: &Schema, id: TypeId) -> Skip {
    if let Some(size) = schema.fixed_size(id) {
        return Skip::Scalar(Scalar::Fixed(size));
    }
    match schema.type_of(id) {
        Type::Boolean => Skip::Scalar(Scalar::Boolean),
        Type::Int => Skip::Scalar(Scalar::Int),
        Type::Long => Skip::Scalar(Scalar::Long),
        Type::Bytes | Type::String => Skip::Scalar(Scalar::Sized),
        Type::Enum(symbols) => Skip::Scalar(Scalar::Symbol(symbols.len())),
        Type::Array(items) => Skip::Array(Box::new(skip_of(schema, *items))),
        Type::Map(values) => Skip::Map(Box::new(skip_of(schema, *values))),
        Type::Union(branches) => union_of(schema, branches),
        // The others have a fixed size and were answered above.
        _ => Skip::Record(id),
    }
}

fn union_of(schema: &Schema, branches: &[TypeId]) -> Skip {
    if let Some((Some(null), inner)) = schema.nullable(branches)
        && let Skip::Scalar(scalar) = skip_of(schema, inner)
    {
        return Skip::NullOr { null, scalar };
    }
    Skip::Union(
        branches
            .iter()
            .map(|branch| skip_of(schema, *branch))
            .collect(),
    )
}

/// One program out of many steps: neighbours of fixed size become one, those of no size none.
pub(crate) fn run(skips: impl Iterator<Item = Skip>) -> Box<[Skip]> {
    let mut fused: Vec<Skip> = Vec::new();
    for skip in skips {
        match (fused.last_mut(), skip) {
            (_, Skip::Scalar(Scalar::Fixed(0))) => {}
            (Some(Skip::Scalar(Scalar::Fixed(before))), Skip::Scalar(Scalar::Fixed(size)))
                if before.checked_add(size).is_some() =>
            {
                *before += size;
            }
            (_, skip) => fused.push(skip),
        }
    }
    fused.into()
}
