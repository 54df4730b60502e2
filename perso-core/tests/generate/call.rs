//! Random calls that a policy has something to say about.

use std::fmt::Write;

use arbitrary::{Result, Unstructured};

use super::policy::shuffle;
use super::{Json, NAMES, NUMBERS, ROLES, STRINGS};

const PARTS: [&str; 4] = ["args", "agent", "resource", "context"];

/// An attribute that the policy reads, and what it is compared with.
struct Attribute {
    root: String,
    keys: Vec<String>,
    values: Vec<Json>,
    lengths: Vec<Json>,
}

/// The text of a random call: the values are mostly what the policy compares with, or near it. About one in fifteen is
/// malformed.
pub(crate) fn call(u: &mut Unstructured<'_>, policy: &Json) -> Result<String> {
    let mut attributes = survey(policy);
    shuffle(u, &mut attributes)?;
    let mut parts = PARTS.map(|_| Json::Object(Vec::new()));
    // A value that several attributes get, so that references find equal ones.
    let shared = [any_scalar(u)?, any_scalar(u)?];
    for attribute in &attributes {
        let Some(at) = PARTS.iter().position(|part| *part == attribute.root) else { continue };
        if attribute.keys == ["roles"] && attribute.root == "agent" || u.ratio(1, 8)? {
            continue;
        }
        let value = value(u, attribute, &shared)?;
        insert(&mut parts[at], &attribute.keys, value);
    }
    roles(u, &mut parts[1])?;
    let mut call = vec![("tool".to_owned(), Json::String(tool(u, policy)?))];
    for (name, mut part) in PARTS.into_iter().zip(parts) {
        if u.ratio(1, 6)? {
            insert(&mut part, &["unread".to_owned()], odd_value(u)?);
        }
        if let Json::Object(members) = &mut part {
            shuffle(u, members)?;
        }
        match u.int_in_range(0..=19)? {
            0 => {}
            1 => call.push((name.to_owned(), Json::Null)),
            _ => call.push((name.to_owned(), part)),
        }
    }
    shuffle(u, &mut call)?;
    let malformed = u.ratio(1, 15)?;
    if malformed && u.arbitrary()? {
        return spoil_text(u, Json::Object(call));
    }
    if malformed {
        spoil_members(u, &mut call)?;
    }
    let style = Style { space: u.int_in_range(0..=3)?, escapes: u.ratio(1, 4)? };
    let mut text = String::new();
    style.write(u, &mut text, &Json::Object(call))?;
    Ok(text)
}

/// Every attribute that the policy's conditions read.
fn survey(policy: &Json) -> Vec<Attribute> {
    let mut attributes = Vec::new();
    for rule in policy.member("rules").map(Json::elements).unwrap_or_default() {
        for key in ["when", "unless"] {
            if let Some(condition) = rule.member(key) {
                survey_condition(condition, &mut attributes);
            }
        }
    }
    attributes
}

fn survey_condition(condition: &Json, attributes: &mut Vec<Attribute>) {
    for (key, value) in condition.members() {
        match key.as_str() {
            "all" | "All" | "any" | "Any" => {
                value.elements().iter().for_each(|part| survey_condition(part, attributes));
            }
            "not" | "Not" => survey_condition(value, attributes),
            path => survey_test(path, value, false, attributes),
        }
    }
}

fn survey_test(path: &str, test: &Json, of_length: bool, attributes: &mut Vec<Attribute>) {
    let mut compared = Vec::new();
    match test {
        Json::Object(operators) => {
            for (operator, operand) in operators {
                match (operator.as_str(), operand) {
                    ("length", test) => survey_test(path, test, true, attributes),
                    ("exists" | "type", _) => {}
                    (_, Json::List(elements)) => compared.extend(elements.iter().cloned()),
                    (_, operand) => match operand.member("ref").and_then(Json::text) {
                        Some(other) => note(other, Vec::new(), false, attributes),
                        None => compared.push(operand.clone()),
                    },
                }
            }
        }
        scalar => compared.push(scalar.clone()),
    }
    note(path, compared, of_length, attributes);
}

fn note(path: &str, compared: Vec<Json>, of_length: bool, attributes: &mut Vec<Attribute>) {
    let Some((root, keys)) = split(path) else { return };
    let known = attributes.iter().position(|attribute| attribute.root == root && attribute.keys == keys);
    let at = known.unwrap_or_else(|| {
        attributes.push(Attribute { root, keys, values: Vec::new(), lengths: Vec::new() });
        attributes.len() - 1
    });
    if of_length {
        attributes[at].lengths.extend(compared);
    } else {
        attributes[at].values.extend(compared);
    }
}

