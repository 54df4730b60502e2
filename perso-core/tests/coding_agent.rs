//! The ready policy for coding agents (`policies/coding-agent.json`): every line of its corpus gets the verdict that it must
//! get, by the engine and by `perso hook` in the words of each agent, and so do the tools for files.

#![cfg(feature = "cli")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "it is a test")]

use perso_core::Policy;
use serde::Deserialize;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// Where the lines of the corpus run.
const ROOT: &str = "/home/dev/project";

#[derive(Debug, Clone, Copy, Deserialize, PartialEq, Eq, PartialOrd, Ord)]
#[serde(rename_all = "lowercase")]
enum Want {
    Allow,
    Ask,
    Deny,
}

/// A line of the policy's tests.
#[derive(Debug)]
struct Line {
    line: String,
    want: Want,
}

fn policies() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../policies")
}

fn policy() -> String {
    fs::read_to_string(policies().join("coding-agent.json")).unwrap()
}

fn lines() -> Vec<Line> {
    let text = fs::read_to_string(policies().join("coding-agent.tests.json")).unwrap();
    let tests: Value = serde_json::from_str(&text).unwrap();
    // The cases that are named by their line.
    let cases =
        tests["cases"].as_array().unwrap().iter().filter(|case| case["name"] == case["call"]["args"]["command"]);
    let line = |case: &Value| {
        let line = case["name"].as_str().unwrap().to_owned();
        assert_eq!(case["call"], shell(&line), "{line}");
        Line { line, want: serde_json::from_value(case["decision"].clone()).unwrap() }
    };
    cases.map(line).collect()
}

/// The verdict of the engine.
fn decided(policy: &Policy, call: &Value) -> Want {
    let decision = serde_json::to_value(policy.decide_json(call.to_string().as_bytes())).unwrap();
    serde_json::from_value(decision["decision"].clone()).unwrap()
}

fn shell(line: &str) -> Value {
    json!({ "tool": "shell", "args": { "command": line }, "agent": { "roles": [] }, "resource": {},
        "context": { "agent_kind": "claude", "tool": "Bash", "cwd": ROOT, "root": ROOT } })
}

/// An agent, and how it speaks.
struct Agent {
    name: &'static str,
    /// The event of a tool of its own, from the name, the arguments and the folder.
    event: fn(&str, Value, &Path) -> Value,
    /// Its tool for shell lines.
    shell: &'static str,
    /// Whether it can ask.
    asks: bool,
    /// Where its answer says what it is.
    pointer: &'static str,
}

fn pre_tool_use(tool: &str, input: Value, cwd: &Path) -> Value {
    json!({ "hook_event_name": "PreToolUse", "cwd": cwd, "permission_mode": "default", "tool_name": tool, "tool_input": input })
}

fn before_tool(tool: &str, input: Value, cwd: &Path) -> Value {
    json!({ "hook_event_name": "BeforeTool", "cwd": cwd, "tool_name": tool, "tool_input": input })
}

fn copilot(tool: &str, input: Value, cwd: &Path) -> Value {
    json!({ "cwd": cwd, "toolName": tool, "toolArgs": input })
}

fn cursor(tool: &str, input: Value, cwd: &Path) -> Value {
    let mut event = json!({ "hook_event_name": tool, "cwd": cwd, "workspace_roots": [cwd] });
    event.as_object_mut().unwrap().extend(input.as_object().unwrap().clone());
    event
}

fn opencode(tool: &str, input: Value, cwd: &Path) -> Value {
    json!({ "event": "tool.execute.before", "directory": cwd, "tool": tool, "args": input })
}

const AGENTS: [Agent; 6] = [
    Agent {
        name: "claude",
        event: pre_tool_use,
        shell: "Bash",
        asks: true,
        pointer: "/hookSpecificOutput/permissionDecision",
    },
    Agent {
        name: "codex",
        event: pre_tool_use,
        shell: "Bash",
        asks: false,
        pointer: "/hookSpecificOutput/permissionDecision",
    },
    Agent { name: "gemini", event: before_tool, shell: "run_shell_command", asks: false, pointer: "/decision" },
    Agent { name: "copilot", event: copilot, shell: "bash", asks: true, pointer: "/permissionDecision" },
    Agent { name: "opencode", event: opencode, shell: "bash", asks: false, pointer: "/decision" },
    Agent { name: "cursor", event: cursor, shell: "beforeShellExecution", asks: true, pointer: "/permission" },
];

