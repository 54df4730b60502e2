//! What a caller is told. A module carries all of it in its second data segment, for both ways to judge.
//!
//! | at | what |
//! | --- | --- |
//! | 0 | for each reason where it is in the segment, and its length, two `u32` |
//! | then | the texts, UTF-8 |
//!
//! First come those of [`FIXED`], then two for each rule: what is said where it decides, and where it is the nearest.

use std::ops::Range;

/// No rule applies, and the default is to allow.
pub const DEFAULT: &str = "no rule applies, and the policy allows by default";
/// No rule applies, and none is about the tool.
pub const NO_RULE: &str = "no rule allows this tool";
/// The policy lists its tools, and the call's is none of them.
pub const UNKNOWN_TOOL: &str = "the policy does not know this tool";
/// The call is not what a call must be.
pub const MALFORMED: &str = "the call cannot be read";
/// The call is over a limit.
pub const LIMIT: &str = "the call is over a limit";
/// It is not the call's fault.
pub const ENGINE: &str = "the call cannot be judged";

/// Nothing can remember what has to be remembered of the call.
pub const LEDGER: &str = "the policy limits this call, and what was done before is not known";

/// Those that are the same in every module, by the number that its prelude knows them by.
pub const FIXED: [&str; 7] = [DEFAULT, NO_RULE, UNKNOWN_TOOL, MALFORMED, LIMIT, ENGINE, LEDGER];

/// Bytes of what a segment has of each reason besides its text.
pub const ENTRY: usize = 8;

/// The reasons of a module's rules.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reasons {
    /// The whole segment's texts.
    texts: Box<str>,
    /// Where each is in them.
    ranges: Box<[Range<u32>]>,
}

impl Reasons {
    /// Reads a segment of a module with so many rules; `None` if that is not what it is.
    #[must_use]
    pub fn read(segment: &[u8], rules: usize) -> Option<Self> {
        let count = FIXED.len() + 2 * rules;
        let head = count.checked_mul(ENTRY)?;
        let (entries, texts) = segment.split_at_checked(head)?;
        let texts: Box<str> = std::str::from_utf8(texts).ok()?.into();
        let (entries, _) = entries.as_chunks::<4>();
        let range = |[at, length]: &[[u8; 4]; 2]| {
            let at = u32::from_le_bytes(*at).checked_sub(head as u32)?;
            let range = at..at.checked_add(u32::from_le_bytes(*length))?;
            texts.get(range.start as usize..range.end as usize).map(|_| range)
        };
        let ranges = entries.as_chunks().0.iter().map(range).collect::<Option<_>>()?;
        let reasons = Self { texts, ranges };
        FIXED.iter().enumerate().all(|(index, text)| reasons.text(index) == *text).then_some(reasons)
    }

    fn text(&self, index: usize) -> &str {
        let range = self.ranges.get(index).cloned().unwrap_or_default();
        self.texts.get(range.start as usize..range.end as usize).unwrap_or_default()
    }

    /// What is said where a rule decides.
    #[must_use]
    pub fn decided(&self, rule: usize) -> &str {
        self.text(FIXED.len() + 2 * rule)
    }

    /// What is said where no rule decides, and this one is the nearest.
    #[must_use]
    pub fn nearest(&self, rule: usize) -> &str {
        self.text(FIXED.len() + 2 * rule + 1)
    }
}
