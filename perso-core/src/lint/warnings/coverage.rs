//! Rules that say nothing that another rule does not say already, allow and ask rules that a deny rule always overrides,
//! and allow rules whose calls an ask rule always asks about.
//!
//! Pairs are not all tried: a rule is only compared with those that are about its tools and that share a fact with it,
//! and with at most [`MAX_CANDIDATES`] of each kind. So a covered rule may go unnoticed, but none is named wrongly.

use std::collections::{HashMap, HashSet};

use super::super::facts::{Conjunction, Fact, States, key};
use crate::diagnostic::{Code, Diagnostic, Diagnostics, quoted};
use crate::policy::ToolIndex;
use crate::policy::{Condition, Effect, Operator, Policy, Rule};

const MAX_CANDIDATES: usize = 32;
/// More patterns that cover one pattern are not looked at.
const MAX_COVERING: usize = 64;
/// More parts of one condition are not compared.
const MAX_PARTS: usize = 64;

/// A rule, prepared for comparison.
struct Entry<'p> {
    rule: &'p Rule,
    tools: HashSet<usize>,
    parts: Vec<Part<'p>>,
}

/// What must hold for the rule's condition to be true.
struct Part<'p> {
    key: String,
    fact: Option<Fact<'p>>,
}

/// What a covering rule is found by.
#[derive(PartialEq, Eq, Hash)]
enum Anchor<'e> {
    /// It has no condition.
    None,
    /// This very part.
    Part(&'e str),
    /// A part about this attribute that others can imply.
    Attribute(usize),
}

