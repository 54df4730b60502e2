//! Measures what one thing costs beside another: rounds of each in turn, so that a machine that speeds up or slows
//! down does so for both, and medians over the rounds.

use std::collections::BTreeMap;
use std::hint::black_box;
use std::time::{Duration, Instant};

/// Something to measure: a name and what to do once.
pub struct Candidate<'c> {
    /// How the output calls it.
    pub name: &'c str,
    /// What is measured.
    pub run: Box<dyn FnMut() + 'c>,
}

/// A candidate.
pub fn candidate<'c, T>(name: &'c str, mut run: impl FnMut() -> T + 'c) -> Candidate<'c> {
    Candidate {
        name,
        run: Box::new(move || {
            black_box(run());
        }),
    }
}

/// The ratios that a run ends with.
#[derive(Default)]
pub struct Report {
    ratios: BTreeMap<String, f64>,
}

const ROUNDS: usize = 41;
const ROUND: Duration = Duration::from_millis(8);

impl Report {
    /// Measures the candidates side by side and prints a line for each: the median time of one run, per item if a run
    /// handles several. Returns the medians in nanoseconds.
    pub fn compare(&mut self, title: &str, items: usize, mut candidates: Vec<Candidate<'_>>) -> Vec<f64> {
        let mut repeats: Vec<u32> = Vec::new();
        for candidate in &mut candidates {
            let begin = Instant::now();
            let mut count = 0;
            while begin.elapsed() < ROUND {
                (candidate.run)();
                count += 1;
            }
            repeats.push(count.max(1));
        }
        let mut times = vec![Vec::with_capacity(ROUNDS); candidates.len()];
        for _ in 0..ROUNDS {
            for ((candidate, repeats), times) in candidates.iter_mut().zip(&repeats).zip(&mut times) {
                let begin = Instant::now();
                for _ in 0..*repeats {
                    (candidate.run)();
                }
                times.push(begin.elapsed().as_nanos() as f64 / f64::from(*repeats) / items as f64);
            }
        }
        println!("\n{title}");
        let medians: Vec<f64> = times.into_iter().map(median).collect();
        for (candidate, time) in candidates.iter().zip(&medians) {
            println!("  {:<36} {:>12}", candidate.name, readable(*time));
        }
        medians
    }

    /// Notes a ratio.
    pub fn ratio(&mut self, name: &str, ratio: f64) {
        println!("  {name:<36} {ratio:>12.3}");
        self.ratios.insert(name.to_owned(), (ratio * 1e4).round() / 1e4);
    }

    /// Writes the ratios to `target/perso-bench.json`, beside those that other benchmarks have left there.
    pub fn write(self) {
        let here = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
        let root = here.ancestors().find(|folder| folder.join("Cargo.lock").is_file());
        let target = root.expect("the workspace has a lock file").join("target");
        let path = target.join("perso-bench.json");
        let known = std::fs::read(&path).ok().and_then(|bytes| serde_json::from_slice(&bytes).ok());
        let mut ratios: BTreeMap<String, f64> = known.unwrap_or_default();
        ratios.extend(self.ratios);
        let json = serde_json::to_string_pretty(&ratios).expect("numbers have a JSON form");
        std::fs::create_dir_all(target).expect("target/ can be made");
        std::fs::write(path, json + "\n").expect("target/ can be written to");
        println!("\nratios: target/perso-bench.json");
    }
}

fn median(mut times: Vec<f64>) -> f64 {
    times.sort_unstable_by(f64::total_cmp);
    times[times.len() / 2]
}

fn readable(nanoseconds: f64) -> String {
    match nanoseconds {
        n if n < 1e4 => format!("{n:.1} ns"),
        n if n < 1e7 => format!("{:.1} µs", n / 1e3),
        n => format!("{:.1} ms", n / 1e6),
    }
}
