//! Attributes: the values of a call that a policy reads.

use super::{SumId, Zone};

/// Which part of a call an attribute is in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Root {
    /// The tool's name; has no keys below it.
    Tool,
    /// The arguments, which the model controls.
    Args,
    /// The caller, from the host.
    Agent,
    /// What the call is about, from the host.
    Resource,
    /// Everything else that the host knows.
    Context,
    /// What the host remembers of earlier calls, from its ledger.
    Session,
}

/// A value of a call that a policy reads.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Attribute {
    /// The part of the call.
    pub root: Root,
    /// How to get from the part to the value; empty only for [`Root::Tool`] itself.
    pub steps: Vec<Step>,
}

/// A step on the way to an attribute.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Step {
    /// To the value of a key of an object.
    Key(String),
    /// To each element of a list.
    Element,
    /// To something that can be read off a value.
    Facet(Facet),
}

/// What can be read off a value. Where a value does not have it, it is of a wrong type: tests on it are unknown. The
/// facet of what is missing, null, open or withheld is so too.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Facet {
    /// The number of code points of a string, as a number. The `length` operator is tests on it.
    Length,
    /// The number of elements of a list, as a number. The `count` operator is tests on it.
    Count,
    /// The scheme of a URL, in lower case.
    Scheme,
    /// The host of a URL, in lower case.
    Host,
    /// The port of a URL, as a number; that of its scheme where the URL has none.
    Port,
    /// The path of a URL.
    UrlPath,
    /// Whether the host of a URL is a special address or name, such as loopback, private or metadata, as a boolean.
    Private,
    /// Whether a URL has a query or a fragment, as a boolean.
    Query,
    /// The domain of an e-mail address, in lower case.
    Domain,
    /// An absolute POSIX path without anything in it that would have to be resolved.
    Path,
    /// An absolute Windows path, likewise, in lower case and with `/` as the separator.
    WindowsPath,
    /// An IP address: `4:` or `6:` and its bits.
    Address,
    /// The arguments of a simple command, a list of strings: its words after the program.
    Words,
    /// The program of a simple command, its first word.
    Program,
    /// The words of a string in which single spaces separate them, a list of strings.
    Scope,
    /// An instant, as the seconds since 1970-01-01T00:00:00Z: those that an RFC 3339 text names, or a number itself.
    Instant,
    /// How many seconds ago an instant was, by `context.now`. An instant in the future has none.
    Age,
    /// The weekday of an instant in a zone, from 1 for Monday to 7.
    Weekday(Zone),
    /// The time of day of an instant in a zone, in whole seconds.
    TimeOfDay(Zone),
    /// The date of an instant in a zone, in days since 1970-01-01.
    Date(Zone),
    /// The sum of a list's elements, or of fields of them. Unknown where the list has an element that cannot be added.
    Sum(SumId),
    /// A string in which characters that differ only by case are the same.
    Folded,
    /// A string that is one segment of a POSIX path.
    Segment,
    /// Every string at any depth of a part of the call, keys too. Its tests ask whether one of them passes.
    Strings,
    /// A POSIX path, absolute or relative, without anything in it that would have to be resolved.
    AnyPath,
    /// The commands of a shell line, a list; each has the facets that are [`Command`](Self::Command).
    Shell,
    /// Something of a command of a shell line.
    Command(CommandField),
    /// A statement of SQL, as a dialect reads it; it has the facets that are [`Statement`](Self::Statement).
    Sql(Dialect),
    /// Something of a statement of SQL.
    Statement(StatementField),
}

/// Which databases read a statement of SQL.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Dialect {
    /// SQLite.
    Sqlite,
    /// PostgreSQL.
    Postgres,
    /// MySQL and MariaDB.
    Mysql,
    /// All of them, in the same way.
    Any,
}

impl Dialect {
    /// Every dialect.
    pub const ALL: [Self; 4] = [Self::Sqlite, Self::Postgres, Self::Mysql, Self::Any];

    /// Its name in a policy.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Sqlite => "sqlite",
            Self::Postgres => "postgres",
            Self::Mysql => "mysql",
            Self::Any => "any",
        }
    }
}

