//! The number of elements of a list.

use crate::limits::LIST_LENGTH;
use crate::reference::value::{Number, Value};

/// Out of range where there are more elements than are looked at, and unknown where one of them may be any number.
pub(super) fn of_list(elements: &[Value]) -> Value {
    if elements.contains(&Value::Unknown { several: true }) {
        return Value::Unknown { several: false };
    }
    let mut number = Number::new(&elements.len().to_string());
    if elements.len() as u64 > LIST_LENGTH {
        number.value = None;
    }
    Value::Number(number)
}
