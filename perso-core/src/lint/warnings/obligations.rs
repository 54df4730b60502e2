//! Limits and labels that have no effect or less than meant, and labels that nothing adds.

use crate::diagnostic::{Code, Diagnostic, Diagnostics, quoted};
use crate::policy::{Duty, Effect, Limit, Obligation, Operand, Operator, Policy, Root, Rule, Step, Value};

pub(super) fn warn(policy: &Policy, diagnostics: &mut Diagnostics) {
    for obligation in &policy.obligations {
        let grants: Vec<&Rule> = policy
            .rules
            .iter()
            .filter(|rule| rule.effect != Effect::Deny && share_a_tool(rule, &obligation.scope))
            .collect();
        if grants.is_empty() && policy.default == Effect::Deny {
            unallowed(obligation, diagnostics);
        } else if let Duty::Charge(limit) = &obligation.duty {
            unbounded(policy, obligation, limit, &grants, diagnostics);
        }
    }
    unknown_labels(policy, diagnostics);
}

/// Whether a tool could match both. Two patterns with a `*` are taken to.
fn share_a_tool(one: &Rule, other: &Rule) -> bool {
    one.tools.iter().any(|one| {
        other
            .tools
            .iter()
            .any(|other| one.covers(other) || other.covers(one) || one.is_wildcard() && other.is_wildcard())
    })
}

fn unallowed(obligation: &Obligation, diagnostics: &mut Diagnostics) {
    let what = if matches!(obligation.duty, Duty::Charge(_)) { "limit" } else { "label" };
    let message = format!("the {what} {} is about tools that no rule allows", quoted(&obligation.scope.id));
    let warning = Diagnostic::new(Code::UnallowedLimit, obligation.scope.span, message);
    diagnostics.push(warning.help(format!("allow them, or remove the {what}")));
}

/// A rule that allows a call whatever its amount lets a single call use up the limit.
fn unbounded(policy: &Policy, obligation: &Obligation, limit: &Limit, grants: &[&Rule], diagnostics: &mut Diagnostics) {
    let Some((sum, attribute)) = limit.sum.and_then(|sum| Some((sum, policy.attributes.get(sum)?))) else { return };
    let is_tested = |rule: &Rule| {
        let mut is_tested = false;
        rule.condition.each_attribute(&mut |id| is_tested |= id == sum);
        is_tested
    };
    let Some(rule) = grants.iter().find(|rule| !is_tested(rule)) else { return };
    let (id, sum) = (quoted(&obligation.scope.id), quoted(&attribute.to_string()));
    let message = format!("one call can use up the limit {id}: the rule {} does not test {sum}", quoted(&rule.id));
    let help = format!(
        "say how much one call may have, such as `\"when\": {{{}: {{\"gt\": 0, \"lte\": …}}}}`",
        sum.replace('`', "\"")
    );
    diagnostics.push(
        Diagnostic::new(Code::UnboundedSum, obligation.scope.span, message).label(rule.span, "this rule").help(help),
    );
}

/// Tests of labels that no label of the policy adds. A policy without any may be for sessions that others label.
fn unknown_labels(policy: &Policy, diagnostics: &mut Diagnostics) {
    let added: Vec<&str> = policy
        .obligations
        .iter()
        .filter_map(|obligation| match &obligation.duty {
            Duty::Label { add, .. } => Some(add),
            Duty::Charge(_) => None,
        })
        .flatten()
        .map(String::as_str)
        .collect();
    if added.is_empty() {
        return;
    }
    let labels = [Step::Key("labels".to_owned())];
    for rule in policy.scopes() {
        rule.condition.each_test(&mut |test, _| {
            let attribute = policy.attributes.get(test.attribute);
            if let Operator::Has(Operand::Literal(Value::String(label))) = &test.operator
                && attribute.is_some_and(|attribute| attribute.root == Root::Session && attribute.steps == labels)
                && !added.contains(&label.as_str())
            {
                let message = format!("no label adds {}", quoted(label));
                let warning = Diagnostic::new(Code::UnknownLabel, test.span, message);
                let mut known: Vec<String> = added.iter().copied().map(quoted).collect();
                known.dedup();
                diagnostics.push(warning.help(format!("the policy's labels are {}", known.join(", "))));
            }
        });
    }
}