/// Warns about rules other than those that can `never` apply.
pub(super) fn warn(policy: &Policy, never: &[bool], diagnostics: &mut Diagnostics) {
    let mut index = ToolIndex::default();
    let entries: Vec<Entry<'_>> = policy.rules.iter().map(|rule| prepare(rule, &mut index)).collect();
    // For each pattern, those that cover it.
    let mut covering: Vec<Vec<usize>> = vec![Vec::new(); index.len()];
    let mut found: HashMap<(usize, Anchor<'_>), Vec<usize>> = HashMap::new();
    for (number, entry) in entries.iter().enumerate() {
        for pattern in &entry.rule.tools {
            let Some(id) = index.find(&pattern.text) else { continue };
            if let Some(covering) = covering.get_mut(id).filter(|covering| covering.is_empty()) {
                covering.extend(index.matching(&pattern.text).take(MAX_COVERING));
            }
            if never.get(number) == Some(&false) {
                let bucket = found.entry((id, anchor(entry))).or_default();
                if bucket.len() < MAX_CANDIDATES {
                    bucket.push(number);
                }
            }
        }
    }
    for (number, entry) in entries.iter().enumerate() {
        if never.get(number) != Some(&false) || diagnostics.is_full_of_warnings() {
            continue;
        }
        let first = entry.rule.tools.first().and_then(|pattern| index.find(&pattern.text));
        let patterns = first.and_then(|id| covering.get(id)).into_iter().flatten();
        let mut candidates: Vec<usize> = patterns
            .flat_map(|pattern| looked_for(entry).filter_map(|anchor| found.get(&(*pattern, anchor))))
            .flatten()
            .copied()
            .filter(|other| *other != number)
            .collect();
        candidates.sort_unstable();
        candidates.dedup();
        let outer =
            candidates.into_iter().filter_map(|other| Some((other, entries.get(other)?))).find(|(at, other)| {
                covers(policy, other, entry, &index, &covering)
                // Of two rules that say the same, the later is the superfluous one.
                && (*at < number
                    || other.rule.effect != entry.rule.effect
                    || !covers(policy, entry, other, &index, &covering))
            });
        if let Some((_, outer)) = outer {
            report(entry.rule, outer.rule, diagnostics);
        }
    }
}

fn report(inner: &Rule, outer: &Rule, diagnostics: &mut Diagnostics) {
    let (inner_id, outer_id) = (quoted(&inner.id), quoted(&outer.id));
    let warning = if inner.effect == outer.effect {
        let message = format!("the rule {inner_id} has no effect: {outer_id} covers it");
        Diagnostic::new(Code::Covered, inner.span, message).label(outer.span, "applies whenever the other rule does")
    } else if outer.effect == Effect::Ask {
        let message = format!("the rule {inner_id} can never allow a call without an approval: {outer_id} always asks");
        Diagnostic::new(Code::Overridden, inner.span, message)
            .label(outer.span, "ask rules take precedence over allow rules")
            .help("narrow the ask rule, with `unless` or `roles`, or remove one of them")
    } else {
        let verb = if inner.effect == Effect::Ask { "ask about" } else { "allow" };
        let message = format!("the rule {inner_id} can never {verb} a call: {outer_id} always denies it");
        Diagnostic::new(Code::Overridden, inner.span, message)
            .label(outer.span, "deny rules take precedence")
            .help("narrow the deny rule, with `unless` or `roles`, or remove one of them")
    };
    diagnostics.push(warning);
}

fn prepare<'p>(rule: &'p Rule, index: &mut ToolIndex<'p>) -> Entry<'p> {
    let tools = rule.tools.iter().map(|pattern| index.insert(&pattern.text)).collect();
    let conjunction = Conjunction::of(&rule.condition, true);
    let facts = conjunction.facts.into_iter().map(|fact| Part { key: fact_key(fact), fact: Some(fact) });
    let others = conjunction.others.into_iter().map(|(other, wanted)| Part { key: key(other, wanted), fact: None });
    Entry { rule, tools, parts: facts.chain(others).collect() }
}

fn fact_key(fact: Fact<'_>) -> String {
    // The operand is the same whether the key is made of the test or of its `not`.
    key(&Condition::Test(fact.test.clone()), fact.wanted)
}

/// Whether a fact can follow from another one about the same attribute.
fn is_implied_by_others(fact: &Fact<'_>) -> bool {
    match fact.test.operator {
        Operator::Eq(_) => false,
        _ => fact.wanted || fact.lower().is_some() || fact.upper().is_some(),
    }
}

/// What the rule is found by where it covers another: its most telling part.
fn anchor<'e>(entry: &'e Entry<'_>) -> Anchor<'e> {
    let exact = entry.parts.iter().find(|part| !part.fact.as_ref().is_some_and(is_implied_by_others));
    match (exact, entry.parts.first().and_then(|part| part.fact)) {
        (Some(part), _) => Anchor::Part(&part.key),
        (None, Some(fact)) => Anchor::Attribute(fact.test.attribute),
        (None, None) => Anchor::None,
    }
}

/// What a rule that covers this one can be found by.
fn looked_for<'e>(entry: &'e Entry<'_>) -> impl Iterator<Item = Anchor<'e>> {
    let parts = entry.parts.iter().take(MAX_PARTS);
    let keys = parts.clone().map(|part| Anchor::Part(part.key.as_str()));
    let attributes = parts.filter_map(|part| Some(Anchor::Attribute(part.fact?.test.attribute)));
    std::iter::once(Anchor::None).chain(keys).chain(attributes)
}

/// Whether `outer` applies whenever `inner` does.
fn covers(
    policy: &Policy,
    outer: &Entry<'_>,
    inner: &Entry<'_>,
    index: &ToolIndex<'_>,
    covering: &[Vec<usize>],
) -> bool {
    if precedence(outer.rule.effect) < precedence(inner.rule.effect) {
        return false;
    }
    if outer.parts.len() > MAX_PARTS || inner.parts.len() > MAX_PARTS {
        return false;
    }
    let tools = || {
        inner.rule.tools.iter().all(|pattern| {
            // An allow rule for `*` is about no request.
            if outer.rule.effect == Effect::Allow && policy.covers.reserves(&pattern.text) {
                return outer.rule.tools.iter().any(|other| other.is_request() && other.covers(pattern));
            }
            let by = index.find(&pattern.text).and_then(|id| covering.get(id));
            by.is_some_and(|by| by.iter().any(|id| outer.tools.contains(id)))
        })
    };
    // Deny and ask rules apply unless their condition is false, so between two of them falsehood must carry over as well.
    let carries_falsehood = inner.rule.effect != Effect::Allow;
    let follows = |from, part| follows(from, part, carries_falsehood);
    let conditions = || outer.parts.iter().all(|part| inner.parts.iter().any(|from| follows(from, part)));
    roles_cover(policy, outer.rule, inner.rule) && conditions() && tools()
}

/// Deny rules override ask rules, which override allow rules.
const fn precedence(effect: Effect) -> u8 {
    match effect {
        Effect::Allow => 0,
        Effect::Ask => 1,
        Effect::Deny => 2,
    }
}

/// Whether every caller with one of the inner rule's roles has one of the outer rule's.
fn roles_cover(policy: &Policy, outer: &Rule, inner: &Rule) -> bool {
    let Some(wanted) = &outer.roles else { return true };
    let Some(given) = &inner.roles else { return false };
    given.iter().all(|role| {
        let closure = policy.roles.get(*role).map(|role| role.closure.as_slice()).unwrap_or_default();
        wanted.iter().any(|wanted| closure.binary_search(wanted).is_ok())
    })
}

/// Whether `given` is false wherever `then` is, as far as their types tell.
fn is_false_only_with(given: &Fact<'_>, then: &Fact<'_>) -> bool {
    let is_ever_false = |fact: &Fact<'_>| !matches!(fact.test.operator, Operator::Presumed(_));
    !is_ever_false(then) || is_ever_false(given) && then.readable().is_within(given.readable())
}

/// Whether `then` is true whenever `given` is; with `carries_falsehood`, and false only where `given` is false.
fn follows(given: &Part<'_>, then: &Part<'_>, carries_falsehood: bool) -> bool {
    if given.key == then.key {
        return true;
    }
    let (Some(given), Some(then)) = (&given.fact, &then.fact) else { return false };
    if given.test.attribute != then.test.attribute || (carries_falsehood && !is_false_only_with(given, then)) {
        return false;
    }
    if let (Some(given), Some(then)) = (given.lower(), then.lower()) {
        return match given.number.cmp(then.number) {
            std::cmp::Ordering::Less => false,
            std::cmp::Ordering::Equal => then.inclusive || !given.inclusive,
            std::cmp::Ordering::Greater => true,
        };
    }
    if let (Some(given), Some(then)) = (given.upper(), then.upper()) {
        return match given.number.cmp(then.number) {
            std::cmp::Ordering::Less => true,
            std::cmp::Ordering::Equal => then.inclusive || !given.inclusive,
            std::cmp::Ordering::Greater => false,
        };
    }
    if let Some(values) = given.candidates() {
        let set = then.listed();
        return values.iter().all(|value| match &set {
            Some(set) => set.contains(value) == then.wanted && then.allows_type(value),
            None => then.holds_of(value),
        });
    }
    if let (Some((end, given)), Some((other_end, then))) = (given.end(), then.end()) {
        return end == other_end && if end == 0 { given.starts_with(then) } else { given.ends_with(then) };
    }
    match then.test.operator {
        Operator::Exists | Operator::Type(_) => {
            // Both are true or false of every state, so it is enough to look at what may be.
            let states: States = given.states();
            states.is_within(then.states())
        }
        _ => false,
    }
}
