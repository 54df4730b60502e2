//! Random policies and guarantees: a call that breaks a guarantee does, by the module and by the reference evaluator; and where
//! there is none, random calls near the policies' edges do not break it either.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "it is a test")]

mod generate;
mod support;

use arbitrary::Unstructured;
use generate::Json;
use perso_core::analyze::{Answer, Kind, diff, prove};
use perso_core::check::check;
use perso_core::policy::Policy;
use perso_core::reference::{self, Call};
use serde::Deserialize;
use serde_json::value::RawValue;
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::sync::atomic::{AtomicU32, Ordering};
use support::guarantee::{breaks, is_read};

/// How many questions a run of CI asks. `PERSO_QUESTIONS` asks for more.
const QUESTIONS: u32 = 3_000;
/// How many pairs of policies are compared. `PERSO_PAIRS` compares more.
const PAIRS: u32 = 150;
/// How many calls are tried for each answer that there is none. `PERSO_CALLS` tries more.
const CALLS: u32 = 100;

/// A number of the environment, or else this.
fn wanted(variable: &str, default: u32) -> u32 {
    std::env::var(variable).map_or(default, |count| count.parse().expect("it is a number"))
}

/// Random calls near the edges of a policy.
fn calls(seed: u64, policy: &Json) -> Vec<String> {
    let count = wanted("PERSO_CALLS", CALLS);
    let bytes = generate::noise(!seed).take_bytes(count as usize * 256);
    let mut u = Unstructured::new(&bytes);
    (0..count).map_while(|_| generate::call(&mut u, policy).ok()).collect()
}

/// The rules of a policy that can be guarantees: those that allow or deny.
fn guarantees(policy: &Json) -> Json {
    let Json::Object(members) = policy else { panic!("a policy is an object") };
    let is_guarantee = |rule: &Json| matches!(rule, Json::Object(rule) if rule.iter().all(|(key, _)| key != "ask"));
    let members = members.iter().filter(|(key, _)| key != "tools").map(|(key, value)| match (key.as_str(), value) {
        ("rules", Json::List(rules)) => {
            (key.clone(), Json::List(rules.iter().filter(|rule| is_guarantee(rule)).cloned().collect()))
        }
        _ => (key.clone(), value.clone()),
    });
    Json::Object(members.collect())
}

#[test]
fn guarantees_are_broken_by_the_calls_shown_and_by_no_others() {
    let wanted = wanted("PERSO_QUESTIONS", QUESTIONS);
    let seed = std::env::var("PERSO_SEED").ok();
    let seed = seed.map(|seed| u64::from_str_radix(seed.trim_start_matches("0x"), 16).expect("it is hexadecimal"));
    let first = seed.unwrap_or(0x5eed);
    let next = AtomicU32::new(0);
    let threads = if seed.is_some() { 1 } else { std::thread::available_parallelism().map_or(1, |cores| cores.get()) };
    let counts = std::thread::scope(|scope| {
        let ask = || {
            let mut counts = Counts::default();
            loop {
                let number = next.fetch_add(1, Ordering::Relaxed);
                if counts.asked * threads as u32 >= wanted || (seed.is_some() && number > 0) {
                    return counts;
                }
                counts.ask(first.wrapping_add(u64::from(number)));
            }
        };
        let runs: Vec<_> = (0..threads).map(|_| scope.spawn(ask)).collect();
        runs.into_iter().map(|run| run.join().expect("all is as it should be")).collect::<Vec<_>>()
    });
    let mut total = Counts::default();
    for counts in counts {
        total.asked += counts.asked;
        total.broken += counts.broken;
        total.never += counts.never;
        for (place, count) in counts.undecided {
            *total.undecided.entry(place).or_default() += count;
        }
    }
    let undecided: u32 = total.undecided.values().sum();
    println!("{} questions: {} calls, {} times none, {undecided} undecided", total.asked, total.broken, total.never);
    for (place, count) in &total.undecided {
        println!("{count:>6} {place}");
    }
    if seed.is_none() {
        assert!(total.broken > total.asked / 10 && total.never > total.asked / 10, "one answer hardly ever comes");
        assert!(undecided * 100 <= total.asked, "more than 1 % is undecided");
    }
}

