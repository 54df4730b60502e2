//! Cases, and what comes of them.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::Suite;
use crate::decision::{Outcome, Problem};
use crate::engine::{Assessment, Policy};
use crate::frame::{self, Part};
use crate::policy::{Decimal, Effect, Root};
use crate::reference;

/// A call, and what the policy must decide about it.
#[derive(Debug)]
pub(super) struct Case {
    pub(super) name: String,
    pub(super) text: String,
    /// The call by its parts, if not all of them are known.
    pub(super) parts: Option<Texts>,
    pub(super) expected: Expected,
}

/// What is expected of a decision. What is not there may be anything.
#[derive(Debug)]
pub(super) struct Expected {
    pub(super) decision: Effect,
    /// `Some(None)` is the expectation that no rule decides.
    pub(super) rule: Option<Option<String>>,
    pub(super) cause: Option<ExpectedCause>,
    pub(super) hint: Option<String>,
    pub(super) reason: Option<String>,
    /// What the call counts towards: for each limit the amount.
    pub(super) charges: Option<BTreeMap<String, Box<RawValue>>>,
    /// The labels that its session gets.
    pub(super) labels: Option<BTreeSet<String>>,
}

/// A whole cause, but for the words and the place of what cannot be read.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ExpectedCause {
    kind: String,
    rule: Option<String>,
    attribute: Option<String>,
    problem: Option<String>,
}

/// The texts of a call's parts, and which are not known.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Texts {
    tool: String,
    args: Option<Box<RawValue>>,
    agent: Option<Box<RawValue>>,
    resource: Option<Box<RawValue>>,
    context: Option<Box<RawValue>>,
    session: Option<Box<RawValue>>,
    /// For each part: whether it is open, or withheld.
    #[serde(skip)]
    unknown: [Option<bool>; Root::PARTS.len()],
}

impl Texts {
    pub(super) fn of(text: &str) -> Option<Self> {
        serde_json::from_str(text).ok()
    }

    pub(super) fn without(mut self, part: &str, is_open: bool) -> Option<Self> {
        let at = Root::PARTS.iter().position(|root| root.name() == part)?;
        *self.unknown.get_mut(at)? = Some(is_open);
        Some(self)
    }

    fn call(&self) -> frame::Call<'_> {
        let texts = [&self.args, &self.agent, &self.resource, &self.context, &self.session];
        let mut parts = texts.into_iter().zip(self.unknown).map(|(text, unknown)| match (unknown, text) {
            (Some(true), _) => Part::Open,
            (Some(false), _) => Part::Withheld,
            (None, Some(text)) => Part::Json(text.get().as_bytes()),
            (None, None) => Part::Absent,
        });
        let mut next = || parts.next().unwrap_or_default();
        let call = frame::Call::new(self.tool.as_str()).args(next()).agent(next());
        call.resource(next()).context(next()).session(next())
    }
}

/// What came of a case.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Ran<'s> {
    /// The name of the case.
    pub name: &'s str,
    /// Why it failed; `None` if it passed.
    #[serde(flatten)]
    pub failed: Option<Failed>,
}

/// Why a case failed. Displays as two lines.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Failed {
    /// What the case expects, in words.
    pub expected: String,
    /// What the policy decides, in words.
    pub got: String,
}

impl fmt::Display for Failed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "expected {}\ngot      {}", self.expected, self.got)
    }
}

/// What can be expected of a decision.
struct Given<'g> {
    outcome: Outcome,
    rule: Option<&'g str>,
    kind: &'static str,
    nearest: Option<&'g str>,
    attribute: Option<&'g str>,
    problem: Option<&'static str>,
    charges: BTreeMap<&'g str, String>,
    labels: BTreeSet<&'g str>,
}

impl<'g> Given<'g> {
    fn of(assessment: &'g Assessment<'_>) -> Self {
        let Assessment { decision, obligations } = assessment;
        let cause = &decision.cause;
        Self {
            outcome: decision.outcome,
            rule: decision.rule,
            kind: cause.kind.name(),
            nearest: cause.rule,
            attribute: cause.attribute,
            problem: cause.problem.map(Problem::name),
            charges: obligations.charges.iter().map(|charge| (&*charge.limit.id, charge.amount_text())).collect(),
            labels: obligations.labels.iter().copied().collect(),
        }
    }
}

impl Case {
    /// The call for the reference evaluator; `None` if it cannot be read.
    pub(super) fn call(&self) -> Option<reference::Call> {
        let call = reference::Call::read(self.text.as_bytes()).ok()?;
        let unknown = self.parts.as_ref().map(|parts| parts.unknown).unwrap_or_default();
        let parts = Root::PARTS.into_iter().zip(unknown).filter_map(|(root, unknown)| Some((root, unknown?)));
        Some(parts.fold(call, |call, (root, is_open)| {
            call.with(root, if is_open { reference::Part::Open } else { reference::Part::Withheld })
        }))
    }

    /// The call as a value, if all of it is known.
    pub(super) fn value(&self) -> Option<serde_json::Value> {
        serde_json::from_str(&self.text).ok().filter(|_| self.parts.is_none())
    }

