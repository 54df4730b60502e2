//! A host in Rust: wasmtime runs the module.
//!
//! ```sh
//! cargo run --release -- support.wasm call.json            # one decision
//! cargo run --release -- FOLDER                            # every case of the corpus that `make hosts` writes
//! cargo run --release -- bench support.wasm calls.jsonl ratios.json
//! ```

mod bench;
mod host;

use host::Policy;
use serde::Deserialize;
use serde_json::Value;
use std::fs;
use std::path::Path;
use std::process::ExitCode;
use wasmtime::Result;

fn main() -> Result<ExitCode> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match arguments[..] {
        ["bench", module, calls, ratios] => {
            bench::run(Policy::new(&fs::read(module)?)?, &fs::read_to_string(calls)?, ratios)?;
        }
        [folder] => return check(Path::new(folder)),
        [module, call] => println!("{:#}", Policy::new(&fs::read(module)?)?.decide(&fs::read(call)?, 0)),
        _ => wasmtime::bail!("a module and a call, or a corpus"),
    }
    Ok(ExitCode::SUCCESS)
}

#[derive(Deserialize)]
struct Corpus {
    modules: Vec<Module>,
}

#[derive(Deserialize)]
struct Module {
    module: String,
    cases: Vec<Case>,
}

#[derive(Deserialize)]
struct Case {
    name: String,
    text: Option<String>,
    hex: Option<String>,
    unknown: u32,
    decision: Value,
}

impl Case {
    fn call(&self) -> Vec<u8> {
        match (&self.text, &self.hex) {
            (Some(text), _) => text.clone().into_bytes(),
            (None, hex) => {
                let pairs = hex.as_deref().unwrap_or_default().as_bytes().chunks(2).map(str::from_utf8);
                pairs.map(|pair| u8::from_str_radix(pair.unwrap_or_default(), 16).expect("pairs of digits")).collect()
            }
        }
    }
}

/// Runs every case of a corpus.
fn check(folder: &Path) -> Result<ExitCode> {
    let corpus: Corpus = serde_json::from_slice(&fs::read(folder.join("corpus.json"))?)?;
    let (mut passed, mut failed) = (0, 0);
    for Module { module, cases } in corpus.modules {
        let mut policy = Policy::new(&fs::read(folder.join(&module))?)?;
        for case in cases {
            let got = policy.decide(&case.call(), case.unknown);
            if got == case.decision {
                passed += 1;
            } else {
                failed += 1;
                eprintln!("{module}: {}\n  expected {}\n  got      {got}", case.name, case.decision);
            }
        }
    }
    println!("wasmtime: {passed} passed, {failed} failed");
    Ok(if passed > 0 && failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
