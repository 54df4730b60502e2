//! Small changes of a policy, as somebody could make them by mistake.

use crate::policy::{
    Attribute, AttributeId, Compared, Condition, Effect, Facet, Operand, Operator, Pattern, Policy, Quantified, Rule,
    Test, Value,
};
use crate::span::Span;

/// The most elements of one list that are left out in turn.
const MOST_ELEMENTS: usize = 8;

/// A change of a policy at a place in its text. What stands in a definition changes wherever it is used.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Edit {
    pub(super) span: Span,
    kind: Kind,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Kind {
    /// Allows what no rule is about, or denies it.
    Default,
    /// A rule never applies.
    Rule(usize),
    /// A rule that asks allows.
    Ask(usize),
    /// A rule is for every caller.
    AnyCaller(usize),
    /// A rule is not for this role.
    Role(usize, usize),
    /// A rule is not about this tool.
    Tool(usize, usize),
    /// A test is left out.
    Omit,
    /// A part with several tests is left out.
    OmitPart,
    /// One of several tests is enough where all are needed.
    Any,
    /// All of several tests are needed where one is enough.
    All,
    /// A `not` is left out.
    Not,
    /// An operator is the one next to it.
    Operator(&'static str, &'static str),
    /// An element of a list is left out.
    Element(usize),
    /// A directory is the one above.
    Parent,
}

impl Edit {
    /// Every change of a policy, each once.
    pub(super) fn all(policy: &Policy) -> Vec<Self> {
        let mut edits = Vec::new();
        if let Some(span) = policy.places.default {
            edits.push(Self { span, kind: Kind::Default });
        }
        for (at, rule) in policy.rules.iter().enumerate() {
            let mut add = |kind| edits.push(Self { span: rule.span, kind });
            add(Kind::Rule(at));
            if rule.effect == Effect::Ask {
                add(Kind::Ask(at));
            }
            if let Some(roles) = &rule.roles {
                add(Kind::AnyCaller(at));
                (0..roles.len()).filter(|_| roles.len() > 1).for_each(|role| add(Kind::Role(at, role)));
            }
            for (tool, pattern) in rule.tools.iter().enumerate().filter(|_| rule.tools.len() > 1) {
                edits.push(Self { span: pattern.span, kind: Kind::Tool(at, tool) });
            }
            walk(policy, &parts(&rule.condition), &mut |span, kind| edits.push(Self { span, kind }));
        }
        let mut seen = std::collections::HashSet::new();
        edits.retain(|edit| seen.insert(edit.clone()));
        edits
    }

    /// The rules that it changes.
    pub(super) fn rules(&self, policy: &Policy) -> Vec<usize> {
        match self.kind {
            Kind::Default => (0..policy.rules.len()).collect(),
            Kind::Rule(rule) | Kind::Ask(rule) | Kind::AnyCaller(rule) => vec![rule],
            Kind::Role(rule, _) | Kind::Tool(rule, _) => vec![rule],
            _ => {
                let is_in = |rule: &Rule| {
                    let mut is_in = false;
                    rule.condition.each_test(&mut |test, _| is_in |= test.span == self.span);
                    is_in
                };
                let rules = policy.rules.iter().enumerate().filter(|(_, rule)| is_in(rule));
                rules.map(|(at, _)| at).collect()
            }
        }
    }

