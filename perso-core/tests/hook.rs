//! `perso hook` with the events that coding agents really send (`tests/hooks/`), and with everything that can go wrong: an
//! agent must never take what it gets for leave to run a call that is not allowed.

#![cfg(feature = "cli")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "it is a test")]

use serde_json::{Value, json};
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

const AGENTS: [&str; 6] = ["claude", "codex", "gemini", "copilot", "cursor", "opencode"];

/// What a hook said.
#[derive(Debug, PartialEq)]
struct Said {
    code: i32,
    out: String,
    err: String,
}

impl Said {
    /// Whether each agent takes it for a denial: the exit code, and words on standard error.
    fn blocks(&self) -> bool {
        self.code == 2 && self.err.trim().len() > 10
    }

    fn json(&self) -> Value {
        serde_json::from_str(&self.out).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }
}

fn command(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_perso"));
    command.arg("hook").args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

fn hook(arguments: &[&str], event: &[u8]) -> Said {
    let mut child = command(arguments).spawn().unwrap();
    // One that stops before it has read everything has its reasons.
    let _ = child.stdin.take().unwrap().write_all(event);
    let output = child.wait_with_output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    Said { code: output.status.code().unwrap(), out: text(output.stdout), err: text(output.stderr) }
}

/// A folder with a policy in it.
fn policy(text: &str) -> (tempfile::TempDir, String) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("policy.json");
    fs::write(&path, text).unwrap();
    let path = path.to_str().unwrap().to_owned();
    (folder, path)
}

const POLICY: &str = r#"{ "perso": 1, "rules": [
    { "id": "shell", "allow": "shell", "when": { "args.command": { "shell": { "every": {
        ".program": { "in": ["git", "ls"] }, ".env": { "count": 0 }, ".writes": { "count": 0 } } } } } },
    { "id": "push", "ask": "shell", "when": { "args.command": { "shell": { "some": { ".words": { "begins": ["git", "push"] } } } } } },
    { "id": "read", "allow": "read", "when": { "resource.path": { "within": "/home/dev/project" } } }
] }"#;

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/hooks")
}

/// The event of a shell line, as an agent sends it.
fn shell(agent: &str, line: &str) -> Vec<u8> {
    let event = match agent {
        "claude" | "codex" => json!({ "hook_event_name": "PreToolUse", "cwd": "/home/dev/project", "tool_name": "Bash",
            "tool_input": { "command": line } }),
        "gemini" => {
            json!({ "hook_event_name": "BeforeTool", "cwd": "/home/dev/project", "tool_name": "run_shell_command",
            "tool_input": { "command": line } })
        }
        "copilot" => json!({ "cwd": "/home/dev/project", "toolName": "bash", "toolArgs": { "command": line } }),
        "opencode" => json!({ "event": "tool.execute.before", "directory": "/home/dev/project", "tool": "bash",
            "args": { "command": line } }),
        _ => json!({ "hook_event_name": "beforeShellExecution", "cwd": "/home/dev/project", "command": line }),
    };
    event.to_string().into_bytes()
}

#[test]
fn recorded_events_become_these_calls() {
    let mut calls = String::new();
    for agent in AGENTS {
        let (_folder, policy) = policy(POLICY);
        for line in fs::read_to_string(folder().join(format!("{agent}.jsonl"))).unwrap().lines() {
            let said = hook(&[agent, "--policy", &policy, "--print-call"], line.as_bytes());
            let after = ["PostToolUse", "AfterTool", "toolResult", "afterFileEdit", "permissionRequest"];
            if after.iter().any(|word| line.contains(&format!("\"{word}\""))) {
                assert!(said.blocks(), "{agent}: {line}: {said:?}");
            } else {
                assert_eq!((said.code, said.err.as_str()), (0, ""), "{agent}: {line}");
                calls += &format!("{agent}: {}", said.out);
            }
        }
    }
    let path = folder().join("calls.txt");
    if std::env::var_os("BLESS").is_some() {
        fs::write(&path, &calls).unwrap();
    }
    assert_eq!(calls, fs::read_to_string(&path).unwrap(), "BLESS=1 records what is new");
}

