//! What it costs to remember a call.
//!
//! `make bench` runs it and adds a ratio to `target/perso-bench.json`:
//!
//! | ratio | time of | over that of |
//! | --- | --- | --- |
//! | `ledger_memory_vs_async_call` | a commit of one charge in memory | an async call through a trait that does nothing |
//! | `enforce_vs_decide` | a final decision with one charge in memory | the same decision of a policy without limits |
//!
//! The other stores are measured as they are used: the time of one commit after another, and how many processes that commit at once
//! get done. `PERSO_SECONDS` sets for how long each is measured.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "it is a benchmark"
)]

#[path = "../../benches/measure/mod.rs"]
mod measure;
#[path = "../tests/support/mod.rs"]
mod support;

use std::future::Future;
use std::pin::pin;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use measure::{Report, candidate};
use perso_core::Policy;
use perso_core::enforce::{Approvals, Enforcer, Step};
use perso_ledger::{Account, Amount, CallId, Charge, Commit, Ledger, Memory, Options, Value, Window, open};
use support::server::Server;

const PROCESSES: usize = 8;
const AT_ONCE: usize = 16;
/// Windows are short, so that the calls of a whole run are not kept: in the longer one, about 25 000 are.
const SHORT: Duration = Duration::from_millis(2);
const LONGER: Duration = Duration::from_millis(50);

fn main() {
    if let Ok(address) = std::env::var("PERSO_LEDGER") {
        return process(&address);
    }
    let mut report = Report::default();
    memory(&mut report);
    enforced(&mut report);
    report.write();
    stores();
}

fn seconds() -> Duration {
    Duration::from_secs_f64(std::env::var("PERSO_SECONDS").map_or(2.0, |text| text.parse().unwrap()))
}

/// Something that does nothing, as a ledger would.
#[async_trait]
trait Nothing: Send + Sync {
    async fn commit(&self, commit: &Commit) -> bool;
}

struct Empty;

#[async_trait]
impl Nothing for Empty {
    async fn commit(&self, commit: &Commit) -> bool {
        commit.charges.is_empty()
    }
}

/// The answer of something that has not to be waited for.
fn now<T>(future: impl Future<Output = T>) -> T {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(answer) => answer,
        Poll::Pending => panic!("it waits"),
    }
}

fn charge(account: Account, max: Amount, window: Duration) -> Charge {
    Charge { account, amount: Amount::from(1), max, window: Window::Sliding(window) }
}

/// Commits with other names each time, of accounts in turn.
struct Calls {
    count: u64,
    commits: Vec<Commit>,
}

impl Calls {
    fn new(charges: usize, max: Amount, window: Duration) -> Self {
        let account = |n: usize| Account::new("limit", [Value::Text(&format!("agent {n}"))]);
        let one = |n| Commit {
            charges: (0..charges).map(|more| charge(account(n * charges + more), max, window)).collect(),
            ..Commit::new(CallId::from_bytes([0; 16]))
        };
        Self { count: fastrand::u64(..), commits: (0..64).map(one).collect() }
    }

    fn next(&mut self) -> &Commit {
        self.count = self.count.wrapping_add(1);
        let mut id = [7; 16];
        id[..8].copy_from_slice(&self.count.to_le_bytes());
        let commit = &mut self.commits[self.count as usize % 64];
        commit.call = CallId::from_bytes(id);
        commit
    }
}

fn memory(report: &mut Report) {
    let nothing: Arc<dyn Nothing> = Arc::new(Empty);
    let [one, many, four, over]: [Arc<dyn Ledger>; 4] =
        std::array::from_fn(|_| Arc::new(Memory::new(&Options::default())) as _);
    let mut calls = Calls::new(1, Amount::MAX, SHORT);
    let mut manys = Calls::new(1, Amount::MAX, LONGER);
    let (mut ones, mut fours, mut overs) =
        (Calls::new(1, Amount::MAX, SHORT), Calls::new(4, Amount::MAX, SHORT), Calls::new(1, Amount::ZERO, SHORT));
    let medians = report.compare(
        "a commit in memory",
        1,
        vec![
            candidate("an async call of nothing", || now(nothing.commit(calls.next()))),
            candidate("one charge", || assert!(now(one.commit(ones.next())).unwrap().is_done())),
            candidate("one charge, 25 000 calls kept", || assert!(now(many.commit(manys.next())).unwrap().is_done())),
            candidate("four charges", || assert!(now(four.commit(fours.next())).unwrap().is_done())),
            candidate("one charge that is over", || assert!(!now(over.commit(overs.next())).unwrap().is_done())),
            candidate("the digest of an account", || Account::new("refunds-a-day", [Value::Text("agt-099")])),
            candidate("the name of a call", || CallId::random().unwrap()),
        ],
    );
    report.ratio("ledger_memory_vs_async_call", medians[1] / medians[0]);

    println!("\n  threads that commit at once in memory, to accounts of their own");
    for threads in [1, 2] {
        let ledger = Memory::new(&Options::default());
        let counts = std::thread::scope(|scope| {
            let work = || {
                let mut calls = Calls::new(1, Amount::MAX, LONGER);
                let (begin, mut count) = (Instant::now(), 0_u32);
                while begin.elapsed() < seconds() {
                    assert!(now(ledger.commit(calls.next())).unwrap().is_done());
                    count += 1;
                }
                f64::from(count) / begin.elapsed().as_secs_f64()
            };
            let workers: Vec<_> = (0..threads).map(|_| scope.spawn(work)).collect();
            workers.into_iter().map(|worker| worker.join().unwrap()).sum::<f64>()
        });
        println!("  {:<36} {:>10.0}/s", format!("{threads} threads"), counts);
    }
}

