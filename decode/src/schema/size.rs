//! Which types take the same number of bytes in every value, so that a reader can step over them.
//!
//! In: the table of types. Out: one size, or none, per type. Never: a walk of the same type twice,
//! so that a schema whose types double at each level costs no more than its text.

use super::{Type, TypeId};

/// Per type the bytes of every value, where all have as many.
pub(super) fn fixed_sizes(types: &[Type]) -> Vec<Option<usize>> {
    let mut sizes = Sizes {
        types,
        known: vec![None; types.len()],
        visiting: vec![false; types.len()],
    };
    (0..types.len()).map(|id| sizes.of(id, 0)).collect()
}

/// Deeper than this the answer is "varies", which is always safe.
const DEEPEST: usize = 128;

struct Sizes<'a> {
    types: &'a [Type],
    known: Vec<Option<Option<usize>>>,
    visiting: Vec<bool>,
}

impl Sizes<'_> {
    fn of(&mut self, id: TypeId, depth: usize) -> Option<usize> {
        if let Some(known) = self.known[id] {
            return known;
        }
        if self.visiting[id] || depth > DEEPEST {
            return None;
        }
        self.visiting[id] = true;
        let size = self.compute(id, depth);
        self.visiting[id] = false;
        self.known[id] = Some(size);
        size
    }

    fn compute(&mut self, id: TypeId, depth: usize) -> Option<usize> {
        let types = self.types;
        match &types[id] {
            Type::Null => Some(0),
            Type::Float => Some(4),
            Type::Double => Some(8),
            Type::Fixed(size) => Some(*size),
            Type::Record(members) => members.iter().try_fold(0usize, |sum, member| {
                sum.checked_add(self.of(member.type_id, depth + 1)?)
            }),
            // A boolean has one byte, but not every byte is a boolean: it has to be looked at.
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schema::Member;

    fn record(ids: &[TypeId]) -> Type {
        Type::Record(
            ids.iter()
                .map(|&type_id| Member {
                    name: "x".into(),
                    type_id,
                    replaced: false,
                })
                .collect(),
        )
    }

    #[test]
    fn sums_up_records_and_stops_at_loops() {
        let types = [
            Type::Float,
            Type::Double,
            record(&[0, 1, 0]),
            Type::Int,
            record(&[2, 3]),
            record(&[5]),
        ];
        assert_eq!(
            fixed_sizes(&types),
            [Some(4), Some(8), Some(16), None, None, None]
        );
        let huge = [Type::Fixed(usize::MAX), record(&[0, 0])];
        assert_eq!(fixed_sizes(&huge), [Some(usize::MAX), None]);
    }

    #[test]
    fn doubling_types_cost_no_more_than_their_number() {
        let mut types = vec![Type::Null];
        types.extend((0..100).map(|id| record(&[id, id])));
        assert!(fixed_sizes(&types).iter().all(|size| *size == Some(0)));
    }
}
