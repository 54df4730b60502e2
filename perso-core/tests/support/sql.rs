//! What the tests of SQL need.

use std::fs;
use std::path::Path;

use perso_core::policy::Dialect;
use perso_core::reference::{Number, Value as Read};
use serde_json::Value;

/// The objects of a file with one in each line.
pub fn objects(path: &str) -> Vec<Value> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
    let text = fs::read_to_string(path).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// A text of an object.
pub fn member<'v>(object: &'v Value, key: &str) -> &'v str {
    object[key].as_str().unwrap_or_else(|| panic!("`{key}` of {object}"))
}

/// The dialect of a name.
pub fn named(name: &str) -> Dialect {
    Dialect::ALL.into_iter().find(|dialect| dialect.name() == name).unwrap()
}

/// A whole number.
pub fn number(number: u64) -> Read {
    Read::Number(Number::new(&number.to_string()))
}
