//! Statements of SQL: a second reader, slow and obvious. The text becomes tokens, the tokens a tree of what is read, and
//! the tree lists. It shares nothing with the reader of the decoder; `grammar.md` says exactly what both read.
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
use self::scan::{Scanner, Token};
use super::Stop;
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

/// Why the text is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Refused(&'static str);

/// What is refused for no other reason.
const UNREAD: Refused = Refused("not read here");

type Read<T> = Result<T, Refused>;

/// Reads a text.
///
/// # Errors
///
/// Where reading stopped, and why.
pub fn read(text: &str, dialect: Dialect) -> Result<Statement, Stop> {
    let stop = |at: usize| move |Refused(why)| Stop { at, why };
    if text.len() > LENGTH {
        return Err(Stop { at: LENGTH, why: "more than 65536 bytes" });
    }
    let tokens = Scanner::new(text, dialect).tokens()?;
    let (starts, tokens): (Vec<usize>, Vec<Token>) = tokens.into_iter().unzip();
    let mut parser = Parser::new(tokens, dialect);
    let read = parser.text();
    let (statement, nodes) = read.map_err(|refused| match starts.get(parser.at) {
        Some(at) => stop(*at)(refused),
        None => Stop { at: text.len(), why: "it is not whole" },
    })?;
    let mut facts = Facts::new(dialect);
    facts.nodes(&nodes, &mut Vec::new()).map_err(stop(text.len()))?;
    let (tables, functions, columns) = facts.lists().map_err(stop(text.len()))?;
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

#[cfg(test)]
mod tests {
    use super::{Dialect, Stop, read};

    #[test]
    fn what_is_refused_is_refused_there_and_for_that() {
        for (text, at, why) in [
            ("", 0, "it is not whole"),
            ("SELECT", 6, "it is not whole"),
            ("SELECT a FROM", 13, "it is not whole"),
            ("DROP TABLE a", 0, "a statement that is not read"),
            ("SELECT 1; SELECT 2", 10, "a second statement"),
            ("SELECT a INTO b FROM c", 9, "not read here"),
            ("SELECT a FROM b FOR UPDATE", 16, "not read here"),
            ("SELECT a FROM b -- c", 16, "a comment"),
            ("SELECT a /* b */ FROM c", 9, "a comment"),
            ("SELECT a FROM [b]", 14, "quotes that not every database of the dialect reads alike"),
            ("SELECT a FROM b WHERE c = $1", 26, "a placeholder, or dollar quotes"),
            ("SELECT 'a", 7, "a string without its end"),
            ("SELECT 'a\\n'", 7, "a backslash in a string"),
            ("SELECT x'00'", 7, "quotes directly behind something else"),
            ("SELECT a FROM f(1)", 15, "a function in place of a table"),
            ("SELECT a LIMIT 1234567890123456789", 15, "a limit of more than 18 digits"),
        ] {
            assert_eq!(read(text, Dialect::Any), Err(Stop { at, why }), "{text:?}");
        }
        let tables = (0..65).map(|number| format!("t{number}")).collect::<Vec<_>>().join(", ");
        let text = format!("SELECT 1 FROM {tables}");
        assert_eq!(read(&text, Dialect::Any), Err(Stop { at: text.len(), why: "more than 64 tables" }));
    }
}
