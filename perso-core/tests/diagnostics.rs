//! Every policy in `tests/diagnostics/` draws exactly the findings that stand beside it in its `.stderr` file. A policy is a
//! file, or a folder with a `policy.json` and the documents that it extends. `BLESS=1 cargo test -p perso-core --test diagnostics` writes those files.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use perso_core::check::{check, check_with};
use perso_core::diagnostic::{Code, Severity, Source};
use perso_core::lint::warnings;
use perso_core::{Folder, compile, compile_with};

fn policies() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/diagnostics");
    let mut files: Vec<PathBuf> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.retain(|path| path.is_dir() || path.extension().is_some_and(|extension| extension == "json"));
    files.sort();
    files
}

/// All findings as the `perso` command shows them.
fn shown(path: &Path) -> (String, BTreeSet<Code>) {
    let name = path.file_name().unwrap().to_str().unwrap();
    let (checked, compiled, shown_name) = if path.is_dir() {
        let main = path.join("policy.json");
        let text = fs::read_to_string(&main).unwrap();
        let checked = check_with(&text, &Folder::of(&main));
        (checked, compile_with(&text, &Folder::of(&main)), format!("{name}/policy.json"))
    } else {
        let text = fs::read_to_string(path).unwrap();
        (check(&text), compile(&text), name.to_owned())
    };
    let errors = checked.diagnostics.iter().any(|finding| finding.severity == Severity::Error);
    assert_eq!(checked.policy.is_none(), errors, "{name}: a policy is there if and only if there is no error");
    let (compiled, findings, documents) = match compiled {
        Ok(compiled) => (true, compiled.warnings, compiled.documents),
        Err(error) => (false, error.diagnostics, error.documents),
    };
    let errors = findings.iter().any(|finding| finding.severity == Severity::Error);
    assert_eq!(compiled, !errors, "{name}: a module is there if and only if there is no error");
    let source = Source::of(&shown_name, &documents);
    let shown: Vec<String> = findings.iter().map(|finding| source.render(finding, false)).collect();
    (format!("{}\n", shown.join("\n\n")), findings.iter().map(|finding| finding.code).collect())
}

#[test]
fn findings_are_as_recorded() {
    let mut wrong = Vec::new();
    for path in policies() {
        let expected = path.with_extension("stderr");
        let (actual, _) = shown(&path);
        if std::env::var_os("BLESS").is_some() {
            fs::write(&expected, actual).unwrap();
        } else if fs::read_to_string(&expected).unwrap_or_default() != actual {
            wrong.push(format!("{}\n{actual}", path.display()));
        }
    }
    assert!(wrong.is_empty(), "not as recorded:\n{}", wrong.join("\n"));
}

#[test]
fn every_kind_of_finding_has_a_case() {
    // No policy draws `module`: that would be a fault of the compiler. Those about tools are in `tests/check_tools/`,
    // `perso test` draws those about test cases, and `perso compile --no-guarantees` draws `unproved`.
    let others = [Code::Module, Code::Unproved, Code::Uncovered, Code::Unnoticed];
    let by_itself = |code: &Code| !others.contains(code) && !code.is_about_tools();
    let mut missing: BTreeSet<Code> = Code::ALL.iter().copied().filter(by_itself).collect();
    for path in policies() {
        let (_, codes) = shown(&path);
        let name = path.file_name().unwrap().to_str().unwrap();
        let own = Code::ALL.iter().filter(|code| name.starts_with(code.name())).max_by_key(|code| code.name().len());
        let own = own.unwrap_or_else(|| panic!("{name} begins with no kind of finding"));
        assert!(codes.contains(own), "{name} does not draw `{}`", own.name());
        missing.remove(own);
    }
    assert!(missing.is_empty(), "no case for {missing:?}");
}

#[test]
fn a_sound_policy_draws_nothing() {
    let text = r#"{
        "$schema": "perso.schema.json",
        "perso": 1,
        "description": "Support desk",
        "roles": { "agent": [], "manager": ["agent"], "admin": ["manager"] },
        "tools": ["view_customer", "update_customer", "process_refund", "delete_record", "access_pii", "send_email"],
        "rules": [
            { "id": "view", "allow": ["view_customer", "update_customer"], "roles": ["agent"] },
            { "id": "refund-small", "allow": "process_refund", "roles": ["agent"],
              "when": { "args.amount": { "gt": 0, "lte": 500 } },
              "reason": "Agents may refund up to $500.",
              "examples": { "allows": [{ "tool": "process_refund", "args": { "amount": 500 } }],
                            "denies": [{ "tool": "process_refund", "args": { "amount": 800 } }] } },
            { "id": "delete-own", "allow": "delete_record", "roles": ["manager"],
              "when": { "resource.owner_id": { "eq": { "ref": "agent.id" } } } },
            { "id": "mail-inside", "allow": "send_email", "roles": ["agent"],
              "when": { "All": [{ "args.to": { "ends_with": "@acme.com" } }, { "Not": { "args.dry": true } }] } },
            { "id": "pii-needs-mfa", "deny": "access_pii",
              "unless": { "agent.mfa_verified": true },
              "reason": "Verify MFA before opening personal data." }
        ]
    }"#;
    let checked = check(text);
    assert_eq!(checked.diagnostics, []);
    assert_eq!(warnings(&checked.policy.unwrap()), []);
    let calls: Vec<&str> = checked.examples.iter().map(|example| example.call.as_str()).collect();
    assert_eq!(calls.len(), 2);
    assert_eq!(checked.examples[1].rule, 1);
    assert_eq!(calls[1], r#"{ "tool": "process_refund", "args": { "amount": 800 } }"#);
}

