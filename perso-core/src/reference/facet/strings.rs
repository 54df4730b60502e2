//! Every string at any depth of a value, keys too.

use crate::reference::value::Value;

pub(super) fn of(value: &Value) -> Vec<Value> {
    match value {
        Value::String(_) => vec![value.clone()],
        Value::List(elements) => elements.iter().flat_map(of).collect(),
        Value::Object(members) => members
            .iter()
            .flat_map(|(key, value)| std::iter::once(Value::String(key.clone())).chain(of(value)))
            .collect(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Unknown { .. } => Vec::new(),
    }
}
