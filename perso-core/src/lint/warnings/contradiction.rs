//! Tests that can never all be true, and rules that can never apply because of them.

use std::collections::HashMap;

use super::super::facts::{Conjunction, Fact, States};
use crate::diagnostic::{Code, Diagnostic, Diagnostics, quoted};
use crate::policy::{Condition, Effect, Facet, Operator, Policy, Test, Type, Value};

/// More than so many pairs of values and tests are not tried.
const MAX_TRIES: usize = 1_000_000;
/// Among more tests on one attribute, no pair is looked for that contradicts.
const MAX_PAIRS: usize = 64;

/// Two tests that contradict, or one that contradicts the rest.
#[derive(Debug, Clone, Copy)]
struct Clash<'p> {
    one: Fact<'p>,
    other: Option<Fact<'p>>,
}

/// Warns; says of each rule whether it can never apply.
pub(super) fn warn(policy: &Policy, diagnostics: &mut Diagnostics) -> Vec<bool> {
    let mut never = Vec::with_capacity(policy.rules.len());
    for rule in &policy.rules {
        // The others apply also where their condition is unknown, whatever it says.
        let clash = if rule.effect == Effect::Allow { impossible(policy, &rule.condition, true) } else { None };
        never.push(clash.is_some());
        if let Some(clash) = clash {
            let message = format!("the rule {} can never apply: {}", quoted(&rule.id), said(policy, clash));
            report(Code::NeverApplies, &message, clash, None, diagnostics);
            continue;
        }
        let mut clashes = Vec::new();
        written(policy, &rule.condition, &mut clashes);
        for clash in clashes {
            let message = format!("this can never be true: {}", said(policy, clash));
            let help = match rule.effect {
                Effect::Allow => None,
                Effect::Ask => Some(
                    "an ask rule turns an allow into an ask unless its condition is false, so also if an attribute is missing",
                ),
                Effect::Deny => Some(
                    "a deny rule applies unless its condition is false, so it also applies if an attribute is missing",
                ),
            };
            report(Code::Contradiction, &message, clash, help, diagnostics);
        }
    }
    never
}

fn report(code: Code, message: &str, clash: Clash<'_>, help: Option<&str>, diagnostics: &mut Diagnostics) {
    let mut warning = Diagnostic::new(code, clash.one.test.span, message).maybe_help(help.map(str::to_owned));
    if let Some(other) = clash.other {
        warning = warning.label(other.test.span, "contradicts this");
    }
    diagnostics.push(warning);
}

fn said(policy: &Policy, clash: Clash<'_>) -> String {
    let name = policy.attributes.get(clash.one.test.attribute).map(|attribute| quoted(&attribute.to_string()));
    format!("no value of {} passes these tests", name.unwrap_or_default())
}

/// Why a condition can never be true (false, where not `wanted`).
fn impossible<'p>(policy: &'p Policy, condition: &'p Condition, wanted: bool) -> Option<Clash<'p>> {
    let conjunction = Conjunction::of(condition, wanted);
    clash(policy, &conjunction.facts).or_else(|| {
        conjunction.others.iter().find_map(|(choice, wanted)| {
            let (Condition::All(parts) | Condition::Any(parts)) = choice else { return None };
            let mut first = None;
            for part in parts {
                first = first.or(Some(impossible(policy, part, *wanted)?));
            }
            first
        })
    })
}

/// The contradictions of a condition as it is written, each `all` by itself.
fn written<'p>(policy: &'p Policy, condition: &'p Condition, clashes: &mut Vec<Clash<'p>>) {
    match condition {
        Condition::Test(test) => {
            clashes.extend(clash(policy, &Conjunction::of(condition, true).facts));
            of_elements(policy, test, clashes);
        }
        Condition::Not(inner) => written(policy, inner, clashes),
        Condition::Any(parts) => parts.iter().for_each(|part| written(policy, part, clashes)),
        Condition::All(_) => {
            let conjunction = Conjunction::of(condition, true);
            clashes.extend(clash(policy, &conjunction.facts));
            conjunction.facts.iter().for_each(|fact| of_elements(policy, fact.test, clashes));
            conjunction.others.iter().for_each(|(other, _)| written(policy, other, clashes));
        }
    }
}

/// The contradictions of what is asked of an element.
fn of_elements<'p>(policy: &'p Policy, test: &'p Test, clashes: &mut Vec<Clash<'p>>) {
    if let Operator::Every(asked) | Operator::Some(asked) | Operator::At(_, asked) = &test.operator {
        written(policy, &asked.condition, clashes);
    }
}

