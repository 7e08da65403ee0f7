//! What can be asked of a schema: every askable path, and a check of a field with advice.
//!
//! In: fields. Out: yes, or what to change. Never: bytes.

use super::{Schema, Type, TypeId};
use crate::error::FieldError;
use crate::field::{Element, Field};
use crate::path::{FieldPath, Member};

/// Greatest number of askable paths that are listed: real schemas have up to 500.
const MOST_PATHS: usize = 20_000;
/// Greatest number of names in a listed path.
const LONGEST_PATH: usize = 16;
/// How many similar paths an answer offers.
const SUGGESTIONS: usize = 3;

/// A path that a filter may ask for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Askable {
    /// The path.
    pub path: FieldPath,
    /// The column type that keeps the value as it is.
    pub element: Element,
    /// Whether the value, an array or a record on the way may be null.
    pub nullable: bool,
}

impl Schema {
    /// Whether alerts of this schema can give the field: one of its paths leads to a value that
    /// becomes the asked type without loss.
    ///
    /// # Errors
    /// What is wrong with the field and what could be asked for instead.
    pub fn check(&self, field: &Field) -> Result<(), FieldError> {
        field.validate()?;
        let mut errors = Vec::new();
        for path in &field.paths {
            match self.resolve(path, field.element) {
                Ok(_) => return Ok(()),
                Err(error) => errors.push(error),
            }
        }
        // A path that exists but does not fit says more than one that does not exist.
        errors.sort_by_key(|error| matches!(error, FieldError::Missing { .. }));
        match errors.swap_remove(0) {
            FieldError::Missing { path, .. } => {
                let nearest = self.nearest(&path);
                Err(FieldError::Missing { path, nearest })
            }
            other => Err(other),
        }
    }

    /// Whether alerts of this schema have the part that the path leads to, be it a value, a record, an
    /// array or anything else.
    ///
    /// # Errors
    /// When there is no such part.
    pub fn has(&self, path: &FieldPath) -> Result<(), FieldError> {
        match self.part(path) {
            Ok(_) => Ok(()),
            Err(FieldError::Missing { path, .. }) => {
                let nearest = self.nearest(&path);
                Err(FieldError::Missing { path, nearest })
            }
            Err(other) => Err(other),
        }
    }

    /// The type in which the path's value is kept as it is.
    ///
    /// # Errors
    /// When there is no such path, or it does not lead to a single value.
    pub fn natural(&self, path: &FieldPath) -> Result<Element, FieldError> {
        match self.resolve_any(path) {
            Ok((_, leaf)) => Ok(leaf.natural()),
            Err(FieldError::Missing { path, .. }) => {
                let nearest = self.nearest(&path);
                Err(FieldError::Missing { path, nearest })
            }
            Err(other) => Err(other),
        }
    }

    /// Every path that may be asked for, in the order of the schema. Types that contain themselves
    /// are followed once.
    #[must_use]
    pub fn askable_paths(&self) -> Vec<Askable> {
        let mut listing = Listing {
            schema: self,
            within: Vec::new(),
            names: Vec::new(),
            found: Vec::new(),
        };
        listing.visit(self.root(), false);
        listing.found
    }

    fn nearest(&self, path: &str) -> Vec<String> {
        let last_name = |text: &str| text.rsplit('.').next().unwrap_or(text).to_owned();
        // Whoever mistypes a name often mistypes its case.
        let path = path.to_lowercase();
        let name = last_name(&path);
        let mut scored: Vec<(f64, String)> = self
            .askable_paths()
            .into_iter()
            .map(|askable| askable.path.to_string())
            .map(|known| {
                let lower = known.to_lowercase();
                let whole = strsim::normalized_damerau_levenshtein(&path, &lower);
                let tail = strsim::normalized_damerau_levenshtein(&name, &last_name(&lower));
                (whole + tail, known)
            })
            .filter(|(score, _)| *score > 1.0)
            .collect();
        scored.sort_by(|a, b| b.0.total_cmp(&a.0));
        scored
            .into_iter()
            .take(SUGGESTIONS)
            .map(|(_, known)| known)
            .collect()
    }
}

struct Listing<'a> {
    schema: &'a Schema,
    /// Records that are being visited, so that none is visited within itself.
    within: Vec<TypeId>,
    names: Vec<Member>,
    found: Vec<Askable>,
}

