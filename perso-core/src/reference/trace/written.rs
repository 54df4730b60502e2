//! Tests as a policy writes them.

use super::super::{facet, show};
use crate::policy::{Attribute, Facet, Operand, Operator, Pattern, Policy, Test, Type, Value, time, unfolded};

/// The operator's key and its operand as a policy writes them; no operand where it is a reference.
pub(super) fn written(policy: &Policy, test: &Test) -> (&'static str, Option<String>) {
    let facet = policy.attributes.get(test.attribute).and_then(Attribute::facet);
    let literal = |operand: &Operand| literal(facet, operand);
    match &test.operator {
        Operator::StartsWith(Operand::Literal(Value::String(prefix)))
            if policy.attributes.get(test.attribute).and_then(Attribute::facet) == Some(Facet::Address) =>
        {
            ("cidr", Some(show::string(&facet::network(prefix))))
        }
        Operator::Inside { base: None, directory } => ("within", Some(parts(policy, directory))),
        Operator::Inside { base: Some(base), directory } => {
            let base = policy.attributes.get(*base).map(ToString::to_string).unwrap_or_default();
            ("within", Some(format!("{} from {base}", parts(policy, directory))))
        }
        Operator::Eq(operand) => ("eq", literal(operand)),
        Operator::Presumed(values) if values.len() == 1 => ("eq", values.first().map(show::literal)),
        Operator::In(values) | Operator::Presumed(values) => ("in", Some(literals(facet, values))),
        Operator::Lt(operand) => ("lt", literal(operand)),
        Operator::Lte(operand) => ("lte", literal(operand)),
        Operator::Gt(operand) => ("gt", literal(operand)),
        Operator::Gte(operand) => ("gte", literal(operand)),
        Operator::StartsWith(operand) => ("starts_with", literal(operand)),
        Operator::EndsWith(operand) => ("ends_with", literal(operand)),
        Operator::Contains(operand) => ("contains", literal(operand)),
        Operator::Has(operand) => ("has", literal(operand)),
        Operator::HasRole(role) => ("has", policy.roles.get(*role).map(|role| show::string(&role.name))),
        Operator::Matches(Pattern::Glob { text, .. }) if facet == Some(Facet::Folded) => {
            ("glob", Some(show::pattern(&unfolded(text))))
        }
        Operator::Matches(Pattern::Glob { text, .. }) => ("glob", Some(show::pattern(text))),
        Operator::Matches(Pattern::Regex(text)) => ("matches", Some(show::pattern(text))),
        Operator::Every(_) => ("every", Some("element".to_owned())),
        Operator::Some(_) => ("some", Some("element".to_owned())),
        Operator::At(place, _) => ("at", Some(place.to_string())),
        Operator::InList(_) => ("in", None),
        Operator::Exists => ("exists", Some("true".to_owned())),
        Operator::Only(keys) => {
            let names: Vec<&str> = keys.iter().filter_map(|id| policy.attributes.get(*id)?.last_key()).collect();
            ("only", Some(show::strings(&names)))
        }
        Operator::Type(types) => {
            let names: Vec<&str> = types.iter().map(|kind| type_name(*kind)).collect();
            match names.as_slice() {
                [name] => ("type", Some(show::string(name))),
                names => ("type", Some(show::strings(names))),
            }
        }
    }
}

/// A directory of several parts.
fn parts(policy: &Policy, directory: &[Operand]) -> String {
    let part = |part: &Operand| match part {
        Operand::Literal(value) => show::literal(value),
        Operand::Ref(id) => policy.attributes.get(*id).map(ToString::to_string).unwrap_or_default(),
    };
    directory.iter().map(part).collect::<Vec<_>>().join(" / ")
}

/// How a policy writes the opposite of a test, where the language has words for it.
pub(super) fn negated(policy: &Policy, test: &Test) -> Option<(&'static str, Option<String>)> {
    let facet = policy.attributes.get(test.attribute).and_then(Attribute::facet);
    match &test.operator {
        Operator::Eq(operand) => Some(("ne", literal(facet, operand))),
        Operator::In(values) => Some(("not_in", Some(literals(facet, values)))),
        Operator::InList(_) => Some(("not_in", None)),
        Operator::Exists => Some(("exists", Some("false".to_owned()))),
        _ => None,
    }
}

fn literal(facet: Option<Facet>, operand: &Operand) -> Option<String> {
    match operand {
        Operand::Literal(value) => Some(show::literal(&as_written(facet, value))),
        Operand::Ref(_) => None,
    }
}

fn literals(facet: Option<Facet>, values: &[Value]) -> String {
    show::literals(&values.iter().map(|value| as_written(facet, value)).collect::<Vec<_>>())
}

/// A literal as an author writes it: `"15m"` for 900 seconds.
fn as_written(facet: Option<Facet>, value: &Value) -> Value {
    match (facet, value) {
        (Some(facet), Value::Number(number)) => {
            time::written(facet, number).map_or_else(|| value.clone(), Value::String)
        }
        (Some(Facet::Folded), Value::String(text)) => Value::String(unfolded(text)),
        _ => value.clone(),
    }
}

fn type_name(kind: Type) -> &'static str {
    match kind {
        Type::Null => "null",
        Type::Boolean => "boolean",
        Type::Number => "number",
        Type::String => "string",
        Type::List => "list",
        Type::Object => "object",
    }
}
