//! What every store can do.

use std::time::Duration;

use async_trait::async_trait;

use crate::amount::Amount;
use crate::approval::{Approval, ApprovalId, Request, State, Verdict};
use crate::commit::{CallId, Commit, Committed, Label};
use crate::digest::{Account, Session};
use crate::error::LedgerError;
use crate::limits;
use crate::window::Window;

/// A store of what has happened before.
///
/// Every operation ends: with an answer, or with an error within the store's time limit. After an error the call must not run.
#[async_trait]
pub trait Ledger: Send + Sync {
    /// An id for a new call, which no other call of this ledger has.
    ///
    /// # Errors
    ///
    /// If the system has no random numbers.
    fn new_call(&self) -> Result<CallId, LedgerError> {
        CallId::random()
    }

    /// Writes all that a call adds, or nothing.
    ///
    /// The same commit again gives the same answer and adds nothing, if the first one was written: a retry after an error is safe.
    /// The call is remembered for as long as its charges count, and at most for 24 hours. An answer that wrote nothing is
    /// not remembered. Whether the call is approved is decided first, then the charges are, in their order.
    ///
    /// # Errors
    ///
    /// If the store cannot answer, is full, or the commit is not valid; if the call was undone, or has written something else.
    async fn commit(&self, commit: &Commit) -> Result<Committed, LedgerError>;

    /// Gives back the charges of a call that did not run. Labels stay, and so does the use of an approval.
    ///
    /// Undoing it again, or an unknown call, changes nothing; a commit of the call that comes later fails.
    ///
    /// # Errors
    ///
    /// If the store cannot answer or is full.
    async fn undo(&self, call: CallId) -> Result<(), LedgerError>;

    /// What a session has seen, in the order of the labels' bytes.
    ///
    /// # Errors
    ///
    /// If the store cannot answer.
    async fn labels(&self, session: Session) -> Result<Vec<Label>, LedgerError>;

    /// How much counts on an account now.
    ///
    /// # Errors
    ///
    /// If the store cannot answer, or the window is not valid.
    async fn balance(&self, account: Account, window: &Window, session: Option<Session>)
    -> Result<Amount, LedgerError>;

    /// Asks a person about a call. A request with the same digest that is pending, or approved and not used, is joined.
    ///
    /// # Errors
    ///
    /// If the store cannot answer or is full, or the request is not valid.
    async fn request(&self, request: &Request) -> Result<ApprovalId, LedgerError>;

    /// All requests that nobody has decided, the oldest first: at most 1 000.
    ///
    /// # Errors
    ///
    /// If the store cannot answer.
    async fn pending(&self) -> Result<Vec<Approval>, LedgerError>;

    /// A request. `None` if there is none with this id, or it has expired.
    ///
    /// # Errors
    ///
    /// If the store cannot answer.
    async fn show(&self, id: ApprovalId) -> Result<Option<Approval>, LedgerError>;

    /// Decides a request, once.
    ///
    /// # Errors
    ///
    /// If the store cannot answer; if there is no such request or it has expired; if it is already decided.
    async fn decide(&self, id: ApprovalId, verdict: Verdict, by: &str) -> Result<(), LedgerError>;

    /// Where a request is. `None` if there is none with this id, or it has expired.
    ///
    /// # Errors
    ///
    /// If the store cannot answer.
    async fn state(&self, id: ApprovalId) -> Result<Option<State>, LedgerError> {
        Ok(self.show(id).await?.map(|approval| approval.state))
    }

    /// Waits until a request is decided or has expired, at most for so long (and for an hour). Gives where it is then.
    ///
    /// # Errors
    ///
    /// If the store cannot answer.
    async fn wait(&self, id: ApprovalId, timeout: Duration) -> Result<Option<State>, LedgerError> {
        const FIRST: Duration = Duration::from_millis(50);
        const LONGEST: Duration = Duration::from_secs(1);
        let end = tokio::time::Instant::now() + timeout.min(limits::WAIT);
        let mut pause = FIRST;
        loop {
            let state = self.state(id).await?;
            let now = tokio::time::Instant::now();
            if state != Some(State::Pending) || now >= end {
                return Ok(state);
            }
            tokio::time::sleep_until(end.min(now + pause)).await;
            pause = LONGEST.min(pause * 2);
        }
    }
}
