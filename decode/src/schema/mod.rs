//! Writer schemas: any Avro schema document as a table of types.
//!
//! In: a schema document. Out: a [`Schema`], in which names are resolved to numbers, and what can be
//! asked of it. Never: defaults, docs, logical types or other attributes, which do not change how
//! bytes are read; real schemas have wrong ones.

mod ask;
mod assemble;
mod parse;
mod resolve;
mod size;

use std::sync::Arc;

pub use ask::Askable;
pub use assemble::assemble;
pub(crate) use parse::Objects;
pub(crate) use resolve::{Leaf, Place};

/// Largest schema document that is read [bytes]; real ones have 8 to 120 thousand.
pub const LARGEST_DOCUMENT: usize = 4 << 20;

/// Number of a type within its schema.
pub(crate) type TypeId = usize;

/// How the values of one type are written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Type {
    Null,
    Boolean,
    Int,
    Long,
    Float,
    Double,
    Bytes,
    String,
    Fixed(usize),
    Enum(Arc<[Box<str>]>),
    Record(Vec<Member>),
    Array(TypeId),
    Map(TypeId),
    Union(Vec<TypeId>),
}

/// One field of a record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Member {
    pub name: Box<str>,
    pub type_id: TypeId,
    /// A later member has the same name, and counts in its place.
    pub replaced: bool,
}

/// A parsed writer schema.
#[derive(Debug, Clone)]
pub struct Schema {
    types: Vec<Type>,
    /// Per type: bytes of every value, where all values have as many.
    sizes: Vec<Option<usize>>,
    root: TypeId,
}

impl Schema {
    pub(crate) fn root(&self) -> TypeId {
        self.root
    }

    pub(crate) fn type_of(&self, id: TypeId) -> &Type {
        &self.types[id]
    }

    /// The number of types; ids are below it.
    pub(crate) fn len(&self) -> usize {
        self.types.len()
    }

    /// How many bytes every value of the type takes, where all take as many.
    pub(crate) fn fixed_size(&self, id: TypeId) -> Option<usize> {
        self.sizes[id]
    }

    /// The two-branch union with null: which branch is null, and the other's type. A union of one
    /// branch counts too, without a null.
    pub(crate) fn nullable(&self, branches: &[TypeId]) -> Option<(Option<usize>, TypeId)> {
        match *branches {
            [only] => Some((None, only)),
            [first, second] => match (self.type_of(first), self.type_of(second)) {
                (Type::Null, _) => Some((Some(0), second)),
                (_, Type::Null) => Some((Some(1), first)),
                _ => None,
            },
            _ => None,
        }
    }

    /// The member that counts: of several of one name the last.
    pub(crate) fn member(members: &[Member], name: &str) -> Option<usize> {
        members.iter().rposition(|member| &*member.name == name)
    }
}
