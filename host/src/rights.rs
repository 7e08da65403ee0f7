//! Data rights: which programmes of a stream's alerts somebody may see. Pure.
//!
//! In: the stream's settings, what was granted. Out: [`Rights`], asked for each alert. Never: an
//! alert whose programme is unknown shown to somebody who may not see everything.

use std::sync::Arc;

use serde::Deserialize;
use skysieve_decode::FieldPath;

/// The programmes of a stream: surveys that share a telescope tell by a number in each alert whose
/// it is (ZTF: `candidate.programid`, 1 public, 2 and 3 partnership; the ZTF Alert Archive's schema).
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Programmes {
    /// Paths of the programme's number; the first that holds one counts.
    pub path: Vec<String>,
    /// The programmes that everybody may see.
    #[serde(default)]
    pub public: Vec<i64>,
}

impl Programmes {
    /// What somebody may see who was granted `granted` besides the public ones.
    #[must_use]
    pub fn rights(&self, granted: &[i64]) -> Rights {
        let mut seen: Vec<i64> = self.public.iter().chain(granted).copied().collect();
        seen.sort_unstable();
        seen.dedup();
        Rights(Some(seen.into()))
    }

    /// What is wrong with it, in one line.
    pub(crate) fn check(&self) -> Result<(), String> {
        if self.path.is_empty() {
            return Err("programmes.path is empty; name at least one path".to_owned());
        }
        for path in &self.path {
            let path: FieldPath = path.parse().map_err(|error| format!("{error}"))?;
            if path.arrays() > 0 {
                return Err(format!(
                    "{path} lies in an array; an alert has one programme"
                ));
            }
        }
        Ok(())
    }
}

/// What somebody may see of a stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rights(Option<Arc<[i64]>>);

impl Rights {
    /// Every alert: a stream without programmes, or packets of one's own.
    #[must_use]
    pub const fn all() -> Self {
        Self(None)
    }

    /// What an owner may see of a stream with these programmes, if it has any.
    #[must_use]
    pub fn of(programmes: Option<&Programmes>, granted: &[i64]) -> Self {
        programmes.map_or_else(Self::all, |programmes| programmes.rights(granted))
    }

    /// Whether an alert of this programme may be seen.
    #[must_use]
    pub fn allow(&self, programme: Option<i64>) -> bool {
        match (&self.0, programme) {
            (None, _) => true,
            (Some(seen), Some(programme)) => seen.binary_search(&programme).is_ok(),
            (Some(_), None) => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_public_or_granted_is_seen() {
        let programmes = Programmes {
            path: vec!["candidate.programid".to_owned()],
            public: vec![1],
        };
        let cases: [(&[i64], Option<i64>, bool); 7] = [
            (&[], Some(1), true),
            (&[], Some(2), false),
            (&[2], Some(2), true),
            (&[2], Some(1), true),
            (&[2], Some(3), false),
            (&[3, 2], Some(2), true),
            // Nobody's alert is shown to nobody.
            (&[1, 2, 3], None, false),
        ];
        for (granted, programme, expected) in cases {
            let rights = Rights::of(Some(&programmes), granted);
            assert_eq!(
                rights.allow(programme),
                expected,
                "{granted:?} {programme:?}"
            );
        }
        assert!(Rights::of(None, &[]).allow(None));
        assert!(Rights::all().allow(Some(3)));
    }
}
