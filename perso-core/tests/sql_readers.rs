//! SQL has two readers: the decoder's, and the reference evaluator's, which shares no code with it. They agree on random
//! statements, on what analysts and models write, and on statements from public bug reports.

#![cfg(feature = "compile")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "it is a test")]

mod generate;
mod support;

use std::collections::BTreeSet;

use generate::sql;
use perso_core::policy::{Dialect, Facet};
use perso_core::reference::{Value as Read, facet};
use perso_decode::facet::sql::{Kind, memory, read};
use perso_decode::layout::dialect;
use serde_json::Value;
use support::sql::{member, named, objects};

/// How many random statements of each dialect are read, if `PERSO_STATEMENTS` does not say.
const STATEMENTS: u32 = 40_000;

/// A statement, as both readers read it. `None`: both refuse it.
fn agreed(text: &str, dialect: Dialect) -> Option<Read> {
    let by_reference = facet::read(Facet::Sql(dialect), text).ok();
    assert_eq!(by_decoder(text, dialect), by_reference, "decoder (left), reference (right): {dialect:?}, {text:?}");
    by_reference
}

/// What the decoder reads, as the reference evaluator shows it.
fn by_decoder(text: &str, dialect: Dialect) -> Option<Read> {
    let bits = match dialect {
        Dialect::Sqlite => dialect::SQLITE,
        Dialect::Postgres => dialect::POSTGRES,
        Dialect::Mysql => dialect::MYSQL,
        Dialect::Any => dialect::ANY,
    };
    // Other calls have left something in it.
    let mut memory = vec![0xa5; memory(text.len())];
    let read = read(text.as_bytes(), bits, &mut memory)?;
    let name = |bytes: perso_decode::facet::sql::Bytes<'_>| Read::String(bytes.map(char::from).collect());
    let list = |kind| Read::List(read.names(kind).map(|one| name(one.bytes())).collect());
    let mut members = vec![
        ("statement", name(read.statement().bytes())),
        ("tables", list(Kind::Table)),
        ("functions", list(Kind::Function)),
        ("columns", list(Kind::Column)),
    ];
    members.extend(read.limit().map(|limit| ("limit", support::sql::number(limit))));
    Some(Read::Object(members.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()))
}

#[test]
fn readers_agree_on_random_statements() {
    let wanted = std::env::var("PERSO_STATEMENTS").map_or(STATEMENTS, |count| count.parse().expect("it is a number"));
    for dialect in Dialect::ALL {
        let mut is_read = 0;
        for text in sql::random(wanted, dialect, sql::statement) {
            is_read += u32::from(agreed(&text, dialect).is_some());
            // What one dialect refuses another may read.
            if text.len() % 8 == 0 {
                Dialect::ALL.iter().for_each(|dialect| drop(agreed(&text, *dialect)));
            }
        }
        println!("{}: {is_read} of {wanted} statements are read", dialect.name());
        assert!(is_read >= wanted / 3, "hardly any statement is read: {is_read} of {wanted}");
    }
}

#[test]
fn readers_agree_on_statements_that_are_cut_off_anywhere() {
    for dialect in Dialect::ALL {
        let mut is_read = 0;
        for text in sql::random(50, dialect, sql::valid) {
            is_read += u32::from(agreed(&text, dialect).is_some());
            for at in (0..=text.len()).filter(|at| text.is_char_boundary(*at)) {
                agreed(&text[..at], dialect);
                agreed(&text[at..], dialect);
            }
        }
        assert!(is_read > 25, "{}: {is_read} of 50", dialect.name());
    }
}

