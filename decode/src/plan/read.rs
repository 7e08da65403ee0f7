//! The walk over one record: asked values into columns, the others stepped over.

use super::{Node, Plan, Target};
use crate::column::Column;
use crate::cursor::Cursor;
use crate::error::Wrong;
use crate::schema::Leaf;

impl Plan {
    /// Reads one record into one row of every column. On an error the columns hold part of a row:
    /// the caller cuts them back. The cursor then stands at the value that is wrong.
    pub fn read(&self, cursor: &mut Cursor<'_>, columns: &mut [Column]) -> Result<(), Wrong> {
        self.read_node(&self.root, cursor, columns, 0)?;
        self.absent
            .iter()
            .try_for_each(|&column| columns[column].push_null(0))
    }

    fn read_node(
        &self,
        node: &Node,
        cursor: &mut Cursor<'_>,
        columns: &mut [Column],
        depth: usize,
    ) -> Result<(), Wrong> {
        match node {
            Node::Skip(skips) => self.skips.run(skips, cursor, depth),
            Node::Leaf { leaf, targets } => read_leaf(leaf, targets, cursor, columns),
            Node::Record(nodes) => {
                let depth = self.skips.deeper(depth)?;
                nodes
                    .iter()
                    .try_for_each(|node| self.read_node(node, cursor, columns, depth))
            }
            Node::Nullable {
                null,
                some,
                missing,
            } => {
                let branches = if null.is_some() { 2 } else { 1 };
                if Some(cursor.branch(branches)?) == *null {
                    return missing
                        .iter()
                        .try_for_each(|at| columns[at.column].push_null(at.level));
                }
                self.read_node(some, cursor, columns, depth)
            }
            Node::Array { item, targets } => {
                self.read_items(item, cursor, columns, self.skips.deeper(depth)?)?;
                targets
                    .iter()
                    .try_for_each(|at| columns[at.column].close(at.level))
            }
        }
    }

    fn read_items(
        &self,
        item: &Node,
        cursor: &mut Cursor<'_>,
        columns: &mut [Column],
        depth: usize,
    ) -> Result<(), Wrong> {
        let mut total = 0;
        while let Some(block) = cursor.items(&mut total, self.skips.limits().array_items)? {
            let start = cursor.at();
            for _ in 0..block.items {
                self.read_node(item, cursor, columns, depth)?;
            }
            if block
                .bytes
                .is_some_and(|bytes| cursor.at() - start != bytes)
            {
                cursor.back_to(start);
                return Err(Wrong::BlockLength);
            }
        }
        Ok(())
    }
}

/// One value into every column that asks for it; mostly one.
fn read_leaf(
    leaf: &Leaf,
    targets: &[Target],
    cursor: &mut Cursor<'_>,
    columns: &mut [Column],
) -> Result<(), Wrong> {
    let start = cursor.at();
    let value = leaf.read(cursor)?;
    for target in targets {
        if let Err(full) = columns[target.column].leaf.push(value) {
            cursor.back_to(start);
            return Err(full);
        }
    }
    Ok(())
}
