//! The public contract of a module: ABI 4; one more if the policy covers more than tools, and two more if it has limits or
//! labels. A change to any name or number here is a new ABI.
//!
//! | export | signature | what |
//! | --- | --- | --- |
//! | `memory` | | |
//! | `perso_abi` | `() -> i32` | [`version`] |
//! | `perso_frame` | `global i32` | where in memory a frame may be written |
//! | `perso_decide` | `(frame: i32) -> i64` | judges a frame; a [`Answer`], packed |
//! | `perso_obligations` | `(frame: i32) -> i32` | only with limits or labels: where a list of what has to be remembered of the call is |
//! | `perso_input` | `(len: i32) -> i32` | room for a call's text; 0 if it is too long |
//! | `perso_evaluate` | `(text: i32, len: i32) -> i32` | judges a call's text; where the record is |
//! | `perso_evaluate_partial` | `(text: i32, len: i32, unknown: i32) -> i32` | the same, with parts that are not known |
//!
//! The record is seven `u32`, little-endian:
//!
//! | at | what |
//! | --- | --- |
//! | 0 | decision: 0 is deny, 1 is allow, 2 is ask |
//! | 4 | rule: the one that decided, or the nearest; by its place in the manifest, all ones for none |
//! | 8 | cause: the kind in the low byte, the problem in the next, the detail in the next, then [what was expected](Expected) |
//! | 12 | slot: the attribute that was looked at last, by its place in the manifest, all ones for none |
//! | 16 | where the reason is, UTF-8 |
//! | 20 | its length in bytes |
//! | 24 | the byte of the text at which something is wrong, all ones for none |
//!
//! The kinds are those of [`CauseKind`], from 0; the problems those of [`Problem`], from 1, 0 for none; the details those of
//! [`perso_decode::Code`], 0 for none. `unknown` is [`perso_decode::call::Unknown`]'s bits.
//!
//! The first two data segments are passive: the table, [packed](perso_decode::packed), and the
//! [reasons](super::Reasons). The last three sections are custom: `perso.policy` holds the policy's text, packed by
//! DEFLATE (RFC 1951), `perso` the [manifest](super::Manifest), `perso.sha256` the SHA-256 of every byte before it, as
//! 32 bytes.

use crate::covers::Covers;
use crate::decision::{CauseKind, Expected, Outcome, Problem};

/// The ABI's number.
pub const VERSION: u32 = 4;

/// The number of the same ABI if the policy covers more than tools. A host that does not know what the manifest says about
/// that would let requests pass that the policy denies, so it must not load the module.
pub const COVERING: u32 = 5;

/// How much larger the number is if the policy has limits or labels. A host that does not know them would let calls pass that
/// exceed a limit, so it must not load the module.
pub const OBLIGING: u32 = 2;

/// The ABI's number for a policy.
#[must_use]
pub const fn version(covers: Covers, obliges: bool) -> u32 {
    (if covers.is_nothing() { VERSION } else { COVERING }) + (if obliges { OBLIGING } else { 0 })
}

/// The exported memory.
pub const MEMORY: &str = "memory";
/// The function that returns the ABI's number.
pub const ABI: &str = "perso_abi";
/// The global that says where a frame goes.
pub const FRAME: &str = "perso_frame";
/// The function that judges a frame.
pub const DECIDE: &str = "perso_decide";
/// The function that lists what has to be remembered of a call. The list begins with where it ends; an entry is the number of
/// the obligation in the manifest, and for each attribute that it reads where in the frame its record is, all `u32`.
pub const OBLIGATIONS: &str = "perso_obligations";
/// The function that makes room for a call's text.
pub const INPUT: &str = "perso_input";
/// The function that judges a call's text.
pub const EVALUATE: &str = "perso_evaluate";
/// The function that judges a call's text with parts that are open or withheld.
pub const EVALUATE_PARTIAL: &str = "perso_evaluate_partial";
/// The custom section with the manifest.
pub const SECTION: &str = "perso";
/// The custom section with the policy's text.
pub const POLICY_SECTION: &str = "perso.policy";
/// The custom section with the hash of all that stands before it.
pub const HASH_SECTION: &str = "perso.sha256";

/// The most memory a module may ask for, in pages of 64 KiB.
pub const MAX_PAGES: u64 = 4096;

/// Bytes of the record, with what keeps the reason behind it aligned.
pub const RECORD: usize = 32;

/// What stands for no rule and for no attribute in a packed answer.
pub const NONE: u32 = 0xff_ffff;

