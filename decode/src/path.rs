//! Where a field lies in an alert: `candidate.magpsf`, `prv_candidates[].magpsf`, `a."chi/N"`.
//!
//! In: the text that a filter declares or a user types. Out: a [`FieldPath`], or what is wrong with
//! the text. Never: a look at any schema.

use std::fmt;
use std::str::FromStr;

/// Greatest length of a path's text [bytes]: longer than any survey's, short enough for a message.
const LONGEST_TEXT: usize = 1024;

/// One name of a path and how many arrays stand right behind it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Member {
    /// Name of the record's member, without quotes.
    pub name: String,
    /// Number of `[]` behind the name.
    pub arrays: usize,
}

/// A parsed path such as `prv_candidates[].magpsf`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct FieldPath {
    members: Vec<Member>,
}

impl FieldPath {
    /// The names on the way, outermost first; at least one.
    #[must_use]
    pub fn members(&self) -> &[Member] {
        &self.members
    }

    /// How many arrays the path enters.
    #[must_use]
    pub fn arrays(&self) -> usize {
        self.members.iter().map(|member| member.arrays).sum()
    }

    pub(crate) fn from_members(members: Vec<Member>) -> FieldPath {
        FieldPath { members }
    }
}

/// Why a text is not a path.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PathError {
    /// Nothing there.
    #[error("the path is empty; write for example `candidate.magpsf`")]
    Empty,
    /// More than any path needs.
    #[error("the path is longer than {LONGEST_TEXT} bytes")]
    TooLong,
    /// A name is missing, at the start, at the end or between two dots.
    #[error("`{path}` lacks a name at character {at}; names are joined by single dots")]
    NoName {
        /// As given.
        path: String,
        /// Where, from 1.
        at: usize,
    },
    /// A quote that is never closed.
    #[error("`{path}` has a double quote that is not closed")]
    Quote {
        /// As given.
        path: String,
    },
    /// A character that has to stand in quotes, or `[` without `]`.
    #[error(
        "`{path}` has `{found}` at character {at}; an array is entered by `[]`, and a name with \
         other characters than letters, digits and _ stands in double quotes"
    )]
    Unexpected {
        /// As given.
        path: String,
        /// The character.
        found: char,
        /// Where, from 1.
        at: usize,
    },
}

impl FromStr for FieldPath {
    type Err = PathError;

    fn from_str(text: &str) -> Result<Self, PathError> {
        if text.is_empty() {
            return Err(PathError::Empty);
        }
        if text.len() > LONGEST_TEXT {
            return Err(PathError::TooLong);
        }
        let mut scanner = Scanner {
            text,
            characters: text.chars().collect(),
            at: 0,
        };
        let mut members = Vec::new();
        loop {
            members.push(Member {
                name: scanner.name()?,
                arrays: scanner.arrays()?,
            });
            match scanner.next() {
                None => return Ok(FieldPath { members }),
                Some('.') => {}
                Some(found) => return Err(scanner.unexpected(found)),
            }
        }
    }
}

/// Walks over the characters of one path.
struct Scanner<'a> {
    text: &'a str,
    characters: Vec<char>,
    at: usize,
}

