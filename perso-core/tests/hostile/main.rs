//! Inputs that break policy engines, by class: `policies/hostile/` has a file for each, with the examples that it is
//! about. Every case is judged in each way that can express it, and nothing of a call may get out by the decision.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "it is a test")]

mod modules;
#[path = "../support/mod.rs"]
mod support;
mod values;

use perso_core::module::Manifest;
use perso_core::{Expected, Hint, Problem, limits, reference, visible};
use std::collections::BTreeSet;
use std::path::Path;
use support::corpus::{self, File, Judges, folder};

/// The classes.
const CLASSES: [&str; 14] = [
    "derived",
    "identity",
    "json",
    "lists",
    "mcp-wire",
    "missing",
    "module",
    "numbers",
    "paths",
    "reasons",
    "size",
    "strings",
    "tool-names",
    "urls",
];

fn classes() -> Vec<File> {
    corpus::hostile_files().iter().map(|path| File::read(path)).collect()
}

#[test]
fn every_hostile_call_is_decided_as_its_class_says() {
    let mut failures = Vec::new();
    let mut cases = 0;
    for file in classes().iter().filter(|file| !file.cases.is_empty()) {
        let mut judges = file.judges();
        let words = words(&judges);
        for case in &file.cases {
            cases += 1;
            let text = case.text();
            let mut wrong = case.failures(&mut judges, &text);
            wrong.extend(leaks(&judges, &words, &text));
            failures.extend(wrong.iter().map(|wrong| format!("{}: {}: {wrong}", file.name, case.name)));
        }
    }
    println!("{cases} cases");
    assert!(failures.is_empty(), "{} of {cases} cases\n{}", failures.len(), failures.join("\n"));
}

/// What of a call gets out by its decision, or unescaped by its explanation.
fn leaks(judges: &Judges, words: &BTreeSet<String>, text: &[u8]) -> Vec<String> {
    let mut leaks = Vec::new();
    let decision = serde_json::to_value(judges.both.policy.decide_json(text)).unwrap();
    for (key, said) in decision.as_object().unwrap().iter().chain(decision["cause"].as_object().unwrap()) {
        if said.as_str().is_some_and(|said| !words.contains(said)) {
            leaks.push(format!("`{key}` is {said}"));
        }
    }
    // Of what is too large nothing is shown, so it need not be given whole.
    let enough = &text[..text.len().min(limits::INPUT_BYTES + 1)];
    let explained = reference::explain(&judges.both.checked, enough).to_string();
    let is_forged = |line: &str| line.trim_start().trim_start_matches("allow `").starts_with("FORGED");
    if explained.lines().any(|line| line != visible(line) || is_forged(line)) || explained.len() > 1 << 14 {
        leaks.push(format!("explained as {explained:.1000}"));
    }
    leaks
}

/// All that a decision may say: fixed words, and those of the policy.
fn words(judges: &Judges) -> BTreeSet<String> {
    let manifest = Manifest::read(judges.both.policy.module()).unwrap();
    let fixed =
        ["allow", "ask", "deny", "the call cannot be read", "the call is over a limit", "no rule allows this tool"];
    let fixed = fixed.iter().chain(["the policy does not know this tool"].iter()).map(|word| (*word).to_owned());
    let hint = |attribute: &str| {
        let types = (0..32).map(Expected::from_bits);
        let problems = [Problem::Missing, Problem::Null, Problem::OutOfRange, Problem::Type];
        let hints = types.flat_map(|types| problems.map(|problem| Hint::new(attribute, problem, types)));
        hints.flatten().map(|hint| hint.to_string()).collect::<Vec<_>>()
    };
    let hints: Vec<String> = manifest.attributes.iter().flat_map(|attribute| hint(attribute)).collect();
    let kinds = ["rule", "default", "no_rule", "unknown_tool", "malformed", "limit"];
    let problems = ["missing", "null", "type", "out_of_range", "value", "withheld"];
    let details = perso_decode::Code::ALL.iter().map(|code| code.message());
    let reasons = manifest.reasons(judges.both.policy.module()).unwrap();
    let rules = manifest
        .rules
        .into_iter()
        .enumerate()
        .flat_map(|(index, rule)| [rule.id, reasons.decided(index).to_owned(), reasons.nearest(index).to_owned()]);
    fixed
        .chain(kinds.into_iter().chain(problems).chain(details).map(str::to_owned))
        .chain(rules)
        .chain(manifest.attributes)
        .chain(hints)
        .collect()
}

#[test]
fn every_class_and_each_of_its_examples_has_a_case() {
    let classes = classes();
    let names: Vec<&str> = classes.iter().map(|file| file.class.as_deref().unwrap_or_default()).collect();
    assert_eq!(names, CLASSES);
    for file in &classes {
        assert_eq!(Some(file.name.trim_end_matches(".json")), file.class.as_deref());
        assert!(!file.examples.is_empty(), "{} has no examples", file.name);
        let mut seen = BTreeSet::new();
        for case in &file.cases {
            assert!(seen.insert(&case.name), "{}: two cases are `{}`", file.name, case.name);
            let example = case.example.as_deref().unwrap_or_default();
            assert!(file.examples.contains_key(example), "{}: {}: `{example}` is no example", file.name, case.name);
        }
        for (example, elsewhere) in &file.examples {
            let here = file.cases.iter().any(|case| case.example.as_ref() == Some(example));
            assert!(here || !elsewhere.is_empty(), "{}: `{example}` has no case", file.name);
            for proof in elsewhere {
                assert!(is_there(proof), "{}: `{example}`: there is no `{proof}`", file.name);
            }
        }
    }
}

/// Whether there is such a case of the corpus (`file.json: name`), or such a test (`file.rs: name`).
fn is_there(proof: &str) -> bool {
    let (file, name) = proof.split_once(": ").expect("a file and a name");
    if file.ends_with(".json") {
        return File::read(&folder().join(file)).cases.iter().any(|case| case.name == name);
    }
    let tests = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests").join(file);
    let source = std::fs::read_to_string(&tests).unwrap_or_else(|error| panic!("{}: {error}", tests.display()));
    source.contains(&format!("#[test]\nfn {name}()"))
}
