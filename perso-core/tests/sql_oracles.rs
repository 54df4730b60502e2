//! What perso reads in a statement is what databases read: SQLite, asked by its authorizer; PostgreSQL's own parser, as
//! pglast has it; and sqlglot for MySQL. They read no table, call no function and name no column that is not in what perso
//! reads, and the statement is of the kind that perso says.

#![cfg(feature = "compile")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "it is a test")]

mod generate;
mod support;

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;

use generate::sql;
use perso_core::policy::{Dialect, Facet};
use perso_core::reference::{Value as Read, facet};
use serde_json::{Value, json};
use support::sql::{member, named, objects};

/// How many random statements of each dialect are read, if `PERSO_STATEMENTS` does not say.
const STATEMENTS: u32 = 10_000;

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/sql")
}

/// A statement that is read, as the oracle takes it.
fn question(text: &str, dialect: Dialect, ordinary: bool) -> Option<Value> {
    let read = facet::read(Facet::Sql(dialect), text).ok()?;
    let read = json!({
        "statement": shown(read.member("statement")),
        "tables": shown(read.member("tables")),
        "functions": shown(read.member("functions")),
        "columns": shown(read.member("columns")),
        "limit": shown(read.member("limit")),
    });
    Some(json!({ "dialect": dialect.name(), "text": text, "read": read, "ordinary": ordinary }))
}

fn shown(value: Option<&Read>) -> Value {
    match value {
        None => Value::Null,
        Some(Read::String(text)) => Value::from(text.as_str()),
        Some(Read::Number(number)) => number.text.parse::<u64>().map(Value::from).unwrap(),
        Some(Read::List(elements)) => elements.iter().map(|element| shown(Some(element))).collect(),
        Some(other) => panic!("{other:?}"),
    }
}

/// Has the oracle look at each question. Its last words are printed.
fn ask(questions: impl Iterator<Item = Value> + Send) {
    static INSTALLED: OnceLock<bool> = OnceLock::new();
    let install = || Command::new(folder().join("install.sh")).status().unwrap().success();
    assert!(*INSTALLED.get_or_init(install), "tests/sql/install.sh failed");
    let python = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/sql/venv/bin/python");
    let mut oracle = Command::new(python);
    oracle.arg("-B").arg(folder().join("oracle.py")).stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut oracle = oracle.spawn().unwrap();
    let mut to = oracle.stdin.take().unwrap();
    let output = std::thread::scope(|scope| {
        scope.spawn(move || {
            for question in questions {
                // One that stops early says why.
                if writeln!(to, "{question}").is_err() {
                    return;
                }
            }
        });
        oracle.wait_with_output().unwrap()
    });
    let words = String::from_utf8_lossy(&output.stdout);
    println!("{words}");
    assert!(output.status.success() && words.ends_with("\n0 faults\n"), "{words}");
}

#[test]
fn databases_read_nothing_else_in_random_statements() {
    let wanted = std::env::var("PERSO_STATEMENTS").map_or(STATEMENTS, |count| count.parse().expect("it is a number"));
    ask(Dialect::ALL.into_iter().flat_map(|dialect| {
        let texts = sql::random(wanted, dialect, sql::statement);
        texts.filter_map(move |text| question(&text, dialect, false))
    }));
}

#[test]
fn databases_read_nothing_else_in_ordinary_and_reported_statements() {
    let ordinary = objects("tests/sql/ordinary.jsonl").into_iter();
    let ordinary = ordinary.chain(objects("../policies/reported/sql.jsonl"));
    ask(ordinary.filter_map(|case| question(member(&case, "text"), named(member(&case, "dialect")), true)));
}
