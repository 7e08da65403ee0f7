//! Kafka: all of rdkafka.
//!
//! In: records of the source topics. Out: each delivery as one transaction, topics, counts read
//! back. Never: decoding, evaluation, the registry.
//!
//! # Why a passing alert comes out once
//!
//! A worker is one thread. It polls its consumer, judges, and from time to time commits a delivery:
//! begin, send everything, send the positions, commit, in one blocking call. So no transaction is
//! ever open while `poll` runs, and the callbacks of a rebalance, which run inside `poll`, never
//! meet one. What could still go wrong, and why it does not:
//!
//! - **A partition changes hands in the orderly way.** The callback gives it back; `poll` answers
//!   `Rebalanced` before it gives another packet, the worker drops all that it has not committed, and
//!   the source reads the partitions that it kept again from their committed positions. The new
//!   owner gets a partition only in the generation after the callback (cooperative: a member that
//!   still holds a partition claims it when it joins), and nothing is committed between.
//! - **The group moves on while a delivery is being committed.** Positions are sent with the
//!   `group::Ticket` that was taken inside the callback of the last assignment, never with
//!   newer metadata. The broker refuses it as soon as its generation or its member is not the group's
//!   any more; the transaction is aborted, the worker reads again. Each rebalance ends in such a
//!   callback, with an empty list where nothing changed, so a new ticket always comes. A ticket
//!   without a member, which the library hands out after a lost membership and any broker accepts,
//!   is never taken.
//! - **A worker is killed.** Its transaction is ended by the broker after `transaction_timeout_ms`, or
//!   at once by a successor of the same place. Until then the committed position does not answer
//!   (the members read committed data only), and a partition stays pending until it does.
//! - **A worker is frozen for longer than its session.** Before it sent its positions: they are
//!   refused (unknown member), or the producer is fenced. Between sending them and the commit: nobody
//!   refuses it, but the new owner waits for the open transaction as above, and then reads on from
//!   where that transaction ended, whether it committed on waking up or timed out.
//! - **A commit's answer is lost.** The commit is asked again; an abort is asked again; when neither
//!   ends, the process does, and its successor finds out from the committed positions.
//! - **After an abort** every held partition is pending again: paused, its committed position read,
//!   sought. The sink besides refuses a delivery that does not hold exactly what was given since the last
//!   commit, so that a worker that forgot something reads it again.
//! - **A call of the library never returns.** See [`watchdog`]: the process ends with status
//!   [`EXIT_STALLED`].

mod check;
mod clients;
mod count_log;
mod deliveries;
mod error;
mod group;
mod input;
mod lookback;
mod memory;
mod names;
pub mod publish;
mod range;
mod range_ends;
mod records;
mod results;
mod samples;
mod settings;
mod settle;
mod sink;
mod source;
mod stream;
mod topics;
mod transaction;
pub mod watchdog;
mod withheld;

pub use count_log::KafkaCountLog;
pub use error::KafkaError;
pub use input::KafkaInput;
pub use lookback::KafkaLookback;
pub use names::StreamTopics;
pub use range::KafkaRange;
pub use range_ends::Range;
pub use records::{CountsRecord, PositionRange, SettingCounts};
pub use settings::{Compression, OutOfRange, Settings, Start};
pub use sink::KafkaSink;
pub use source::KafkaSource;
pub use stream::KafkaStream;
pub use watchdog::EXIT_STALLED;
