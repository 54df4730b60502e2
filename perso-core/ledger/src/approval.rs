//! Calls that wait for a person.

use std::fmt::{self, Debug, Display};
use std::str::FromStr;
use std::time::Duration;

use crate::digest::Digest;
use crate::error::LedgerError;
use crate::limits;
use crate::time::Time;

/// A call that a person is asked about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// The digest of all that must be the same when the call runs: the approval is for this one call.
    pub digest: Digest,
    /// How long the approval lasts, from now until the call runs: at most 7 days.
    pub expires_in: Duration,
    /// Who wants to make the call: at most 256 bytes.
    pub agent: String,
    /// What the approver is shown: JSON of at most 65 536 bytes.
    pub shown: String,
}

impl Request {
    /// What every store has to refuse.
    pub(crate) fn check(&self) -> Result<(), LedgerError> {
        if self.expires_in.is_zero() || self.expires_in > limits::APPROVAL {
            return Err(LedgerError::Invalid("an approval lasts longer than nothing and at most 7 days"));
        }
        if self.agent.len() > limits::NAME_BYTES {
            return Err(LedgerError::Invalid("the name of an agent has at most 256 bytes"));
        }
        if self.shown.len() > limits::SHOWN_BYTES {
            return Err(LedgerError::Invalid("what an approver is shown has at most 65536 bytes"));
        }
        Ok(())
    }
}

/// The name of an approval: ten letters and digits, which people can type.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ApprovalId(u64);

/// Without letters that look like digits, and without `u`.
const ALPHABET: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";
const LETTERS: u32 = 10;

impl ApprovalId {
    /// A new one.
    pub(crate) fn random() -> Result<Self, LedgerError> {
        let mut bytes = [0; 8];
        getrandom::fill(&mut bytes).map_err(|_| LedgerError::Unavailable("the system has no random numbers"))?;
        Ok(Self::from_bits(u64::from_le_bytes(bytes)))
    }

    /// The one with these bits, as many as there are.
    pub(crate) const fn from_bits(bits: u64) -> Self {
        Self(bits & ((1 << (5 * LETTERS)) - 1))
    }

    #[cfg(feature = "file")]
    pub(crate) const fn bits(self) -> u64 {
        self.0
    }
}

impl Display for ApprovalId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (0..LETTERS).rev().try_for_each(|at| {
            let letter = ALPHABET.get((self.0 >> (5 * at)) as usize & 31).copied().unwrap_or(b'?');
            write!(f, "{}", char::from(letter))
        })
    }
}

impl Debug for ApprovalId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Display::fmt(self, f)
    }
}

/// Reads what [`Display`] writes, in either case.
impl FromStr for ApprovalId {
    type Err = LedgerError;

    fn from_str(text: &str) -> Result<Self, LedgerError> {
        let value = |byte: u8| ALPHABET.iter().position(|letter| *letter == byte.to_ascii_lowercase());
        let id = text.bytes().try_fold(0, |id, byte| value(byte).map(|value| (id << 5) | value as u64));
        id.filter(|_| text.len() == LETTERS as usize).map(Self).ok_or(LedgerError::UnknownApproval)
    }
}

/// What a person says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The call may run.
    Approve,
    /// It may not.
    Deny,
}

/// Where a request is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum State {
    /// Nobody has decided.
    Pending,
    /// A person has approved the call, which has not run.
    Approved {
        /// Who.
        by: String,
    },
    /// A person has denied the call.
    Denied {
        /// Who.
        by: String,
    },
    /// A person had approved the call, and it has run.
    Used {
        /// Who.
        by: String,
    },
}

/// A request, as approvers see it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Approval {
    /// Its name.
    pub id: ApprovalId,
    /// The digest of the call.
    pub digest: Digest,
    /// Who wants to make the call.
    pub agent: String,
    /// What the approver is shown.
    pub shown: String,
    /// When it was requested.
    pub requested_at: Time,
    /// When it is over, whatever has been decided.
    pub expires_at: Time,
    /// Where it is.
    pub state: State,
}

/// The name of a person who decides, or why it is none.
pub(crate) fn check_name(name: &str) -> Result<(), LedgerError> {
    if name.is_empty() || name.len() > limits::NAME_BYTES {
        return Err(LedgerError::Invalid("the name of a person has 1 to 256 bytes"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_read_as_they_are_written() {
        for _ in 0..1_000 {
            let id = ApprovalId::random().unwrap();
            let text = id.to_string();
            assert_eq!(text.len(), 10);
            assert_eq!(text.parse(), Ok(id));
            assert_eq!(text.to_uppercase().parse(), Ok(id));
        }
        for text in ["", "0", "00000000000", "000000000u", "00000 0000", "é00000000"] {
            assert_eq!(text.parse::<ApprovalId>(), Err(LedgerError::UnknownApproval), "{text}");
        }
    }
}
