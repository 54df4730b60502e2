//! Z3 answers as perso does whether guarantees hold, and what policies decide differently. It is asked by a script that writes random
//! policies and says in Z3's language what `docs/language.md` says they mean, about booleans, numbers, strings, what is missing, null or
//! of another type, references, roles and tools. A call that Z3 finds is judged by the reference evaluator as well.

#![cfg(feature = "compile")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "it is a test")]

mod support;

use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};

use perso_core::analyze::{Answer, diff, prove};
use perso_core::check::{Checked, check};
use perso_core::policy::{Effect, Policy};
use perso_core::reference::{self, Call};
use serde_json::{Map, Value};
use support::guarantee::breaks;

/// How many questions there are, if `PERSO_QUESTIONS` does not say.
const QUESTIONS: u32 = 1_000;
/// The first seed, if `PERSO_SEED` does not say.
const SEED: &str = "0x5eed";

#[test]
fn z3_answers_likewise() {
    let wanted = std::env::var("PERSO_QUESTIONS").map_or(QUESTIONS, |count| count.parse().expect("it is a number"));
    let seed = std::env::var("PERSO_SEED").unwrap_or_else(|_| SEED.to_owned());
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/z3/run.sh");
    let mut oracle = Command::new(script);
    let mut oracle = oracle.arg(seed).arg(wanted.to_string()).stdout(Stdio::piped()).spawn().unwrap();
    let mut seen = Seen::default();
    for line in BufReader::new(oracle.stdout.take().unwrap()).lines() {
        seen.compare(&serde_json::from_str(&line.unwrap()).unwrap());
    }
    assert!(oracle.wait().unwrap().success(), "tests/z3/run.sh failed");
    let undecided: u32 = seen.undecided.values().map(|(count, _)| count).sum();
    println!(
        "{} questions: {} calls, {} times none, {undecided} undecided, {} unknown to Z3",
        seen.asked, seen.calls, seen.never, seen.unknown
    );
    for (places, (count, first)) in &seen.undecided {
        println!("{count:>6} undecided: {places}; first with {first}");
    }
    println!("held against Z3: {} answers, {} different", seen.calls + seen.never, seen.wrong.len());
    assert!(seen.wrong.is_empty(), "{}", seen.wrong.join("\n"));
    if wanted >= QUESTIONS {
        assert!(seen.unknown * 100 <= seen.asked, "Z3 does not know more than 1 %");
        assert!(undecided * 100 <= seen.asked * 5, "more than 5 % is undecided");
        assert!(seen.calls > seen.asked / 10 && seen.never > seen.asked / 10, "one answer hardly ever comes");
    }
}

/// What was asked so far.
#[derive(Default)]
struct Seen {
    asked: u32,
    calls: u32,
    never: u32,
    /// How often perso did not decide, by what was in the way, and the first such question.
    undecided: BTreeMap<String, (u32, String)>,
    /// How often Z3 did not.
    unknown: u32,
    /// Where they differ.
    wrong: Vec<String>,
}

impl Seen {
    /// Compares the answers about a policy.
    fn compare(&mut self, line: &Value) {
        let checked = |key: &str| line[key].as_str().map(valid);
        let policy = checked("policy").expect("there is a policy");
        let answers = line["answers"].as_object().expect("there are answers");
        match checked("changed") {
            Some(changed) => self.differences(line, &policy.policy.unwrap(), &changed.policy.unwrap(), answers),
            None => self.guarantees(line, &policy, answers),
        }
    }

    fn guarantees(&mut self, line: &Value, checked: &Checked, answers: &Map<String, Value>) {
        let (policy, promised) = (checked.policy.as_ref().unwrap(), checked.guarantees.as_ref().unwrap());
        for (at, answer) in prove(policy, promised).into_iter().enumerate() {
            let id = &promised.rules[at].id;
            let found = match &answer {
                Answer::Call(_) => Ok(true),
                Answer::Never => Ok(false),
                Answer::Undecided(places) => Err(places.join(", ")),
            };
            self.hold(line, id, &answers[id], found, &format!("{answer:?}"), |call| breaks(policy, promised, at, call));
        }
    }

    fn differences(&mut self, line: &Value, old: &Policy, new: &Policy, answers: &Map<String, Value>) {
        let found = diff(old, new);
        let decides = |policy: &Policy, call: &Call| reference::effect(reference::decide(policy, call).outcome);
        let calls = found.changes.iter().map(|change| Call::read(change.call.as_bytes()).expect("it is a call"));
        let changes: BTreeSet<_> = calls.map(|call| (decides(old, &call), decides(new, &call))).collect();
        let undecided: BTreeSet<_> = found.undecided.iter().flat_map(|tool| tool.places.clone()).collect();
        let undecided = undecided.into_iter().collect::<Vec<_>>().join(", ");
        for old_effect in [Effect::Deny, Effect::Ask, Effect::Allow] {
            for new_effect in [Effect::Deny, Effect::Ask, Effect::Allow].into_iter().filter(|new| *new != old_effect) {
                let name = format!("{} to {}", old_effect.name(), new_effect.name());
                let answer = match changes.contains(&(old_effect, new_effect)) {
                    false if !undecided.is_empty() => Err(undecided.clone()),
                    is_found => Ok(is_found),
                };
                self.hold(line, &name, &answers[&name], answer, &format!("{found:?}"), |call| {
                    decides(old, call) == old_effect && decides(new, call) == new_effect
                });
            }
        }
    }

    /// Holds an answer against Z3's: whether there is a call, or what is in the way. `is_one` says whether a call is one.
    fn hold(
        &mut self,
        line: &Value,
        name: &str,
        by_z3: &Value,
        by_perso: Result<bool, String>,
        shown: &str,
        is_one: impl Fn(&Call) -> bool,
    ) {
        self.asked += 1;
        let of = |key: &str| line[key].as_str().unwrap_or_default();
        let question = format!("PERSO_SEED={} PERSO_QUESTIONS=1, {name}", of("seed"));
        let mut fault = |what: &str| {
            let documents = format!("{}\n{}", of("policy"), of("changed"));
            self.wrong.push(format!("{what}: {question}\n{documents}\nperso: {shown}\nZ3: {by_z3}\n"));
        };
        if let Some(text) = by_z3["call"].as_str()
            && !is_one(&Call::read(text.as_bytes()).unwrap_or_else(|error| panic!("{text}: {error:?}")))
        {
            return fault("the reference evaluator judges Z3's call otherwise");
        }
        match (by_perso, by_z3["is"].as_bool()) {
            (Err(places), _) => self.undecided.entry(places).or_insert((0, question)).0 += 1,
            (_, None) => self.unknown += 1,
            (Ok(true), Some(true)) => self.calls += 1,
            (Ok(false), Some(false)) => self.never += 1,
            (Ok(true), Some(false)) => fault("only perso finds a call"),
            (Ok(false), Some(true)) => fault("only Z3 finds a call"),
        }
    }
}

/// A policy of the script, which is always valid.
fn valid(text: &str) -> Checked {
    let checked = check(text);
    assert!(checked.policy.is_some(), "{text}: {:?}", checked.diagnostics);
    checked
}
