//! What can be read off a value: one file for each kind of text.
//!
//! Each reader goes through the text by the grammar of its documentation, and refuses what is not in it: so what is
//! read is what every other reader of the same text reads.

mod address;
mod length;

use super::value::Value;
use crate::check::Facet;

/// The facet of a value, or why it has none.
pub(super) fn of(facet: Facet, value: &Value) -> Result<Value, &'static str> {
    match (facet, value) {
        (Facet::Length, value) => length::read(value),
        (_, Value::String(text)) => read(facet, text),
        _ => Err("not a string"),
    }
}

/// The facet of a string.
///
/// # Errors
/// Why the string has none.
pub fn read(facet: Facet, text: &str) -> Result<Value, &'static str> {
    let _ = text;
    match facet {
        Facet::Length => length::read(&Value::String(text.to_owned())),
        Facet::Address => address::read(text).map(Value::String),
        _ => Err("not plain"),
    }
}

/// A value of [`Facet::Address`], or what some begin with, as an author writes it.
pub(super) fn network(value: &str) -> String {
    address::network(value)
}