/// A policy without limits and labels, of which the analysis says nothing.
fn rules_only(policy: &Json) -> Json {
    let Json::Object(members) = policy else { return policy.clone() };
    Json::Object(members.iter().filter(|(key, _)| !["limits", "labels"].contains(&key.as_str())).cloned().collect())
}

/// A policy with something changed: a rule left out, or taken from another one.
fn changed(policy: &Json, other: &Json, choice: u64) -> Json {
    let rules_of = |policy: &Json| match policy {
        Json::Object(members) => members.iter().find(|(key, _)| key == "rules").map(|(_, rules)| rules.clone()),
        _ => None,
    };
    let (Some(Json::List(mut rules)), Some(Json::List(others))) = (rules_of(policy), rules_of(other)) else {
        panic!("a policy has rules")
    };
    let at = choice as usize % (rules.len() + 1);
    match others.get(choice as usize % (others.len() + 1)) {
        Some(Json::Object(rule)) => {
            let rename = |(key, value): &(String, Json)| match key.as_str() {
                "id" => (key.clone(), Json::string("changed")),
                _ => (key.clone(), value.clone()),
            };
            rules.insert(at, Json::Object(rule.iter().map(rename).collect()));
        }
        _ if at < rules.len() => drop(rules.remove(at)),
        _ => {}
    }
    let Json::Object(members) = policy else { panic!("a policy is an object") };
    let members = members.iter().filter(|(key, _)| key != "rules").cloned();
    Json::Object(members.chain([("rules".to_owned(), Json::List(rules))]).collect())
}

/// What is decided differently is reported, with the rules that decide, and a call that shows it.
#[test]
fn differences_are_those_that_calls_show() {
    let (mut reported, mut same, mut undecided, mut seen) = (0, 0, 0, 0);
    let pairs = wanted("PERSO_PAIRS", PAIRS);
    for seed in 0..u64::from(pairs) {
        let bytes = generate::noise(0xd1ff + seed).take_bytes(1 << 14);
        let mut u = Unstructured::new(&bytes);
        let (Ok(policy), Ok(other)) = (generate::policy(&mut u), generate::policy(&mut u)) else { continue };
        let (old, new) = (policy.to_string(), changed(&policy, &other, seed).to_string());
        // A rule of the other policy may not fit this one.
        let (Some(old_policy), Some(new_policy)) = (check(&old).policy, check(&new).policy) else { continue };
        let found = diff(&old_policy, &new_policy);
        let decide = |policy: &Policy, call: &Call| reference::decide(policy, call);
        for change in &found.changes {
            reported += 1;
            let call = Call::read(change.call.as_bytes()).unwrap();
            let outcomes = [(&old_policy, &change.kind.old), (&new_policy, &change.kind.new)];
            for (policy, decided) in outcomes {
                let verdict = decide(policy, &call);
                assert_eq!(verdict.outcome, decided.outcome, "{}\n{old}\n{new}", change.call);
                assert_eq!(verdict.rule.map(|rule| policy.rules[rule].id.clone()), decided.rule);
            }
        }
        if !found.undecided.is_empty() {
            undecided += 1;
            continue;
        }
        same += u32::from(found.changes.is_empty());
        for text in calls(0xd1ff + seed, &policy) {
            let Ok(call) = Call::read(text.as_bytes()) else { continue };
            let (before, after) = (decide(&old_policy, &call), decide(&new_policy, &call));
            let id = |policy: &Policy, rule: Option<usize>| rule.map(|rule| policy.rules[rule].id.clone());
            if before.outcome == after.outcome {
                continue;
            }
            // A call that only one of them can read is denied by none of its rules.
            if !is_read(&before) || !is_read(&after) {
                continue;
            }
            seen += 1;
            let (one, other) = (id(&old_policy, before.rule), id(&new_policy, after.rule));
            assert!(
                found.changes.iter().any(|change| {
                    let Kind { old, new, .. } = &change.kind;
                    old.outcome == before.outcome
                        && new.outcome == after.outcome
                        && old.rule == one
                        && new.rule == other
                }),
                "{text} is not among {:#?}\n{old}\n{new}",
                found.changes
            );
        }
    }
    println!("{reported} differences, {same} policies alike, {undecided} undecided, {seen} calls decided differently");
    assert!(reported > 100 && same > 5 && seen > 20 && undecided * 10 < pairs);
}

fn ask(policy: &str, guarantees: &str) -> Vec<Answer> {
    prove(&check(policy).policy.unwrap(), &check(guarantees).policy.unwrap())
}

