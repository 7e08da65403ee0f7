//! Text from a guest, made fit to be shown, logged and put into headers.
//!
//! In: any text. Out: at most so many bytes, on one line, control characters escaped. Never: a
//! judgement of what it says.

use std::fmt::Write;

/// `text` on one line, control characters and direction marks escaped, cut to `bytes` [bytes] at
/// the border of a character.
#[must_use]
pub fn for_people(text: &str, bytes: usize) -> String {
    let mut out = String::with_capacity(text.len().min(bytes));
    for character in text.chars() {
        let before = out.len();
        if is_hidden(character) {
            // Writing to a String cannot fail.
            let _ = write!(out, "{}", character.escape_default());
        } else {
            out.push(character);
        }
        if out.len() > bytes {
            out.truncate(before);
            break;
        }
    }
    out
}

/// Characters that steer a terminal, a log or the direction of reading instead of being read.
fn is_hidden(character: char) -> bool {
    character.is_control()
        || matches!(
            character,
            '\u{ad}'
                | '\u{61c}'
                | '\u{180e}'
                | '\u{200b}'..='\u{200f}'
                | '\u{2028}'..='\u{202e}'
                | '\u{2060}'..='\u{206f}'
                | '\u{feff}'
                | '\u{fff9}'..='\u{fffb}'
                | '\u{e0000}'..='\u{e007f}'
        )
}

#[cfg(test)]
mod tests {
    use super::for_people;

    fn check(text: &str, bytes: usize, expected: &str) {
        assert_eq!(for_people(text, bytes), expected);
    }

    #[test]
    fn text_is_cut_and_escaped() {
        check("magnitude 18.5", 100, "magnitude 18.5");
        check("magnitude", 3, "mag");
        check("δ < 3″", 2, "δ");
        check("δ < 3″", 1, "");
        check("a\nb\0", 100, "a\\nb\\u{0}");
        check("a\u{202e}b", 100, "a\\u{202e}b");
        check("a\n", 2, "a");
        check("", 0, "");
    }
}
