//! The promise across processes: killed, ended, frozen at the worst moment, and with the broker gone.
//!
//! Each worker process is this test's own program, started again with [`worker_process`] alone.
#![allow(clippy::unwrap_used)]

mod kafka_support;

use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use kafka_support::*;
use nix::sys::signal::{Signal, kill, raise};
use nix::unistd::Pid;
use skysieve::kafka::{KafkaStream, Settings};
use skysieve_tests::{Broker, Stop};

/// What a worker process is told: `broker stream instance workers freeze-call freeze-at`.
const TOLD: &str = "SKYSIEVE_TEST_WORKER";
const SESSION_MS: u32 = 3_000;

/// Not a test: a worker process of the others.
#[test]
#[ignore = "started by the other tests"]
fn worker_process() {
    let Ok(told) = std::env::var(TOLD) else {
        return;
    };
    let told: Vec<&str> = told.split(' ').collect();
    let settings = Settings {
        instance: Some(told[2].into()),
        session_timeout_ms: SESSION_MS,
        ..settings(told[0], told[1])
    };
    let (call, at) = (told[4].to_owned(), told[5].parse::<usize>().unwrap());
    let calls = AtomicUsize::new(0);
    let observer = move |now: &str| {
        if now == call && calls.fetch_add(1, Ordering::SeqCst) + 1 == at {
            println!("frozen");
            raise(Signal::SIGSTOP).unwrap();
        }
    };
    let stream =
        KafkaStream::open_observed(&settings, told[1], "main", Some(Arc::new(observer))).unwrap();
    run_until_told(&stream, told[1], told[3].parse().unwrap());
}

fn run_until_told(stream: &KafkaStream, name: &str, workers: usize) {
    let stop = Stop::default();
    std::thread::scope(|scope| {
        let _ends = stop.at_the_latest_here();
        for place in 0..workers {
            let stop = &stop;
            scope.spawn(move || {
                let mut worker = Worker::new(stream, name, place, Duration::from_millis(25));
                if let Err(why) = worker.run(stop) {
                    eprintln!("worker {place}: {why}");
                    std::process::exit(1);
                }
            });
        }
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        runtime.block_on(async {
            let kind = tokio::signal::unix::SignalKind::terminate();
            tokio::signal::unix::signal(kind).unwrap().recv().await;
        });
        stop.now();
    });
}

/// Worker processes that are started again when they end, as a service manager does.
struct Fleet {
    broker: String,
    stream: String,
    processes: Vec<Child>,
    restarts: usize,
}

impl Fleet {
    fn new(broker: &str, stream: &str, processes: usize) -> Self {
        let mut fleet = Fleet {
            broker: broker.into(),
            stream: stream.into(),
            processes: Vec::new(),
            restarts: 0,
        };
        for number in 0..processes {
            let process = fleet.launch(number, "none", 0);
            fleet.processes.push(process);
        }
        fleet
    }

    fn launch(&self, number: usize, freeze: &str, at: usize) -> Child {
        let told = format!(
            "{} {} host-{number} 2 {freeze} {at}",
            self.broker, self.stream
        );
        Command::new(std::env::current_exe().unwrap())
            .args(["worker_process", "--exact", "--ignored", "--nocapture"])
            .env(TOLD, told)
            .stdout(Stdio::null())
            .spawn()
            .unwrap()
    }

    fn signal(&self, number: usize, signal: Signal) {
        let pid = Pid::from_raw(i32::try_from(self.processes[number].id()).unwrap());
        // It may have ended by itself; then it is started again.
        let _ = kill(pid, signal);
    }

    /// Start again what has ended.
    fn tend(&mut self) {
        for number in 0..self.processes.len() {
            if self.processes[number].try_wait().unwrap().is_some() {
                self.processes[number] = self.launch(number, "none", 0);
                self.restarts += 1;
            }
        }
    }

    fn is_frozen(&self, number: usize) -> bool {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.processes[number].id()));
        stat.is_ok_and(|stat| {
            stat.rsplit(')')
                .next()
                .is_some_and(|rest| rest.starts_with(" T"))
        })
    }

    /// End all politely.
    fn end(mut self) {
        for number in 0..self.processes.len() {
            self.signal(number, Signal::SIGCONT);
            self.signal(number, Signal::SIGTERM);
        }
        for process in &mut self.processes {
            eventually(Duration::from_secs(60), "a process ends", || {
                process.try_wait().unwrap().is_some()
            });
        }
    }
}

impl Drop for Fleet {
    fn drop(&mut self) {
        for process in &mut self.processes {
            let _ = process.kill();
            let _ = process.wait();
        }
    }
}

/// Fixed sequence of numbers from a seed (splitmix64).
struct Dice(u64);

impl Dice {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        (mixed ^ (mixed >> 31)) % bound
    }
}

fn prepare(broker: &str, name: &str, partitions: u32) -> (String, Settings) {
    let name = unique(name);
    let settings = settings(broker, &name);
    fill(&settings, &name, partitions, 0..1_000);
    KafkaStream::open(&settings, &name, "main")
        .unwrap()
        .ensure_topic(&output_topic(&name))
        .unwrap();
    (name, settings)
}

