//! Statements of SQL: a second reader, slow and obvious. The text becomes tokens, the tokens a tree of what is read, and
//! the tree lists. It shares nothing with the reader of the decoder; `docs/operators/sql.md` says what both read.
//!
//! | where | what |
//! | --- | --- |
//! | `scan.rs` | tokens |
//! | `words.rs` | words and types, by dialect |
//! | `parser.rs` | going through the tokens |
//! | `statement.rs` | statements, queries and selections |
//! | `expression.rs` | expressions |
//! | `found.rs` | what a tree reads |

mod expression;
mod found;
mod parser;
mod scan;
mod statement;
mod words;

use self::found::Facts;
use self::parser::Parser;
use self::scan::Scanner;
use crate::policy::Dialect;

/// The most bytes of a text.
const LENGTH: usize = 65_536;

/// What a text says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Statement {
    /// `select`, `insert`, `update` or `delete`.
    pub statement: &'static str,
    /// The tables that it reads or writes.
    pub tables: Vec<String>,
    /// The functions that it calls.
    pub functions: Vec<String>,
    /// The columns that it names, and `*`.
    pub columns: Vec<String>,
    /// The most rows.
    pub limit: Option<u64>,
}

/// Why there is nothing to return: the text is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Refused;

type Read<T> = Result<T, Refused>;

/// Reads a text.
pub fn read(text: &str, dialect: Dialect) -> Read<Statement> {
    if text.len() > LENGTH {
        return Err(Refused);
    }
    let mut parser = Parser::new(Scanner::new(text, dialect).tokens()?, dialect);
    let (statement, nodes) = parser.text()?;
    let mut facts = Facts::new(dialect);
    facts.nodes(&nodes, &mut Vec::new())?;
    let (tables, functions, columns) = facts.lists()?;
    Ok(Statement { statement, tables, functions, columns, limit: parser.limit })
}

/// A part of a name.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Part {
    text: String,
    quoted: bool,
}

/// What is read, in the order of the text.
#[derive(Debug, Clone)]
enum Node {
    /// A table in a query, perhaps a common table expression, and its alias.
    Reference(Vec<Part>, Option<Part>),
    /// A table that is written to.
    Target(Vec<Part>),
    Function(Vec<Part>),
    /// A column that is an operand, and whether it is a name of one part.
    Operand(Part, bool),
    /// A column that is named in another way.
    Column(Part),
    Everything,
    Query {
        recursive: bool,
        ctes: Vec<(Part, Vec<Node>)>,
        body: Vec<Node>,
    },
}
