//! What to do with the bytes of one writer schema to fill the columns of one set of fields.
//!
//! In: a schema and fields. Out: a [`Plan`], prepared once and walked for every record. Never: a
//! plan larger than the schema and the paths of the fields.

mod compile;
mod read;
mod skip;

pub(crate) use compile::compile;
pub(crate) use skip::{Skip, SkipTable, run, skip_of};

use crate::schema::Leaf;

/// A column, and how many of its lists stand around the place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Target {
    pub column: usize,
    pub level: usize,
}

/// What to do with one value.
#[derive(Debug)]
pub(crate) enum Node {
    /// Nobody asks for them: step over.
    Skip(Box<[Skip]>),
    /// Somebody asks for it.
    Leaf { leaf: Leaf, targets: Box<[Target]> },
    /// A record, some of whose members lead to asked values.
    Record(Box<[Node]>),
    /// An array, whose items lead to asked values: one list ends at each target.
    Array {
        item: Box<Node>,
        targets: Box<[Target]>,
    },
    /// A value or null; all targets below it get the null.
    Nullable {
        null: Option<usize>,
        some: Box<Node>,
        missing: Box<[Target]>,
    },
}

/// How to read one record of a schema for a set of fields.
#[derive(Debug)]
pub(crate) struct Plan {
    root: Node,
    skips: SkipTable,
    /// Columns that the schema cannot give: null in every row.
    absent: Vec<usize>,
}
