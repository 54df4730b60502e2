//! perso beside its peers: other policy engines, and a check by hand, on the same calls.
//!
//! `make bench-peers` runs it. It writes `docs/benchmarks.md` and its picture, and these ratios to
//! `target/perso-bench.json`:
//!
//! | ratio | time of | over that of |
//! | --- | --- | --- |
//! | `decide_vs_handwritten` | perso, call text to decision | the check by hand, the same |
//! | `decide_vs_handwritten_tuned` | the same | the check by hand, tuned |
//! | `peer_margin` | the fastest of the peers, call text to decision | perso, the same |
//! | `peer_*` | the peer, call text to decision | perso, the same |
//! | `peer_*_prepared` | the peer, on a call in its own form | perso, on a `serde_json::Value` |
//! | `peers_scale_*` | call text to decision with 10 000 rules | with 10 |
//! | `peers_threads_*` | calls a second of two threads | of one |
//!
//! With `--check` nothing is timed: it fails unless each engine decides all calls rightly.
//!
//! ```text
//! engine/ (and policies/) → check → results (rounds, limits, probes, memory, threads) → report/
//! ```

mod check;
mod desk;
mod engine;
mod limits;
mod memory;
mod probes;
mod report;
mod results;
mod rounds;
mod threads;

use std::process::ExitCode;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let peers = engine::peers();
    match *arguments {
        [memory::ARGUMENT, key] => peers.iter().filter(|peer| peer.key == key).for_each(memory::measure),
        ["--check"] | [] => {
            let mistakes = check::mistakes(&peers);
            if !mistakes.is_empty() {
                eprintln!("{}", mistakes.join("\n"));
                return ExitCode::FAILURE;
            }
            println!("each engine decides all calls rightly; of the probes");
            let probes = probes::probes();
            for peer in &peers {
                let answers = probes::answers(&*peer.desk, &probes);
                let wrong = probes.iter().zip(&answers).filter(|(_, right)| !**right).map(|(probe, _)| &*probe.name);
                let right = answers.iter().filter(|right| **right).count();
                println!("  {:<28} {right} of {} {:?}", peer.title(), answers.len(), wrong.collect::<Vec<_>>());
            }
            if arguments.is_empty() {
                report::write(&results::measure(&peers));
            }
        }
        _ => {
            eprintln!("usage: perso-peers [--check]");
            return ExitCode::FAILURE;
        }
    }
    ExitCode::SUCCESS
}
