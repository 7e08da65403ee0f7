//! The place of back-tests among this machine's threads: the last one.
//!
//! In: a thread. Out: the same thread, which gets what the others leave. Never: another thread's
//! priority; but threads that it starts from now on have its own.

use thread_priority::{
    NormalThreadSchedulePolicy, ThreadPriority, ThreadSchedulePolicy,
    set_thread_priority_and_policy, thread_native_id,
};

/// Give this thread the lowest priority (nice 19 on Linux, a seventieth of a busy core). Where the
/// machine does not let it, it runs as the others do, and the log says so.
pub fn lowest_priority() {
    let policy = ThreadSchedulePolicy::Normal(NormalThreadSchedulePolicy::Other);
    let set = set_thread_priority_and_policy(thread_native_id(), ThreadPriority::Min, policy);
    if let Err(error) = set {
        tracing::warn!(?error, "back-tests run at the priority of the live stream");
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    #![allow(clippy::unwrap_used)]

    /// Field 19 of `/proc/thread-self/stat`, behind the name in brackets.
    fn niceness() -> i32 {
        let stat = std::fs::read_to_string("/proc/thread-self/stat").unwrap();
        let rest = stat.rsplit_once(')').unwrap().1;
        rest.split_whitespace().nth(16).unwrap().parse().unwrap()
    }

    #[test]
    fn this_thread_alone_is_nice() {
        let before = niceness();
        let inside = std::thread::spawn(|| {
            super::lowest_priority();
            (niceness(), std::thread::spawn(niceness).join().unwrap())
        });
        assert_eq!(inside.join().unwrap(), (19, 19));
        assert_eq!(niceness(), before);
    }
}
