//! `perso hook install`, `uninstall` and `doctor`, on settings as people have them.

#![cfg(all(feature = "cli", unix))]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "it is a test")]

use std::fs;
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};

/// Each agent, its settings below the home folder, those of a project, and how often a hook stands there.
const AGENTS: [(&str, &str, &str, usize); 5] = [
    ("claude", ".claude/settings.json", ".claude/settings.json", 2),
    ("codex", ".codex/hooks.json", ".codex/hooks.json", 1),
    ("gemini", ".gemini/settings.json", ".gemini/settings.json", 1),
    ("copilot", ".copilot/hooks/perso.json", ".github/hooks/perso.json", 1),
    ("cursor", ".cursor/hooks.json", ".cursor/hooks.json", 3),
];

/// A home with a policy in it and a project, whose name a shell has to be given in quotes.
struct Home {
    folder: tempfile::TempDir,
}

impl Home {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir_all(folder.path().join("it's a project/.git")).unwrap();
        fs::create_dir(folder.path().join("it's a project/src")).unwrap();
        let home = Self { folder };
        home.write("it's a project/policy.json", r#"{ "perso": 1, "rules": [{ "id": "a", "allow": "read" }] }"#);
        home
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn write(&self, name: &str, text: &str) {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    fn read(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).unwrap()
    }

    /// What `perso hook` does in the project.
    fn hook(&self, arguments: &[&str]) -> Output {
        let mut command = Command::new(env!("CARGO_BIN_EXE_perso"));
        for variable in ["CLAUDE_CONFIG_DIR", "CODEX_HOME", "COPILOT_HOME", "XDG_CONFIG_HOME"] {
            command.env_remove(variable);
        }
        command.arg("hook").args(arguments).env("HOME", self.folder.path());
        command.current_dir(self.path("it's a project/src")).stdin(Stdio::null()).output().unwrap()
    }

    fn install(&self, agent: &str, more: &[&str]) -> Output {
        self.hook(&[&["install", agent, "--policy", "../policy.json", "--yes"], more].concat())
    }
}

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).unwrap()
}

fn works(output: &Output) -> &str {
    assert!(output.status.success(), "{output:?}");
    text(&output.stdout)
}

#[test]
fn a_hook_is_installed_checked_and_removed() {
    for (agent, file, project, hooks) in AGENTS {
        let home = Home::new();
        works(&home.install(agent, &[]));
        assert_eq!(home.read(file).matches("perso hook ").count(), hooks, "{agent}");
        let checked = works(&home.hook(&["doctor", agent])).to_owned();
        assert!(checked.contains("denied an event that cannot be read"), "{agent}: {checked}");
        assert!(checked.contains("denied a call of the tool `perso_doctor`"), "{agent}: {checked}");
        // Again, with other options: the hook is replaced.
        works(&home.install(agent, &["--undecided", "ask", "--user", "ann o'neil"]));
        let settings = home.read(file);
        assert_eq!(settings.matches("perso hook ").count(), hooks, "{agent}");
        assert_eq!(settings.matches("--undecided ask").count(), hooks, "{agent}");
        works(&home.install(agent, &["--undecided", "ask", "--user", "ann o'neil"]));
        assert_eq!(home.read(file), settings, "{agent}");
        works(&home.hook(&["doctor", agent]));
        // Nothing else was there, so that nothing is left.
        works(&home.hook(&["uninstall", agent, "--yes"]));
        assert!(!home.path(file).exists(), "{agent}");
        assert_eq!(home.hook(&["doctor", agent]).status.code(), Some(1), "{agent}");
        works(&home.install(agent, &["--project"]));
        assert!(home.path("it's a project").join(project).exists() && !home.path(file).exists(), "{agent}");
        works(&home.hook(&["doctor", agent]));
        works(&home.hook(&["uninstall", agent, "--project", "--yes"]));
        works(&home.hook(&["uninstall", agent, "--project", "--yes"]));
    }
}

