//! A value of a type that an operator does not take grants nothing: not under `when` and not under `unless`, in allow
//! rules and in deny rules, nor behind `not`. What `docs/language.md` says under "A wrong type grants nothing".

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use perso_core::{Call, Policy};
use serde_json::{Value, json};

/// What an operator is tested with: itself and its operand, and the types that it takes.
struct Taken {
    test: Value,
    takes: &'static [&'static str],
}

const SCALARS: &[&str] = &["boolean", "number", "string"];

/// Every operator that can be unknown; `what_is_listed_is_every_operator` looks for any that is missing.
fn operators() -> Vec<Taken> {
    let reference = json!({ "ref": "agent.x" });
    let taken = |test: Value, takes| Taken { test, takes };
    vec![
        taken(json!({ "eq": "x" }), &["string"]),
        taken(json!({ "eq": 5 }), &["number"]),
        taken(json!({ "eq": true }), &["boolean"]),
        taken(json!({ "eq": reference }), SCALARS),
        taken(json!({ "ne": "x" }), &["string"]),
        taken(json!({ "ne": reference }), SCALARS),
        taken(json!({ "in": ["x", "y"] }), &["string"]),
        taken(json!({ "in": ["x", 5] }), &["string", "number"]),
        taken(json!({ "not_in": ["x"] }), &["string"]),
        taken(json!({ "in": { "ref": "agent.list" } }), SCALARS),
        taken(json!({ "not_in": { "ref": "agent.list" } }), SCALARS),
        taken(json!({ "lt": 5 }), &["number"]),
        taken(json!({ "lte": 5 }), &["number"]),
        taken(json!({ "gt": 5 }), &["number"]),
        taken(json!({ "gte": reference }), &["number"]),
        taken(json!({ "starts_with": "" }), &["string"]),
        taken(json!({ "ends_with": "" }), &["string"]),
        taken(json!({ "contains": "" }), &["string"]),
        taken(json!({ "glob": "**" }), &["string"]),
        taken(json!({ "matches": ".*" }), &["string"]),
        taken(json!({ "length": { "gte": 0 } }), &["string"]),
        taken(json!({ "has": "x" }), &["list"]),
        taken(json!({ "has": reference }), &["list"]),
        taken(json!({ "count": { "gte": 0 } }), &["list"]),
        taken(json!({ "every": { "exists": true } }), &["list"]),
        taken(json!({ "some": { "exists": true } }), &["list"]),
        taken(json!({ "within": "/" }), &["string"]),
        taken(json!({ "url": { "private": false } }), &["string"]),
        taken(json!({ "email_domain": "a.example" }), &["string"]),
        taken(json!({ "cidr": ["0.0.0.0/0", "::/0"] }), &["string"]),
        taken(json!({ "command": { "program": "ls" } }), &["string"]),
        taken(json!({ "words": { "count": { "gte": 0 } } }), &["string"]),
        taken(json!({ "shell": { "count": { "gte": 0 } } }), &["string"]),
        taken(json!({ "sql": { "dialect": "any", "tables": { "count": { "gte": 0 } } } }), &["string"]),
        taken(json!({ "only": [] }), &["object"]),
        taken(json!({ "first": { "exists": true } }), &["list"]),
        taken(json!({ "at": { "0": { "exists": true } } }), &["list"]),
        taken(json!({ "begins": ["x"] }), &["list"]),
        taken(json!({ "sum": { "gte": -1e300 } }), &["list"]),
        taken(json!({ "before": "9000-01-01T00:00:00Z" }), &["string", "number"]),
        taken(json!({ "after": reference }), &["string", "number"]),
        taken(json!({ "age": { "gte": "0s" } }), &["string", "number"]),
        taken(json!({ "clock": { "zone": "UTC", "time": { "gte": "00:00" } } }), &["string", "number"]),
        taken(json!({ "eq": "x", "ignore_case": true }), &["string"]),
        taken(json!({ "within": { "ref": "agent.root" } }), &["string"]),
    ]
}

