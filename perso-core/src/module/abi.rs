//! The public contract of a module: ABI 1. A change to any name or number here is a new ABI.
//!
//! | export | signature | what |
//! | --- | --- | --- |
//! | `memory` | | |
//! | `perso_abi` | `() -> i32` | [`VERSION`] |
//! | `perso_frame` | `global i32` | where in memory a frame may be written |
//! | `perso_decide` | `(frame: i32) -> i64` | judges a frame; a [`Verdict`], packed |
//!
//! The last two sections are custom: `perso` holds the [manifest](super::Manifest), `perso.sha256` the SHA-256 of
//! every byte before it, as 32 bytes.

use crate::decision::{CauseKind, Problem};

/// The ABI's number.
pub const VERSION: u32 = 1;

/// The exported memory.
pub const MEMORY: &str = "memory";
/// The function that returns [`VERSION`].
pub const ABI: &str = "perso_abi";
/// The global that says where a frame goes.
pub const FRAME: &str = "perso_frame";
/// The function that judges a frame.
pub const DECIDE: &str = "perso_decide";
/// The custom section with the manifest.
pub const SECTION: &str = "perso";
/// The custom section with the hash of all that stands before it.
pub const HASH_SECTION: &str = "perso.sha256";

/// The most memory a module may ask for, in pages of 64 KiB.
pub const MAX_PAGES: u64 = 256;

/// What stands for no rule and for no attribute in a packed verdict.
pub const NONE: u32 = 0xff_ffff;

/// What `perso_decide` answers.
///
/// Packed into 64 bits, from the lowest on: 8 for the decision (1 is allow), 4 for the kind of cause, 4 for the
/// problem, 24 for the rule, 24 for the attribute, both by their index in the manifest, [`NONE`] for none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Verdict {
    /// Whether the call may run.
    pub allowed: bool,
    /// What kind of thing decided.
    pub kind: CauseKind,
    /// What was wrong with the attribute.
    pub problem: Option<Problem>,
    /// The rule that decided, or with [`CauseKind::NoRule`] the nearest one.
    pub rule: Option<u32>,
    /// The attribute that was looked at last.
    pub attribute: Option<u32>,
}

/// The kinds of cause that a module can answer with, by their number.
const KINDS: [CauseKind; 3] = [CauseKind::Rule, CauseKind::Default, CauseKind::NoRule];

/// The problems, by their number less one; 0 is none.
const PROBLEMS: [Problem; 6] =
    [Problem::Missing, Problem::Null, Problem::Type, Problem::OutOfRange, Problem::Value, Problem::Withheld];

/// A problem's number.
#[must_use]
pub fn problem_number(problem: Problem) -> u8 {
    PROBLEMS.iter().position(|p| *p == problem).map_or(0, |at| at as u8 + 1)
}

impl Verdict {
    /// The packed form. A kind that modules don't answer with is packed as one that [`unpack`](Self::unpack) refuses.
    #[must_use]
    pub fn pack(self) -> i64 {
        let kind = KINDS.iter().position(|k| *k == self.kind).unwrap_or(0xf) as u64;
        let problem = self.problem.map_or(0, problem_number);
        let index = |index: Option<u32>| u64::from(index.unwrap_or(NONE) & NONE);
        let bits = u64::from(self.allowed)
            | kind << 8
            | u64::from(problem) << 12
            | index(self.rule) << 16
            | index(self.attribute) << 40;
        bits as i64
    }

    /// Reads the packed form; `None` if it is none.
    #[must_use]
    pub fn unpack(packed: i64) -> Option<Self> {
        let bits = packed as u64;
        let index = |bits: u64| Some(bits as u32 & NONE).filter(|index| *index != NONE);
        let problem = (bits >> 12 & 0xf) as usize;
        Some(Self {
            allowed: match bits & 0xff {
                0 => false,
                1 => true,
                _ => return None,
            },
            kind: *KINDS.get((bits >> 8 & 0xf) as usize)?,
            problem: match problem.checked_sub(1) {
                Some(at) => Some(*PROBLEMS.get(at)?),
                None => None,
            },
            rule: index(bits >> 16),
            attribute: index(bits >> 40),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn verdicts_survive_packing() {
        for kind in KINDS {
            for problem in PROBLEMS.into_iter().map(Some).chain([None]) {
                for rule in [None, Some(0), Some(NONE - 1)] {
                    let verdict = Verdict { allowed: true, kind, problem, rule, attribute: Some(7) };
                    assert_eq!(Verdict::unpack(verdict.pack()), Some(verdict));
                }
            }
        }
        assert_eq!(Verdict::unpack(2), None);
        assert_eq!(Verdict::unpack(0x0f00), None);
        assert_eq!(Verdict::unpack(0xf000), None);
    }
}
