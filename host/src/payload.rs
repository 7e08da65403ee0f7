//! What goes out for a passing alert: the packet, or less of it.
//!
//! In: an owner's choice, the paths that a stream calls cutouts. Out: a [`Payload`], and what it keeps
//! of a packet. Never: bytes, or a survey's field names.

use serde::{Deserialize, Serialize};
use skysieve_decode::{FieldPath, Parts, PathError};

/// Greatest number of fields that are chosen: the widest real alerts have 500.
const MOST_FIELDS: usize = 500;

/// The word for what goes out for a passing alert.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = Payload)]
pub enum PayloadKind {
    /// The packet, byte for byte as it came.
    #[default]
    Packet,
    /// A packet without what the stream calls cutouts.
    WithoutCutouts,
    /// A packet of chosen fields alone.
    Fields,
    /// A packet that says who the alert is and where it stands in the source.
    Reference,
}

/// What goes out for a passing alert.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Payload {
    /// The packet, byte for byte as it came.
    #[default]
    Packet,
    /// A packet without what the stream calls cutouts.
    WithoutCutouts,
    /// A packet of these fields alone: paths of values, records, arrays.
    Fields(Vec<String>),
    /// A packet that says who the alert is and where it stands in the source.
    Reference,
}

/// Why a payload cannot be chosen.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PayloadError {
    /// A field that is no path.
    #[error("in the payload's fields: {0}")]
    Path(#[from] PathError),
    /// No field.
    #[error("the payload has no fields; name at least one, or choose `reference`")]
    NoFields,
    /// Too many fields.
    #[error("the payload has {0} fields; {MOST_FIELDS} are the most")]
    TooMany(usize),
    /// Fields beside another choice.
    #[error("`fields` go with the payload `fields` alone")]
    FieldsBeside,
    /// A word that is none.
    #[error("there is no payload {0:?}; choose packet, without_cutouts, fields or reference")]
    Unknown(String),
}

impl Payload {
    /// The choice of a word and, for `fields`, of some; fields alone choose themselves.
    ///
    /// # Errors
    /// When the two do not go together, or as for [`Payload::checked`].
    pub fn choose(
        kind: Option<PayloadKind>,
        fields: Option<Vec<String>>,
    ) -> Result<Self, PayloadError> {
        let choice = match (kind, fields) {
            (None | Some(PayloadKind::Fields), Some(fields)) => Self::Fields(fields),
            (Some(PayloadKind::Fields), None) => Self::Fields(Vec::new()),
            (Some(_), Some(_)) => return Err(PayloadError::FieldsBeside),
            (None | Some(PayloadKind::Packet), None) => Self::Packet,
            (Some(PayloadKind::WithoutCutouts), None) => Self::WithoutCutouts,
            (Some(PayloadKind::Reference), None) => Self::Reference,
        };
        choice.checked()
    }

    /// Its word.
    #[must_use]
    pub const fn kind(&self) -> PayloadKind {
        match self {
            Self::Packet => PayloadKind::Packet,
            Self::WithoutCutouts => PayloadKind::WithoutCutouts,
            Self::Fields(_) => PayloadKind::Fields,
            Self::Reference => PayloadKind::Reference,
        }
    }

