//! What stands where. All integers are little-endian; offsets in a table count from the table's start.
//!
//! # Frame
//!
//! | at | what |
//! | --- | --- |
//! | 0 | `u32`: the number of the view's function |
//! | 4 | `u32`: the state of the caller's roles, a [`kind`]: `LIST` where they are known, `OBJECT` where they are no roles |
//! | 8 | the caller's roles with all they inherit, a bit each, in `u64` words |
//! | then | a record of 32 bytes a place |
//! | then | the answers of the view's string tests, a bit each, in `u64` words |
//!
//! Behind that come the elements of lists that are looked into: for each list a block with the elements one behind the
//! other, each with its own records and answers, laid out by the list's element view.
//!
//! A record is `u32` [`kind`], `u32` constant (the number of the constant that a string equals, 0 for none), and three
//! `u64`: a number's three parts; or where a string is kept, where it stands (how many bytes before the memory's end),
//! its length, and a number that it shares with just the strings that are equal to it; or where a list is looked into,
//! the frame's offset of its elements, and how many there are.
//!
//! # Table
//!
//! | at | header |
//! | --- | --- |
//! | 0 | magic |
//! | 4 | tools: map from a tool's name to its view |
//! | 8 | the view for every other tool; 0: other tools are unknown |
//! | 12 | roles: map from a role's name to its words |
//! | 16 | number of role words |
//!
//! | at | view |
//! | --- | --- |
//! | 0 | the number of the view's function; of an element view, the number of the list's budget |
//! | 4 | number of places |
//! | 8 | number of words for test answers |
//! | 12 | pair tests (offset) |
//! | 16 | number of pair tests |
//! | 20 | [`has`] |
//! | 24 | a place of 32 bytes each: `keys` (map from key to place), `constants` (map to the constant's number), `tests` (offset), `facets` (offset), `element` (the view of its elements); as `u16` the number of tests and of facets, and `below` and `end` (the first place below it, and behind the last); `flags` |
//!
//! The first six places of a call's view are its parts, the first place of an element's view is the element. A test is
//! `op`, string offset, string length, answer bit; or [`op::MATCHES`], automaton offset, 0, 0. A facet is [`facet`], in
//! the bits above [`facet::BITS`] the offset of its zone or its [`dialect`] if it has one, and its place. A map is `mask`, then `mask + 1`
//! entries of `hash`, string offset, string length, value; an entry whose offset is 0 is free. A map of few entries is
//! their number with [`FEW`] set, and just the entries. An offset of 0 in a place means there is none.
//!
//! What depends on several values is a row of pair tests:
//!
//! | `op` | | | | |
//! | --- | --- | --- | --- | --- |
//! | a string test | left place | right place | how many views further out the right place is | answer bit |
//! | [`op::INSIDE`] | left path | right path | 0 | answer bit |
//! | [`op::AGE`] | the instant's place | the place of the present | how many views further out that is | the age's place |
//! | [`op::SUM`], the factors' places in the view of an element above it | the list's place | the sum's place | 0 | 0 |
//!
//! A path is the number of its parts, then for each part 0, text offset, text length; or 1, place, how many views
//! further out it is.
//!
//! | at | automaton |
//! | --- | --- |
//! | 0 | first state |
//! | 4 | number of byte classes |
//! | 8 | number of states |
//! | 12 | number of patterns, at most 32 |
//! | 16 | the class of each of the 256 bytes, a byte each |
//! | then | the answer bit of each pattern, `u32` |
//! | then | for each state the patterns that it accepts, a bit each, `u32` |
//! | then | for each state and class the next state, `u16`; state 0 is the one that nothing leaves and that accepts nothing |

/// First word of a table; its last digit is the format's version.
pub const MAGIC: u32 = u32::from_le_bytes(*b"PRS3");

/// Bytes of a table's header.
pub const HEADER: usize = 20;
/// Bytes of a view before its places.
pub const VIEW: usize = 24;
/// Bytes of a place in a view.
pub const PLACE: usize = 32;
/// Bytes of a test.
pub const TEST: usize = 16;
/// Bytes of a pair test.
pub const PAIR: usize = 20;
/// Bytes of a part of a path.
pub const PART: usize = 12;
/// Bytes of a facet of a place.
pub const FACET: usize = 8;
/// Bytes of an automaton before its answers.
pub const AUTOMATON: usize = 16 + 256;
/// The most lists that one view looks into.
pub const LISTS: usize = 64;
/// Bytes of a map's entry.
pub const ENTRY: usize = 16;
/// In a map's first word: this is not a mask but the number of entries.
pub const FEW: u32 = 1 << 31;
/// The most entries of a map that is searched from front to back.
pub const MOST_FEW: usize = 6;

