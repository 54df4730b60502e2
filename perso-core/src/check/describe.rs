//! The reasons that the compiler writes where a rule has none of its own.
//!
//! They are for the caller: they name what would be needed, with attributes, roles and literals of the policy, and
//! never a value of a call.

use super::policy::{Attribute, Condition, Effect, Operand, Operator, Policy, Rule, Type, Value};

/// The longest text, in bytes.
pub const MAX_TEXT: usize = 400;
/// Of a longer list of literals, only the first are named.
const MAX_LISTED: usize = 6;
/// Of a longer string, only the beginning is shown, in characters.
const MAX_STRING: usize = 60;

/// A condition in words: `args.amount is more than 0 and at most 500`. At most [`MAX_TEXT`] bytes.
#[must_use]
pub fn condition(policy: &Policy, condition: &Condition) -> String {
    cut(&words(policy, condition, true, Voice::Clause), MAX_TEXT)
}

/// What a rule asks for, or forbids, as the reason of a denied call. At most [`MAX_TEXT`] bytes.
///
/// ```
/// use perso_core::check::{check, describe};
///
/// let policy = check(r#"{ "perso": 1, "rules": [{
///     "id": "refund-small", "allow": "process_refund",
///     "when": { "args.amount": { "gt": 0, "lte": 500 } }
/// }] }"#).policy.unwrap();
/// assert_eq!(
///     describe::requirement(&policy, &policy.rules[0]),
///     "process_refund needs args.amount more than 0 and at most 500 (rule `refund-small`)",
/// );
/// ```
#[must_use]
pub fn requirement(policy: &Policy, rule: &Rule) -> String {
    let subject = subject(rule);
    let roles = role_words(policy, rule);
    let text = match rule.effect {
        Effect::Allow => {
            let needed = match (roles, is_nothing(&rule.condition)) {
                (None, true) => None,
                (Some(roles), true) => Some(roles),
                (None, false) => Some(words(policy, &rule.condition, true, Voice::Noun)),
                (Some(roles), false) => {
                    let rest = grouped(policy, &rule.condition, true, Voice::Noun);
                    Some(format!("{roles} and {rest}"))
                }
            };
            needed.map_or_else(|| format!("{subject} is allowed"), |needed| format!("{subject} needs {needed}"))
        }
        Effect::Deny => {
            let whom = roles.map_or_else(String::new, |roles| format!(" for {roles}"));
            format!("{subject} is denied{whom}{}", circumstances(policy, &rule.condition))
        }
    };
    with_rule(&text, rule)
}

/// The reason of a call that a rule allows. At most [`MAX_TEXT`] bytes.
#[must_use]
pub fn allowance(rule: &Rule) -> String {
    with_rule(&format!("{} is allowed", subject(rule)), rule)
}

/// ` when …`, ` unless …`, both or nothing, as the rule was written.
fn circumstances(policy: &Policy, condition: &Condition) -> String {
    let unless = |inner: &Condition| format!(" unless {}", words(policy, inner, true, Voice::Clause));
    match condition {
        _ if is_nothing(condition) => String::new(),
        Condition::Not(inner) => unless(inner),
        Condition::All(parts) => match parts.as_slice() {
            [when, Condition::Not(inner)] => {
                format!(" when {}{}", words(policy, when, true, Voice::Clause), unless(inner))
            }
            _ => format!(" when {}", words(policy, condition, true, Voice::Clause)),
        },
        _ => format!(" when {}", words(policy, condition, true, Voice::Clause)),
    }
}

fn with_rule(text: &str, rule: &Rule) -> String {
    let suffix = clean(&format!(" (rule `{}`)", rule.id));
    format!("{}{suffix}", cut(text, MAX_TEXT - suffix.len().min(MAX_TEXT)))
}

/// `a`, `a or b`, or `this tool` where there are many.
fn subject(rule: &Rule) -> String {
    match rule.tools.len() {
        1..=3 => rule.tools.iter().map(|tool| tool.text.as_str()).collect::<Vec<_>>().join(" or "),
        _ => "this tool".to_owned(),
    }
}

fn role_words(policy: &Policy, rule: &Rule) -> Option<String> {
    let roles = rule.roles.as_ref()?;
    let name = |id: &usize| policy.roles.get(*id).map_or("?", |role| role.name.as_str());
    Some(match roles.as_slice() {
        [only] => format!("the role {}", name(only)),
        _ => format!("one of the roles {}", listed(roles.iter().map(|id| name(id).to_owned()), roles.len(), ",")),
    })
}

