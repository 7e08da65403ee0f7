//! Schema and fields to a plan.

use std::collections::BTreeMap;

use super::skip::{run, skip_of};
use super::{Node, Plan, SkipTable, Target};
use crate::field::Field;
use crate::limits::Limits;
use crate::schema::{Leaf, Place, Schema, Type, TypeId};

/// Prepares the reading of `fields` from records of `schema`.
pub(crate) fn compile(schema: &Schema, fields: &[Field], limits: &Limits) -> Plan {
    let mut wanted = Wanted::default();
    let mut absent = Vec::new();
    for (column, field) in fields.iter().enumerate() {
        let mut found = field
            .paths
            .iter()
            .filter_map(|path| schema.resolve(path, field.element).ok());
        match found.next() {
            Some((places, leaf)) => wanted.add(&places, leaf, column),
            None => absent.push(column),
        }
    }
    let root = node(schema, schema.root(), &wanted, 0);
    Plan {
        root,
        skips: SkipTable::new(schema, limits),
        absent,
    }
}

/// The asked values below one place of the schema.
#[derive(Default)]
struct Wanted {
    /// Columns that end here.
    columns: Vec<usize>,
    leaf: Option<Leaf>,
    /// Further down, by the record's member; all else has one way only, under 0.
    below: BTreeMap<usize, Wanted>,
}

impl Wanted {
    fn add(&mut self, places: &[Place], leaf: Leaf, column: usize) {
        match places.split_first() {
            None => {
                self.columns.push(column);
                self.leaf = Some(leaf);
            }
            Some((first, rest)) => {
                let key = if let Place::Member(index) = first {
                    *index
                } else {
                    0
                };
                self.below.entry(key).or_default().add(rest, leaf, column);
            }
        }
    }

    /// Every column that ends here or further down.
    fn targets(&self, level: usize) -> Box<[Target]> {
        let mut columns = Vec::new();
        self.collect(&mut columns);
        columns
            .into_iter()
            .map(|column| Target { column, level })
            .collect()
    }

    fn collect(&self, columns: &mut Vec<usize>) {
        columns.extend(&self.columns);
        self.below.values().for_each(|below| below.collect(columns));
    }
}

/// What to do with a value of type `id` that lies within `level` arrays.
fn node(schema: &Schema, id: TypeId, wanted: &Wanted, level: usize) -> Node {
    if let Some(leaf) = &wanted.leaf {
        return Node::Leaf {
            leaf: leaf.clone(),
            targets: wanted.targets(level),
        };
    }
    let only = wanted.below.get(&0);
    match (schema.type_of(id), only) {
        (Type::Array(items), Some(below)) => Node::Array {
            item: Box::new(node(schema, *items, below, level + 1)),
            targets: wanted.targets(level),
        },
        (Type::Union(branches), Some(below)) => match schema.nullable(branches) {
            Some((null, inner)) => Node::Nullable {
                null,
                some: Box::new(node(schema, inner, below, level)),
                missing: wanted.targets(level),
            },
            None => step_over(schema, id),
        },
        (Type::Record(_), _) if !wanted.below.is_empty() => record(schema, id, wanted, level),
        _ => step_over(schema, id),
    }
}

fn step_over(schema: &Schema, id: TypeId) -> Node {
    Node::Skip(run(std::iter::once(skip_of(schema, id))))
}

/// A record: asked members one by one, the runs between them stepped over together.
fn record(schema: &Schema, id: TypeId, wanted: &Wanted, level: usize) -> Node {
    let Type::Record(members) = schema.type_of(id) else {
        return step_over(schema, id);
    };
    let mut nodes = Vec::new();
    let mut start = 0;
    let skipped = |range: std::ops::Range<usize>| {
        Node::Skip(run(members[range]
            .iter()
            .map(|member| skip_of(schema, member.type_id))))
    };
    for (&index, below) in &wanted.below {
        if start < index {
            nodes.push(skipped(start..index));
        }
        nodes.push(node(schema, members[index].type_id, below, level));
        start = index + 1;
    }
    if start < members.len() {
        nodes.push(skipped(start..members.len()));
    }
    Node::Record(nodes.into())
}
