//! Ids for rules that have none.

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};

use super::super::names::MAX_ID;
use super::Rule;

/// The id of each rule: its own, or one made of its tool and roles. None that is made equals another.
pub(super) fn all<'n>(rules: &[Rule<'n>], left: &[bool]) -> Vec<Cow<'n, str>> {
    let mut taken: HashSet<Cow<'n, str>> =
        rules.iter().filter_map(|rule| rule.id).map(|id| Cow::Borrowed(id.value)).collect();
    let mut used: HashMap<String, usize> = HashMap::new();
    let id = |(rule, is_left): (&Rule<'n>, &bool)| match rule.id {
        Some(id) => Cow::Borrowed(id.value),
        None if !is_left => Cow::Borrowed(""),
        None => {
            let base = base(rule);
            let number = used.entry(base.clone()).or_insert(0);
            loop {
                *number += 1;
                let id = if *number == 1 { shortened(&base, "") } else { shortened(&base, &format!("-{number}")) };
                if taken.insert(Cow::Owned(id.clone())) {
                    break Cow::Owned(id);
                }
            }
        }
    };
    rules.iter().zip(left).map(id).collect()
}

/// `process_refund-agent-manager`
fn base(rule: &Rule<'_>) -> String {
    let parts = std::iter::once(rule.tool.value).chain(rule.roles.iter().flatten().map(|role| role.value));
    let mut base = String::new();
    for part in parts.filter(|part| !part.is_empty()) {
        if !base.is_empty() {
            base.push('-');
        }
        base.extend(part.chars().map(|c| if c.is_control() { '_' } else { c }));
        if base.len() > MAX_ID {
            break;
        }
    }
    let base = shortened(&base, "");
    if base.is_empty() { "rule".to_owned() } else { base }
}

/// The text and an end, together no longer than an id may be.
fn shortened(text: &str, end: &str) -> String {
    let most = MAX_ID.saturating_sub(end.len());
    let cut = (0..=most.min(text.len())).rev().find(|at| text.is_char_boundary(*at)).unwrap_or_default();
    format!("{}{end}", text.get(..cut).unwrap_or_default())
}
