//! Guests that lie or stumble when asked what they are.

use super::guest::load;

/// Refused, with these words.
fn check(how: u8, words: &str) {
    let error = load(how).expect_err("it has to be refused").to_string();
    assert!(error.contains(words), "{}: {error}", char::from(how));
}

#[test]
fn a_description_that_changes() {
    check(b'1', "differently from call to call");
}

#[test]
fn a_description_that_fails() {
    check(b'2', "units of fuel");
    check(b'3', "panic");
    check(b'h', "MiB of memory");
}

#[test]
fn a_description_that_breaks_a_rule() {
    check(b'4', "declares 257 fields; at most 256");
    check(b'5', "the reason name `Not a name` is not allowed");
    check(b'6', "`reason_0` is declared twice");
    check(
        b'7',
        "parameter `guilty_from`: the default is not among the allowed values",
    );
    check(b'8', "the title `long long");
    check(b'9', "field 1: ");
    check(b'a', "enter 0 and 1 arrays");
    check(b'b', "the title `two\\nlines`");
    check(b'c', "numbers have to be finite");
    check(b'd', "declares 200 reasons; at most 199");
    check(b'f', "");
}

#[test]
fn a_description_within_the_rules() {
    assert_eq!(load(b'e').unwrap().description().reasons.len(), 199);
    assert_eq!(load(b'g').unwrap().description().fields[0].paths, ["valeu"]);
}
