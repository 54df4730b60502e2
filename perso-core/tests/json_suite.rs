//! JSONTestSuite's parsing cases (`tests/json/`) as arguments of a call and as whole calls, in each way that a call's
//! text can be given. `y_` must be read, `n_` must be refused, `i_` may be either; nothing may panic.
//!
//! No case changes sides by standing where an argument stands: a `}` follows an argument, so neither a text that is cut
//! short nor one with something behind it is completed by what surrounds it. (A case such as `1, "w": 2` would be; the
//! suite has none, and the tests here would name it.)

#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a test fails by panicking, and says what it counted"
)]

use perso_core::{Call, CauseKind, Decision, Part, Policy};
use serde_json::value::RawValue;
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

/// How many files the suite has.
const FILES: usize = 318;

/// Where the policy reads keys below the argument, these are refused for what a rule would have to trust.
const CONFUSING: [(&str, &str); 2] = [
    ("y_object_duplicated_key.json", "the key that the policy reads is a duplicate"),
    ("y_object_duplicated_key_and_value.json", "the key that the policy reads is a duplicate"),
];

/// Reads the argument itself.
const READS_IT: &str =
    r#"{ "perso": 1, "rules": [{ "id": "r", "allow": "t", "when": { "args.v": { "exists": true } } }] }"#;
/// Reads what may be below it.
const READS_BELOW: &str = r#"{ "perso": 1, "rules": [{ "id": "r", "allow": "t", "when": {
    "any": [{ "args.v.a": 1 }, { "args.v.a.b": { "exists": true } }, { "args.v": { "length": 1 } }, { "args.v": { "count": 1 } }] } }] }"#;
/// Reads nothing of the call, which must be JSON all the same.
const READS_NOTHING: &str = r#"{ "perso": 1, "rules": [{ "id": "r", "allow": "t" }] }"#;
/// Does not know the tool.
const KNOWS_NOTHING: &str = r#"{ "perso": 1, "tools": ["u"], "rules": [{ "id": "r", "allow": "u" }] }"#;

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Read {
    Judged,
    Malformed,
    Limit,
}

impl From<Decision<'_>> for Read {
    fn from(decision: Decision<'_>) -> Self {
        let read = match decision.cause.kind {
            CauseKind::Malformed => Self::Malformed,
            CauseKind::Limit => Self::Limit,
            CauseKind::Engine => panic!("the engine failed: {decision:?}"),
            _ => Self::Judged,
        };
        assert!(read == Self::Judged || !decision.is_allowed(), "allowed though it cannot be read: {decision:?}");
        read
    }
}

fn suite() -> BTreeMap<String, Vec<u8>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/json");
    let files: BTreeMap<String, Vec<u8>> = fs::read_dir(folder)
        .expect("the suite is there")
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "json"))
        .map(|path| (path.file_name().unwrap().to_str().unwrap().to_owned(), fs::read(&path).unwrap()))
        .collect();
    assert_eq!(files.len(), FILES);
    files
}

fn policy(text: &str) -> Policy {
    Policy::compile(text).unwrap_or_else(|error| panic!("{error}"))
}

fn between(before: &str, middle: &[u8], after: &str) -> Vec<u8> {
    [before.as_bytes(), middle, after.as_bytes()].concat()
}

/// Each way to give the call whose argument `v` is the text.
fn ways(policy: &Policy, argument: &[u8]) -> [(&'static str, Read); 3] {
    let args = between(r#"{"v": "#, argument, "}");
    [
        ("after the tool", policy.decide_json(&between(r#"{"tool": "t", "args": "#, &args, "}")).into()),
        ("before the tool", policy.decide_json(&between(r#"{"args": "#, &args, r#", "tool": "t"}"#)).into()),
        ("as a part", policy.decide(&Call::new("t").args(Part::Json(&args))).into()),
    ]
}

#[test]
fn arguments_are_read_as_the_suite_says() {
    let files = suite();
    let policies = [
        ("reads it", policy(READS_IT)),
        ("reads below it", policy(READS_BELOW)),
        ("reads nothing", policy(READS_NOTHING)),
        ("does not know the tool", policy(KNOWS_NOTHING)),
    ];
    let mut counts: BTreeMap<(&str, Read), u32> = BTreeMap::new();
    let mut wrong = Vec::new();
    for (name, bytes) in &files {
        for (reads, policy) in &policies {
            for (way, read) in ways(policy, bytes) {
                let confusing = *reads == "reads below it" && CONFUSING.iter().any(|(file, _)| file == name);
                let right = match &name[..2] {
                    "y_" if confusing => read == Read::Malformed,
                    "y_" => read == Read::Judged,
                    "n_" => read != Read::Judged,
                    "i_" => true,
                    _ => panic!("{name} is no case"),
                };
                if !right {
                    wrong.push(format!("{name}, policy {reads}, {way}: {read:?}"));
                }
                *counts.entry((&name[..1], read)).or_default() += 1;
            }
        }
    }
    println!("{} files, {} policies, 3 ways: {counts:?}", files.len(), policies.len());
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn an_argument_has_the_value_that_it_has() {
    let policy = policy(READS_IT);
    let mut judged = 0;
    for (name, bytes) in suite().iter().filter(|(name, _)| name.starts_with("y_")) {
        let decision = policy.decide_json(&between(r#"{"tool": "t", "args": {"v": "#, bytes, "}}"));
        let null = bytes.trim_ascii() == b"null";
        assert_eq!(decision.is_allowed(), !null, "{name}: {decision:?}");
        judged += 1;
    }
    println!("{judged} arguments exist, or are null");
}

#[test]
fn no_case_is_a_call() {
    let mut counts: BTreeMap<(&str, Read), u32> = BTreeMap::new();
    let files = suite();
    for text in [READS_IT, READS_BELOW, READS_NOTHING, KNOWS_NOTHING] {
        let policy = policy(text);
        for (name, bytes) in &files {
            let decision = policy.decide_json(bytes);
            assert!(!decision.is_allowed(), "{name}: {decision:?}");
            let read = Read::from(decision);
            assert_ne!(read, Read::Judged, "{name}: {decision:?}");
            *counts.entry((&name[..1], read)).or_default() += 1;
        }
    }
    println!("{} files as whole calls: {counts:?}", files.len());
}

#[test]
fn the_suite_is_whole() {
    // The suite's own claim, by a reader that is not ours, so that a damaged file is noticed.
    for (name, bytes) in suite() {
        let read = std::str::from_utf8(&bytes).is_ok_and(|text| serde_json::from_str::<&RawValue>(text).is_ok());
        match &name[..2] {
            "y_" => assert!(read, "{name}"),
            "n_" => assert!(!read, "{name}"),
            _ => {}
        }
    }
}
