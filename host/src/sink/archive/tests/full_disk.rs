//! A disk that is full: in a child process, whose files may not grow beyond a limit.

use nix::sys::resource::{Resource, getrlimit, setrlimit};
use nix::sys::signal::{SigSet, Signal};

use super::*;
use std::process::Command;

const CHILD: &str = "SKYSIEVE_TEST_FULL_DISK";

#[test]
fn a_full_disk_leaves_nothing_half() {
    let root = tempfile::tempdir().unwrap();
    let name = "sink::archive::tests::full_disk::child";
    let run = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", name, "--ignored", "--nocapture"])
        .env(CHILD, root.path())
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&run.stdout).into_owned();
    let said = said + &String::from_utf8_lossy(&run.stderr);
    assert!(run.status.success() && said.contains("aborted"), "{said}");
}

/// Commits under ever higher limits: each limit stops another write of the commit.
#[test]
#[ignore = "run by a_full_disk_leaves_nothing_half, in a process of its own"]
fn child() {
    let Some(root) = std::env::var_os(CHILD).map(PathBuf::from) else {
        return;
    };
    // A write beyond the limit then fails with EFBIG in place of a signal.
    let mut signals = SigSet::empty();
    signals.add(Signal::SIGXFSZ);
    signals.thread_block().unwrap();
    let (_, hard) = getrlimit(Resource::RLIMIT_FSIZE).unwrap();
    let (mut sink, progress) = one(&root);
    let parts = || {
        [
            delivery(&["a", "b"], "n.tar", 0, 3),
            delivery(&["a", "b"], "n.tar", 3, 9),
        ]
    };
    let mut aborted = 0;
    for (number, _) in parts().iter().enumerate() {
        let mut limit = 300;
        loop {
            setrlimit(Resource::RLIMIT_FSIZE, limit, hard).unwrap();
            let part = parts().into_iter().nth(number).unwrap();
            let done = sink.commit(part);
            setrlimit(Resource::RLIMIT_FSIZE, hard, hard).unwrap();
            match done {
                Ok(()) => break,
                Err(SinkError::Aborted(_)) => aborted += 1,
                Err(error) => panic!("{error}"),
            }
            assert_eq!(
                packets(&root),
                expected(&parts()[..number]),
                "limit {limit}"
            );
            let next = progress.next(&partition("n.tar"));
            assert_eq!(next, (number > 0).then_some(Next::At(3)));
            limit += 97;
        }
    }
    drop(sink);
    assert_eq!(packets(&root), expected(&parts()));
    assert_eq!(
        passed(&root),
        parts().iter().map(|part| part.alerts).sum::<u64>()
    );
    println!("aborted {aborted} times");
}