/// Values of each type, such that some reader takes them for another: `"5"` for 5, `["x"]` for `"x"`, 1 for true.
fn values() -> Vec<(&'static str, Value)> {
    vec![
        ("boolean", json!(true)),
        ("boolean", json!(false)),
        ("number", json!(5)),
        ("number", json!(0)),
        ("number", json!(1)),
        ("string", json!("x")),
        ("string", json!("5")),
        ("string", json!("true")),
        ("string", json!("")),
        ("string", json!("x,y")),
        ("string", json!("[\"x\"]")),
        ("list", json!([])),
        ("list", json!(["x"])),
        ("list", json!([5])),
        ("list", json!([["x"]])),
        ("object", json!({})),
        ("object", json!({ "x": "x", "length": 1, "0": "x" })),
        ("null", Value::Null),
    ]
}

fn policy(test: &Value) -> Policy {
    let when = json!({ "args.v": test });
    let rules = json!([
        { "id": "when", "allow": "when", "when": when },
        { "id": "not", "allow": "not", "when": { "not": when } },
        { "id": "unless", "allow": "unless", "unless": when },
        { "id": "deny-when", "deny": "deny-when", "when": when },
        { "id": "deny-when-rest", "allow": "deny-when" },
        { "id": "deny-unless", "deny": "deny-unless", "unless": when },
        { "id": "deny-unless-rest", "allow": "deny-unless" },
    ]);
    Policy::compile(&json!({ "perso": 1, "rules": rules }).to_string()).unwrap()
}

const TOOLS: [&str; 5] = ["when", "not", "unless", "deny-when", "deny-unless"];

#[test]
fn a_wrong_type_grants_nothing() {
    let mut judged = 0;
    for Taken { test, takes } in operators() {
        let policy = policy(&test);
        for (kind, value) in values() {
            if takes.contains(&kind) {
                continue;
            }
            for tool in TOOLS {
                let agent = json!({ "x": "x", "list": ["x", 5, true] });
                let args = json!({ "v": value });
                let decision = policy.decide(&Call::new(tool).args(&args).agent(&agent));
                assert!(!decision.is_allowed(), "{tool}: {test} of {value}");
                judged += 1;
            }
        }
    }
    assert!(judged > 1500, "{judged} calls");
}

/// An element of a wrong type does not let the others speak for it, whichever way it is asked.
#[test]
fn an_element_of_a_wrong_type_grants_nothing() {
    for test in [
        json!({ "every": "x" }),
        json!({ "every": { "not": { "eq": "y" } } }),
        json!({ "every": { "contains": "x" } }),
        json!({ "every": { "has": "x" } }),
    ] {
        let policy = policy(&test);
        for odd in [json!(5), json!(true), json!(null), json!({}), json!(["x", ["x"]])] {
            let args = json!({ "v": ["x", odd] });
            assert!(!policy.decide(&Call::new("when").args(&args)).is_allowed(), "{test} of {args}");
            assert!(!policy.decide(&Call::new("deny-unless").args(&args)).is_allowed(), "{test} of {args}");
        }
    }
    for test in [json!({ "some": "y" }), json!({ "has": "y" })] {
        let policy = policy(&test);
        for odd in [json!(5), json!(true), json!(null), json!({}), json!(["y"])] {
            let args = json!({ "v": ["x", odd] });
            for tool in TOOLS {
                assert!(!policy.decide(&Call::new(tool).args(&args)).is_allowed(), "{tool}: {test} of {args}");
            }
        }
    }
}

/// `exists` and `type` are never unknown: they say what a value is, and so a wrong type is an answer.
#[test]
fn exists_and_type_say_what_a_value_is() {
    for (kind, value) in values() {
        let args = json!({ "v": value });
        let exists = policy(&json!({ "exists": true }));
        assert_eq!(exists.decide(&Call::new("when").args(&args)).is_allowed(), kind != "null", "{value}");
        for name in ["boolean", "number", "string", "list", "object", "null"] {
            let policy = policy(&json!({ "type": name }));
            assert_eq!(policy.decide(&Call::new("when").args(&args)).is_allowed(), kind == name, "{name}: {value}");
        }
    }
}

#[test]
fn what_is_listed_is_every_operator() {
    let pages = std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/operators")).unwrap();
    for page in pages {
        let path = page.unwrap().path();
        let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
        let is_listed = operators().iter().any(|taken| taken.test.as_object().unwrap().contains_key(&name));
        assert!(
            is_listed || ["README", "ref", "exists", "type", "anywhere"].contains(&name.as_str()),
            "{name} is not listed"
        );
    }
}
