//! Conditions: `All`, `Any`, `Not` and the four checks.

use std::collections::HashMap;

use super::presence::Fields;
use super::tree::{list, member, single, string};
use crate::diagnostic::{Code, Diagnostic, quoted};
use crate::policy::Effect;
use crate::span::Span;
use crate::syntax::document::{Reader, listed};
use crate::syntax::json::{Kind, Member, Node};
use crate::syntax::{Spanned, did_you_mean};

const KINDS: [&str; 7] = ["All", "Any", "Not", "NumericCheck", "StringCheck", "FieldPresent", "FieldEquals"];
const SOURCES: [(&str, &str); 3] =
    [("Arguments", "args"), ("AgentAttributes", "agent"), ("ResourceAttributes", "resource")];
const NUMERIC: [(&str, &str); 5] = [("Lte", "lte"), ("Gte", "gte"), ("Eq", "eq"), ("Lt", "lt"), ("Gt", "gt")];
const TEXTUAL: [(&str, &str); 2] = [("In", "in"), ("NotIn", "not_in")];

/// Puts the conditions of a rule in the current form.
pub(super) struct Conditions<'c, 'r> {
    reader: &'c mut Reader<'r>,
    /// What the rule does.
    effect: Effect,
    /// What is learnt of attributes; `None` where the rule is replaced, of whose meaning nothing is said.
    fields: Option<&'c mut Fields>,
    /// The `Not`s around what is being looked at.
    nots: Vec<Span>,
}

impl<'c, 'r> Conditions<'c, 'r> {
    pub(super) fn new(reader: &'c mut Reader<'r>, effect: Effect, fields: Option<&'c mut Fields>) -> Self {
        Self { reader, effect, fields, nots: Vec::new() }
    }

    /// The condition in the current form. Recurses no deeper than the text is nested, which is bounded.
    pub(super) fn rewrite<'n>(&mut self, node: &'n Node<'n>) -> Option<Node<'n>> {
        let members = self.reader.object(node, "a condition")?;
        let Some((Member { key, value }, others)) = members.split_first() else {
            let error = Diagnostic::new(Code::Empty, node.span, "empty condition");
            self.reader.error(error.help("remove it, or write `null`"));
            return None;
        };
        if let Some(second) = others.first() {
            let error = Diagnostic::new(Code::WrongType, second.key.span, "a condition must have exactly one key");
            self.reader.error(error.help("use `All` with a list of conditions"));
        }
        let kind = Spanned { value: key.value.as_ref(), span: key.span };
        match kind.value {
            "All" | "Any" => self.several(kind, value),
            "Not" => {
                self.nots.push(kind.span);
                let inner = self.rewrite(value);
                self.nots.pop();
                inner.map(|inner| negated(inner, kind.span))
            }
            "NumericCheck" => self.check(kind, value, &NUMERIC),
            "StringCheck" => self.check(kind, value, &TEXTUAL),
            "FieldPresent" => self.present(kind, value),
            "FieldEquals" => self.equals(kind, value),
            _ => {
                let message = format!("unknown condition {}", quoted(kind.value));
                let help = did_you_mean(kind.value, KINDS).unwrap_or_else(|| known(&KINDS));
                self.reader.error(Diagnostic::new(Code::UnknownOperator, kind.span, message).help(help));
                None
            }
        }
    }

    fn several<'n>(&mut self, kind: Spanned<&str>, value: &'n Node<'n>) -> Option<Node<'n>> {
        let elements = self.reader.list(value, &format!("`{}`", kind.value))?;
        if elements.is_empty() {
            let message = format!("`{}` is empty", kind.value);
            self.reader.error(Diagnostic::new(Code::Empty, value.span, message));
        }
        let mut parts: Vec<Node<'n>> = elements.iter().filter_map(|element| self.rewrite(element)).collect();
        match (kind.value, parts.len()) {
            (_, 0 | 1) => parts.pop(),
            ("All", _) => Some(all(parts, kind.span, value.span)),
            _ => Some(single("any", kind.span, list(value.span, parts))),
        }
    }

    /// `NumericCheck` or `StringCheck`: an attribute, an operator and what it is compared with.
    fn check<'n>(
        &mut self,
        kind: Spanned<&str>,
        value: &'n Node<'n>,
        operators: &[(&str, &'static str)],
    ) -> Option<Node<'n>> {
        let [source, field, op, operand] = self.parts(kind, value, ["source", "field", "op", "value"])?;
        let path = self.path(source, field, ["source", "field"]);
        let operator = op.and_then(|op| self.one_of(op, "op", operators));
        let operand = operand.and_then(|operand| self.operand(kind, operand));
        let (path, (operator, place), operand) = (path?, operator?, operand?);
        self.warn_if_stricter(kind, &path.value, operator == "not_in");
        if let (Some(fields), Kind::List(values)) = (&mut self.fields, &operand.kind)
            && values.iter().all(|value| matches!(&value.kind, Kind::String(text) if text == "true" || text == "false"))
        {
            fields.boolean(&path.value);
        }
        Some(single(path.value, path.span, single(operator, place, operand.clone())))
    }

