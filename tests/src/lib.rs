//! What the end-to-end tests share: the program as a process, brokers and databases of their own.
//!
//! In: the built program. Out: running servers for one test. Never: code of the host.

pub mod host;
