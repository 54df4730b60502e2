//! Which rules are about which tools of the server.

use std::cell::Cell;
use std::collections::HashSet;

use super::{Catalog, Tool};
use crate::documents::Documents;
use crate::policy::{Attribute, Condition, Effect, Policy, Root, Rule, Step, ToolIndex, ToolPattern};
use crate::span::Span;

/// The most pairs of rules and tools, and the most tests of tools, that are looked at.
const MAX_TRIES: usize = 4_000_000;

/// A policy, or its guarantees, and the tools that they are about.
pub(super) struct Scope<'c> {
    pub(super) policy: &'c Policy,
    /// Whether these are rules, not guarantees.
    pub(super) is_policy: bool,
    pub(super) catalog: &'c Catalog,
    documents: &'c Documents,
    /// The tools, by name.
    pub(super) tools: Vec<(&'c str, &'c Tool)>,
    /// For each rule, the tools that it is about, ascending.
    pub(super) tools_of: Vec<Vec<usize>>,
    /// For each tool, the rules that are about it, ascending.
    pub(super) rules_of: Vec<Vec<usize>>,
    /// The patterns that match a tool.
    pub(super) matching: HashSet<&'c str>,
    /// How many more tests of tools are looked at.
    left: Cell<usize>,
}

impl<'c> Scope<'c> {
    /// `None` if there are too many pairs of rules and tools.
    pub(super) fn new(
        policy: &'c Policy,
        is_policy: bool,
        catalog: &'c Catalog,
        documents: &'c Documents,
    ) -> Option<Self> {
        let mut index = ToolIndex::default();
        let mut by_pattern: Vec<(&str, Vec<usize>)> = Vec::new();
        for (number, rule) in policy.rules.iter().enumerate() {
            for pattern in &rule.tools {
                let id = index.insert(&pattern.text);
                if id == by_pattern.len() {
                    by_pattern.push((&pattern.text, Vec::new()));
                }
                by_pattern.get_mut(id).into_iter().for_each(|(_, rules)| rules.push(number));
            }
        }
        let known: Option<HashSet<&str>> =
            policy.tools.as_ref().map(|tools| tools.iter().map(String::as_str).collect());
        let tools: Vec<(&str, &Tool)> = catalog.tools.iter().map(|(name, tool)| (name.as_str(), tool)).collect();
        let mut tools_of = vec![Vec::new(); policy.rules.len()];
        let (mut rules_of, mut matching) = (Vec::with_capacity(tools.len()), HashSet::new());
        let mut left = MAX_TRIES;
        for (number, (name, _)) in tools.iter().enumerate() {
            let mut rules = Vec::new();
            if known.as_ref().is_none_or(|known| known.contains(name)) {
                for (pattern, about) in index.matching(name).filter_map(|id| by_pattern.get(id)) {
                    left = left.checked_sub(about.len())?;
                    matching.insert(*pattern);
                    rules.extend_from_slice(about);
                }
            }
            rules.sort_unstable();
            rules.dedup();
            for rule in &rules {
                tools_of.get_mut(*rule).into_iter().for_each(|tools: &mut Vec<usize>| tools.push(number));
            }
            rules_of.push(rules);
        }
        Some(Self {
            policy,
            is_policy,
            catalog,
            documents,
            tools,
            tools_of,
            rules_of,
            matching,
            left: Cell::new(MAX_TRIES),
        })
    }

    /// Whether one more test of a tool may be looked at.
    pub(super) fn spend(&self) -> bool {
        self.left.set(self.left.get().saturating_sub(1));
        !self.is_spent()
    }

    /// Whether not all tests could be looked at.
    pub(super) fn is_spent(&self) -> bool {
        self.left.get() == 0
    }

    /// Whether something is in the main document: others are shared with policies for other servers.
    pub(super) fn is_own(&self, span: Span) -> bool {
        self.documents.at(span.start) == self.documents.main()
    }

    /// Where a finding is that is about no place of the text.
    pub(super) fn start(&self) -> Span {
        start(self.documents)
    }

    /// The rules that are about a tool.
    pub(super) fn rules(&self, tool: usize) -> impl Iterator<Item = (usize, &'c Rule)> {
        let rules = self.rules_of.get(tool).into_iter().flatten();
        rules.filter_map(|number| Some((*number, self.policy.rules.get(*number)?)))
    }

    /// The tools that a rule is about.
    pub(super) fn tools(&self, rule: usize) -> impl Iterator<Item = (usize, &'c str, &'c Tool)> {
        let tools = self.tools_of.get(rule).into_iter().flatten();
        tools.filter_map(|number| self.tools.get(*number).map(|(name, tool)| (*number, *name, *tool)))
    }

    /// The rule that lets calls of a tool through, if one does.
    pub(super) fn lets_through(&self, tool: usize) -> Option<&'c Rule> {
        self.rules(tool).map(|(_, rule)| rule).find(|rule| rule.effect != Effect::Deny)
    }

    /// Whether a rule denies every call of a tool, or asks about it.
    pub(super) fn is_held_back(&self, tool: usize) -> bool {
        self.rules(tool).any(|(_, rule)| {
            let is_always = matches!(&rule.condition, Condition::All(parts) if parts.is_empty());
            rule.effect != Effect::Allow && rule.roles.is_none() && is_always
        })
    }
}

/// The pattern of a rule that matches a tool; a name before a pattern with a `*`.
pub(super) fn pattern<'r>(rule: &'r Rule, tool: &str) -> Option<&'r ToolPattern> {
    let named = rule.tools.iter().find(|pattern| pattern.text == tool);
    named.or_else(|| rule.tools.iter().find(|pattern| pattern.matches(tool)))
}

/// The keys and elements that lead to an argument, without what is read off it. `None` for what is no single argument.
pub(super) fn path(attribute: &Attribute) -> Option<&[Step]> {
    let end = attribute.steps.iter().position(|step| matches!(step, Step::Facet(_))).unwrap_or(attribute.steps.len());
    attribute.steps.get(..end).filter(|path| attribute.root == Root::Args && !path.is_empty())
}

/// An argument, as an author writes it.
pub(super) fn shown(path: &[Step]) -> String {
    Attribute { root: Root::Args, steps: path.to_vec() }.to_string()
}

/// The start of the main document.
pub(super) fn start(documents: &Documents) -> Span {
    let start = documents.places().last().map_or(0, |(start, _)| start);
    Span { start, end: start + 1 }
}

/// The first of some names in backticks, and how many more there are.
pub(super) fn names<'n>(names: impl IntoIterator<Item = &'n str>) -> String {
    const SHOWN: usize = 12;
    let names: Vec<&str> = names.into_iter().collect();
    let shown: Vec<String> = names.iter().take(SHOWN).map(|name| crate::diagnostic::quoted(name)).collect();
    match names.len().saturating_sub(SHOWN) {
        0 => shown.join(", "),
        more => format!("{} and {more} more", shown.join(", ")),
    }
}
