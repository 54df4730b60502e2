//! On a terminal, a command that takes longer than a second shows what it is doing, and removes that at its end. The terminal is a
//! real pseudo-terminal, and the commands are slow because they have much to do, or because what they read comes slowly.

#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use rustix::fs::{CWD, FileType, Mode, mknodat};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use serde_json::{Value, json};
use std::fs::{self, File, OpenOptions};
use std::io::{Read, Write};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};
use std::{ffi::OsStr, thread};

/// What removes a line.
const CLEAR: &str = "\r\x1b[2K";

/// How long the first line takes to come.
const SECOND: Duration = Duration::from_secs(1);

fn perso(folder: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_perso"));
    command.args(arguments).current_dir(folder).env("NO_COLOR", "1").env_remove("CLICOLOR_FORCE");
    command.stdin(Stdio::null()).stdout(Stdio::null());
    command
}

/// What a command writes to its standard error, a terminal. `feed` runs meanwhile.
fn on_terminal(mut command: Command, feed: impl FnOnce() + Send + 'static) -> String {
    let terminal = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
    grantpt(&terminal).unwrap();
    unlockpt(&terminal).unwrap();
    let name = ptsname(&terminal, Vec::new()).unwrap();
    let other_end = OpenOptions::new().read(true).write(true).open(OsStr::from_bytes(name.as_bytes())).unwrap();
    let mut child = command.stderr(other_end).spawn().unwrap();
    // The terminal ends with the last that has its other end open.
    drop(command);
    let feeder = thread::spawn(feed);
    let mut shown = Vec::new();
    // Linux reports that end as an error.
    let _ = File::from(terminal).read_to_end(&mut shown);
    child.wait().unwrap();
    feeder.join().unwrap();
    String::from_utf8(shown).unwrap().replace("\r\n", "\n")
}

/// What it writes where its standard error is a pipe.
fn on_pipe(mut command: Command) -> String {
    let output = command.stderr(Stdio::piped()).spawn().unwrap().wait_with_output().unwrap();
    String::from_utf8(output.stderr).unwrap()
}

/// Whether a line of progress begins like this, and what is left at the end is what is written without a terminal.
#[track_caller]
fn assert_shows(terminal: &str, beginning: &str, left: &str) {
    assert!(terminal.contains(&format!("{CLEAR}\x1b[?7l{beginning}")), "no {beginning:?} in {terminal:?}");
    assert_eq!(terminal.rsplit(CLEAR).next(), Some(left), "{terminal:?}");
}

/// A policy for so many tools. `most` is what each rule allows.
fn policy(tools: usize, most: usize, guarantees: usize) -> Value {
    let rules = (0..tools).map(|at| {
        json!({ "id": format!("r{at}"), "allow": format!("tool_{at}"), "when": { "args.a": { "gt": 0, "lte": most } } })
    });
    let guarantees = (0..guarantees).map(
        |at| json!({ "id": format!("g{at}"), "never_allow": "tool_*", "when": { "args.a": { "gt": most + at } } }),
    );
    let mut policy = json!({ "perso": 1, "rules": rules.collect::<Vec<_>>() });
    if guarantees.len() > 0 {
        policy.as_object_mut().unwrap().insert("guarantees".to_owned(), guarantees.collect());
    }
    policy
}

fn write(folder: &Path, name: &str, value: &Value) {
    fs::write(folder.join(name), value.to_string()).unwrap();
}

/// Tries more and more work until the command is at it for more than a second, on a machine of any speed. How long the whole
/// command takes does not say so: each of its steps may be short.
#[track_caller]
fn assert_shows_with_much_to_do(arguments: &[&str], beginning: &str, prepare: impl Fn(&Path, usize)) {
    let folder = tempfile::tempdir().unwrap();
    for doublings in 0..8 {
        prepare(folder.path(), 1 << doublings);
        let began = Instant::now();
        let terminal = on_terminal(perso(folder.path(), arguments), || {});
        if terminal.contains(beginning) {
            return assert_shows(&terminal, beginning, &on_pipe(perso(folder.path(), arguments)));
        }
        assert!(began.elapsed() > SECOND || !terminal.contains(CLEAR), "too early: {terminal:?}");
    }
    panic!("{arguments:?} shows no {beginning:?}, or this machine is too fast");
}

