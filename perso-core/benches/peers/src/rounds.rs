//! Rounds of each candidate in turn, so that a machine that speeds up or slows down does so for all, and medians over
//! the rounds.

use std::time::{Duration, Instant};

pub type Candidate<'c> = Box<dyn FnMut() + 'c>;

const ROUND: Duration = Duration::from_millis(8);

/// The median time of one run of each candidate, in nanoseconds.
pub fn medians(rounds: usize, mut candidates: Vec<Candidate<'_>>) -> Vec<f64> {
    let repeats: Vec<u32> = candidates.iter_mut().map(|run| repeats(run)).collect();
    let mut times = vec![Vec::with_capacity(rounds); candidates.len()];
    for _ in 0..rounds {
        for ((run, repeats), times) in candidates.iter_mut().zip(&repeats).zip(&mut times) {
            let begin = Instant::now();
            for _ in 0..*repeats {
                run();
            }
            times.push(begin.elapsed().as_nanos() as f64 / f64::from(*repeats));
        }
    }
    times.into_iter().map(median).collect()
}

/// How often a candidate runs in a round. This warms it up as well.
fn repeats(run: &mut dyn FnMut()) -> u32 {
    let begin = Instant::now();
    let mut count = 0;
    while begin.elapsed() < ROUND {
        run();
        count += 1;
    }
    count.max(1)
}

pub fn median(mut values: Vec<f64>) -> f64 {
    values.sort_unstable_by(f64::total_cmp);
    values[values.len() / 2]
}
