//! What a caller can do about a decision.

use std::fmt;

use serde::{Serialize, Serializer};

#[cfg(feature = "ledger")]
use super::Advice;
use super::Problem;

/// What the caller of a call that does not run can do about it, in words for the model: `args.amount must be a number`.
///
/// A hint about an argument names it as the policy writes it, and never a value. There is one only for attributes under `args`, which
/// the model can correct, and only where the reason does not cover it (problem [`Value`](Problem::Value)) and the host does not
/// withhold it. Other hints come from limits, which say when there is room again, and from approvals.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Hint<'p>(Kind<'p>);

/// What a hint is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind<'p> {
    Argument(Argument<'p>),
    #[cfg(feature = "ledger")]
    Advice(Advice),
    /// A hint that was written before.
    Words(&'p str),
}

/// What is wrong with an argument.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Argument<'p> {
    /// As a cause names it: `args.amount`, `host of args.url`.
    attribute: &'p str,
    problem: Problem,
    expected: Expected,
}

/// What a value must be so that a facet can be read off it, by the facet's name.
const FACETS: [(&str, &str); 31] = [
    ("length", "a string"),
    ("count", "a list"),
    ("scheme", "a URL"),
    ("host", "a URL"),
    ("port", "a URL"),
    ("path", "a URL"),
    ("privateness", "a URL"),
    ("query", "a URL"),
    ("domain", "an e-mail address"),
    ("location", "an absolute path without `.` and `..`"),
    ("Windows location", "an absolute Windows path without `.` and `..`"),
    ("address", "an IP address"),
    ("words", "one simple command"),
    ("program", "one simple command"),
    ("word list", "words separated by single spaces"),
    ("time", "a time in RFC 3339 with an offset, such as 2026-12-01T09:00:00Z"),
    ("age", "a time in the past, in RFC 3339 with an offset"),
    ("weekday", "a time in RFC 3339 with an offset, such as 2026-12-01T09:00:00Z"),
    ("clock time", "a time in RFC 3339 with an offset, such as 2026-12-01T09:00:00Z"),
    ("date", "a time in RFC 3339 with an offset, such as 2026-12-01T09:00:00Z"),
    ("sum", "a list of numbers, or of objects with the numbers to add up"),
    ("text", "a string"),
    ("segment", "a single segment of a path"),
    ("place", "a path without `..`"),
    ("strings", "an object"),
    ("commands", "plain shell commands, without `eval`, `[[` and `$((`"),
    ("statement", "a single plain SQL statement without comments"),
    ("tables", "a single plain SQL statement without comments"),
    ("functions", "a single plain SQL statement without comments"),
    ("columns", "a single plain SQL statement without comments"),
    ("limit", "a single plain SQL statement without comments"),
];

/// What is read off an argument for each command of a shell line. There are commands only if the argument is known, so
/// what is withheld of them is a word that is only known when the line runs.
const A_COMMAND: &str = "a command";

/// The types that a test takes, a bit each: as the states of a record, from `false` to a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Expected(u8);

impl Expected {
    /// Booleans.
    pub const BOOLEAN: Self = Self(0b0_0011);
    /// Numbers.
    pub const NUMBER: Self = Self(0b0_0100);
    /// Strings.
    pub const STRING: Self = Self(0b0_1000);
    /// Lists.
    pub const LIST: Self = Self(0b1_0000);

    const NAMES: [(Self, &'static str); 4] =
        [(Self::BOOLEAN, "a boolean"), (Self::NUMBER, "a number"), (Self::STRING, "a string"), (Self::LIST, "a list")];

    /// As they are in a packed answer.
    #[must_use]
    pub const fn bits(self) -> u8 {
        self.0
    }

    /// The opposite of [`bits`](Self::bits).
    #[must_use]
    pub const fn from_bits(bits: u8) -> Self {
        Self(bits & 0b1_1111)
    }

    /// Either's.
    #[must_use]
    pub const fn or(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    fn names(self) -> impl Iterator<Item = &'static str> {
        Self::NAMES.into_iter().filter(move |(one, _)| self.0 & one.0 != 0).map(|(_, name)| name)
    }
}

impl<'p> Hint<'p> {
    /// The hint for an attribute as [`Cause`](super::Cause) names it.
    #[doc(hidden)]
    #[must_use]
    #[inline]
    pub fn new(attribute: &'p str, problem: Problem, expected: Expected) -> Option<Self> {
        let hint = Argument { attribute, problem, expected };
        let (_, facet) = hint.argument()?;
        let is_correctable = match problem {
            Problem::Missing | Problem::Null | Problem::OutOfRange => true,
            // What is read off the argument is there; it is what it was compared with that has another type.
            Problem::Type => facet.is_none() || expected != Expected::default(),
            Problem::Withheld => facet == Some(A_COMMAND),
            Problem::Value => false,
        };
        is_correctable.then_some(Self(Kind::Argument(hint)))
    }

    /// The hint that does not depend on an argument.
    #[cfg(feature = "ledger")]
    pub(crate) const fn advice(advice: Advice) -> Self {
        Self(Kind::Advice(advice))
    }

    /// A hint that was written before.
    pub(super) const fn words(words: &'p str) -> Self {
        Self(Kind::Words(words))
    }
}

impl fmt::Display for Hint<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Kind::Argument(argument) => argument.fmt(f),
            #[cfg(feature = "ledger")]
            Kind::Advice(advice) => advice.fmt(f),
            Kind::Words(words) => f.write_str(words),
        }
    }
}

