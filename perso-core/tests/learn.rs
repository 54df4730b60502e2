//! `perso learn`: the policy allows every call that it was learned from, by the module and by the reference evaluator, and
//! denies most of what the ready policies deny.

#![cfg(feature = "cli")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "it is a test, and says what it counted"
)]

mod generate;
mod support;

use arbtest::arbtest;
use perso_core::learn::{Learned, Options, Unlearnable, learn};
use perso_core::{Catalog, reference, request};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use support::{Both, compile};

/// How many random logs are learned from.
const LOGS: u32 = 400;

fn policies() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../policies")
}

/// Learns from calls, and checks that each of them is allowed that any policy can read.
#[track_caller]
fn learned(calls: &[String], options: &Options) -> (Learned, Both) {
    let learned =
        learn(calls.iter().map(String::as_str), options).unwrap_or_else(|error| panic!("{error}: {calls:#?}"));
    let both = compile(&learned.text);
    for call in calls.iter().filter(|call| reference::Call::read(call.as_bytes()).is_ok()) {
        let answer = both.agreed(call.as_bytes());
        assert!(answer.is_allowed(), "{call}\n{answer:?}\n{}", learned.text);
    }
    (learned, both)
}

/// The rules of a policy that is learned from calls with these arguments.
#[track_caller]
fn conditions(calls: &[Value]) -> Vec<Value> {
    let calls: Vec<String> = calls.iter().map(Value::to_string).collect();
    let (learned, _) = learned(&calls, &Options::default());
    assert_eq!((learned.warnings, learned.widened.as_slice()), (0, [].as_slice()), "{}", learned.text);
    let policy: Value = serde_json::from_str(&learned.text).unwrap();
    policy["rules"].as_array().unwrap().iter().map(|rule| rule["when"].clone()).collect()
}

/// What is learned of an argument that has these values.
#[track_caller]
fn of_values(key: &str, values: &[Value]) -> Value {
    let calls: Vec<Value> = values.iter().map(|value| json!({"tool": "t", "args": {key: value}})).collect();
    let [when] = &conditions(&calls)[..] else { panic!("one rule") };
    when.get(format!("args.{key}")).unwrap_or(when).clone()
}

#[test]
fn every_call_of_a_random_log_is_allowed() {
    let (mut logs, mut calls, mut widened) = (0, 0, 0);
    while logs < LOGS {
        arbtest(|u| {
            let policy = generate::policy(u)?;
            let mut log = Vec::new();
            for _ in 0..40 {
                let call = generate::call(u, &policy)?;
                // No rule of a policy that covers requests can be about another tool whose name begins so.
                let is_named = |call: &reference::Call| {
                    let is_request =
                        [request::READ, request::SUBSCRIBE, request::GET, request::COMPLETE].contains(&&*call.tool);
                    is_request
                        || !call.tool.starts_with("mcp:")
                            && !call.tool.is_empty()
                            && !call.tool.contains(char::is_control)
                };
                if reference::Call::read(call.as_bytes()).is_ok_and(|call| is_named(&call)) {
                    log.push(call);
                }
            }
            if !log.is_empty() {
                let (learned, _) = learned(&log, &Options::default());
                widened += learned.widened.len();
                calls += log.len();
                logs += 1;
            }
            Ok(())
        })
        .size_min(1 << 12)
        .size_max(1 << 14)
        .budget_ms(2_000)
        .run();
    }
    println!("{calls} calls in {logs} logs; {widened} tools with less tested");
    assert!(calls > 1000);
}

#[test]
fn a_policy_from_the_tests_of_a_ready_policy_allows_and_denies_as_they_say() {
    let (mut all, mut right) = (0, 0);
    for entry in fs::read_dir(policies()).unwrap() {
        let path = entry.unwrap().path();
        let Some(name) = path.file_name().unwrap().to_str().unwrap().strip_suffix(".tests.json") else { continue };
        let file: Value = serde_json::from_str(&fs::read_to_string(&path).unwrap()).unwrap();
        let mut calls: BTreeMap<&str, Vec<String>> = BTreeMap::new();
        for case in file["cases"].as_array().unwrap() {
            let is_whole = case.get("open").is_none() && case.get("withheld").is_none();
            if let Some(call) = case.get("call").filter(|_| is_whole) {
                calls.entry(case["decision"].as_str().unwrap()).or_default().push(call.to_string());
            }
        }
        let (learned, both) = learned(&calls["allow"], &Options::default());
        let denied = calls["deny"].iter().filter(|call| !both.policy.decide_json(call.as_bytes()).is_allowed()).count();
        let count = calls["deny"].len();
        println!("{name}: {} allowed; {denied} of {count} denied", calls["allow"].len());
        assert_eq!(learned.widened, [""; 0], "{name}");
        // These deny because of what the host says, of which only roles and references are learned.
        let least = if name.starts_with("tau2") || name == "payments" { 35 } else { 65 };
        assert!(denied * 100 >= count * least, "{name}: only {denied} of {count} are denied\n{}", learned.text);
        all += count;
        right += denied;
    }
    println!("{right} of {all} denied");
    assert!(right * 100 >= all * 80, "only {right} of {all} are denied");
}

