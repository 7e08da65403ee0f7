//! What the end-to-end tests share: the program as a process, brokers and databases of their own.
//!
//! In: the built program, and the servers that the machine has installed. Out: running servers for
//! one test, or a skip that is counted. Never: code of the host, an address beyond the loopback, or
//! a server that outlives the test process.

mod guarded;
pub mod host;
pub mod kafka;
mod maven;
pub mod numbered;
pub mod person;
pub mod postgres;
pub mod python;
pub mod reading;
pub mod reference;
pub mod results;
mod skip;
mod stop;
pub mod topic;

pub use kafka::Broker;
pub use maven::{KAFKA_VERSION, kafka_libraries};
pub use postgres::Postgres;
pub use skip::{SKIPS, skipped};
pub use stop::{Ends, Stop};