#[test]
fn records_name_the_place() {
    let text = "{ \"perso\": 1,\r\n  \"description\": \"ä\", \"rulez\": [] }";
    let checked = check(text);
    let source = Source::new("p.json", text);
    let records: Vec<_> =
        checked.diagnostics.iter().map(|finding| serde_json::to_value(source.record(finding)).unwrap()).collect();
    assert_eq!(records.len(), 2);
    assert_eq!(
        records[1],
        serde_json::json!({
            "severity": "error", "code": "unknown-key", "message": "unknown key `rulez`", "file": "p.json",
            "line": 2, "column": 23, "end_line": 2, "end_column": 30, "help": "did you mean `rules`?",
        })
    );
}

#[test]
fn hostile_documents_are_bounded() {
    let many_errors = format!(r#"{{ "perso": 1, "rules": [{}] }}"#, vec!["0"; 100_000].join(","));
    let checked = check(&many_errors);
    assert_eq!(checked.diagnostics.len(), 1001);
    // All on one line of 200 kB: showing one finding must not cost a walk through all of it.
    let source = Source::new("p.json", &many_errors);
    assert!(checked.diagnostics.iter().all(|finding| source.render(finding, false).len() < 2000));
    for text in ["", "\u{feff}", "[", "{\"\\u0000\": 1}", "{\"a\u{1b}[31m\": 1}", "ä", "\"", "{\"ä", "\u{10ffff}"] {
        for finding in check(text).diagnostics {
            let shown = Source::new("p\u{1b}.json", text).render(&finding, false);
            assert!(!shown.contains('\u{1b}'), "{shown:?}");
        }
    }
}

#[test]
fn hostile_definitions_are_bounded() {
    let policy = |definitions: &[String], condition: &str| {
        let definitions = definitions.join(",");
        let rule = format!(r#"{{ "id": "r", "allow": "t", "when": {condition} }}"#);
        format!(r#"{{ "perso": 1, "define": {{ {definitions} }}, "rules": [{rule}] }}"#)
    };
    let codes = |text: &str| check(text).diagnostics.iter().map(|finding| finding.code).collect::<Vec<_>>();
    let chain = |length: usize| -> Vec<String> {
        let last = format!(r#""d{length}": {{ "args.a": 1 }}"#);
        (0..length).map(|at| format!(r#""d{at}": {{ "use": "d{}" }}"#, at + 1)).chain([last]).collect()
    };
    assert_eq!(codes(&policy(&chain(20), r#"{ "use": "d0" }"#)), []);
    assert_eq!(codes(&policy(&chain(1000), r#"{ "use": "d0" }"#)), [Code::Limit]);
    assert_eq!(codes(&policy(&chain(5000), r#"{ "args.a": 1 }"#)), [Code::Limit]);
    // Each stands for ten times as much as the one before.
    let bomb: Vec<String> = [r#""d0": { "args.a": 1 }"#.to_owned()]
        .into_iter()
        .chain((1..30).map(|at| {
            let part = format!(r#"{{ "use": "d{}" }}"#, at - 1);
            format!(r#""d{at}": {{ "any": [{}] }}"#, vec![part; 10].join(","))
        }))
        .collect();
    let found = codes(&policy(&bomb, r#"{ "use": "d29" }"#));
    assert!(!found.is_empty() && found.iter().all(|code| *code == Code::Limit), "{found:?}");
    // Each is as deep as a text may be.
    let deep: Vec<String> = (0..20)
        .map(|at| {
            let inner =
                if at == 0 { r#"{ "args.a": 1 }"#.to_owned() } else { format!(r#"{{ "use": "d{}" }}"#, at - 1) };
            format!(r#""d{at}": {}{inner}{}"#, r#"{ "not": "#.repeat(100), "}".repeat(100))
        })
        .collect();
    let found = codes(&policy(&deep, r#"{ "use": "d19" }"#));
    assert!(found.contains(&Code::Limit), "{found:?}");
    // Deep, one in the other, on a small stack.
    let nested: Vec<String> = (0..200)
        .map(|at| {
            let use_next = format!(r#"{{ "use": "n{}" }}"#, at + 1);
            format!(r#""n{at}": {}{use_next}{}"#, r#"{ "all": ["#.repeat(60), "] }".repeat(60))
        })
        .collect();
    let text = policy(&nested, r#"{ "use": "n0" }"#);
    let small = std::thread::Builder::new().stack_size(1 << 20);
    let found = small.spawn(move || check(&text).diagnostics.len()).unwrap().join().unwrap();
    assert!(found > 0);
    // A long text, many times.
    let long = [format!(r#""long": "{}""#, "x".repeat(1 << 20))];
    let uses = vec![r#"{ "args.a": { "eq": { "use": "long" } } }"#; 1000].join(",");
    let found = codes(&policy(&long, &format!(r#"{{ "any": [{uses}] }}"#)));
    assert!(found.contains(&Code::Limit), "{found:?}");
    let unknown = vec![r#"{ "use": "nothing" }"#; 100_000].join(",");
    assert_eq!(codes(&policy(&chain(20), &format!(r#"{{ "any": [{unknown}] }}"#))).len(), 1001);
}
