//! The documentation says what is so: `docs/operators/` has a page for every operator, and its examples are run; every
//! policy in `docs/` and in the README compiles; what is listed as a stable contract is all there.
//!
//! A page's format is told in `docs/operators/README.md`.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a test fails by panicking, and says what it counted"
)]

mod support;

use perso_core::analyze::Rules;
use perso_core::check::check;
use perso_core::diagnostic::{Code, Severity, Source};
use perso_core::suite::Suite;
use perso_core::{Catalog, CauseKind, Outcome, Problem, compile_with, module::abi, request};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use support::{Answer, compile};

fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// A page: its stem and its text.
fn pages() -> Vec<(String, String)> {
    let folder = repository().join("docs/operators");
    let mut pages: Vec<(String, String)> = fs::read_dir(folder)
        .expect("docs/operators is there")
        .map(|entry| entry.unwrap().path())
        .map(|path| (path.file_stem().unwrap().to_str().unwrap().to_owned(), read(&path)))
        .filter(|(stem, _)| stem != "README")
        .collect();
    pages.sort();
    pages
}

/// The fenced blocks of a language.
fn blocks<'p>(page: &'p str, language: &str) -> Vec<&'p str> {
    let fence = format!("```{language}\n");
    page.split(&fence).skip(1).map(|rest| rest.split("\n```").next().unwrap()).collect()
}

/// The rows of the table whose header is this.
fn table<'p>(page: &'p str, header: &str) -> Vec<Vec<&'p str>> {
    let Some((_, rest)) = page.split_once(&format!("\n{header}\n")) else { return Vec::new() };
    let rows = rest.lines().skip(1).take_while(|line| line.starts_with('|'));
    rows.map(|row| row.trim_matches('|').split(" | ").map(str::trim).collect()).collect()
}

/// What stands between backticks, where anything does.
fn code(cell: &str) -> Option<String> {
    Some(cell.trim_matches('`').to_owned()).filter(|text| !text.is_empty())
}