#[test]
fn what_is_learned_is_what_was_seen() {
    let texts = |texts: &[&str]| texts.iter().map(|text| Value::from(*text)).collect::<Vec<_>>();
    let numbered = |count: i64, of: fn(i64) -> Value| (0..count).map(of).collect::<Vec<_>>();
    for (key, values, expected) in [
        ("a", vec![json!(true)], json!(true)),
        ("a", vec![json!(true), json!(false)], json!({"type": "boolean"})),
        ("a", vec![json!(5), json!(5.0), json!(7)], json!({"in": [5, 7]})),
        ("a", numbered(9, |n| json!(n * 3)), json!({"gte": 0, "lte": 24})),
        ("a", texts(&["open", "closed", "open"]), json!({"in": ["closed", "open"]})),
        ("a", numbered(9, |n| json!(format!("ORD-{n}"))), json!({"matches": "[A-Z0-9][A-Z0-9-]{0,15}"})),
        ("a", numbered(9, |n| json!(format!("HEAD~{n}^]"))), json!({"matches": r"[A-Z0-9][A-Z0-9\]\^\~]{0,15}"})),
        ("a", numbered(9, |n| json!(format!("-{n}"))), json!({"matches": "[0-9-]{1,16}"})),
        ("a", numbered(9, |n| json!(format!("Note {n}: é"))), json!({"length": {"lte": 16}})),
        ("a", texts(&["/srv/a/x", "/srv/a/y/z", "/srv/a/b"]), json!({"within": "/srv/a"})),
        ("a", texts(&["/srv/a/x", "/tmp/y/z", "/tmp/y/b"]), json!({"within": ["/srv/a/x", "/tmp/y"]})),
        (
            "a",
            texts(&["https://api.acme.com/a", "https://api.acme.com/b", "https://docs.acme.com/?q"]),
            json!({"url": {"host": ["api.acme.com", "docs.acme.com"]}}),
        ),
        (
            "a",
            texts(&["http://acme.com:8080/a", "https://acme.com/b", "http://acme.com/c"]),
            json!({"url": {"scheme": ["http", "https"], "host": "acme.com", "port": [80, 443, 8080], "query": false}}),
        ),
        (
            "a",
            numbered(20, |n| json!(format!("https://host{n}.acme.com/"))),
            json!({"url": {"private": false, "query": false}}),
        ),
        ("a", texts(&["a@acme.com", "b@acme.com", "c@acme.de"]), json!({"email_domain": ["acme.com", "acme.de"]})),
        (
            "query",
            texts(&["SELECT id FROM t LIMIT 5", "select count(*) from u limit 10", "SELECT 1 LIMIT 1"]),
            json!({"sql": {
                "dialect": "any", "statement": "select", "tables": {"every": {"in": ["t", "u"]}},
                "functions": {"every": {"in": ["count"]}}, "columns": {"every": {"in": ["id"]}}, "limit": {"lte": 10}
            }}),
        ),
        (
            "command",
            texts(&["ls -la; cargo test", "ls src > out.txt", "cargo test", "pwd"]),
            json!({"shell": {"every": {
                "any": [
                    {".program": "pwd", ".args": {"count": 0}},
                    {".program": "cargo", ".args": {"every": "test"}},
                    {".program": "ls", ".args": {"every": {"in": ["-la", "src"]}}}
                ],
                ".env": {"count": 0}, ".writes": {"every": "out.txt"}
            }}}),
        ),
        (
            "a",
            vec![json!(["a", "b", "c"]), json!([]), json!(["c"])],
            json!({"count": {"lte": 4}, "every": {"in": ["a", "b", "c"]}}),
        ),
        (
            "a",
            vec![json!([{"n": 1, "x": "y"}]), json!([{"n": 2}])],
            json!({"count": 1, "every": {
                "only": ["n", "x"], ".n": {"in": [1, 2]}, "any": [{".x": {"exists": false}}, {".x": "y"}]
            }}),
        ),
        (
            "a",
            vec![json!(5), json!("five"), Value::Null],
            json!({
                "args": {"only": ["a"]},
                "any": [{"args.a": {"exists": false}}, {"args.a": 5}, {"args.a": "five"}]
            }),
        ),
    ] {
        let found = of_values(key, &values);
        assert_eq!(found, expected, "{values:?}");
    }
}