#[test]
fn a_bound_holds_or_a_call_breaks_it() {
    let policy = r#"{ "perso": 1, "roles": { "agent": [], "manager": ["agent"] }, "rules": [
        { "id": "refund", "allow": "refund", "roles": ["agent"], "when": { "args.amount": { "gt": 0, "lte": 500 } } },
        { "id": "more", "allow": "refund", "roles": ["manager"], "when": { "args.amount": { "gt": 0, "lte": 5000 } } }
    ] }"#;
    let guarantees = r#"{ "perso": 1, "roles": { "agent": [], "manager": ["agent"] }, "rules": [
        { "id": "small", "deny": "refund", "when": { "args.amount": { "gt": 500 } } },
        { "id": "not-huge", "deny": "refund", "when": { "args.amount": { "gt": 5000 } } },
        { "id": "agents", "deny": "refund", "unless": { "agent.roles": { "has": "agent" } } },
        { "id": "managers", "allow": "refund", "roles": ["manager"], "when": { "args.amount": { "gt": 1, "lt": 5000 } } },
        { "id": "all", "allow": "refund", "roles": ["agent"], "when": { "args.amount": { "gt": 0, "lt": 501 } } }
    ] }"#;
    let answers = ask(policy, guarantees);
    assert!(matches!(&answers[0], Answer::Call(found) if found.call.contains("501")), "{answers:?}");
    assert_eq!(answers[1..4], [Answer::Never, Answer::Never, Answer::Never]);
    assert!(matches!(&answers[4], Answer::Call(found) if found.call.contains("500.5")), "{answers:?}");
}

