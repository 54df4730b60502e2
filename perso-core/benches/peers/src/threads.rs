//! What two threads decide in the time in which one does.

use crate::engine::{Calls, handwritten};
use crate::rounds::median;
use perso_core::Policy;
use std::hint::black_box;
use std::sync::Barrier;
use std::time::{Duration, Instant};

const ROUNDS: usize = 15;
const TIME: Duration = Duration::from_millis(150);

/// How often it is tried, where the machine has other work.
const TRIES: usize = 5;
/// What the check by hand gains at least where two cores are free.
const FREE: f64 = 1.8;

/// How many times as much two threads decide.
pub struct Gains {
    pub perso: f64,
    /// Of the check by hand, which shares nothing: what the machine allows.
    pub handwritten: f64,
}

/// Nothing where the machine had no two cores free.
pub fn gains(policy: &Policy, calls: Calls) -> Option<Gains> {
    let mut tries = (0..TRIES).map(|_| Gains {
        perso: gain(|call| policy.decide_json(call).is_allowed(), calls),
        handwritten: gain(handwritten::decide, calls),
    });
    tries.find(|gains| gains.handwritten >= FREE)
}

/// The median over rounds of one and of two.
fn gain(decide: impl Fn(&[u8]) -> bool + Sync, calls: Calls) -> f64 {
    median((0..ROUNDS).map(|_| 1.0 / throughput(&decide, calls, 1) * throughput(&decide, calls, 2)).collect())
}

/// Calls a second.
fn throughput(decide: &(impl Fn(&[u8]) -> bool + Sync), calls: Calls, threads: usize) -> f64 {
    let barrier = Barrier::new(threads);
    let work = || {
        barrier.wait();
        let begin = Instant::now();
        let mut count = 0;
        while begin.elapsed() < TIME {
            for call in calls {
                black_box(decide(call));
            }
            count += calls.len();
        }
        count as f64 / begin.elapsed().as_secs_f64()
    };
    std::thread::scope(|scope| {
        let workers: Vec<_> = (0..threads).map(|_| scope.spawn(work)).collect();
        workers.into_iter().map(|worker| worker.join().expect("no decision panics")).sum()
    })
}