    /// What the rules decide, and what would have to be remembered of the call: a test has no ledger.
    fn assess<'p>(&self, policy: &'p Policy) -> Assessment<'p> {
        match &self.parts {
            Some(parts) => policy.assess(&parts.call()),
            None => policy.assess_json(self.text.as_bytes()),
        }
    }

    /// Whether a policy decides as it should. Reasons and hints may differ.
    pub(super) fn is_passed_by(&self, policy: &Policy) -> bool {
        self.expected.is_met(&Given::of(&self.assess(policy)))
    }

    fn run(&self, policy: &Policy) -> Option<Failed> {
        let assessment = self.assess(policy);
        let (expected, decision) = (&self.expected, &assessment.decision);
        let given = Given::of(&assessment);
        let hint = decision.hint.map(|hint| hint.to_string());
        let has_words = expected.reason.as_ref().is_none_or(|reason| reason == decision.reason)
            && expected.hint.as_ref().is_none_or(|wanted| hint.as_ref() == Some(wanted));
        if expected.is_met(&given) && has_words {
            return None;
        }
        // Only what differs from the expectation is worth words.
        let mut failed = Failed { expected: expected.decision.name().to_owned(), got: given.outcome.name().to_owned() };
        let rule = |rule: Option<&str>| rule.map_or(" by no rule".to_owned(), |rule| format!(" by `{rule}`"));
        failed.got += &rule(given.rule);
        if let Some(wanted) = &expected.rule {
            failed.expected += &rule(wanted.as_deref());
        }
        if reference::outcome(expected.decision) == given.outcome
            && let Some(wanted) = expected.cause.as_ref().filter(|cause| !cause.is_met(&given))
        {
            failed.expected +=
                &cause(&wanted.kind, wanted.rule.as_deref(), wanted.attribute.as_deref(), wanted.problem.as_deref());
            failed.got += &cause(given.kind, given.nearest, given.attribute, given.problem);
        }
        for (wanted, got, what) in
            [(&expected.reason, Some(decision.reason), "reason"), (&expected.hint, hint.as_deref(), "hint")]
        {
            if let Some(wanted) = wanted.as_deref().filter(|wanted| Some(*wanted) != got) {
                failed.expected += &format!(", {what} {wanted:?}");
                failed.got += &got.map_or_else(|| format!(", no {what}"), |got| format!(", {what} {got:?}"));
            }
        }
        if let Some(charges) = expected.charges.as_ref().filter(|_| !expected.has_charges(&given)) {
            let wanted = charges.iter().map(|(limit, amount)| (limit.as_str(), amount.get().to_owned()));
            failed.expected += &counts(wanted);
            failed.got += &counts(given.charges.iter().map(|(limit, amount)| (*limit, amount.clone())));
        }
        if let Some(labels) = expected.labels.as_ref().filter(|_| !expected.has_labels(&given)) {
            failed.expected += &names(labels.iter().map(String::as_str));
            failed.got += &names(given.labels.iter().copied());
        }
        if expected.reason.is_none() {
            failed.got += &format!(": {}", decision.reason);
        }
        Some(failed)
    }
}

/// `, counts 20 towards "refunds"`
fn counts<'c>(charges: impl Iterator<Item = (&'c str, String)>) -> String {
    let each: Vec<String> = charges.map(|(limit, amount)| format!("{amount} towards {limit:?}")).collect();
    if each.is_empty() { ", counts towards no limit".to_owned() } else { format!(", counts {}", each.join(" and ")) }
}

/// `, labels "untrusted"`
fn names<'l>(labels: impl Iterator<Item = &'l str>) -> String {
    let each: Vec<String> = labels.map(|label| format!("{label:?}")).collect();
    if each.is_empty() { ", no labels".to_owned() } else { format!(", labels {}", each.join(" and ")) }
}

/// A cause in words: `(no_rule: nearest refund, args.amount, value)`.
fn cause(kind: &str, rule: Option<&str>, attribute: Option<&str>, problem: Option<&str>) -> String {
    let rule = rule.map(|rule| format!("nearest `{rule}`"));
    let parts = [rule.as_deref(), attribute, problem];
    let parts: Vec<&str> = parts.into_iter().flatten().collect();
    if parts.is_empty() { format!(" ({kind})") } else { format!(" ({kind}: {})", parts.join(", ")) }
}

impl Expected {
    fn is_met(&self, given: &Given<'_>) -> bool {
        reference::outcome(self.decision) == given.outcome
            && self.rule.as_ref().is_none_or(|rule| rule.as_deref() == given.rule)
            && self.cause.as_ref().is_none_or(|cause| cause.is_met(given))
            && self.has_charges(given)
            && self.has_labels(given)
    }

    fn has_charges(&self, given: &Given<'_>) -> bool {
        self.charges.as_ref().is_none_or(|wanted| {
            let is_same = |limit: &str, amount: &RawValue| {
                given.charges.get(limit).is_some_and(|given| Decimal::parse(given) == Decimal::parse(amount.get()))
            };
            wanted.len() == given.charges.len() && wanted.iter().all(|(limit, amount)| is_same(limit, amount))
        })
    }

    fn has_labels(&self, given: &Given<'_>) -> bool {
        self.labels.as_ref().is_none_or(|wanted| wanted.iter().map(String::as_str).eq(given.labels.iter().copied()))
    }
}

impl ExpectedCause {
    fn is_met(&self, given: &Given<'_>) -> bool {
        self.kind == given.kind
            && self.rule.as_deref() == given.nearest
            && self.attribute.as_deref() == given.attribute
            && self.problem.as_deref() == given.problem
    }
}

impl Suite {
    /// Judges the call of each case with the compiled policy.
    #[must_use]
    pub fn run(&self) -> Vec<Ran<'_>> {
        self.cases.iter().map(|case| Ran { name: &case.name, failed: case.run(&self.compiled) }).collect()
    }
}
