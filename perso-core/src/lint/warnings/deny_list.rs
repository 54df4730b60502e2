//! A list of what is forbidden, on a string that the model chooses: `rm -rf /` is forbidden, `rm  -r -f /` is not.

use std::collections::HashSet;

use super::super::grants::{granting, withholding};
use crate::diagnostic::{Code, Diagnostic, Diagnostics, quoted};
use crate::policy::{
    Attribute, CommandField, Compared, Effect, Facet, Operator, Policy, Root, Rule, Step, Test, Value,
};

pub(super) fn warn(policy: &Policy, diagnostics: &mut Diagnostics) {
    for rule in &policy.rules {
        let mut warned = HashSet::new();
        for test in withholding(rule) {
            if allows_ask_the_same(policy, rule, test) {
                continue;
            }
            let Some(attribute) = policy.attributes.get(test.attribute) else { continue };
            // Of what is read off a value, and of its elements, it is the value itself that is named.
            let read_off = |step: &Step| matches!(step, Step::Facet(_) | Step::Element);
            let steps = attribute.steps.split(read_off).next().unwrap_or_default().to_vec();
            let value = Attribute { root: attribute.root, steps };
            if attribute.root == Root::Args
                && !attribute.is_every_string()
                && is_on_strings(test)
                && !another_lists_the_commands(policy, rule, &value)
                && warned.insert(value.clone())
            {
                let name = quoted(&value.to_string());
                let passes = match attribute.steps.iter().rev().find(|step| **step != Step::Element) {
                    Some(Step::Facet(
                        Facet::Program | Facet::Words | Facet::Command(CommandField::Program | CommandField::Words),
                    )) => "any other program passes, such as one that runs a listed one",
                    Some(Step::Facet(_)) => "anything that is not listed passes",
                    _ => "any other spelling passes",
                };
                let is_of_line = attribute.steps.contains(&Step::Facet(Facet::Shell));
                let is_of_statement = attribute.steps.iter().any(|step| matches!(step, Step::Facet(Facet::Sql(_))));
                let message = format!("a deny list on {name}, which the model chooses: {passes}");
                let help = match (rule.effect, attribute.facet()) {
                    (Effect::Allow, _) if is_of_line => "list what every command may be instead, without `not`",
                    (Effect::Ask | Effect::Deny, _) if is_of_line => {
                        "list what every command may be instead: use `unless` with `shell` and `every`"
                    }
                    (Effect::Ask | Effect::Deny, _) if is_of_statement => {
                        "list what is allowed instead: use `unless` with `sql` and `every`"
                    }
                    (Effect::Allow, None) => "list what is allowed instead, with `in` or `starts_with`",
                    (Effect::Ask | Effect::Deny, None) => {
                        "list what is allowed instead: use `unless` with `in` or `starts_with`"
                    }
                    (Effect::Allow, Some(_)) => "list what is allowed instead, without `not`",
                    (Effect::Ask | Effect::Deny, Some(_)) => {
                        "list what is allowed instead: use `unless` with the same operator"
                    }
                };
                diagnostics.push(Diagnostic::new(Code::DenyList, test.span, message).help(help));
            }
        }
    }
}

/// Whether another deny or ask rule for the same tools lists the programs that every command of a line may be. Then this rule
/// only picks the answer for some of what that one withholds.
fn another_lists_the_commands(policy: &Policy, rule: &Rule, line: &Attribute) -> bool {
    let commands = Attribute { root: line.root, steps: [line.steps.as_slice(), &[Step::Facet(Facet::Shell)]].concat() };
    let is_of_programs = |test: &Test| {
        let steps = policy.attributes.get(test.attribute).map(|attribute| attribute.steps.as_slice());
        steps
            .unwrap_or_default()
            .iter()
            .any(|step| matches!(step, Step::Facet(Facet::Command(CommandField::Program | CommandField::Words))))
    };
    let lists = |test: &&Test| {
        let Operator::Every(asked) = &test.operator else { return false };
        let mut found = false;
        asked.condition.each_test(&mut |test, as_it_stands| found |= as_it_stands && is_of_programs(test));
        found && policy.attributes.get(test.attribute) == Some(&commands)
    };
    let is_about = |other: &Rule| {
        rule.tools.iter().all(|one| other.tools.iter().any(|two| two.text == "*" || one.text == two.text))
    };
    policy.rules.iter().any(|other| {
        other.id != rule.id && other.effect != Effect::Allow && is_about(other) && granting(other).iter().any(lists)
    })
}

/// Whether an ask rule only repeats what every allow rule for its tools asks for: then a value that it does not list is
/// denied.
fn allows_ask_the_same(policy: &Policy, rule: &Rule, test: &Test) -> bool {
    let shares_a_tool = |other: &&Rule| {
        other
            .tools
            .iter()
            .any(|one| rule.tools.iter().any(|two| one.is_wildcard() || two.is_wildcard() || one.text == two.text))
    };
    let asks_the_same = |other: &Rule| {
        let operator = |test: &Test| format!("{:?}", test.operator);
        granting(other).iter().any(|one| one.attribute == test.attribute && operator(one) == operator(test))
    };
    rule.effect == Effect::Ask
        && policy.default == Effect::Deny
        && policy.rules.iter().filter(|other| other.effect == Effect::Allow).filter(shares_a_tool).all(asks_the_same)
}

/// Whether a test picks strings by what they are. One that compares with another attribute for equality does not list
/// anything, and neither does one that an author has not written.
fn is_on_strings(test: &Test) -> bool {
    match test.compared() {
        Compared::Pattern | Compared::Path(..) => true,
        Compared::Value(value) => matches!(value, Value::String(_)),
        Compared::Values(values) => {
            !matches!(test.operator, Operator::Presumed(_))
                && values.iter().any(|value| matches!(value, Value::String(_)))
        }
        Compared::Attribute(_) => {
            matches!(test.operator, Operator::StartsWith(_) | Operator::EndsWith(_) | Operator::Contains(_))
        }
        Compared::Nothing | Compared::Role(_) | Compared::Elements(_) | Compared::Types | Compared::Keys(_) => false,
    }
}