impl<'p> Argument<'p> {
    /// The argument, and what is read off it; `None` if the attribute is in another part of the call.
    fn argument(self) -> Option<(&'p str, Option<&'p str>)> {
        if self.attribute.starts_with("args") {
            return Some((self.attribute, None));
        }
        // A key of another part can have anything in it.
        let (facets, _) = self.attribute.split_once(" of args").filter(|(facets, _)| !facets.contains(['.', '[']))?;
        // The innermost facet is the one that is read off the argument.
        Some((self.attribute.get(facets.len() + " of ".len()..)?, facets.rsplit(" of ").next()))
    }
}

impl fmt::Display for Argument<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (argument, facet) = self.argument().unwrap_or((self.attribute, None));
        f.write_str(argument)?;
        let what = match (self.problem, facet) {
            // A statement is there, but has none.
            (Problem::Missing, Some("limit")) => return f.write_str(" must have a LIMIT"),
            (Problem::Withheld, Some(A_COMMAND)) => {
                return f.write_str(" must be shell commands with every word spelled out, without `$`, `*` and `~`");
            }
            (Problem::Missing, _) => return f.write_str(" is missing"),
            (Problem::Null, _) => return f.write_str(" must not be null"),
            (Problem::OutOfRange, _) => return f.write_str(" is out of range"),
            (_, Some(facet)) => FACETS.iter().find(|(name, _)| *name == facet).map(|(_, what)| *what),
            (_, None) => {
                let mut names = self.expected.names();
                if let Some(first) = names.next() {
                    write!(f, " must be {first}")?;
                    return names.try_for_each(|name| write!(f, " or {name}"));
                }
                None
            }
        };
        match what {
            Some(what) => write!(f, " must be {what}"),
            None => f.write_str(" has the wrong type"),
        }
    }
}

impl Serialize for Hint<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hint(attribute: &str, problem: Problem, expected: Expected) -> Option<String> {
        Hint::new(attribute, problem, expected).map(|hint| hint.to_string())
    }

    #[test]
    fn only_arguments_have_hints() {
        for attribute in
            ["agent.args", "context.ip", "tool", "agent.roles", "length of agent.id", "resource[\"x of args.a\"]"]
        {
            assert_eq!(hint(attribute, Problem::Missing, Expected::NUMBER), None, "{attribute}");
        }
    }

    #[test]
    fn a_facet_says_what_the_argument_must_be() {
        let url = Some("args.url must be a URL".to_owned());
        assert_eq!(hint("host of args.url", Problem::Type, Expected::STRING), url);
        assert_eq!(hint("length of host of args.url", Problem::Type, Expected::NUMBER), url);
        assert_eq!(hint("length of args.a", Problem::Type, Expected::default()), None);
        let spelled_out = "args.a must be shell commands with every word spelled out, without `$`, `*` and `~`";
        for attribute in ["program of a command of args.a", "count of arguments of a command of args.a"] {
            assert_eq!(hint(attribute, Problem::Withheld, Expected::STRING).unwrap(), spelled_out);
            assert_eq!(hint(attribute, Problem::Withheld, Expected::default()).unwrap(), spelled_out);
        }
        for attribute in
            ["args.a", "commands of args.a", "count of commands of args.a", "program of a command of agent.a"]
        {
            assert_eq!(hint(attribute, Problem::Withheld, Expected::STRING), None, "{attribute}");
        }
        assert_eq!(hint("program of a command of args.a", Problem::Value, Expected::STRING), None);
        let missing = Some("args[\"a of args.b\"] is missing".to_owned());
        assert_eq!(hint("length of args[\"a of args.b\"]", Problem::Missing, Expected::NUMBER), missing);
        assert_eq!(hint("args[\"a of args.b\"]", Problem::Missing, Expected::NUMBER), missing);
    }

    #[test]
    fn types_are_listed() {
        let both = Expected::BOOLEAN.or(Expected::STRING);
        assert_eq!(hint("args.a", Problem::Type, both).unwrap(), "args.a must be a boolean or a string");
        assert_eq!(hint("args.a", Problem::Type, Expected::default()).unwrap(), "args.a has the wrong type");
        assert_eq!(hint("args.a", Problem::Value, both), None);
    }
}
