//! The tools that a question has to be asked about: those with names, and one for each set of patterns that some other name
//! matches.

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use std::rc::Rc;

use crate::policy::{Attribute, Operand, Operator, Policy, Root, Test, Value};
use crate::reference::tool;

/// The most steps in the search for other names, and the most of them times the number of patterns.
const MOST_STEPS: usize = 20_000;
const MOST_WORK: usize = 2_000_000;

/// A tool, or any tool of several that are judged by the same rules.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Tool {
    /// Its name, or that of one of them.
    pub(super) name: String,
    /// If it may be any other: what its name matches and what not.
    pub(super) others: Option<Others>,
}

/// The names that match some patterns and not others.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Others {
    /// Patterns as expressions, and whether the names match.
    pub(super) patterns: Vec<(String, bool)>,
    /// The names that have rules of their own.
    pub(super) taken: Rc<BTreeSet<String>>,
}

/// Tools so that every call of any tool is judged by the same rules as a call of one of these; and whether some may be missing.
pub(super) fn tools(policies: &[&Policy]) -> (Vec<Tool>, bool) {
    let mut asked = Asked::default();
    for policy in policies {
        asked.named.extend(policy.tools.iter().flatten().cloned());
        asked.named.extend(policy.covers.names().map(str::to_owned));
        for rule in &policy.rules {
            rule.tools.iter().for_each(|pattern| asked.add(&pattern.text));
            rule.condition.each_test(&mut |test, _| asked.test(policy, test));
        }
    }
    let Asked { named, patterns } = asked;
    let mut tools: Vec<Tool> = named.iter().map(|name| Tool { name: name.clone(), others: None }).collect();
    if !policies.iter().any(|policy| policy.tools.is_none()) {
        return (tools, false);
    }
    let texts: Vec<&str> = patterns.iter().map(String::as_str).collect();
    let (others, is_cut) = others(&texts, &named);
    let taken = Rc::new(named);
    tools.extend(others.into_iter().map(|name| {
        let expression = |text: &&str| text.split('*').map(regex_syntax::escape).collect::<Vec<_>>().join(".*");
        let patterns = texts.iter().map(|text| (expression(text), tool::matches(text, &name))).collect();
        Tool { name, others: Some(Others { patterns, taken: taken.clone() }) }
    }));
    (tools, is_cut)
}

/// What is asked about the names of tools.
#[derive(Default)]
struct Asked {
    named: BTreeSet<String>,
    patterns: BTreeSet<String>,
}

impl Asked {
    fn add(&mut self, pattern: &str) {
        if pattern.contains('*') {
            self.patterns.insert(pattern.to_owned());
        } else {
            self.named.insert(pattern.to_owned());
        }
    }

    /// Adds what a test asks about the tool's name.
    fn test(&mut self, policy: &Policy, test: &Test) {
        let is_tool = |attribute: &Attribute| attribute.root == Root::Tool;
        if !policy.attributes.get(test.attribute).is_some_and(is_tool) {
            return;
        }
        let literal = |operand: &Operand| match operand {
            Operand::Literal(Value::String(text)) if !text.contains('*') => Some(text.clone()),
            _ => None,
        };
        // Names that a policy tests for may be those of tools.
        match &test.operator {
            Operator::Eq(operand) => literal(operand).into_iter().for_each(|text| self.add(&text)),
            Operator::In(values) | Operator::Presumed(values) => {
                let texts = values.iter().filter_map(|value| literal(&Operand::Literal(value.clone())));
                texts.for_each(|text| self.add(&text));
            }
            _ => {}
        }
    }
}

/// Where a name is in a pattern: after which of its characters. A `*` is one that may be passed and may repeat.
type Places = BTreeSet<usize>;

/// The shortest name for each set of patterns that some name matches, but for names that are taken.
fn others(patterns: &[&str], taken: &BTreeSet<String>) -> (Vec<String>, bool) {
    let patterns: Vec<Vec<char>> = patterns.iter().map(|pattern| pattern.chars().collect()).collect();
    // All characters that no pattern has lead to the same, and one more than a name has of them leads away from it.
    let mut letters: Vec<char> = patterns.iter().flatten().copied().filter(|c| *c != '*').collect();
    letters.extend(('a'..='z').find(|c| !letters.contains(c)));
    letters.sort_unstable();
    letters.dedup();
    let start: Vec<Places> = patterns.iter().map(|pattern| passed(pattern, BTreeSet::from([0]))).collect();
    let mut found: BTreeMap<Vec<bool>, String> = BTreeMap::new();
    // A name that is taken does not count, so a state may be reached again by another.
    let mut seen: HashMap<Vec<Places>, usize> = HashMap::new();
    let mut queue = VecDeque::from([(start, String::new())]);
    let most = MOST_STEPS.min(MOST_WORK / patterns.len().max(1));
    let mut steps = 0;
    while let Some((state, name)) = queue.pop_front() {
        let matches: Vec<bool> =
            state.iter().zip(&patterns).map(|(places, pattern)| places.contains(&pattern.len())).collect();
        if !name.is_empty() && !taken.contains(&name) && matches.contains(&true) {
            found.entry(matches).or_insert_with(|| name.clone());
        }
        for letter in &letters {
            let next: Vec<Places> =
                state.iter().zip(&patterns).map(|(places, pattern)| step(pattern, places, *letter)).collect();
            if next.iter().all(BTreeSet::is_empty) {
                continue;
            }
            let times = seen.entry(next.clone()).or_default();
            if *times > 1 {
                continue;
            }
            *times += 1;
            steps += 1;
            if steps > most {
                return (found.into_values().collect(), true);
            }
            queue.push_back((next, format!("{name}{letter}")));
        }
    }
    // And one that no pattern matches, unless there is a pattern that all names match.
    let matches_all = |pattern: &Vec<char>| pattern.iter().all(|c| *c == '*');
    if patterns.iter().any(matches_all) {
        return (found.into_values().collect(), false);
    }
    let texts: Vec<String> = patterns.iter().map(|pattern| pattern.iter().collect()).collect();
    let is_free = |name: &String| !taken.contains(name) && !texts.iter().any(|text| tool::matches(text, name));
    let free = (0..MOST_STEPS).map(|number| format!("tool{number}")).find(is_free);
    (found.into_values().chain(free).collect(), false)
}

/// The places with those behind a `*` that may be empty.
fn passed(pattern: &[char], mut places: Places) -> Places {
    let mut at = 0;
    while at < pattern.len() {
        if places.contains(&at) && pattern.get(at) == Some(&'*') {
            places.insert(at + 1);
        }
        at += 1;
    }
    places
}

fn step(pattern: &[char], places: &Places, letter: char) -> Places {
    let next = places.iter().filter_map(|place| match pattern.get(*place) {
        Some('*') => Some(*place),
        Some(c) if *c == letter => Some(place + 1),
        _ => None,
    });
    passed(pattern, next.collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_set_of_patterns_has_a_name() {
        let taken = BTreeSet::from(["read".to_owned(), "a".to_owned()]);
        let (found, is_cut) = others(&["read*", "*write", "*"], &taken);
        assert!(!is_cut);
        let sets: BTreeSet<Vec<bool>> = found
            .iter()
            .map(|name| ["read*", "*write", "*"].iter().map(|pattern| tool::matches(pattern, name)).collect())
            .collect();
        let all = [[true, false, true], [false, true, true], [true, true, true], [false, false, true]];
        assert_eq!(sets, all.iter().map(|set| set.to_vec()).collect());
        assert!(found.iter().all(|name| !taken.contains(name)), "{found:?}");
    }
}
