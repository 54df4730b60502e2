//! What is known while a policy's conditions are checked: the attributes so far, and the findings.

use std::collections::HashMap;

use super::operator;
use super::path;
use super::roles::Roles;
use crate::diagnostic::{Code, Diagnostic, Diagnostics, quoted};
use crate::policy::{
    Attribute, AttributeId, CommandField, Condition, Decimal, Facet, Operand, Operator, Root, StatementField, Step,
    Sum, Test, Type, Value, Zone,
};
use crate::span::Span;
use crate::syntax::document::{self, Part, first_of};
use crate::syntax::json::{Kind, Node};
use crate::syntax::{Spanned, did_you_mean, nearest};

/// The longest list of directories, patterns, names and the like.
pub(super) const MAX_TEXTS: usize = 1024;
/// The longest list of literals.
const MAX_LIST: usize = 10_000;

pub(super) struct Scope<'s> {
    /// The policy text.
    pub(super) text: &'s str,
    pub(super) diagnostics: &'s mut Diagnostics,
    pub(super) roles: Roles,
    pub(super) attributes: Vec<Attribute>,
    pub(super) sums: Vec<Sum>,
    /// Where each attribute is first named.
    pub(super) places: Vec<Span>,
    ids: HashMap<Attribute, AttributeId>,
    /// The elements that are being tested, the innermost last.
    pub(super) elements: Vec<Attribute>,
    /// How many `all`, `any` and `not` are around what is being looked at.
    pub(super) depth: usize,
}

/// What a test is about.
#[derive(Debug)]
pub(super) struct Subject {
    pub(super) attribute: Attribute,
    /// Where the path stands.
    pub(super) span: Span,
}

impl Subject {
    /// What can be read off this one.
    pub(super) fn facet(&self, facet: Facet) -> Self {
        self.below([Step::Facet(facet)], self.span)
    }

    /// The one type that the attribute can have, where there is only one, and what to say of it.
    pub(super) fn fixed_type(&self) -> Option<(Type, &'static str)> {
        match (self.attribute.facet(), self.attribute.root) {
            (Some(Facet::Length), _) => Some((Type::Number, "a length is a number")),
            (Some(Facet::Count), _) => Some((Type::Number, "a count is a number")),
            (Some(Facet::Sum(_)), _) => Some((Type::Number, "a sum is a number")),
            (Some(Facet::UrlPath), _) => Some((Type::String, "the path of a URL is a string")),
            (Some(Facet::Folded), _) => Some((Type::String, "`ignore_case` is for strings")),
            (Some(Facet::Command(CommandField::Program)), _) => {
                Some((Type::String, "the program of a command is a string"))
            }
            (Some(Facet::Statement(StatementField::Limit)), _) => Some((Type::Number, "a limit is a number")),
            (None, Root::Tool) => Some((Type::String, "`tool` is a string")),
            _ if matches!(self.attribute.steps.as_slice(), [.., Step::Facet(Facet::Command(_)), Step::Element]) => {
                Some((Type::String, "what a list of a command holds is a string"))
            }
            _ if matches!(self.attribute.steps.as_slice(), [.., Step::Facet(Facet::Statement(_)), Step::Element]) => {
                Some((Type::String, "a name in a statement is a string"))
            }
            _ if self.attribute.steps.ends_with(&[Step::Facet(Facet::Words), Step::Element]) => {
                Some((Type::String, "an argument of a command is a string"))
            }
            _ if self.attribute.steps.ends_with(&[Step::Facet(Facet::Scope), Step::Element]) => {
                Some((Type::String, "a word is a string"))
            }
            _ => None,
        }
    }

    /// What stands at further steps.
    pub(super) fn below(&self, steps: impl IntoIterator<Item = Step>, span: Span) -> Self {
        let mut attribute = self.attribute.clone();
        attribute.steps.extend(steps);
        Self { attribute, span }
    }
}

impl<'s> Scope<'s> {
    pub(super) fn new(text: &'s str, roles: Roles, diagnostics: &'s mut Diagnostics) -> Self {
        let (attributes, places, ids) = (Vec::new(), Vec::new(), HashMap::new());
        let sums = Vec::new();
        Self { text, diagnostics, roles, attributes, sums, places, ids, elements: Vec::new(), depth: 0 }
    }
}

