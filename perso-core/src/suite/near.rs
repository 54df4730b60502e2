//! Calls that are like another one.

use serde_json::Value;

/// The most words of one string that are replaced in turn.
const MOST_WORDS: usize = 16;

/// The texts of the call with a string in place of each of the strings of its arguments, in place of each of their words, and
/// behind them.
pub(super) fn calls(call: &Value, string: &str) -> Vec<String> {
    let Some(arguments) = call.get("args") else { return Vec::new() };
    values(arguments, string).into_iter().map(|arguments| text(call, &arguments)).collect()
}

/// The text of a call with other arguments, in the order in which people write a call.
fn text(call: &Value, arguments: &Value) -> String {
    let parts = ["tool", "args", "agent", "resource", "context", "session"].into_iter().filter_map(|part| {
        let value = if part == "args" { arguments } else { call.get(part)? };
        Some(format!("\"{part}\": {value}"))
    });
    format!("{{{}}}", parts.collect::<Vec<_>>().join(", "))
}

/// The value with one of its strings replaced, in each way.
fn values(value: &Value, string: &str) -> Vec<Value> {
    match value {
        Value::String(text) => texts(text, string).into_iter().map(Value::String).collect(),
        Value::Array(elements) => {
            let replaced = |(at, element): (usize, &Value)| {
                let with = move |element: Value| {
                    let others = elements.iter().enumerate();
                    others.map(|(place, other)| if place == at { element.clone() } else { other.clone() }).collect()
                };
                values(element, string).into_iter().map(with).map(Value::Array).collect::<Vec<_>>()
            };
            elements.iter().enumerate().flat_map(replaced).collect()
        }
        Value::Object(members) => {
            let replaced = |(key, member): (&String, &Value)| {
                let with = |member: Value| {
                    let mut members = members.clone();
                    members.insert(key.clone(), member);
                    Value::Object(members)
                };
                values(member, string).into_iter().map(with).collect::<Vec<_>>()
            };
            members.iter().flat_map(replaced).collect()
        }
        _ => Vec::new(),
    }
}

fn texts(text: &str, string: &str) -> Vec<String> {
    let words: Vec<&str> = text.split(' ').collect();
    let mut texts = vec![string.to_owned(), format!("{text} {string}")];
    for at in 0..words.len().min(MOST_WORDS) {
        let word = |(place, word): (usize, &&str)| if place == at { string.to_owned() } else { (*word).to_owned() };
        texts.push(words.iter().enumerate().map(word).collect::<Vec<_>>().join(" "));
    }
    texts
}
