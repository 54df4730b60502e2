//! Two threads judge random calls while the policy is exchanged again and again: each decision is the reference
//! evaluator's, and memory stays as it was: what is allocated is given back, and the process does not swell.
//! `SOAK_SECONDS` says how long; `make soak` asks for ten minutes.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "it is a test")]

mod generate;
mod support;

use allocation_counter::measure;
use arbitrary::Unstructured;
use std::process::Command;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, RwLock};
use std::time::{Duration, Instant};
use support::{Both, compile};

const SECONDS: u64 = 30;
/// Calls that a thread judges before it exchanges the policy.
const CALLS: u32 = 200;
/// Policies that go round: each comes into force many times, and is loaded anew each time.
const POLICIES: usize = 32;
/// What may be allocated in the end beyond what was at first: another policy is active, and threads keep what
/// they need again.
const MOST_KEPT: i64 = 1 << 20;
/// What the process may grow by once it is warm: allocators keep what they will need again, in pieces.
const MOST_GROWTH: u64 = 48 << 20;

/// A policy as it was generated, and loaded.
struct InForce {
    generated: generate::Json,
    both: Both,
}

#[test]
fn decisions_stay_right_and_memory_flat_while_policies_change() {
    let seconds = std::env::var("SOAK_SECONDS").map_or(SECONDS, |seconds| seconds.parse().expect("it is a number"));
    let mut random = Random(0x9e37_79b9_7f4a_7c15);
    let policies: Vec<generate::Json> = (0..POLICIES).map(|_| random.policy()).collect();
    let current = RwLock::new(Arc::new(in_force(&policies[0])));
    let (ends, judged, swaps) = (AtomicBool::new(false), AtomicU64::new(0), AtomicU64::new(0));
    let begin = Instant::now();
    let mut sizes = Vec::new();
    let work = |seed: u64| {
        let mut random = Random(seed.wrapping_mul(0xd134_2543_de82_ef95));
        while !ends.load(Ordering::Relaxed) {
            for _ in 0..CALLS {
                let policy = Arc::clone(&current.read().unwrap());
                let call = random.call(&policy.generated);
                policy.both.agreed_from_text(call.as_bytes());
                judged.fetch_add(1, Ordering::Relaxed);
            }
            let next = Arc::new(in_force(&policies[random.next() as usize % POLICIES]));
            *current.write().unwrap() = next;
            swaps.fetch_add(1, Ordering::Relaxed);
        }
    };
    let kept = std::thread::scope(|scope| {
        // What one thread has allocated and another gives back counts for both: only their sum says something.
        let threads = [1, 2].map(|seed| scope.spawn(move || measure(|| work(seed)).bytes_current));
        // A thread that has found something ends the soak.
        while begin.elapsed() < Duration::from_secs(seconds) && !threads.iter().any(|thread| thread.is_finished()) {
            std::thread::sleep(Duration::from_millis(200));
            sizes.push(resident());
        }
        ends.store(true, Ordering::Relaxed);
        threads.map(|thread| thread.join().unwrap()).iter().sum::<i64>()
    });
    let (judged, swaps) = (judged.into_inner(), swaps.into_inner());
    // The first quarter makes what all that follows uses. What comes and goes hides no leak: the least counts.
    let quarter = sizes.len() / 4;
    let warm = *sizes.iter().skip(quarter).take(quarter + 1).min().expect("it was looked at");
    let after = *sizes.iter().skip(3 * quarter).min().expect("it was looked at");
    println!(
        "{judged} decisions and {swaps} exchanges in {seconds} s: {kept} bytes kept, {} kB, then {} kB",
        warm >> 10,
        after >> 10
    );
    assert!(judged > 1000 && swaps > 10, "{judged} decisions, {swaps} exchanges");
    assert!(kept <= MOST_KEPT, "{kept} bytes were not given back");
    assert!(after <= warm + MOST_GROWTH, "grew from {warm} to {after} bytes");
}

fn in_force(generated: &generate::Json) -> InForce {
    InForce { generated: generated.clone(), both: compile(&generated.to_string()) }
}

/// The bytes of memory that the process has: as Linux tells, or `ps` elsewhere.
fn resident() -> u64 {
    let kilobytes = match std::fs::read_to_string("/proc/self/status") {
        Ok(status) => status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("it is told").to_owned(),
        Err(_) => {
            let id = std::process::id().to_string();
            let said =
                Command::new("ps").args(["-o", "rss=", "-p", &id]).output().expect("ps tells a process's memory");
            String::from_utf8(said.stdout).unwrap()
        }
    };
    kilobytes.trim().trim_end_matches(" kB").parse::<u64>().expect("it is a number of kilobytes") << 10
}

/// Choices for the generators (xorshift64, Marsaglia 2003).
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn bytes(&mut self, words: usize) -> Vec<u8> {
        (0..words).flat_map(|_| self.next().to_le_bytes()).collect()
    }

    fn policy(&mut self) -> generate::Json {
        loop {
            if let Ok(policy) = generate::policy(&mut Unstructured::new(&self.bytes(1 << 9))) {
                return policy;
            }
        }
    }

    fn call(&mut self, policy: &generate::Json) -> String {
        loop {
            if let Ok(call) = generate::call(&mut Unstructured::new(&self.bytes(1 << 6)), policy) {
                return call;
            }
        }
    }
}
