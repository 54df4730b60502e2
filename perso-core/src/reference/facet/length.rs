//! The length of a string or a list.

use crate::limits::LIST_LENGTH;
use crate::reference::value::{Number, Value};

pub(super) fn read(value: &Value) -> Result<Value, &'static str> {
    match value {
        Value::String(text) => Ok(Value::Number(Number::new(&text.chars().count().to_string()))),
        Value::List(elements) => {
            let mut number = Number::new(&elements.len().to_string());
            if elements.len() as u64 > LIST_LENGTH {
                number.value = None;
            }
            Ok(Value::Number(number))
        }
        _ => Err("neither a string nor a list"),
    }
}
