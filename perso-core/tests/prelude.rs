//! The prelude that is checked in: it is what its sources make, it makes the frames that the native decoder makes, it says
//! what the fast entry says, and it keeps to the stack that it has.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stderr,
    clippy::unwrap_used,
    reason = "a test fails by panicking"
)]

mod generate;
mod support;

use arbtest::arbtest;
use perso_core::module::{hex, sha256};
use perso_decode::call::{self, Unknown};
use perso_decode::limits::{INPUT_BYTES, WORK_BYTES};
use perso_decode::{Code, Outcome, Table, packed};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use support::compile;
use support::portable::Portable;

/// Calls per policy.
const CALLS: u32 = 24;

/// How many pairs of policy and call a run makes at least.
const PAIRS: u32 = 10_000;

/// A module's table.
fn table(module: &[u8]) -> Vec<u8> {
    let segments = wasmparser::Parser::new(0).parse_all(module).find_map(|payload| match payload.unwrap() {
        wasmparser::Payload::DataSection(segments) => Some(segments),
        _ => None,
    });
    let packed = segments.unwrap().into_iter().next().unwrap().unwrap().data;
    let mut table = vec![0; packed::length(packed).unwrap()];
    packed::expand(packed, &mut table).unwrap();
    table
}

/// The frame that the native decoder makes of a call, and the one that the module has made of it.
fn frames(table: &[u8], portable: &Portable, text: &[u8], unknown: u32) -> Option<[Vec<u8>; 2]> {
    let mut memory = vec![0xaa; WORK_BYTES];
    let unknown = Unknown::from_bits(unknown).unwrap();
    match call::read(Table::new(table).unwrap(), &mut memory, text, unknown) {
        Ok(Outcome::Frame(length)) => {
            memory.truncate(length);
            let at = portable.work(text.len());
            let module = portable.memory()[at..at + length].to_vec();
            Some([memory, module])
        }
        _ => None,
    }
}

#[test]
fn both_entries_make_the_same_frame_and_say_the_same() {
    let (mut pairs, mut framed) = (0, 0);
    while pairs < PAIRS {
        arbtest(|u| {
            let policy = generate::policy(u)?;
            let text = policy.to_string();
            let both = compile(&text);
            let table = table(both.policy.module());
            let mut portable = Portable::new(both.policy.module());
            for _ in 0..CALLS {
                let call = generate::call(u, &policy)?;
                let record = portable.decide_json(call.as_bytes());
                let fast = serde_json::to_value(both.policy.decide_json(call.as_bytes())).unwrap();
                assert_eq!(record, fast, "policy {text}\ncall {call}");
                pairs += 1;
                let unknown = *u.choose(&[0, 1, 5, 2, 0x10, 0x100, 0x401, 0x804, 0x1f00, 0x1_0000, 0x1_0005])?;
                let _ = portable.decide_partial(call.as_bytes(), unknown);
                if let Some([native, module]) = frames(&table, &portable, call.as_bytes(), unknown) {
                    framed += 1;
                    assert!(native == module, "the frames differ\npolicy {text}\ncall {call}\nunknown {unknown}");
                }
            }
            Ok(())
        })
        .size_min(1 << 12)
        .size_max(1 << 14)
        .budget_ms(2_000)
        .run();
    }
    println!("{pairs} pairs, {framed} frames");
    assert!(framed > PAIRS / 4, "hardly any frame: {framed}");
}

const POLICY: &str = r#"{ "perso": 1, "rules": [
    { "id": "r", "allow": "t", "when": {
        "args.l": { "every": { ".a.b": { "some": { "ne": { "ref": "agent.id" } } } } },
        "args.u": { "url": { "host": ["*.example.com"] } },
        "args.p": { "within": "/srv/share" },
        "args.c": { "command": { "program": ["git"] } },
        "args.i": { "cidr": ["2001:db8::/32"] },
        "args.m": { "matches": "[a-z]{1,9}" },
        "args.s": { "shell": { "every": { ".words": { "begins": ["git"] } } } },
        "args.q": { "sql": { "dialect": "postgres", "tables": { "has": "t" }, "columns": { "has": "a" } } },
        "args.w": { "starts_with": { "ref": "agent.id" } } } }
] }"#;

