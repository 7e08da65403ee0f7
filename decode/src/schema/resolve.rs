//! A path followed through a schema.
//!
//! In: a path and an element type. Out: the place of the value in this schema, or why it cannot be
//! asked for. Never: bytes.

use super::{Schema, Type, TypeId};
use crate::error::FieldError;
use crate::field::Element;
use crate::path::FieldPath;

/// What a value is, where it can become a column's element.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Leaf {
    Boolean,
    Int,
    Long,
    Float,
    Double,
    Bytes,
    String,
    Fixed(usize),
    Enum(std::sync::Arc<[Box<str>]>),
}

/// One step down from a type towards the value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Place {
    /// Into the record's member of this index.
    Member(usize),
    /// Into the items of the array.
    Items,
    /// Into the branch that is not null.
    NotNull,
}

/// Why a path does not end in a value.
enum Stop {
    Missing,
    /// What stands at the end or in the way.
    Reason(String),
}

impl Stop {
    fn about(self, path: &FieldPath) -> FieldError {
        let path = path.to_string();
        match self {
            Stop::Missing => FieldError::Missing {
                path,
                nearest: Vec::new(),
            },
            Stop::Reason(reason) => FieldError::NotAskable { path, reason },
        }
    }
}

impl Leaf {
    /// The column type that keeps the value as it is.
    pub(crate) fn natural(&self) -> Element {
        match self {
            Leaf::Boolean => Element::Boolean,
            Leaf::Int => Element::Int32,
            Leaf::Long => Element::Int64,
            Leaf::Float => Element::Float32,
            Leaf::Double => Element::Float64,
            Leaf::Bytes | Leaf::Fixed(_) => Element::Binary,
            Leaf::String | Leaf::Enum(_) => Element::Utf8,
        }
    }

    /// Every column type that keeps the value without loss, the natural one first.
    pub(crate) fn allowed(&self) -> &'static [Element] {
        match self {
            Leaf::Boolean => &[Element::Boolean],
            Leaf::Int => &[Element::Int32, Element::Int64, Element::Float64],
            Leaf::Long => &[Element::Int64],
            Leaf::Float => &[Element::Float32, Element::Float64],
            Leaf::Double => &[Element::Float64],
            Leaf::Bytes | Leaf::Fixed(_) => &[Element::Binary],
            Leaf::String => &[Element::Utf8, Element::Binary],
            Leaf::Enum(_) => &[Element::Utf8],
        }
    }

    fn kind(&self) -> &'static str {
        match self {
            Leaf::Boolean => "a boolean",
            Leaf::Int => "an int",
            Leaf::Long => "a long",
            Leaf::Float => "a float",
            Leaf::Double => "a double",
            Leaf::Bytes => "bytes",
            Leaf::String => "a string",
            Leaf::Fixed(_) => "a fixed",
            Leaf::Enum(_) => "an enum",
        }
    }
}

impl Schema {
    /// What a value of the type becomes in a column; none for records, arrays and the like.
    pub(crate) fn leaf(&self, id: TypeId) -> Option<Leaf> {
        Some(match self.type_of(id) {
            Type::Boolean => Leaf::Boolean,
            Type::Int => Leaf::Int,
            Type::Long => Leaf::Long,
            Type::Float => Leaf::Float,
            Type::Double => Leaf::Double,
            Type::Bytes => Leaf::Bytes,
            Type::String => Leaf::String,
            // Nothing in it, so nothing to bound an array of it: cannot be asked for.
            Type::Fixed(0) => return None,
            Type::Fixed(size) => Leaf::Fixed(*size),
            Type::Enum(symbols) => Leaf::Enum(symbols.clone()),
            _ => return None,
        })
    }

    /// The steps to the value and what it is, whatever the element type.
    fn follow(&self, path: &FieldPath) -> Result<(Vec<Place>, Leaf), Stop> {
        let (places, at) = self.walk_to(path)?;
        match self.leaf(at) {
            Some(leaf) => Ok((places, leaf)),
            None => Err(self.at_the_end(at)),
        }
    }

    /// The steps to whatever the path leads to.
    fn walk_to(&self, path: &FieldPath) -> Result<(Vec<Place>, TypeId), Stop> {
        let mut places = Vec::new();
        let mut at = self.through_null(self.root(), &mut places);
        for member in path.members() {
            let Type::Record(members) = self.type_of(at) else {
                return Err(self.in_the_way(at));
            };
            let index = Schema::member(members, &member.name).ok_or(Stop::Missing)?;
            places.push(Place::Member(index));
            at = self.through_null(members[index].type_id, &mut places);
            for _ in 0..member.arrays {
                let Type::Array(items) = self.type_of(at) else {
                    return Err(self.in_the_way(at));
                };
                places.push(Place::Items);
                at = self.through_null(*items, &mut places);
            }
        }
        Ok((places, at))
    }

    /// The steps to a part of a record, be it a value, a record, an array or anything else; the last
    /// step is into a member.
    pub(crate) fn part(&self, path: &FieldPath) -> Result<Vec<Place>, FieldError> {
        let (mut places, _) = self.walk_to(path).map_err(|stop| stop.about(path))?;
        while !matches!(places.last(), None | Some(Place::Member(_))) {
            places.pop();
        }
        Ok(places)
    }

    fn through_null(&self, id: TypeId, places: &mut Vec<Place>) -> TypeId {
        match self.type_of(id) {
            Type::Union(branches) => match self.nullable(branches) {
                // A union in a union is not Avro; it is not followed further.
                Some((_, inner)) => {
                    places.push(Place::NotNull);
                    inner
                }
                None => id,
            },
            _ => id,
        }
    }

    fn in_the_way(&self, at: TypeId) -> Stop {
        match self.type_of(at) {
            Type::Union(_) | Type::Map(_) => self.at_the_end(at),
            Type::Array(_) => Stop::Reason(
                "goes through an array without entering it; write `[]` behind its name".into(),
            ),
            _ => Stop::Missing,
        }
    }

    fn at_the_end(&self, at: TypeId) -> Stop {
        Stop::Reason(match self.type_of(at) {
            Type::Record(members) => match members.first() {
                Some(first) => format!(
                    "is a record; ask for one of its members, such as `{}`",
                    first.name
                ),
                None => "is a record without members".into(),
            },
            Type::Array(_) => "is an array; write `[]` behind its name to enter it".into(),
            Type::Map(_) => "is or lies in a map, which can be shown but not asked for".into(),
            Type::Union(_) => {
                "is or lies in a union of several types, which can be shown but not asked for"
                    .into()
            }
            Type::Fixed(_) => "has no bytes".into(),
            _ => "is always null".into(),
        })
    }

    /// Where the value lies and what it is, if it can be had as `element`.
    pub(crate) fn resolve(
        &self,
        path: &FieldPath,
        element: Element,
    ) -> Result<(Vec<Place>, Leaf), FieldError> {
        let (places, leaf) = self.resolve_any(path)?;
        if leaf.allowed().contains(&element) {
            return Ok((places, leaf));
        }
        let allowed: Vec<String> = leaf.allowed().iter().map(Element::to_string).collect();
        Err(FieldError::Type {
            path: path.to_string(),
            kind: leaf.kind(),
            asked: element.to_string(),
            allowed: allowed.join(" or "),
        })
    }

    /// Where the value lies and what it is.
    pub(crate) fn resolve_any(&self, path: &FieldPath) -> Result<(Vec<Place>, Leaf), FieldError> {
        self.follow(path).map_err(|stop| stop.about(path))
    }
}
