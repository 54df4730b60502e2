//! Arguments that an allow rule leaves open: strings that look dangerous, and other arguments of a rule that tests some.

use std::collections::{BTreeMap, HashSet};

use super::look::{Look, dangerous};
use super::scope::{Scope, names, path, pattern, shown};
use crate::diagnostic::{Code, Diagnostic, Diagnostics, quoted};
use crate::policy::{Attribute, Compared, Effect, Facet, Operator, Policy, Root, Rule, Step};

/// What the tests of a rule look at.
#[derive(Default)]
struct Tested {
    /// Arguments, and what is in them.
    places: HashSet<Vec<Step>>,
    /// The arguments of which anything is tested.
    keys: HashSet<String>,
    /// Every argument at once.
    is_all: bool,
    /// Which arguments there are.
    is_closed: bool,
    /// What the host has looked up by the arguments.
    has_resource: bool,
}

impl Tested {
    fn of(policy: &Policy, rule: &Rule) -> Self {
        let mut tested = Self::default();
        rule.condition.each_test(&mut |test, _| {
            let compared = match test.compared() {
                Compared::Attribute(id) => Some(id),
                _ => None,
            };
            for attribute in
                [Some(test.attribute), compared].into_iter().flatten().filter_map(|id| policy.attributes.get(id))
            {
                if let Some([Step::Key(key), ..]) = path(attribute) {
                    tested.keys.insert(key.clone());
                }
                match &test.operator {
                    Operator::Only(_) => tested.is_closed |= attribute.root == Root::Args && attribute.steps.is_empty(),
                    Operator::Exists | Operator::Type(_) => {}
                    _ => tested.add(attribute),
                }
            }
        });
        tested
    }

    fn add(&mut self, attribute: &Attribute) {
        self.has_resource |= attribute.root == Root::Resource;
        self.is_all |= attribute.root == Root::Args && attribute.is_every_string();
        if let Some(path) = path(attribute)
            && !matches!(attribute.facet(), Some(Facet::Length | Facet::Count))
        {
            self.places.insert(trimmed(path).to_vec());
        }
    }

    fn has(&self, place: &[Step]) -> bool {
        self.is_all || self.places.contains(trimmed(place))
    }
}

/// A test of a list is one of its elements, and the other way round.
fn trimmed(place: &[Step]) -> &[Step] {
    let end = place.iter().rposition(|step| *step != Step::Element).map_or(0, |last| last + 1);
    place.get(..end).unwrap_or(place)
}

pub(super) fn find(scope: &Scope<'_>, diagnostics: &mut Diagnostics) {
    let tested: Vec<Tested> = scope.policy.rules.iter().map(|rule| Tested::of(scope.policy, rule)).collect();
    // For each rule and argument, the first tool, and how many others.
    let mut open: BTreeMap<(usize, Vec<Step>), (usize, Look, usize)> = BTreeMap::new();
    let mut others: BTreeMap<usize, (usize, Vec<&str>)> = BTreeMap::new();
    for (number, (name, tool)) in scope.tools.iter().enumerate() {
        if scope.is_held_back(number) || scope.lets_through(number).is_none() {
            continue;
        }
        let looks = dangerous(name, tool);
        let arguments = tool.schema().arguments();
        let beside: Vec<&Tested> = scope
            .rules(number)
            .filter(|(_, rule)| rule.effect != Effect::Allow)
            .filter_map(|(rule, _)| tested.get(rule))
            .collect();
        for (rule, _) in scope.rules(number).filter(|(_, rule)| rule.effect == Effect::Allow) {
            let Some(own) = tested.get(rule) else { continue };
            if !own.has_resource {
                let is_open = |place: &[Step]| !own.has(place) && !beside.iter().any(|tested| tested.has(place));
                for (place, look) in looks.iter().filter(|(place, _)| is_open(place)) {
                    let found = open.entry((rule, place.clone())).or_insert((number, *look, 0));
                    found.2 += usize::from(found.0 != number);
                }
            }
            let is_closed = own.is_closed || beside.iter().any(|tested| tested.is_closed);
            // A rule that tests no argument of the tool does not mean to choose among its calls.
            let is_choosy = arguments.iter().any(|key| own.keys.contains(*key));
            if !is_closed && !own.is_all && is_choosy && !others.contains_key(&rule) {
                let untested = |key: &&str| {
                    let is_tested = own.keys.contains(*key) || beside.iter().any(|tested| tested.keys.contains(*key));
                    // Those that look dangerous have findings of their own.
                    !is_tested && !looks.iter().any(|(place, _)| is_in(place, key))
                };
                let untested: Vec<&str> = arguments.iter().copied().filter(untested).collect();
                if !untested.is_empty() {
                    others.insert(rule, (number, untested));
                }
            }
        }
    }
    for ((rule, place), (tool, look, more)) in open {
        let (Some(rule), Some((name, _))) = (scope.policy.rules.get(rule), scope.tools.get(tool)) else { continue };
        let argument = shown(trimmed(&place));
        let tool = match more {
            0 => quoted(name),
            1 => format!("{} and 1 other tool", quoted(name)),
            _ => format!("{} and {more} other tools", quoted(name)),
        };
        let message = format!(
            "the rule {} allows {tool} with any {}, which looks like {}",
            quoted(&rule.id),
            quoted(&argument),
            look.words()
        );
        let is_list = place.last() == Some(&Step::Element);
        let test = if is_list { format!("{{\"every\": {}}}", look.test()) } else { look.test().to_owned() };
        let inside = trimmed(&place).contains(&Step::Element);
        let help = if inside {
            format!("test it with `every`, by `{test}`")
        } else {
            format!("test it, for example by `\"{argument}\": {test}`")
        };
        let span = pattern(rule, name).map_or(rule.span, |pattern| pattern.span);
        diagnostics.push(Diagnostic::new(Code::OpenArgument, span, message).help(help));
    }
    for (rule, (tool, untested)) in others {
        let (Some(rule), Some((name, tool))) = (scope.policy.rules.get(rule), scope.tools.get(tool)) else { continue };
        let untested = names(untested);
        let message = format!("the rule {} allows {} with any {untested}", quoted(&rule.id), quoted(name));
        let known = tool.schema().arguments();
        let keys: Vec<String> = known.iter().take(12).map(|key| serde_json::Value::from(*key).to_string()).collect();
        let help =
            format!("if that is meant, list what calls may have: `\"args\": {{\"only\": [{}]}}`", keys.join(", "));
        let span = pattern(rule, name).map_or(rule.span, |pattern| pattern.span);
        diagnostics.push(Diagnostic::new(Code::OtherArguments, span, message).help(help));
    }
}

/// Whether a place is an argument, or is in it.
fn is_in(place: &[Step], argument: &str) -> bool {
    matches!(place.first(), Some(Step::Key(key)) if key == argument)
}