    /// What is different, to go behind "no case notices it if".
    pub(super) fn words(&self, policy: &Policy) -> String {
        let rule = |at: usize| policy.rules.get(at).map(|rule| format!("`{}`", rule.id)).unwrap_or_default();
        match &self.kind {
            Kind::Default => "the default is the opposite".to_owned(),
            Kind::Rule(at) => format!("the rule {} is left out", rule(*at)),
            Kind::Ask(at) => format!("the rule {} allows, and does not ask", rule(*at)),
            Kind::AnyCaller(at) => format!("the rule {} is for every caller", rule(*at)),
            Kind::Role(at, role) => {
                let role = policy.rules.get(*at).and_then(|rule| rule.roles.as_ref()?.get(*role).copied());
                let name = role.and_then(|role| policy.roles.get(role)).map(|role| role.name.as_str());
                format!("the rule {} is not for the role `{}`", rule(*at), name.unwrap_or_default())
            }
            Kind::Tool(at, _) => format!("the rule {} is not about this tool", rule(*at)),
            Kind::Omit => "this test is left out".to_owned(),
            Kind::OmitPart => "the part of the condition that begins with this test is left out".to_owned(),
            Kind::Any => "one of the tests that begin here is enough".to_owned(),
            Kind::All => "all of the tests that begin here are needed".to_owned(),
            Kind::Not => "the opposite of this is tested".to_owned(),
            Kind::Operator(from, to) => format!("`{from}` is `{to}`"),
            Kind::Element(_) => match self.element(policy) {
                Some(element) => format!("{element} is left out"),
                None => "an element is left out".to_owned(),
            },
            Kind::Parent => "the directory is the one above".to_owned(),
        }
    }

    /// The element that is left out, as the policy writes it.
    fn element(&self, policy: &Policy) -> Option<String> {
        let Kind::Element(at) = self.kind else { return None };
        let mut found = None;
        for rule in &policy.rules {
            rule.condition.each_test(&mut |test, _| {
                if test.span == self.span && found.is_none() {
                    found = match &test.operator {
                        Operator::In(values) | Operator::Presumed(values) => values.get(at).map(|value| match value {
                            Value::Bool(value) => format!("`{value}`"),
                            Value::Number(number) => format!("`{number}`"),
                            Value::String(text) => crate::diagnostic::quoted(text),
                        }),
                        Operator::Only(keys) => {
                            let key = keys.get(at).and_then(|key| policy.attributes.get(*key));
                            key.and_then(Attribute::last_key).map(crate::diagnostic::quoted)
                        }
                        _ => None,
                    };
                }
            });
        }
        found
    }

    /// The strings in the test that is changed; of an element that is left out, only that.
    pub(super) fn strings(&self, policy: &Policy) -> Vec<String> {
        let mut strings = Vec::new();
        for at in self.rules(policy) {
            let Some(rule) = policy.rules.get(at) else { continue };
            rule.condition.each_test(&mut |test, _| {
                if test.span == self.span {
                    let values = match test.compared() {
                        Compared::Value(value) => std::slice::from_ref(value),
                        Compared::Values(values) => values,
                        _ => &[],
                    };
                    let of = |at: usize| match self.kind {
                        Kind::Element(element) => at == element,
                        _ => at < MOST_ELEMENTS,
                    };
                    let values = values.iter().enumerate().filter(|(at, _)| of(*at));
                    strings.extend(values.filter_map(|(_, value)| match value {
                        Value::String(text) => Some(text.clone()),
                        _ => None,
                    }));
                }
            });
        }
        strings.sort_unstable();
        strings.dedup();
        strings
    }

    /// The policy with this change; each rule stays at its place.
    pub(super) fn apply(&self, policy: &Policy) -> Policy {
        let mut policy = policy.clone();
        let rules = self.rules(&policy);
        let attributes = std::mem::take(&mut policy.attributes);
        for at in rules {
            let Some(rule) = policy.rules.get_mut(at) else { continue };
            match self.kind {
                Kind::Default => {}
                Kind::Rule(_) => rule.condition = Condition::Any(Vec::new()),
                Kind::Ask(_) => rule.effect = Effect::Allow,
                Kind::AnyCaller(_) => rule.roles = None,
                Kind::Role(_, role) => {
                    let others = |roles: &Vec<usize>| {
                        roles.iter().enumerate().filter(|(at, _)| *at != role).map(|(_, role)| *role).collect()
                    };
                    rule.roles = rule.roles.as_ref().map(others);
                }
                Kind::Tool(_, tool) if tool < rule.tools.len() => {
                    rule.tools.remove(tool);
                }
                _ => {
                    let parts = parts(&rule.condition).iter().filter_map(|part| self.part(&attributes, part)).collect();
                    rule.condition = Condition::All(parts);
                }
            }
        }
        if self.kind == Kind::Default {
            policy.default = if policy.default == Effect::Allow { Effect::Deny } else { Effect::Allow };
        }
        policy.attributes = attributes;
        policy
    }