const RULES: &str = r#""perso": 1, "rules": [
    { "id": "small", "allow": "process_refund", "when": { "args.amount": { "gt": 0, "lte": 500 } } },
    { "id": "no-leak", "deny": "process_refund", "when": { "agent.id": { "eq": "nobody" } } } ]"#;
const LIMITS: &str = r#""limits": [{ "id": "a-second", "of": "process_refund", "per": "agent.id", "sum": "args.amount",
    "max": 1e17, "window": "1s" }]"#;

/// What limits cost a decision.
fn enforced(report: &mut Report) {
    let plain = Policy::compile(&format!("{{ {RULES} }}")).unwrap();
    let limited = Policy::compile(&format!("{{ {RULES}, {LIMITS} }}")).unwrap();
    let enforcer = Enforcer::new(Arc::new(Memory::new(&Options::default())));
    let texts: Vec<String> = (0..64)
        .map(|n| format!(r#"{{"tool":"process_refund","args":{{"amount":{n}.5}},"agent":{{"id":"agent-{n}"}}}}"#))
        .collect();
    let turn = || {
        let mut at = 0;
        let texts = &texts;
        move || {
            at = (at + 1) % texts.len();
            texts[at].as_bytes()
        }
    };
    let approvals = Approvals::default();
    let (mut one, mut two, mut three) = (turn(), turn(), turn());
    let medians = report.compare(
        "a decision about a refund",
        1,
        vec![
            candidate("without limits", || assert!(plain.decide_json(one()).is_allowed())),
            candidate("what has to be remembered", || assert!(limited.assess_json(two()).decision.is_allowed())),
            candidate("with one charge in memory", || {
                let step = enforcer.step(limited.assess_json(three()), &approvals);
                assert!(matches!(now(step), Step::Done(enforced) if enforced.decision.is_allowed()));
            }),
        ],
    );
    report.ratio("enforce_vs_decide", medians[2] / medians[0]);
}

fn stores() {
    let folder = tempfile::tempdir().unwrap();
    let file = format!("file:{}", folder.path().join("ledger").display());
    measure("a file", &file);
    let durable = ["--appendonly", "yes", "--appendfsync", "always"];
    for (name, server) in [
        ("Valkey, without its disk", Server::valkey(&[])),
        ("Valkey, appendfsync always", Server::valkey(&durable)),
        ("Redis, appendfsync always", Server::redis(&durable)),
    ] {
        measure(name, &server.address());
    }
}

/// The time of a commit, and what many get done.
fn measure(name: &str, address: &str) {
    println!("\n{name}");
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let ledger = open(address).unwrap();
        let mut calls = Calls::new(1, Amount::MAX, LONGER);
        let mut times = Vec::new();
        let begin = Instant::now();
        while begin.elapsed() < seconds() {
            let start = Instant::now();
            assert!(ledger.commit(calls.next()).await.unwrap().is_done());
            times.push(start.elapsed());
        }
        times.sort_unstable();
        println!("  {:<36} {:>12}", "p50", format!("{:.0?}", times[times.len() / 2]));
        println!("  {:<36} {:>12}", "p99", format!("{:.0?}", times[times.len() * 99 / 100]));
    });
    for processes in [1, PROCESSES] {
        let start = || {
            Command::new(std::env::current_exe().unwrap())
                .env("PERSO_LEDGER", address)
                .stdout(Stdio::piped())
                .spawn()
                .unwrap()
        };
        let children: Vec<_> = (0..processes).map(|_| start()).collect();
        let outputs =
            children.into_iter().map(|child| String::from_utf8(child.wait_with_output().unwrap().stdout).unwrap());
        let numbers: Vec<Vec<f64>> =
            outputs.map(|text| text.split_whitespace().map(|number| number.parse().unwrap()).collect()).collect();
        let rate: f64 = numbers.iter().map(|numbers| numbers[0]).sum();
        let errors: f64 = numbers.iter().map(|numbers| numbers[1]).sum();
        let slowest = numbers.iter().map(|numbers| numbers[2]).fold(0.0, f64::max);
        let title = format!("{processes} processes, {AT_ONCE} calls at once each");
        println!("  {title:<36} {rate:>10.0}/s, p99 {slowest:.1} ms, {errors} errors");
    }
}

/// Commits for a while, many at once. Prints how many a second, how many errors, and the 99th percentile in milliseconds.
fn process(address: &str) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let ledger = open(address).unwrap();
        let begin = Instant::now();
        let work = |ledger: Arc<dyn Ledger>| async move {
            let mut calls = Calls::new(1, Amount::MAX, LONGER);
            let (mut times, mut errors) = (Vec::new(), 0_u32);
            while begin.elapsed() < seconds() {
                let start = Instant::now();
                match ledger.commit(calls.next()).await {
                    Ok(_) => times.push(start.elapsed()),
                    Err(_) => errors += 1,
                }
            }
            (times, errors)
        };
        let tasks: Vec<_> = (0..AT_ONCE).map(|_| tokio::spawn(work(ledger.clone()))).collect();
        let (mut times, mut errors) = (Vec::new(), 0);
        for task in tasks {
            let (more, failed) = task.await.unwrap();
            times.extend(more);
            errors += failed;
        }
        times.sort_unstable();
        let p99 = times.get(times.len() * 99 / 100).map_or(0.0, |time| time.as_secs_f64() * 1e3);
        println!("{} {errors} {p99}", times.len() as f64 / begin.elapsed().as_secs_f64());
    });
}