#[test]
fn each_verdict_is_said_in_the_words_of_the_agent() {
    let (_folder, policy) = policy(POLICY);
    let said = |agent: &str, line: &str, more: &[&str]| {
        hook(&[&[agent, "--policy", &policy], more].concat(), &shell(agent, line))
    };
    for agent in AGENTS {
        let allowed = said(agent, "git status", &[]);
        let expected = match agent {
            "cursor" => "{\"permission\":\"allow\"}\n",
            "opencode" => "{\"decision\":\"allow\"}\n",
            _ => "",
        };
        assert_eq!((allowed.code, allowed.out.as_str(), allowed.err.as_str()), (0, expected, ""), "{agent}");
        let denied = said(agent, "rm -rf /", &[]);
        assert!(denied.blocks() && denied.err.contains("shell is allowed only if"), "{agent}: {denied:?}");
        if agent == "opencode" {
            // Its plugin reads no more than that.
            let asked = said(agent, "git push", &[]);
            assert!(asked.blocks() && asked.err.contains("a person would have to approve it"), "{asked:?}");
            assert_eq!((denied.out.as_str(), asked.out.as_str()), ("", ""));
            assert_eq!(said(agent, "git status", &["--grant"]), allowed);
            continue;
        }
        let pointer = match agent {
            "claude" | "codex" => "/hookSpecificOutput/permissionDecision",
            "gemini" => "/decision",
            "copilot" => "/permissionDecision",
            _ => "/permission",
        };
        assert_eq!(denied.json().pointer(pointer), Some(&json!("deny")), "{agent}");
        // Two agents cannot ask, or wait for ever.
        let asked = said(agent, "git push", &[]);
        if matches!(agent, "codex" | "gemini") {
            assert!(asked.blocks() && asked.err.contains("a person would have to approve it"), "{agent}: {asked:?}");
            assert_eq!(asked.json().pointer(pointer), Some(&json!("deny")), "{agent}");
        } else {
            assert_eq!((asked.code, asked.json().pointer(pointer)), (0, Some(&json!("ask"))), "{agent}");
        }
        let granted = said(agent, "git status", &["--grant"]);
        match agent {
            "codex" => assert_eq!(granted, allowed),
            _ => assert_eq!((granted.code, granted.json().pointer(pointer)), (0, Some(&json!("allow"))), "{agent}"),
        }
    }
    // Codex runs the call where a key is there that it does not know.
    let denied = said("codex", "rm -rf /", &[]).json();
    let keys: Vec<&String> = denied["hookSpecificOutput"].as_object().unwrap().keys().collect();
    assert_eq!(keys, ["hookEventName", "permissionDecision", "permissionDecisionReason"]);
    assert_eq!(denied.as_object().unwrap().len(), 1);
}

#[test]
fn a_call_that_no_rule_is_about_is_what_the_host_says() {
    let (_folder, policy) = policy(POLICY);
    let event = br#"{"hook_event_name":"PreToolUse","tool_name":"WebSearch","tool_input":{"query":"x"}}"#;
    let said = |more: &[&str]| hook(&[&["claude", "--policy", &policy], more].concat(), event);
    assert!(said(&[]).blocks());
    assert!(said(&["--undecided", "deny"]).blocks());
    let asked = said(&["--undecided", "ask"]).json();
    assert_eq!(asked["hookSpecificOutput"]["permissionDecision"], "ask");
    assert_eq!(said(&["--undecided", "pass"]), Said { code: 0, out: String::new(), err: String::new() });
    // A rule is about this one, and does not allow it.
    let denied = hook(&["claude", "--policy", &policy, "--undecided", "pass"], &shell("claude", "rm -rf /"));
    assert!(denied.blocks(), "{denied:?}");
}

