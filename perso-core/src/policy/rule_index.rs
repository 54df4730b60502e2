//! Which rules and obligations are about a tool, without trying each.

use std::collections::HashSet;

use super::{Policy, ToolIndex, ToolPattern};
use crate::covers::request;

/// The rules and the obligations of a policy by the tools that they are about. Here, the numbers of obligations follow those of
/// the rules.
#[derive(Debug)]
pub(crate) struct RuleIndex<'p> {
    policy: &'p Policy,
    patterns: ToolIndex<'p>,
    /// For each pattern, the rules that have it, ascending.
    by_pattern: Vec<Vec<usize>>,
    /// The tools that the policy lists; without a list, those that a rule names. The requests that it covers, too.
    tools: HashSet<&'p str>,
    /// The rules that have a pattern with a `*`, ascending.
    with_wildcard: Vec<usize>,
}

/// What is asked about a call to a tool, ascending.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub(crate) struct About {
    pub(crate) rules: Vec<usize>,
    pub(crate) obligations: Vec<usize>,
}

impl<'p> RuleIndex<'p> {
    pub(crate) fn new(policy: &'p Policy) -> Self {
        let mut patterns = ToolIndex::default();
        let mut by_pattern: Vec<Vec<usize>> = Vec::new();
        let listed = policy.tools.iter().flatten().map(String::as_str);
        let mut tools: HashSet<&str> = listed.chain(policy.covers.names()).collect();
        let mut with_wildcard = Vec::new();
        for (index, rule) in policy.scopes().enumerate() {
            for pattern in &rule.tools {
                let id = patterns.insert(&pattern.text);
                by_pattern.resize_with(patterns.len(), Vec::new);
                by_pattern.get_mut(id).into_iter().for_each(|rules| rules.push(index));
                if policy.tools.is_none() && !pattern.is_wildcard() {
                    tools.insert(&pattern.text);
                }
            }
            if rule.tools.iter().any(ToolPattern::is_wildcard) {
                with_wildcard.push(index);
            }
        }
        Self { policy, patterns, by_pattern, tools, with_wildcard }
    }

    /// The tools that the policy knows by name, ascending.
    pub(crate) fn tools(&self) -> Vec<&'p str> {
        let mut tools: Vec<&str> = self.tools.iter().copied().collect();
        tools.sort_unstable();
        tools
    }

    /// The rules that are asked about a call to a tool, ascending: for a tool that the policy knows by name, those with a
    /// pattern that matches; for any other, [every one with a `*`](Self::about_others).
    pub(crate) fn about(&self, tool: &str) -> Vec<usize> {
        self.all_about(tool).rules
    }

    /// The same of rules and of obligations.
    pub(crate) fn all_about(&self, tool: &str) -> About {
        if !self.tools.contains(tool) {
            return self.about_others();
        }
        // What is in a list is what could be asked for.
        let tool = if self.policy.covers.prompts && tool == request::LISTED { request::GET } else { tool };
        let matching = self.patterns.matching(tool).filter_map(|id| self.by_pattern.get(id));
        let mut rules: Vec<usize> = matching.flatten().copied().collect();
        rules.sort_unstable();
        rules.dedup();
        if self.policy.covers.reserves(tool) {
            rules.retain(|rule| self.policy.rules.get(*rule).is_none_or(|rule| rule.is_about_request(tool)));
        }
        self.split(rules)
    }

    fn split(&self, mut rules: Vec<usize>) -> About {
        let count = self.policy.rules.len();
        let obligations = rules.split_off(rules.partition_point(|rule| *rule < count));
        About { rules, obligations: obligations.into_iter().map(|obligation| obligation - count).collect() }
    }

    /// The policy with only the rules that are asked about a call to a tool, in the order of [`about`](Self::about). It decides
    /// such a call as the whole policy does.
    pub(crate) fn narrow(&self, tool: &str) -> Policy {
        self.narrow_as(self.policy, tool)
    }

    /// The same of a policy of which only single rules are other ones, about no other tools.
    pub(crate) fn narrow_as(&self, policy: &Policy, tool: &str) -> Policy {
        let rules = self.about(tool).into_iter().filter_map(|rule| policy.rules.get(rule)).cloned().collect();
        let listed = |tools: &Vec<String>| tools.iter().filter(|listed| *listed == tool).cloned().collect();
        Policy {
            default: policy.default,
            roles: policy.roles.clone(),
            tools: policy.tools.as_ref().map(listed),
            covers: policy.covers,
            rules,
            attributes: policy.attributes.clone(),
            sums: policy.sums.clone(),
            ..Policy::empty()
        }
    }

    /// What is asked about a tool that the policy does not know by name. A module finds out by itself which of them match.
    pub(crate) fn about_others(&self) -> About {
        self.split(self.with_wildcard.clone())
    }
}
