//! The JSON Schema and the compiler agree, as far as a schema can tell.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use perso_core::Folder;
use perso_core::check::{check, check_with};
use perso_core::diagnostic::Code;
use serde_json::Value;

fn schema_accepts(document: &Value) -> bool {
    let schema: Value = serde_json::from_str(perso_core::schema()).unwrap();
    jsonschema::draft202012::meta::validate(&schema).unwrap();
    jsonschema::draft202012::new(&schema).unwrap().is_valid(document)
}

/// A policy with one rule, given by all of its keys but the id.
fn policy(rule: &str) -> String {
    format!(r#"{{ "perso": 1, "rules": [{{ "id": "r", {rule} }}] }}"#)
}

fn condition(condition: &str) -> String {
    policy(&format!(r#""allow": "x", "when": {condition}"#))
}

#[test]
fn what_is_right_passes_both() {
    for text in [
        r#"{ "perso": 1, "rules": [] }"#.to_owned(),
        r#"{ "$schema": "s", "perso": 1, "description": "d", "roles": { "a": [], "b": ["a"] }, "tools": ["x"],
             "rules": [{ "id": "r", "deny": ["x", "*"], "roles": ["a"], "reason": "no",
                         "examples": { "allows": [], "denies": [{ "tool": "x" }] } }], "default": "allow" }"#
            .to_owned(),
        condition(r#"{ "args.a": 1, "agent.b": true, "resource.c": "x", "context.d": 1e5, "tool": "x" }"#),
        condition(r#"{ "All": [{ "args.a": 1 }], "any": [{ "not": { "args.a.b": 1 } }, { "args[\"a b\"].c": 1 }] }"#),
        condition(r#"{ "args[\"\\\"]\"]": { "eq": { "ref": "agent[\"x\"]" }, "ne": false, "in": [1, "a", true] } }"#),
        condition(r#"{ "args.a": { "not_in": [1], "lt": 1, "lte": 2.5, "gt": -1, "gte": { "ref": "args.b" } } }"#),
        condition(r#"{ "args.a": { "starts_with": "", "ends_with": "x", "contains": { "ref": "args.b" } } }"#),
        condition(r#"{ "args.a": { "length": 3 }, "args.b": { "length": { "gt": 1, "in": [1, 2] } } }"#),
        condition(
            r#"{ "args.a": { "every": { ".b": { "in": { "ref": ".c" } }, "starts_with": "x", "any": [{ ".[\"d\"]": 1 }] },
                             "some": "x", "count": 1, "has": true, "not_in": { "ref": "agent.x" } } }"#,
        ),
        condition(r#"{ "args.a": { "glob": "x*", "matches": ["a", "b"], "within": "/srv", "cidr": ["::/0"] } }"#),
        condition(
            r#"{ "args.a": { "url": { "scheme": "http", "host": ["**.b.c"], "port": [80, 81], "path": { "within": "/x" },
                                      "private": false }, "email_domain": ["a.b"] } }"#,
        ),
        condition(
            r#"{ "args.a": { "command": { "program": "x", "shell": false, "args": { "every": { "not": { "eq": "y" } } } } } }"#,
        ),
        r#"{ "perso": 1, "define": { "a": { "args.a": { "use": "n" } }, "n": 5, "l": ["x"] },
             "rules": [{ "id": "r", "ask": "x", "when": { "use": ["a"], "args.b": { "within": { "use": "p" } } },
                         "unless": { "args.c": { "in": { "use": "l" } } }, "examples": { "asks": [] } }] }"#
            .replace(r#""n": 5"#, r#""n": 5, "p": "/srv""#),
        condition(
            r#"{ "args.a": { "first": "x", "at": { "0": { ".b": 1 }, "1023": 2 }, "begins": ["x", ["y", 1]],
                             "sum": { "of": ".p", "times": ".q.r", "lte": { "ref": "agent.max" } } } }"#,
        ),
        condition(
            r#"{ "args.a": { "before": "2027-01-01T00:00:00Z", "after": { "ref": "agent.b" }, "age": { "lte": "15m", "gt": "0s" },
                             "clock": { "zone": "Europe/Berlin", "weekday": { "in": ["mon"] }, "time": { "gte": "09:00", "lt": "17:30:15" },
                                        "date": "2026-12-01" } },
                 "args.b": { "before": 1795905000.5, "clock": { "zone": "UTC", "weekday": "sun" } } }"#,
        ),
        condition(
            r#"{ "args.a": { "within": [{ "join": ["/srv", { "ref": "agent.tenant" }, "x/y"] }, "/tmp", { "ref": "context.root" }],
                             "base": { "ref": "context.cwd" } },
                 "args.b": { "within": { "ref": "context.root" } },
                 "args.c": { "eq": "x", "glob": "*.txt", "ignore_case": true, "some": { "in": ["x"], "ignore_case": true } } }"#,
        ),
        condition(
            r#"{ "args": { "anywhere": { "contains": "x", "ignore_case": true } }, "agent": { "anywhere": { "matches": ["a", "b"] } } }"#,
        ),
        r#"{ "perso": 1, "extends": "../a/org.json", "rules": [] }"#.to_owned(),
        r#"{ "perso": 1, "covers": ["tools"], "rules": [] }"#.to_owned(),
        r#"{ "perso": 1, "covers": ["prompts", "resources"], "rules": [{ "id": "r", "allow": "mcp:*" }] }"#.to_owned(),
        r#"{ "perso": 1, "extends": ["org.json", "./a b/ü.json"], "rules": [] }"#.to_owned(),
        condition(r#"{ "args": { "only": [] }, "args.a": { "only": ["b"], "every": { "only": ["c"] } } }"#),
        condition(r#"{ "args.a": { "exists": false }, "args.b": { "type": "list" }, "args.c": { "type": ["null"] } }"#),
    ] {
        let document: Value = serde_json::from_str(&text).unwrap();
        let found = |_: &str| Ok(r#"{ "perso": 1, "rules": [] }"#.to_owned());
        assert!(check_with(&text, &found).policy.is_some(), "compiler: {text}");
        assert!(schema_accepts(&document), "schema: {text}");
    }
}

#[test]
fn what_is_wrong_fails_both() {
    for text in [
        "[]".to_owned(),
        "{}".to_owned(),
        r#"{ "perso": 1 }"#.to_owned(),
        r#"{ "perso": 2, "rules": [] }"#.to_owned(),
        r#"{ "perso": 1, "rules": [], "rulez": [] }"#.to_owned(),
        r#"{ "perso": 1, "rules": [], "default": "maybe" }"#.to_owned(),
        r#"{ "perso": 1, "rules": [], "covers": [] }"#.to_owned(),
        r#"{ "perso": 1, "rules": [], "covers": "prompts" }"#.to_owned(),
        r#"{ "perso": 1, "rules": [], "covers": ["prompts", "prompts"] }"#.to_owned(),
        r#"{ "perso": 1, "rules": [], "covers": ["Prompts"] }"#.to_owned(),
        r#"{ "perso": 1, "rules": [], "extends": [] }"#.to_owned(),
        r#"{ "perso": 1, "rules": [], "extends": "" }"#.to_owned(),
        r#"{ "perso": 1, "rules": [], "extends": { "org": "org.json" } }"#.to_owned(),
        r#"{ "perso": 1, "rules": [], "extends": "/org.json" }"#.to_owned(),
        r#"{ "perso": 1, "rules": [], "extends": ["C:/org.json"] }"#.to_owned(),
        r#"{ "perso": 1, "rules": [], "extends": ["a\\org.json"] }"#.to_owned(),
        r#"{ "perso": 1, "rules": [], "extends": ["https://example.com/org.json"] }"#.to_owned(),
        r#"{ "perso": 1, "rules": [], "extends": ["a\u0000"] }"#.to_owned(),
        r#"{ "perso": 1, "rules": [], "extends": ["org.json", "org.json"] }"#.to_owned(),
        r#"{ "perso": 1, "rules": [], "tools": ["x*"] }"#.to_owned(),
        r#"{ "perso": 1, "rules": [], "tools": ["x", "x"] }"#.to_owned(),
        r#"{ "perso": 1, "rules": [], "roles": ["x"] }"#.to_owned(),
        r#"{ "perso": 1, "rules": [], "roles": { "x": "y" } }"#.to_owned(),
        r#"{ "perso": 1, "rules": [{ "allow": "x" }] }"#.to_owned(),
        policy(r#""reason": "no effect""#),
        policy(r#""allow": "x", "deny": "y""#),
        policy(r#""allow": []"#),
        policy(r#""allow": """#),
        policy(r#""allow": "x", "roles": []"#),
        policy(r#""allow": "x", "roles": "a""#),
        policy(r#""allow": "x", "reason": """#),
        policy(r#""allow": "x", "reason": "a\u0007""#),
        policy(r#""allow": "x", "examples": { "allow": [] }"#),
        policy(r#""allow": "x", "examples": { "allows": [1] }"#),
        condition("{}"),
        condition("[]"),
        condition(r#"{ "all": [] }"#),
        condition(r#"{ "and": [{ "args.a": 1 }] }"#),
        condition(r#"{ "amount": 1 }"#),
        condition(r#"{ "args": 1 }"#),
        condition(r#"{ "args": { "only": "a" } }"#),
        condition(r#"{ "args": { "only": [1] } }"#),
        condition(r#"{ "args": { "only": ["a"], "exists": true } }"#),
        condition(r#"{ "use": 1 }"#),
        condition(r#"{ "use": [] }"#),
        condition(r#"{ "use": { "use": "a" } }"#),
        policy(r#""allow": "x", "ask": "y""#),
        policy(r#""ask": "x", "examples": { "ask": [] }"#),
        condition(r#"{ "args.": 1 }"#),
        condition(r#"{ "args.a-b": 1 }"#),
        condition(r#"{ "tool.x": 1 }"#),
        condition(r#"{ "args.a": null }"#),
        condition(r#"{ "args.a": [1] }"#),
        condition(r#"{ "args.a": {} }"#),
        condition(r#"{ "args.a": { "equals": 1 } }"#),
        condition(r#"{ "args.a": { "eq": null } }"#),
        condition(r#"{ "args.a": { "eq": { "ref": "agent" } } }"#),
        condition(r#"{ "args.a": { "eq": { "reff": "agent.a" } } }"#),
        condition(r#"{ "args.a": { "in": [] } }"#),
        condition(r#"{ "args.a": { "in": 1 } }"#),
        condition(r#"{ "args.a": { "lt": "5" } }"#),
        condition(r#"{ "args.a": { "starts_with": 5 } }"#),
        condition(r#"{ "args.a": { "length": "5" } }"#),
        condition(r#"{ "args.a": { "length": -1 } }"#),
        condition(r#"{ "args.a": { "length": { "contains": "x" } } }"#),
        condition(r#"{ "args.a": { "count": { "has": 1 } } }"#),
        condition(r#"{ "args.a": { "contains": true } }"#),
        condition(r#"{ "args.a": { "command": { "program": "ls", "args": { "contains": "x" } } } }"#),
        condition(r#"{ "args.a": { "every": ["x"] } }"#),
        condition(r#"{ "args.a": { "every": { "price": 1 } } }"#),
        condition(r#"{ "args.a": { "every": { "all": [] } } }"#),
        condition(r#"{ "args.a": { ".b": 1 } }"#),
        condition(r#"{ "args.a": { "glob": [] } }"#),
        condition(r#"{ "args.a": { "within": { "reff": "agent.x" } } }"#),
        condition(r#"{ "args.a": { "within": { "join": [] } } }"#),
        condition(r#"{ "args.a": { "begins": [] } }"#),
        condition(r#"{ "args.a": { "at": { "x": 1 } } }"#),
        condition(r#"{ "args.a": { "sum": 5 } }"#),
        condition(r#"{ "args.a": { "age": { "lte": 5 } } }"#),
        condition(r#"{ "args.a": { "before": "tomorrow" } }"#),
        condition(r#"{ "args.a": { "clock": { "zone": "UTC", "weekday": "monday" } } }"#),
        condition(r#"{ "args.a": { "eq": "x", "ignore_case": 1 } }"#),
        condition(r#"{ "args": { "anywhere": { "eq": "x" } } }"#),
        condition(r#"{ "args.a": { "url": "x" } }"#),
        condition(r#"{ "args.a": { "url": { "port": 80 } } }"#),
        condition(r#"{ "args.a": { "url": { "host": "x", "port": 0 } } }"#),
        condition(r#"{ "args.a": { "url": { "host": "x", "path": { "url": { "host": "x" } } } } }"#),
        condition(r#"{ "args.a": { "url": { "private": true } } }"#),
        condition(r#"{ "args.a": { "command": { "shell": false } } }"#),
        condition(r#"{ "args.a": { "command": { "program": "x", "args": { "eq": "y" } } } }"#),
        condition(r#"{ "args.a": { "exists": 1 } }"#),
        condition(r#"{ "args.a": { "type": "array" } }"#),
        condition(r#"{ "args.a": { "type": [] } }"#),
    ] {
        let document: Value = serde_json::from_str(&text).unwrap();
        let found = |_: &str| Ok(r#"{ "perso": 1, "rules": [] }"#.to_owned());
        assert!(check_with(&text, &found).policy.is_none(), "compiler: {text}");
        assert!(!schema_accepts(&document), "schema: {text}");
    }
}

/// Whatever the schema refuses, the compiler refuses; the other way round only for what a schema cannot tell.
#[test]
fn recorded_policies_are_judged_alike() {
    let only_the_compiler = [
        Code::Duplicate,
        Code::Json,
        Code::Limit,
        Code::UnknownRole,
        Code::RoleCycle,
        Code::UnmatchedTool,
        Code::UnknownDefinition,
        Code::DefinitionCycle,
        Code::Extends,
        Code::ExtendsCycle,
        Code::Conflict,
        Code::UncoveredRequest,
        Code::Attribute,
        Code::Operand,
    ];
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/diagnostics");
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            // Other documents are of a policy that is not there as a whole.
            let main = path.join("policy.json");
            let text = std::fs::read_to_string(&main).unwrap();
            if check_with(&text, &Folder::of(&main)).policy.is_some() {
                assert!(schema_accepts(&serde_json::from_str(&text).unwrap()), "{}", path.display());
            }
            continue;
        }
        let text = std::fs::read_to_string(&path).unwrap();
        let Ok(document) = serde_json::from_str::<Value>(&text) else { continue };
        // The schema is that of today's form.
        if document.get("version").is_some() {
            continue;
        }
        let checked = check(&text);
        if checked.policy.is_some() {
            assert!(schema_accepts(&document), "{}", path.display());
        } else if !checked.diagnostics.iter().all(|finding| only_the_compiler.contains(&finding.code)) {
            assert!(!schema_accepts(&document), "{}", path.display());
        }
    }
}
