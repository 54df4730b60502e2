//! Which parts of a policy the cases cover.

use std::collections::BTreeMap;

use super::Suite;
use crate::analyze;
use crate::diagnostic::{Code, Diagnostic};
use crate::policy::{Condition, Operator, RuleIndex};
use crate::reference::{self, Truth, tool};
use crate::span::Span;

/// Which parts of a policy the cases of a suite cover.
///
/// A rule is covered if it applies to the call of one case, and does not apply to that of another. A test is covered if it is
/// true of one call, false of another, and unknown of a third: where what it reads is missing, or is of another type. That counts
/// whether or not the decision hangs on the test. That a rule does not apply, or does, need not be seen if it is proved that this never
/// changes a decision.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Coverage {
    /// How many rules there are.
    pub rules: usize,
    /// How many of them are covered.
    pub covered_rules: usize,
    /// How many outcomes the rules and their tests can have.
    pub outcomes: usize,
    /// How many of them the cases bring about.
    pub covered_outcomes: usize,
    /// What is not covered, in the order of the policy's text: findings of the kind [`Code::Uncovered`].
    pub uncovered: Vec<Diagnostic>,
}

/// What has been seen of a rule or a test, or can be.
#[derive(Debug, Clone, Copy, Default)]
struct Outcomes {
    is_true: bool,
    is_false: bool,
    is_unknown: bool,
}

impl Outcomes {
    const NONE: Self = Self { is_true: false, is_false: false, is_unknown: false };
    const BOTH: Self = Self { is_true: true, is_false: true, is_unknown: false };

    fn or(self, other: Self) -> Self {
        Self {
            is_true: self.is_true || other.is_true,
            is_false: self.is_false || other.is_false,
            is_unknown: self.is_unknown || other.is_unknown,
        }
    }

    fn but_not(self, other: Self) -> Self {
        Self {
            is_true: self.is_true && !other.is_true,
            is_false: self.is_false && !other.is_false,
            is_unknown: self.is_unknown && !other.is_unknown,
        }
    }

    fn of(truth: Truth) -> Self {
        match truth {
            Truth::True => Self { is_true: true, ..Self::NONE },
            Truth::False => Self { is_false: true, ..Self::NONE },
            Truth::Unknown => Self { is_unknown: true, ..Self::NONE },
            Truth::Open => Self::NONE,
        }
    }

    fn count(self) -> usize {
        usize::from(self.is_true) + usize::from(self.is_false) + usize::from(self.is_unknown)
    }

    /// `false or unknown`.
    fn words(self) -> String {
        let all = [(self.is_true, "true"), (self.is_false, "false"), (self.is_unknown, "unknown")];
        let words: Vec<&str> = all.into_iter().filter(|(is, _)| *is).map(|(_, word)| word).collect();
        words.join(" or ")
    }
}

/// What a test can come to.
fn possible(operator: &Operator) -> Outcomes {
    Outcomes {
        is_true: true,
        is_false: !matches!(operator, Operator::Presumed(_)),
        is_unknown: !matches!(
            operator,
            Operator::Exists | Operator::Type(_) | Operator::Only(_) | Operator::HasRole(_)
        ),
    }
}

impl Suite {
    /// Finds out which parts of the policy the cases cover.
    #[must_use]
    pub fn coverage(&self) -> Coverage {
        let policy = &self.checked;
        let index = RuleIndex::new(policy);
        let mut tests: BTreeMap<Span, (Outcomes, Outcomes)> = BTreeMap::new();
        let mut rules = vec![(Outcomes::NONE, Outcomes::NONE); policy.rules.len()];
        for (rule, (can_be, _)) in policy.rules.iter().zip(&mut rules) {
            // One without conditions applies to every call.
            let is_bare = matches!(&rule.condition, Condition::All(parts) if parts.is_empty()) && rule.roles.is_none();
            *can_be = Outcomes { is_true: true, is_false: !is_bare, is_unknown: false };
            if rule.roles.is_some() {
                tests.insert(rule.span, (Outcomes::BOTH, Outcomes::NONE));
            }
            rule.condition.each_test(&mut |test, _| {
                let (can_be, _) = tests.entry(test.span).or_default();
                *can_be = can_be.or(possible(&test.operator));
            });
        }
        for call in self.cases.iter().filter_map(|case| case.call()) {
            if tool::is_unknown(policy, &call.tool) || call.problem(policy).is_some() {
                continue;
            }
            for at in index.about(&call.tool) {
                let (Some(rule), Some((_, seen))) = (policy.rules.get(at), rules.get_mut(at)) else { continue };
                if !tool::rule_matches(policy, rule, &call.tool) {
                    continue;
                }
                let applies = reference::each_truth(policy, &call, rule, &mut |span, truth| {
                    if let Some((_, seen)) = tests.get_mut(&span) {
                        *seen = seen.or(Outcomes::of(truth));
                    }
                });
                *seen = seen.or(Outcomes { is_true: applies, is_false: !applies, is_unknown: false });
            }
        }
        for (at, (can_be, seen)) in rules.iter_mut().enumerate() {
            let lacks = can_be.but_not(*seen);
            can_be.is_true &= !lacks.is_true || self.matters(at, false);
            can_be.is_false &= !lacks.is_false || self.matters(at, true);
        }
        self.covered(&rules, &tests)
    }

