//! What of a schema's records is kept.
//!
//! In: a schema, the wanted parts. Out: a [`Keep`], as deep as the paths are long. Never: bytes.

use std::collections::BTreeMap;

use super::Parts;
use crate::path::FieldPath;
use crate::schema::{Place, Schema, Type, TypeId};

/// What is kept of a value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Keep {
    /// All of it.
    Whole,
    /// Of a record: of each member so much, or nothing.
    Record(Vec<Option<Keep>>),
    /// Of an array: so much of each item.
    Array(Box<Keep>),
    /// Of a value or null: so much of the value.
    NotNull(Box<Keep>),
}

impl Keep {
    /// The parts of the schema's records.
    pub fn of(schema: &Schema, parts: &Parts) -> Keep {
        let root = schema.root();
        match parts {
            Parts::Whole => Keep::Whole,
            Parts::Only(paths) => only(schema, root, &Named::new(schema, paths)),
            Parts::Without(paths) => {
                let named = Named::new(schema, paths);
                // A path has a member at least, so the root itself is never cut.
                without(schema, root, &named).unwrap_or(Keep::Whole)
            }
        }
    }
}

/// The parts that paths name, below one place of the schema.
#[derive(Default)]
struct Named {
    /// A path ends here.
    end: bool,
    /// Further down, by the record's member; all else has one way only, under 0.
    below: BTreeMap<usize, Named>,
}

impl Named {
    /// Paths that the schema does not have are left out.
    fn new(schema: &Schema, paths: &[FieldPath]) -> Named {
        let mut named = Named::default();
        for places in paths.iter().filter_map(|path| schema.part(path).ok()) {
            named.add(&places);
        }
        named
    }

    fn add(&mut self, places: &[Place]) {
        match places.split_first() {
            None => self.end = true,
            Some((first, rest)) => {
                let key = if let Place::Member(index) = first {
                    *index
                } else {
                    0
                };
                self.below.entry(key).or_default().add(rest);
            }
        }
    }
}

/// One step down from a type that is no record.
enum Down {
    Items(TypeId),
    NotNull(TypeId),
}

impl Down {
    fn from(schema: &Schema, id: TypeId) -> Option<Down> {
        match schema.type_of(id) {
            Type::Array(items) => Some(Down::Items(*items)),
            Type::Union(branches) => {
                let (_, inner) = schema.nullable(branches)?;
                Some(Down::NotNull(inner))
            }
            _ => None,
        }
    }

    fn inner(&self) -> TypeId {
        match self {
            Down::Items(inner) | Down::NotNull(inner) => *inner,
        }
    }

    fn keep(&self, inner: Keep) -> Keep {
        match self {
            Down::Items(_) => Keep::Array(Box::new(inner)),
            Down::NotNull(_) => Keep::NotNull(Box::new(inner)),
        }
    }
}

/// The named parts and nothing else.
fn only(schema: &Schema, id: TypeId, named: &Named) -> Keep {
    if named.end {
        return Keep::Whole;
    }
    if let Type::Record(members) = schema.type_of(id) {
        let member = |(index, member): (usize, &crate::schema::Member)| {
            let below = named.below.get(&index)?;
            Some(only(schema, member.type_id, below))
        };
        return Keep::Record(members.iter().enumerate().map(member).collect());
    }
    let nothing = Named::default();
    let below = named.below.get(&0).unwrap_or(&nothing);
    match Down::from(schema, id) {
        Some(down) => down.keep(only(schema, down.inner(), below)),
        // No path leads through anything else.
        None => Keep::Whole,
    }
}

/// All but the named parts; none where this is one.
fn without(schema: &Schema, id: TypeId, named: &Named) -> Option<Keep> {
    if named.end {
        return None;
    }
    if named.below.is_empty() {
        return Some(Keep::Whole);
    }
    if let Type::Record(members) = schema.type_of(id) {
        let member = |(index, member): (usize, &crate::schema::Member)| {
            if member.replaced {
                return None;
            }
            match named.below.get(&index) {
                None => Some(Keep::Whole),
                Some(below) => without(schema, member.type_id, below),
            }
        };
        return Some(Keep::Record(
            members.iter().enumerate().map(member).collect(),
        ));
    }
    let (Some(down), Some(below)) = (Down::from(schema, id), named.below.get(&0)) else {
        return Some(Keep::Whole);
    };
    Some(down.keep(without(schema, down.inner(), below)?))
}
