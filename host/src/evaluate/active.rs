//! The active set: every filter that runs now, and the fields they want together.
//!
//! In: loaded programs with their settings. Out: an immutable [`ActiveSet`], swapped whole through
//! an [`ActiveHandle`]. Never: a change in place, or the registry.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};

use arrow_array::{Array, ArrayRef};
use skysieve_decode::Field;

use super::{ParameterValue, Program};
use crate::delivery::{AnnotationValue, Destination};
use crate::rights::Rights;

/// One filter under one setting.
pub struct ActiveFilter {
    /// Who it is and where its alerts go.
    pub destination: Arc<Destination>,
    /// Its program.
    pub program: Program,
    /// One value for each declared parameter, checked.
    pub parameters: Vec<ParameterValue>,
    /// Which programmes its owner may see.
    pub rights: Rights,
    columns: Vec<usize>,
    required: Vec<usize>,
    annotations: Vec<Arc<str>>,
}

/// A filter to be made active.
#[derive(Clone)]
pub struct Candidate {
    /// Who it is and where its alerts go.
    pub destination: Destination,
    /// Its program.
    pub program: Program,
    /// One value for each declared parameter, checked.
    pub parameters: Vec<ParameterValue>,
    /// Which programmes its owner may see.
    pub rights: Rights,
}

/// Every filter that runs, and the union of their fields.
#[derive(Default)]
pub struct ActiveSet {
    /// Rises with every change.
    pub generation: i64,
    /// The filters.
    pub filters: Vec<Arc<ActiveFilter>>,
    /// Each field once, whoever asked for it.
    pub fields: Vec<Field>,
}

impl ActiveSet {
    /// The set of `candidates`.
    #[must_use]
    pub fn new(generation: i64, candidates: Vec<Candidate>) -> Self {
        let mut places: HashMap<Field, usize> = HashMap::new();
        let mut set = Self {
            generation,
            ..Self::default()
        };
        for candidate in candidates {
            let wanted: Vec<Field> = candidate.program.description().decode_fields();
            let columns = wanted.into_iter().map(|field| {
                *places.entry(field).or_insert_with_key(|field| {
                    set.fields.push(field.clone());
                    set.fields.len() - 1
                })
            });
            let columns = columns.collect();
            set.filters
                .push(Arc::new(ActiveFilter::new(candidate, columns)));
        }
        set
    }
}

impl ActiveFilter {
    fn new(candidate: Candidate, columns: Vec<usize>) -> Self {
        let description = candidate.program.description();
        let required = description.fields.iter().enumerate();
        let required = required
            .filter(|(_, field)| field.required)
            .map(|(index, _)| index);
        let annotations = description
            .annotations
            .iter()
            .map(|kind| kind.name.as_str().into());
        Self {
            required: required.collect(),
            annotations: annotations.collect(),
            destination: Arc::new(candidate.destination),
            program: candidate.program,
            parameters: candidate.parameters,
            rights: candidate.rights,
            columns,
        }
    }

    /// Its own columns out of those of the whole set, in the order of its fields.
    #[must_use]
    pub fn columns(&self, all: &[ArrayRef]) -> Vec<ArrayRef> {
        self.columns
            .iter()
            .map(|&index| all[index].clone())
            .collect()
    }

    /// The rows that have every required field, ascending.
    #[must_use]
    pub fn eligible(&self, columns: &[ArrayRef], rows: u32) -> Vec<u32> {
        let narrow: Vec<&ArrayRef> = self
            .required
            .iter()
            .map(|&index| &columns[index])
            .filter(|column| column.null_count() > 0)
            .collect();
        (0..rows)
            .filter(|&row| narrow.iter().all(|column| column.is_valid(row as usize)))
            .collect()
    }

    /// Declared names for the kinds that the program answered with.
    #[must_use]
    pub fn name_annotations(
        &self,
        annotations: Vec<(u32, AnnotationValue)>,
    ) -> Vec<(Arc<str>, AnnotationValue)> {
        let named = |(kind, value)| (self.annotations[kind as usize].clone(), value);
        annotations.into_iter().map(named).collect()
    }
}

/// The window through which workers see the present active set.
#[derive(Clone, Default)]
pub struct ActiveHandle(Arc<RwLock<Arc<ActiveSet>>>);

impl ActiveHandle {
    /// The set of this moment.
    #[must_use]
    pub fn current(&self) -> Arc<ActiveSet> {
        self.0
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// From now on `set` holds.
    pub fn replace(&self, set: ActiveSet) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(set);
    }
}