impl Scope<'_> {
    pub(super) fn error(&mut self, code: Code, span: Span, message: impl Into<String>, help: Option<String>) {
        self.diagnostics.push(Diagnostic::new(code, span, message).maybe_help(help));
    }

    /// All parts of a condition. What is broken is reported and left out.
    pub(super) fn condition(&mut self, condition: &document::Condition<'_>) -> Condition {
        let parts = condition.parts.iter().filter_map(|part| self.part(part)).collect();
        all_of(parts)
    }

    fn part(&mut self, part: &Part<'_>) -> Option<Condition> {
        let inner = match part {
            Part::Test { path, test } if path::part(path.value).is_some() => {
                let attribute = Attribute { root: path::part(path.value)?, steps: Vec::new() };
                let subject = Subject { attribute, span: path.span };
                return operator::test_part(self, &subject, test, |scope| drop(scope.path(*path)));
            }
            Part::Test { path, test } => {
                let subject = Subject { attribute: self.path(*path)?, span: path.span };
                return operator::test(self, &subject, test);
            }
            Part::All(parts) | Part::Any(parts) => parts.as_slice(),
            Part::Not(inner) => std::slice::from_ref(inner),
        };
        self.depth += 1;
        let mut conditions: Vec<Condition> = inner.iter().map(|inner| self.condition(inner)).collect();
        self.depth -= 1;
        Some(match part {
            Part::All(_) => Condition::All(conditions),
            Part::Any(_) => Condition::Any(conditions),
            Part::Not(_) | Part::Test { .. } => Condition::Not(Box::new(conditions.pop()?)),
        })
    }

    /// The time zone of a name.
    pub(super) fn zone(&mut self, name: Spanned<&str>) -> Option<Zone> {
        let zone = Zone::find(name.value);
        if zone.is_none() {
            let near = nearest(name.value, Zone::all().map(Zone::name)).map(|near| format!("did you mean `{near}`?"));
            let help =
                near.unwrap_or_else(|| "use a name of the IANA database, such as `Europe/Berlin` or `UTC`".to_owned());
            self.error(Code::Operand, name.span, format!("unknown time zone {}", quoted(name.value)), Some(help));
        }
        zone
    }

    pub(super) fn path(&mut self, text: Spanned<&str>) -> Option<Attribute> {
        path::parse(text.value).map_err(|error| self.no_path(text, error)).ok()
    }

    /// A field of what is being looked at: `.price`.
    pub(super) fn field(&mut self, text: Spanned<&str>) -> Option<Vec<Step>> {
        path::parse_field(text.value).map_err(|error| self.no_path(text, error)).ok()
    }

    fn no_path(&mut self, text: Spanned<&str>, error: path::PathError) {
        let span = error.at.map_or(text.span, |at| self.inside(text, at));
        let code = if error.limit { Code::Limit } else { Code::Attribute };
        let message = match error.at {
            Some(_) => format!("{}: {}", quoted(text.value), error.message),
            None => error.message,
        };
        self.error(code, span, message, error.help);
    }

    /// The place from a byte of a string's value to the string's end; the whole string where escapes make that unclear.
    pub(super) fn inside(&self, string: Spanned<&str>, at: usize) -> Span {
        let inner = Span { start: string.span.start + 1, end: string.span.end.saturating_sub(1) };
        let plain = self.text.get(inner.start..inner.end) == Some(string.value);
        if plain && at < string.value.len() { Span { start: inner.start + at, end: inner.end } } else { string.span }
    }

    /// The attribute's number.
    pub(super) fn intern(&mut self, attribute: &Attribute, span: Span) -> AttributeId {
        let next = self.attributes.len();
        let id = *self.ids.entry(attribute.clone()).or_insert(next);
        if id == next {
            self.attributes.push(attribute.clone());
            self.places.push(span);
        }
        id
    }

    /// A test on a subject.
    pub(super) fn test(&mut self, subject: &Subject, operator: Operator, span: Span) -> Condition {
        let attribute = self.intern(&subject.attribute, subject.span);
        Condition::Test(Test { attribute, operator, span })
    }

    /// A literal of one of some types, or a reference to another attribute.
    pub(super) fn operand(
        &mut self,
        subject: &Subject,
        name: &str,
        node: &Node<'_>,
        takes: &[Type],
    ) -> Option<Operand> {
        if !matches!(node.kind, Kind::Object(_)) {
            let what = format!("`{name}` expects");
            let takes_text = one_of(takes, Some("a reference"));
            return self.literal(subject, &what, &takes_text, node, takes).map(Operand::Literal);
        }
        let fixed = subject.fixed_type().map(|(kind, _)| [kind]);
        self.reference(name, node, fixed.as_ref().map_or(takes, |fixed| fixed)).map(Operand::Ref)
    }

    /// `{"ref": "agent.id"}`
    pub(super) fn reference(&mut self, name: &str, node: &Node<'_>, takes: &[Type]) -> Option<AttributeId> {
        let Kind::Object(members) = &node.kind else { return None };
        let mut found = None;
        for member in members {
            if member.key.value == "ref" && found.is_some() {
                // A definition can bring another one.
                self.error(Code::Duplicate, member.key.span, "duplicate key `ref`", None);
                return None;
            } else if member.key.value == "ref" {
                found = Some(&member.value);
            } else {
                let help = did_you_mean(&member.key.value, ["ref"]);
                let help = help.unwrap_or_else(|| "write a reference as `{\"ref\": \"agent.id\"}`".to_owned());
                let message = format!("unknown key {} in the operand of `{name}`", quoted(&member.key.value));
                self.error(Code::UnknownKey, member.key.span, message, Some(help));
            }
        }
        let Some(target) = found else {
            if members.is_empty() {
                let message = format!("the operand of `{name}` is empty");
                self.error(Code::Empty, node.span, message, None);
            }
            return None;
        };
        let Kind::String(text) = &target.kind else {
            let message = format!("`ref` expects an attribute path, found {}", target.describe());
            self.error(Code::WrongType, first_of(target), message, None);
            return None;
        };
        let written = Spanned { value: text.as_ref(), span: target.span };
        let attribute = match self.elements.last().cloned() {
            Some(mut element) if text.starts_with('.') => {
                element.steps.extend(self.field(written)?);
                element
            }
            _ => self.path(written)?,
        };
        let subject = Subject { attribute, span: target.span };
        if self.refuse_agent_roles(&subject) {
            return None;
        }
        if let Some((fixed, why)) = subject.fixed_type()
            && !takes.contains(&fixed)
        {
            let message = format!("`{name}` cannot compare with {}: {why}", quoted(text));
            self.error(Code::Operand, target.span, message, None);
            return None;
        }
        Some(self.intern(&subject.attribute, target.span))
    }

    /// The same, for what is read off the other attribute.
    pub(super) fn facet_reference(
        &mut self,
        name: &str,
        node: &Node<'_>,
        takes: &[Type],
        facet: Facet,
    ) -> Option<AttributeId> {
        let id = self.reference(name, node, takes)?;
        let of = Subject { attribute: self.attributes.get(id)?.clone(), span: node.span };
        if of.attribute.root == Root::Tool {
            let message = format!("`{name}` cannot compare with `tool`, which is the name of a tool");
            self.error(Code::Operand, of.span, message, None);
            return None;
        }
        let read = of.facet(facet);
        Some(self.intern(&read.attribute, read.span))
    }

    /// A literal of one of some types that the subject can have.
    fn literal(
        &mut self,
        subject: &Subject,
        what: &str,
        takes_text: &str,
        node: &Node<'_>,
        takes: &[Type],
    ) -> Option<Value> {
        let (kind, value) = match &node.kind {
            Kind::Bool(value) => (Type::Boolean, Some(Value::Bool(*value))),
            Kind::String(text) => (Type::String, Some(Value::String(text.clone().into_owned()))),
            Kind::Number(text) => (Type::Number, Decimal::parse(text).map(Value::Number)),
            Kind::Null | Kind::List(_) | Kind::Object(_) => {
                let help = match node.kind {
                    Kind::Null => Some("use `{\"exists\": false}` to match a missing or null value".to_owned()),
                    Kind::List(_) if what == "`eq` expects" => Some("use `in` with a list".to_owned()),
                    Kind::List(_) if what == "`ne` expects" => Some("use `not_in` with a list".to_owned()),
                    _ => None,
                };
                let message = format!("{what} {takes_text}, found {}", node.describe());
                self.error(Code::Operand, first_of(node), message, help);
                return None;
            }
        };
        if !takes.contains(&kind) {
            let message = format!("{what} {takes_text}, found {}", node.describe());
            self.error(Code::Operand, node.span, message, None);
            return None;
        }
        if let Some((fixed, why)) = subject.fixed_type()
            && fixed != kind
        {
            let message = format!("{why}, never {}", node.describe());
            self.error(Code::Operand, node.span, message, None);
            return None;
        }
        if value.is_none() {
            let message = "a number can have at most 38 significant digits and a decimal exponent within ±6144";
            self.error(Code::Limit, node.span, message, None);
        }
        value
    }

    /// The elements of a list, of which there must be some, and no more than [`MAX_LIST`].
    pub(super) fn list<'n, 't>(&mut self, name: &str, node: &'n Node<'t>) -> Option<&'n [Node<'t>]> {
        let Kind::List(elements) = &node.kind else {
            let message = format!("`{name}` expects a list, found {}", node.describe());
            self.error(Code::Operand, first_of(node), message, None);
            return None;
        };
        if elements.is_empty() {
            self.error(Code::Empty, node.span, format!("`{name}` is an empty list"), None);
            return None;
        }
        if elements.len() > MAX_LIST {
            let message = format!("the list has {} values; at most {MAX_LIST} are allowed", elements.len());
            self.error(Code::Limit, first_of(node), message, None);
            return None;
        }
        Some(elements)
    }

    /// A list of literals.
    pub(super) fn literals(&mut self, subject: &Subject, name: &str, node: &Node<'_>) -> Option<Vec<Value>> {
        let elements = self.list(name, node)?;
        let takes = [Type::Boolean, Type::Number, Type::String];
        let what = format!("an element of `{name}` must be");
        let values: Vec<Option<Value>> = elements
            .iter()
            .map(|element| self.literal(subject, &what, &one_of(&takes, None), element, &takes))
            .collect();
        values.into_iter().collect()
    }

    /// A text or a list of them; `what` is one of them, `a pattern`.
    pub(super) fn texts<'n>(&mut self, name: &str, what: &str, node: &'n Node<'_>) -> Option<Vec<Spanned<&'n str>>> {
        let elements = match &node.kind {
            Kind::String(_) => std::slice::from_ref(node),
            Kind::List(elements) => elements.as_slice(),
            _ => {
                let message = format!("`{name}` expects {what} or a list of them, found {}", node.describe());
                self.error(Code::Operand, first_of(node), message, None);
                return None;
            }
        };
        if elements.is_empty() {
            self.error(Code::Empty, node.span, format!("`{name}` is an empty list"), None);
            return None;
        }
        if elements.len() > MAX_TEXTS {
            let message = format!("the list has {} strings; at most {MAX_TEXTS} are allowed", elements.len());
            self.error(Code::Limit, first_of(node), message, None);
            return None;
        }
        let mut texts = Vec::with_capacity(elements.len());
        for element in elements {
            match &element.kind {
                Kind::String(text) => texts.push(Spanned { value: text.as_ref(), span: element.span }),
                _ => {
                    let message = format!("an element of `{name}` must be {what}, found {}", element.describe());
                    self.error(Code::Operand, first_of(element), message, None);
                }
            }
        }
        (texts.len() == elements.len()).then_some(texts)
    }

    /// Reports a test of `agent.roles` that knows nothing of inheritance; whether it did.
    pub(super) fn refuse_agent_roles(&mut self, subject: &Subject) -> bool {
        let refused = subject.attribute.root == Root::Agent && subject.attribute.keys().next() == Some("roles");
        if refused {
            let help = "name a role, such as `{\"has\": \"admin\"}`, which also matches roles that inherit from it";
            let message = "`agent.roles` can only be tested with `has`, `exists` and `type`";
            self.error(Code::Operand, subject.span, message, Some(help.to_owned()));
        }
        refused
    }
}

/// Several conditions that must all hold; one needs nothing around it.
pub(super) fn all_of(mut parts: Vec<Condition>) -> Condition {
    match (parts.len(), parts.pop()) {
        (1, Some(only)) => only,
        (_, last) => {
            parts.extend(last);
            Condition::All(parts)
        }
    }
}

/// One of several conditions; one needs nothing around it.
pub(super) fn any_of(mut parts: Vec<Condition>) -> Condition {
    match (parts.len(), parts.pop()) {
        (1, Some(only)) => only,
        (_, last) => {
            parts.extend(last);
            Condition::Any(parts)
        }
    }
}

/// `a number, a string or a reference`
fn one_of(types: &[Type], more: Option<&str>) -> String {
    let all: Vec<&str> = types.iter().map(|one| one.with_article()).chain(more).collect();
    match all.split_last() {
        Some((last, before)) if !before.is_empty() => format!("{} or {last}", before.join(", ")),
        _ => all.concat(),
    }
}
