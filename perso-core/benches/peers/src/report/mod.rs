//! What a run leaves: ratios for machines, a page and a picture for people.

mod figures;
mod machine;
mod page;
mod plot;
mod ratios;

use crate::results::Results;
use std::path::Path;

pub fn write(results: &Results) {
    let root = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../../.."));
    let figures = ratios::write(results, &root.join("target/perso-bench.json"));
    std::fs::write(root.join("docs/benchmarks.svg"), plot::plot(results)).expect("docs/ can be written to");
    std::fs::write(root.join("docs/benchmarks.md"), page::page(results, &figures)).expect("docs/ can be written to");
    println!("wrote target/perso-bench.json, docs/benchmarks.md and docs/benchmarks.svg");
}
