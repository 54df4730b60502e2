//! The number of elements of a list.

use crate::limits::LIST_LENGTH;
use crate::reference::value::{Number, Value};

/// Out of range where there are more elements than are looked at.
pub(super) fn of_list(elements: &[Value]) -> Value {
    let mut number = Number::new(&elements.len().to_string());
    if elements.len() as u64 > LIST_LENGTH {
        number.value = None;
    }
    Value::Number(number)
}
