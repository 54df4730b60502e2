//! Arguments as a value that every reader of their text would see.
//!
//! A resource source and an observer get a [`Value`], while the server reads the text. Readers of JSON differ over duplicate
//! keys, over keys that differ only in case, and over numbers that a float cannot hold. Text in which they could differ has
//! no value here, and the call is denied.

use crate::fold;
use crate::shallow::Shallow;
use perso_core::{limits, source};
use serde_json::value::RawValue;
use serde_json::{Map, Number, Value};
use std::collections::HashSet;

/// Why text has no value. The words are for the model: they say what to send instead.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Unclear(pub(crate) &'static str);

const NOT_JSON: Unclear = Unclear("the arguments are not JSON");
const DEPTH: Unclear = Unclear("the arguments are nested too deeply: send them with fewer levels");
const KEYS: Unclear = Unclear("the arguments repeat a key, exactly or in another case: send each key once");
const NUMBER: Unclear = Unclear("the arguments have a number that cannot be kept exactly: send it with fewer digits");

/// Reads JSON text.
pub(crate) fn read(text: &str) -> Result<Value, Unclear> {
    // The arguments are the second level of a call.
    value(serde_json::from_str(text).map_err(|_| NOT_JSON)?, limits::DEPTH - 1)
}

/// Calls itself for each level, so not more often than there are levels.
fn value(raw: &RawValue, levels: u32) -> Result<Value, Unclear> {
    let text = raw.get();
    match text.as_bytes().first() {
        Some(b'{' | b'[') if levels == 0 => Err(DEPTH),
        Some(b'{') => object(text, levels - 1),
        Some(b'[') => {
            let elements: Vec<&RawValue> = serde_json::from_str(text).map_err(|_| NOT_JSON)?;
            elements.into_iter().map(|element| value(element, levels - 1)).collect()
        }
        Some(b'-' | b'0'..=b'9') => number(text).map(Value::Number).ok_or(NUMBER),
        _ => serde_json::from_str(text).map_err(|_| NOT_JSON),
    }
}

fn object(text: &str, levels: u32) -> Result<Value, Unclear> {
    let mut seen = HashSet::new();
    let mut object = Map::new();
    for (key, field) in Shallow::read(text).ok_or(NOT_JSON)?.into_fields() {
        if !seen.insert(fold::any(&key)) {
            return Err(KEYS);
        }
        object.insert(key, value(field, levels)?);
    }
    Ok(Value::Object(object))
}

/// The number, if it is the very decimal that the text says. A float stands for the shortest decimal that reads back as it.
fn number(text: &str) -> Option<Number> {
    if let Ok(integer) = text.parse::<u64>() {
        return Some(integer.into());
    }
    if let Ok(integer) = text.parse::<i64>() {
        return Some(integer.into());
    }
    let float = Number::from_f64(text.parse().ok()?)?;
    let decimal = |text: &str| source::Number::parse(text.as_bytes()).flatten();
    (decimal(text)? == decimal(&float.to_string())?).then_some(float)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_every_reader_sees_is_the_value() {
        for (text, value) in [
            ("{}", json!({})),
            (
                " {\"a\" : [1, -2, 1.5, true, null, \"\\u00e9\\ud83d\\ude00\"]} ",
                json!({"a": [1, -2, 1.5, true, null, "é😀"]}),
            ),
            (r#"{"a":18446744073709551615,"b":-9223372036854775808}"#, json!({"a": u64::MAX, "b": i64::MIN})),
            (
                r#"{"a":500.00,"b":5e2,"c":0.1,"d":1e29,"e":-0}"#,
                json!({"a": 500.0, "b": 500.0, "c": 0.1, "d": 1e29, "e": 0}),
            ),
            // A float that a quick reader gets wrong in the last place.
            (r#"{"a":0.6046602879796196}"#, json!({"a": 0.604_660_287_979_619_6})),
            (r#"{"a":{"x":1},"b":{"x":1}}"#, json!({"a": {"x": 1}, "b": {"x": 1}})),
            ("null", Value::Null),
        ] {
            assert_eq!(read(text), Ok(value), "{text}");
        }
    }

    #[test]
    fn text_in_which_readers_differ_has_no_value() {
        for (keys, text) in [
            (KEYS, r#"{"a":1,"a":1}"#),
            (KEYS, r#"{"a":1,"\u0061":2}"#),
            (KEYS, r#"{"a":1,"A":2}"#),
            (KEYS, r#"{"x":[{"é":1,"É":2}]}"#),
            (KEYS, r#"{"straße":1,"STRASSE":2}"#),
            (KEYS, r#"{"k":1,"\u212a":2}"#),
            (KEYS, r#"{"id":1,"id\u0000x":2}"#),
            (KEYS, r#"{"id":1," id":2}"#),
            (NUMBER, r#"{"x":1e999}"#),
            (NUMBER, r#"{"x":-1e999}"#),
            (NUMBER, r#"{"x":1e-400}"#),
            (NUMBER, r#"{"x":123456789012345678901234567890}"#),
            (NUMBER, r#"{"x":18446744073709551617}"#),
            (NUMBER, r#"{"x":9007199254740993.0}"#),
            (NUMBER, r#"{"x":0.1000000000000000055511151231257827}"#),
            (NOT_JSON, r#"{"x":"\ud800"}"#),
            (NOT_JSON, r#"{"\ud800":1}"#),
            (NOT_JSON, r#"{"x":01}"#),
            (NOT_JSON, r#"{"x":1} x"#),
            (NOT_JSON, r#"{"x":NaN}"#),
            (NOT_JSON, ""),
        ] {
            assert_eq!(read(text), Err(keys), "{text}");
        }
        let nested = |levels| format!("{}1{}", r#"{"x":"#.repeat(levels), "}".repeat(levels));
        assert!(read(&nested(63)).is_ok());
        assert_eq!(read(&nested(64)), Err(DEPTH));
        assert_eq!(read(&nested(200_000)), Err(DEPTH));
    }
}
