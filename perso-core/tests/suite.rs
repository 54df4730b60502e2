//! Tests of policies: what `perso test` says no case notices is noticed by a case of the call that it gives.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stdout, reason = "it is a test")]

use perso_core::Policy;
use perso_core::suite::Suite;
use serde_json::{Value, json};
use std::fs;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

/// Those of which the analysis takes minutes.
const LONG: [&str; 1] = ["coding-agent"];

fn policies() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../policies");
    let mut files: Vec<PathBuf> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.retain(|path| {
        let name = path.file_name().unwrap().to_str().unwrap();
        name.strip_suffix(".json").is_some_and(|name| !name.ends_with(".tests") && !LONG.contains(&name))
    });
    files.sort();
    files
}

fn suite(folder: &Path, policy: &Path, cases: &[Value]) -> Suite {
    let file = folder.join("cases.tests.json");
    fs::write(&file, json!({ "policy": policy.canonicalize().unwrap(), "cases": cases }).to_string()).unwrap();
    Suite::load(&file).unwrap()
}

#[test]
fn a_case_of_each_call_that_is_given_notices_every_change() {
    let folder = tempfile::tempdir().unwrap();
    for path in policies() {
        let nothing = suite(folder.path(), &path, &[]).mutate(&|_, _| ControlFlow::Continue(()));
        assert_eq!(nothing.noticed, 0);
        assert!(nothing.mutants >= 10, "{}", path.display());
        let policy = Policy::load(&path).unwrap();
        let cases = nothing.unnoticed.iter().enumerate().map(|(number, mutant)| {
            let decision = policy.decide_json(mutant.call.as_bytes()).outcome.name();
            json!({ "name": number.to_string(), "raw": mutant.call, "decision": decision })
        });
        let all = suite(folder.path(), &path, &cases.collect::<Vec<_>>());
        assert!(all.run().iter().all(|ran| ran.failed.is_none()), "{}", path.display());
        let mutation = all.mutate(&|_, _| ControlFlow::Continue(()));
        println!("{}: {} changes, {} undecided", path.display(), mutation.mutants, mutation.undecided);
        assert_eq!(mutation.unnoticed, [], "{}", path.display());
        assert_eq!(mutation.mutants + mutation.undecided, nothing.mutants + nothing.undecided, "{}", path.display());
    }
}

#[test]
fn changes_are_tried_until_the_caller_breaks_off() {
    let folder = tempfile::tempdir().unwrap();
    let path = policies().swap_remove(0);
    let suite = suite(folder.path(), &path, &[]);
    let threads = std::thread::available_parallelism().unwrap().get();
    let some = suite.mutate(&|_, of| {
        assert!(of > 2 * threads, "{of}");
        ControlFlow::Break(())
    });
    // Each thread was at work on one.
    assert!(some.mutants + some.undecided <= threads, "{some:?}");
}

#[test]
fn a_report_is_about_the_policy_that_was_loaded() {
    let policies = Path::new(env!("CARGO_MANIFEST_DIR")).join("../policies");
    let policy = Policy::load(policies.join("payments.json")).unwrap();
    let suite = Suite::load_for(policies.join("support-desk.tests.json"), &policy).unwrap();
    let mut report = suite.report();
    report.coverage = Some(suite.coverage());
    let written = serde_json::to_value(&report).unwrap();
    assert_eq!(written["cases"].as_array().map(Vec::len), Some(suite.run().len()));
    assert_eq!(written["coverage"]["uncovered"][0]["file"], "policy");
    assert_eq!(written.get("mutation"), None);
}
