//! Rules with different patterns for the same tools.

use std::collections::HashMap;

use super::super::tools::MAX_WILDCARDS;
use super::Rule;
use super::replaced::roles;
use crate::diagnostic::{Code, Diagnostic, Diagnostics, quoted};
use crate::policy::Effect;
use crate::policy::ToolIndex;

/// How many pairs of patterns are looked at.
const MAX_PAIRS: usize = 4_000_000;

/// Warns where an allow rule for some tools and a role is followed by one with a condition, whose pattern covers the
/// other's or is covered by it. Only a rule of the same `tool_name` is replaced, so today both of them allow.
pub(super) fn warn(rules: &[Rule<'_>], left: &[bool], diagnostics: &mut Diagnostics) {
    let allowing =
        || rules.iter().enumerate().zip(left).filter(|((_, rule), left)| **left && rule.effect == Effect::Allow);
    let mut index = ToolIndex::default();
    let mut deciding: HashMap<(usize, Option<&str>), usize> = HashMap::new();
    for ((at, rule), _) in allowing() {
        let pattern = index.insert(rule.tool.value);
        deciding.extend(roles(rule).map(|role| ((pattern, role), at)));
    }
    // Too many are an error, which is found later.
    if index.wildcard_count() == 0 || index.wildcard_count() > MAX_WILDCARDS {
        return;
    }
    let mut pairs = 0_usize;
    for ((at, rule), _) in allowing() {
        for pattern in index.matching(rule.tool.value) {
            let mut warned = None;
            for role in roles(rule) {
                pairs += 1;
                if pairs > MAX_PAIRS || diagnostics.is_full_of_warnings() {
                    return;
                }
                let other =
                    deciding.get(&(pattern, role)).copied().filter(|other| *other != at && warned != Some(*other));
                let Some((other_at, other)) = other.and_then(|other| Some((other, rules.get(other)?))) else {
                    continue;
                };
                let (earlier, later) = if at < other_at { (rule, other) } else { (other, rule) };
                if later.condition.is_none() {
                    continue;
                }
                warned = Some(other_at);
                let mut message = format!("this rule does not replace the one for {}", quoted(earlier.tool.value));
                if earlier.tool.value.contains('*') {
                    message.push_str(&format!(", which also allows calls to {}", quoted(later.tool.value)));
                }
                let warning =
                    Diagnostic::new(Code::Overlap, later.tool.span, message).label(earlier.tool.span, "the other rule");
                diagnostics.push(warning.help("if only this rule should decide, narrow the pattern of the other rule"));
            }
        }
    }
}
