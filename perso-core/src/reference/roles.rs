//! The test of the caller's roles: of a rule's `roles`, and of `has` on `agent.roles`.

use super::attribute;
use super::call::{Call, Part};
use super::operator::{Blame, Outcome};
use super::value::Value;
use crate::decision::{Expected, Problem};
use crate::policy::{Policy, RoleId, Root, Rule};

/// The keys of `agent` that name the caller's roles.
pub(super) const KEYS: [&str; 2] = ["role", "roles"];

/// How many roles a caller can have.
const LIMIT: usize = 1024;

/// What the call says of the caller's roles.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Caller<'c> {
    /// These, as named; also names that the policy does not know.
    Has(Vec<&'c str>),
    /// Cannot be told.
    Unknown(Problem),
    Open,
    Withheld,
}

/// Reads the caller's roles.
pub(super) fn caller(call: &Call) -> Caller<'_> {
    let agent = match call.part(Root::Agent) {
        Some(Part::Open) => return Caller::Open,
        Some(Part::Withheld) => return Caller::Withheld,
        Some(Part::Known(value)) => value,
        Some(Part::Absent) | None => &Value::Null,
    };
    let (role, roles) = (agent.member("role"), agent.member("roles"));
    let mut names = Vec::new();
    let mut problems = Vec::new();
    match role {
        None | Some(Value::Null) => {}
        Some(Value::String(name)) => names.push(name.as_str()),
        Some(_) => problems.push(Problem::Type),
    }
    match roles {
        None | Some(Value::Null) => {}
        Some(Value::List(elements)) => {
            if elements.len() > LIMIT {
                problems.push(Problem::OutOfRange);
            }
            for element in elements {
                match element {
                    Value::String(name) => names.push(name.as_str()),
                    _ => problems.push(Problem::Type),
                }
            }
        }
        Some(_) => problems.push(Problem::Type),
    }
    if problems.contains(&Problem::Type) {
        return Caller::Unknown(Problem::Type);
    }
    if problems.contains(&Problem::OutOfRange) {
        return Caller::Unknown(Problem::OutOfRange);
    }
    match (role, roles) {
        (None, None) => Caller::Unknown(Problem::Missing),
        (None | Some(Value::Null), None | Some(Value::Null)) => Caller::Unknown(Problem::Null),
        _ => Caller::Has(names),
    }
}

/// Whether a rule asks for the caller's roles.
pub(super) fn are_asked(rule: &Rule) -> bool {
    let mut are_asked = rule.roles.is_some();
    rule.condition.each_role(&mut |_| are_asked = true);
    are_asked
}

/// Whether the caller has one of these roles, inherited or not.
pub(super) fn test(policy: &Policy, call: &Call, needed: &[RoleId]) -> Outcome {
    let unknown = |problem| {
        let (attribute, expected) = (attribute::roles().to_string(), Expected::LIST);
        Outcome::Unknown(Blame { attribute, problem, expected })
    };
    match caller(call) {
        Caller::Open => Outcome::Open,
        Caller::Withheld => unknown(Problem::Withheld),
        Caller::Unknown(problem) => unknown(problem),
        Caller::Has(names) => {
            let given = policy.roles.iter().filter(|role| names.contains(&role.name.as_str()));
            let has_one = given.into_iter().any(|role| role.closure.iter().any(|id| needed.contains(id)));
            if has_one { Outcome::True } else { Outcome::False(Problem::Value, Expected::default()) }
        }
    }
}