    fn operand<'n>(&mut self, kind: Spanned<&str>, node: &'n Node<'n>) -> Option<&'n Node<'n>> {
        let what = format!("`value` of `{}`", kind.value);
        if kind.value == "NumericCheck" {
            if matches!(node.kind, Kind::Number(_)) {
                return Some(node);
            }
            self.reader.wrong_type(node, &what, "a number");
            return None;
        }
        let elements = self.reader.list(node, &what)?;
        if elements.is_empty() {
            let message = format!("{what} is an empty list");
            self.reader.error(Diagnostic::new(Code::Empty, node.span, message));
        }
        let texts = self.reader.strings(node, &what)?;
        (!elements.is_empty() && texts.len() == elements.len()).then_some(node)
    }

    fn present<'n>(&mut self, kind: Spanned<&str>, value: &'n Node<'n>) -> Option<Node<'n>> {
        let [source, field] = self.parts(kind, value, ["source", "field"])?;
        let path = self.path(source, field, ["source", "field"])?;
        if let Some(fields) = &mut self.fields {
            fields.present(&path.value, kind.span);
        }
        let exists = Node { span: kind.span, kind: Kind::Bool(true) };
        Some(single(path.value, path.span, single("exists", kind.span, exists)))
    }

    fn equals<'n>(&mut self, kind: Spanned<&str>, value: &'n Node<'n>) -> Option<Node<'n>> {
        let names = ["source_a", "field_a", "source_b", "field_b"];
        let [source_a, field_a, source_b, field_b] = self.parts(kind, value, names)?;
        let one = self.path(source_a, field_a, ["source_a", "field_a"]);
        let other = self.path(source_b, field_b, ["source_b", "field_b"]);
        let (one, other) = (one?, other?);
        self.warn_if_stricter(kind, &one.value, false);
        if let Some(fields) = &mut self.fields {
            fields.equal(&one.value, &other.value);
        }
        let reference = single("ref", other.span, string(other.value, other.span));
        Some(single(one.value, one.span, single("eq", kind.span, reference)))
    }

    /// The values of the keys of a check. Other keys and missing ones are reported.
    fn parts<'n, const N: usize>(
        &mut self,
        kind: Spanned<&str>,
        value: &'n Node<'n>,
        names: [&str; N],
    ) -> Option<[Option<&'n Node<'n>>; N]> {
        let members = self.reader.object(value, &format!("`{}`", kind.value))?;
        for Member { key, .. } in members {
            if !names.contains(&key.value.as_ref()) {
                self.reader.unknown_key(&key.value, key.span, &names);
            }
        }
        Some(names.map(|name| {
            let found = members.iter().find(|member| member.key.value == name);
            if found.is_none() {
                let message = format!("missing key `{name}` in `{}`", kind.value);
                self.reader.error(Diagnostic::new(Code::MissingKey, kind.span, message));
            }
            found.map(|member| &member.value)
        }))
    }

    /// The path in the current form to a field of a source; it stands where the field does.
    fn path<'n>(
        &mut self,
        source: Option<&'n Node<'n>>,
        field: Option<&'n Node<'n>>,
        [source_name, field_name]: [&str; 2],
    ) -> Option<Spanned<String>> {
        let root = source.and_then(|source| self.one_of(source, source_name, &SOURCES));
        let field = field.and_then(|field| self.reader.string(field, &format!("`{field_name}`")));
        let (root, field) = (root?.0, field?);
        if field.value.is_empty() {
            let message = format!("`{field_name}` is empty");
            self.reader.error(Diagnostic::new(Code::Empty, field.span, message));
            return None;
        }
        let mut path = root.to_owned();
        for key in field.value.split('.') {
            if key.is_empty() {
                let message = format!("{} in `{field_name}` has an empty key", quoted(field.value));
                self.reader.error(Diagnostic::new(Code::Attribute, field.span, message));
                return None;
            }
            if is_identifier(key) {
                path.push('.');
                path.push_str(key);
            } else {
                path.push_str(&format!("[{}]", serde_json::Value::from(key)));
            }
        }
        Some(Spanned { value: path, span: field.span })
    }

    /// Today's word for one of the words that a key takes.
    fn one_of<'n>(
        &mut self,
        node: &'n Node<'n>,
        name: &str,
        words: &[(&str, &'static str)],
    ) -> Option<(&'static str, Span)> {
        let written = self.reader.string(node, &format!("`{name}`"))?;
        let found = words.iter().find(|(word, _)| *word == written.value);
        if found.is_none() {
            let all: Vec<&str> = words.iter().map(|(word, _)| *word).collect();
            let message = format!("unknown `{name}` {}", quoted(written.value));
            let help = did_you_mean(written.value, all.iter().copied()).unwrap_or_else(|| known(&all));
            self.reader.error(Diagnostic::new(Code::UnknownOperator, written.span, message).help(help));
        }
        found.map(|(_, today)| (*today, written.span))
    }

    /// In legacy policies, a check of a missing attribute was true or false; now it is unknown, which never grants.
    /// Warns where that takes a permission away.
    fn warn_if_stricter(&mut self, kind: Spanned<&str>, path: &str, was_true: bool) {
        let is_negated = self.nots.len() % 2 == 1;
        if self.fields.is_none() || (was_true != is_negated) == (self.effect == Effect::Deny) {
            return;
        }
        let what = match (is_negated, was_true) {
            (true, _) => "`Not` around a test of",
            (false, true) => "`NotIn` on",
            (false, false) => "a deny rule with a test of",
        };
        let outcome = match self.effect {
            Effect::Deny => "the rule did not deny before, and now does",
            Effect::Allow | Effect::Ask => "the test passed before, and no longer does",
        };
        let message = format!("{what} {}: if it is missing or of another type, {outcome}", quoted(path));
        let mut warning = Diagnostic::new(Code::Stricter, kind.span, message);
        if let Some(not) = self.nots.last().filter(|_| is_negated) {
            warning = warning.label(*not, "the `Not`");
        }
        let help = "to let a missing attribute pass, test for it with `FieldPresent`";
        self.reader.error(warning.help(help));
    }
}

