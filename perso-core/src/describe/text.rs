//! Literals and lists in a text, and the text as a whole: of bounded length, and with nothing that could act on a
//! terminal.

use crate::policy::Value;
use crate::visible::visible;

/// Of a longer list, only the first are named.
const MAX_LISTED: usize = 6;
/// Of a longer string, only the beginning is shown, in characters.
const MAX_STRING: usize = 60;

/// `a`, `a or b`, `a, b or c`; of many, how many more there are.
pub(super) fn joined(names: impl IntoIterator<Item = String>, last: &str) -> String {
    let mut names: Vec<String> = names.into_iter().collect();
    let count = names.len();
    if count > MAX_LISTED {
        names.truncate(MAX_LISTED);
        return format!("{} {last} {} more", names.join(", "), count - MAX_LISTED);
    }
    match (names.pop(), names.is_empty()) {
        (Some(only), true) => only,
        (Some(end), false) => format!("{} {last} {end}", names.join(", ")),
        (None, _) => String::new(),
    }
}

pub(super) fn literal(value: &Value) -> String {
    match value {
        Value::Bool(value) => value.to_string(),
        Value::Number(number) => number.to_string(),
        Value::String(text) => string(text),
    }
}

pub(super) fn string(text: &str) -> String {
    match text.char_indices().nth(MAX_STRING) {
        Some((cut, _)) => serde_json::Value::from(format!("{}…", text.get(..cut).unwrap_or_default())).to_string(),
        None => serde_json::Value::from(text).to_string(),
    }
}

/// A literal, without quotation marks where it is plainly one word.
pub(super) fn bare(value: &Value) -> String {
    match value {
        Value::String(text) if text.len() <= MAX_STRING && text.chars().all(|c| c.is_ascii_graphic() && c != '"') => {
            text.clone()
        }
        _ => literal(value),
    }
}

/// At most `max` bytes, cut at a word, without what could act on a terminal or hide in a text.
pub(super) fn cut(text: &str, max: usize) -> String {
    let text = visible(text);
    if text.len() <= max {
        return text.into_owned();
    }
    let room = max.saturating_sub('…'.len_utf8());
    let fits = (0..=room).rev().find_map(|end| text.get(..end)).unwrap_or_default();
    // A word may be longer than everything that fits.
    let words = fits.rsplit_once(' ').map_or(fits, |(words, _)| words).trim_end_matches([',', '(']);
    format!("{}…", words.trim_end())
}
