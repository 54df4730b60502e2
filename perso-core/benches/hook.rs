//! What `perso hook` costs, from the start of the process to its end, beside `true`, which does nothing.
//!
//! `make bench` runs it and writes the ratios to `target/perso-bench.json`:
//!
//! | ratio | time of | over that of |
//! | --- | --- | --- |
//! | `hook_vs_true` | `perso hook` with the module of `policies/coding-agent.json` | `true` |
//! | `hook_text_vs_true` | the same with the policy's text, which it compiles | `true` |

#![expect(clippy::expect_used, clippy::indexing_slicing, reason = "a benchmark on known data may stop at once")]

mod measure;

use measure::{Report, candidate};
use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

const EVENT: &str = r#"{"session_id":"5f0c","cwd":"/home/dev/project","permission_mode":"default",
    "hook_event_name":"PreToolUse","tool_name":"Bash","tool_input":{"command":"cargo test --workspace"},"tool_use_id":"t1"}"#;

fn main() {
    let text = Path::new(env!("CARGO_MANIFEST_DIR")).join("../policies/coding-agent.json");
    let policy = fs::read_to_string(&text).expect("the policy is there");
    let module = Path::new(env!("CARGO_TARGET_TMPDIR")).join("coding-agent.wasm");
    fs::write(&module, perso_core::compile(&policy).expect("it compiles").module).expect("target/ can be written to");
    let perso = |policy: &Path| {
        let mut perso = Command::new(env!("CARGO_BIN_EXE_perso"));
        perso.args(["hook", "claude", "--policy"]).arg(policy);
        perso
    };
    assert_eq!(run(&mut perso(&module)), 0, "the line is allowed");
    let mut report = Report::default();
    let medians = report.compare(
        "a process that judges a shell line",
        1,
        vec![
            candidate("perso hook with a module", || run(&mut perso(&module))),
            candidate("perso hook with a policy's text", || run(&mut perso(&text))),
            candidate("true", || run(&mut Command::new("true"))),
        ],
    );
    report.ratio("hook_vs_true", medians[0] / medians[2]);
    report.ratio("hook_text_vs_true", medians[1] / medians[2]);
    report.write();
}

/// Runs a command with the event, and returns its exit code.
fn run(command: &mut Command) -> i32 {
    let command = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().expect("it starts");
    // `true` does not read it.
    let _ = child.stdin.take().expect("it is piped").write_all(EVENT.as_bytes());
    child.wait_with_output().expect("it ends").status.code().expect("by itself")
}
