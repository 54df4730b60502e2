//! What a ledger keeps instead of names: digests, from which no name can be read.

use std::fmt::{self, Debug, Display};

use sha2::{Digest as _, Sha256};

use crate::fold::fold;

/// A SHA-256 digest.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Digest([u8; 32]);

impl Digest {
    /// The digest of some fields, for a purpose. Digests of different purposes, or of other fields in any way, differ.
    pub fn of<'f>(purpose: &str, fields: impl IntoIterator<Item = &'f [u8]>) -> Self {
        let mut hash = Fields::new(purpose);
        for field in fields {
            hash.add(0, field);
        }
        hash.finish()
    }

    /// The digest with these bytes.
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// Its bytes.
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// The digest that [`Display`] writes so.
    #[cfg(feature = "valkey")]
    pub(crate) fn from_hex(text: &str) -> Option<Self> {
        let mut bytes = [0; 32];
        if text.len() != 2 * bytes.len() {
            return None;
        }
        for (byte, pair) in bytes.iter_mut().zip(text.as_bytes().chunks(2)) {
            *byte = u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()?;
        }
        Some(Self(bytes))
    }
}

impl Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Display::fmt(self, f)
    }
}

/// What is charged: a limit, for one of those that it counts by themselves.
///
/// It is a digest of the limit's id and of the values that name the account. Strings that differ only by case, by their Unicode
/// form or by characters that are not shown are one account, so that nobody gets a second one by writing a name otherwise.
///
/// ```
/// use perso_ledger::{Account, Value};
///
/// let account = |name| Account::new("refunds-a-day", [Value::Text(name)]);
/// assert_eq!(account("Zoë"), account("ZOE\u{308}"));
/// assert_ne!(account("1"), Account::new("refunds-a-day", [Value::Number("1")]));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Account(Digest);

/// A value of an attribute that names an [`Account`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Value<'v> {
    /// A string.
    Text(&'v str),
    /// A number, as the one text that its value has: two texts are two accounts.
    Number(&'v str),
    /// True or false.
    Boolean(bool),
    /// Null.
    Null,
}

impl Account {
    /// The account of a limit for these values, in this order.
    pub fn new<'v>(limit: &str, values: impl IntoIterator<Item = Value<'v>>) -> Self {
        let mut hash = Fields::new("perso account");
        hash.add(0, limit.as_bytes());
        for value in values {
            match value {
                Value::Text(text) => hash.add(1, fold(text).as_bytes()),
                Value::Number(text) => hash.add(2, text.as_bytes()),
                Value::Boolean(value) => hash.add(3, &[u8::from(value)]),
                Value::Null => hash.add(4, &[]),
            }
        }
        Self(hash.finish())
    }

    /// The account with this digest.
    pub const fn from_digest(digest: Digest) -> Self {
        Self(digest)
    }

    /// Its digest.
    pub const fn digest(&self) -> &Digest {
        &self.0
    }
}

/// A session: a digest of its id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Session(Digest);

impl Session {
    /// The session with an id, whose case matters.
    pub fn new(id: &str) -> Self {
        Self(Digest::of("perso session", [id.as_bytes()]))
    }

    /// The session with this digest.
    pub const fn from_digest(digest: Digest) -> Self {
        Self(digest)
    }

    /// Its digest.
    pub const fn digest(&self) -> &Digest {
        &self.0
    }
}

/// A digest of fields that cannot run into each other: each has a tag and its length before it.
pub(crate) struct Fields(Sha256);

impl Fields {
    pub(crate) fn new(purpose: &str) -> Self {
        let mut fields = Self(Sha256::new());
        fields.add(0, purpose.as_bytes());
        fields
    }

    pub(crate) fn add(&mut self, tag: u8, bytes: &[u8]) {
        // Nothing in a call is as long as a length can be here.
        let length = u32::try_from(bytes.len()).unwrap_or(u32::MAX).to_be_bytes();
        let [one, two, three, four] = length;
        let head = [tag, one, two, three, four];
        self.0.update(head);
        self.0.update(bytes);
    }

    pub(crate) fn finish(self) -> Digest {
        Digest(self.0.finalize().into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn accounts_differ_by_what_names_them() {
        let accounts = [
            Account::new("a", []),
            Account::new("a", [Value::Null]),
            Account::new("a", [Value::Boolean(true)]),
            Account::new("a", [Value::Boolean(false)]),
            Account::new("a", [Value::Number("1")]),
            Account::new("a", [Value::Text("1")]),
            Account::new("a", [Value::Text("1"), Value::Text("2")]),
            Account::new("a", [Value::Text("12"), Value::Text("")]),
            Account::new("a", [Value::Text("12")]),
            Account::new("a1", [Value::Text("2")]),
            // The id of a limit is the policy's, which nobody else writes.
            Account::new("A", []),
        ];
        for (at, one) in accounts.iter().enumerate() {
            assert_eq!(accounts.iter().position(|other| other == one), Some(at));
        }
        assert_ne!(Session::new("a"), Session::new("A"));
    }
}