fn known(words: &[&str]) -> String {
    format!("expected one of {}", listed(words))
}

fn is_identifier(key: &str) -> bool {
    !key.starts_with(|c: char| c.is_ascii_digit()) && key.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}

/// The opposite of a condition in the current form.
fn negated<'n>(mut condition: Node<'n>, not: Span) -> Node<'n> {
    if let Kind::Object(members) = &mut condition.kind
        && let [Member { value: Node { kind: Kind::Object(tests), .. }, .. }] = members.as_mut_slice()
        && let [test] = tests.as_mut_slice()
    {
        let opposite = match (test.key.value.as_ref(), &mut test.value.kind) {
            ("exists", Kind::Bool(wanted)) => {
                *wanted = !*wanted;
                return condition;
            }
            ("in", _) => Some("not_in"),
            ("not_in", _) => Some("in"),
            ("eq", _) => Some("ne"),
            ("ne", _) => Some("eq"),
            _ => None,
        };
        if let Some(opposite) = opposite {
            test.key.value = opposite.into();
            return condition;
        }
    }
    single("not", not, condition)
}

/// Conditions that must all hold: the keys of one object if no key is a duplicate, else a list.
fn all<'n>(parts: Vec<Node<'n>>, kind: Span, span: Span) -> Node<'n> {
    if !can_merge(&parts) {
        return single("all", kind, list(span, parts));
    }
    let mut places: HashMap<String, usize> = HashMap::new();
    let mut merged: Vec<Member<'n>> = Vec::new();
    for part in parts {
        let Kind::Object(members) = part.kind else { continue };
        for one in members {
            let place = *places.entry(one.key.value.clone().into_owned()).or_insert(merged.len());
            match (merged.get_mut(place).map(|there| &mut there.value.kind), one.value.kind) {
                (Some(Kind::Object(tests)), Kind::Object(more)) => tests.extend(more),
                (_, kind) => {
                    let value = Node { span: one.value.span, kind };
                    merged.push(member(one.key.value, one.key.span, value));
                }
            }
        }
    }
    Node { span: kind, kind: Kind::Object(merged) }
}

/// Whether no two parts have a key in common, but for an attribute that each tests with other operators.
fn can_merge(parts: &[Node<'_>]) -> bool {
    let mut seen: HashMap<&str, Vec<&str>> = HashMap::new();
    for part in parts {
        let Kind::Object(members) = &part.kind else { return false };
        for Member { key, value } in members {
            let operators: Vec<&str> = match (key.value.as_ref(), &value.kind) {
                ("not", _) => vec![""],
                (_, Kind::Object(tests)) => tests.iter().map(|test| test.key.value.as_ref()).collect(),
                _ => vec![""],
            };
            let known = seen.entry(&key.value).or_default();
            if operators.iter().any(|operator| known.contains(operator)) {
                return false;
            }
            known.extend(operators);
        }
    }
    true
}
