//! Tests that some string of a part of the call passes.

use super::{Blame, Outcome, glob, matches};
use crate::decision::{Expected, Problem};
use crate::policy::{Attribute, Facet, Operand, Operator, Pattern, Step, Value, fold};
use crate::reference::attribute::{Env, Found};
use crate::reference::value;

/// Whether one of the strings of the attribute's part passes.
pub(super) fn some(env: &Env<'_>, attribute: &Attribute, operator: &Operator) -> Outcome {
    let strings = Attribute { root: attribute.root, steps: vec![Step::Facet(Facet::Strings)] };
    let is_folded = attribute.facet() == Some(Facet::Folded);
    let found = match env.find(&strings) {
        Found::Open => return Outcome::Open,
        Found::Withheld => {
            let (attribute, expected) = (attribute.to_string(), Expected::STRING);
            return Outcome::Unknown(Blame { attribute, problem: Problem::Withheld, expected });
        }
        Found::Value(found) => match found.into_owned() {
            value::Value::List(strings) => strings,
            // What is null has no strings.
            _ => return Outcome::known(false),
        },
        Found::Missing | Found::NoFacet(_) => return Outcome::known(false),
    };
    let passes = |value: &value::Value| match value {
        value::Value::String(text) if is_folded => holds(operator, &fold(text)),
        value::Value::String(text) => holds(operator, text),
        _ => false,
    };
    Outcome::known(found.iter().any(passes))
}

fn holds(operator: &Operator, text: &str) -> bool {
    let literal = |operand: &Operand, test: fn(&str, &str) -> bool| match operand {
        Operand::Literal(Value::String(with)) => test(text, with),
        _ => false,
    };
    match operator {
        Operator::Contains(with) => literal(with, |text, with| text.contains(with)),
        Operator::StartsWith(with) => literal(with, |text, with| text.starts_with(with)),
        Operator::EndsWith(with) => literal(with, |text, with| text.ends_with(with)),
        Operator::Matches(Pattern::Glob { text: glob, separator }) => glob::matches(glob, *separator, text),
        Operator::Matches(Pattern::Regex(regex)) => matches::matches(regex, text),
        _ => false,
    }
}
