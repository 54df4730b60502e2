//! Text of a call that is safe to show: short, and without characters that move the cursor or reorder the line.

use super::value::Value;
use crate::policy;
pub(super) use crate::visible::visible;
use crate::visible::{escape, is_deceptive};

/// How many characters of a value are shown.
const VALUE: usize = 80;

/// How many characters are shown of a text that goes on.
const BEGIN: usize = 32;

/// How many characters of an operand are shown.
const OPERAND: usize = 200;

/// A value as JSON, cut where it is long.
pub(super) fn value(value: &Value) -> String {
    let mut text = Cut::at(VALUE);
    push_value(&mut text, value);
    text.finish()
}

/// A string as JSON, cut where it is long.
pub(super) fn string(string: &str) -> String {
    let mut text = Cut::at(VALUE);
    push_string(&mut text, string);
    text.finish()
}

/// How a string begins, as JSON.
pub(super) fn begin(string: &str) -> String {
    let mut text = Cut::at(BEGIN);
    push_string(&mut text, string);
    text.finish()
}

/// Strings as a JSON list, cut where it is long.
pub(super) fn strings(strings: &[&str]) -> String {
    let mut text = Cut::at(VALUE);
    push_list(&mut text, strings, |text, string| push_string(text, string));
    text.finish()
}

/// A string bare, for a message that puts it between backticks; cut where it is long.
pub(super) fn name(name: &str) -> String {
    let mut text = Cut::at(VALUE);
    push_characters(&mut text, name);
    text.finish()
}

/// A literal of the policy as JSON, cut where it is very long.
pub(super) fn literal(literal: &policy::Value) -> String {
    let mut text = Cut::at(OPERAND);
    push_literal(&mut text, literal);
    text.finish()
}

/// A pattern of the policy as JSON, cut where it is very long.
pub(super) fn pattern(pattern: &str) -> String {
    let mut text = Cut::at(OPERAND);
    push_string(&mut text, pattern);
    text.finish()
}

/// A list of literals as JSON, cut where it is very long.
pub(super) fn literals(literals: &[policy::Value]) -> String {
    let mut text = Cut::at(OPERAND);
    push_list(&mut text, literals, push_literal);
    text.finish()
}

/// A text that ends with `…` where there was no room for all of it.
struct Cut {
    text: String,
    room: usize,
    full: bool,
}

impl Cut {
    fn at(room: usize) -> Self {
        Self { text: String::new(), room, full: false }
    }

    /// All of a piece, or none of it and nothing after it: so that no escape is cut in half.
    fn push(&mut self, piece: &str) {
        let length = piece.chars().count();
        if self.full || length > self.room {
            self.full = true;
            return;
        }
        self.room -= length;
        self.text.push_str(piece);
    }

    fn finish(mut self) -> String {
        if self.full {
            self.text.push('…');
        }
        self.text
    }
}

fn push_value(text: &mut Cut, value: &Value) {
    match value {
        Value::Null => text.push("null"),
        Value::Bool(value) => text.push(if *value { "true" } else { "false" }),
        Value::Number(number) => push_number(text, &number.text),
        Value::String(string) => push_string(text, string),
        Value::List(elements) => push_list(text, elements, push_value),
        Value::Unknown { .. } => text.push("?"),
        Value::Object(members) => {
            text.push("{");
            for (index, (key, value)) in members.iter().enumerate() {
                if text.full {
                    return;
                }
                text.push(if index == 0 { "" } else { ", " });
                push_string(text, key);
                text.push(": ");
                push_value(text, value);
            }
            text.push("}");
        }
    }
}

fn push_literal(text: &mut Cut, literal: &policy::Value) {
    match literal {
        policy::Value::Bool(value) => text.push(if *value { "true" } else { "false" }),
        policy::Value::Number(number) => push_number(text, &number.to_string()),
        policy::Value::String(string) => push_string(text, string),
    }
}

fn push_list<T>(text: &mut Cut, elements: &[T], push: impl Fn(&mut Cut, &T)) {
    text.push("[");
    for (index, element) in elements.iter().enumerate() {
        if text.full {
            return;
        }
        text.push(if index == 0 { "" } else { ", " });
        push(text, element);
    }
    text.push("]");
}

fn push_number(text: &mut Cut, number: &str) {
    let mut buffer = [0; 4];
    for digit in number.chars() {
        if text.full {
            return;
        }
        text.push(digit.encode_utf8(&mut buffer));
    }
}

fn push_string(text: &mut Cut, string: &str) {
    text.push("\"");
    for c in string.chars() {
        if text.full {
            return;
        }
        match c {
            '"' => text.push("\\\""),
            '\\' => text.push("\\\\"),
            '\n' => text.push("\\n"),
            '\t' => text.push("\\t"),
            c => push_visible(text, c),
        }
    }
    text.push("\"");
}

fn push_characters(text: &mut Cut, characters: &str) {
    for c in characters.chars() {
        if text.full {
            return;
        }
        push_visible(text, c);
    }
}

/// A character, or its JSON escape where it would not be seen as itself.
fn push_visible(text: &mut Cut, c: char) {
    if is_deceptive(c) {
        text.push(&escape(c));
    } else {
        text.push(c.encode_utf8(&mut [0; 4]));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_terminal_sees_only_what_is_written() {
        assert_eq!(string("\u{1b}[2J\u{202e}a\"\n\u{85}\u{e0041}"), r#""\u001b[2J\u202ea\"\n\u0085\udb40\udc41""#);
        assert_eq!(visible("a\u{7}b\nc"), r"a\u0007b\u000ac");
        assert_eq!(string("é 😀"), "\"é 😀\"");
    }

    #[test]
    fn a_long_value_is_cut_between_characters() {
        let shown = string(&"\u{1}".repeat(100));
        assert_eq!(shown, format!("\"{}…", "\\u0001".repeat(13)));
        let list = Value::List(vec![Value::Bool(true); 100_000]);
        assert!(value(&list).chars().count() <= VALUE + 1);
        assert_eq!(value(&Value::read(r#"{"a": [1.50, null], "b": {}}"#).unwrap()), r#"{"a": [1.50, null], "b": {}}"#);
    }
}