fn hostile_calls() -> Vec<Vec<u8>> {
    let deep = |n: usize| [r#"{"tool":"t","args":{"l":"#, &"[".repeat(n), &"]".repeat(n), "}}"].concat();
    let args = |args: &str| format!(r#"{{"tool":"t","agent":{{"id":"x"}},"args":{args}}}"#);
    let long = "x".repeat(INPUT_BYTES / 2);
    let nested = |open: &str, inner: &str, close: &str, depth| {
        [open.repeat(depth), inner.to_owned(), close.repeat(depth)].concat()
    };
    let query = "SELECT CASE WHEN a IN (SELECT a FROM t) THEN f(a, b ORDER BY (";
    [
        deep(60),
        deep(70),
        args(r#"{"l":[{"a":{"b":[1,"x",null]}},{"a":{"b":["\u0061\ud83d\ude00"]}}],"\u0077":"x\u0061"}"#),
        args(r#"{"u":"https://[2001:db8::1]:8443/a/b?c","p":"/srv/share/a","c":"git 'log' -n","i":"2001:db8::7"}"#),
        args(&format!(r#"{{"s":"{}"}}"#, nested("git $(sh -c '(git)'; ", "git a", ")", 6))),
        args(&format!(r#"{{"q":"{} FROM t"}}"#, nested(query, "1", ")) END", 10))),
        args(&format!(r#"{{"q":"SELECT a FROM {}"}}"#, nested("(SELECT a FROM t JOIN ", "t", ") x", 32))),
        args(&format!(r#"{{"w":"{long}","m":"{long}"}}"#)),
        args(&format!(r#"{{"l":[{}0]}}"#, "0,".repeat(INPUT_BYTES / 4))),
        format!(r#"{{"args":{{"w":"{long}"}},"tool":"t"}}"#),
        // Faults in what is read only once the tool is known, and in its own name.
        r#"{"args":{"w":"a","w":true},"agent":{"id":1},"tool":"t","context":true}"#.to_owned(),
        r#"{"args":{"l":[[{"a":1,"a":2},true],3]},"tool":"t","context":{"a":1}}"#.to_owned(),
        r#"{"args":{},"tool":"t"#.to_owned(),
        r#"{"args":{},"agent":{"id":1},"tool":"\u00"#.to_owned(),
    ]
    .map(String::into_bytes)
    .into()
}

#[test]
fn the_stack_is_large_enough() {
    let both = compile(POLICY);
    let mut portable = Portable::new(both.policy.module());
    for call in hostile_calls() {
        let record = portable.decide_json(&call);
        assert_eq!(record, serde_json::to_value(both.policy.decide_json(&call)).unwrap());
    }
    // The stack is the memory's front, and grows towards it.
    let untouched = portable.memory().iter().take_while(|byte| **byte == 0).count();
    println!("{untouched} bytes of the stack were never used");
    assert!(untouched >= 4096, "{untouched}");
}

/// Wherever a host stops a call for good, be it while the table is expanded: the next call is judged as ever.
#[test]
fn a_call_that_is_stopped_leaves_nothing_behind() {
    let both = compile(POLICY);
    let call = &hostile_calls()[2];
    let expected = serde_json::to_value(both.policy.decide_json(call)).unwrap();
    let mut stops = 0;
    for fuel in (0..).step_by(997) {
        let mut portable = Portable::metered(both.policy.module());
        if !portable.is_stopped(call, fuel) {
            break;
        }
        stops += 1;
        assert_eq!(portable.decide_json(call), expected, "after {fuel}");
    }
    assert!(stops > 20, "{stops}");
}

#[test]
fn a_host_that_does_not_keep_to_the_rules_gets_a_denial() {
    let both = compile(POLICY);
    let mut portable = Portable::new(both.policy.module());
    let engine = |record: serde_json::Value| {
        assert_eq!(record["decision"], "deny", "{record}");
        record["cause"]["detail"].as_str().unwrap().to_owned()
    };
    let call = br#"{"tool":"t"}"#;
    for unknown in [0x2_0000, 0x101, u32::MAX] {
        assert_eq!(engine(portable.decide_partial(call, unknown)), Code::Unknown.message());
    }
    assert_eq!(engine(portable.decide_at(0, 12)), Code::Heap.message());
    assert_eq!(engine(portable.decide_at(1 << 16, 12)), Code::Heap.message());
    assert_eq!(engine(portable.decide_at(0, u32::MAX)), Code::Size.message());
    assert_eq!(engine(portable.decide_json(&vec![b' '; INPUT_BYTES + 1])), Code::Size.message());
    // And the next call is judged as if nothing had been.
    assert_eq!(portable.decide_json(call), serde_json::to_value(both.policy.decide_json(call)).unwrap());
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("prelude")
}

/// Every file below a folder.
fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let mut files: Vec<PathBuf> =
        entries.flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] }).collect();
    files.sort();
    files
}

#[test]
fn the_prelude_was_built_from_these_sources() {
    let sums = fs::read_to_string(folder().join("prelude.sha256")).unwrap();
    let again = "run perso-core/prelude/build.sh";
    let repository = folder().join("../..");
    for line in sums.lines() {
        let (sum, file) = line.split_once("  ").unwrap();
        let bytes = fs::read(repository.join(file)).unwrap();
        assert_eq!(hex(&sha256(&bytes)), sum, "{file} is not what the prelude was built from: {again}");
    }
    for folder in [folder().join("src"), folder().join("../decode/src")] {
        for file in files(&folder) {
            let name = file.file_name().unwrap().to_str().unwrap();
            assert!(sums.contains(&format!("/{name}\n")), "{} is new: {again}", file.display());
        }
    }
}

/// Where its compiler is there (`perso-core/prelude/toolchain.sh` brings it), which CI sees to.
#[test]
fn the_prelude_is_what_its_sources_make() {
    if !folder().join("../../target/prelude-toolchain/complete").exists() {
        eprintln!("NOT CHECKED: the compiler of the prelude is not there; perso-core/prelude/toolchain.sh brings it");
        return;
    }
    let built = tempfile::tempdir().unwrap();
    let status = Command::new(folder().join("build.sh")).arg(built.path()).status().unwrap();
    assert!(status.success());
    for name in ["prelude.wasm", "plain.wasm", "lean.wasm"] {
        let same = fs::read(built.path().join(name)).unwrap() == fs::read(folder().join(name)).unwrap();
        assert!(same, "the checked-in {name} is another: run perso-core/prelude/build.sh, see what changed, commit it");
    }
}

/// The module of a policy with a rule that asks this.
fn module_of(when: &str) -> Vec<u8> {
    let rule = format!(r#"{{"id": "r", "allow": "t", "when": {when}}}"#);
    perso_core::compile(&format!(r#"{{"perso": 1, "rules": [{rule}]}}"#)).unwrap().module
}

#[test]
fn only_modules_with_a_reader_have_its_words() {
    const SHELL: &str = r#"{"args.c": {"shell": {"every": {".program": "ls"}}}}"#;
    const SQL: &str = r#"{"args.c": {"sql": {"dialect": "any", "tables": {"has": "a"}}}}"#;
    let shell: &[u8] = &perso_decode::facet::shell::names::TABLE;
    let sql: &[u8] = &perso_decode::facet::sql::words::TABLE;
    let has = |when: &str, words: &[u8]| module_of(when).windows(words.len()).any(|window| window == words);
    assert!(has(SHELL, shell) && !has(SHELL, sql));
    assert!(has(SQL, sql) && !has(SQL, shell));
    for test in [r#"{"command": {"program": "ls"}}"#, r#"{"words": {"has": "ls"}}"#, r#"{"within": "/srv"}"#, r#""ls""#]
    {
        let when = format!(r#"{{"args.c": {test}}}"#);
        assert!(!has(&when, shell) && !has(&when, sql), "{test}");
    }
}

/// What a reader weighs: a policy that reads a text, next to one that asks the same of an argument.
#[test]
fn a_reader_is_small() {
    let weight = |reads: &str, asks: &str| module_of(reads).len() - module_of(asks).len();
    let shell = weight(
        r#"{"args.c": {"shell": {"every": {".program": {"in": ["git", "ls"]}}}}}"#,
        r#"{"args.c": {"every": {".program": {"in": ["git", "ls"]}}}}"#,
    );
    let sql = weight(
        r#"{"args.q": {"sql": {"dialect": "sqlite", "statement": "select", "tables": {"every": {"in": ["a", "b"]}},
            "functions": {"every": {"eq": "count"}}}}}"#,
        r#"{"args.statement": "select", "args.tables": {"every": {"in": ["a", "b"]}}, "args.functions": {"every": {"eq": "count"}}}"#,
    );
    println!("shell: {shell} bytes, sql: {sql} bytes");
    assert!(shell <= 12 << 10 && sql <= 16 << 10, "{shell} and {sql} bytes");
}
