//! Runs the conformance corpus (`policies/conformance/`, and the tests of the ready policies) through the module, in
//! each way that a call can be given, and through the reference evaluator.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "it is a test")]

mod support;

use support::corpus::{self, File};

#[test]
fn every_case_of_the_corpus_is_decided_as_it_says() {
    let mut failures = Vec::new();
    let mut cases = 0;
    for path in corpus::files() {
        let file = File::read(&path);
        assert!(file.class.is_none() && file.examples.is_empty(), "{} is of a class", file.name);
        let mut judges = file.judges();
        // Even a policy that uses every operator is small, and one with the clocks of twenty zones. The one for coding agents
        // lists the options of many programs.
        let size = judges.both.policy.module().len();
        let most = if file.name == "coding-agent.tests.json" { 352 << 10 } else { 128 << 10 };
        assert!(size < most, "{}: {size} bytes", file.name);
        for case in &file.cases {
            cases += 1;
            let wrong = case.failures(&mut judges, &case.text());
            failures.extend(wrong.iter().map(|wrong| format!("{}: {}: {wrong}", file.name, case.name)));
        }
    }
    println!("{cases} cases");
    assert!(cases > 2000, "{cases} cases");
    assert!(failures.is_empty(), "{} of {cases} cases\n{}", failures.len(), failures.join("\n"));
}
