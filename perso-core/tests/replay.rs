//! `perso replay` counts what `perso eval` decides about each call of a log, whatever the number of threads.

#![cfg(feature = "cli")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "it is a test")]

use serde_json::Value;
use serde_json::value::RawValue;
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The time at which calls are judged that have none.
const NOW: &str = "2026-12-01T10:00:00Z";

fn policies() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../policies")
}

/// Runs the command: its exit code, and what it prints.
fn perso(arguments: &[&str]) -> (i32, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_perso")).args(arguments).output().unwrap();
    let error = String::from_utf8(output.stderr).unwrap();
    let code = output.status.code().unwrap();
    assert!(code != 1 || !error.is_empty());
    (code, String::from_utf8(output.stdout).unwrap())
}

/// The calls in the tests of the ready policies, each with the policy that it is for.
fn cases() -> Vec<(PathBuf, Vec<String>)> {
    let mut cases = Vec::new();
    for entry in fs::read_dir(policies()).unwrap() {
        let path = entry.unwrap().path();
        let Some(name) = path.file_name().unwrap().to_str().unwrap().strip_suffix(".tests.json") else { continue };
        let text = fs::read_to_string(&path).unwrap();
        let file: BTreeMap<String, Box<RawValue>> = serde_json::from_str(&text).unwrap();
        let all: Vec<BTreeMap<String, &RawValue>> = serde_json::from_str(file["cases"].get()).unwrap();
        let calls = all.iter().filter_map(|case| case.get("call")).map(|call| call.get().to_owned());
        cases.push((policies().join(format!("{name}.json")), calls.collect()));
    }
    cases.sort();
    assert!(cases.len() >= 10);
    cases
}

/// A line about a call and what is decided about it.
fn record(call: &str, decision: &str, rule: &Value) -> String {
    format!(
        "{{\"at\": 5, \"decision\": \"{decision}\", \"rule\": {rule}, \"call\": {call}, \"other\": [{{\"call\": 1}}]}}\n"
    )
}

#[test]
fn a_log_agrees_with_the_policy_that_made_it_and_every_change_is_counted() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let mut judged = 0;
    for (policy, calls) in cases() {
        let policy = policy.to_str().unwrap();
        fs::write(at("calls"), calls.join("\n")).unwrap();
        let (code, decisions) = perso(&["eval", policy, "--calls", &at("calls"), "--now", NOW]);
        assert_eq!(code, 0);
        let decisions: Vec<Value> = decisions.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        assert_eq!(decisions.len(), calls.len());
        judged += calls.len();

        let (mut same, mut other) = (String::new(), String::new());
        let mut expected: BTreeMap<(String, String, String), u64> = BTreeMap::new();
        for (call, decision) in calls.iter().zip(&decisions) {
            let decided = decision["decision"].as_str().unwrap();
            same += &record(call, decided, &decision["rule"]);
            let before = match decided {
                "allow" => "ask",
                "ask" => "deny",
                _ => "allow",
            };
            other += &record(call, before, &Value::from("old"));
            let tool = serde_json::from_str::<Value>(call).unwrap()["tool"].as_str().unwrap_or_default().to_owned();
            *expected.entry((tool, decided.to_owned(), decision["rule"].to_string())).or_default() += 1;
        }
        fs::write(at("same"), same).unwrap();
        fs::write(at("other"), other).unwrap();
        let replay = |log: &str| perso(&["replay", policy, log, "--now", NOW, "--format", "json"]);
        let (code, lines) = replay(&at("same"));
        let counts: Value = serde_json::from_str(&lines).unwrap();
        assert_eq!(
            (code, counts["judged"].as_u64(), &counts["same"]),
            (0, Some(calls.len() as u64), &counts["judged"])
        );

        let (code, lines) = replay(&at("other"));
        assert_eq!(code, 3);
        let mut found = BTreeMap::new();
        for line in lines.lines() {
            let group: Value = serde_json::from_str(line).unwrap();
            if let Some(tool) = group["tool"].as_str() {
                let effect = group["new"]["effect"].as_str().unwrap();
                assert_eq!(group["wider"], effect != "deny", "{policy}: {group}");
                let key =
                    (tool.to_owned(), effect.to_owned(), group["new"].get("rule").unwrap_or(&Value::Null).to_string());
                assert_eq!(found.insert(key, group["calls"].as_u64().unwrap()), None);
                // The example is the call of its line.
                let at = group["line"].as_u64().unwrap() as usize;
                assert_eq!(group["call"].as_str().unwrap(), calls[at - 1]);
            }
        }
        assert_eq!(found, expected, "{policy}");
    }
    assert!(judged > 1000);
}

#[test]
fn the_number_of_threads_changes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let calls: Vec<String> = cases().into_iter().flat_map(|(_, calls)| calls).collect();
    let mut log = String::new();
    let mut random = fastrand::Rng::with_seed(5);
    while log.len() < 3 << 20 {
        let call = &calls[random.usize(..calls.len())];
        let (decision, rule) = (["allow", "ask", "deny"][random.usize(..3)], random.u8(..3).to_string());
        match random.u8(..20) {
            0 => log += "\n",
            1 => log += "no record\n",
            2 => log += &format!("{call}\n"),
            _ => log += &record(call, decision, &Value::from(rule)),
        }
    }
    fs::write(at("log"), log).unwrap();
    let policy = policies().join("support-desk.json");
    for format in ["json", "human", "markdown"] {
        let output = |threads: &str| {
            perso(&[
                "replay",
                policy.to_str().unwrap(),
                &at("log"),
                "--skip-unreadable",
                "--format",
                format,
                "--threads",
                threads,
            ])
        };
        let one = output("1");
        assert_eq!(one.0, 3);
        assert!(one.1.len() > 10_000, "{}", one.1.len());
        for threads in ["2", "3", "16"] {
            assert_eq!(output(threads), one, "{format}, {threads} threads");
        }
    }
}
