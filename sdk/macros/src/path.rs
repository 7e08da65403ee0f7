//! Field paths as the contract writes them: `prv_candidates[].magpsf`, `"chi/N"`.
//!
//! What comes in: the text of a path. What goes out: how many arrays it enters, or what is wrong
//! with it. Never: whether a survey has it (the host knows).

/// The number of `[]` in a path.
///
/// # Errors
///
/// What is wrong with the path, as a sentence.
pub fn arrays(path: &str) -> Result<usize, String> {
    let mut rest = path;
    let mut count = 0;
    loop {
        rest = after_name(rest, path)?;
        while let Some(inner) = rest.strip_prefix("[]") {
            count += 1;
            rest = inner;
        }
        match rest.strip_prefix('.') {
            Some(next) => rest = next,
            None if rest.is_empty() => return Ok(count),
            None => return Err(format!("`{path}`: expected `.` or `[]` before `{rest}`")),
        }
    }
}

fn after_name<'a>(rest: &'a str, path: &str) -> Result<&'a str, String> {
    if let Some(quoted) = rest.strip_prefix('"') {
        return match quoted.split_once('"') {
            Some((name, after)) if !name.is_empty() => Ok(after),
            _ => Err(format!(
                "`{path}`: a name in quotes is empty or does not end"
            )),
        };
    }
    let end = rest.find(|each: char| !(each.is_ascii_alphanumeric() || each == '_'));
    match end.unwrap_or(rest.len()) {
        0 => Err(format!(
            "`{path}`: a name is missing before `{rest}` (other characters than letters, digits \
             and _ stand in double quotes)"
        )),
        end => Ok(&rest[end..]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arrays_are_counted() {
        let cases = [
            ("objectId", 0),
            ("candidate.magpsf", 0),
            ("prv_candidates[].magpsf", 1),
            ("a[].b[].c", 2),
            ("matrix[][]", 2),
            ("candidate.\"chi/N\"", 0),
        ];
        for (path, expected) in cases {
            assert_eq!(arrays(path), Ok(expected), "{path}");
        }
    }

    #[test]
    fn wrong_paths_are_refused() {
        for path in [
            "", ".", "a.", "a..b", "a[", "a[0]", "a b", "\"open", "a.\"\"", "[]",
        ] {
            assert!(arrays(path).is_err(), "{path}");
        }
    }
}