/// A repository, and the compiled policy beside it.
struct Place {
    _folder: tempfile::TempDir,
    root: PathBuf,
    module: PathBuf,
}

impl Place {
    fn new() -> Self {
        // Folders whose names begin with a dot are not ordinary ones.
        let folder = tempfile::Builder::new().prefix("perso-").tempdir().unwrap();
        let home = folder.path().canonicalize().unwrap();
        let root = home.join("project");
        fs::create_dir_all(root.join(".git/hooks")).unwrap();
        fs::create_dir_all(root.join("src")).unwrap();
        let module = home.join("coding-agent.wasm");
        fs::write(&module, perso_core::compile(&policy()).unwrap().module).unwrap();
        Self { _folder: folder, root, module }
    }

    /// What an agent takes the answer of the hook for.
    fn verdict(&self, agent: &Agent, event: &Value) -> Want {
        let mut child = Command::new(env!("CARGO_BIN_EXE_perso"))
            .args(["hook", agent.name, "--policy"])
            .arg(&self.module)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        child.stdin.take().unwrap().write_all(event.to_string().as_bytes()).unwrap();
        let output = child.wait_with_output().unwrap();
        let (out, err) = (String::from_utf8(output.stdout).unwrap(), String::from_utf8(output.stderr).unwrap());
        let said = || {
            let json: Value = serde_json::from_str(&out).unwrap_or_else(|error| panic!("{error}: {out:?} {err:?}"));
            json.pointer(agent.pointer).and_then(Value::as_str).unwrap().to_owned()
        };
        match (output.status.code(), out.is_empty()) {
            (Some(0), true) => Want::Allow,
            (Some(0), false) if said() == "allow" => Want::Allow,
            (Some(0), false) => {
                assert_eq!((said().as_str(), agent.asks), ("ask", true), "{}: {event}", agent.name);
                Want::Ask
            }
            (Some(2), silent) => {
                // The plugin of OpenCode only reads an allow.
                assert!(silent && agent.name == "opencode" || said() == "deny", "{}: {event}", agent.name);
                assert!(!err.contains("cannot judge"), "{}: {event}: {err}", agent.name);
                // What an agent cannot ask is a denial that says so.
                let could_ask = err.contains("a person would have to approve it elsewhere");
                if could_ask && !agent.asks { Want::Ask } else { Want::Deny }
            }
            other => panic!("{}: {event}: {other:?} {err}", agent.name),
        }
    }
}

#[test]
fn the_corpus_is_large_and_has_no_line_twice() {
    let lines = lines();
    let mut counts = BTreeMap::new();
    for line in &lines {
        *counts.entry(line.want).or_insert(0) += 1;
    }
    println!("{counts:?}");
    assert!(counts[&Want::Allow] >= 250 && counts[&Want::Ask] >= 300 && counts[&Want::Deny] >= 200, "{counts:?}");
    let distinct: BTreeSet<&str> = lines.iter().map(|line| line.line.as_str()).collect();
    assert_eq!(distinct.len(), lines.len());
}