/// The root and the keys of a path.
fn split(path: &str) -> Option<(String, Vec<String>)> {
    let end = path.find(['.', '[']).unwrap_or(path.len());
    let (root, mut rest) = path.split_at(end);
    let mut keys = Vec::new();
    while !rest.is_empty() {
        if let Some(quoted) = rest.strip_prefix('[') {
            let mut strings = serde_json::Deserializer::from_str(quoted).into_iter::<String>();
            keys.push(strings.next()?.ok()?);
            rest = quoted[strings.byte_offset()..].strip_prefix(']')?;
        } else {
            let name = rest.strip_prefix('.')?;
            let end = name.find(['.', '[']).unwrap_or(name.len());
            keys.push(name[..end].to_owned());
            rest = &name[end..];
        }
    }
    Some((root.to_owned(), keys))
}

/// Puts a value at a path. Does nothing where the path leads through something that is no object.
fn insert(place: &mut Json, keys: &[String], value: Json) {
    let (Json::Object(members), Some((key, below))) = (place, keys.split_first()) else { return };
    match members.iter().position(|(name, _)| name == key) {
        Some(at) => insert(&mut members[at].1, below, value),
        None if below.is_empty() => members.push((key.clone(), value)),
        None => {
            let mut object = Json::Object(Vec::new());
            insert(&mut object, below, value);
            members.push((key.clone(), object));
        }
    }
}

fn tool(u: &mut Unstructured<'_>, policy: &Json) -> Result<String> {
    let mut names = Vec::new();
    for rule in policy.member("rules").map(Json::elements).unwrap_or_default() {
        for effect in ["allow", "deny"] {
            match rule.member(effect) {
                Some(Json::String(pattern)) => names.push(pattern.as_str()),
                Some(patterns) => names.extend(patterns.elements().iter().filter_map(Json::text)),
                None => {}
            }
        }
    }
    names.extend(policy.member("tools").map(Json::elements).unwrap_or_default().iter().filter_map(Json::text));
    if names.is_empty() || u.ratio(1, 8)? {
        names = NAMES.to_vec();
        names.extend(["", "read ", "unknown", "reaD", "db/../read", "re\u{301}ad", "*"]);
    }
    let filler = u.choose(&["", "a", "e", ".", "/é", "read"])?;
    Ok(u.choose(&names)?.replace('*', filler))
}

fn roles(u: &mut Unstructured<'_>, agent: &mut Json) -> Result<()> {
    if u.ratio(1, 6)? {
        return Ok(());
    }
    let mut list = Vec::new();
    for role in ROLES.into_iter().chain(["unknown", ""]) {
        if u.ratio(1, 5)? {
            list.push(Json::string(role));
        }
    }
    let one = Json::string(u.choose(&ROLES)?);
    let (role, roles) = match u.int_in_range(0..=15)? {
        0 => (Some(Json::Null), None),
        1 => (None, Some(Json::Null)),
        2 => (Some(Json::Null), Some(Json::List(list))),
        3 => (Some(one), Some(Json::Null)),
        4 => (None, Some(one)),
        5 => (Some(Json::List(list)), None),
        6 => {
            list.push(odd_value(u)?);
            (None, Some(Json::List(list)))
        }
        7 => (Some(odd_value(u)?), Some(Json::List(list))),
        8 if u.ratio(1, 20)? => (None, Some(Json::List(vec![one; 1024 + usize::from(u.arbitrary::<bool>()?)]))),
        8 | 9 => (Some(one), Some(Json::List(list))),
        10 | 11 => (Some(one), None),
        12 => (None, Some(Json::List(vec![one]))),
        _ => (None, Some(Json::List(list))),
    };
    for (key, value) in [("role", role), ("roles", roles)] {
        if let Some(value) = value {
            insert(agent, &[key.to_owned()], value);
        }
    }
    Ok(())
}

fn value(u: &mut Unstructured<'_>, attribute: &Attribute, shared: &[Json]) -> Result<Json> {
    match u.int_in_range(0..=19)? {
        0..=10 if !attribute.lengths.is_empty() && (attribute.values.is_empty() || u.arbitrary()?) => {
            of_length(u, &attribute.lengths)
        }
        0..=7 if !attribute.values.is_empty() => Ok(u.choose(&attribute.values)?.clone()),
        8..=12 if !attribute.values.is_empty() => {
            let value = u.choose(&attribute.values)?;
            neighbour(u, value)
        }
        0..=15 => Ok(u.choose(shared)?.clone()),
        16 => any_scalar(u),
        17 => Ok(Json::Null),
        _ => odd_value(u),
    }
}