/// The first of some names; how many more there are.
fn listed(names: impl Iterator<Item = String>, count: usize, last: &str) -> String {
    let mut names: Vec<String> = names.take(MAX_LISTED).collect();
    if count > MAX_LISTED {
        return format!("{} or {} more", names.join(", "), count - MAX_LISTED);
    }
    match (names.pop(), names.is_empty()) {
        (Some(only), true) => only,
        (Some(end), false) => format!("{}{last} {end}", names.join(", ")),
        (None, _) => String::new(),
    }
}

/// Whether a condition asks for nothing.
fn is_nothing(condition: &Condition) -> bool {
    matches!(condition, Condition::All(parts) if parts.is_empty())
}

/// How a test is said.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Voice {
    /// After "needs": `args.amount more than 0`.
    Noun,
    /// As a sentence: `args.amount is more than 0`.
    Clause,
}

/// A condition, or with `wanted` false its opposite. `not` is moved inwards, to the tests.
fn words(policy: &Policy, condition: &Condition, wanted: bool, voice: Voice) -> String {
    match condition {
        Condition::Not(inner) => words(policy, inner, !wanted, voice),
        Condition::Test(_) => join(policy, std::slice::from_ref(condition), wanted, " and ", voice),
        Condition::All(parts) => join(policy, parts, wanted, if wanted { " and " } else { " or " }, voice),
        Condition::Any(parts) => join(policy, parts, wanted, if wanted { " or " } else { " and " }, voice),
    }
}

/// [`words`], in parentheses where they would run together with an "and" beside them.
fn grouped(policy: &Policy, condition: &Condition, wanted: bool, voice: Voice) -> String {
    let text = words(policy, condition, wanted, voice);
    if is_choice(condition, wanted) { format!("({text})") } else { text }
}

/// Whether a condition is said with "or".
fn is_choice(condition: &Condition, wanted: bool) -> bool {
    match condition {
        Condition::Not(inner) => is_choice(inner, !wanted),
        Condition::Test(_) => false,
        Condition::All(parts) | Condition::Any(parts) if parts.len() == 1 => {
            parts.first().is_some_and(|only| is_choice(only, wanted))
        }
        Condition::All(parts) => !wanted && !parts.is_empty(),
        Condition::Any(parts) => wanted && !parts.is_empty(),
    }
}

fn join(policy: &Policy, parts: &[Condition], wanted: bool, with: &str, voice: Voice) -> String {
    if parts.is_empty() {
        return if with == " and " { "anything" } else { "nothing" }.to_owned();
    }
    let mut text = String::new();
    // The attribute of the part before: it need not be named again.
    let mut before = None;
    for part in parts {
        // What is longer will be cut off anyway.
        if text.len() > 2 * MAX_TEXT {
            break;
        }
        if !text.is_empty() {
            text.push_str(with);
        }
        if let Some((test, wanted)) = as_test(part, wanted) {
            if before != Some(test.attribute) {
                text.push_str(&named(policy, test.attribute));
                text.push(' ');
            }
            let verb = voice == Voice::Clause;
            let start = if verb && before != Some(test.attribute) { "is " } else { "" };
            text.push_str(&predicate(policy, &test.operator, wanted, voice, start));
            before = Some(test.attribute);
            continue;
        }
        before = None;
        let mixed = parts.len() > 1 && is_choice(part, wanted) != (with == " or ") && !is_single(part);
        if mixed {
            text.push_str(&format!("({})", words(policy, part, wanted, voice)));
        } else {
            text.push_str(&words(policy, part, wanted, voice));
        }
    }
    text
}

/// Whether a condition comes down to a single test.
fn is_single(condition: &Condition) -> bool {
    match condition {
        Condition::Test(_) => true,
        Condition::Not(inner) => is_single(inner),
        Condition::All(parts) | Condition::Any(parts) => parts.len() == 1 && parts.iter().all(is_single),
    }
}

/// The test that a condition is, and whether it is wanted.
fn as_test(condition: &Condition, wanted: bool) -> Option<(&super::policy::Test, bool)> {
    match condition {
        Condition::Test(test) => Some((test, wanted)),
        Condition::Not(inner) => as_test(inner, !wanted),
        Condition::All(_) | Condition::Any(_) => None,
    }
}

