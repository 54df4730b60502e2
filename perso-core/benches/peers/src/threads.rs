//! What two threads decide in the time in which one does.

use crate::engine::Calls;
use crate::rounds::median;
use std::hint::black_box;
use std::sync::Barrier;
use std::time::{Duration, Instant};

const ROUNDS: usize = 15;
const TIME: Duration = Duration::from_millis(150);

/// How many times as much; the median over rounds of one and of two.
pub fn gain(decide: impl Fn(&[u8]) -> bool + Sync, calls: Calls) -> f64 {
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
