//! The reasons that the compiler writes where a rule has none of its own.
//!
//! They are for the caller: they name what would be needed, with attributes, roles and literals of the policy, and
//! never a value of a call.

use super::policy::{
    Attribute, Condition, Effect, Facet, Operand, Operator, Pattern, Policy, Rule, Step, Test, Type, Value,
};

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

/// A condition, or with `wanted` false its opposite.
fn words(policy: &Policy, condition: &Condition, wanted: bool, voice: Voice) -> String {
    Speech { policy, voice, element: None }.words(condition, wanted)
}

/// [`words`], in parentheses where they would run together with an "and" beside them.
fn grouped(policy: &Policy, condition: &Condition, wanted: bool, voice: Voice) -> String {
    let text = words(policy, condition, wanted, voice);
    if is_choice(policy, condition, wanted) { format!("({text})") } else { text }
}

/// Whether a condition is said with "or" between its parts.
fn is_choice(policy: &Policy, condition: &Condition, wanted: bool) -> bool {
    match condition {
        _ if Leaf::of(policy, condition, wanted).is_some() => false,
        Condition::Not(inner) => is_choice(policy, inner, !wanted),
        Condition::Test(_) => false,
        Condition::All(parts) | Condition::Any(parts) if parts.len() == 1 => {
            parts.first().is_some_and(|only| is_choice(policy, only, wanted))
        }
        Condition::All(parts) => !wanted && !parts.is_empty(),
        Condition::Any(parts) => wanted && !parts.is_empty(),
    }
}

/// Whether a condition comes down to what is said in one go.
fn is_single(policy: &Policy, condition: &Condition) -> bool {
    match condition {
        _ if Leaf::of(policy, condition, true).is_some() => true,
        Condition::Test(_) => true,
        Condition::Not(inner) => is_single(policy, inner),
        Condition::All(parts) | Condition::Any(parts) => {
            parts.len() == 1 && parts.iter().all(|part| is_single(policy, part))
        }
    }
}

/// What is said in one go: a test, or the tests of which one must hold that an operator of what tools take becomes.
struct Leaf<'c> {
    tests: Vec<&'c Test>,
    attribute: &'c Attribute,
    wanted: bool,
}

impl<'c> Leaf<'c> {
    fn of(policy: &'c Policy, condition: &'c Condition, wanted: bool) -> Option<Self> {
        let tests: Vec<&Test> = match condition {
            Condition::Not(inner) => return Self::of(policy, inner, !wanted),
            Condition::Test(test) => vec![test],
            Condition::Any(parts) => parts.iter().map(as_test).collect::<Option<_>>()?,
            Condition::All(_) => return None,
        };
        let id = tests.first()?.attribute;
        let attribute = policy.attributes.get(id)?;
        let one = matches!(condition, Condition::Test(_))
            || is_property(attribute) && tests.iter().all(|test| test.attribute == id);
        one.then_some(Self { tests, attribute, wanted })
    }

    /// What is named before the rest is said.
    fn subject(&self) -> Attribute {
        let mut subject = self.attribute.clone();
        if is_property(self.attribute) {
            subject.steps.pop();
        }
        subject
    }

    /// Whether it is said as something that the subject has.
    fn is_had(&self) -> bool {
        let is_place = matches!(self.attribute.facet(), Some(Facet::Path | Facet::WindowsPath | Facet::Address));
        is_property(self.attribute) && !is_place
    }
}

fn as_test(condition: &Condition) -> Option<&Test> {
    match condition {
        Condition::Test(test) => Some(test),
        _ => None,
    }
}

/// Whether an attribute is read off another one by an operator of what tools take, which names the other one.
fn is_property(attribute: &Attribute) -> bool {
    !matches!(attribute.facet(), None | Some(Facet::Length | Facet::Count | Facet::UrlPath | Facet::Words))
}

/// What stays the same in a sentence.
#[derive(Clone, Copy)]
struct Speech<'s> {
    policy: &'s Policy,
    voice: Voice,
    /// The element that is spoken of, inside of what is said of the elements of a list.
    element: Option<&'s Attribute>,
}