/// What can be read off a statement of SQL. Names are in lower case, but for those that PostgreSQL has in quotes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum StatementField {
    /// What it does, a string: `select`, `insert`, `update` or `delete`.
    Statement,
    /// The tables and views that it reads or changes, a list of strings, with their schema if the statement has it.
    Tables,
    /// The functions that it calls, a list of strings, likewise.
    Functions,
    /// The columns that it names, a list of strings, without their table; `*` where it asks for all of some table.
    Columns,
    /// The most rows that it gives, a number; missing where it has no `LIMIT`.
    Limit,
}

impl StatementField {
    /// Every field.
    pub const ALL: [Self; 5] = [Self::Statement, Self::Tables, Self::Functions, Self::Columns, Self::Limit];

    /// Its name in a policy.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Statement => "statement",
            Self::Tables => "tables",
            Self::Functions => "functions",
            Self::Columns => "columns",
            Self::Limit => "limit",
        }
    }
}

/// What can be read off a command of a shell line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum CommandField {
    /// Its program, a string.
    Program,
    /// The program and the arguments, a list of strings. Here and in the other lists, what is only known when the shell
    /// runs the line is unknown.
    Words,
    /// The arguments, a list of strings.
    Args,
    /// The names of the variables that are assigned for it, a list of strings.
    Env,
    /// The files that its output is redirected to, a list of strings.
    Writes,
    /// The files that its input is redirected from, a list of strings.
    Reads,
}

impl CommandField {
    /// Every field.
    pub const ALL: [Self; 6] = [Self::Program, Self::Words, Self::Args, Self::Env, Self::Writes, Self::Reads];

    /// Its name in a policy, behind a dot.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Program => "program",
            Self::Words => "words",
            Self::Args => "args",
            Self::Env => "env",
            Self::Writes => "writes",
            Self::Reads => "reads",
        }
    }
}

impl Facet {
    /// Every facet, and how messages call it; those of zones with UTC, and that of sums with the first one. Those of a
    /// command are not among them, and a whole statement of SQL is never named.
    pub const ALL: &[(Self, &'static str)] = &[
        (Self::Length, "length"),
        (Self::Count, "count"),
        (Self::Scheme, "scheme"),
        (Self::Host, "host"),
        (Self::Port, "port"),
        (Self::UrlPath, "path"),
        (Self::Private, "privateness"),
        (Self::Query, "query"),
        (Self::Domain, "domain"),
        (Self::Path, "location"),
        (Self::WindowsPath, "Windows location"),
        (Self::Address, "address"),
        (Self::Words, "words"),
        (Self::Program, "program"),
        (Self::Scope, "word list"),
        (Self::Instant, "time"),
        (Self::Age, "age"),
        (Self::Weekday(Zone::UTC), "weekday"),
        (Self::TimeOfDay(Zone::UTC), "clock time"),
        (Self::Date(Zone::UTC), "date"),
        (Self::Sum(0), "sum"),
        (Self::Folded, "text"),
        (Self::Segment, "segment"),
        (Self::AnyPath, "place"),
        (Self::Strings, "strings"),
        (Self::Shell, "commands"),
        (Self::Statement(StatementField::Statement), "statement"),
        (Self::Statement(StatementField::Tables), "tables"),
        (Self::Statement(StatementField::Functions), "functions"),
        (Self::Statement(StatementField::Columns), "columns"),
        (Self::Statement(StatementField::Limit), "limit"),
    ];

    /// How messages call it: `length of args.to`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            // `args` is a part of the call.
            Self::Command(CommandField::Args) => return "arguments",
            Self::Command(field) => return field.name(),
            Self::Statement(field) => return field.name(),
            Self::Sql(_) => return "SQL",
            _ => {}
        }
        let is_same = |facet: &Self| std::mem::discriminant(facet) == std::mem::discriminant(&self);
        Self::ALL.iter().find(|(facet, _)| is_same(facet)).map_or("", |(_, name)| name)
    }

    /// The zone in which it is read, if it is in one.
    #[must_use]
    pub const fn zone(self) -> Option<Zone> {
        match self {
            Self::Weekday(zone) | Self::TimeOfDay(zone) | Self::Date(zone) => Some(zone),
            _ => None,
        }
    }
}

