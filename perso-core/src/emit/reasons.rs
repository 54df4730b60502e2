//! The reasons as the prelude finds them: a passive data segment, the module's second.
//!
//! It begins with where each reason is in the segment and its length, two `u32`; the texts follow. Their numbers are those
//! of [`reason::FIXED`].

use crate::module::{Rule, reason};
use std::collections::HashMap;

pub(super) struct Reasons {
    pub(super) bytes: Vec<u8>,
    longest: usize,
}

/// Bytes of a reason's entry.
pub(super) const ENTRY: u32 = 8;

impl Reasons {
    pub(super) fn new(rules: &[Rule]) -> Self {
        let of_rules = rules.iter().flat_map(|rule| [&rule.reason, rule.needs.as_ref().unwrap_or(&rule.reason)]);
        let texts: Vec<&str> = reason::FIXED.into_iter().chain(of_rules.map(String::as_str)).collect();
        let head = ENTRY as usize * texts.len();
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
        (self.longest as u32).max(ENTRY)
    }
}
