//! What a call writes into a ledger.

use std::fmt::{self, Debug};

use crate::amount::Amount;
#[cfg(any(feature = "file", feature = "valkey"))]
use crate::digest::Fields;
use crate::digest::{Account, Digest, Session};
use crate::error::LedgerError;
use crate::limits;
use crate::time::{Time, millis};
use crate::window::Window;

/// The name of one call, so that it is not charged twice. A retry of the same call has the same.
///
/// Never take it from a client or a model: a call with the id of an earlier one is not charged.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CallId([u8; 16]);

impl CallId {
    /// A random one. [`Ledger::new_call`](crate::Ledger::new_call) may be faster.
    ///
    /// # Errors
    ///
    /// If the system has no random numbers.
    pub fn random() -> Result<Self, LedgerError> {
        let mut bytes = [0; 16];
        getrandom::fill(&mut bytes).map_err(|_| LedgerError::Unavailable("the system has no random numbers"))?;
        Ok(Self(bytes))
    }

    /// The one with these two numbers for bytes.
    pub(crate) const fn from_halves(first: u64, second: u64) -> Self {
        Self(((first as u128) << 64 | second as u128).to_be_bytes())
    }

    /// The one with these bytes.
    pub const fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(bytes)
    }

    /// Its bytes.
    pub const fn as_bytes(&self) -> &[u8; 16] {
        &self.0
    }
}

impl Debug for CallId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// What a session has seen: a name of 1 to 128 bytes.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Label(Box<str>);

impl Label {
    /// The label with a name.
    ///
    /// # Errors
    ///
    /// If the name is empty or too long.
    pub fn new(name: &str) -> Result<Self, LedgerError> {
        if name.is_empty() || name.len() > limits::LABEL_BYTES {
            return Err(LedgerError::Invalid("a label has 1 to 128 bytes"));
        }
        Ok(Self(name.into()))
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// An amount that a call adds to an account, unless there is more than `max` on it then.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Charge {
    /// What is charged.
    pub account: Account,
    /// How much. Nothing is added for zero, however much there is.
    pub amount: Amount,
    /// The most that may count on the account, with this charge.
    pub max: Amount,
    /// What counts.
    pub window: Window,
}

/// What a call writes: all of it or nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Commit {
    /// The call.
    pub call: CallId,
    /// What it adds to accounts: at most 64 charges.
    pub charges: Vec<Charge>,
    /// The session that it is in.
    pub session: Option<Session>,
    /// What the session has seen from now on.
    pub labels: Vec<Label>,
    /// The approval that it uses up, by the digest that was requested.
    pub approval: Option<Digest>,
}

/// What became of a commit. Times are the store's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Committed {
    /// All of it is written.
    Done {
        /// When.
        at: Time,
    },
    /// Nothing is written, because an account would be over its maximum.
    Over {
        /// When this was so.
        at: Time,
        /// The first such charge, by its place among the charges.
        charge: usize,
        /// When the charge will fit if nothing else is charged until then. `None` if it never will: the amount is more than the
        /// maximum, or the account is of a session.
        room_at: Option<Time>,
    },
    /// Nothing is written, because nobody has approved this call, or the approval was used or has expired.
    NotApproved {
        /// When this was so.
        at: Time,
    },
}

impl Committed {
    /// Whether the commit is written.
    pub const fn is_done(&self) -> bool {
        matches!(self, Self::Done { .. })
    }
}

impl Commit {
    /// The commit of a call that writes nothing yet.
    pub const fn new(call: CallId) -> Self {
        Self { call, charges: Vec::new(), session: None, labels: Vec::new(), approval: None }
    }

    /// What every store has to refuse.
    pub(crate) fn check(&self) -> Result<(), LedgerError> {
        if self.charges.len() > limits::CHARGES {
            return Err(LedgerError::Invalid("a commit has at most 64 charges"));
        }
        if self.labels.len() > limits::LABELS {
            return Err(LedgerError::Full("labels of a session"));
        }
        if self.session.is_none() && !self.labels.is_empty() {
            return Err(LedgerError::NoSession);
        }
        for charge in &self.charges {
            check_window(&charge.window, self.session)?;
        }
        Ok(())
    }

    /// The charges that add something, with their places.
    pub(crate) fn adding(&self) -> impl Iterator<Item = (usize, &Charge)> {
        self.charges.iter().enumerate().filter(|(_, charge)| !charge.amount.is_zero())
    }

    /// Whether a charge can fit at all: it and the earlier ones of the same account are not more than its maximum.
    #[cfg(feature = "file")]
    pub(crate) fn can_fit(&self, place: usize, charge: &Charge) -> bool {
        let same = |other: &Charge| {
            let windows = (&other.window, &charge.window);
            other.account == charge.account
                && (matches!(windows, (Window::Sliding(_), Window::Sliding(_))) || windows.0 == windows.1)
        };
        let until = self.adding().take_while(|(other, _)| *other <= place).filter(|(_, other)| same(other));
        until.map(|(_, other)| other.amount.units()).sum::<u128>() <= charge.max.units()
    }

    /// Whether a retry has to be known as one.
    pub(crate) fn is_remembered(&self) -> bool {
        self.approval.is_some() || self.adding().next().is_some()
    }

    /// What is the same in a retry, and different in another commit: its parts, each with a tag.
    pub(crate) fn identity(&self, mut part: impl FnMut(u8, &[u8])) {
        if let Some(session) = self.session {
            part(1, session.digest().as_bytes());
        }
        if let Some(approval) = self.approval {
            part(2, approval.as_bytes());
        }
        for label in &self.labels {
            part(3, label.as_str().as_bytes());
        }
        for (_, charge) in self.adding() {
            part(4, charge.account.digest().as_bytes());
            part(5, &charge.amount.units().to_be_bytes());
        }
    }

    /// The digest of its identity.
    #[cfg(any(feature = "file", feature = "valkey"))]
    pub(crate) fn fingerprint(&self) -> Digest {
        let mut hash = Fields::new("perso commit");
        self.identity(|tag, bytes| hash.add(tag, bytes));
        hash.finish()
    }

    /// How long the call is remembered after `now`, in milliseconds, if its last period ends at `end`.
    pub(crate) fn remembered(&self, now: Time, end: Option<Time>) -> u64 {
        let most = millis(limits::CALL);
        let longest = self.adding().map(|(_, charge)| match &charge.window {
            Window::Sliding(window) => millis(*window),
            Window::Session => most,
            Window::Period(_) => 0,
        });
        let longest = longest.max().unwrap_or(most);
        longest.max(end.map_or(0, |end| millis(end.since(now)))).min(most)
    }
}

/// Whether a window can be counted in.
pub(crate) fn check_window(window: &Window, session: Option<Session>) -> Result<(), LedgerError> {
    match window {
        Window::Sliding(length) if length.is_zero() || *length > limits::WINDOW => {
            Err(LedgerError::Invalid("a sliding window is longer than nothing and at most 366 days long"))
        }
        Window::Session if session.is_none() => Err(LedgerError::NoSession),
        Window::Sliding(_) | Window::Session | Window::Period(_) => Ok(()),
    }
}