/// A string or list whose length is one of these numbers, or one away from it.
fn of_length(u: &mut Unstructured<'_>, lengths: &[Json]) -> Result<Json> {
    let wanted = match u.choose(lengths)? {
        Json::Number(text) => text.parse::<f64>().unwrap_or(0.0).clamp(0.0, 8.0) as i32,
        _ => 0,
    };
    let count = usize::try_from(wanted + u.int_in_range(-1..=1)?).unwrap_or(0);
    if u.ratio(1, 3)? {
        return Ok(Json::List(vec![odd_value(u)?; count]));
    }
    Ok(Json::String(u.choose(&["a", "é", "😀", "\""])?.repeat(count)))
}

/// The same in another notation, or nearly the same.
fn neighbour(u: &mut Unstructured<'_>, value: &Json) -> Result<Json> {
    Ok(match value {
        Json::Bool(value) => match u.int_in_range(0..=2)? {
            0 => Json::Bool(!value),
            1 => Json::number(if *value { "1" } else { "0" }),
            _ => Json::String(value.to_string()),
        },
        Json::Number(text) => {
            let opposite = text.strip_prefix('-').map_or_else(|| format!("-{text}"), str::to_owned);
            let is_whole = text.bytes().all(|byte| byte.is_ascii_digit());
            match u.int_in_range(0..=9)? {
                0 => Json::Number(opposite),
                1 => Json::String(text.clone()),
                2 => Json::Number(text.replace('e', "E")),
                3 if is_whole => Json::Number(format!("{text}.000")),
                4 if is_whole => Json::Number(format!("{text}0e-1")),
                5 if is_whole => Json::Number(format!("{text}.0000000001")),
                6 | 7 if is_whole => {
                    let near = text.parse::<i128>().map_or(0, |number| number.saturating_add(1));
                    Json::Number(if u.arbitrary()? { near.saturating_sub(2) } else { near }.to_string())
                }
                _ => Json::number(u.choose(&NUMBERS)?),
            }
        }
        Json::String(text) => match u.int_in_range(0..=6)? {
            0 => Json::String(format!("{text}a")),
            1 => Json::String(format!("a{text}")),
            2 => Json::String(text.to_uppercase()),
            3 => Json::String(text.chars().skip(1).collect()),
            4 => Json::String(format!("x{text}x")),
            5 => Json::List(vec![Json::string(text)]),
            _ => Json::string(u.choose(&STRINGS)?),
        },
        other => other.clone(),
    })
}

fn any_scalar(u: &mut Unstructured<'_>) -> Result<Json> {
    Ok(match u.int_in_range(0..=4)? {
        0 => Json::Bool(u.arbitrary()?),
        1 | 2 => Json::number(u.choose(&NUMBERS)?),
        _ => Json::string(u.choose(&STRINGS)?),
    })
}

/// What tests do not expect: lists, objects, numbers out of range.
fn odd_value(u: &mut Unstructured<'_>) -> Result<Json> {
    let numbers =
        ["1e6145", "-1e99999999999999999999", "0.1e-6144", "100000000000000000000000000000000000001", "0e99999"];
    Ok(match u.int_in_range(0..=6)? {
        0 => Json::Null,
        1 => Json::List(Vec::new()),
        2 => Json::List(vec![any_scalar(u)?, Json::Null]),
        3 => Json::Object(Vec::new()),
        4 => Json::Object(vec![("x".to_owned(), any_scalar(u)?), ("length".to_owned(), Json::number("2"))]),
        5 => Json::number(u.choose(&numbers)?),
        _ => Json::Bool(u.arbitrary()?),
    })
}

/// Makes it not what a call must be.
fn spoil_members(u: &mut Unstructured<'_>, call: &mut Vec<(String, Json)>) -> Result<()> {
    let wrong = [
        "01",
        "+1",
        ".5",
        "1.",
        "NaN",
        "-",
        "0x1",
        "1e",
        "tru",
        "'a'",
        "{a:1}",
        "[1,]",
        "\"\u{1}\"",
        "\"\\ud800\"",
        "\"\\udc00\\ud800\"",
        "\"\\x41\"",
        "\"\\u12\"",
        "/**/1",
        "\u{a0}1",
        "",
    ];
    match u.int_in_range(0..=7)? {
        0 => call.push(("extra".to_owned(), Json::Null)),
        1 => call.retain(|(key, _)| key != "tool"),
        2 => {
            if let Some(tool) = call.iter_mut().find(|(key, _)| key == "tool") {
                tool.1 = odd_value(u)?;
            }
        }
        3 => {
            let at = u.choose_index(call.len())?;
            let (key, value) = call[at].clone();
            let key = if u.ratio(1, 3)? { swap_case(&key) } else { key };
            call.push((key, value));
        }
        4 => {
            let at = u.choose_index(call.len())?;
            call[at].1 = any_scalar(u)?;
        }
        5 => {
            let mut part = Json::Object(Vec::new());
            insert(&mut part, &["wrong".to_owned()], Json::number(u.choose(&wrong)?));
            call.retain(|(key, _)| key != "context");
            call.push(("context".to_owned(), part));
        }
        _ => {
            let at = u.choose_index(call.len())?;
            confuse(u, &mut call[at].1)?;
        }
    }
    Ok(())
}

