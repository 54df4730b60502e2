//! Parses arguments into a value that every other JSON parser would read as well.
//!
//! A resource source and an observer get a [`Value`], while the server parses the text itself. JSON parsers disagree
//! about duplicate keys, keys that differ only in case, and numbers that a float cannot hold. Such text is an error
//! here, and the call is denied.

use crate::fold;
use perso_core::{limits, source};
use serde_json::value::RawValue;
use serde_json::{Map, Number, Value};
use std::collections::HashSet;

/// Why text cannot be parsed unambiguously. The message is for the model: it says what to send instead.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Unclear(pub(crate) &'static str);

const NOT_JSON: Unclear = Unclear("the arguments are not JSON");
const DEPTH: Unclear = Unclear("the arguments are nested too deeply: send them with fewer levels");
const KEYS: Unclear = Unclear("the arguments repeat a key, exactly or in another case: send each key once");
const NUMBER: Unclear = Unclear("the arguments have a number that cannot be kept exactly: send it with fewer digits");

/// Parses JSON text that all JSON parsers read alike.
///
/// # Errors
///
/// Why they would not, and what to send instead.
pub fn exact(text: &str) -> Result<Value, &'static str> {
    read(text).map_err(|Unclear(why)| why)
}

/// Parses JSON text.
pub(crate) fn read(text: &str) -> Result<Value, Unclear> {
    // This rejects all invalid JSON, so the reader below only has to find the tokens.
    let text = serde_json::from_str::<&RawValue>(text).map_err(|_| NOT_JSON)?.get();
    // The arguments are at the second level of a call.
    Reader { text, at: 0 }.value(limits::DEPTH - 1)
}

/// Reads text that is known to be valid JSON, in one pass.
struct Reader<'t> {
    text: &'t str,
    at: usize,
}

impl<'t> Reader<'t> {
    /// Skips whitespace and returns the first byte of the next token.
    fn peek(&mut self) -> u8 {
        let rest = self.text.as_bytes().get(self.at..).unwrap_or_default();
        self.at += rest.iter().take_while(|byte| byte.is_ascii_whitespace()).count();
        self.text.as_bytes().get(self.at).copied().unwrap_or_default()
    }

    /// Takes bytes while `is_like` returns true.
    fn take_while(&mut self, is_like: impl Fn(u8) -> bool) -> &'t str {
        let start = self.at;
        let rest = self.text.as_bytes().get(start..).unwrap_or_default();
        self.at += rest.iter().take_while(|byte| is_like(**byte)).count();
        self.text.get(start..self.at).unwrap_or_default()
    }

    /// Reads a value. It recurses once for each level, so `levels` limits the recursion.
    fn value(&mut self, levels: u32) -> Result<Value, Unclear> {
        match self.peek() {
            b'{' | b'[' if levels == 0 => Err(DEPTH),
            b'{' => self.object(levels - 1),
            b'[' => self.list(levels - 1),
            b'"' => self.string().map(Value::String),
            b'-' | b'0'..=b'9' => {
                let text = self.take_while(|byte| matches!(byte, b'0'..=b'9' | b'-' | b'+' | b'.' | b'e' | b'E'));
                number(text).map(Value::Number).ok_or(NUMBER)
            }
            _ => match self.take_while(|byte| byte.is_ascii_lowercase()) {
                "true" => Ok(true.into()),
                "false" => Ok(false.into()),
                "null" => Ok(Value::Null),
                _ => Err(NOT_JSON),
            },
        }
    }

    fn object(&mut self, levels: u32) -> Result<Value, Unclear> {
        let (mut object, mut seen) = (Map::new(), HashSet::new());
        while self.goes_on(b'}') {
            let key = self.string()?;
            if !seen.insert(fold::any(&key)) {
                return Err(KEYS);
            }
            // The colon.
            self.peek();
            self.at += 1;
            object.insert(key, self.value(levels)?);
        }
        Ok(Value::Object(object))
    }

    fn list(&mut self, levels: u32) -> Result<Value, Unclear> {
        let mut list = Vec::new();
        while self.goes_on(b']') {
            list.push(self.value(levels)?);
        }
        Ok(Value::Array(list))
    }

    /// Takes the opening bracket or the comma and returns true if an item follows. Otherwise takes the closing bracket
    /// and returns false.
    fn goes_on(&mut self, close: u8) -> bool {
        let is_end = self.peek() == close;
        self.at += 1;
        if is_end {
            return false;
        }
        // In an empty object or list, take both brackets.
        let is_empty = self.peek() == close;
        self.at += usize::from(is_empty);
        !is_empty && self.at < self.text.len()
    }

    fn string(&mut self) -> Result<String, Unclear> {
        self.peek();
        let start = self.at;
        self.at += 1;
        let bytes = self.text.as_bytes();
        while let Some(found) = memchr::memchr2(b'"', b'\\', bytes.get(self.at..).unwrap_or_default()) {
            self.at += found + 1;
            if bytes.get(self.at - 1) == Some(&b'"') {
                // This can still fail: the string may have a lone surrogate.
                return serde_json::from_str(self.text.get(start..self.at).unwrap_or_default()).map_err(|_| NOT_JSON);
            }
            // Skip the escaped character, which cannot end the string.
            self.at += 1;
        }
        Err(NOT_JSON)
    }
}

/// Returns the number if it is exactly the decimal in the text. A float counts as the shortest decimal that parses back
/// to it.
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
            // A float whose last digit a fast but inexact parser gets wrong.
            (r#"{"a":0.6046602879796196}"#, json!({"a": 0.604_660_287_979_619_6})),
            (r#"{"a":{"x":1},"b":{"x":1}}"#, json!({"a": {"x": 1}, "b": {"x": 1}})),
            ("null", Value::Null),
            (" [ ] ", json!([])),
            (
                r#"{"a":[],"b":{},"c":[[],[{}]], "d" : "\\\"]}" ,"e":""}"#,
                json!({"a": [], "b": {}, "c": [[], [{}]], "d": "\\\"]}", "e": ""}),
            ),
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

    /// Compares all files under `policies/`, whole and line by line, with `serde_json`.
    #[test]
    fn another_reader_sees_the_same() {
        let (mut folders, mut compared) = (vec![std::path::PathBuf::from("../policies")], 0);
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    folders.push(path);
                    continue;
                }
                let Ok(text) = std::fs::read_to_string(path) else { continue };
                for line in text.lines().chain([&*text]).map(|line| line.trim_end_matches(',')) {
                    if let Ok(value) = read(line) {
                        assert_eq!(serde_json::from_str::<Value>(line).unwrap(), value, "{line}");
                        compared += 1;
                    }
                }
            }
        }
        assert!(compared > 500, "{compared}");
    }
}
