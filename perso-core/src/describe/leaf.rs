//! What is said in one go: a test, or the tests of which one must hold that an operator of what tools take becomes.

use super::text::{bare, joined};
use crate::policy::{
    Attribute, AttributeId, Condition, Facet, Operand, Operator, Pattern, Policy, Test, Value, network, time,
};

pub(super) struct Leaf<'c> {
    policy: &'c Policy,
    tests: Vec<&'c Test>,
    pub(super) attribute: &'c Attribute,
    pub(super) wanted: bool,
}

impl<'c> Leaf<'c> {
    /// A condition, or with `wanted` false its opposite, if it is said in one go.
    pub(super) fn of(policy: &'c Policy, condition: &'c Condition, wanted: bool) -> Option<Self> {
        let tests: Vec<&Test> = match condition {
            Condition::Not(inner) => return Self::of(policy, inner, !wanted),
            Condition::Test(test) => vec![test],
            Condition::Any(parts) => parts.iter().map(as_test).collect::<Option<_>>()?,
            Condition::All(_) => return None,
        };
        let id = tests.first()?.attribute;
        let attribute = policy.attributes.get(id)?;
        let is_one = matches!(condition, Condition::Test(_))
            || !is_compared(attribute) && is_property(attribute) && tests.iter().all(|test| test.attribute == id);
        is_one.then_some(Self { policy, tests, attribute, wanted })
    }

    /// Whether it is what is presumed where nothing is written.
    pub(super) fn is_presumed(&self) -> bool {
        matches!(self.operator(), Some(Operator::Presumed(_)))
    }

    /// The operator; of several tests, the first one's.
    pub(super) fn operator(&self) -> Option<&'c Operator> {
        self.tests.first().map(|test| &test.operator)
    }

    /// What the sentence is about: the attribute, or what a facet is read off.
    pub(super) fn subject(&self) -> Attribute {
        let mut subject = self.attribute.clone();
        if is_property(self.attribute) {
            subject.steps.pop();
        }
        subject
    }

    /// The facet, where the sentence is about what it is read off.
    pub(super) fn property(&self) -> Option<Facet> {
        self.attribute.facet().filter(|_| is_property(self.attribute))
    }

    /// The base from which a path is read, if there is one.
    pub(super) fn base(&self) -> Option<String> {
        match self.operator() {
            Some(Operator::Inside { base: Some(base), .. }) => Some(self.referenced(*base)),
            _ => None,
        }
    }

    /// A literal as the author writes it.
    fn written(&self, value: &Value) -> String {
        match (value, self.attribute.facet()) {
            (Value::Number(number), Some(facet)) => time::written(facet, number).unwrap_or_else(|| bare(value)),
            _ => bare(value),
        }
    }

    /// The attribute that something is read off.
    fn referenced(&self, id: AttributeId) -> String {
        let Some(mut attribute) = self.policy.attributes.get(id).cloned() else { return String::new() };
        if attribute.facet().is_some() {
            attribute.steps.pop();
        }
        attribute.to_string()
    }

    /// A path of several parts: `/srv/tenants/{agent.tenant}`.
    fn path(&self, parts: &[Operand]) -> String {
        let texts: Vec<String> = parts
            .iter()
            .map(|part| match part {
                Operand::Literal(Value::String(text)) if parts.len() > 1 && text == "/" => String::new(),
                Operand::Literal(value) => bare(value),
                Operand::Ref(id) if parts.len() == 1 => self.referenced(*id),
                Operand::Ref(id) => format!("{{{}}}", self.referenced(*id)),
            })
            .collect();
        texts.join("/")
    }

    /// The values of the tests of which one must hold: `a, b or c`.
    pub(super) fn values(&self, last: &str) -> String {
        let mut values: Vec<String> = Vec::new();
        for test in &self.tests {
            match &test.operator {
                Operator::In(several) | Operator::Presumed(several) => {
                    values.extend(several.iter().map(|value| self.written(value)))
                }
                Operator::Matches(Pattern::Glob { text, .. } | Pattern::Regex(text)) => values.push(text.clone()),
                Operator::StartsWith(Operand::Literal(Value::String(text))) if network::is_network(text) => {
                    values.push(network::in_cidr_notation(text));
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
                Operator::Eq(Operand::Literal(value)) => values.push(self.written(value)),
                Operator::Inside { directory, .. } => values.push(self.path(directory)),
                _ => {}
            }
        }
        joined(values, last)
    }
}

fn as_test(condition: &Condition) -> Option<&Test> {
    match condition {
        Condition::Test(test) => Some(test),
        _ => None,
    }
}

/// Whether each test of the attribute is a leaf of its own, even where only one of several must hold.
fn is_compared(attribute: &Attribute) -> bool {
    let of_time = |facet: Facet| facet.zone().is_some() || matches!(facet, Facet::Instant | Facet::Age);
    attribute.is_every_string() || attribute.facet().is_some_and(|facet| facet == Facet::Folded || of_time(facet))
}

/// Whether an attribute is read off another one, which is what a sentence is about.
fn is_property(attribute: &Attribute) -> bool {
    !matches!(
        attribute.facet(),
        None | Some(
            Facet::UrlPath
                | Facet::Words
                | Facet::Scope
                | Facet::Sum(_)
                | Facet::Shell
                | Facet::Command(_)
                | Facet::Sql(_)
                | Facet::Statement(_)
        )
    )
}
