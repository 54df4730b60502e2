//! Random policies and calls, for property tests and fuzzing.
//!
//! The vocabularies are small, so that calls hit the policy's tests, and hold what is easily taken for each other:
//! equal numbers in different notation, strings that differ in case or normalisation, a string that looks like a
//! number. Every policy is valid. A few calls are malformed.

#![allow(
    clippy::indexing_slicing,
    clippy::expect_used,
    dead_code,
    unused_imports,
    reason = "test support: a panic is a failed test, and not every test uses all of it"
)]

mod call;
mod policy;
pub(crate) mod shell;
pub(crate) mod sql;
pub(crate) mod tricks;

use std::fmt;

/// Random bytes, always the same for a seed (SplitMix64).
pub(crate) fn noise(seed: u64) -> impl FnMut() -> [u8; 8] {
    let mut state = seed;
    move || {
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)).to_le_bytes()
    }
}

pub(crate) use call::call;
pub(crate) use policy::policy;

/// A JSON value with numbers as they are written and members in order.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Json {
    Null,
    Bool(bool),
    /// Written as it is: a malformed call is made by a "number" that is none.
    Number(String),
    String(String),
    List(Vec<Json>),
    Object(Vec<(String, Json)>),
}

impl Json {
    pub(crate) fn string(text: &str) -> Self {
        Self::String(text.to_owned())
    }

    pub(crate) fn number(text: &str) -> Self {
        Self::Number(text.to_owned())
    }

    /// How many values there are in it, itself included.
    pub(crate) fn size(&self) -> usize {
        let members = self.members().iter().map(|(_, value)| value);
        1 + self.elements().iter().chain(members).map(Self::size).sum::<usize>()
    }

    pub(crate) fn member(&self, key: &str) -> Option<&Json> {
        self.members().iter().find(|(name, _)| name == key).map(|(_, value)| value)
    }

    pub(crate) fn members(&self) -> &[(String, Json)] {
        match self {
            Self::Object(members) => members,
            _ => &[],
        }
    }

    pub(crate) fn elements(&self) -> &[Json] {
        match self {
            Self::List(elements) => elements,
            _ => &[],
        }
    }

    pub(crate) fn text(&self) -> Option<&str> {
        match self {
            Self::String(text) => Some(text),
            _ => None,
        }
    }
}

/// Compact JSON.
impl fmt::Display for Json {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Null => f.write_str("null"),
            Self::Bool(value) => write!(f, "{value}"),
            Self::Number(text) => f.write_str(text),
            Self::String(text) => quote(f, text),
            Self::List(elements) => {
                f.write_str("[")?;
                for (index, element) in elements.iter().enumerate() {
                    write!(f, "{}{element}", if index == 0 { "" } else { "," })?;
                }
                f.write_str("]")
            }
            Self::Object(members) => {
                f.write_str("{")?;
                for (index, (key, value)) in members.iter().enumerate() {
                    f.write_str(if index == 0 { "" } else { "," })?;
                    quote(f, key)?;
                    write!(f, ":{value}")?;
                }
                f.write_str("}")
            }
        }
    }
}

fn quote(f: &mut impl fmt::Write, text: &str) -> fmt::Result {
    f.write_char('"')?;
    for c in text.chars() {
        match c {
            '"' => f.write_str("\\\"")?,
            '\\' => f.write_str("\\\\")?,
            c if c < ' ' => write!(f, "\\u{:04x}", u32::from(c))?,
            c => f.write_char(c)?,
        }
    }
    f.write_char('"')
}

const NAMES: [&str; 6] = ["read", "write", "db.read", "db/drop", "mail_send", "Read"];
const ROLES: [&str; 5] = ["clerk", "manager", "admin", "auditor", "Clerk"];

const NUMBERS: [&str; 26] = [
    "5",
    "5.0",
    "5e0",
    "500",
    "5e2",
    "0.5E+3",
    "50000e-2",
    "0",
    "-0",
    "0.0",
    "-5",
    "-5.00",
    "4.9999999999999999999999999",
    "5.00000000000000000000000000000000001",
    "1",
    "2",
    "0.1",
    "1e-1",
    "9007199254740993",
    "9007199254740992",
    "18446744073709551616",
    "1e6144",
    "-9.9e6144",
    "1e-6144",
    "99999999999999999999999999999999999999",
    "99999999999999999999999999999999999998",
];

const STRINGS: [&str; 18] = [
    "a", "ab", "abc", "b", "A", "", "é", "e\u{301}", "😀", "a😀", "a\"b\\", "a\nb", "a\0", "5", "true", "null",
    "clerk", "read",
];
