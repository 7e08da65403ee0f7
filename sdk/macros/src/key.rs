//! Keys of reasons, parameters and annotations: `[a-z][a-z0-9_]*`.
//!
//! What comes in: a text. What goes out: a key, or that it is none. Never: a key of another shape.

/// True where `text` is a key.
pub fn is_key(text: &str) -> bool {
    text.starts_with(|first: char| first.is_ascii_lowercase())
        && text
            .chars()
            .all(|each| each.is_ascii_lowercase() || each.is_ascii_digit() || each == '_')
}

/// The key of a summary: its letters and digits, lower case, joined by `_`; none without a letter
/// at its start.
pub fn derived(summary: &str) -> Option<String> {
    let lower = summary.to_lowercase();
    let words = lower
        .split(|each: char| !each.is_ascii_alphanumeric())
        .filter(|word| !word.is_empty());
    let key = words.collect::<Vec<_>>().join("_");
    is_key(&key).then_some(key)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_summary_becomes_a_key() {
        let cases = [
            (
                "real-bogus score at most 0.8",
                Some("real_bogus_score_at_most_0_8"),
            ),
            ("Fainter than 18.5 mag.", Some("fainter_than_18_5_mag")),
            ("18.5 mag or fainter", None),
            ("", None),
        ];
        for (summary, expected) in cases {
            assert_eq!(derived(summary).as_deref(), expected, "{summary}");
        }
    }

    #[test]
    fn keys_are_plain() {
        assert!(is_key("rise_rate2"));
        for wrong in ["", "2nd", "Rise", "rise-rate", "_x"] {
            assert!(!is_key(wrong), "{wrong}");
        }
    }
}