#[test]
fn a_plugin_is_installed_checked_and_removed() {
    let home = Home::new();
    let file = ".config/opencode/plugins/perso.js";
    // The words of a command stand apart in it, so that no shell reads them.
    let words = |home: &Home| -> Vec<String> {
        let plugin = home.read(file);
        let line = plugin.lines().find_map(|line| line.strip_prefix("const COMMAND = ")).unwrap();
        serde_json::from_str(line.strip_suffix(';').unwrap()).unwrap()
    };
    works(&home.install("opencode", &[]));
    let policy = home.path("it's a project/policy.json").canonicalize().unwrap();
    assert_eq!(words(&home)[1..], ["hook", "opencode", "--policy", policy.to_str().unwrap()]);
    let checked = works(&home.hook(&["doctor", "opencode"])).to_owned();
    assert!(checked.contains("denied an event that cannot be read"), "{checked}");
    assert!(checked.contains("denied a call of the tool `perso_doctor`"), "{checked}");
    works(&home.install("opencode", &["--undecided", "ask"]));
    assert_eq!(words(&home)[5..], ["--undecided", "ask"]);
    works(&home.hook(&["uninstall", "opencode", "--yes"]));
    assert!(!home.path(file).exists());
    works(&home.install("opencode", &["--project"]));
    assert!(home.path("it's a project/.opencode/plugins/perso.js").exists() && !home.path(file).exists());
    works(&home.hook(&["doctor", "opencode"]));
    // A file of that name that is another's.
    home.write(file, "export const Other = async () => ({});\n");
    assert_eq!(home.install("opencode", &[]).status.code(), Some(1));
    works(&home.hook(&["uninstall", "opencode", "--yes"]));
    assert_eq!(home.read(file), "export const Other = async () => ({});\n");
}

#[test]
fn what_else_is_in_the_settings_stays_as_it_is() {
    let before = r#"{
  // how it looks
  "theme": "dark",   "zoom": 1.50,
  "hooks": {
    "AfterTool": [{ "hooks": [{ "type": "command", "command": "tidy" }] }],
    "BeforeTool": [
      { "matcher": "write_file", "hooks": [{ "type": "command", "command": "./check.sh" }] }
    ]
  },
  "a": ["\u0041", 1e3]
}
"#;
    let home = Home::new();
    let file = ".gemini/settings.json";
    home.write(file, before);
    works(&home.install("gemini", &[]));
    let after = home.read(file);
    let mut lines = after.lines();
    for line in before.lines().filter(|line| !line.contains("matcher")) {
        assert!(lines.any(|other| other == line), "{line}\n{after}");
    }
    assert!(
        after.contains(r#"{ "matcher": "write_file", "hooks": [{ "type": "command", "command": "./check.sh" }] }"#)
    );
    works(&home.hook(&["uninstall", "gemini", "--yes"]));
    let undone = home.read(file);
    let bare = |text: &str| text.split_whitespace().collect::<String>();
    assert_eq!(bare(&undone), bare(before));
    // In one group with a hook of others.
    let shared =
        r#"{"hooks":{"PreToolUse":[{"hooks":[{"command":"./a"},{"command":"/old/perso hook claude --policy x"}]}]}}"#;
    home.write(".claude/settings.json", shared);
    works(&home.hook(&["uninstall", "claude", "--yes"]));
    assert_eq!(
        bare(&home.read(".claude/settings.json")),
        r#"{"hooks":{"PreToolUse":[{"hooks":[{"command":"./a"}]}]}}"#
    );
}

#[test]
fn a_large_policy_is_better_installed_as_a_module() {
    let home = Home::new();
    let install = |policy: &str| home.hook(&["install", "claude", "--policy", policy, "--yes"]);
    let hint = "perso compile ../coding-agent.json -o ../coding-agent.wasm\n  \
                perso hook install claude --policy ../coding-agent.wasm\n";
    home.write("it's a project/coding-agent.json", include_str!("../../policies/coding-agent.json"));
    let output = install("../coding-agent.json");
    works(&output);
    assert!(text(&output.stderr).ends_with(hint), "{output:?}");
    let mut compile = Command::new(env!("CARGO_BIN_EXE_perso"));
    compile.args(["compile", "coding-agent.json", "-o", "coding-agent.wasm"]);
    works(&compile.current_dir(home.path("it's a project")).output().unwrap());
    for policy in ["../coding-agent.wasm", "../policy.json"] {
        let output = install(policy);
        works(&output);
        assert!(!text(&output.stderr).contains("hint"), "{output:?}");
    }
}

