//! What is said in one go: a test, or the tests of which one must hold that an operator of what tools take becomes.

use super::text::{bare, joined};
use crate::policy::{Attribute, Condition, Facet, Operand, Operator, Pattern, Policy, Test, Value, network};

pub(super) struct Leaf<'c> {
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
            || is_property(attribute) && tests.iter().all(|test| test.attribute == id);
        is_one.then_some(Self { tests, attribute, wanted })
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

    /// The values of the tests of which one must hold: `a, b or c`.
    pub(super) fn values(&self, last: &str) -> String {
        let mut values: Vec<String> = Vec::new();
        for test in &self.tests {
            match &test.operator {
                Operator::In(several) | Operator::Presumed(several) => values.extend(several.iter().map(bare)),
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
                Operator::Eq(Operand::Literal(value)) => values.push(bare(value)),
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

/// Whether an attribute is read off another one, which is what a sentence is about.
fn is_property(attribute: &Attribute) -> bool {
    !matches!(attribute.facet(), None | Some(Facet::UrlPath | Facet::Words | Facet::Scope))
}