/// The frame's offset of the state of the caller's roles.
pub const ROLES: usize = 4;
/// The frame's offset of the caller's role words.
pub const ROLE_WORDS: usize = 8;
/// Bytes of a record.
pub const RECORD: usize = 32;

/// The frame's offset of a place's record.
#[must_use]
pub const fn record(role_words: usize, place: usize) -> usize {
    ROLE_WORDS + 8 * role_words + RECORD * place
}

/// The frame's offset of the test answers of a view with so many places.
#[must_use]
pub const fn answers(role_words: usize, places: usize) -> usize {
    record(role_words, places)
}

/// Bytes of a frame, without its heap.
#[must_use]
pub const fn frame(role_words: usize, places: usize, answer_words: usize) -> usize {
    answers(role_words, places) + 8 * answer_words
}

/// Bytes of an element of a list.
#[must_use]
pub const fn element(places: usize, answer_words: usize) -> usize {
    RECORD * places + 8 * answer_words
}

/// What state an attribute is in. One bit each, so that a test takes a set of states with one `and`.
pub mod kind {
    /// Not there.
    pub const MISSING: u32 = 0;
    /// Null.
    pub const NULL: u32 = 1;
    /// `false`.
    pub const FALSE: u32 = 1 << 1;
    /// `true`.
    pub const TRUE: u32 = 1 << 2;
    /// A number in range.
    pub const NUMBER: u32 = 1 << 3;
    /// A string.
    pub const STRING: u32 = 1 << 4;
    /// A list.
    pub const LIST: u32 = 1 << 5;
    /// A number or list that is out of range.
    pub const RANGE: u32 = 1 << 6;
    /// An object; for a facet, anything that does not have it.
    pub const OBJECT: u32 = 1 << 7;
    /// Not known yet: may be anything.
    pub const OPEN: u32 = 1 << 8;
    /// Nothing may be concluded from it.
    pub const WITHHELD: u32 = 1 << 9;
    /// A list that is too long to look into.
    pub const LONG_LIST: u32 = 1 << 10;
}

/// What a place needs besides its record.
pub mod flag {
    /// The string is kept for pair tests.
    pub const KEEP: u32 = 1;
    /// `agent.role`: a role.
    pub const ROLE: u32 = 1 << 1;
    /// `agent.roles`: a list of roles.
    pub const ROLES: u32 = 1 << 2;
    /// All keys that have no place of their own belong to the last place below.
    pub const REST: u32 = 1 << 3;
}

/// What a view has that most have not.
pub mod has {
    /// Pair tests, here or in the view of an element below.
    pub const PAIRS: u32 = 1;
    /// A part of the call of which every string is looked at.
    pub const STRINGS: u32 = 1 << 1;
    /// `context.now` is read.
    pub const TIME: u32 = 1 << 2;
}

/// What a string test asks.
pub mod op {
    /// The string begins with the other.
    pub const STARTS_WITH: u32 = 1;
    /// The string ends with the other.
    pub const ENDS_WITH: u32 = 2;
    /// The string contains the other.
    pub const CONTAINS: u32 = 3;
    /// The whole string is one of an automaton's.
    pub const MATCHES: u32 = 4;
    /// A path is another one or below it.
    pub const INSIDE: u32 = 5;
    /// The present minus an instant.
    pub const AGE: u32 = 6;
    /// The sum of the elements of a list.
    pub const SUM: u32 = 7;

    /// The bits of a pair test's `op`; above are the places of the factors of a sum.
    pub const BITS: u32 = 4;
    /// Those bits.
    pub const MASK: u32 = (1 << BITS) - 1;
    /// The bits of a factor's place.
    pub const FACTOR_BITS: u32 = 14;
    /// Where there is no second factor.
    pub const NO_FACTOR: u32 = (1 << FACTOR_BITS) - 1;
}