#[test]
fn roles_with_the_same_conditions_have_one_rule_and_references_need_enough_calls() {
    let call = |role: &str, id: usize| json!({"tool": "delete", "args": {"dry": true}, "agent": {"id": id, "roles": [role]}, "resource": {"owner": id}});
    let calls: Vec<Value> = (0..9).map(|id| call(["a", "b"][id % 2], id)).collect();
    // Too few calls of each role.
    let dry = json!({"args": {"only": ["dry"]}, "args.dry": true});
    assert_eq!(conditions(&calls), std::slice::from_ref(&dry));
    let calls: Vec<Value> = (0..8).map(|id| call("a", id)).collect();
    let mut own = dry.clone();
    own["resource.owner"] = json!({"eq": {"ref": "agent.id"}});
    assert_eq!(conditions(&calls), [own]);
    // One call that is not about the caller's own.
    let mut other = calls.clone();
    other[3]["resource"]["owner"] = json!("x");
    assert_eq!(conditions(&other), std::slice::from_ref(&dry));
    // The same caller each time.
    assert_eq!(conditions(&vec![call("a", 1); 8]), [dry]);
}

#[test]
fn a_role_that_is_enough_is_enough() {
    let call = |roles: &[&str], n: u32| json!({"tool": "t", "args": {"n": n}, "agent": {"roles": roles}}).to_string();
    let calls = [call(&["a"], 1), call(&["a", "b"], 2), call(&["c"], 3)];
    let (_, both) = learned(&calls, &Options::default());
    let is_allowed = |roles: &[&str], n| both.policy.decide_json(call(roles, n).as_bytes()).is_allowed();
    assert!(is_allowed(&["a"], 2));
    assert!(!is_allowed(&["b"], 2));
    assert!(!is_allowed(&["c"], 1));
    assert!(!is_allowed(&[], 1));
}

#[test]
fn schemas_help() {
    let schema = json!({"type": "object", "properties": {
        "color": {"anyOf": [{"enum": ["c0", "c1", "c2", "c3", "c4", "c5", "c6", "c7", "c8", "c9", "c10"]}, {"type": "null"}]}
    }});
    let calls: Vec<String> =
        (0..10).map(|n| json!({"tool": "paint", "args": {"color": format!("c{n}")}}).to_string()).collect();
    let when = |options: &Options| {
        let (learned, _) = learned(&calls, options);
        serde_json::from_str::<Value>(&learned.text).unwrap()["rules"][0]["when"]["args.color"].clone()
    };
    assert_eq!(when(&Options::default()), json!({"matches": "[a-z0-9]{1,16}"}));
    let mut tools = Catalog::default();
    tools.add(&json!([{ "name": "paint", "inputSchema": schema }]).to_string(), None).unwrap();
    let with = Options { tools, ..Options::default() };
    assert_eq!(when(&with), json!({"in": ["c0", "c1", "c2", "c3", "c4", "c5", "c6", "c7", "c8", "c9"]}));
}

