//! A tree as JSON text for people.

use super::json::{Kind, MAX_TEXT, Node};

/// What fits on a line of so many characters stands on one.
const WIDTH: usize = 110;
const INDENT: usize = 2;

/// The document, with a line end behind it. Of one that is longer than a policy may be, enough to tell.
pub(crate) fn pretty(root: &Node<'_>) -> String {
    let mut text = String::new();
    write(&mut text, root, 0, 0);
    text.push('\n');
    text
}

/// The tree on one line.
pub(crate) fn compact(root: &Node<'_>) -> String {
    let mut text = String::new();
    inline(&mut text, root, MAX_TEXT);
    text
}

/// Writes a value; `used` is how much of the line is taken. The document itself and the list of rules take a line for
/// each of their parts.
fn write(text: &mut String, node: &Node<'_>, depth: usize, used: usize) {
    if text.len() > MAX_TEXT {
        return;
    }
    let is_rules = depth == 1
        && matches!(&node.kind, Kind::List(list) if list.iter().any(|it| matches!(it.kind, Kind::Object(_))));
    let start = text.len();
    if depth > 0 && !is_rules && inline(text, node, start + WIDTH.saturating_sub(used)) {
        return;
    }
    text.truncate(start);
    let (open, close) = match &node.kind {
        Kind::List(_) => ('[', ']'),
        _ => ('{', '}'),
    };
    let indent = (depth + 1) * INDENT;
    let line = |text: &mut String, first: bool| {
        text.push_str(if first { "\n" } else { ",\n" });
        text.extend(std::iter::repeat_n(' ', indent));
    };
    match &node.kind {
        Kind::List(elements) if !elements.is_empty() => {
            text.push(open);
            for (at, element) in elements.iter().enumerate() {
                line(text, at == 0);
                write(text, element, depth + 1, indent + 1);
            }
        }
        Kind::Object(members) if !members.is_empty() => {
            text.push(open);
            for (at, member) in members.iter().enumerate() {
                line(text, at == 0);
                let before = text.len();
                quote(text, &member.key.value);
                text.push_str(": ");
                write(text, &member.value, depth + 1, indent + 1 + text.len() - before);
            }
        }
        // A long scalar, or nothing.
        _ => {
            inline(text, node, usize::MAX);
            return;
        }
    }
    text.push('\n');
    text.extend(std::iter::repeat_n(' ', depth * INDENT));
    text.push(close);
}

/// Writes a value on one line, unless the text would become longer than that.
fn inline(text: &mut String, node: &Node<'_>, most: usize) -> bool {
    match &node.kind {
        Kind::Null => text.push_str("null"),
        Kind::Bool(value) => text.push_str(if *value { "true" } else { "false" }),
        Kind::Number(number) => text.push_str(number),
        Kind::String(string) => quote(text, string),
        Kind::List(elements) => {
            text.push('[');
            for (at, element) in elements.iter().enumerate() {
                text.push_str(if at == 0 { "" } else { ", " });
                if !inline(text, element, most) {
                    return false;
                }
            }
            text.push(']');
        }
        Kind::Object(members) if members.is_empty() => text.push_str("{}"),
        Kind::Object(members) => {
            for (at, member) in members.iter().enumerate() {
                text.push_str(if at == 0 { "{ " } else { ", " });
                quote(text, &member.key.value);
                text.push_str(": ");
                if !inline(text, &member.value, most) {
                    return false;
                }
            }
            text.push_str(" }");
        }
    }
    text.len() <= most
}

fn quote(text: &mut String, string: &str) {
    text.push_str(&serde_json::Value::from(string).to_string());
}