impl Attribute {
    /// The present, which the host tells: `context.now`, as an instant.
    #[must_use]
    pub fn present() -> Self {
        Self { root: Root::Context, steps: vec![Step::Key("now".to_owned()), Step::Facet(Facet::Instant)] }
    }

    /// The facet that it is, if it is one.
    #[must_use]
    pub fn facet(&self) -> Option<Facet> {
        match self.steps.last() {
            Some(Step::Facet(facet)) => Some(*facet),
            _ => None,
        }
    }

    /// Whether it is one of a prompt's own arguments, in a request for the prompt.
    #[must_use]
    pub fn is_of_prompt(&self) -> bool {
        self.root == Root::Args && matches!(self.steps.first(), Some(Step::Key(key)) if key == "arguments")
    }

    /// Whether it is every string of a part of the call.
    #[must_use]
    pub fn is_every_string(&self) -> bool {
        self.steps.first() == Some(&Step::Facet(Facet::Strings))
    }

    /// The key that it ends in, if it ends in one.
    #[must_use]
    pub fn last_key(&self) -> Option<&str> {
        match self.steps.last() {
            Some(Step::Key(key)) => Some(key),
            _ => None,
        }
    }

    /// The keys before the first other step.
    pub fn keys(&self) -> impl Iterator<Item = &str> {
        self.steps.iter().map_while(|step| match step {
            Step::Key(key) => Some(key.as_str()),
            Step::Element | Step::Facet(_) => None,
        })
    }
}

impl Root {
    /// The parts of a call besides its tool.
    pub const PARTS: [Self; 5] = [Self::Args, Self::Agent, Self::Resource, Self::Context, Self::Session];

    /// The part's key in a call.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Tool => "tool",
            Self::Args => "args",
            Self::Agent => "agent",
            Self::Resource => "resource",
            Self::Context => "context",
            Self::Session => "session",
        }
    }
}

/// As an author writes it: `args.a.b`, `args["a-b"]`; elements as `args.items[].price`, facets as `length of args.a`. What
/// is read off a shell line has words of its own: `program of a command of args.a`.
impl std::fmt::Display for Attribute {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let behind = |at: usize| at.checked_sub(1).and_then(|before| self.steps.get(before));
        for (at, step) in self.steps.iter().enumerate().rev() {
            match (step, behind(at)) {
                (Step::Element, Some(Step::Facet(Facet::Shell))) => f.write_str("a command of ")?,
                (Step::Element, Some(Step::Facet(Facet::Command(_) | Facet::Statement(_)))) => {
                    f.write_str("an element of ")?;
                }
                (Step::Facet(Facet::Shell), _) if self.steps.get(at + 1) == Some(&Step::Element) => {}
                // What is read off a statement is read off its text.
                (Step::Facet(Facet::Sql(_)), _) => {}
                (Step::Facet(facet), _) => write!(f, "{} of ", facet.name())?,
                (Step::Element | Step::Key(_), _) => {}
            }
        }
        f.write_str(self.root.name())?;
        for (at, step) in self.steps.iter().enumerate() {
            match step {
                Step::Element
                    if matches!(
                        behind(at),
                        Some(Step::Facet(Facet::Shell | Facet::Command(_) | Facet::Statement(_)))
                    ) => {}
                Step::Key(key) if is_identifier(key) => write!(f, ".{key}")?,
                Step::Key(key) => write!(f, "[{}]", serde_json::Value::from(key.as_str()))?,
                Step::Element => f.write_str("[]")?,
                Step::Facet(_) => {}
            }
        }
        Ok(())
    }
}

fn is_identifier(key: &str) -> bool {
    let mut chars = key.chars();
    chars.next().is_some_and(|c| c.is_ascii_alphabetic() || c == '_')
        && chars.all(|c| c.is_ascii_alphanumeric() || c == '_')
}
