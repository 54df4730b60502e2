//! The table of tools, and how the rules' patterns meet it.

use std::collections::{HashMap, HashSet};

use super::{covers, names};
use crate::diagnostic::{Code, Diagnostic, Diagnostics, quoted};
use crate::policy::{Effect, Policy, ToolIndex, ToolPattern};
use crate::syntax::{Spanned, did_you_mean};

/// The most tools in the table.
const MAX_TOOLS: usize = 100_000;
/// The most distinct tool patterns with a `*` in one policy.
pub(super) const MAX_WILDCARDS: usize = 4096;
/// The most attributes that the rules for one tool may read.
const MAX_ATTRIBUTES: usize = 1024;

/// The table of tools without those that cannot stand in it.
pub(super) fn listed<'d>(tools: &[Spanned<&'d str>], diagnostics: &mut Diagnostics) -> Vec<Spanned<&'d str>> {
    if let Some(over) = tools.get(MAX_TOOLS) {
        diagnostics.push(Diagnostic::new(
            Code::Limit,
            over.span,
            format!("the policy has more than {MAX_TOOLS} tools"),
        ));
    }
    let mut seen = HashMap::new();
    let mut listed = Vec::with_capacity(tools.len().min(MAX_TOOLS));
    for tool in tools.iter().take(MAX_TOOLS) {
        if !names::check("a tool", *tool, names::MAX_TOOL, diagnostics) {
            continue;
        }
        if tool.value.contains('*') {
            let error =
                Diagnostic::new(Code::Name, tool.span, format!("the tool {} contains a `*`", quoted(tool.value)));
            diagnostics.push(error.help("`tools` lists full names; use patterns in rules"));
        } else if let Some(first) = seen.insert(tool.value, tool.span) {
            let message = format!("duplicate tool {}", quoted(tool.value));
            diagnostics.push(Diagnostic::new(Code::Duplicate, tool.span, message).label(first, "first listed here"));
        } else {
            listed.push(*tool);
        }
    }
    listed
}

/// The patterns of one effect of a rule without those that cannot stand there.
pub(super) fn patterns(written: &[Spanned<&str>], diagnostics: &mut Diagnostics) -> Vec<ToolPattern> {
    let mut seen = HashSet::new();
    let mut patterns = Vec::with_capacity(written.len());
    for pattern in written {
        if !names::check("a tool pattern", *pattern, names::MAX_TOOL, diagnostics) {
            continue;
        }
        if seen.insert(pattern.value) {
            patterns.push(ToolPattern { text: pattern.value.to_owned(), span: pattern.span });
        } else {
            let message = format!("duplicate tool {}", quoted(pattern.value));
            diagnostics.push(Diagnostic::new(Code::Duplicate, pattern.span, message));
        }
    }
    patterns
}

/// Reports patterns that match no listed tool, too many patterns, and too many attributes for one tool.
pub(super) fn check(policy: &Policy, listed: Option<&[Spanned<&str>]>, diagnostics: &mut Diagnostics) {
    let mut index = ToolIndex::default();
    // For each pattern, the attributes that the rules with it read.
    let mut reads: Vec<HashSet<usize>> = Vec::new();
    let mut uses: Vec<(usize, &ToolPattern, Effect)> = Vec::new();
    for rule in policy.scopes() {
        let mut attributes = HashSet::new();
        rule.condition.each_attribute(&mut |id| _ = attributes.insert(id));
        for pattern in &rule.tools {
            let id = index.insert(&pattern.text);
            reads.resize_with(index.len(), HashSet::new);
            if let Some(reads) = reads.get_mut(id) {
                reads.extend(&attributes);
            }
            uses.push((id, pattern, rule.effect));
        }
    }
    if index.wildcard_count() > MAX_WILDCARDS {
        let span = uses.last().map(|(_, pattern, _)| pattern.span).unwrap_or_default();
        let message =
            format!("{} tool patterns with a `*`; at most {MAX_WILDCARDS} are allowed", index.wildcard_count());
        diagnostics.push(Diagnostic::new(Code::Limit, span, message));
        return;
    }
    let mut matched = vec![false; index.len()];
    for tool in listed.unwrap_or_default() {
        for id in index.matching(tool.value) {
            if let Some(matched) = matched.get_mut(id) {
                *matched = true;
            }
        }
    }
    for (id, pattern, effect) in &uses {
        let is_about = |request| pattern.matches_request(*effect, request);
        if listed.is_some()
            && matched.get(*id) == Some(&false)
            && !policy.covers.requests().any(is_about)
            && !covers::is_reported(pattern, policy.covers)
        {
            let message = format!("{} matches no tool in `tools`", quoted(&pattern.text));
            let near = did_you_mean(&pattern.text, listed.unwrap_or_default().iter().map(|tool| tool.value));
            let help = near.unwrap_or_else(|| "add the tool to `tools`".to_owned());
            diagnostics.push(Diagnostic::new(Code::UnmatchedTool, pattern.span, message).help(help));
        }
    }
    let mut judged = HashSet::new();
    for (id, pattern, _) in &uses {
        if judged.insert(*id) {
            too_many_attributes(pattern, &index, &reads, diagnostics);
        }
    }
}

fn too_many_attributes(
    pattern: &ToolPattern,
    index: &ToolIndex<'_>,
    reads: &[HashSet<usize>],
    diagnostics: &mut Diagnostics,
) {
    // A tool that two patterns match is usually named by one of them; then all that match it cover that one.
    let covering: Vec<&HashSet<usize>> = index.matching(&pattern.text).filter_map(|id| reads.get(id)).collect();
    if covering.iter().map(|set| set.len()).sum::<usize>() <= MAX_ATTRIBUTES {
        return;
    }
    let read: HashSet<usize> = covering.into_iter().flatten().copied().collect();
    if read.len() > MAX_ATTRIBUTES {
        let message = format!(
            "the rules for {} read {} attributes; at most {MAX_ATTRIBUTES} are allowed",
            quoted(&pattern.text),
            read.len()
        );
        diagnostics.push(Diagnostic::new(Code::Limit, pattern.span, message));
    }
}