/// Each line by one of the agents, and the first ones of each verdict by all.
#[test]
fn every_line_gets_its_verdict_through_the_hook() {
    let place = Place::new();
    let mut seen = BTreeMap::new();
    let mut wrong = Vec::new();
    for (number, Line { line, want }) in lines().into_iter().enumerate() {
        let line = line.replace(ROOT, place.root.to_str().unwrap());
        let count = seen.entry(want).or_insert(0);
        *count += 1;
        for (index, agent) in AGENTS.iter().enumerate() {
            if *count > 8 && number % AGENTS.len() != index {
                continue;
            }
            let event = (agent.event)(agent.shell, json!({ "command": line }), &place.root);
            let got = place.verdict(agent, &event);
            if got != want {
                wrong.push(format!("{}: {line:?} must be {want:?}, and is {got:?}", agent.name));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// A tool of an agent with its arguments, and the verdict.
type Tool = (&'static str, &'static str, Value, Want);

fn tools(root: &Path) -> Vec<Tool> {
    use Want::{Allow, Ask, Deny};
    let at = |path: &str| root.join(path);
    let patch = |lines: &str| json!({ "command": format!("*** Begin Patch\n{lines}\n*** End Patch") });
    vec![
        ("claude", "Read", json!({ "file_path": at("src/main.rs") }), Allow),
        ("claude", "Read", json!({ "file_path": at(".env") }), Deny),
        ("claude", "Read", json!({ "file_path": at(".env.example") }), Allow),
        ("claude", "Read", json!({ "file_path": at("prod.env") }), Deny),
        ("claude", "Read", json!({ "file_path": at("deploy/id_ed25519") }), Deny),
        ("claude", "Read", json!({ "file_path": at("src/credentials.rs") }), Allow),
        ("claude", "Read", json!({ "file_path": at(".github/workflows/ci.yml") }), Allow),
        ("claude", "Read", json!({ "file_path": "/etc/hosts" }), Ask),
        ("claude", "Read", json!({ "file_path": "/etc/shadow" }), Deny),
        ("claude", "Read", json!({ "file_path": "/home/dev/.aws/credentials" }), Deny),
        ("claude", "Read", json!({ "file_path": "~/notes.txt" }), Deny),
        ("claude", "Read", json!({ "file_path": at("outside/hosts") }), Ask),
        ("claude", "Read", json!({ "file_path": at("innocent.txt") }), Deny),
        ("claude", "Read", json!({ "file_path": at("outside/../project/src") }), Deny),
        ("claude", "Write", json!({ "file_path": at("src/new.rs"), "content": "x" }), Allow),
        ("claude", "Write", json!({ "file_path": "/tmp/x/y.txt", "content": "x" }), Allow),
        ("claude", "Write", json!({ "file_path": "/home/dev/x.txt", "content": "x" }), Ask),
        ("claude", "Write", json!({ "file_path": at("outside/x"), "content": "x" }), Ask),
        ("claude", "Write", json!({ "file_path": at(".git/hooks/pre-commit"), "content": "x" }), Deny),
        ("claude", "Write", json!({ "file_path": at("sub/.GIT/config"), "content": "x" }), Deny),
        ("claude", "Write", json!({ "file_path": at("hooks/pre-commit"), "content": "x" }), Deny),
        ("claude", "Write", json!({ "file_path": at("bare/HEAD"), "content": "x" }), Deny),
        (
            "claude",
            "Edit",
            json!({ "file_path": at(".claude/settings.json"), "old_string": "a", "new_string": "b" }),
            Deny,
        ),
        ("claude", "Write", json!({ "file_path": at(".mcp.json"), "content": "x" }), Deny),
        ("claude", "Write", json!({ "file_path": "/home/dev/.bashrc", "content": "x" }), Deny),
        ("claude", "Write", json!({ "file_path": at(".env.local"), "content": "x" }), Deny),
        ("claude", "Write", json!({ "file_path": at(".github/workflows/ci.yml"), "content": "x" }), Ask),
        ("claude", "Write", json!({ "file_path": at(".husky/pre-commit"), "content": "x" }), Ask),
        ("claude", "Write", json!({ "file_path": at("docs/CLAUDE.md"), "content": "x" }), Ask),
        ("claude", "Write", json!({ "file_path": at(".github/dependabot.yml"), "content": "x" }), Allow),
        ("claude", "NotebookEdit", json!({ "notebook_path": at("a.ipynb"), "new_source": "x" }), Allow),
        ("claude", "Grep", json!({ "pattern": "fn main", "glob": "**/*.{rs,toml}" }), Allow),
        ("claude", "Grep", json!({ "pattern": "KEY", "glob": ".env" }), Ask),
        ("claude", "Grep", json!({ "pattern": "KEY", "glob": "*" }), Ask),
        ("claude", "Grep", json!({ "pattern": "KEY", "path": at(".env") }), Deny),
        ("claude", "Grep", json!({ "pattern": "root", "path": "/etc" }), Ask),
        ("claude", "Glob", json!({ "pattern": "**/*.rs", "path": at("src") }), Allow),
        ("claude", "Glob", json!({ "pattern": "/etc/*" }), Deny),
        (
            "claude",
            "Bash",
            json!({ "command": "ls", "description": "List", "timeout": 5, "run_in_background": false }),
            Allow,
        ),
        ("claude", "Bash", json!({ "command": "ls", "dangerouslyDisableSandbox": true }), Ask),
        ("claude", "WebFetch", json!({ "url": "https://example.com", "prompt": "x" }), Ask),
        ("claude", "WebSearch", json!({ "query": "x" }), Ask),
        ("claude", "TodoWrite", json!({ "todos": [] }), Allow),
        ("claude", "Agent", json!({ "prompt": "x" }), Allow),
        ("claude", "Monitor", json!({ "command": "rm -rf /" }), Ask),
        ("claude", "mcp__db__query", json!({ "sql": "select 1" }), Ask),
        ("codex", "apply_patch", patch("*** Add File: src/a.rs\n+x\n*** Update File: src/b.rs\n@@\n-x\n+y"), Allow),
        ("codex", "apply_patch", patch("*** Add File: src/a.rs\n+x\n*** Delete File: .git/config"), Deny),
        ("codex", "apply_patch", patch("*** Update File: src/a.rs\n*** Move to: .codex/hooks.json\n@@\n-x\n+y"), Deny),
        ("codex", "apply_patch", patch("*** Add File: .github/workflows/x.yml\n+x"), Ask),
        ("codex", "apply_patch", patch("*** Add File: /home/dev/x\n+x"), Ask),
        ("codex", "apply_patch", patch("*** Add File: hooks/x\n+x"), Deny),
        ("codex", "apply_patch", json!({ "command": "not a patch" }), Deny),
        ("codex", "mcp__db__query", json!({}), Ask),
        ("codex", "update_plan", json!({ "plan": [] }), Allow),
        ("gemini", "read_file", json!({ "file_path": at("src/main.rs") }), Allow),
        ("gemini", "read_file", json!({ "file_path": ".netrc" }), Deny),
        ("gemini", "write_file", json!({ "file_path": at("src/a.rs"), "content": "x" }), Allow),
        (
            "gemini",
            "replace",
            json!({ "file_path": at(".gemini/settings.json"), "old_string": "a", "new_string": "b" }),
            Deny,
        ),
        ("gemini", "grep_search", json!({ "pattern": "x", "dir_path": at("src"), "include_pattern": "*.rs" }), Allow),
        ("gemini", "grep_search", json!({ "pattern": "x", "include_pattern": ".e*" }), Ask),
        ("gemini", "grep_search", json!({ "pattern": "x", "no_ignore": true }), Ask),
        ("gemini", "list_directory", json!({ "dir_path": at("src") }), Allow),
        ("gemini", "run_shell_command", json!({ "command": "ls", "dir_path": "src", "is_background": false }), Allow),
        ("gemini", "run_shell_command", json!({ "command": "ls", "dir_path": "/etc" }), Ask),
        ("gemini", "run_shell_command", json!({ "command": "ls", "additional_permissions": {} }), Ask),
        ("gemini", "web_fetch", json!({ "prompt": "read https://example.com" }), Ask),
        ("gemini", "write_todos", json!({ "todos": [] }), Allow),
        ("gemini", "save_memory", json!({ "fact": "x" }), Ask),
        ("copilot", "view", json!({ "path": at("src") }), Allow),
        ("copilot", "view", json!({ "path": at("web/.env") }), Deny),
        ("copilot", "create", json!({ "path": at("src/a.rs"), "file_text": "x" }), Allow),
        ("copilot", "edit", json!({ "path": at(".github/hooks/x.json"), "old_str": "a", "new_str": "b" }), Deny),
        ("copilot", "bash", json!({ "command": "ls", "mode": "sync", "initial_wait": 30, "shellId": "a" }), Allow),
        ("copilot", "write_bash", json!({ "shellId": "a", "input": "ls" }), Deny),
        ("copilot", "report_intent", json!({ "intent": "x" }), Allow),
        ("copilot", "db-query", json!({}), Ask),
        ("opencode", "read", json!({ "filePath": at("src/main.rs") }), Allow),
        ("opencode", "read", json!({ "filePath": at(".env") }), Deny),
        ("opencode", "write", json!({ "filePath": at(".opencode/plugins/perso.js"), "content": "x" }), Deny),
        (
            "opencode",
            "apply_patch",
            json!({ "patchText": "*** Begin Patch\n*** Add File: a.rs\n+x\n*** End Patch" }),
            Allow,
        ),
        ("opencode", "grep", json!({ "pattern": "x", "include": "*.rs" }), Allow),
        ("opencode", "bash", json!({ "command": "ls", "workdir": at("src") }), Allow),
        ("opencode", "bash", json!({ "command": "ls", "workdir": "/etc" }), Ask),
        ("opencode", "todowrite", json!({ "todos": [] }), Allow),
        ("opencode", "webfetch", json!({ "url": "https://example.com" }), Ask),
        ("cursor", "beforeReadFile", json!({ "file_path": at("src/main.rs") }), Allow),
        ("cursor", "beforeReadFile", json!({ "file_path": at("key.pem") }), Deny),
        ("cursor", "beforeMCPExecution", json!({ "tool_name": "query", "tool_input": "{}" }), Ask),
    ]
}

#[cfg(unix)]
#[test]
fn every_tool_gets_its_verdict_through_the_hook() {
    use std::os::unix::fs::symlink;
    let place = Place::new();
    symlink("/etc", place.root.join("outside")).unwrap();
    symlink(".git/hooks", place.root.join("hooks")).unwrap();
    fs::write(place.root.join(".env"), "KEY=1").unwrap();
    symlink(".env", place.root.join("innocent.txt")).unwrap();
    let mut wrong = Vec::new();
    for (name, tool, input, want) in tools(&place.root) {
        let agent = AGENTS.iter().find(|agent| agent.name == name).unwrap();
        let got = place.verdict(agent, &(agent.event)(tool, input.clone(), &place.root));
        if got != want {
            wrong.push(format!("{name}: {tool} {input} must be {want:?}, and is {got:?}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    // Nothing is ordinary outside of a repository.
    let claude = &AGENTS[0];
    let elsewhere = place.root.parent().unwrap();
    assert_eq!(place.verdict(claude, &pre_tool_use("Bash", json!({ "command": "ls" }), elsewhere)), Want::Ask);
    let read = pre_tool_use("Read", json!({ "file_path": elsewhere.join("a.txt") }), elsewhere);
    assert_eq!(place.verdict(claude, &read), Want::Ask);
}

/// What the page on hooks tells users to do.
#[test]
fn the_lists_can_be_changed() {
    let before = Policy::compile(&policy()).unwrap();
    let mut text: Value = serde_json::from_str(&policy()).unwrap();
    let mut add = |list: &str, what: &str| text["define"][list].as_array_mut().unwrap().push(json!(what));
    add("cargo", "run");
    add("checkers", "oxlint");
    add("variables", "DATABASE_URL");
    add("allowed-tools", "mcp__db__query");
    add("secrets", "(.*/)?vault/.*");
    add("work", "/srv/second");
    let after = Policy::compile(&text.to_string()).unwrap();
    let mcp = json!({ "tool": "mcp__db__query", "args": {}, "context": { "root": ROOT, "cwd": ROOT } });
    for (call, then, now) in [
        (shell("cargo run --release"), Want::Ask, Want::Allow),
        (shell("oxlint src"), Want::Ask, Want::Allow),
        (shell("oxlint --config /etc/x src"), Want::Ask, Want::Ask),
        (shell("DATABASE_URL=x cargo test"), Want::Ask, Want::Allow),
        (shell("cat vault/a.txt"), Want::Allow, Want::Deny),
        (shell("cat /srv/second/a.txt"), Want::Ask, Want::Allow),
        (shell("cargo install x"), Want::Ask, Want::Ask),
        (mcp, Want::Ask, Want::Allow),
    ] {
        assert_eq!((decided(&before, &call), decided(&after, &call)), (then, now), "{call}");
    }
}