/// Near the ends of all numbers, and between neighbours, there are few numbers or none.
#[test]
fn numbers_are_found_where_there_are_few() {
    let is_found = |tests: &str, guarantee: &str| {
        let policy = format!(r#"{{ "perso": 1, "rules": [{{ "id": "r", "allow": "tool", "when": {tests} }}] }}"#);
        let guarantees =
            format!(r#"{{ "perso": 1, "rules": [{{ "id": "g", "deny": "tool", "when": {guarantee} }}] }}"#);
        match ask(&policy, &guarantees).remove(0) {
            Answer::Call(_) => true,
            Answer::Never => false,
            Answer::Undecided(places) => panic!("{tests} {guarantee}: {places:?}"),
        }
    };
    let bound = |operator: &str, number: &str| format!(r#"{{ "args.a": {{ "{operator}": {number} }} }}"#);
    let (most, nines) = ("9.9e6144", "9.9999999999999999999999999999999999999e6144");
    assert!(is_found(&bound("gt", most), &bound("gt", most)));
    assert!(is_found(&bound("lt", "-9.9e6144"), &bound("lt", "-9.9e6144")));
    assert!(is_found(&bound("gt", most), &bound("lt", nines)));
    assert!(!is_found(&bound("gt", nines), &bound("exists", "true")));
    let five = |last: &str| format!("5.000000000000000000000000000000000000{last}");
    assert!(is_found(&bound("gt", &five("1")), &bound("lt", &five("4"))));
    assert!(!is_found(&bound("gt", &five("1")), &bound("lt", &five("2"))));
    // Two that differ, of the two that there are; and three.
    let within = |name: &str| format!(r#""args.{name}": {{ "gt": {}, "lt": {} }}"#, five("1"), five("4"));
    let both = format!("{{ {}, {} }}", within("a"), within("b"));
    assert!(is_found(&both, r#"{ "args.a": { "lt": { "ref": "args.b" } } }"#));
    let three = r#"{ "args.a": { "lt": { "ref": "args.b" } }, "args.b": { "lt": { "ref": "args.c" } } }"#;
    assert!(!is_found(&format!("{{ {}, {}, {} }}", within("a"), within("b"), within("c")), three));
}

/// A rule and a guarantee that test the same role.
#[test]
fn unknown_roles_are_unknown_to_all_tests() {
    let document = |effect: &str, about: &str| {
        format!(
            r#"{{ "perso": 1, "roles": {{ "clerk": [], "admin": ["clerk"] }},
                "rules": [{{ "id": "one", "{effect}": "tool", {about} }}], "default": "allow" }}"#
        )
    };
    for about in [r#""roles": ["clerk"]"#, r#""when": { "agent.roles": { "has": "clerk" } }"#] {
        assert_eq!(ask(&document("deny", about), &document("deny", about)), [Answer::Never]);
    }
    let admins = r#""when": { "agent.roles": { "has": "admin" } }"#;
    assert_eq!(ask(&document("deny", r#""roles": ["clerk"]"#), &document("deny", admins)), [Answer::Never]);
}

/// An ask rule that is unknown decides nothing where no rule lets the call through.
#[test]
fn each_difference_is_found_once() {
    let policy = |test: &str| {
        let text = format!(
            r#"{{ "perso": 1, "rules": [{{ "id": "open", "allow": "tool", "when": {{ "args.b": {test} }} }},
                {{ "id": "much", "ask": "tool", "when": {{ "args.a": {{ "gt": 5 }} }} }}] }}"#
        );
        check(&text).policy.unwrap()
    };
    let found = diff(&policy("true"), &policy(r#"{ "exists": true }"#));
    let kinds: Vec<String> =
        found.changes.iter().map(|change| format!("{} to {}", change.kind.old, change.kind.new)).collect();
    assert_eq!(kinds, ["deny to allow by `open`", "deny to ask by `much`"], "{found:?}");
    assert!(found.undecided.is_empty(), "{found:?}");
}

/// Questions that were not decided once: `tests/analysis/decided.jsonl` has the policy, the guarantee as a rule, and whether it
/// holds. `BLESS=1` writes what holds; questions that are not decided are left out.
#[test]
fn what_was_decided_once_is_decided() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/analysis/decided.jsonl");
    let (mut wrong, mut written) = (Vec::new(), String::new());
    for line in fs::read_to_string(&path).unwrap().lines() {
        let question: Question = serde_json::from_str(line).unwrap();
        let (policy, guarantee) = (question.policy.get(), question.guarantee.get());
        let (checked, promised) = (check(policy).policy.unwrap(), check(guarantee).policy.unwrap());
        let holds = match prove(&checked, &promised).remove(0) {
            Answer::Never => true,
            Answer::Call(found) => {
                let call = Call::read(found.call.as_bytes()).unwrap();
                assert!(breaks(&checked, &promised, 0, &call), "{}", found.call);
                false
            }
            Answer::Undecided(places) => {
                wrong.push(format!("{places:?}: {line}"));
                continue;
            }
        };
        written += &format!("{{\"policy\": {policy}, \"guarantee\": {guarantee}, \"holds\": {holds}}}\n");
        if question.holds != Some(holds) {
            wrong.push(format!("holds: {holds}: {line}"));
        }
    }
    if std::env::var_os("BLESS").is_some() {
        fs::write(path, written).unwrap();
    } else {
        assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    }
}

/// A question of `tests/analysis/decided.jsonl`, with the texts as they are written.
#[derive(Deserialize)]
struct Question {
    policy: Box<RawValue>,
    guarantee: Box<RawValue>,
    holds: Option<bool>,
}

/// What takes too long ends with what is in the way. No text passes both tests, but to see that takes as many states as there are
/// texts of 21 letters; and a choice among many texts of many places has no end either.
#[test]
fn questions_that_are_too_hard_end_with_words() {
    let letters = r#"{ "all": [{ "args.a": { "matches": "(a|b)*a(a|b){20}" } }, { "args.a": { "matches": "(a|b)*b(a|b){20}" } }] }"#;
    let places: Vec<String> = (0..12).map(|at| format!("args.p{at}")).collect();
    let holes = (1..12).map(|at| format!(r#""hole{at}""#)).collect::<Vec<_>>().join(", ");
    let apart = |(at, one): (usize, &String)| {
        let others = places.iter().skip(at + 1);
        others.map(|other| format!(r#"{{ "{one}": {{ "ne": {{ "ref": "{other}" }} }} }}"#)).collect::<Vec<_>>()
    };
    let mut tests: Vec<String> = places.iter().enumerate().flat_map(apart).collect();
    tests.extend(places.iter().map(|place| format!(r#"{{ "{place}": {{ "in": [{holes}] }} }}"#)));
    let pigeons = format!(r#"{{ "all": [{}] }}"#, tests.join(", "));
    for (hard, place) in [(letters.to_owned(), "args.a"), (pigeons, "args.p")] {
        let policy = format!(r#"{{ "perso": 1, "rules": [{{ "id": "r", "allow": "tool", "when": {hard} }}] }}"#);
        let guarantee = r#"{ "perso": 1, "rules": [{ "id": "g", "deny": "tool" }] }"#;
        let answers = ask(&policy, guarantee);
        let Answer::Undecided(places) = &answers[0] else { panic!("{answers:?}") };
        assert!(places.iter().any(|found| found.starts_with(place)), "{places:?}");
    }
}

/// What each test of the language can prove, and what calls it finds.
#[test]
fn the_whole_language_is_understood() {
    // The tests of an allow rule, those of a guarantee that no such call is allowed, and whether it holds.
    let cases = [
        (
            r#"{ "args.to": { "email_domain": "**.acme.com" } }"#,
            r#"{ "args.to": { "ends_with": "mail.acme.com" } }"#,
            false,
        ),
        (
            r#"{ "args.url": { "url": { "host": "acme.com", "scheme": "https" } } }"#,
            r#"{ "args.url": { "starts_with": "https://acme" } }"#,
            false,
        ),
        (
            r#"{ "args.path": { "within": "/srv/files" } }"#,
            r#"{ "args.path": { "within": "/srv/files/secret" } }"#,
            false,
        ),
        (r#"{ "args.path": { "within": "/srv/files" } }"#, r#"{ "args.path": { "within": "/etc" } }"#, true),
        (r#"{ "args.ip": { "cidr": "10.0.0.0/8" } }"#, r#"{ "args.ip": { "cidr": "10.1.0.0/16" } }"#, false),
        (r#"{ "args.ip": { "cidr": "10.0.0.0/8" } }"#, r#"{ "args.ip": { "cidr": "192.168.0.0/16" } }"#, true),
        (
            r#"{ "args.cmd": { "command": { "program": ["git", "ls"] } } }"#,
            r#"{ "args.cmd": { "command": { "program": "rm" } } }"#,
            true,
        ),
        (r#"{ "args.items": { "count": { "lte": 3 } } }"#, r#"{ "args.items": { "count": { "gt": 3 } } }"#, true),
        (r#"{ "args.items": { "count": { "lte": 3 } } }"#, r#"{ "args.items": { "count": { "gt": 2 } } }"#, false),
        (r#"{ "args.items": { "every": { "gt": 0 } } }"#, r#"{ "args.items": { "some": { "lte": 0 } } }"#, true),
        (r#"{ "args.items": { "some": { "gt": 0 } } }"#, r#"{ "args.items": { "some": { "lte": 0 } } }"#, false),
        (
            r#"{ "args.items": { "sum": { "of": ".price", "lte": 100 } } }"#,
            r#"{ "args.items": { "sum": { "of": ".price", "gt": 99 } } }"#,
            false,
        ),
        (r#"{ "args": { "only": ["a", "b"] } }"#, r#"{ "args.c": { "exists": true } }"#, true),
        (
            r#"{ "args.id": { "eq": { "ref": "agent.id" } }, "agent.id": "ann" }"#,
            r#"{ "args.id": { "ne": "ann" } }"#,
            true,
        ),
        (
            r#"{ "args.a": { "lt": { "ref": "args.b" } }, "args.b": { "lte": 5 } }"#,
            r#"{ "args.a": { "gte": 5 } }"#,
            true,
        ),
        // A place that can be of several kinds, and one that is compared with the present.
        (r#"{ "args.a": { "not_in": [true, false, 5] } }"#, r#"{ "args.a": { "exists": true } }"#, false),
        (
            r#"{ "args.a": { "lt": { "ref": "context.now" } }, "context.now": { "gte": 5 } }"#,
            r#"{ "args.a": 1000000000 }"#,
            false,
        ),
        // A test that lists the only text, off which something is read.
        (
            r#"{ "args.url": "https://acme.com/", "args.b": { "eq": { "ref": "args.c" } } }"#,
            r#"{ "args.url": { "url": { "host": "acme.com" } } }"#,
            false,
        ),
        (r#"{ "args.name": { "matches": "[a-z]{3}" } }"#, r#"{ "args.name": { "length": { "gt": 3 } } }"#, true),
        (r#"{ "args.name": { "matches": "[a-z]{3,}" } }"#, r#"{ "args.name": { "length": { "gt": 3 } } }"#, false),
        (
            r#"{ "args.day": { "clock": { "zone": "UTC", "weekday": { "in": ["mon", "tue"] } } } }"#,
            r#"{ "args.day": { "clock": { "zone": "UTC", "weekday": "sun" } } }"#,
            true,
        ),
        (
            r#"{ "args.q": { "sql": { "dialect": "sqlite", "statement": "select" } } }"#,
            r#"{ "args.q": { "sql": { "dialect": "sqlite", "statement": "delete" } } }"#,
            true,
        ),
    ];
    let mut wrong = Vec::new();
    for (rule, guarantee, holds) in cases {
        let policy = format!(r#"{{ "perso": 1, "rules": [{{ "id": "r", "allow": "tool", "when": {rule} }}] }}"#);
        let checked = check(&policy);
        assert!(checked.policy.is_some(), "{rule}: {:?}", checked.diagnostics);
        // Only what is plainly so: an argument that cannot be read is no such call.
        let guarantees = format!(
            r#"{{ "perso": 1, "rules": [{{ "id": "g", "allow": "tool", "when": {guarantee} }}, {{ "id": "h", "deny": "tool", "when": {{ "all": [{guarantee}, {rule}] }} }}] }}"#
        );
        let checked = check(&guarantees);
        assert!(checked.policy.is_some(), "{guarantee}: {:?}", checked.diagnostics);
        let answer = &ask(&policy, &guarantees)[1];
        let is_so = match answer {
            Answer::Call(_) => !holds,
            Answer::Never => holds,
            Answer::Undecided(_) => false,
        };
        if !is_so {
            wrong.push(format!("{rule} {guarantee}: {answer:?}"));
        }
    }
    assert!(
        wrong.is_empty(),
        "{}",
        wrong.join(
            "
"
        )
    );
}

#[derive(Default)]
struct Counts {
    asked: u32,
    broken: u32,
    never: u32,
    undecided: BTreeMap<String, u32>,
}

impl Counts {
    fn ask(&mut self, seed: u64) {
        let bytes: Vec<u8> = generate::noise(seed).take_bytes(1 << 14);
        let mut u = Unstructured::new(&bytes);
        let (Ok(policy), Ok(other)) = (generate::policy(&mut u), generate::policy(&mut u)) else { return };
        let (text, other) = (policy.to_string(), guarantees(&other).to_string());
        let checked = check(&text).policy.expect("it is valid");
        let Some(promised) = check(&other).policy.filter(|promised| !promised.rules.is_empty()) else { return };
        let answers = prove(&checked, &promised);
        let module = perso_core::compile(&rules_only(&policy).to_string()).expect("it compiles").module;
        let module = perso_core::Policy::from_module(module).unwrap();
        let calls: Vec<Call> =
            calls(seed, &policy).iter().filter_map(|call| Call::read(call.as_bytes()).ok()).collect();
        for (rule, answer) in answers.into_iter().enumerate() {
            self.asked += 1;
            let id = &promised.rules[rule].id;
            let context = || format!("PERSO_SEED={seed:#x}, guarantee {id}\n{text}\n{other}");
            match answer {
                Answer::Call(witness) => {
                    self.broken += 1;
                    let call = Call::read(witness.call.as_bytes()).unwrap();
                    assert!(breaks(&checked, &promised, rule, &call), "{} does not: {}", witness.call, context());
                    let outcome = module.decide_json(witness.call.as_bytes()).outcome;
                    assert_eq!(outcome, reference::decide(&checked, &call).outcome, "{}", context());
                }
                Answer::Never => {
                    self.never += 1;
                    for call in &calls {
                        assert!(!breaks(&checked, &promised, rule, call), "{call:?} does: {}", context());
                    }
                }
                Answer::Undecided(places) => {
                    if std::env::var("PERSO_SEED").is_ok() {
                        println!("undecided for {}: {}", places.join(", "), context());
                    }
                    *self.undecided.entry(places.join(", ")).or_default() += 1;
                }
            }
        }
    }
}

/// So many of some random bytes.
trait TakeBytes {
    fn take_bytes(self, count: usize) -> Vec<u8>;
}

impl<F: FnMut() -> [u8; 8]> TakeBytes for F {
    fn take_bytes(self, count: usize) -> Vec<u8> {
        std::iter::repeat_with(self).flatten().take(count).collect()
    }
}