#[test]
fn compile_and_prove_show_which_guarantee_of_how_many() {
    let prepare = |folder: &Path, more| write(folder, "p.json", &policy(100 * more, 500, 100));
    assert_shows_with_much_to_do(&["compile", "p.json"], "compiling p.json: guarantee ", prepare);
    assert_shows_with_much_to_do(&["prove", "p.json"], "proving p.json: guarantee ", prepare);
}

#[test]
fn diff_shows_which_tool_of_how_many() {
    assert_shows_with_much_to_do(
        &["diff", "a.json", "b.json"],
        "comparing a.json with b.json: tool ",
        |folder, more| {
            write(folder, "a.json", &policy(2000 * more, 500, 0));
            write(folder, "b.json", &policy(2000 * more, 501, 0));
        },
    );
}

#[test]
fn test_shows_which_change_of_how_many() {
    assert_shows_with_much_to_do(&["test", "--mutate"], "changing ./p.json: ", |folder, more| {
        write(folder, "p.json", &policy(20 * more, 500, 0));
        let call = json!({ "tool": "tool_0", "args": { "a": 1 } });
        let cases = [json!({ "name": "one", "decision": "allow", "call": call })];
        write(folder, "p.tests.json", &json!({ "policy": "p.json", "cases": cases }));
    });
}

/// A command shows what it is at while `pipe`, which it reads, gets its text after some seconds.
#[track_caller]
fn assert_shows_while_reading(arguments: &[&str], text: &Value, beginning: &str) {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), "p.json", &policy(1, 500, 0));
    write(folder.path(), "tools.json", &json!([{ "name": "tool_0", "inputSchema": { "type": "object" } }]));
    let pipe = folder.path().join("pipe");
    let text = text.to_string();
    fs::write(&pipe, &text).unwrap();
    let left = on_pipe(perso(folder.path(), arguments));
    fs::remove_file(&pipe).unwrap();
    mknodat(CWD, &pipe, FileType::Fifo, Mode::RUSR | Mode::WUSR, 0).unwrap();
    let terminal = on_terminal(perso(folder.path(), arguments), move || {
        let mut file = OpenOptions::new().write(true).open(pipe).unwrap();
        thread::sleep(3 * SECOND);
        file.write_all(text.as_bytes()).unwrap();
    });
    assert_shows(&terminal, beginning, &left);
}

#[test]
fn commands_show_what_they_read() {
    let small = policy(1, 500, 0);
    let call = json!({ "tool": "tool_0", "args": { "a": 1 } });
    thread::scope(|scope| {
        scope.spawn(|| {
            assert_shows_while_reading(&["check", "pipe", "--tools", "tools.json"], &small, "reading pipe … ");
        });
        scope.spawn(|| assert_shows_while_reading(&["diff", "p.json", "pipe"], &small, "reading pipe … "));
        scope.spawn(|| assert_shows_while_reading(&["learn", "pipe"], &call, "reading pipe … "));
        scope.spawn(|| {
            let replay = ["replay", "p.json", "pipe", "--against", "p.json"];
            assert_shows_while_reading(&replay, &call, "judging the calls in pipe … ");
        });
    });
}

#[test]
fn what_takes_no_second_shows_nothing() {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), "p.json", &policy(1, 500, 1));
    write(folder.path(), "tools.json", &json!([{ "name": "tool_0", "inputSchema": { "type": "object" } }]));
    for arguments in [
        ["compile", "p.json", "-o", "p.wasm"].as_slice(),
        &["check", "p.json", "--tools", "tools.json"],
        &["diff", "p.json", "p.json"],
        &["prove", "p.json"],
    ] {
        // A machine that is busy may need longer.
        let quick = (0..20).find_map(|_| {
            let began = Instant::now();
            let terminal = on_terminal(perso(folder.path(), arguments), || {});
            (began.elapsed() < SECOND).then_some(terminal)
        });
        let terminal = quick.unwrap_or_else(|| panic!("this machine is too slow for {arguments:?}"));
        assert_eq!(terminal, on_pipe(perso(folder.path(), arguments)));
    }
}