fn named(policy: &Policy, attribute: usize) -> String {
    policy.attributes.get(attribute).map_or_else(String::new, Attribute::to_string)
}

/// What is said of the attribute; `is` stands before it where it takes one.
fn predicate(policy: &Policy, operator: &Operator, wanted: bool, voice: Voice, is: &str) -> String {
    let value = |operand: &Operand| match operand {
        Operand::Literal(value) => literal(value),
        Operand::Ref(attribute) => named(policy, *attribute),
    };
    let not = if wanted { "" } else { "not " };
    let verb = |noun: &str, does: &str, bare: &str, operand: &Operand| {
        let operand = value(operand);
        match (voice, wanted) {
            (Voice::Noun, _) => format!("{not}{noun} {operand}"),
            (Voice::Clause, true) => format!("{does} {operand}"),
            (Voice::Clause, false) => format!("does not {bare} {operand}"),
        }
    };
    match operator {
        Operator::Eq(operand) => match (wanted, operand, voice) {
            (true, Operand::Literal(value), Voice::Clause) => format!("{is}{}", literal(value)),
            (true, operand, _) => format!("{is}equal to {}", value(operand)),
            (false, operand, _) => format!("{is}other than {}", value(operand)),
        },
        Operator::In(values) => match values.as_slice() {
            [only] => predicate(policy, &Operator::Eq(Operand::Literal(only.clone())), wanted, voice, is),
            _ => format!("{is}{not}one of {}", listed(values.iter().map(literal), values.len(), ",")),
        },
        // What is readable and not less is at least.
        Operator::Lt(operand) => format!("{is}{} {}", if wanted { "less than" } else { "at least" }, value(operand)),
        Operator::Gte(operand) => format!("{is}{} {}", if wanted { "at least" } else { "less than" }, value(operand)),
        Operator::Gt(operand) => format!("{is}{} {}", if wanted { "more than" } else { "at most" }, value(operand)),
        Operator::Lte(operand) => format!("{is}{} {}", if wanted { "at most" } else { "more than" }, value(operand)),
        Operator::StartsWith(operand) => verb("starting with", "starts with", "start with", operand),
        Operator::EndsWith(operand) => verb("ending with", "ends with", "end with", operand),
        Operator::Contains(operand) => verb("containing", "contains", "contain", operand),
        Operator::Exists => format!("{is}{}", if wanted { "present" } else { "absent" }),
        Operator::Type(types) => {
            let names: Vec<&str> = types.iter().map(|one| type_name(*one)).collect();
            format!("{is}{not}of type {}", names.join(" or "))
        }
    }
}

fn type_name(one: Type) -> &'static str {
    super::operator::TYPES.iter().find(|(_, kind)| *kind == one).map_or("", |(name, _)| name)
}

fn literal(value: &Value) -> String {
    match value {
        Value::Bool(value) => value.to_string(),
        Value::Number(number) => number.to_string(),
        Value::String(text) => match text.char_indices().nth(MAX_STRING) {
            Some((cut, _)) => serde_json::Value::from(format!("{}…", text.get(..cut).unwrap_or_default())).to_string(),
            None => serde_json::Value::from(text.as_str()).to_string(),
        },
    }
}

/// At most `max` bytes, cut at a word, without what could act on a terminal or hide in a text.
fn cut(text: &str, max: usize) -> String {
    let text = clean(text);
    if text.len() <= max {
        return text;
    }
    let room = max.saturating_sub('…'.len_utf8());
    let fits = (0..=room).rev().find_map(|end| text.get(..end)).unwrap_or_default();
    // A word may be longer than everything that fits.
    let words = fits.rsplit_once(' ').map_or(fits, |(words, _)| words).trim_end_matches([',', '(']);
    format!("{}…", words.trim_end())
}

/// Writes invisible characters, and those that change the direction of a text, as JSON escapes.
fn clean(text: &str) -> String {
    let hidden = |c: char| {
        c.is_control()
            || matches!(c, '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}')
            || matches!(c, '\u{feff}' | '\u{e0000}'..='\u{e007f}')
    };
    if !text.contains(hidden) {
        return text.to_owned();
    }
    let mut units = [0; 2];
    let escaped = |unit: &u16| format!("\\u{unit:04x}");
    text.chars()
        .map(|c| if hidden(c) { c.encode_utf16(&mut units).iter().map(escaped).collect() } else { c.to_string() })
        .collect()
}

#[cfg(test)]
mod tests;
