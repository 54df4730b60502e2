//! A clock that is never: weekdays that are not among the dates that are asked for.

use super::super::facts::{Conjunction, Fact};
use crate::diagnostic::{Code, Diagnostic, Diagnostics};
use crate::policy::{Attribute, Condition, Decimal, Facet, Policy, Step, Value};

pub(super) fn warn(policy: &Policy, diagnostics: &mut Diagnostics) {
    for rule in &policy.rules {
        look(policy, &rule.condition, true, diagnostics);
    }
}

fn look(policy: &Policy, condition: &Condition, wanted: bool, diagnostics: &mut Diagnostics) {
    let conjunction = Conjunction::of(condition, wanted);
    for fact in &conjunction.facts {
        if let Some(never) = never(policy, &conjunction.facts, fact) {
            let message = "none of these weekdays is among the dates that the other tests ask for";
            let diagnostic = Diagnostic::new(Code::Contradiction, fact.test.span, message);
            diagnostics.push(diagnostic.label(never.test.span, "the dates"));
        }
    }
    for (other, wanted) in conjunction.others {
        if let Condition::All(parts) | Condition::Any(parts) = other {
            parts.iter().for_each(|part| look(policy, part, wanted, diagnostics));
        }
    }
}

/// The dates that rule the weekdays of a fact out.
fn never<'f, 'p>(policy: &Policy, facts: &'f [Fact<'p>], weekdays: &Fact<'p>) -> Option<&'f Fact<'p>> {
    let attribute = policy.attributes.get(weekdays.test.attribute)?;
    let (last, of) = attribute.steps.split_last()?;
    let Step::Facet(Facet::Weekday(zone)) = last else { return None };
    let steps = of.iter().cloned().chain([Step::Facet(Facet::Date(*zone))]).collect();
    let dates = Attribute { root: attribute.root, steps };
    let of_dates = || facts.iter().filter(|fact| policy.attributes.get(fact.test.attribute) == Some(&dates));
    let first = of_dates().filter_map(|fact| day(fact.lower()?.number)).max();
    let last = of_dates().filter_map(|fact| day(fact.upper()?.number)).min();
    let exact = of_dates().find_map(Fact::candidates).and_then(|values| match values {
        [Value::Number(number)] => day(number),
        _ => None,
    });
    let (first, last) = exact.map_or((first, last), |day| (Some(day), Some(day)));
    let (first, last) = (first?, last?);
    let days = weekdays.candidates()?;
    // 1970-01-01 was a Thursday. A week has all of them.
    let is_among = |date: i64| {
        let weekday = (date + 3).rem_euclid(7) + 1;
        days.iter().any(|value| matches!(value, Value::Number(number) if day(number) == Some(weekday)))
    };
    let is_never = last >= first && last - first < 6 && !(first..=last).any(is_among);
    if is_never { of_dates().next() } else { None }
}

fn day(number: &Decimal) -> Option<i64> {
    number.to_string().parse().ok()
}
