//! Statements of SQL: what a text reads, calls and changes, in SQLite, PostgreSQL, MySQL with MariaDB, or all of them alike.
//!
//! ```text
//! statement ─→ select ─→ expression ─→ scan, name
//! ```
//!
//! - `statement`: statements, queries and common table expressions.
//! - `select`: selections with their tables, order and windows.
//! - `expression`: expressions.
//! - `scan`: tokens, which are named in `token`.
//! - `words`: words, operators and types, by dialect.
//! - `name`: what is kept of a text.
//!
//! The reader builds no tree. It only makes sure what each name is: a table, a function, a column, or something that
//! reads nothing. The page `docs/operators/sql.md` says what is read. Whatever is not there refuses the whole text: nothing
//! in here skips what it does not know.
//!
//! Two rules keep it safe from keywords that it does not know. Behind a name there must be an operator, a sign or a
//! keyword that it does know: what a prefix such as `BINARY` or `DISTINCTROW` acts on would be a second name. And an
//! alias without `AS` must not follow such a name.

mod expression;
mod name;
mod scan;
mod select;
mod statement;
mod token;
#[doc(hidden)]
pub mod words;

use crate::layout::dialect;
pub use name::{Bytes, Kind, Name};
use name::{Keep, Record};

/// The most bytes of a text.
pub const MOST: usize = 1 << 16;
/// How deep brackets and `CASE` may be in one another.
const DEPTH: u32 = 32;
/// The most common table expressions that are visible at a place.
const MOST_CTES: usize = 32;
/// The most tables of a text.
const MOST_TABLES: u32 = 64;
/// The most places of names that are recorded.
const MOST_NAMES: u32 = 1024;
/// The most bytes of a part of a name.
const PART: usize = 63;
/// The most digits of a limit.
const LIMIT_DIGITS: usize = 18;

/// The memory that reading a text takes.
#[must_use]
pub const fn memory(text: usize) -> usize {
    let most = text + 1;
    8 * if most < MOST_NAMES as usize { most } else { MOST_NAMES as usize }
}

/// A statement with one meaning.
#[derive(Debug, Clone, Copy)]
pub struct Sql<'t> {
    text: &'t [u8],
    names: &'t [Record],
    dialect: u32,
    statement: Span,
    limit: Option<u64>,
    all: bool,
}

impl<'t> Sql<'t> {
    /// The kind of the statement: `select`, `insert`, `update` or `delete`.
    #[must_use]
    pub fn statement(&self) -> Name<'t> {
        name::name(self.text, dialect::ANY, Kind::Table as u32, self.statement)
    }

    /// The names of a kind, each once, in the order in which they are written first; behind the columns there is `*` if
    /// all columns of some table are asked for.
    pub fn names(&self, of: Kind) -> impl Iterator<Item = Name<'t>> + use<'t> {
        let Self { text, names, dialect, .. } = *self;
        let star = (of == Kind::Column && self.all).then_some(Name { text: b"*", keep: Keep::Nothing });
        let names = names.iter().map(|record| u64::from_le_bytes(*record));
        let names = names.filter(move |record| name::kind(*record) == of as u32);
        names.map(move |record| name::name(text, dialect, of as u32, name::span(record))).chain(star)
    }

    /// The most rows, if the statement says so.
    #[must_use]
    pub const fn limit(&self) -> Option<u64> {
        self.limit
    }
}

/// Reads a text in a [dialect], into memory of the [size](memory) that it needs; `None` where it is not understood.
#[must_use]
pub fn read<'t>(text: &'t [u8], dialect: u32, memory: &'t mut [u8]) -> Option<Sql<'t>> {
    if text.len() > MOST {
        return None;
    }
    let mut reader = Reader {
        text,
        dialect,
        token: token::END,
        start: 0,
        part: 0,
        at: 0,
        parts: 0,
        quoted: false,
        names: memory.as_chunks_mut().0,
        count: 0,
        written: 0,
        tables: 0,
        ctes: [(0, 0); MOST_CTES],
        visible: 0,
        depth: 0,
        all: false,
        limit: None,
        selects: (0, 0),
    };
    let statement = reader.statement();
    if reader.token != token::END {
        return None;
    }
    let Reader { names, count, all, limit, .. } = reader;
    Some(Sql { text, names: names.get(..count)?, dialect, statement, limit, all })
}

/// Where a name begins and ends.
type Span = (usize, usize);

/// Reads a text: a token ahead.
struct Reader<'t, 'm> {
    text: &'t [u8],
    dialect: u32,
    /// What comes next.
    token: u32,
    /// Where the token begins.
    start: usize,
    /// Where the last part of the token's name begins.
    part: usize,
    /// Where the token ends.
    at: usize,
    /// How many parts the token's name has.
    parts: u32,
    /// Whether its last part is in quotes.
    quoted: bool,
    names: &'m mut [Record],
    count: usize,
    /// How many places of names there were.
    written: u32,
    /// How many tables are recorded.
    tables: u32,
    /// The names of the common table expressions that are visible.
    ctes: [Span; MOST_CTES],
    visible: usize,
    depth: u32,
    all: bool,
    limit: Option<u64>,
    /// The last `SELECT`.
    selects: Span,
}