/// The first contradiction among facts that must all hold.
fn clash<'p>(policy: &Policy, facts: &[Fact<'p>]) -> Option<Clash<'p>> {
    let mut order = Vec::new();
    let mut groups: HashMap<usize, Vec<Fact<'p>>> = HashMap::new();
    // Different strings can pass the tests of every string.
    let is_one = |fact: &&Fact<'_>| policy.attributes.get(fact.test.attribute).is_none_or(|one| !one.is_every_string());
    for fact in facts.iter().filter(is_one) {
        let group = groups.entry(fact.test.attribute).or_default();
        if group.is_empty() {
            order.push(fact.test.attribute);
        }
        group.push(*fact);
    }
    order.iter().filter_map(|attribute| groups.get(attribute)).find_map(|group| {
        if !contradict(policy, group) {
            return None;
        }
        let pairs = || {
            let later = group.iter().take(MAX_PAIRS).enumerate();
            later.flat_map(|(at, one)| group.iter().take(at).map(move |other| (one, other)))
        };
        let alone = group.iter().find(|fact| contradict(policy, &[**fact])).map(|one| Clash { one: *one, other: None });
        let pair = || pairs().find(|(one, other)| contradict(policy, &[**one, **other]));
        alone
            .or_else(|| pair().map(|(one, other)| Clash { one: *one, other: Some(*other) }))
            .or_else(|| group.last().map(|one| Clash { one: *one, other: None }))
    })
}

/// Whether facts about one attribute can never all hold.
fn contradict(policy: &Policy, group: &[Fact<'_>]) -> bool {
    let states = group.iter().fold(States::ALL, |states, fact| states.and(fact.states()));
    if states.is_empty() || empty_range(policy, group) || different_ends(group) {
        return true;
    }
    let both = [Value::Bool(false), Value::Bool(true)];
    let listed = group.iter().filter_map(Fact::candidates).min_by_key(|candidates| candidates.len());
    let candidates = match listed {
        Some(candidates) => candidates,
        None if states.is_within(States::of(&[Type::Boolean])) => &both,
        None => return false,
    };
    if candidates.len().saturating_mul(group.len()) > MAX_TRIES {
        return false;
    }
    let sets: Vec<_> = group.iter().map(|fact| (fact, fact.listed())).collect();
    !candidates.iter().any(|value| {
        sets.iter().all(|(fact, set)| match set {
            Some(set) if fact.wanted => set.contains(value),
            Some(set) => fact.allows_type(value) && !set.contains(value),
            None => fact.allows(value),
        })
    })
}

fn empty_range(policy: &Policy, group: &[Fact<'_>]) -> bool {
    let lower = group.iter().filter_map(Fact::lower).max_by(|a, b| {
        // Of two equal ones, that without the number itself is the narrower.
        a.number.cmp(b.number).then_with(|| b.inclusive.cmp(&a.inclusive))
    });
    let upper = group
        .iter()
        .filter_map(Fact::upper)
        .min_by(|a, b| a.number.cmp(b.number).then_with(|| a.inclusive.cmp(&b.inclusive)));
    let is_length = group
        .first()
        .and_then(|fact| policy.attributes.get(fact.test.attribute))
        .is_some_and(|attribute| attribute.facet().is_some_and(|facet| matches!(facet, Facet::Length | Facet::Count)));
    match (lower, upper) {
        (_, Some(upper)) if is_length && upper.is_below_zero() => true,
        (Some(lower), Some(upper)) => match lower.number.cmp(upper.number) {
            std::cmp::Ordering::Less => false,
            std::cmp::Ordering::Equal => !(lower.inclusive && upper.inclusive),
            std::cmp::Ordering::Greater => true,
        },
        _ => false,
    }
}

/// Whether a string would have to begin, or to end, in two ways.
fn different_ends(group: &[Fact<'_>]) -> bool {
    let mut longest = ["", ""];
    for fact in group {
        let Some((end, text)) = fact.end() else { continue };
        let Some(known) = longest.get_mut(end) else { continue };
        let agree = |long: &str, short: &str| if end == 0 { long.starts_with(short) } else { long.ends_with(short) };
        if agree(text, known) {
            *known = text;
        } else if !agree(known, text) {
            return true;
        }
    }
    false
}
