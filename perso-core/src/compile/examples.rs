//! Runs the examples that rules give.
//!
//! The reference evaluator judges them, not the module: an example is a claim about what the policy means, and the
//! reference tells that most plainly, by itself, and with more to say about a call that it cannot read. That the module
//! decides the same is tested for every kind of policy and call, so a run of the module here would prove it only once
//! more, and would make the compiler depend on an engine.

use crate::check::Example;
use crate::decision::{CauseKind, Outcome};
use crate::describe;
use crate::diagnostic::{Code, Diagnostic, Diagnostics};
use crate::policy::{Places, Policy, Rule, RuleIndex};
use crate::reference::{self, Call, Conclusion};

/// What is wrong with the examples: an error for each that gets another decision than it states, or is not a valid call.
pub(super) fn run(policy: &Policy, examples: &[Example]) -> Vec<Diagnostic> {
    let mut errors = Diagnostics::default();
    if !examples.is_empty() {
        let mut narrow = Narrow::new(policy);
        for example in examples {
            if let Err(error) = narrow.run(example) {
                errors.push(error);
            }
        }
    }
    errors.finish()
}

/// A policy with only the rules that can matter for one tool. The reference evaluator looks at every rule for every
/// call, and a policy of thousands of rules has thousands of examples.
struct Narrow<'p> {
    whole: &'p Policy,
    rules: RuleIndex<'p>,
    /// The tool that `policy` is for.
    tool: Option<String>,
    policy: Policy,
}

impl<'p> Narrow<'p> {
    fn new(whole: &'p Policy) -> Self {
        let policy = Policy {
            description: None,
            default: whole.default,
            roles: whole.roles.clone(),
            tools: None,
            covers: whole.covers,
            rules: Vec::new(),
            obligations: Vec::new(),
            attributes: whole.attributes.clone(),
            sums: whole.sums.clone(),
            places: Places::default(),
        };
        Self { whole, rules: RuleIndex::new(whole), tool: None, policy }
    }

    fn for_tool(&mut self, tool: &str) -> &Policy {
        if self.tool.as_deref() != Some(tool) {
            let rules = self.rules.about(tool);
            self.policy.rules = rules.into_iter().filter_map(|rule| self.whole.rules.get(rule)).cloned().collect();
            let listed = |tools: &Vec<String>| tools.iter().filter(|listed| *listed == tool).cloned().collect();
            self.policy.tools = self.whole.tools.as_ref().map(listed);
            self.tool = Some(tool.to_owned());
        }
        &self.policy
    }

    fn run(&mut self, example: &Example) -> Result<(), Diagnostic> {
        let no_call = |detail: &str| {
            Diagnostic::new(Code::Example, example.span, format!("the example is not a valid call: {detail}"))
        };
        let call = Call::read(example.call.as_bytes()).map_err(|problem| no_call(&problem.to_string()))?;
        let policy = self.for_tool(&call.tool);
        let verdict = reference::decide(policy, &call);
        let judged = !matches!(verdict.cause, CauseKind::Malformed | CauseKind::Limit);
        if judged && verdict.outcome == reference::outcome(example.expected) {
            return Ok(());
        }
        let conclusion = reference::trace(policy, &call).conclusion;
        if !judged {
            return Err(no_call(conclusion.detail.as_deref().unwrap_or_default()));
        }
        let message = format!("expected {}, found {conclusion}", example.expected.name());
        let error = Diagnostic::new(Code::Example, example.span, message);
        Err(match decider(policy, &conclusion) {
            Some((rule, role)) => error.label(rule.span, role).maybe_help(told(policy, rule, &conclusion)),
            None => error,
        })
    }
}

/// The rule that decided, or that came nearest.
fn decider<'p>(policy: &'p Policy, conclusion: &Conclusion) -> Option<(&'p Rule, &'static str)> {
    let find = |id: &Option<String>| policy.rules.iter().find(|rule| id.as_ref() == Some(&rule.id));
    let decided = find(&conclusion.rule).map(|rule| (rule, "this rule decides"));
    decided.or_else(|| find(&conclusion.nearest).map(|rule| (rule, "the nearest rule")))
}

/// The decision's reason, where it says more than that the rule applies.
fn told(policy: &Policy, rule: &Rule, conclusion: &Conclusion) -> Option<String> {
    let written = || match conclusion.outcome {
        Outcome::Allow => None,
        Outcome::Ask => Some(describe::approval(policy, rule)),
        Outcome::Deny => Some(describe::requirement(policy, rule)),
    };
    rule.reason.clone().or_else(written).map(|reason| format!("reason: {reason}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::check;

    /// What is left out for a tool makes no difference, confusing keys and unknown tools included.
    #[test]
    fn a_narrow_policy_decides_as_the_whole() {
        let rules = r#"[
            { "id": "read", "allow": "read", "when": { "args.a": 1 } },
            { "id": "any-read", "allow": "read*", "when": { "args.b": 1 } },
            { "id": "no-write", "deny": ["write", "*write"], "when": { "args.c": 1 } },
            { "id": "write", "allow": ["write", "save"] }
        ]"#;
        for tools in ["", r#""tools": ["read", "readme", "write", "save"],"#] {
            let whole = check(&format!(r#"{{ "perso": 1, {tools} "rules": {rules} }}"#)).policy.unwrap();
            let mut narrow = Narrow::new(&whole);
            for tool in ["read", "readme", "read", "write", "overwrite", "save", "other", "", "*write"] {
                for args in [r#"{"a": 1}"#, r#"{"A": 1}"#, r#"{"b": 1}"#, r#"{"B": 1}"#, r#"{"c": 2}"#, r#"{"C": 1}"#] {
                    let text = format!(r#"{{"tool": "{tool}", "args": {args}}}"#);
                    let call = Call::read(text.as_bytes()).unwrap();
                    let (narrow, whole) = (narrow.for_tool(tool), &whole);
                    let (narrow, whole) = (reference::trace(narrow, &call), reference::trace(whole, &call));
                    assert_eq!(narrow.conclusion, whole.conclusion, "{tools} {text}");
                }
            }
        }
    }
}