/// The parts of a call, by their place in every view.
pub mod part {
    /// The tool's name.
    pub const TOOL: usize = 0;
    /// What the model passes.
    pub const ARGS: usize = 1;
    /// Who calls.
    pub const AGENT: usize = 2;
    /// What the call is about.
    pub const RESOURCE: usize = 3;
    /// Everything else that the host knows.
    pub const CONTEXT: usize = 4;
    /// What the host remembers of earlier calls.
    pub const SESSION: usize = 5;
    /// How many parts there are.
    pub const COUNT: usize = 6;
}

/// What can be read off a value.
pub mod facet {
    /// The number of a string's code points.
    pub const LENGTH: u32 = 0;
    /// A URL's scheme.
    pub const SCHEME: u32 = 1;
    /// A URL's host.
    pub const HOST: u32 = 2;
    /// A URL's port.
    pub const PORT: u32 = 3;
    /// A URL's path.
    pub const URL_PATH: u32 = 4;
    /// Whether a URL's host is not one of the public internet.
    pub const PRIVATE: u32 = 5;
    /// An e-mail address's domain.
    pub const DOMAIN: u32 = 6;
    /// A POSIX path.
    pub const PATH: u32 = 7;
    /// A Windows path.
    pub const WINDOWS_PATH: u32 = 8;
    /// An IP address.
    pub const ADDRESS: u32 = 9;
    /// A command's arguments, a list.
    pub const WORDS: u32 = 10;
    /// A command's program.
    pub const PROGRAM: u32 = 11;
    /// The number of a list's elements.
    pub const COUNT: u32 = 12;
    /// Whether a URL has a query or a fragment.
    pub const QUERY: u32 = 13;
    /// The words of a string, a list.
    pub const SCOPE: u32 = 14;
    /// The instant that a text or number is.
    pub const INSTANT: u32 = 15;
    /// The weekday of an instant in a zone.
    pub const WEEKDAY: u32 = 16;
    /// The time of day of an instant in a zone.
    pub const TIME: u32 = 17;
    /// The date of an instant in a zone.
    pub const DATE: u32 = 18;
    /// A string without the difference of upper and lower case.
    pub const FOLDED: u32 = 19;
    /// One segment of a POSIX path.
    pub const SEGMENT: u32 = 20;
    /// A POSIX path, absolute or relative.
    pub const ANY_PATH: u32 = 21;
    /// Each string at any depth of a part of the call.
    pub const STRINGS: u32 = 22;
    /// The commands of a shell line, a list.
    pub const SHELL: u32 = 23;
    /// A statement of SQL, in the [`dialect`](super::dialect) that is in the bits above.
    pub const SQL: u32 = 24;
    /// Of each command of a line: its program.
    pub const COMMAND_PROGRAM: u32 = 25;
    /// Its words, a list: the program, and the arguments.
    pub const COMMAND_WORDS: u32 = 26;
    /// Its arguments, a list.
    pub const COMMAND_ARGS: u32 = 27;
    /// The names of variables that are assigned in front of it, a list.
    pub const COMMAND_ENV: u32 = 28;
    /// What it is redirected to, a list.
    pub const COMMAND_WRITES: u32 = 29;
    /// What is redirected into it, a list.
    pub const COMMAND_READS: u32 = 30;
    /// Of a statement: its kind.
    pub const SQL_STATEMENT: u32 = 31;
    /// Its tables, a list.
    pub const SQL_TABLES: u32 = 32;
    /// The functions that it calls, a list.
    pub const SQL_FUNCTIONS: u32 = 33;
    /// The columns that it names, a list.
    pub const SQL_COLUMNS: u32 = 34;
    /// The most rows that it gives.
    pub const SQL_LIMIT: u32 = 35;

    /// The bits of a facet; above is the offset of its zone, or its dialect.
    pub const BITS: u32 = 8;
}

/// Which databases read a statement alike, a bit each.
pub mod dialect {
    /// SQLite.
    pub const SQLITE: u32 = 1;
    /// PostgreSQL.
    pub const POSTGRES: u32 = 1 << 1;
    /// MySQL and MariaDB.
    pub const MYSQL: u32 = 1 << 2;
    /// All of them.
    pub const ANY: u32 = SQLITE | POSTGRES | MYSQL;
}