impl Speech<'_> {
    /// A condition, or with `wanted` false its opposite. `not` is moved inwards, to the tests.
    fn words(self, condition: &Condition, wanted: bool) -> String {
        match condition {
            _ if Leaf::of(self.policy, condition, wanted).is_some() => {
                self.join(std::slice::from_ref(condition), wanted, " and ")
            }
            Condition::Not(inner) => self.words(inner, !wanted),
            Condition::All(parts) => self.join(parts, wanted, if wanted { " and " } else { " or " }),
            Condition::Any(parts) => self.join(parts, wanted, if wanted { " or " } else { " and " }),
            Condition::Test(_) => String::new(),
        }
    }

    fn join(self, parts: &[Condition], wanted: bool, with: &str) -> String {
        if parts.is_empty() {
            return if with == " and " { "anything" } else { "nothing" }.to_owned();
        }
        let mut text = String::new();
        // What the part before is about: it need not be named again. And whether that was said to have something.
        let (mut before, mut has) = (self.element.cloned(), false);
        for part in parts {
            // What is longer will be cut off anyway.
            if text.len() > 2 * MAX_TEXT {
                break;
            }
            let first = text.is_empty();
            if !first {
                text.push_str(with);
            }
            let Some(leaf) = Leaf::of(self.policy, part, wanted) else {
                let mixed = parts.len() > 1
                    && is_choice(self.policy, part, wanted) != (with == " or ")
                    && !is_single(self.policy, part);
                let words = self.words(part, wanted);
                text.push_str(&if mixed { format!("({words})") } else { words });
                (before, has) = (None, false);
                continue;
            };
            if let Some(words) = self.role(&leaf).or_else(|| self.quantified(&leaf, parts.len() == 1)) {
                text.push_str(&words);
                (before, has) = (None, false);
                continue;
            }
            let subject = leaf.subject();
            let is_new = first || before.as_ref() != Some(&subject);
            if before.as_ref() != Some(&subject) {
                text.push_str(&self.name(&subject));
                text.push(' ');
            }
            text.push_str(&self.predicate(&leaf, is_new, has && !is_new));
            (before, has) = (Some(subject), leaf.is_had());
        }
        text
    }

    /// What is said of the caller's roles: `the role admin`.
    fn role(self, leaf: &Leaf<'_>) -> Option<String> {
        let Operator::HasRole(role) = leaf.tests.first()?.operator else { return None };
        let name = self.policy.roles.get(role).map_or("?", |role| role.name.as_str());
        Some(match (self.voice, leaf.wanted) {
            (Voice::Noun, true) => format!("the role {name}"),
            (Voice::Noun, false) => format!("a caller without the role {name}"),
            (Voice::Clause, true) => format!("the caller has the role {name}"),
            (Voice::Clause, false) => format!("the caller does not have the role {name}"),
        })
    }

    /// What is said of the elements of a list: `every element of args.to starting with "x"`.
    fn quantified(self, leaf: &Leaf<'_>, alone: bool) -> Option<String> {
        let (asked, which, wanted) = match (&leaf.tests.first()?.operator, leaf.wanted) {
            (Operator::Every(asked), true) => (asked, "every", true),
            // That not all pass is said as that one does not.
            (Operator::Every(asked), false) => (asked, "one", false),
            (Operator::Some(asked), true) => (asked, "one", true),
            (Operator::Some(asked), false) => (asked, "no", true),
            _ => return None,
        };
        let mut list = leaf.attribute.clone();
        let mut element = list.clone();
        element.steps.push(Step::Element);
        let mut kind = "element";
        if list.facet() == Some(Facet::Words) {
            list.steps.pop();
            kind = "argument";
        }
        let of = if Some(&list) == self.element { "it".to_owned() } else { self.name(&list) };
        let is_itself = self.begins_with(&asked.condition, &element);
        let voice = if is_itself { self.voice } else { Voice::Noun };
        let inner = Speech { policy: self.policy, voice, element: Some(&element) }.words(&asked.condition, wanted);
        let inner = if alone || is_single(self.policy, &asked.condition) { inner } else { format!("({inner})") };
        let with = match (is_itself, self.voice) {
            (true, _) => "",
            (false, Voice::Noun) => "with ",
            (false, Voice::Clause) => "has ",
        };
        let of_which = if which == "one" { format!("an {kind}") } else { format!("{which} {kind}") };
        Some(format!("{of_which} of {of} {with}{inner}"))
    }

    /// Whether the first thing said of a condition is about an element itself.
    fn begins_with(self, condition: &Condition, element: &Attribute) -> bool {
        if let Some(leaf) = Leaf::of(self.policy, condition, true) {
            let asks = leaf.tests.iter().any(|test| matches!(test.operator, Operator::Every(_) | Operator::Some(_)));
            return !asks && leaf.subject() == *element;
        }
        match condition {
            Condition::Not(inner) => self.begins_with(inner, element),
            Condition::All(parts) | Condition::Any(parts) => {
                parts.first().is_some_and(|part| self.begins_with(part, element))
            }
            Condition::Test(_) => false,
        }
    }

    /// An attribute as it is called where the element is spoken of: `.price`.
    fn name(self, attribute: &Attribute) -> String {
        let Some(element) = self.element.filter(|element| element.root == attribute.root) else {
            return attribute.to_string();
        };
        let Some(below) = attribute.steps.strip_prefix(element.steps.as_slice()) else { return attribute.to_string() };
        let name = Attribute { root: attribute.root, steps: below.to_vec() }.to_string();
        let (facets, path) = name.rsplit_once(' ').map_or(("", name.as_str()), |(facets, path)| (facets, path));
        let path = path.strip_prefix(attribute.root.name()).unwrap_or(path);
        match (facets, path) {
            ("", "") => "it".to_owned(),
            ("", path) => path.to_owned(),
            (facets, "") => facets.strip_suffix(" of").unwrap_or(facets).to_owned(),
            (facets, path) => format!("{facets} {path}"),
        }
    }

    fn named(self, attribute: usize) -> String {
        self.policy.attributes.get(attribute).map_or_else(String::new, |attribute| self.name(attribute))
    }

    /// What is said of the subject. `is_new` says whether nothing was said of it before, `has` whether what was said last
    /// is something that it has.
    fn predicate(self, leaf: &Leaf<'_>, is_new: bool, has: bool) -> String {
        let is = if self.voice == Voice::Clause && (is_new || has) { "is " } else { "" };
        let not = if leaf.wanted { "" } else { "not " };
        match leaf.attribute.facet() {
            Some(Facet::Path | Facet::WindowsPath) => format!("{is}{not}below {}", properties(&leaf.tests)),
            Some(Facet::Address) => format!("{is}{not}in {}", properties(&leaf.tests)),
            Some(facet) if leaf.is_had() => {
                let verb = match self.voice {
                    _ if has => "",
                    Voice::Noun => "with ",
                    Voice::Clause => "has ",
                };
                let name = facet.name();
                match (facet, leaf.wanted) {
                    (Facet::Private, true) => format!("{verb}a public host"),
                    (Facet::Private, false) => format!("{verb}a private host"),
                    (_, true) => format!("{verb}the {name} {}", properties(&leaf.tests)),
                    (_, false) => format!("{verb}a {name} other than {}", properties(&leaf.tests)),
                }
            }
            _ => leaf.tests.first().map_or_else(String::new, |test| self.test(&test.operator, leaf.wanted, is)),
        }
    }

    /// What is said of an attribute; `is` stands before it where it takes one.
    fn test(self, operator: &Operator, wanted: bool, is: &str) -> String {
        let value = |operand: &Operand| match operand {
            Operand::Literal(value) => literal(value),
            Operand::Ref(attribute) => self.named(*attribute),
        };
        let not = if wanted { "" } else { "not " };
        let verb = |noun: &str, does: &str, bare: &str, operand: String| match (self.voice, wanted) {
            (Voice::Noun, _) => format!("{not}{noun} {operand}"),
            (Voice::Clause, true) => format!("{does} {operand}"),
            (Voice::Clause, false) => format!("does not {bare} {operand}"),
        };
        match operator {
            Operator::Eq(operand) => match (wanted, operand, self.voice) {
                (true, Operand::Literal(value), Voice::Clause) => format!("{is}{}", literal(value)),
                (true, operand, _) => format!("{is}equal to {}", value(operand)),
                (false, operand, _) => format!("{is}other than {}", value(operand)),
            },
            Operator::In(values) => match values.as_slice() {
                [only] => self.test(&Operator::Eq(Operand::Literal(only.clone())), wanted, is),
                _ => format!("{is}{not}one of {}", listed(values.iter().map(literal), values.len(), ",")),
            },
            Operator::InList(list) => format!("{is}{not}one of {}", self.named(*list)),
            // What is readable and not less is at least.
            Operator::Lt(with) => format!("{is}{} {}", if wanted { "less than" } else { "at least" }, value(with)),
            Operator::Gte(with) => format!("{is}{} {}", if wanted { "at least" } else { "less than" }, value(with)),
            Operator::Gt(with) => format!("{is}{} {}", if wanted { "more than" } else { "at most" }, value(with)),
            Operator::Lte(with) => format!("{is}{} {}", if wanted { "at most" } else { "more than" }, value(with)),
            Operator::StartsWith(with) => verb("starting with", "starts with", "start with", value(with)),
            Operator::EndsWith(with) => verb("ending with", "ends with", "end with", value(with)),
            Operator::Contains(with) => verb("containing", "contains", "contain", value(with)),
            Operator::Has(with) => verb("having the element", "has the element", "have the element", value(with)),
            Operator::Matches(Pattern::Glob { text, .. }) => format!("{is}{not}like {}", string(text)),
            Operator::Matches(Pattern::Regex(text)) => verb("matching", "matches", "match", string(text)),
            Operator::Exists => format!("{is}{}", if wanted { "present" } else { "absent" }),
            Operator::Type(types) => {
                let names: Vec<&str> = types.iter().map(|one| type_name(*one)).collect();
                format!("{is}{not}of type {}", names.join(" or "))
            }
            // Said as a whole sentence.
            Operator::HasRole(_) | Operator::Every(_) | Operator::Some(_) => String::new(),
        }
    }
}

