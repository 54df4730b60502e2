//! What a tree reads: names, each once.

use super::{Node, Part, Read, Refused};
use crate::policy::Dialect;
use std::collections::HashSet;

#[derive(Debug)]
pub(super) struct Facts {
    dialect: Dialect,
    recorded: usize,
    tables: Vec<String>,
    functions: Vec<String>,
    columns: Vec<String>,
    everything: bool,
    /// Columns that are operands of one part.
    lone: HashSet<String>,
    rows: HashSet<String>,
}

impl Facts {
    pub(super) fn new(dialect: Dialect) -> Self {
        Self {
            dialect,
            recorded: 0,
            tables: Vec::new(),
            functions: Vec::new(),
            columns: Vec::new(),
            everything: false,
            lone: HashSet::new(),
            rows: HashSet::new(),
        }
    }

    fn has_rows(&self) -> bool {
        matches!(self.dialect, Dialect::Postgres | Dialect::Any)
    }

    /// A name as it is given and compared.
    fn given(&self, parts: &[Part], is_cte: bool) -> String {
        let part = |part: &Part| {
            let keeps = match self.dialect {
                Dialect::Sqlite => false,
                Dialect::Postgres => part.quoted,
                Dialect::Mysql | Dialect::Any => is_cte,
            };
            if keeps { part.text.clone() } else { part.text.to_ascii_lowercase() }
        };
        parts.iter().map(part).collect::<Vec<_>>().join(".")
    }

    fn column(&mut self, part: &Part) -> String {
        self.recorded += 1;
        let given = self.given(std::slice::from_ref(part), false);
        self.columns.push(given.clone());
        given
    }

    fn row(&mut self, part: &Part) {
        if self.has_rows() {
            self.recorded += 1;
            let given = self.given(std::slice::from_ref(part), false);
            self.rows.insert(given);
        }
    }

    fn table(&mut self, parts: &[Part], alias: Option<&Part>) {
        self.recorded += 1;
        let given = self.given(parts, false);
        self.tables.push(given);
        for part in parts.last().into_iter().chain(alias) {
            self.row(part);
        }
    }

    pub(super) fn nodes(&mut self, nodes: &[Node], visible: &mut Vec<String>) -> Read<()> {
        nodes.iter().try_for_each(|node| self.node(node, visible))
    }

    fn node(&mut self, node: &Node, visible: &mut Vec<String>) -> Read<()> {
        match node {
            Node::Reference(parts, alias) => {
                let is_visible = parts.len() == 1 && visible.contains(&self.given(parts, true));
                if !is_visible {
                    self.table(parts, alias.as_ref());
                }
            }
            Node::Target(parts) => self.table(parts, None),
            Node::Function(parts) => {
                self.recorded += 1;
                let given = self.given(parts, false);
                self.functions.push(given);
            }
            Node::Operand(part, is_lone) => {
                let given = self.column(part);
                if *is_lone {
                    self.lone.insert(given);
                }
            }
            Node::Column(part) => {
                self.column(part);
            }
            Node::Everything => self.everything = true,
            Node::Query { recursive, ctes, body } => {
                let outside = visible.len();
                for (name, query) in ctes {
                    let name = self.given(std::slice::from_ref(name), true);
                    if *recursive {
                        visible.push(name);
                        bounded(visible)?;
                        self.nodes(query, visible)?;
                    } else {
                        self.nodes(query, visible)?;
                        visible.push(name);
                        bounded(visible)?;
                    }
                }
                self.nodes(body, visible)?;
                visible.truncate(outside);
            }
        }
        Ok(())
    }

    pub(super) fn lists(self) -> Read<(Vec<String>, Vec<String>, Vec<String>)> {
        let reads_row = self.has_rows() && !self.lone.is_disjoint(&self.rows);
        let tables = once(self.tables);
        let functions = once(self.functions);
        let mut columns = once(self.columns);
        if self.everything || reads_row {
            columns.push("*".to_owned());
        }
        if self.recorded > 1024 {
            return Err(Refused("more than 1024 names"));
        }
        if tables.len() > 64 {
            return Err(Refused("more than 64 tables"));
        }
        Ok((tables, functions, columns))
    }
}

fn bounded(visible: &[String]) -> Read<()> {
    if visible.len() > 32 { Err(Refused("more than 32 common table expressions at a place")) } else { Ok(()) }
}

/// Each of them once.
fn once(names: Vec<String>) -> Vec<String> {
    let mut seen = HashSet::new();
    names.into_iter().filter(|name| seen.insert(name.clone())).collect()
}