    /// The word that records and lines carry.
    #[must_use]
    pub const fn word(&self) -> &'static str {
        match self {
            Self::Packet => "packet",
            Self::WithoutCutouts => "without_cutouts",
            Self::Fields(_) => "fields",
            Self::Reference => "reference",
        }
    }

    /// The same choice always as the same value: each field once, in order.
    ///
    /// # Errors
    /// When a field is no path, or there are none or too many.
    pub fn checked(self) -> Result<Self, PayloadError> {
        let Self::Fields(mut fields) = self else {
            return Ok(self);
        };
        fields.sort_unstable();
        fields.dedup();
        match fields.len() {
            0 => Err(PayloadError::NoFields),
            1..=MOST_FIELDS => {
                paths(&fields)?;
                Ok(Self::Fields(fields))
            }
            more => Err(PayloadError::TooMany(more)),
        }
    }

    /// The chosen fields; none for any other choice.
    #[must_use]
    pub fn fields(&self) -> Vec<FieldPath> {
        match self {
            Self::Fields(fields) => fields.iter().filter_map(|path| path.parse().ok()).collect(),
            _ => Vec::new(),
        }
    }

    /// What is kept of a packet; nothing for a reference, which is no part of one.
    #[must_use]
    pub fn parts(&self, cutouts: &[FieldPath]) -> Option<Parts> {
        match self {
            Self::Packet => Some(Parts::Whole),
            Self::WithoutCutouts => Some(Parts::Without(cutouts.to_vec())),
            Self::Fields(_) => Some(Parts::Only(self.fields())),
            Self::Reference => None,
        }
    }

    /// As it is stored: a word, or JSON where there is more to say.
    #[must_use]
    pub fn to_stored(&self) -> String {
        match self {
            Self::Fields(_) => serde_json::to_string(self).expect("a list of texts is JSON"),
            other => other.word().to_owned(),
        }
    }

    /// What [`Payload::to_stored`] gave.
    ///
    /// # Errors
    /// When it is something else.
    pub fn from_stored(text: &str) -> Result<Self, PayloadError> {
        match text {
            "packet" => Ok(Self::Packet),
            "without_cutouts" => Ok(Self::WithoutCutouts),
            "reference" => Ok(Self::Reference),
            other => match serde_json::from_str(other) {
                Ok(fields @ Self::Fields(_)) => fields.checked(),
                _ => Err(PayloadError::Unknown(other.to_owned())),
            },
        }
    }
}

fn paths(texts: &[String]) -> Result<Vec<FieldPath>, PathError> {
    texts.iter().map(|text| text.parse()).collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn fields(names: &[&str]) -> Payload {
        Payload::Fields(names.iter().map(|name| (*name).to_owned()).collect())
    }

    #[test]
    fn every_choice_is_stored_and_read_back() {
        for choice in [
            Payload::Packet,
            Payload::WithoutCutouts,
            Payload::Reference,
            fields(&["a.\"b\"\"c\"", "d[].e"]),
        ] {
            assert_eq!(Payload::from_stored(&choice.to_stored()).unwrap(), choice);
            let json = serde_json::to_string(&choice).unwrap();
            assert_eq!(serde_json::from_str::<Payload>(&json).unwrap(), choice);
        }
        // What the first release stored.
        assert_eq!(Payload::Packet.to_stored(), "packet");
        for wrong in [
            "",
            "cutouts",
            "{\"fields\": []}",
            "\"packet\"",
            "{\"fields\": [\"a..b\"]}",
        ] {
            assert!(Payload::from_stored(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn words_and_fields_go_together() {
        use PayloadKind as K;
        let some = |names: &[&str]| Some(names.iter().map(|name| (*name).to_owned()).collect());
        let choose = Payload::choose;
        assert_eq!(choose(None, None), Ok(Payload::Packet));
        assert_eq!(choose(Some(K::Reference), None), Ok(Payload::Reference));
        assert_eq!(choose(None, some(&["a"])), Ok(fields(&["a"])));
        assert_eq!(choose(Some(K::Fields), some(&["a"])), Ok(fields(&["a"])));
        assert_eq!(choose(Some(K::Fields), None), Err(PayloadError::NoFields));
        let beside = choose(Some(K::WithoutCutouts), some(&["a"]));
        assert_eq!(beside, Err(PayloadError::FieldsBeside));
        let kinds = [K::Packet, K::WithoutCutouts, K::Reference];
        for kind in kinds {
            assert_eq!(choose(Some(kind), None).unwrap().kind(), kind);
        }
    }

    #[test]
    fn the_same_fields_are_the_same_choice() {
        let chosen = fields(&["b", "a", "b"]).checked().unwrap();
        assert_eq!(chosen, fields(&["a", "b"]));
        assert_eq!(fields(&[]).checked(), Err(PayloadError::NoFields));
        assert!(matches!(
            fields(&["a["]).checked(),
            Err(PayloadError::Path(_))
        ));
        let many: Vec<String> = (0..=MOST_FIELDS).map(|n| format!("f{n}")).collect();
        assert_eq!(
            Payload::Fields(many).checked(),
            Err(PayloadError::TooMany(501))
        );
    }
}
