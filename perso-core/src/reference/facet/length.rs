//! The length of a string, in code points.

use crate::reference::value::{Number, Value};

pub(super) fn of_string(text: &str) -> Value {
    Value::Number(Number::new(&text.chars().count().to_string()))
}
