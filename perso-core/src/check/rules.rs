//! Rules.

use std::collections::HashMap;

use super::scope::Scope;
use super::{Example, names, tools};
use crate::diagnostic::{Code, Diagnostic, quoted};
use crate::policy::{Condition, Effect, RoleId, Rule};
use crate::span::Span;
use crate::syntax::{Spanned, document};

/// The most rules in a policy.
const MAX_RULES: usize = 100_000;
/// The most guarantees in a policy.
const MAX_GUARANTEES: usize = 1000;

/// The rules that a document's rules mean, and their examples.
pub(super) fn resolve<'d>(
    written: &[document::Rule<'d>],
    ids: &mut HashMap<&'d str, Span>,
    scope: &mut Scope<'_>,
) -> (Vec<Rule>, Vec<Example>) {
    if let Some(over) = written.get(MAX_RULES) {
        scope.error(Code::Limit, start_of(over.span), format!("the policy has more than {MAX_RULES} rules"), None);
    }
    let (mut rules, mut examples) = (Vec::with_capacity(written.len().min(MAX_RULES)), Vec::new());
    for rule in written.iter().take(MAX_RULES) {
        check_id(rule, "rule", ids, scope);
        if let Some(resolved) = resolve_one(rule, scope) {
            let (text, index) = (scope.text, rules.len());
            let example = |expected, span: &Span| Example {
                rule: index,
                expected,
                call: text.get(span.start..span.end).unwrap_or_default().to_owned(),
                span: *span,
            };
            examples.extend(rule.allows.iter().map(|span| example(Effect::Allow, span)));
            examples.extend(rule.asks.iter().map(|span| example(Effect::Ask, span)));
            examples.extend(rule.denies.iter().map(|span| example(Effect::Deny, span)));
            rules.push(resolved);
        }
    }
    (rules, examples)
}

/// The guarantees of a document, as rules.
pub(super) fn guarantees(written: &[document::Rule<'_>], scope: &mut Scope<'_>) -> Vec<Rule> {
    if let Some(over) = written.get(MAX_GUARANTEES) {
        let message = format!("the policy has more than {MAX_GUARANTEES} guarantees");
        scope.error(Code::Limit, start_of(over.span), message, None);
    }
    let mut ids = HashMap::new();
    let mut guarantees = Vec::with_capacity(written.len().min(MAX_GUARANTEES));
    for guarantee in written.iter().take(MAX_GUARANTEES) {
        check_id(guarantee, "guarantee", &mut ids, scope);
        guarantees.extend(resolve_one(guarantee, scope));
    }
    guarantees
}

pub(super) fn check_id<'d>(
    rule: &document::Rule<'d>,
    what: &str,
    ids: &mut HashMap<&'d str, Span>,
    scope: &mut Scope<'_>,
) {
    if let Some(id) = rule.id
        && names::check("an id", id, names::MAX_ID, scope.diagnostics)
        && let Some(first) = ids.insert(id.value, id.span)
    {
        let error = Diagnostic::new(Code::Duplicate, id.span, format!("duplicate {what} id {}", quoted(id.value)));
        scope.diagnostics.push(error.label(first, "first used here"));
    }
}

/// `None` only where a part that a rule must have is missing, which has been reported.
pub(super) fn resolve_one(rule: &document::Rule<'_>, scope: &mut Scope<'_>) -> Option<Rule> {
    let effects = [
        (Effect::Allow, rule.allow.as_ref(), "also allows"),
        (Effect::Ask, rule.ask.as_ref(), "also asks"),
        (Effect::Deny, rule.deny.as_ref(), "also denies"),
    ];
    let mut effects = effects.into_iter().filter_map(|(effect, tools, also)| Some((effect, tools?, also)));
    let first = effects.next();
    if let (Some((one, written, also)), Some((other, second, _))) = (first, effects.next()) {
        let message = format!("a rule cannot both {} and {}", one.name(), other.name());
        let error =
            Diagnostic::new(Code::Effect, second.key, message).label(written.key, also).help("split it into two rules");
        scope.diagnostics.push(error);
    }
    let required = rule.roles.as_ref().map(|named| rule_roles(named, scope));
    let when = rule.when.as_ref().map(|when| scope.condition(when));
    let unless = rule.unless.as_ref().map(|unless| Condition::Not(Box::new(scope.condition(unless))));
    let condition = match (when, unless) {
        (Some(when), Some(unless)) => Condition::All(vec![when, unless]),
        (Some(only), None) | (None, Some(only)) => only,
        (None, None) => Condition::All(Vec::new()),
    };
    if let Some(reason) = rule.reason {
        names::check("a reason", reason, names::MAX_REASON, scope.diagnostics);
    }
    let (effect, written, _) = first?;
    let tools = tools::patterns(&written.patterns, scope.diagnostics);
    let id = rule.id?;
    Some(Rule {
        id: id.value.to_owned(),
        effect,
        tools,
        roles: required,
        condition,
        reason: rule.reason.map(|reason| reason.value.to_owned()),
        span: id.span,
    })
}

fn rule_roles(named: &[Spanned<&str>], scope: &mut Scope<'_>) -> Vec<RoleId> {
    let mut ids: Vec<RoleId> = Vec::with_capacity(named.len());
    for name in named {
        match scope.roles.find(*name, scope.diagnostics) {
            Some(id) if ids.contains(&id) => {
                let message = format!("duplicate role {}", quoted(name.value));
                scope.error(Code::Duplicate, name.span, message, None);
            }
            Some(id) => ids.push(id),
            None => {}
        }
    }
    ids
}

/// Only the first character, so that a rule of many lines is not underlined as a whole.
pub(super) fn start_of(span: Span) -> Span {
    Span { start: span.start, end: span.start + 1 }
}