#[test]
fn rules_about_requests_are_not_about_tools_with_their_names() {
    let rules = r#""rules": [{ "id": "read", "allow": ["*", "mcp:resources/rea*"] }]"#;
    let event = |tool: &str| {
        json!({ "hook_event_name": "PreToolUse", "tool_name": tool, "tool_input": { "uri": "note://1" } }).to_string()
    };
    let (_folder, covering) = policy(&format!(r#"{{ "perso": 1, "covers": ["resources"], {rules} }}"#));
    for (tool, blocks) in [("mcp:resources/read", true), ("mcp:other", true), ("other", false)] {
        for more in [&[][..], &["--undecided", "pass"]] {
            let said = hook(&[&["claude", "--policy", &covering], more].concat(), event(tool).as_bytes());
            assert_eq!(said.blocks(), blocks, "{tool}: {said:?}");
        }
    }
    let (_folder, other) = policy(r#"{ "perso": 1, "rules": [{ "id": "all", "allow": "*" }] }"#);
    assert!(!hook(&["claude", "--policy", &other], event("mcp:resources/read").as_bytes()).blocks());
}

#[test]
fn who_runs_the_agent_is_in_the_call() {
    let (_folder, policy) = policy(
        r#"{ "perso": 1, "roles": { "dev": [] }, "rules": [
        { "id": "a", "allow": "shell", "roles": ["dev"], "when": { "agent.id": "ann", "context.agent_kind": "codex" } } ] }"#,
    );
    let said = |more: &[&str]| hook(&[&["codex", "--policy", &policy], more].concat(), &shell("codex", "ls"));
    assert_eq!(said(&["--user", "ann", "--role", "dev"]).code, 0);
    assert!(said(&["--user", "ann"]).blocks());
    assert!(said(&["--user", "bob", "--role", "dev"]).blocks());
}

/// The rows of a file in `tests/hooks/`: what is written, and what is read.
fn rows(name: &str) -> Vec<(String, Value)> {
    serde_json::from_str(&fs::read_to_string(folder().join(name)).unwrap()).unwrap()
}

/// The paths in the calls of an event.
fn paths(agent: &str, event: &Value) -> Vec<Value> {
    let said = hook(&[agent, "--policy", "none", "--print-call"], event.to_string().as_bytes());
    let calls = said.out.lines().map(|line| serde_json::from_str(line).unwrap());
    calls.map(|call: Value| call["resource"].get("path").cloned().unwrap_or_default()).collect()
}

/// A path in a row, in the folder `/home/dev/project`.
fn at(path: &Value) -> Value {
    let Some(path) = path.as_str() else { return Value::Null };
    let path = path.replace("{out}", "/home/dev/out");
    match path.strip_prefix("../") {
        _ if path.starts_with('/') => json!(path),
        Some(path) => json!(format!("/home/dev/{path}")),
        None => json!(format!("/home/dev/project/{path}")),
    }
}

// What the agents themselves read in these paths, patterns and patches is in `tests/agents/files.test.mjs`.

#[test]
fn a_path_that_agents_read_in_two_ways_is_no_path() {
    for (path, expected) in rows("paths.json") {
        let path = path.replace("{out}", "/home/dev/out");
        let event = json!({ "hook_event_name": "PreToolUse", "cwd": "/home/dev/project", "tool_name": "Write",
            "tool_input": { "file_path": path } });
        assert_eq!(paths("claude", &event), [at(&expected)], "{path:?}");
    }
}

#[test]
fn a_search_is_a_call_for_each_place() {
    let claude = |tool: &str, input: Value| {
        let event = json!({ "hook_event_name": "PreToolUse", "cwd": "/home/dev/project", "tool_name": tool, "tool_input": input });
        paths("claude", &event)
    };
    let copilot = |tool: &str, arguments: Value| {
        paths("copilot", &json!({ "cwd": "/home/dev/project", "toolName": tool, "toolArgs": arguments }))
    };
    let project = || vec![json!("/home/dev/project")];
    let unknown = || vec![Value::Null];
    assert_eq!(claude("Grep", json!({ "pattern": "a..b" })), project());
    assert_eq!(claude("Grep", json!({ "pattern": "a", "path": "../out" })), [json!("/home/dev/out")]);
    assert_eq!(claude("Grep", json!({ "pattern": "a", "path": 7 })), unknown());
    assert_eq!(claude("Glob", json!({ "pattern": "**/*.{rs,toml}" })), project());
    for (pattern, place) in rows("globs.json") {
        let expected = if place.is_null() { unknown() } else { project() };
        let pattern = pattern.replace("{out}", "/home/dev/out").replace("{n}", "n");
        assert_eq!(claude("Glob", json!({ "pattern": pattern })), expected, "{pattern}");
    }
    assert_eq!(claude("Glob", json!({ "path": "a" })), unknown());
    assert_eq!(copilot("grep", json!({ "pattern": "a" })), project());
    for tool in ["grep", "rg"] {
        let places = json!({ "pattern": "a", "path": ".", "paths": ["../out", "b"] });
        let expected = [json!("/home/dev/project"), json!("/home/dev/out"), json!("/home/dev/project/b")];
        assert_eq!(copilot(tool, places), expected);
        assert_eq!(copilot(tool, json!({ "pattern": "a", "paths": "../out" })), [json!("/home/dev/out")]);
        for places in [json!([]), json!({}), json!(null), json!([["../out"]])] {
            assert_eq!(copilot(tool, json!({ "pattern": "a", "paths": places })), unknown(), "{places}");
        }
    }
}

#[test]
fn a_patch_is_a_call_for_each_file_in_it() {
    let events = |patch: &str| {
        [
            (
                "codex",
                json!({ "hook_event_name": "PreToolUse", "cwd": "/home/dev/project", "tool_name": "apply_patch",
                "tool_input": { "command": patch } }),
            ),
            ("copilot", json!({ "cwd": "/home/dev/project", "toolName": "apply_patch", "toolArgs": patch })),
            (
                "copilot",
                json!({ "cwd": "/home/dev/project", "toolName": "apply_patch", "toolArgs": { "input": patch } }),
            ),
            (
                "opencode",
                json!({ "event": "tool.execute.before", "directory": "/home/dev/project", "tool": "apply_patch",
                "args": { "patchText": patch } }),
            ),
        ]
    };
    let many = |count: usize| {
        let files: Vec<_> = (0..count).map(|at| format!("*** Delete File: {at}")).collect();
        format!("*** Begin Patch\n{}\n*** End Patch", files.join("\n"))
    };
    let mut rows = rows("patches.json");
    rows.push((many(100), (0..100).map(|at: u8| at.to_string()).collect()));
    rows.push((many(101), Value::Null));
    for (patch, expected) in rows {
        let patch = patch.replace("{out}", "/home/dev/out");
        let expected: Vec<_> = match expected.as_array() {
            Some(files) => files.iter().map(at).collect(),
            None => vec![Value::Null],
        };
        for (agent, event) in events(&patch) {
            assert_eq!(paths(agent, &event), expected, "{agent}: {patch}");
        }
    }
}

#[test]
fn a_patch_gets_the_strictest_of_the_verdicts_on_its_files() {
    let (_folder, policy) = policy(
        r#"{ "perso": 1, "rules": [
        { "id": "allow", "allow": "write", "when": { "resource.path": { "within": "/home/dev/project" } } },
        { "id": "ask", "ask": "write", "when": { "resource.path": { "within": "/home/dev/project/ask" } } },
        { "id": "deny", "deny": "write", "when": { "resource.path": { "within": "/home/dev/project/deny" } } } ] }"#,
    );
    let said = |files: &[&str]| {
        let files: Vec<_> = files.iter().map(|path| format!("*** Delete File: {path}")).collect();
        let patch = format!("*** Begin Patch\n{}\n*** End Patch", files.join("\n"));
        let event = json!({ "cwd": "/home/dev/project", "toolName": "apply_patch", "toolArgs": patch }).to_string();
        hook(&["copilot", "--policy", &policy], event.as_bytes())
    };
    let asks = |said: &Said| said.code == 0 && said.json()["permissionDecision"] == "ask";
    assert_eq!((said(&["a", "b/c"]).code, said(&["a", "b/c"]).out), (0, String::new()));
    for files in [&["ask/a"][..], &["a", "ask/a", "b"], &["ask/a", "b"]] {
        assert!(asks(&said(files)), "{files:?}");
    }
    for files in
        [&["deny/a"][..], &["a", "deny/a"], &["deny/a", "ask/a"], &["ask/a", "a", "../a"], &["a", "~/a"], &["a", " a"]]
    {
        assert!(said(files).blocks(), "{files:?}");
    }
}

