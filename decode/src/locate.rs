//! Which field of a record stands at a byte.
//!
//! In: a damaged record and the byte at which reading stopped. Out: a path with indices, such as
//! `prv_candidates[3].magpsf`. Runs once per damaged packet, so that the readers need not keep track.
//! Never: more steps than a bound, whatever the bytes say.

use crate::cursor::Cursor;
use crate::error::Wrong;
use crate::path::quoted_name;
use crate::schema::{Schema, Type, TypeId};

/// Steps after which the search gives up: real records have some thousand values.
const MOST_STEPS: usize = 1_000_000;
/// Levels after which it goes no deeper.
const DEEPEST: usize = 256;

/// The path of the value at `target`, in the record that starts at `start`.
pub(crate) fn locate(schema: &Schema, bytes: &[u8], start: usize, target: usize) -> String {
    let cursor = Cursor::starting_at(bytes, start);
    let mut search = Search {
        schema,
        cursor,
        target,
        path: Vec::new(),
        steps: 0,
    };
    // The search ends with an error where it has found the place.
    let _found = search.visit(schema.root());
    written(&search.path)
}

/// A part of a path.
enum Part<'a> {
    Member(&'a str),
    Item(usize),
}

fn written(path: &[Part<'_>]) -> String {
    let mut text = String::new();
    for part in path {
        match part {
            Part::Item(index) => text.push_str(&format!("[{index}]")),
            Part::Member(name) => {
                text.push_str(if text.is_empty() { "" } else { "." });
                text.push_str(&quoted_name(name));
            }
        }
    }
    text
}

struct Search<'a> {
    schema: &'a Schema,
    cursor: Cursor<'a>,
    target: usize,
    path: Vec<Part<'a>>,
    steps: usize,
}

impl Search<'_> {
    fn visit(&mut self, id: TypeId) -> Result<(), Wrong> {
        let schema = self.schema;
        let start = self.cursor.at();
        self.steps += 1;
        if self.steps > MOST_STEPS || self.path.len() > DEEPEST {
            return Err(Wrong::End);
        }
        if let Some(size) = schema.fixed_size(id)
            && self.target >= start.saturating_add(size)
        {
            return self.cursor.skip(size);
        }
        match schema.type_of(id) {
            Type::Record(members) => {
                for (index, member) in members.iter().enumerate() {
                    self.path.push(Part::Member(&member.name));
                    self.visit(members[index].type_id)?;
                    self.path.pop();
                }
                return Ok(());
            }
            Type::Array(items) => return self.visit_items(*items, false),
            Type::Map(values) => return self.visit_items(*values, true),
            Type::Union(branches) => {
                let branch = self.cursor.branch(branches.len())?;
                self.reached(start)?;
                return self.visit(branches[branch]);
            }
            Type::Null => return Ok(()),
            Type::Boolean => drop(self.cursor.boolean()?),
            Type::Int => drop(self.cursor.int()?),
            Type::Long => drop(self.cursor.long()?),
            Type::Float => drop(self.cursor.take(4)?),
            Type::Double => drop(self.cursor.take(8)?),
            Type::Fixed(size) => drop(self.cursor.take(*size)?),
            Type::Bytes | Type::String => drop(self.cursor.sized()?),
            Type::Enum(symbols) => drop(self.cursor.symbol(symbols.len())?),
        }
        self.reached(start)
    }

    /// Stops where the value that began at `start` spans the target.
    fn reached(&self, start: usize) -> Result<(), Wrong> {
        if (start..self.cursor.at()).contains(&self.target) {
            Err(Wrong::End)
        } else {
            Ok(())
        }
    }

    fn visit_items(&mut self, items: TypeId, keyed: bool) -> Result<(), Wrong> {
        let mut index = 0;
        let mut total = 0;
        loop {
            let start = self.cursor.at();
            let Some(block) = self.cursor.items(&mut total, usize::MAX)? else {
                return Ok(());
            };
            self.reached(start)?;
            if !keyed && self.schema.fixed_size(items) == Some(0) {
                continue;
            }
            for _ in 0..block.items {
                self.path.push(Part::Item(index));
                let start = self.cursor.at();
                if keyed {
                    self.cursor.sized()?;
                    self.reached(start)?;
                }
                self.visit(items)?;
                self.path.pop();
                index += 1;
            }
        }
    }
}
