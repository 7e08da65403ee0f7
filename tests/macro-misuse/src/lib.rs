//! Nothing: the tests of this package are all there is. In, out: see `tests/misuse.rs`. Never: code.