/// Every operator, as the compiler lists them to whoever writes one that does not exist.
fn operators() -> BTreeSet<String> {
    let errors = errors(r#""args.v": { "0": 1 }"#);
    let help = errors[0].1.strip_prefix("expected one of ").expect("the help lists the operators");
    help.split(", ").map(|name| name.trim_matches('`').to_owned()).collect()
}

/// The messages and helps that a condition draws.
fn errors(condition: &str) -> Vec<(String, String)> {
    let policy = format!(r#"{{ "perso": 1, "rules": [{{ "id": "r", "allow": "t", "when": {{ {condition} }} }}] }}"#);
    let findings = check(&policy).diagnostics;
    let errors = findings.into_iter().filter(|finding| finding.severity == Severity::Error);
    errors.map(|error| (error.message, error.help.unwrap_or_default())).collect()
}

#[test]
fn every_operator_has_a_page() {
    let pages: BTreeSet<String> = pages().into_iter().map(|(stem, _)| stem).collect();
    let mut expected = operators();
    expected.insert("ref".to_owned());
    assert_eq!(pages, expected, "docs/operators on the left, the language on the right");

    let index = read(&repository().join("docs/operators/README.md"));
    for name in expected {
        assert!(index.contains(&format!("[`{name}`]({name}.md)")), "docs/operators/README.md does not list `{name}`");
    }
}

#[test]
fn examples_are_decided_as_their_pages_say() {
    let mut calls = 0;
    let mut wrong = Vec::new();
    for (name, page) in pages() {
        assert!(page.starts_with(&format!("# `{name}`\n")), "{name}: the title is not its name");
        for part in ["**Takes**", "**Operand**", "**Unknown**", "## Example", "## Refused"] {
            assert!(page.contains(part), "{name}: no {part}");
        }
        let policies = blocks(&page, "json");
        let [policy] = policies.as_slice() else { panic!("{name}: one policy, not {}", policies.len()) };
        let both = compile(policy);
        let rows = table(&page, "| call | decision | rule | problem |");
        let decisions: BTreeSet<&str> = rows.iter().map(|row| row[1]).collect();
        assert!(decisions.len() == 2, "{name}: the example shows an allow and a deny");
        for row in rows {
            let [call, decision, rule, problem] = row[..] else { panic!("{name}: {row:?}") };
            let text = code(call).expect("a call");
            calls += 1;
            for answer in [both.policy.decide_json(text.as_bytes()).into(), both.by_reference_json(text.as_bytes())] {
                let Answer { outcome, rule: decided, nearest, problem: found, .. } = &answer;
                let right =
                    outcome == decision && decided.clone().or(nearest.clone()) == code(rule) && *found == code(problem);
                if !right {
                    wrong.push(format!("{name}: {text}\n  {decision}, {rule}, {problem}\n  {answer:?}"));
                }
            }
        }
    }
    println!("{calls} calls");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn what_pages_say_is_refused_is() {
    let mut wrong = Vec::new();
    for (name, page) in pages() {
        let rows = table(&page, "| written | error |");
        assert!(!rows.is_empty(), "{name}: nothing is refused");
        for row in rows {
            let [written, expected] = row[..] else { panic!("{name}: {row:?}") };
            let messages: Vec<String> =
                errors(&code(written).unwrap()).into_iter().map(|(message, _)| message).collect();
            if messages != [expected] {
                wrong.push(format!("{name}: {written}\n  {expected}\n  {messages:?}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_policy_in_the_documentation_compiles() {
    let mut policies = 0;
    for name in
        ["README.md", "docs/language.md", "docs/decision.md", "docs/module.md", "docs/hooks.md", "docs/gateway.md"]
    {
        for block in blocks(&read(&repository().join(name)), "json") {
            let value: Value = serde_json::from_str(block).unwrap_or_else(|error| panic!("{name}: {error}\n{block}"));
            // One that extends others has a test of its own.
            if value.get("perso").is_some() && value.get("extends").is_none() {
                compile(block);
                policies += 1;
            }
        }
    }
    assert!(policies >= 2, "{policies} policies");
}

#[test]
fn the_policy_in_the_check_page_has_the_findings_below_it() {
    let page = read(&repository().join("docs/check.md"));
    let [tools, policy, ..] = blocks(&page, "json")[..] else { panic!("tools and a policy") };
    let mut catalog = Catalog::default();
    catalog.add(tools, None).unwrap();
    let found = Rules::read(policy, &BTreeMap::new()).unwrap().check(&catalog);
    let mut shown: Vec<String> = found
        .iter()
        .map(|finding| {
            let severity = name(finding.severity);
            let help = finding.help.as_deref().expect("a help");
            format!("{severity}[{}]: {}\n  = help: {help}", finding.code.name(), finding.message)
        })
        .collect();
    let text = blocks(&page, "text")[0];
    let mut expected: Vec<String> =
        text.split("\n").collect::<Vec<_>>().chunks(2).map(|pair| pair.join("\n")).collect();
    shown.sort();
    expected.sort();
    assert_eq!(shown, expected);
    let listed: BTreeSet<(String, String)> = table(&page, "| finding | severity | what |")
        .iter()
        .map(|row| (row[0].trim_matches('`').to_owned(), row[1].to_owned()))
        .collect();
    let codes = Code::ALL.iter().filter(|code| code.is_about_tools());
    assert_eq!(listed, codes.map(|code| (code.name().to_owned(), name(code.severity()))).collect());
}

#[test]
fn the_cases_in_the_test_page_pass_and_do_not_notice_what_it_says() {
    let page = read(&repository().join("docs/test.md"));
    let [policy, cases, ..] = blocks(&page, "json")[..] else { panic!("a policy and its cases") };
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("refunds.json"), policy).unwrap();
    fs::write(folder.path().join("refunds.tests.json"), cases).unwrap();
    let suite = Suite::load(folder.path().join("refunds.tests.json")).unwrap();
    let ran = suite.run();
    assert!(ran.len() == 2 && ran.iter().all(|ran| ran.failed.is_none()), "{ran:?}");
    let source = Source::of("refunds.json", suite.documents());
    let unnoticed = suite.mutate(&|_, _| ControlFlow::Continue(())).unnoticed;
    let shown: Vec<String> = unnoticed.iter().map(|mutant| source.render(&mutant.finding, false)).collect();
    let expected = blocks(&page, "text")[0].trim_end();
    assert!(shown.iter().any(|shown| shown == expected), "{expected}\nis none of\n{}", shown.join("\n"));
}

#[test]
fn the_documents_in_the_language_page_are_joined_as_it_says() {
    let page = read(&repository().join("docs/language.md"));
    let named = |path: &str| {
        let (_, rest) = page.split_once(&format!("`{path}`:\n\n")).unwrap_or_else(|| panic!("no document `{path}`"));
        blocks(rest, "json")[0]
    };
    let (org, team) = (named("shared/org.json"), named("support.json"));
    let documents = BTreeMap::from([("shared/org.json".to_owned(), org.to_owned())]);
    let module = compile_with(team, &documents).unwrap_or_else(|error| panic!("{error}")).module;
    let policy = perso_core::Policy::from_module(module).unwrap();
    let rows = table(&page, "| call | decision | rule |");
    for row in &rows {
        let [call, outcome, rule] = row[..] else { panic!("{row:?}") };
        let decision = policy.decide_json(code(call).expect("a call").as_bytes());
        assert_eq!((name(decision.outcome).as_str(), decision.rule), (outcome, Some(rule.trim_matches('`'))), "{call}");
    }
    assert!(rows.len() >= 4);
    // What the page says that it guards against.
    let exempt = team.replace(r#""support": ["employee"]"#, r#""support": ["admin"]"#);
    assert_ne!(exempt, team);
    let error = compile_with(&exempt, &documents).map(|_| ()).unwrap_err();
    assert_eq!(error.diagnostics.iter().map(|finding| finding.code.name()).collect::<Vec<_>>(), ["conflict"]);
}

#[test]
fn the_requests_in_the_language_page_get_the_decisions_in_it() {
    let page = read(&repository().join("docs/language.md"));
    let (_, rest) = page.split_once("\n## Cover resources and prompts\n").expect("a section");
    let both = compile(blocks(rest, "json")[0]);
    let rows = table(rest, "| request | decision | rule |");
    for row in &rows {
        let [call, outcome, rule] = row[..] else { panic!("{row:?}") };
        let answer = both.agreed(code(call).expect("a call").as_bytes());
        assert_eq!((answer.outcome.as_str(), answer.rule), (outcome, code(rule)), "{call}");
    }
    assert!(rows.len() >= 4);
    for covered in [request::READ, request::SUBSCRIBE, request::GET, request::COMPLETE] {
        assert!(rest.contains(&format!("| `{covered}` |")), "no row for `{covered}`");
    }
}

#[test]
fn the_document_in_the_migration_page_becomes_the_policy_below_it() {
    let page = read(&repository().join("docs/migrate.md"));
    let [old, today] = blocks(&page, "json")[..] else { panic!("a document and a policy") };
    let migrated = perso_core::migrate(old).unwrap().expect("a legacy policy");
    assert_eq!(migrated.text.trim_end(), today);
    let codes: Vec<&str> = migrated.warnings.iter().map(|warning| warning.code.name()).collect();
    assert_eq!(codes, ["replaced", "stricter", "presence"]);
    for code in ["replaced", "overlap", "stricter", "presence"] {
        assert!(page.contains(&format!("| `{code}` |")), "no row for `{code}`");
    }
    compile(old);
    compile(today);
}

#[test]
fn the_call_in_the_language_page_gets_the_decision_in_the_decision_page() {
    let language = read(&repository().join("docs/language.md"));
    let decision = read(&repository().join("docs/decision.md"));
    let blocks_of_language = blocks(&language, "json");
    let [policy, ask, ..] = blocks_of_language[..] else { panic!("a policy and a rule") };
    let is_call = |block: &&&str| serde_json::from_str::<Value>(block).is_ok_and(|value| value.get("tool").is_some());
    let call = blocks_of_language.iter().find(is_call).expect("a call");
    let expected: Value = serde_json::from_str(blocks(&decision, "json")[0]).unwrap();
    let both = compile(policy);
    assert_eq!(serde_json::to_value(both.policy.decide_json(call.as_bytes())).unwrap(), expected);
    // With the rule that asks, the same call needs an approval.
    let mut policy: Value = serde_json::from_str(policy).unwrap();
    // Its examples say that the call is denied.
    policy["rules"][1].as_object_mut().unwrap().remove("examples");
    policy["rules"].as_array_mut().unwrap().push(serde_json::from_str(ask).unwrap());
    let decision = compile(&policy.to_string()).policy;
    let decision = decision.decide_json(call.as_bytes());
    assert_eq!((decision.outcome, decision.rule), (Outcome::Ask, Some("refund-large")));
}

/// The name in JSON.
fn name(value: impl serde::Serialize) -> String {
    serde_json::to_value(value).unwrap().as_str().unwrap().to_owned()
}

#[test]
fn every_cause_is_told() {
    let page = read(&repository().join("docs/decision.md"));
    let listed = |header: &str| -> Vec<String> {
        table(&page, header).into_iter().map(|row| row[0].trim_matches('`').to_owned()).collect()
    };
    use CauseKind as K;
    let judged = [K::Rule, K::Default, K::NoRule, K::UnknownTool, K::Malformed, K::Limit, K::Engine];
    let kinds = [&judged[..], &[K::Ledger, K::OverLimit, K::Approval, K::Journal]].concat();
    assert_eq!(listed("| `kind` | decision | what decided |"), kinds.into_iter().map(name).collect::<Vec<_>>());
    use Problem as P;
    let problems = [P::Missing, P::Null, P::Type, P::OutOfRange, P::Value, P::Withheld];
    assert_eq!(listed("| `problem` | what is wrong with the attribute |"), problems.map(name));

    let details = listed("| `detail` | `kind` |");
    // In the order of their numbers: hosts of the portable entry go by the place in the list.
    for (index, code) in perso_decode::Code::ALL.iter().enumerate() {
        assert_eq!(details.get(index).map(String::as_str), Some(code.message()));
        assert_eq!(*code as usize, index + 1);
    }
}

#[test]
fn the_module_is_told() {
    let page = read(&repository().join("docs/module.md"));
    let exports = [abi::MEMORY, abi::ABI, abi::INPUT, abi::EVALUATE, abi::EVALUATE_PARTIAL, abi::FRAME, abi::DECIDE];
    for export in exports {
        assert!(page.contains(&format!("| `{export}` |")), "no row for `{export}`");
    }
    // With every key that some manifests lack.
    let text = r#"{ "perso": 1, "extends": "org.json", "description": "All of it", "covers": ["prompts"], "rules": [
        { "id": "a", "allow": "a", "when": { "context.now": { "clock": { "zone": "UTC", "weekday": "mon" } } } } ] }"#;
    let org = [("org.json", r#"{ "perso": 1, "rules": [] }"#)].map(|(path, text)| (path.to_owned(), text.to_owned()));
    let module = compile_with(text, &BTreeMap::from(org)).unwrap().module;
    let manifest = wasmparser::Parser::new(0).parse_all(&module).find_map(|payload| match payload.unwrap() {
        wasmparser::Payload::CustomSection(section) if section.name() == abi::SECTION => Some(section.data().to_vec()),
        _ => None,
    });
    let manifest: Value = serde_json::from_slice(&manifest.expect("a module has a manifest")).unwrap();
    for key in manifest.as_object().unwrap().keys() {
        assert!(page.contains(&format!("| `{key}` |")), "no row for the manifest's `{key}`");
    }
}

#[test]
fn links_lead_somewhere() {
    let mut pages: Vec<PathBuf> = ["README.md", "CONTRIBUTING.md", "CHANGELOG.md", "policies/README.md"]
        .map(|name| repository().join(name))
        .into();
    for folder in ["docs", "docs/operators"] {
        let entries = fs::read_dir(repository().join(folder)).unwrap().map(|entry| entry.unwrap().path());
        pages.extend(entries.filter(|path| path.extension().is_some_and(|extension| extension == "md")));
    }
    for page in pages {
        for link in read(&page).split("](").skip(1).map(|rest| rest.split([')', '#']).next().unwrap()) {
            let outside = link.is_empty() || link.contains("://");
            assert!(outside || page.parent().unwrap().join(link).exists(), "{}: {link}", page.display());
        }
    }
}
