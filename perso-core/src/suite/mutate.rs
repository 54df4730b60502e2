//! Which changes of a policy the cases notice.

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use super::Suite;
use super::case::Case;
use super::edit::Edit;
use super::near;
use crate::analyze::{self, Change, Decided, Differences, Kind};
use crate::compile;
use crate::decision::Decision;
use crate::diagnostic::{Code, Diagnostic};
use crate::engine::Policy;
use crate::policy::RuleIndex;
use crate::reference::tool;

/// How many changes of a policy the cases of a suite notice.
///
/// A mutant is the policy with one small change: a bound or an operator that is another one, a test, a role, a tool or a rule that is
/// left out. A case notices it if it fails. Mutants that decide every call as the policy does are left out: nothing could notice them.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Mutation {
    /// How many mutants there are that decide some call otherwise.
    pub mutants: usize,
    /// How many of them a case notices.
    pub noticed: usize,
    /// Of how many more it could not be found out whether they decide some call otherwise.
    pub undecided: usize,
    /// The others, in the order of the policy's text.
    pub unnoticed: Vec<Mutant>,
}

/// A change that no case notices.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Mutant {
    /// What the change is and where, of the kind [`Code::Unnoticed`].
    pub finding: Diagnostic,
    /// A call that the change lets the policy decide otherwise, as JSON text: what a new case can have.
    pub call: String,
}

impl Mutation {
    /// The mutation score: how many of the mutants are noticed, in percent; all where there are none.
    #[must_use]
    pub fn score(&self) -> f64 {
        super::percent(self.noticed, self.mutants)
    }
}

/// What came of a mutant.
enum Fate {
    Noticed,
    Same,
    Undecided,
    Unnoticed(Box<Mutant>),
}

impl Suite {
    /// Changes the policy in one place at a time, and finds out whether a case notices it. `progress` hears how many of
    /// how many changes have been tried; where it breaks off, no more of them are.
    #[must_use]
    pub fn mutate(&self, progress: &(dyn Fn(usize, usize) -> ControlFlow<()> + Sync)) -> Mutation {
        let cases = Cases::new(self);
        let edits = Edit::all(&self.checked);
        let (next, done) = (AtomicUsize::new(0), AtomicUsize::new(0));
        let fates = Mutex::new(BTreeMap::new());
        let work = || {
            while let Some((at, edit)) =
                Some(next.fetch_add(1, Ordering::Relaxed)).and_then(|at| Some((at, edits.get(at)?)))
            {
                let fate = cases.fate(edit);
                if let Ok(mut fates) = fates.lock() {
                    fates.insert(at, fate);
                }
                if progress(done.fetch_add(1, Ordering::Relaxed) + 1, edits.len()).is_break() {
                    next.store(edits.len(), Ordering::Relaxed);
                }
            }
        };
        let threads = thread::available_parallelism().map_or(1, usize::from);
        thread::scope(|scope| (0..threads).for_each(|_| drop(scope.spawn(work))));
        let mut mutation = Mutation { mutants: 0, noticed: 0, undecided: 0, unnoticed: Vec::new() };
        for fate in fates.into_inner().unwrap_or_default().into_values() {
            match fate {
                Fate::Noticed => mutation.noticed += 1,
                Fate::Same => {}
                Fate::Undecided => mutation.undecided += 1,
                Fate::Unnoticed(mutant) => mutation.unnoticed.push(*mutant),
            }
        }
        mutation.unnoticed.sort_by_key(|mutant| mutant.finding.span);
        mutation.mutants = mutation.noticed + mutation.unnoticed.len();
        mutation
    }
}

/// The cases by their tools, but for those that the policy does not pass, or cannot read.
struct Cases<'s> {
    suite: &'s Suite,
    index: RuleIndex<'s>,
    by_tool: BTreeMap<String, Vec<&'s Case>>,
}

impl<'s> Cases<'s> {
    fn new(suite: &'s Suite) -> Self {
        let index = RuleIndex::new(&suite.checked);
        let mut by_tool: BTreeMap<String, Vec<&Case>> = BTreeMap::new();
        for case in suite.cases.iter().filter(|case| case.is_passed_by(&suite.compiled)) {
            if let Some(call) = case.call() {
                by_tool.entry(call.tool).or_default().push(case);
            }
        }
        Self { suite, index, by_tool }
    }

    fn fate(&self, edit: &Edit) -> Fate {
        let policy = &self.suite.checked;
        let mutant = edit.apply(policy);
        let rules = edit.rules(policy);
        let mut affected = Vec::new();
        for (name, cases) in &self.by_tool {
            let is_about =
                |at: &usize| policy.rules.get(*at).is_some_and(|rule| tool::rule_matches(policy, rule, name));
            // The default decides about tools that no rule is about, too.
            if rules.iter().any(is_about) || mutant.default != policy.default {
                // What a change makes too large to be compiled is noticed when it is compiled.
                let compiled = compile::policy(&self.index.narrow_as(&mutant, name), self.suite.documents());
                let Some(compiled) = compiled else { return Fate::Noticed };
                if cases.iter().any(|case| !case.is_passed_by(&compiled)) {
                    return Fate::Noticed;
                }
                affected.push((name.as_str(), compiled));
            }
        }
        let differences = match self.near_a_case(edit, &affected) {
            Some(change) => Differences { changes: vec![change], undecided: Vec::new() },
            None => analyze::difference(policy, &mutant),
        };
        match differences.changes.into_iter().next() {
            Some(change) => {
                let message = format!("no case notices it if {}", edit.words(policy));
                let Kind { new, old, .. } = change.kind;
                let help = format!("this call would get {new} instead of {old}: {}", change.call);
                let finding = Diagnostic::new(Code::Unnoticed, edit.span, message).help(help);
                Fate::Unnoticed(Box::new(Mutant { finding, call: change.call }))
            }
            None if differences.undecided.is_empty() => Fate::Same,
            None => Fate::Undecided,
        }
    }

    /// A call that a change lets the policy decide otherwise, made of the call of a case by putting a string of the changed test
    /// in place of one of its words. For tests of shell lines, this is much faster than the analysis.
    fn near_a_case(&self, edit: &Edit, affected: &[(&str, Policy)]) -> Option<Change> {
        let strings = edit.strings(&self.suite.checked);
        let decided =
            |decision: &Decision<'_>| Decided { outcome: decision.outcome, rule: decision.rule.map(str::to_owned) };
        for (tool, compiled) in affected {
            let calls = self.by_tool.get(*tool).into_iter().flatten().filter_map(|case| case.value());
            let calls = calls.flat_map(|call| strings.iter().map(move |string| (call.clone(), string)));
            for call in calls.flat_map(|(call, string)| near::calls(&call, string)) {
                let old = self.suite.compiled.assess_json(call.as_bytes()).decision;
                let new = compiled.assess_json(call.as_bytes()).decision;
                if old.outcome != new.outcome {
                    let kind = Kind { tool: (*tool).to_owned(), old: decided(&old), new: decided(&new) };
                    return Some(Change { kind, call });
                }
            }
        }
        None
    }
}