    /// A part of a condition with this change; `None` if it is left out.
    fn part(&self, attributes: &[Attribute], part: &Condition) -> Option<Condition> {
        let is_here = first(part) == Some(self.span);
        let parts = |parts: &[Condition]| parts.iter().filter_map(|part| self.part(attributes, part)).collect();
        if is_here && (self.kind == Kind::Omit && is_test(part) || self.kind == Kind::OmitPart && !is_test(part)) {
            return None;
        }
        Some(match part {
            Condition::All(all) if is_here && self.kind == Kind::Any && all.len() > 1 => Condition::Any(all.clone()),
            Condition::Any(any) if is_here && self.kind == Kind::All && any.len() > 1 => Condition::All(any.clone()),
            Condition::All(all) => Condition::All(parts(all)),
            Condition::Any(any) => Condition::Any(parts(any)),
            Condition::Not(inner) if is_here && self.kind == Kind::Not => (**inner).clone(),
            Condition::Not(inner) => {
                let inner = if is_test(inner) { self.test(attributes, inner) } else { self.part(attributes, inner) };
                Condition::Not(Box::new(inner?))
            }
            Condition::Test(_) => self.test(attributes, part)?,
        })
    }

    fn test(&self, attributes: &[Attribute], part: &Condition) -> Option<Condition> {
        let Condition::Test(test) = part else { return self.part(attributes, part) };
        let asked = |asked: &Quantified| {
            let condition = self.part(attributes, &asked.condition);
            // Without the last of its tests, every element passes.
            let condition = Box::new(condition.unwrap_or(Condition::All(Vec::new())));
            Quantified { condition, bounded: asked.bounded }
        };
        let operator = if test.span == self.span {
            changes(attributes, test).into_iter().find(|(kind, _)| *kind == self.kind).map(|(_, operator)| operator)
        } else {
            None
        };
        let operator = operator.unwrap_or_else(|| match &test.operator {
            Operator::Every(of) => Operator::Every(asked(of)),
            Operator::Some(of) => Operator::Some(asked(of)),
            Operator::At(place, of) => Operator::At(*place, asked(of)),
            operator => operator.clone(),
        });
        Some(Condition::Test(Test { operator, ..test.clone() }))
    }
}

/// The parts of a rule's condition.
fn parts(condition: &Condition) -> Vec<Condition> {
    match condition {
        Condition::All(parts) => parts.clone(),
        other => vec![other.clone()],
    }
}

/// Whether an author would call it one test: `ne` is the opposite of `eq`.
fn is_test(part: &Condition) -> bool {
    match part {
        Condition::Test(_) => true,
        Condition::Not(inner) => matches!(**inner, Condition::Test(_)),
        Condition::All(_) | Condition::Any(_) => false,
    }
}

/// Where the first test of a condition stands.
fn first(condition: &Condition) -> Option<Span> {
    match condition {
        Condition::All(parts) | Condition::Any(parts) => parts.iter().find_map(first),
        Condition::Not(inner) => first(inner),
        Condition::Test(test) => Some(test.span),
    }
}

/// Shows every change of a list of conditions.
fn walk(policy: &Policy, parts: &[Condition], see: &mut dyn FnMut(Span, Kind)) {
    for part in parts {
        if let Some(span) = first(part) {
            see(span, if is_test(part) { Kind::Omit } else { Kind::OmitPart });
        }
        within(policy, part, see);
    }
}