#[test]
fn a_line_of_a_skill_is_a_shell_line() {
    let (_folder, policy) = policy(POLICY);
    let said = |line: &str, more: &[&str]| {
        let event = json!({ "hook_event_name": "PreSkillShellCommand", "cwd": "/home/dev/project", "tool_name": "Bash",
            "tool_input": { "command": line }, "command_name": "show", "invoked_by": "user" });
        hook(&[&["claude", "--policy", &policy], more].concat(), event.to_string().as_bytes())
    };
    for more in [&[][..], &["--grant"]] {
        let allowed = said("git status", more);
        assert_eq!((allowed.code, allowed.out.as_str(), allowed.err.as_str()), (0, "", ""));
    }
    // It asks nobody about one.
    for (line, reason) in [("rm -rf /", "shell is allowed only if"), ("git push", "a person would have to approve it")]
    {
        let denied = said(line, &[]);
        assert!(denied.blocks() && denied.err.contains(reason), "{denied:?}");
        let output = &denied.json()["hookSpecificOutput"];
        assert_eq!(
            (&output["hookEventName"], &output["permissionDecision"]),
            (&json!("PreSkillShellCommand"), &json!("deny"))
        );
    }
}

#[cfg(unix)]
#[test]
fn dockers_gateway_gets_a_result_in_place_of_a_denied_call() {
    let (_folder, path) = policy(
        r#"{ "perso": 1, "rules": [
        { "id": "pay", "allow": "pay", "when": { "args.amount": { "lte": 500 } }, "roles": ["agent"], "reason": "At most 500 can be paid." },
        { "id": "refund", "ask": "refund", "reason": "A person approves refunds." }
    ], "roles": { "agent": [] } }"#,
    );
    let said = |request: &str| hook(&["docker", "--policy", &path, "--role", "agent"], request.as_bytes());
    let call = |name: &str, arguments: &str| {
        said(&format!(
            r#"{{"method":"tools/call","params":{{"_meta":{{"progressToken":"p"}},"name":"{name}","arguments":{arguments}}}}}"#
        ))
    };
    // Silence runs the call.
    assert_eq!(call("pay", r#"{"amount":500}"#), Said { code: 0, out: String::new(), err: String::new() });
    for (name, arguments, words) in [
        ("pay", r#"{"amount":501}"#, "At most 500 can be paid."),
        ("pay", r#"{"amount":500.00000000000000000001}"#, "At most 500 can be paid."),
        ("pay", r#"{"amount":5,"amount":800}"#, "cannot be read"),
        ("pay", "null", "At most 500 can be paid."),
        ("refund", "{}", "a person would have to approve it elsewhere"),
        ("wipe", "{}", "no rule allows this tool"),
    ] {
        let said = call(name, arguments);
        let result = said.json();
        assert_eq!((said.code, &result["isError"]), (0, &json!(true)), "{name} {arguments}");
        assert!(result["content"][0]["text"].as_str().unwrap().contains(words), "{name} {arguments}: {result}");
    }
    for request in [
        "",
        "{",
        "[]",
        r#"{"method":"tools/call"}"#,
        r#"{"method":"tools/call","params":{}}"#,
        r#"{"method":"tools/list","params":{"name":"pay"}}"#,
        r#"{"method":"tools/call","params":{"name":"pay","name":"wipe"}}"#,
    ] {
        let said = said(request);
        assert_eq!((said.code, &said.json()["isError"]), (0, &json!(true)), "{request}");
    }
    // The gateway fails a call whose interceptor fails.
    assert!(hook(&["docker", "--policy", "nowhere.json", "--rolle", "x"], b"{}").blocks());
}

#[test]
fn a_path_is_where_it_really_leads() {
    let (folder, policy) = policy(POLICY);
    let root = folder.path().canonicalize().unwrap();
    fs::create_dir_all(root.join("project/.git")).unwrap();
    fs::create_dir_all(root.join("project/src")).unwrap();
    std::os::unix::fs::symlink("/etc", root.join("project/link")).unwrap();
    std::os::unix::fs::symlink("/nowhere/at/all", root.join("project/dead")).unwrap();
    let call = |path: &str| {
        let event = json!({ "hook_event_name": "PreToolUse", "cwd": root.join("project/src"), "tool_name": "Write",
            "tool_input": { "file_path": path } });
        hook(&["claude", "--policy", &policy, "--print-call"], event.to_string().as_bytes()).json()
    };
    let at = |path: &str| json!(root.join(path));
    let inside = call("../src/./new/a.txt");
    assert_eq!(inside["resource"]["path"], at("project/src/new/a.txt"));
    assert_eq!(inside["resource"]["real_path"], at("project/src/new/a.txt"));
    assert_eq!(inside["context"]["root"], at("project"));
    assert_eq!(call("../src/../src/./b")["resource"]["real_path"], at("project/src/b"));
    let link = call("../link/passwd");
    assert_eq!(link["resource"]["path"], at("project/link/passwd"));
    assert_eq!(link["resource"]["real_path"], "/etc/passwd");
    // It is `project/src` by its text, and `/` by the link.
    assert_eq!(call("../link/../src")["resource"]["path"], at("project/src"));
    assert_eq!(call("../link/../src")["resource"]["real_path"], Value::Null);
    assert_eq!(call("../nowhere/../src")["resource"]["real_path"], Value::Null);
    assert_eq!(call("../dead")["resource"]["real_path"], Value::Null);
    assert_eq!(call("../dead/a")["resource"]["real_path"], Value::Null);
    assert_eq!(call("../new//./a///b")["resource"]["real_path"], at("project/new/a/b"));
    assert_eq!(call("../link//a")["resource"]["real_path"], "/etc/a");
}

#[test]
fn whatever_goes_wrong_blocks_the_call() {
    let (_folder, good) = policy(POLICY);
    let (_other, broken) =
        policy(r#"{ "perso": 1, "rules": [{ "id": "a", "allow": "shell", "when": { "args.a": { "eqq": 1 } } }] }"#);
    let deep = [
        r#"{"hook_event_name":"PreToolUse","tool_name":"Bash","tool_input":{"command":"ls","a":"#,
        &"[".repeat(100_000),
        &"]".repeat(100_000),
        "}}",
    ]
    .concat();
    let events: [&[u8]; 18] = [
        b"",
        b"null",
        b"[]",
        b"{}",
        b"not JSON",
        b"\xff\xfe",
        br#"{"hook_event_name":"PostToolUse","tool_name":"Bash","tool_input":{"command":"ls"}}"#,
        br#"{"hook_event_name":"SessionStart"}"#,
        br#"{"hook_event_name":"PreToolUse","tool_name":"Bash"}"#,
        br#"{"hook_event_name":"PreToolUse","tool_name":7,"tool_input":{"command":"ls"}}"#,
        br#"{"hook_event_name":"PreToolUse","tool_name":"Bash","tool_name":"Bash","tool_input":{"command":"ls"}}"#,
        br#"{"hook_event_name":"PreToolUse","tool_name":"Bash","tool_input":{"command":"ls","command":"ls"}}"#,
        br#"{"hook_event_name":"PreToolUse","tool_name":"Bash","tool_input":"ls"}"#,
        br#"{"hook_event_name":"PreToolUse","tool_name":"Bash","tool_input":{"command":"ls"}} more"#,
        // Read in two ways by parsers of JSON: what is escaped, a byte order mark, and keys that differ by case.
        br#"{"hook_event_name":"PreToolUse","tool_name":"Bash","tool_input":{"command":"ls","\u0063ommand":"rm"}}"#,
        br#"{"hook_event_name":"PreToolUse","tool_name":"Bash","tool_input":{"command":"ls","Command":"rm"}}"#,
        b"\xef\xbb\xbf{\"hook_event_name\":\"PreToolUse\",\"tool_name\":\"Bash\",\"tool_input\":{\"command\":\"ls\"}}",
        deep.as_bytes(),
    ];
    for agent in AGENTS {
        for event in events {
            let said = hook(&[agent, "--policy", &good], event);
            assert!(said.blocks(), "{agent}: {}: {said:?}", String::from_utf8_lossy(event));
        }
        let event = shell(agent, "ls");
        for path in ["/nowhere/policy.json", "/", &broken] {
            let said = hook(&[agent, "--policy", path], &event);
            assert!(said.blocks(), "{agent}: {path}: {said:?}");
            // The model reads this, and is not to see the policy.
            assert!(!said.err.contains("eqq") && said.err.lines().count() == 1, "{said:?}");
        }
        let long = shell(agent, &"a".repeat(2 << 20));
        assert!(hook(&[agent, "--policy", &good], &long).blocks());
    }
    let event = shell("claude", "ls");
    for usage in [&[][..], &["claude"], &["claud", "--policy", &good], &["claude", "--policy", &good, "--allow"]] {
        let said = hook(usage, &event);
        assert!(said.blocks() && said.out.is_empty(), "{usage:?}: {said:?}");
    }
}

#[test]
fn what_an_agent_wrote_is_judged_as_it_is() {
    let (_folder, policy) = policy(POLICY);
    let arguments = ["--policy", &policy];
    // JSON in a string, as Cursor and some versions of Copilot write arguments.
    for (line, code) in [("git status", 0), ("rm -rf /", 2)] {
        let event = json!({ "toolName": "bash", "toolArgs": json!({ "command": line }).to_string() }).to_string();
        assert_eq!(hook(&[&["copilot"][..], &arguments].concat(), event.as_bytes()).code, code, "{line}");
    }
    // What a terminal or a log would act on.
    let said = hook(
        &[&["claude"][..], &arguments].concat(),
        br#"{"hook_event_name":"\u001b[2J\n\u202e","tool_name":"a","tool_input":{}}"#,
    );
    assert!(said.blocks() && said.err.lines().count() == 1, "{said:?}");
    assert!(!said.err.contains(['\u{1b}', '\u{202e}']) && !said.out.contains('\u{1b}'), "{said:?}");
}

#[test]
fn a_hook_that_gets_no_event_ends_by_itself() {
    let (_folder, policy) = policy(POLICY);
    let mut child = command(&["claude", "--policy", &policy]).spawn().unwrap();
    let stdin = child.stdin.take();
    let status = child.wait().unwrap();
    drop(stdin);
    assert_eq!(status.code(), Some(2));
}

#[test]
fn an_answer_that_nobody_can_read_blocks_the_call() {
    let (_folder, policy) = policy(POLICY);
    let mut child = command(&["claude", "--policy", &policy]).spawn().unwrap();
    drop(child.stdout.take());
    child.stdin.take().unwrap().write_all(&shell("claude", "git push")).unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&output.stderr).contains("perso cannot answer"));
}

/// The event of a shell line in a session.
fn in_session(agent: &str, line: &str, session: &str) -> Vec<u8> {
    let mut event: Value = serde_json::from_slice(&shell(agent, line)).unwrap();
    let key = match agent {
        "copilot" => "sessionId",
        "cursor" => "conversation_id",
        "opencode" => "session",
        _ => "session_id",
    };
    event[key] = json!(session);
    event.to_string().into_bytes()
}

const REMEMBERING: &str = r#"{ "perso": 1, "rules": [
    { "id": "shell", "allow": "shell" },
    { "id": "push", "ask": "shell", "when": { "args.command": "git push" } },
    { "id": "no-leak", "deny": "shell", "when": { "args.command": "git commit", "session.labels": { "has": "fetched" } } } ],
  "limits": [{ "id": "pushes", "of": "shell", "when": { "args.command": "git push" }, "per": "agent.id", "max": 2, "window": "1h",
               "reason": "At most two pushes an hour." }],
  "labels": [{ "id": "fetches", "of": "shell", "when": { "args.command": "git fetch" }, "add": "fetched" }] }"#;

#[test]
fn a_hook_remembers_in_a_ledger() {
    for agent in AGENTS {
        let (folder, policy) = policy(REMEMBERING);
        let ledger = format!("file:{}", folder.path().join("ledger").display());
        let arguments = [agent, "--policy", &policy, "--user", "ann", "--ledger", &ledger];
        let run = |line: &str, session: &str| hook(&arguments, &in_session(agent, line, session));
        let passes = |said: &Said| said.code == 0 && !said.out.contains("deny");
        assert!(passes(&run("git commit", "a")), "{agent}");
        assert!(passes(&run("git fetch", "a")), "{agent}");
        assert!(run("git commit", "a").blocks(), "{agent}");
        assert!(passes(&run("git commit", "b")), "{agent}");
        // Nothing is known of an event without a session.
        assert!(hook(&arguments, &shell(agent, "git commit")).blocks(), "{agent}");

        // A push is asked about, and counts when the agent asks: it does not say what the person has answered.
        let asks = ["claude", "copilot", "cursor"].contains(&agent);
        let pushes: Vec<Said> = (0..3).map(|_| run("git push", "b")).collect();
        for (at, said) in pushes.iter().enumerate() {
            let is_over = format!("{}{}", said.out, said.err).contains("At most two pushes an hour.");
            assert_eq!((said.blocks(), is_over), (!asks || at == 2, asks && at == 2), "{agent}: {said:?}");
        }
        // Without a ledger, nobody knows what a session has seen, and what needs one is denied.
        assert!(hook(&[agent, "--policy", &policy], &in_session(agent, "git commit", "b")).blocks(), "{agent}");
        assert!(hook(&[agent, "--policy", &policy], &in_session(agent, "git push", "b")).blocks(), "{agent}");
        let broken = [agent, "--policy", &policy, "--ledger", "file:/nowhere/ledger"];
        assert!(hook(&broken, &in_session(agent, "git commit", "b")).blocks(), "{agent}");
    }
}

#[test]
fn what_a_denied_patch_would_have_been_charged_is_given_back() {
    let (folder, policy) = policy(
        r#"{ "perso": 1, "rules": [{ "id": "write", "allow": "write", "when": { "resource.path": { "within": "/home/dev/project" } } }],
             "limits": [{ "id": "files", "of": "write", "max": 2, "window": "1h" }] }"#,
    );
    let ledger = format!("file:{}", folder.path().join("ledger").display());
    let patch = |files: &[&str]| {
        let body: String = files.iter().map(|file| format!("*** Add File: {file}\n+x\n")).collect();
        let patch = format!("*** Begin Patch\n{body}*** End Patch\n");
        let event = json!({ "hook_event_name": "PreToolUse", "cwd": "/home/dev/project", "tool_name": "apply_patch",
            "tool_input": { "command": patch } });
        hook(&["codex", "--policy", &policy, "--ledger", &ledger], event.to_string().as_bytes())
    };
    assert!(patch(&["a.txt", "/etc/passwd"]).blocks());
    assert!(patch(&["a.txt", "b.txt", "c.txt"]).blocks());
    assert_eq!(patch(&["a.txt", "b.txt"]).code, 0);
    assert!(patch(&["c.txt"]).blocks());
}

#[test]
fn without_a_ledger_labels_are_unknown_and_not_absent() {
    let (_folder, policy) = policy(
        r#"{ "perso": 1, "rules": [{ "id": "unseen", "allow": "shell", "when": { "session.labels": { "exists": false } } }] }"#,
    );
    for agent in AGENTS {
        assert!(hook(&[agent, "--policy", &policy], &in_session(agent, "git status", "a")).blocks(), "{agent}");
    }
}