#[test]
fn no_values_get_into_the_policy_if_they_may_not() {
    let calls: Vec<String> = ["hunter2", "letmein", "hunter2"]
        .iter()
        .map(|word| json!({"tool": "login", "args": {"word": word, "command": format!("login {word}")}}).to_string())
        .collect();
    let (with, _) = learned(&calls, &Options::default());
    assert!(with.text.contains("hunter2"));
    let (without, both) = learned(&calls, &Options { without_values: true, ..Options::default() });
    assert!(!without.text.contains("hunter2") && !without.text.contains("letmein"), "{}", without.text);
    assert!(!both.policy.decide_json(br#"{"tool": "login", "args": {"word": ["hunter2"]}}"#).is_allowed());
}

#[test]
fn what_no_test_can_read_is_tested_less() {
    // Each key is there twice: what the policy reads of these calls makes them malformed.
    let twice = r#"{"tool": "t", "args": {"a": 1, "a": 1}}"#.to_owned();
    let other = r#"{"tool": "u", "args": {"a": 1}}"#.to_owned();
    let roles = r#"{"tool": "v", "agent": {"role": "x", "role": "x"}}"#.to_owned();
    let (learned, both) = learned(&[twice, other, roles], &Options::default());
    assert_eq!(learned.widened, ["t", "v"]);
    assert!(!both.policy.decide_json(br#"{"tool": "u", "args": {"a": 2}}"#).is_allowed());
    assert!(!both.policy.decide_json(br#"{"tool": "w"}"#).is_allowed());
}

#[test]
fn large_and_odd_calls_are_learned_from() {
    let key = "k".repeat(300);
    let many: BTreeMap<String, u32> = (0..100).map(|n| (format!("k{n}"), n)).collect();
    let calls = [
        json!({"tool": "long", "args": {"a": "x".repeat(100_000), "b": vec![1; 2000]}}),
        json!({"tool": "key", "args": {key: 1}}),
        json!({"tool": "many", "args": many}),
        json!({"tool": "many", "args": {"below": many}}),
        json!({"tool": "deep", "args": {"a": {"b": {"c": {"d": {"e": {"f": [[[[1]]]]}}}}}}}),
        json!({"tool": "a*b", "args": null}),
        json!({"tool": "mcp:resources/read", "args": {"uri": "note://1"}}),
        json!({"tool": "roles", "agent": {"roles": [5, null, ""], "role": "a\nb"}}),
    ];
    let calls: Vec<String> = calls.iter().map(Value::to_string).collect();
    learned(&calls, &Options::default());
    let exact = r#"{"tool": "n", "args": {"a": 123456789012345678901234567890.123, "b": 1e9999}}"#.to_owned();
    let (_, both) = learned(&[exact], &Options::default());
    let near = br#"{"tool": "n", "args": {"a": 123456789012345678901234567890.124, "b": 1e9999}}"#;
    assert!(!both.policy.decide_json(near).is_allowed());
}

#[test]
fn what_gives_no_policy_says_why() {
    let none =
        |calls: &[&str]| learn(calls.iter().copied(), &Options::default()).map(|learned| learned.text).unwrap_err();
    assert!(matches!(none(&[]), Unlearnable::Nothing));
    assert!(matches!(none(&["5", "{}"]), Unlearnable::Nothing));
    assert!(matches!(none(&[r#"{"tool": "a\u0000b"}"#]), Unlearnable::Tool(tool, _) if tool == "a\0b"));
    assert!(matches!(none(&[r#"{"tool": ""}"#]), Unlearnable::Tool(tool, _) if tool.is_empty()));
    let many: Vec<String> = (0..5000).map(|n| format!(r#"{{"tool": "t{n}"}}"#)).collect();
    assert!(matches!(none(&many.iter().map(String::as_str).collect::<Vec<_>>()), Unlearnable::Tools));
}

#[test]
fn the_number_of_threads_and_the_way_in_change_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let mut random = fastrand::Rng::with_seed(7);
    let mut log = String::new();
    while log.len() < 2 << 20 {
        let (n, role) = (random.u32(..1000), ["a", "b", "c"][random.usize(..3)]);
        let mode = if n % 2 == 0 { "x" } else { "y" };
        let call = json!({
            "tool": format!("tool{}", n % 7),
            "args": {"id": format!("ID-{n}"), "path": format!("/srv/{}/{n}", n % 3), "n": n, "mode": mode},
            "agent": {"id": n, "roles": [role, "all"]}
        });
        let decision = ["allow", "allow", "deny", "ask"][random.usize(..4)];
        log += &json!({"call": call, "decision": decision}).to_string();
        log.push('\n');
    }
    fs::write(at("log"), log).unwrap();
    let run = |input: &str| {
        let command = format!("perso learn {input} && perso compile {} -o {}", at("policy"), at("module"));
        let perso = Path::new(env!("CARGO_BIN_EXE_perso")).parent().unwrap();
        let path = format!("{}:{}", perso.display(), std::env::var("PATH").unwrap_or_default());
        let output = Command::new("sh").args(["-c", &command]).env("PATH", path).env("TMPDIR", folder.path()).output();
        let output = output.unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        (fs::read_to_string(at("policy")).unwrap(), fs::read(at("module")).unwrap())
    };
    let one = run(&format!("{} -o {} --threads 1", at("log"), at("policy")));
    assert_eq!(run(&format!("{} -o {} --threads 3", at("log"), at("policy"))), one);
    assert_eq!(run(&format!("- < {} > {}", at("log"), at("policy"))), one);
    assert_eq!(run(&format!("/dev/stdin < {} > {}", at("log"), at("policy"))), one);
    let left: Vec<_> = fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(left.len(), 3, "{left:?}");
}
