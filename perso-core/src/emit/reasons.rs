//! Writes the reasons: see [`reason`].

use crate::describe;
use crate::module::reason::{self, ENTRY};
use crate::policy::{Effect, Policy, Rule};
use std::collections::HashMap;

pub(super) struct Reasons {
    pub(super) bytes: Vec<u8>,
    longest: usize,
}

impl Reasons {
    pub(super) fn new(policy: &Policy) -> Self {
        let of_rules: Vec<[String; 2]> = policy.rules.iter().map(|rule| of(policy, rule)).collect();
        let of_rules = of_rules.iter().flatten().map(String::as_str);
        let texts: Vec<&str> = reason::FIXED.into_iter().chain(of_rules).collect();
        let head = ENTRY * texts.len();
        let (mut entries, mut body): (Vec<u8>, Vec<u8>) = (Vec::with_capacity(head), Vec::new());
        let mut known: HashMap<&str, usize> = HashMap::new();
        for text in &texts {
            let at = *known.entry(text).or_insert_with(|| {
                body.extend(text.as_bytes());
                head + body.len() - text.len()
            });
            entries.extend((at as u32).to_le_bytes());
            entries.extend((text.len() as u32).to_le_bytes());
        }
        entries.extend(body);
        Self { bytes: entries, longest: texts.iter().map(|text| text.len()).max().unwrap_or(0) }
    }

    /// Bytes of the longest reason; at least those of an entry, which is read to the same place.
    pub(super) fn longest(&self) -> u32 {
        self.longest.max(ENTRY) as u32
    }
}

/// What is said where a rule decides, and where it is the nearest.
fn of(policy: &Policy, rule: &Rule) -> [String; 2] {
    let needs = || describe::requirement(policy, rule);
    match (&rule.reason, rule.effect) {
        (Some(reason), _) => [reason.clone(), reason.clone()],
        (None, Effect::Deny) => [needs(), needs()],
        (None, Effect::Ask) => [describe::approval(policy, rule), needs()],
        (None, Effect::Allow) => [describe::allowance(rule), needs()],
    }
}