fn read_to(settings: &Settings, name: &str, partitions: i32) -> i64 {
    progress(
        &settings.brokers,
        &settings.group(name, "main"),
        name,
        partitions,
    )
}

#[test]
fn killed_ended_and_frozen_at_random() {
    let Some(broker) = Broker::shared() else {
        return;
    };
    let seed = std::env::var("SKYSIEVE_TEST_SEED")
        .ok()
        .and_then(|seed| seed.parse().ok());
    let seed = seed.unwrap_or_else(|| u64::from(std::process::id()));
    println!("SKYSIEVE_TEST_SEED={seed}");
    let mut dice = Dice(seed);
    let (name, settings) = prepare(broker.address(), "chaos", 6);
    let mut fleet = Fleet::new(broker.address(), &name, 2);
    let mut events: Vec<Signal> = [Signal::SIGKILL, Signal::SIGTERM].repeat(20);
    events.extend([Signal::SIGSTOP].repeat(4));
    let mut written = 1_000;
    while !events.is_empty() {
        let event = events.swap_remove(usize::try_from(dice.below(events.len() as u64)).unwrap());
        let number = usize::try_from(dice.below(2)).unwrap();
        fleet.signal(number, event);
        if event == Signal::SIGSTOP {
            std::thread::sleep(Duration::from_millis(
                u64::from(SESSION_MS) + 1_000 + dice.below(2_000),
            ));
            fleet.signal(number, Signal::SIGCONT);
        }
        fill(&settings, &name, 6, written..written + 500);
        written += 500;
        std::thread::sleep(Duration::from_millis(300 + dice.below(2_500)));
        fleet.tend();
    }
    let total = i64::try_from(written).unwrap();
    eventually(Duration::from_secs(120), "all is read", || {
        fleet.tend();
        read_to(&settings, &name, 6) == total
    });
    println!("{written} messages, {} restarts", fleet.restarts);
    fleet.end();
    check_exactly_once(broker.address(), &name, 0..written);
}

/// A process frozen in `call` for `seconds`, while another takes over.
fn frozen_in(call: &str, seconds: u64) {
    let Some(broker) = Broker::shared() else {
        return;
    };
    let (name, settings) = prepare(broker.address(), "frozen", 2);
    let mut fleet = Fleet {
        broker: broker.address().into(),
        stream: name.clone(),
        processes: Vec::new(),
        restarts: 0,
    };
    // Alone it holds everything; its two workers freeze together at the third call.
    let frozen = fleet.launch(0, call, 3);
    fleet.processes.push(frozen);
    let mut written = 1_000;
    eventually(Duration::from_secs(60), "the process is frozen", || {
        fill(&settings, &name, 2, written..written + 50);
        written += 50;
        fleet.is_frozen(0)
    });
    let since = Instant::now();
    let other = fleet.launch(1, "none", 0);
    fleet.processes.push(other);
    fill(&settings, &name, 2, written..written + 1_000);
    written += 1_000;
    std::thread::sleep(Duration::from_secs(seconds).saturating_sub(since.elapsed()));
    fleet.signal(0, Signal::SIGCONT);
    let total = i64::try_from(written).unwrap();
    eventually(Duration::from_secs(90), "all is read", || {
        fleet.tend();
        read_to(&settings, &name, 2) == total
    });
    fleet.end();
    check_exactly_once(broker.address(), &name, 0..written);
}

#[test]
fn frozen_before_its_positions_and_woken_after_its_session() {
    frozen_in("send_offsets_to_transaction", 6);
}

#[test]
fn frozen_between_positions_and_commit_and_woken_while_the_transaction_is_open() {
    frozen_in("commit_transaction", 7);
}

#[test]
fn frozen_between_positions_and_commit_and_woken_after_the_transaction_timed_out() {
    frozen_in("commit_transaction", 15);
}

#[test]
fn the_broker_is_killed_in_the_middle_of_transactions() {
    let Some(mut broker) = Broker::start_own(&[]).unwrap() else {
        skysieve_tests::skipped("Kafka", "no Java or Maven here");
        return;
    };
    let (name, settings) = prepare(broker.address(), "broker", 4);
    let mut fleet = Fleet::new(broker.address(), &name, 2);
    let mut written = 1_000;
    for _ in 0..3 {
        fill(&settings, &name, 4, written..written + 2_000);
        written += 2_000;
        broker.kill().unwrap();
        std::thread::sleep(Duration::from_secs(1));
        broker.restart().unwrap();
        let end = Instant::now() + Duration::from_secs(4);
        while Instant::now() < end {
            fleet.tend();
            std::thread::sleep(Duration::from_millis(100));
        }
    }
    let total = i64::try_from(written).unwrap();
    eventually(Duration::from_secs(180), "all is read", || {
        fleet.tend();
        read_to(&settings, &name, 4) == total
    });
    println!("{written} messages, {} restarts", fleet.restarts);
    fleet.end();
    check_exactly_once(broker.address(), &name, 0..written);
}
