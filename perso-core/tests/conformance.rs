//! Runs the conformance corpus (`policies/`) through the module, in each way that a call can be given, and through the
//! reference evaluator.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "it is a test")]

mod support;

use serde_json::Value;
use support::corpus::{self, Case, File};
use support::portable::Portable;
use support::{Answer, Both, State, call, is_faithful, reference_call};

/// What each way of judging answers.
fn answers(case: &Case, both: &Both) -> Vec<(&'static str, Answer)> {
    let text = case.text();
    let value: Option<Value> = serde_json::from_slice(&text).ok();
    let states = case.states();
    if states != [State::Known; 4] {
        let value = value.expect("a call with open or withheld parts is JSON");
        return vec![
            ("module", both.policy.decide(&call(&value, states)).into()),
            ("reference", both.by_reference(&reference_call(&value, states))),
        ];
    }
    let mut answers = vec![
        ("module, from text", both.policy.decide_json(&text).into()),
        ("reference", both.by_reference_json(&text)),
    ];
    // The limit on depth is one of reading text: a value that is there already may be as deep as it likes where no
    // rule reads it.
    let value = value.filter(|_| case.cause.kind != "limit");
    let value = value.filter(|value| std::str::from_utf8(&text).is_ok_and(|text| is_faithful(text, value)));
    if let Some(value) = value {
        answers.push(("module, from a value", both.policy.decide_value(&value).into()));
        if value["tool"].is_string() && case.cause.kind != "malformed" {
            answers.push(("module, from parts", both.policy.decide(&call(&value, states)).into()));
        }
    }
    answers
}

#[test]
fn every_case_of_the_corpus_is_decided_as_it_says() {
    let mut failures = Vec::new();
    let mut cases = 0;
    for path in corpus::files() {
        let file = File::read(&path);
        let both = file.judges();
        // Even a policy that uses every operator is small.
        assert!(both.policy.module().len() < 128 << 10, "{}: {} bytes", path.display(), both.policy.module().len());
        let mut portable = Portable::new(both.policy.module());
        for case in &file.cases {
            cases += 1;
            let name = format!("{}: {}", file.name, case.name);
            let fast = case.record(&both);
            let record = match case.unknown() {
                0 => portable.decide_json(&case.text()),
                unknown => portable.decide_partial(&case.text(), unknown),
            };
            if record != fast {
                failures.push(format!("{name}: portable\n  fast     {fast}\n  portable {record}"));
            }
            let expected = case.expected();
            for (way, answer) in answers(case, &both) {
                if answer != expected {
                    failures.push(format!("{name}: {way}\n  expected {expected:?}\n  got      {answer:?}"));
                }
            }
        }
    }
    println!("{cases} cases");
    assert!(cases > 2000, "{cases} cases");
    assert!(failures.is_empty(), "{} of {cases} cases\n{}", failures.len(), failures.join("\n"));
}