impl Listing<'_> {
    fn visit(&mut self, id: TypeId, nullable: bool) {
        let schema = self.schema;
        if self.found.len() >= MOST_PATHS || self.names.len() > LONGEST_PATH {
            return;
        }
        match schema.type_of(id) {
            Type::Union(branches) => {
                if let Some((null, inner)) = schema.nullable(branches)
                    && !matches!(schema.type_of(inner), Type::Union(_))
                {
                    self.visit(inner, nullable || null.is_some());
                }
            }
            Type::Array(items) => {
                if let Some(last) = self.names.last_mut()
                    && last.arrays < LONGEST_PATH
                {
                    last.arrays += 1;
                    self.visit(*items, nullable);
                    if let Some(last) = self.names.last_mut() {
                        last.arrays -= 1;
                    }
                }
            }
            Type::Record(_) if !self.within.contains(&id) => {
                self.within.push(id);
                self.visit_members(id, nullable);
                self.within.pop();
            }
            _ => {
                if let Some(leaf) = schema.leaf(id)
                    && !self.names.is_empty()
                {
                    let path = FieldPath::from_members(self.names.clone());
                    self.found.push(Askable {
                        path,
                        element: leaf.natural(),
                        nullable,
                    });
                }
            }
        }
    }

    fn visit_members(&mut self, id: TypeId, nullable: bool) {
        let schema = self.schema;
        let Type::Record(members) = schema.type_of(id) else {
            return;
        };
        for member in members.iter().filter(|member| !member.replaced) {
            self.names.push(Member {
                name: member.name.to_string(),
                arrays: 0,
            });
            self.visit(member.type_id, nullable);
            self.names.pop();
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    const ALERT: &str = r#"{"type":"record","name":"alert","fields":[
        {"name":"id","type":"long"},
        {"name":"me","type":["null","alert"]},
        {"name":"candidate","type":{"type":"record","name":"candidate","fields":[
            {"name":"magpsf","type":"float"},{"name":"magap","type":["float","null"]},
            {"name":"twice","type":"int"},{"name":"twice","type":"string"},
            {"name":"chi/N","type":"double"},{"name":"nothing","type":"null"},
            {"name":"either","type":["null","int","string"]},{"name":"words","type":{"type":"map","values":"int"}}]}},
        {"name":"history","type":["null",{"type":"array","items":["null","candidate"]}]},
        {"name":"grid","type":{"type":"array","items":{"type":"array","items":"int"}}}]}"#;

    fn check(paths: &[&str], element: Element) -> String {
        let paths = paths.iter().map(|path| path.parse().unwrap()).collect();
        match Schema::parse(ALERT)
            .unwrap()
            .check(&Field { paths, element })
        {
            Ok(()) => "fine".into(),
            Err(error) => error.to_string(),
        }
    }

    #[test]
    fn fields_are_checked_with_advice() {
        assert_eq!(check(&["candidate.magpsf"], Element::Float64), "fine");
        assert_eq!(
            check(&["candidate.gone", "candidate.magap"], Element::Float32),
            "fine"
        );
        assert_eq!(check(&["candidate.twice"], Element::Utf8), "fine");
        assert_eq!(check(&["history[].magpsf"], Element::Float32), "fine");
        assert_eq!(check(&["grid[][]"], Element::Int64), "fine");
        assert_eq!(check(&["me.id"], Element::Int64), "fine");
        assert_eq!(
            check(&["candidate.magpsf"], Element::Int64),
            "candidate.magpsf is a float and cannot be asked for as int64; ask for float32 or float64"
        );
        assert_eq!(
            check(&["candidate.magpfs"], Element::Float32),
            "there is no candidate.magpfs; did you mean candidate.magpsf, candidate.magap, history[].magpsf?"
        );
        assert_eq!(
            check(&["CANDIDATE.MAGPSF"], Element::Float32),
            "there is no CANDIDATE.MAGPSF; did you mean candidate.magpsf, history[].magpsf, candidate.magap?"
        );
        assert!(
            check(&["candidate"], Element::Int32)
                .contains("is a record; ask for one of its members")
        );
        assert!(check(&["history.magpsf"], Element::Int32).contains("write `[]` behind its name"));
        assert!(check(&["history"], Element::Int32).contains("write `[]` behind its name"));
        assert!(check(&["candidate.either"], Element::Int32).contains("union of several types"));
        assert!(check(&["candidate.words"], Element::Int32).contains("in a map"));
        assert!(check(&["candidate.nothing"], Element::Int32).contains("always null"));
        assert!(check(&["id.x"], Element::Int32).contains("there is no id.x"));
        assert!(check(&["id", "grid[][]"], Element::Int32).contains("equally many"));
    }

    #[test]
    fn lists_each_path_once_and_never_loops() {
        let paths = Schema::parse(ALERT).unwrap().askable_paths();
        let texts: Vec<String> = paths
            .iter()
            .map(|askable| askable.path.to_string())
            .collect();
        assert_eq!(
            texts,
            [
                "id",
                "candidate.magpsf",
                "candidate.magap",
                "candidate.twice",
                "candidate.\"chi/N\"",
                "history[].magpsf",
                "history[].magap",
                "history[].twice",
                "history[].\"chi/N\"",
                "grid[][]",
            ]
        );
        assert_eq!(paths[3].element, Element::Utf8);
        assert!(!paths[1].nullable && paths[2].nullable && paths[5].nullable);
    }

    #[test]
    fn doubling_types_are_listed_to_a_bound() {
        let mut document =
            r#"{"type":"record","name":"r0","fields":[{"name":"x","type":"int"}]}"#.to_owned();
        for level in 1..12 {
            document = format!(
                r#"{{"type":"record","name":"r{level}","fields":[{{"name":"a","type":{document}}},{{"name":"b","type":"r{}"}},{{"name":"c","type":"r{}"}}]}}"#,
                level - 1,
                level - 1
            );
        }
        assert_eq!(
            Schema::parse(&document).unwrap().askable_paths().len(),
            MOST_PATHS
        );
    }
}