fn within(policy: &Policy, part: &Condition, see: &mut dyn FnMut(Span, Kind)) {
    match part {
        Condition::All(parts) | Condition::Any(parts) => {
            if let Some(span) = first(part).filter(|_| parts.len() > 1) {
                see(span, if matches!(part, Condition::All(_)) { Kind::Any } else { Kind::All });
            }
            walk(policy, parts, see);
        }
        Condition::Not(inner) => {
            if let Some(span) = first(inner) {
                see(span, Kind::Not);
            }
            within(policy, inner, see);
        }
        Condition::Test(test) => {
            changes(&policy.attributes, test).into_iter().for_each(|(kind, _)| see(test.span, kind));
            if let Operator::Every(asked) | Operator::Some(asked) | Operator::At(_, asked) = &test.operator {
                within(policy, &asked.condition, see);
                if let Some(span) = first(&asked.condition) {
                    see(span, if is_test(&asked.condition) { Kind::Omit } else { Kind::OmitPart });
                }
            }
        }
    }
}

/// What the operator of a test could be instead.
fn changes(attributes: &[Attribute], test: &Test) -> Vec<(Kind, Operator)> {
    let one = |from, to, operator| vec![(Kind::Operator(from, to), operator)];
    let is_plain = || attributes.get(test.attribute).and_then(Attribute::facet) != Some(Facet::Address);
    match &test.operator {
        Operator::Lt(operand) => one("lt", "lte", Operator::Lte(operand.clone())),
        Operator::Lte(operand) => one("lte", "lt", Operator::Lt(operand.clone())),
        Operator::Gt(operand) => one("gt", "gte", Operator::Gte(operand.clone())),
        Operator::Gte(operand) => one("gte", "gt", Operator::Gt(operand.clone())),
        Operator::StartsWith(operand) if is_plain() => {
            one("starts_with", "contains", Operator::Contains(operand.clone()))
        }
        Operator::EndsWith(operand) => one("ends_with", "contains", Operator::Contains(operand.clone())),
        Operator::Every(asked) => one("every", "some", Operator::Some(asked.clone())),
        Operator::Some(asked) => one("some", "every", Operator::Every(asked.clone())),
        Operator::Matches(Pattern::Glob { text, separator }) => {
            let text = text.replace("**", "*").replace('*', "**");
            let wider = Operator::Matches(Pattern::Glob { text, separator: *separator });
            let is_wider =
                !matches!((&test.operator, &wider), (Operator::Matches(one), Operator::Matches(other)) if one == other);
            if is_wider { one("*", "**", wider) } else { Vec::new() }
        }
        Operator::In(values) => without(values, &Operator::In),
        Operator::Presumed(values) => without(values, &Operator::Presumed),
        Operator::Type(types) => without(types, &Operator::Type),
        Operator::Only(keys) => without::<AttributeId>(keys, &Operator::Only),
        Operator::Inside { base, directory } => match above(directory) {
            Some(directory) => vec![(Kind::Parent, Operator::Inside { base: *base, directory })],
            None => Vec::new(),
        },
        _ => Vec::new(),
    }
}

/// A list without one of its elements; of a long list, some of them are tried.
fn without<T: Clone>(elements: &[T], operator: &dyn Fn(Vec<T>) -> Operator) -> Vec<(Kind, Operator)> {
    if elements.len() < 2 {
        return Vec::new();
    }
    let step = elements.len().div_ceil(MOST_ELEMENTS);
    let omitted = (0..elements.len()).step_by(step).map(|omitted| {
        let others = elements.iter().enumerate().filter(|(at, _)| *at != omitted);
        (Kind::Element(omitted), operator(others.map(|(_, element)| element.clone()).collect()))
    });
    omitted.collect()
}

/// The directory above, unless that is the root.
fn above(directory: &[Operand]) -> Option<Vec<Operand>> {
    match directory {
        [Operand::Literal(Value::String(path))] => {
            let (above, _) = path.trim_end_matches('/').rsplit_once('/').filter(|(above, _)| !above.is_empty())?;
            Some(vec![Operand::Literal(Value::String(above.to_owned()))])
        }
        [above @ .., _] if !above.is_empty() => Some(above.to_vec()),
        _ => None,
    }
}