/// What `perso_decide` answers.
///
/// Packed into 64 bits, from the lowest on: 2 for the decision (0 is deny, 1 allow, 2 ask), 6 for [what the test
/// takes](Expected), 4 for the kind of cause, 4 for the problem, 24 for the rule, 24 for the attribute, both by their index
/// in the manifest, [`NONE`] for none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Answer {
    /// What the host does with the call.
    pub outcome: Outcome,
    /// The types that the test of the attribute takes.
    pub expected: Expected,
    /// What kind of thing decided.
    pub kind: CauseKind,
    /// What was wrong with the attribute.
    pub problem: Option<Problem>,
    /// The rule that decided, or with [`CauseKind::NoRule`] the nearest one.
    pub rule: Option<u32>,
    /// The attribute that was looked at last.
    pub attribute: Option<u32>,
}

/// The lowest bit of what the test takes in a packed answer.
pub(crate) const EXPECTED_BIT: u32 = 2;
/// The lowest bit of the kind of cause in a packed answer.
const KIND_BIT: u32 = 8;
/// The lowest bit of the problem in a packed answer.
const PROBLEM_BIT: u32 = 12;
/// The lowest bit of the rule in a packed answer.
pub(crate) const RULE_BIT: u32 = 16;
/// The lowest bit of the attribute in a packed answer.
pub(crate) const ATTRIBUTE_BIT: u32 = 40;

/// The answer of the portable entry to a call that something has to be remembered of: a denial, whose kind is
/// [`CauseKind::Ledger`].
#[cfg(feature = "compile")]
pub(crate) const UNREMEMBERED: i64 =
    (7 << KIND_BIT | (NONE as u64) << RULE_BIT | (NONE as u64) << ATTRIBUTE_BIT) as i64;

/// The kinds of cause that a module can answer with, by their number.
const KINDS: [CauseKind; 3] = [CauseKind::Rule, CauseKind::Default, CauseKind::NoRule];

/// The problems, by their number less one; 0 is none.
const PROBLEMS: [Problem; 6] =
    [Problem::Missing, Problem::Null, Problem::Type, Problem::OutOfRange, Problem::Value, Problem::Withheld];

/// The outcomes, by their number.
const OUTCOMES: [Outcome; 3] = [Outcome::Deny, Outcome::Allow, Outcome::Ask];

/// A problem's number.
#[must_use]
pub fn problem_number(problem: Problem) -> u8 {
    PROBLEMS.iter().position(|p| *p == problem).map_or(0, |at| at as u8 + 1)
}

impl Answer {
    /// The packed form. A kind that modules don't answer with is packed as one that [`unpack`](Self::unpack) refuses.
    #[must_use]
    pub fn pack(self) -> i64 {
        let kind = KINDS.iter().position(|k| *k == self.kind).unwrap_or(0xf) as u64;
        let problem = self.problem.map_or(0, problem_number);
        let outcome = OUTCOMES.iter().position(|outcome| *outcome == self.outcome).unwrap_or(0) as u64;
        let index = |index: Option<u32>| u64::from(index.unwrap_or(NONE) & NONE);
        let bits = outcome
            | u64::from(self.expected.bits()) << EXPECTED_BIT
            | kind << KIND_BIT
            | u64::from(problem) << PROBLEM_BIT
            | index(self.rule) << RULE_BIT
            | index(self.attribute) << ATTRIBUTE_BIT;
        bits as i64
    }

    /// Reads the packed form; `None` if it is none.
    #[must_use]
    pub fn unpack(packed: i64) -> Option<Self> {
        let bits = packed as u64;
        let index = |bits: u64| Some(bits as u32 & NONE).filter(|index| *index != NONE);
        let problem = (bits >> PROBLEM_BIT & 0xf) as usize;
        Some(Self {
            outcome: *OUTCOMES.get((bits & 3) as usize)?,
            expected: Expected::from_bits((bits >> EXPECTED_BIT & 0x3f) as u8),
            kind: *KINDS.get((bits >> KIND_BIT & 0xf) as usize)?,
            problem: match problem.checked_sub(1) {
                Some(at) => Some(*PROBLEMS.get(at)?),
                None => None,
            },
            rule: index(bits >> RULE_BIT),
            attribute: index(bits >> ATTRIBUTE_BIT),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_survive_packing() {
        for kind in KINDS {
            for problem in PROBLEMS.into_iter().map(Some).chain([None]) {
                for rule in [None, Some(0), Some(NONE - 1)] {
                    for outcome in OUTCOMES {
                        let expected = Expected::STRING;
                        let answer = Answer { outcome, expected, kind, problem, rule, attribute: Some(7) };
                        assert_eq!(Answer::unpack(answer.pack()), Some(answer));
                    }
                }
            }
        }
        assert_eq!(Answer::unpack(3), None);
        assert_eq!(Answer::unpack(0x0f00), None);
        assert_eq!(Answer::unpack(0xf000), None);
    }
}
