//! A deny or ask rule for many tools that tests an argument which only some of them have. A test of a missing argument
//! is unknown, and such a rule applies unless its condition is false: it denies, or asks about, the others as well.

use std::collections::{HashMap, HashSet};

use crate::diagnostic::{Code, Diagnostic, Diagnostics, quoted};
use crate::policy::{Attribute, Condition, Effect, Operator, Policy, Root, Rule, Step, Test};

/// More than so many pairs of rules and tools are not looked at.
const MAX_TRIES: usize = 1_000_000;

pub(super) fn warn(policy: &Policy, diagnostics: &mut Diagnostics) {
    let Some(tools) = &policy.tools else { return };
    let listed = tools.iter().map(String::as_str);
    let tools: Vec<&str> = listed.chain(policy.covers.requests()).collect();
    let mut left = MAX_TRIES;
    let mut read: Option<HashMap<&str, HashSet<Argument<'_>>>> = None;
    for rule in policy.rules.iter().filter(|rule| rule.effect != Effect::Allow) {
        if !rule.tools.iter().any(|pattern| pattern.text.contains('*')) {
            continue;
        }
        let Some(test) = first_argument(policy, &rule.condition) else { continue };
        left = left.saturating_sub(tools.len() * rule.tools.len());
        if left == 0 {
            return;
        }
        let read = read.get_or_insert_with(|| read_by_name(policy));
        let about: Vec<&str> =
            tools.iter().copied().filter(|tool| rule.tools.iter().any(|p| p.matches(tool))).collect();
        let has = |tool: &&&str| {
            read.get(**tool).is_some_and(|read| argument(policy, test).is_some_and(|argument| read.contains(&argument)))
        };
        let without: Vec<&&str> = about.iter().filter(|tool| !has(tool)).collect();
        // Where no rule of its own reads the argument of any tool, nothing says which tools have it.
        let (Some(first), true) = (without.first(), without.len() < about.len()) else { continue };
        let steps = argument(policy, test).unwrap_or_default().to_vec();
        let name = Attribute { root: Root::Args, steps }.to_string();
        let also = if rule.effect == Effect::Ask { "asks about" } else { "denies" };
        let message = format!(
            "this also {also} calls without {}, such as calls to {}: a test of a missing attribute is not false",
            quoted(&name),
            quoted(first)
        );
        let help = format!("list the tools that have it, or add `\"{name}\": {{\"exists\": true}}`");
        diagnostics.push(Diagnostic::new(Code::DeniesWithout, test.span, message).help(help));
    }
}

/// The first test of an argument that is unknown where that is missing; none where the rule asks whether it is there.
fn first_argument<'p>(policy: &Policy, condition: &'p Condition) -> Option<&'p Test> {
    let mut tests = Vec::new();
    each(condition, &mut |test| tests.push(test));
    if tests.iter().any(|test| matches!(test.operator, Operator::Exists | Operator::Type(_))) {
        return None;
    }
    tests.into_iter().find(|test| argument(policy, test).is_some())
}

/// An argument of a call, whatever is read off it.
type Argument<'p> = &'p [Step];

fn argument<'p>(policy: &'p Policy, test: &Test) -> Option<Argument<'p>> {
    let attribute = policy.attributes.get(test.attribute).filter(|attribute| attribute.root == Root::Args)?;
    attribute.steps.split(|step| !matches!(step, Step::Key(_))).next()
}

/// What rules that name a tool read of its calls.
fn read_by_name(policy: &Policy) -> HashMap<&str, HashSet<Argument<'_>>> {
    let mut read: HashMap<&str, HashSet<Argument<'_>>> = HashMap::new();
    let names = |rule: &Rule| !rule.tools.iter().any(|pattern| pattern.text.contains('*'));
    for rule in policy.rules.iter().filter(|rule| names(rule)) {
        for tool in &rule.tools {
            let of_tool = read.entry(&tool.text).or_default();
            each(&rule.condition, &mut |test| of_tool.extend(argument(policy, test)));
        }
    }
    read
}

fn each<'p>(condition: &'p Condition, see: &mut impl FnMut(&'p Test)) {
    match condition {
        Condition::All(parts) | Condition::Any(parts) => parts.iter().for_each(|part| each(part, see)),
        Condition::Not(inner) => each(inner, see),
        Condition::Test(test) => see(test),
    }
}