#[test]
fn nothing_is_written_where_something_is_wrong() {
    let home = Home::new();
    let file = ".claude/settings.json";
    let fails = |output: Output, words: &str| {
        assert_eq!(output.status.code(), Some(1), "{output:?}");
        assert!(text(&output.stderr).contains(words), "{output:?}");
    };
    // Nobody is there to be asked.
    fails(home.hook(&["install", "claude", "--policy", "../policy.json"]), "nothing was written");
    fails(home.install("claude", &["--policy", "../nowhere.json"]), "--policy");
    fails(home.hook(&["install", "claude", "--policy", "../nowhere.json", "--yes"]), "cannot be read");
    home.write("it's a project/broken.json", r#"{ "perso": 1, "rules": [{ "id": "a", "allow": 7 }] }"#);
    fails(home.hook(&["install", "claude", "--policy", "../broken.json", "--yes"]), "was not compiled");
    assert!(!home.path(file).exists());
    for settings in ["{", "[]", "7", r#"{"hooks":[]}"#, r#"{"hooks":{"PreToolUse":{}}}"#, "{'a':1}"] {
        home.write(file, settings);
        fails(home.install("claude", &[]), "cannot be changed");
        assert_eq!(home.read(file), settings);
    }
    home.write(file, "{");
    fails(home.hook(&["uninstall", "claude", "--yes"]), "cannot be changed");
}

#[test]
fn doctor_finds_what_is_wrong() {
    let wrong = |home: &Home, agent: &str, words: &str| {
        let output = home.hook(&["doctor", agent]);
        assert_eq!(output.status.code(), Some(1), "{output:?}");
        assert!(text(&output.stdout).contains(words), "{output:?}");
    };
    let home = Home::new();
    wrong(&home, "claude", "perso hook install claude --policy POLICY");
    works(&home.install("claude", &[]));
    home.write("it's a project/policy.json", r#"{ "perso": 1, "rules": [{ "id": "a", "allow": 7 }] }"#);
    wrong(&home, "claude", "has errors");
    fs::remove_file(home.path("it's a project/policy.json")).unwrap();
    wrong(&home, "claude", "cannot be read");
    home.write(
        ".claude/settings.json",
        r#"{"hooks":{"PreToolUse":[{"hooks":[{"type":"command","command":"/nowhere/perso hook claude --policy p"}]}]}}"#,
    );
    wrong(&home, "claude", "exit code 127");
    let home = Home::new();
    works(&home.install("claude", &[]));
    let settings = home.read(".claude/settings.json");
    home.write(".claude/settings.json", &settings.replacen('{', r#"{"disableAllHooks":true,"#, 1));
    wrong(&home, "claude", "`disableAllHooks` is true");
    works(&home.install("cursor", &[]));
    let settings = home.read(".cursor/hooks.json");
    home.write(".cursor/hooks.json", &settings.replace("beforeMCPExecution", "afterMCPExecution"));
    wrong(&home, "cursor", "a hook for beforeMCPExecution");
}

#[test]
fn an_agent_runs_what_was_installed() {
    let home = Home::new();
    works(&home.install("claude", &[]));
    let settings: serde_json::Value = serde_json::from_str(&home.read(".claude/settings.json")).unwrap();
    let command = settings["hooks"]["PreToolUse"][0]["hooks"][0]["command"].as_str().unwrap();
    for (tool, code) in [("Read", 0), ("Bash", 2)] {
        let event = format!(r#"{{"hook_event_name":"PreToolUse","tool_name":"{tool}","tool_input":{{}}}}"#);
        let run = format!("printf %s '{event}' | {command}");
        // Wherever it works.
        let status = Command::new("sh").args(["-c", &run]).current_dir("/").output().unwrap().status;
        assert_eq!(status.code(), Some(code), "{tool}");
    }
}