/// The values of tests of which one must hold on what is read off an attribute: `a, b or c`.
fn properties(tests: &[&Test]) -> String {
    let mut values: Vec<String> = Vec::new();
    for test in tests {
        let is_address = |text: &str| text.starts_with("4:") || text.starts_with("6:");
        match &test.operator {
            Operator::In(several) => values.extend(several.iter().map(bare)),
            Operator::Matches(Pattern::Glob { text, .. } | Pattern::Regex(text)) => values.push(text.clone()),
            Operator::StartsWith(Operand::Literal(Value::String(text))) if is_address(text) => {
                values.push(super::operator::network(text));
            }
            Operator::StartsWith(Operand::Literal(Value::String(text))) => {
                // The test of the directory itself stands before that of what is below it.
                let directory =
                    text.strip_suffix('/').filter(|text| !text.is_empty() && !text.ends_with(':')).unwrap_or(text);
                let directory = bare(&Value::String(directory.to_owned()));
                if values.last() != Some(&directory) {
                    values.push(directory);
                }
            }
            Operator::Eq(Operand::Literal(value)) => values.push(bare(value)),
            _ => {}
        }
    }
    let count = values.len();
    if (2..=MAX_LISTED).contains(&count) {
        let last = values.pop().unwrap_or_default();
        return format!("{} or {last}", values.join(", "));
    }
    listed(values.into_iter(), count, ",")
}

/// A literal, without quotation marks where it is plainly one word.
fn bare(value: &Value) -> String {
    match value {
        Value::String(text) if text.len() <= MAX_STRING && text.chars().all(|c| c.is_ascii_graphic() && c != '"') => {
            text.clone()
        }
        _ => literal(value),
    }
}

fn type_name(one: Type) -> &'static str {
    super::operator::TYPES.iter().find(|(_, kind)| *kind == one).map_or("", |(name, _)| name)
}

fn literal(value: &Value) -> String {
    match value {
        Value::Bool(value) => value.to_string(),
        Value::Number(number) => number.to_string(),
        Value::String(text) => string(text),
    }
}

fn string(text: &str) -> String {
    match text.char_indices().nth(MAX_STRING) {
        Some((cut, _)) => serde_json::Value::from(format!("{}…", text.get(..cut).unwrap_or_default())).to_string(),
        None => serde_json::Value::from(text).to_string(),
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
