//! Runs the conformance corpus (`policies/`) through the module, in each way that a call can be given, and through the
//! reference evaluator.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "it is a test")]

mod support;

use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;
use std::path::{Path, PathBuf};
use support::portable::Portable;
use support::{Answer, Both, PARTS, State, call, compile, is_faithful, reference_call};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(rename = "description")]
    _description: String,
    policy: Box<RawValue>,
    cases: Vec<Case>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    name: String,
    call: Option<Box<RawValue>>,
    raw: Option<String>,
    #[serde(default)]
    open: Vec<String>,
    #[serde(default)]
    withheld: Vec<String>,
    decision: String,
    rule: Option<String>,
    cause: Cause,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Cause {
    kind: String,
    rule: Option<String>,
    attribute: Option<String>,
    problem: Option<String>,
}

impl Case {
    fn expected(&self) -> Answer {
        Answer {
            allowed: self.decision == "allow",
            rule: self.rule.clone(),
            kind: self.cause.kind.clone(),
            nearest: self.cause.rule.clone(),
            attribute: self.cause.attribute.clone(),
            problem: self.cause.problem.clone(),
        }
    }

    fn states(&self) -> [State; 4] {
        PARTS.map(|part| {
            if self.open.iter().any(|open| open == part) {
                State::Open
            } else if self.withheld.iter().any(|withheld| withheld == part) {
                State::Withheld
            } else {
                State::Known
            }
        })
    }

    /// What of the call is not known, as the portable entry is told.
    fn unknown(&self) -> u32 {
        self.states().iter().zip(0..).fold(0, |bits, (state, part)| match state {
            State::Known => bits,
            State::Open => bits | 1 << part,
            State::Withheld => bits | 16 << part,
        })
    }

    fn text(&self) -> &str {
        self.raw.as_deref().or(self.call.as_deref().map(RawValue::get)).expect("`call` or `raw`")
    }

    /// The record that the portable entry gives, beside the fast one's.
    fn records(&self, both: &Both, portable: &mut Portable) -> [Value; 2] {
        let text = self.text();
        let fast = match self.unknown() {
            0 => serde_json::to_value(both.policy.decide_json(text.as_bytes())),
            _ => {
                let value = serde_json::from_str(text).expect("a call with open or withheld parts is JSON");
                serde_json::to_value(both.policy.decide(&call(&value, self.states())))
            }
        };
        let portable = match self.unknown() {
            0 => portable.decide_json(text.as_bytes()),
            unknown => portable.decide_partial(text.as_bytes(), unknown),
        };
        [portable, fast.unwrap()]
    }

    /// What each way of judging answers.
    fn answers(&self, both: &Both) -> Vec<(&'static str, Answer)> {
        let text = self.text();
        let value: Option<Value> = serde_json::from_str(text).ok();
        let states = self.states();
        if states != [State::Known; 4] {
            let value = value.expect("a call with open or withheld parts is JSON");
            return vec![
                ("module", both.policy.decide(&call(&value, states)).into()),
                ("reference", both.by_reference(&reference_call(&value, states))),
            ];
        }
        let mut answers = vec![
            ("module, from text", both.policy.decide_json(text.as_bytes()).into()),
            ("reference", both.by_reference_json(text.as_bytes())),
        ];
        // The limit on depth is one of reading text: a value that is there already may be as deep as it likes where no
        // rule reads it.
        let value = value.filter(|value| is_faithful(text, value) && self.cause.kind != "limit");
        if let Some(value) = value {
            answers.push(("module, from a value", both.policy.decide_value(&value).into()));
            if value["tool"].is_string() && self.cause.kind != "malformed" {
                answers.push(("module, from parts", both.policy.decide(&call(&value, states)).into()));
            }
        }
        answers
    }
}

fn files() -> Vec<PathBuf> {
    let policies = Path::new(env!("CARGO_MANIFEST_DIR")).join("../policies");
    let json = |folder: &Path| -> Vec<PathBuf> {
        let entries = std::fs::read_dir(folder).expect("the corpus is there");
        entries
            .map(|entry| entry.unwrap().path())
            .filter(|path| path.extension().is_some_and(|e| e == "json"))
            .collect()
    };
    let mut files = json(&policies.join("conformance"));
    files.extend(json(&policies).into_iter().filter(|path| path.to_string_lossy().ends_with(".tests.json")));
    files.sort();
    files
}

#[test]
fn every_case_of_the_corpus_is_decided_as_it_says() {
    let mut failures = Vec::new();
    let mut cases = 0;
    for path in files() {
        let text = std::fs::read_to_string(&path).unwrap();
        let file: File = serde_json::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        let policy = match serde_json::from_str::<String>(file.policy.get()) {
            Ok(other) => std::fs::read_to_string(path.parent().unwrap().join(other)).unwrap(),
            Err(_) => file.policy.get().to_owned(),
        };
        let both = compile(&policy);
        // Even a policy that uses every operator is small.
        assert!(both.policy.module().len() < 128 << 10, "{}: {} bytes", path.display(), both.policy.module().len());
        let mut portable = Portable::new(both.policy.module());
        for case in &file.cases {
            cases += 1;
            let [record, fast] = case.records(&both, &mut portable);
            if record != fast {
                let name = path.file_name().unwrap().to_string_lossy();
                failures.push(format!("{name}: {}: portable\n  fast     {fast}\n  portable {record}", case.name));
            }
            let expected = case.expected();
            for (way, answer) in case.answers(&both) {
                if answer != expected {
                    let name = path.file_name().unwrap().to_string_lossy();
                    failures
                        .push(format!("{name}: {}: {way}\n  expected {expected:?}\n  got      {answer:?}", case.name));
                }
            }
        }
    }
    println!("{cases} cases");
    assert!(cases > 2000, "{cases} cases");
    assert!(failures.is_empty(), "{} of {cases} cases\n{}", failures.len(), failures.join("\n"));
}