#[test]
fn ordinary_statements_are_read_but_for_those_with_a_reason() {
    let key = |object: &Value| (member(object, "dialect").to_owned(), member(object, "text").to_owned());
    let ordinary = objects("tests/sql/ordinary.jsonl");
    let is_refused = |(dialect, text): &(String, String)| agreed(text, named(dialect)).is_none();
    let refused: BTreeSet<_> = ordinary.iter().map(key).filter(is_refused).collect();
    let expected = objects("tests/sql/refused.jsonl");
    assert!(expected.iter().all(|object| !member(object, "why").is_empty()));
    assert_eq!(refused, expected.iter().map(key).collect());
    assert_eq!(refused.len(), expected.len(), "a statement is a duplicate");
    assert_eq!(ordinary.len(), 200);
    assert!(refused.len() * 10 <= ordinary.len(), "{} of {} are refused", refused.len(), ordinary.len());
}

#[test]
fn reported_statements_are_read_as_they_should_be() {
    let list = |names: &Value| -> Read {
        let names = names.as_array().unwrap().iter();
        Read::List(names.map(|name| Read::String(name.as_str().unwrap().to_owned())).collect())
    };
    let mut wrong = Vec::new();
    for case in objects("../policies/reported/sql.jsonl") {
        let read = agreed(member(&case, "text"), named(member(&case, "dialect")));
        let is_right = match &read {
            None => case["tables"].is_null(),
            Some(_) if case["tables"].is_null() => false,
            Some(read) => ["tables", "functions"].iter().all(|key| read.member(key) == Some(&list(&case[*key]))),
        };
        if !is_right {
            wrong.push(format!("{read:?}: {case}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn what_is_beyond_a_limit_is_refused() {
    let is_read = |text: &str| {
        let read = Dialect::ALL.map(|dialect| agreed(text, dialect).is_some());
        assert!(read.iter().all(|is| *is == read[0]), "{read:?}: {text}");
        read[0]
    };
    let padded = |length: usize| format!("SELECT 1{}", " ".repeat(length - 8));
    assert!(is_read(&padded(65_536)));
    assert!(!is_read(&padded(65_537)));
    let brackets = |depth| format!("SELECT {}1{}", "(".repeat(depth), ")".repeat(depth));
    let cases = |depth| format!("SELECT {}1{}", "CASE WHEN 1 THEN ".repeat(depth), " END".repeat(depth));
    let queries = |depth| format!("SELECT a FROM {}t{}", "(SELECT a FROM ".repeat(depth), ") x".repeat(depth));
    for deep in [&brackets as &dyn Fn(usize) -> String, &cases, &queries] {
        assert!(is_read(&deep(32)));
        assert!(!is_read(&deep(33)));
    }
    assert!(!is_read(&brackets(30_000)));
    let list = |count: usize, of: &dyn Fn(usize) -> String| (0..count).map(of).collect::<Vec<_>>().join(", ");
    let tables = |count| format!("SELECT 1 FROM {}", list(count, &|number| format!("t{number}")));
    assert!(is_read(&tables(64)));
    assert!(!is_read(&tables(65)));
    assert!(is_read(&format!("SELECT 1 FROM {}", list(500, &|_| "t".to_owned()))));
    let expressions = |count| format!("WITH {} SELECT 1", list(count, &|number| format!("x{number} AS (SELECT 1)")));
    assert!(is_read(&expressions(32)));
    assert!(!is_read(&expressions(33)));
    for name in [|number: usize| format!("c{number}"), |_| "c".to_owned()] {
        let columns = |count| format!("SELECT {}", list(count, &name));
        assert!(is_read(&columns(1024)));
        assert!(!is_read(&columns(1025)));
    }
    let names = |length: usize| format!("SELECT {} FROM t", "a".repeat(length));
    assert!(is_read(&names(63)));
    assert!(!is_read(&names(64)));
    let limit = |digits: usize| format!("SELECT 1 LIMIT {}", "9".repeat(digits));
    assert!(is_read(&limit(18)));
    assert!(!is_read(&limit(19)));
}

#[test]
fn too_little_memory_refuses() {
    let text = b"SELECT a, b FROM t";
    assert!(read(text, dialect::SQLITE, &mut [0; 24]).is_some());
    assert!(read(text, dialect::SQLITE, &mut [0; 23]).is_none());
    assert!(read(text, dialect::SQLITE, &mut []).is_none());
}
