//! Copying what is kept of a record.
//!
//! In: a record's bytes. Out: those of its kept parts. An array of which parts are kept is written
//! block by block as it stood, its blocks without their lengths in bytes. Never: more bytes than came
//! in.

use super::keep::Keep;
use crate::container::write_length;
use crate::cursor::Cursor;
use crate::error::Wrong;
use crate::limits::Limits;
use crate::plan::{Skip, SkipTable, run, skip_of};
use crate::schema::{Schema, Type, TypeId};

/// What to do with one value, or with neighbours.
#[derive(Debug)]
enum Step {
    Copy(Box<[Skip]>),
    Cut(Box<[Skip]>),
    Record(Box<[Step]>),
    Array(Box<Step>),
    /// How many branches there are, and which is null.
    NotNull(usize, Option<usize>, Box<Step>),
}

/// Copies the kept parts of records of one schema.
#[derive(Debug)]
pub(super) struct Copier {
    root: Step,
    skips: SkipTable,
}

impl Copier {
    pub fn new(schema: &Schema, keep: &Keep, limits: &Limits) -> Copier {
        Copier {
            root: step(schema, schema.root(), keep),
            skips: SkipTable::new(schema, limits),
        }
    }

    /// Appends the kept parts of the record that starts at the cursor.
    pub fn copy(&self, cursor: &mut Cursor<'_>, out: &mut Vec<u8>) -> Result<(), Wrong> {
        self.take(&self.root, cursor, out, 0)
    }

    fn take(
        &self,
        step: &Step,
        cursor: &mut Cursor<'_>,
        out: &mut Vec<u8>,
        depth: usize,
    ) -> Result<(), Wrong> {
        let start = cursor.at();
        match step {
            Step::Cut(skips) => self.skips.run(skips, cursor, depth),
            Step::Copy(skips) => {
                self.skips.run(skips, cursor, depth)?;
                out.extend_from_slice(cursor.since(start));
                Ok(())
            }
            Step::Record(steps) => {
                let depth = self.skips.deeper(depth)?;
                let mut steps = steps.iter();
                steps.try_for_each(|step| self.take(step, cursor, out, depth))
            }
            Step::NotNull(branches, null, some) => {
                let branch = cursor.branch(*branches)?;
                out.extend_from_slice(cursor.since(start));
                if Some(branch) == *null {
                    return Ok(());
                }
                self.take(some, cursor, out, depth)
            }
            Step::Array(item) => self.take_items(item, cursor, out, self.skips.deeper(depth)?),
        }
    }

    fn take_items(
        &self,
        item: &Step,
        cursor: &mut Cursor<'_>,
        out: &mut Vec<u8>,
        depth: usize,
    ) -> Result<(), Wrong> {
        let mut total = 0;
        while let Some(block) = cursor.items(&mut total, self.skips.limits().array_items)? {
            let start = cursor.at();
            write_length(out, block.items);
            for _ in 0..block.items {
                self.take(item, cursor, out, depth)?;
            }
            cursor.check_block(block, start)?;
        }
        write_length(out, 0);
        Ok(())
    }
}

fn step(schema: &Schema, id: TypeId, keep: &Keep) -> Step {
    match (keep, schema.type_of(id)) {
        (Keep::Record(kept), Type::Record(members)) => {
            let types = members.iter().map(|member| member.type_id);
            Step::Record(steps(schema, &types.zip(kept).collect::<Vec<_>>()))
        }
        (Keep::Array(kept), Type::Array(items)) => {
            Step::Array(Box::new(step(schema, *items, kept)))
        }
        (Keep::NotNull(kept), Type::Union(branches)) => match schema.nullable(branches) {
            Some((null, inner)) => {
                let some = Box::new(step(schema, inner, kept));
                Step::NotNull(branches.len(), null, some)
            }
            None => copy(schema, &[id]),
        },
        // What is kept was made from this very schema.
        _ => copy(schema, &[id]),
    }
}

/// Members one after another: neighbours that share a fate are one step.
fn steps(schema: &Schema, members: &[(TypeId, &Option<Keep>)]) -> Box<[Step]> {
    let fate = |kept: &Option<Keep>| match kept {
        None => 0,
        Some(Keep::Whole) => 1,
        Some(_) => 2,
    };
    let runs = members.chunk_by(|one, next| fate(one.1) == fate(next.1) && fate(one.1) < 2);
    let one = |run_of: &[(TypeId, &Option<Keep>)]| {
        let ids: Vec<TypeId> = run_of.iter().map(|(id, _)| *id).collect();
        match run_of[0].1 {
            None => Step::Cut(skips(schema, &ids)),
            Some(Keep::Whole) => copy(schema, &ids),
            Some(part) => step(schema, ids[0], part),
        }
    };
    runs.map(one).collect()
}

fn copy(schema: &Schema, ids: &[TypeId]) -> Step {
    Step::Copy(skips(schema, ids))
}

fn skips(schema: &Schema, ids: &[TypeId]) -> Box<[Skip]> {
    run(ids.iter().map(|id| skip_of(schema, *id)))
}
