//! Where a failure happened, as far as its message says: failures of one place are one cause.
//!
//! In: a failure's message. Out: the same with everything left out that differs from alert to alert.
//! Never: a look at anything else.

/// Longest place [bytes].
const PLACE_BYTES: usize = 200;

/// The message with its numbers as `#`; those of a place in the source (`src/lib.rs:12:5`) stay.
#[must_use]
pub(super) fn place(message: &str) -> String {
    let mut place = String::with_capacity(message.len().min(PLACE_BYTES));
    for (index, word) in message.split(' ').enumerate() {
        if index > 0 {
            place.push(' ');
        }
        if is_source(word) {
            place.push_str(word);
        } else {
            push_without_numbers(&mut place, word);
        }
        if place.len() > PLACE_BYTES {
            place.truncate(place.floor_char_boundary(PLACE_BYTES));
            break;
        }
    }
    place
}

/// `name.ending:line`, with a column or without, and what stands around it.
fn is_source(word: &str) -> bool {
    let mut parts = word.split(':');
    let file = parts.next().unwrap_or_default();
    let ending = file.rsplit_once('.').map(|(_, ending)| ending);
    let line = parts.next().unwrap_or_default();
    ending.is_some_and(|ending| ending.starts_with(|c: char| c.is_ascii_alphabetic()))
        && line.starts_with(|c: char| c.is_ascii_digit())
}

/// Runs of digits, of a decimal point among them and of hexadecimal digits after 0x, are one `#`.
fn push_without_numbers(place: &mut String, word: &str) {
    let mut rest = word;
    while let Some(at) = rest.find(|c: char| c.is_ascii_digit()) {
        place.push_str(&rest[..at]);
        place.push('#');
        let number = &rest[at..];
        let hex = number.strip_prefix("0x").map(|hex| {
            let end = hex.find(|c: char| !c.is_ascii_hexdigit());
            end.map_or("", |end| &hex[end..])
        });
        let decimal = || {
            let inner = |(index, c): (usize, char)| {
                let point =
                    c == '.' && number[index + 1..].starts_with(|c: char| c.is_ascii_digit());
                (!c.is_ascii_digit() && !point).then_some(index)
            };
            let end = number.char_indices().find_map(inner);
            end.map_or("", |end| &number[end..])
        };
        rest = hex.unwrap_or_else(decimal);
    }
    place.push_str(rest);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(message: &str, expected: &str) {
        assert_eq!(place(message), expected);
    }

    #[test]
    fn numbers_that_differ_from_alert_to_alert_are_left_out() {
        check("", "");
        check("no magnitude", "no magnitude");
        check(
            "broke off: panicked at src/lib.rs:42:9: the len is 3 but the index is 17",
            "broke off: panicked at src/lib.rs:42:9: the len is # but the index is #",
        );
        check("flux -3.25e5, at 0xdeadBEEF;", "flux -#e#, at #;");
        check("object ZTF18abc 2.5.", "object ZTF#abc #.");
        check("2,695 of 10:30", "#,# of #:#");
    }

    #[test]
    fn a_long_message_is_cut_at_a_character() {
        let long = place(&"δδδδ ".repeat(100));
        assert!(
            long.len() <= PLACE_BYTES && long.len() > PLACE_BYTES - 4,
            "{long}"
        );
    }
}
