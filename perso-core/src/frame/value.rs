//! Writes what a policy reads of a [`serde_json::Value`] into a frame.

use perso_decode::limits::DEPTH;
use perso_decode::{Code, Error, Frame, Number, Place};
use serde_json::Value;

/// Writes a part of a call.
pub(super) fn part(frame: &mut Frame<'_, '_>, place: Place, value: &Value) -> Result<(), Error> {
    match value {
        Value::Object(_) | Value::Null => {
            write(frame, place, value)?;
            match frame.strings_of(place)? {
                Some(strings) => write_strings(frame, strings, value, 1),
                None => Ok(()),
            }
        }
        _ => Err(Code::Part.anywhere()),
    }
}

/// Tells of every string at any depth.
fn write_strings(frame: &mut Frame<'_, '_>, place: Place, value: &Value, depth: u32) -> Result<(), Error> {
    if depth > DEPTH {
        return Err(Code::Depth.anywhere());
    }
    match value {
        Value::String(value) => frame.string(place, value),
        Value::Array(elements) => {
            elements.iter().try_for_each(|element| write_strings(frame, place, element, depth + 1))
        }
        Value::Object(fields) => fields.iter().try_for_each(|(key, value)| {
            frame.string(place, key)?;
            write_strings(frame, place, value, depth + 1)
        }),
        Value::Null | Value::Bool(_) | Value::Number(_) => Ok(()),
    }
}

/// Follows the places that the policy reads, so it goes as deep as a policy's paths at most.
fn write(frame: &mut Frame<'_, '_>, place: Place, value: &Value) -> Result<(), Error> {
    match value {
        Value::Null => frame.null(place),
        Value::Bool(value) => frame.boolean(place, *value),
        Value::Number(value) => frame.number(place, number(value)),
        Value::String(value) => frame.string(place, value),
        Value::Array(elements) => {
            if frame.takes_roles(place)? {
                for element in elements.iter().take(perso_decode::limits::LIST_LENGTH as usize) {
                    frame.role(element.as_str())?;
                }
            }
            frame.list(place, elements.len() as u64)?;
            if let Some(mut list) = frame.elements(place, elements.len() as u64)? {
                for element in elements {
                    frame.element(&mut list)?;
                    write(frame, Place::ELEMENT, element)?;
                }
                frame.end(list);
            }
            Ok(())
        }
        Value::Object(fields) => {
            frame.object(place)?;
            for (key, value) in fields {
                if let Some(child) = frame.key(place, key)? {
                    write(frame, child, value)?;
                }
            }
            Ok(())
        }
    }
}

/// The exact number; `None` if it is out of range. What is no integer is taken by its JSON text: for a float the
/// shortest decimal that reads back as the same float, which is what any JSON writer would send.
fn number(value: &serde_json::Number) -> Option<Number> {
    if let Some(value) = value.as_u64() {
        Some(Number::from(value))
    } else if let Some(value) = value.as_i64() {
        Some(Number::from(value))
    } else {
        Number::parse(value.to_string().as_bytes()).flatten()
    }
}