    /// Whether some call may be decided otherwise if a rule applied to every call, or to none: if not, no case can show that it
    /// does not, or that it does.
    fn matters(&self, rule: usize, applies: bool) -> bool {
        let mut other = self.checked.clone();
        if let Some(rule) = other.rules.get_mut(rule) {
            rule.condition = if applies { Condition::All(Vec::new()) } else { Condition::Any(Vec::new()) };
            rule.roles = rule.roles.take().filter(|_| !applies);
        }
        let differences = analyze::difference(&self.checked, &other);
        !differences.changes.is_empty() || !differences.undecided.is_empty()
    }

    fn covered(&self, rules: &[(Outcomes, Outcomes)], tests: &BTreeMap<Span, (Outcomes, Outcomes)>) -> Coverage {
        let lacks = |(can_be, seen): &(Outcomes, Outcomes)| can_be.but_not(*seen);
        let all = || rules.iter().chain(tests.values());
        let outcomes: usize = all().map(|(can_be, _)| can_be.count()).sum();
        let mut uncovered = Vec::new();
        for (rule, outcomes) in self.checked.rules.iter().zip(rules) {
            let id = &rule.id;
            let message = match (lacks(outcomes), outcomes.1.count()) {
                (lacks, 0) if lacks.is_true => format!("no case is about a tool of the rule `{id}`"),
                (lacks, _) if lacks.is_true => format!("the rule `{id}` applies to no case"),
                (lacks, _) if lacks.is_false => format!("the rule `{id}` applies to every case about its tools"),
                _ => continue,
            };
            uncovered.push(Diagnostic::new(Code::Uncovered, rule.span, message));
        }
        for (span, outcomes) in tests {
            let lacks = lacks(outcomes);
            // Where no case is about the rule, that says it.
            if lacks.count() == 0 || outcomes.1.count() == 0 && uncovered.iter().any(|found| found.span == *span) {
                continue;
            }
            let what = if self.checked.rules.iter().any(|rule| rule.span == *span) {
                "the test of the caller's roles is"
            } else {
                "this test is"
            };
            let lacks = if self.is_opposite(*span) {
                Outcomes { is_true: lacks.is_false, is_false: lacks.is_true, ..lacks }
            } else {
                lacks
            };
            let message = format!("{what} {} in no case", lacks.words());
            let unknown = "unknown: what it reads is missing, null or of a type that the test does not take";
            let help = lacks.is_unknown.then(|| unknown.to_owned());
            uncovered.push(Diagnostic::new(Code::Uncovered, *span, message).maybe_help(help));
        }
        uncovered.sort_by_key(|found| found.span);
        Coverage {
            rules: rules.len(),
            covered_rules: rules.iter().filter(|rule| lacks(rule).count() == 0).count(),
            outcomes,
            covered_outcomes: outcomes - all().map(|both| lacks(both).count()).sum::<usize>(),
            uncovered,
        }
    }

    /// Whether a policy writes the opposite of a test here: `ne`, `not_in`, or `exists` with `false`.
    fn is_opposite(&self, span: Span) -> bool {
        let text = self.documents().text();
        let key = text.get(span.start..span.end).unwrap_or_default().trim_matches('"');
        let operand = text.get(span.end..).unwrap_or_default().trim_start().strip_prefix(':').unwrap_or_default();
        matches!(key, "ne" | "not_in") || key == "exists" && operand.trim_start().starts_with("false")
    }
}

impl Coverage {
    /// How much is covered, in percent of the outcomes; all of it where there are none.
    #[must_use]
    pub fn percent(&self) -> f64 {
        super::percent(self.covered_outcomes, self.outcomes)
    }
}