/// Puts a key beside one that is there: the same, or one that differs by case; or changes the case of one.
fn confuse(u: &mut Unstructured<'_>, value: &mut Json) -> Result<()> {
    let Json::Object(members) = value else { return Ok(()) };
    if members.is_empty() {
        return Ok(());
    }
    let at = u.choose_index(members.len())?;
    if matches!(members[at].1, Json::Object(_)) && u.arbitrary()? {
        return confuse(u, &mut members[at].1);
    }
    let key = members[at].0.clone();
    match u.int_in_range(0..=2)? {
        0 => members.push((key, any_scalar(u)?)),
        1 => members.push((swap_case(&key), any_scalar(u)?)),
        _ => members[at].0 = swap_case(&key),
    }
    Ok(())
}

fn swap_case(key: &str) -> String {
    key.chars().map(|c| if c.is_ascii_lowercase() { c.to_ascii_uppercase() } else { c.to_ascii_lowercase() }).collect()
}

/// Makes it no JSON.
fn spoil_text(u: &mut Unstructured<'_>, call: Json) -> Result<String> {
    let mut text = call.to_string();
    match u.int_in_range(0..=4)? {
        0 => {
            let cut = u.choose_index(text.len())?;
            text.truncate((0..=cut).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0));
        }
        1 => text.push_str(u.choose(&["x", "{}", ",", "\0", "]", "//", "\u{feff}"])?),
        2 => text.insert(0, '\u{feff}'),
        3 => text = text.replacen(':', u.choose(&["", "=", "::", ":\u{b}"])?, 1),
        _ => text = text.replacen(',', u.choose(&["", ",,", ";", ", //\n"])?, 1),
    }
    Ok(text)
}

/// How a text is written.
struct Style {
    /// From none to much.
    space: u8,
    /// Whether characters are escaped that need not be.
    escapes: bool,
}

impl Style {
    fn write(&self, u: &mut Unstructured<'_>, text: &mut String, value: &Json) -> Result<()> {
        self.space(u, text)?;
        match value {
            Json::List(elements) => {
                text.push('[');
                for (index, element) in elements.iter().enumerate() {
                    text.push_str(if index == 0 { "" } else { "," });
                    self.write(u, text, element)?;
                }
                self.space(u, text)?;
                text.push(']');
            }
            Json::Object(members) => {
                text.push('{');
                for (index, (key, value)) in members.iter().enumerate() {
                    text.push_str(if index == 0 { "" } else { "," });
                    self.space(u, text)?;
                    self.string(u, text, key)?;
                    self.space(u, text)?;
                    text.push(':');
                    self.write(u, text, value)?;
                }
                self.space(u, text)?;
                text.push('}');
            }
            Json::String(string) => self.string(u, text, string)?,
            scalar => text.push_str(&scalar.to_string()),
        }
        self.space(u, text)
    }

    fn space(&self, u: &mut Unstructured<'_>, text: &mut String) -> Result<()> {
        match self.space {
            0 | 1 => {}
            2 => text.push(' '),
            _ => text.push_str(u.choose(&["", "", " ", "\n", "\t", "\r\n", "    "])?),
        }
        Ok(())
    }

    fn string(&self, u: &mut Unstructured<'_>, text: &mut String, string: &str) -> Result<()> {
        text.push('"');
        for c in string.chars() {
            let escaped = self.escapes && u.ratio(1, 3)?;
            match c {
                '"' if !escaped => text.push_str("\\\""),
                '\\' if !escaped => text.push_str("\\\\"),
                '\n' if !escaped => text.push_str("\\n"),
                '/' if escaped => text.push_str("\\/"),
                c if escaped || c < ' ' => {
                    let upper = escaped && u.arbitrary()?;
                    for unit in c.encode_utf16(&mut [0; 2]) {
                        // Writing to a string cannot fail.
                        let _ = if upper { write!(text, "\\u{unit:04X}") } else { write!(text, "\\u{unit:04x}") };
                    }
                }
                c => text.push(c),
            }
        }
        text.push('"');
        Ok(())
    }
}
