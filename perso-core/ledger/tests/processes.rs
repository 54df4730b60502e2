//! Eight processes charge one account at once, and exactly as much as fits is let through: also while the server is killed and
//! started again, and while the processes are killed in the middle.
//!
//! `PERSO_CALLS` sets the number of calls.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "it is a test")]

mod support;

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use perso_ledger::{CallId, Commit, Ledger, open};
use support::server::Server;
use support::{account, charge, sliding};

const PROCESSES: usize = 8;
/// Calls of one process that wait at once.
const AT_ONCE: usize = 16;
const DAY: u64 = 86_400_000;

fn calls() -> usize {
    std::env::var("PERSO_CALLS").map_or(10_000, |text| text.parse().unwrap())
}

/// A third of the calls fit, and leave a rest that is too small for one more.
fn max() -> String {
    format!("{}.1", calls() / 10)
}

fn fitting() -> usize {
    // In tenths.
    (calls() / 10 * 10 + 1) / 3
}

/// A call, which is the same whenever it is asked for.
fn call(number: usize) -> Commit {
    let mut id = [0; 16];
    id[..8].copy_from_slice(&(number as u64).to_be_bytes());
    let mut commit = Commit::new(CallId::from_bytes(id));
    commit.charges = vec![charge("count", "0.3", "1000000", sliding(DAY)), charge("hot", "0.3", &max(), sliding(DAY))];
    commit
}

/// What a process does: makes its calls, each again until it is answered, and prints the answers.
#[test]
#[ignore = "the other tests run it as a process"]
fn process() {
    let address = std::env::var("PERSO_LEDGER").unwrap();
    let number: usize = std::env::var("PERSO_PROCESS").unwrap().parse().unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let ledger = open(&address).unwrap();
        let next = Arc::new(AtomicUsize::new(number));
        let tasks = (0..AT_ONCE).map(|_| tokio::spawn(work(ledger.clone(), next.clone())));
        for task in tasks.collect::<Vec<_>>() {
            task.await.unwrap();
        }
    });
}

async fn work(ledger: Arc<dyn Ledger>, next: Arc<AtomicUsize>) {
    let end = Instant::now() + Duration::from_secs(120);
    loop {
        let number = next.fetch_add(PROCESSES, Ordering::SeqCst);
        if number >= calls() {
            return;
        }
        let call = call(number);
        let done = loop {
            match ledger.commit(&call).await {
                Ok(answer) => break answer.is_done(),
                Err(error) => assert!(Instant::now() < end, "{error}"),
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        };
        println!("\n{} {number}", if done { "done" } else { "over" });
    }
}

/// A process that runs.
struct Process {
    child: Child,
    reader: JoinHandle<BTreeSet<usize>>,
}

impl Process {
    fn start(address: &str, number: usize, answers: &Arc<AtomicUsize>) -> Self {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "process", "--ignored", "--nocapture"])
            .env("PERSO_LEDGER", address)
            .env("PERSO_PROCESS", number.to_string())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let answers = answers.clone();
        let reader = std::thread::spawn(move || {
            let mut done = BTreeSet::new();
            for line in lines {
                let line = line.unwrap();
                let Some((answer, number)) = line.split_once(' ') else { continue };
                let Ok(number) = number.parse() else { continue };
                answers.fetch_add(1, Ordering::SeqCst);
                if answer == "done" {
                    done.insert(number);
                }
            }
            done
        });
        Self { child, reader }
    }

    /// The calls that were let through, once it ends.
    fn wait(mut self) -> BTreeSet<usize> {
        let status = self.child.wait().unwrap();
        assert!(status.success(), "{status}");
        self.reader.join().unwrap()
    }

    fn kill(mut self) -> BTreeSet<usize> {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
        self.reader.join().unwrap()
    }
}

fn start_all(address: &str, answers: &Arc<AtomicUsize>) -> Vec<Process> {
    (0..PROCESSES).map(|number| Process::start(address, number, answers)).collect()
}

/// Waits for a part of the answers.
fn wait_for(answers: &AtomicUsize, count: usize) {
    let start = Instant::now();
    while answers.load(Ordering::SeqCst) < count {
        assert!(start.elapsed() < Duration::from_secs(120), "{} of {count} answers", answers.load(Ordering::SeqCst));
        std::thread::sleep(Duration::from_millis(2));
    }
}

/// Checks that what was let through is what fits, and what the ledger has counted.
fn check(address: &str, processes: Vec<Process>) -> BTreeSet<usize> {
    let start = Instant::now();
    let done: BTreeSet<usize> = processes.into_iter().flat_map(Process::wait).collect();
    println!("{} calls, {} let through, {:?} after the last event", calls(), done.len(), start.elapsed());
    assert_eq!(done.len(), fitting());
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let ledger = open(address).unwrap();
        let tenths = done.len() * 3;
        let sum = format!("{}.{}", tenths / 10, tenths % 10).parse().unwrap();
        for name in ["hot", "count"] {
            assert_eq!(ledger.balance(account(name), &sliding(DAY), None).await, Ok(sum), "{name}");
        }
    });
    done
}

#[test]
fn as_much_as_fits_through_a_file() {
    let folder = tempfile::tempdir().unwrap();
    let address = format!("file:{}", folder.path().join("ledger").display());
    check(&address, start_all(&address, &Arc::default()));
}

#[test]
fn as_much_as_fits_while_processes_are_killed() {
    let folder = tempfile::tempdir().unwrap();
    let address = format!("file:{}", folder.path().join("ledger").display());
    let mut before = BTreeSet::new();
    for round in 1..=3 {
        let answers = Arc::default();
        let processes = start_all(&address, &answers);
        wait_for(&answers, calls() * round / 12);
        before.extend(processes.into_iter().flat_map(Process::kill));
    }
    assert!(!before.is_empty());
    let done = check(&address, start_all(&address, &Arc::default()));
    assert!(before.is_subset(&done), "a call was let through by a process that was killed, and is denied now");
}

fn durable(start: fn(&[&str]) -> Server) -> Server {
    start(&["--appendonly", "yes", "--appendfsync", "always"])
}

#[test]
fn as_much_as_fits_through_valkey() {
    let server = durable(Server::valkey);
    check(&server.address(), start_all(&server.address(), &Arc::default()));
}

/// Kills the server three times while it is used.
fn kill_server(mut server: Server) {
    let answers = Arc::default();
    let processes = start_all(&server.address(), &answers);
    for round in 1..=3 {
        wait_for(&answers, calls() * round / 12);
        server.kill();
        std::thread::sleep(Duration::from_millis(100));
        server.restart();
    }
    check(&server.address(), processes);
}

#[test]
fn as_much_as_fits_while_valkey_is_killed() {
    kill_server(durable(Server::valkey));
}

#[test]
fn as_much_as_fits_while_redis_is_killed() {
    kill_server(durable(Server::redis));
}
