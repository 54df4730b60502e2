//! Statements of SQL: what they do, and to which tables, by the first dialect that reads all of them.

use std::collections::BTreeSet;

use super::super::few::Few;
use super::super::json::{Members, list, member, object, text, texts};
use crate::policy::{Dialect, Facet, StatementField};
use crate::reference::{Value, facet};

/// What statements begin with.
const FIRST_WORDS: [&str; 5] = ["select", "insert", "update", "delete", "with"];

/// The dialects, the ones that refuse most first.
const DIALECTS: [Dialect; 4] = [Dialect::Any, Dialect::Postgres, Dialect::Sqlite, Dialect::Mysql];

#[derive(Debug, Clone)]
pub(in crate::learn) struct Statements {
    /// What each dialect reads; `None` where it does not read every statement.
    by_dialect: [Option<Facts>; 4],
}

#[derive(Debug, Clone)]
struct Facts {
    statements: BTreeSet<String>,
    tables: Few,
    functions: Few,
    columns: Few,
    /// The largest limit, if every statement has one.
    limit: Option<u64>,
}

impl Statements {
    pub(super) fn new() -> Self {
        let facts = || {
            let (tables, functions, columns) = (Few::new(), Few::new(), Few::new());
            Some(Facts { statements: BTreeSet::new(), tables, functions, columns, limit: Some(0) })
        };
        Self { by_dialect: [facts(), facts(), facts(), facts()] }
    }

    pub(super) fn see(&mut self, text: &str) -> Option<()> {
        let word = text.trim_start().split(|c: char| !c.is_ascii_alphabetic()).next()?.to_ascii_lowercase();
        FIRST_WORDS.contains(&word.as_str()).then_some(())?;
        for (facts, dialect) in self.by_dialect.iter_mut().zip(DIALECTS) {
            super::keep(facts, |facts| facts.see(&facet::read(Facet::Sql(dialect), text).ok()?));
        }
        self.is_any()
    }

    pub(super) fn append(&mut self, later: &Self) -> Option<()> {
        for (facts, later) in self.by_dialect.iter_mut().zip(&later.by_dialect) {
            super::both(facts, later.as_ref(), Facts::append);
        }
        self.is_any()
    }

    fn is_any(&self) -> Option<()> {
        self.by_dialect.iter().any(Option::is_some).then_some(())
    }

    pub(super) fn tests(&self) -> Option<Members> {
        let mut read = self.by_dialect.iter().zip(DIALECTS);
        let (facts, dialect) = read.find_map(|(facts, dialect)| Some((facts.as_ref()?, dialect)))?;
        let mut parts = vec![member("dialect", text(dialect.name())), member("statement", texts(&facts.statements))];
        for (key, names) in [("tables", &facts.tables), ("functions", &facts.functions), ("columns", &facts.columns)] {
            parts.extend(names.up_to(Few::MOST).map(|names| match names.len() {
                0 => member(key, r#"{"count":0}"#),
                _ => member(key, format!(r#"{{"every":{{"in":{}}}}}"#, list(names.iter().map(|name| text(name))))),
            }));
        }
        parts.extend(facts.limit.map(|limit| member("limit", format!(r#"{{"lte":{limit}}}"#))));
        Some(vec![member("sql", object(&parts))])
    }
}

impl Facts {
    fn see(&mut self, statement: &Value) -> Option<()> {
        let field = |field: StatementField| statement.member(field.name());
        let Some(Value::String(kind)) = field(StatementField::Statement) else { return None };
        self.statements.insert(kind.clone());
        for (names, part) in [
            (&mut self.tables, StatementField::Tables),
            (&mut self.functions, StatementField::Functions),
            (&mut self.columns, StatementField::Columns),
        ] {
            let Some(Value::List(found)) = field(part) else { return None };
            for name in found {
                let Value::String(name) = name else { return None };
                names.add(name);
            }
        }
        let limit = match field(StatementField::Limit) {
            Some(Value::Number(number)) => number.text.parse::<u64>().ok(),
            _ => None,
        };
        self.limit = self.limit.and_then(|most| limit.map(|limit| most.max(limit)));
        Some(())
    }

    fn append(&mut self, later: &Self) -> Option<()> {
        self.statements.extend(later.statements.iter().cloned());
        self.tables.append(&later.tables);
        self.functions.append(&later.functions);
        self.columns.append(&later.columns);
        self.limit = self.limit.and_then(|most| later.limit.map(|limit| most.max(limit)));
        Some(())
    }
}
