//! Misuse of the macros is answered on the right line, in words that say what to change.
//!
//! What comes in: the files of `misuse/`, each with several mistakes. What goes out: the compiler's
//! words beside them. Never: a test of what compiles (`sdk/rust/tests` has those).

#[test]
fn misuse_is_named_where_it_stands() {
    trybuild::TestCases::new().compile_fail("tests/misuse/*.rs");
}
