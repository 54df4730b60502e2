//! Replays AgentDojo's tasks against the policies in `policies/agentdojo/`, and prints the tables of `docs/agentdojo.md`.
//!
//! `make bench-agentdojo` records the tasks anew before. The argument is a recording; without it, the checked-in one.

#![expect(clippy::print_stdout, reason = "a program that shows something")]

mod replay;
mod report;

use std::path::PathBuf;

use report::Report;

#[tokio::main(flavor = "current_thread")]
async fn main() -> replay::Result<()> {
    let recording = std::env::args_os().nth(1).map_or_else(|| replay::folder().join("recording.jsonl"), PathBuf::from);
    let suites = replay::read(&recording)?;
    let report = Report::of(&suites).await?;
    for table in report.tables()? {
        println!("{table}");
    }
    for (suite, counts) in report.whole() {
        counts.missed.iter().for_each(|pair| println!("{suite}: not stopped: {pair}"));
    }
    report::without_calls(&suites).iter().for_each(|task| println!("{task} has no calls"));
    Ok(())
}
