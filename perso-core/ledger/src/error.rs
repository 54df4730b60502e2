//! Why a ledger has no answer.

use std::time::Duration;

/// Why a ledger has no answer. Whatever it is, the call must not run: deny it with the cause `ledger`.
///
/// No message holds a value: not an amount, a name, an address or a path.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum LedgerError {
    /// The store cannot be used now.
    #[error("the ledger cannot be used: {0}")]
    Unavailable(&'static str),
    /// The store did not answer in time. What was asked of it may be done or not: retry with the same call id, or undo the call.
    #[error("the ledger did not answer within {0:?}")]
    Late(Duration),
    /// The store keeps as much as it can, and forgets nothing that still counts.
    #[error("the ledger is full: too many {0}")]
    Full(&'static str),
    /// What was asked makes no sense.
    #[error("not a valid request to the ledger: {0}")]
    Invalid(&'static str),
    /// A label, or a charge of a session's account, in a call without a session.
    #[error("the call has no session, so that the ledger cannot remember anything for it")]
    NoSession,
    /// The call was undone before.
    #[error("the call was undone")]
    Undone,
    /// The call has written something else before.
    #[error("another call has this id")]
    OtherCall,
    /// There is no such approval, or it has expired.
    #[error("there is no such approval, or it has expired")]
    UnknownApproval,
    /// A person has decided before.
    #[error("the approval is already decided")]
    AlreadyDecided,
}

/// Why a ledger cannot be opened.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    /// The address is none of a ledger's.
    #[error("not a ledger: {0}")]
    Address(&'static str),
    /// This build has no such store.
    #[error("this build has no ledger in {0}")]
    NoStore(&'static str),
    /// The file holds something else.
    #[error("the file is not a ledger")]
    NotALedger,
    /// A newer version wrote the file.
    #[error("the file is a ledger of a newer version of perso")]
    Newer,
    /// The store cannot be used.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
}