impl Scanner<'_> {
    fn peek(&self) -> Option<char> {
        self.characters.get(self.at).copied()
    }

    fn next(&mut self) -> Option<char> {
        let found = self.peek();
        self.at += usize::from(found.is_some());
        found
    }

    fn name(&mut self) -> Result<String, PathError> {
        if self.peek() == Some('"') {
            return self.quoted();
        }
        let start = self.at;
        while self.peek().is_some_and(is_plain) {
            self.at += 1;
        }
        if start == self.at {
            return Err(match self.peek() {
                Some(found) if found != '.' => {
                    self.at += 1;
                    self.unexpected(found)
                }
                _ => PathError::NoName {
                    path: self.text.to_owned(),
                    at: self.at + 1,
                },
            });
        }
        Ok(self.characters[start..self.at].iter().collect())
    }

    /// A name in double quotes; a double quote within it is written twice.
    fn quoted(&mut self) -> Result<String, PathError> {
        self.at += 1;
        let mut name = String::new();
        loop {
            match self.next() {
                None => {
                    return Err(PathError::Quote {
                        path: self.text.to_owned(),
                    });
                }
                Some('"') if self.peek() == Some('"') => {
                    self.at += 1;
                    name.push('"');
                }
                Some('"') => return Ok(name),
                Some(other) => name.push(other),
            }
        }
    }

    fn arrays(&mut self) -> Result<usize, PathError> {
        let mut arrays = 0;
        while self.peek() == Some('[') {
            self.at += 1;
            match self.next() {
                Some(']') => arrays += 1,
                found => return Err(self.unexpected(found.unwrap_or('['))),
            }
        }
        Ok(arrays)
    }

    /// The character just taken does not belong there.
    fn unexpected(&self, found: char) -> PathError {
        PathError::Unexpected {
            path: self.text.to_owned(),
            found,
            at: self.at,
        }
    }
}

fn is_plain(character: char) -> bool {
    character.is_ascii_alphanumeric() || character == '_'
}

impl fmt::Display for FieldPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, member) in self.members.iter().enumerate() {
            if index > 0 {
                f.write_str(".")?;
            }
            f.write_str(&quoted_name(&member.name))?;
            for _ in 0..member.arrays {
                f.write_str("[]")?;
            }
        }
        Ok(())
    }
}

/// A name as it stands in a path: in double quotes where it has to.
pub(crate) fn quoted_name(name: &str) -> std::borrow::Cow<'_, str> {
    if !name.is_empty() && name.chars().all(is_plain) {
        name.into()
    } else {
        format!("\"{}\"", name.replace('"', "\"\"")).into()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn check(text: &str, expected: &[(&str, usize)]) {
        let path: FieldPath = text.parse().unwrap();
        let members: Vec<_> = path
            .members()
            .iter()
            .map(|m| (m.name.as_str(), m.arrays))
            .collect();
        assert_eq!(members, expected, "{text}");
        assert_eq!(path.to_string(), text);
        assert_eq!(path.arrays(), expected.iter().map(|m| m.1).sum::<usize>());
    }

    #[test]
    fn reads_and_writes_every_form() {
        check("candid", &[("candid", 0)]);
        check("candidate.magpsf", &[("candidate", 0), ("magpsf", 0)]);
        check(
            "prv_candidates[].magpsf",
            &[("prv_candidates", 1), ("magpsf", 0)],
        );
        check("grid[][]", &[("grid", 2)]);
        check("a[].b[].c", &[("a", 1), ("b", 1), ("c", 0)]);
        check("a.\"chi/N\"", &[("a", 0), ("chi/N", 0)]);
        check("\"x\"\"y.z\"[]", &[("x\"y.z", 1)]);
        check("\"\"", &[("", 0)]);
    }

    #[test]
    fn says_what_is_wrong() {
        for (text, part) in [
            ("", "empty"),
            (".a", "lacks a name at character 1"),
            ("a.", "lacks a name at character 3"),
            ("a..b", "lacks a name at character 3"),
            ("a[", "has `[` at character 2"),
            ("a[0]", "has `0` at character 3"),
            ("a[]b", "has `b` at character 4"),
            ("chi/N", "has `/` at character 4"),
            ("a.\"b", "not closed"),
            ("\"a\"b", "has `b` at character 4"),
            ("[]", "has `[` at character 1"),
        ] {
            let error = text.parse::<FieldPath>().unwrap_err().to_string();
            assert!(error.contains(part), "{text}: {error}");
        }
        assert_eq!(
            "a".repeat(1025).parse::<FieldPath>(),
            Err(PathError::TooLong)
        );
        assert!("a".repeat(1024).parse::<FieldPath>().is_ok());
    }
}
