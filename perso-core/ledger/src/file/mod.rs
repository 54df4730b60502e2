//! The ledger of one machine's processes: a file of SQLite.
//!
//! A thread has the file. What is asked of it while it waits for the disk is written in one transaction ([`worker`]). What is
//! committed is on the disk, whatever happens to the process or the machine then.

mod approvals;
mod book;
mod database;
mod failed;
mod worker;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;

use crate::amount::Amount;
use crate::approval::{Approval, ApprovalId, Request, Verdict, check_name};
use crate::commit::{CallId, Commit, Committed, Label, check_window};
use crate::digest::{Account, Session};
use crate::error::{LedgerError, OpenError};
use crate::ledger::Ledger;
use crate::options::Options;
use crate::time::{Clock, Latest, SystemClock, millis};
use crate::window::Window;
use worker::{Desk, Worker};

const TIME_LIMIT: Duration = Duration::from_secs(1);

/// A ledger in a file: for the processes of one machine.
///
/// The file, and those with `-wal` and `-shm` after its name, have to be on a disk of the machine: a network file system cannot be
/// shared in this way. A new file can be read by its owner alone.
///
/// Its operations need the timer of a tokio runtime.
pub struct File {
    worker: Worker,
}

impl File {
    /// Opens a ledger's file, or makes it.
    ///
    /// # Errors
    ///
    /// If the file holds something else, is of a newer version, or cannot be used.
    pub fn open(path: impl AsRef<Path>, options: &Options) -> Result<Self, OpenError> {
        Self::open_with_clock(path, options, Arc::new(SystemClock::new()))
    }

    /// Opens it with another clock, for tests.
    ///
    /// # Errors
    ///
    /// As [`File::open`].
    pub fn open_with_clock(
        path: impl AsRef<Path>,
        options: &Options,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, OpenError> {
        let limit = options.time_limit.unwrap_or(TIME_LIMIT);
        let (db, deadline) = database::open(path.as_ref(), options, limit)?;
        let desk = Desk { db, deadline, clock, session: millis(options.session), latest: Latest::default() };
        Ok(Self { worker: Worker::start(desk, limit)? })
    }
}

#[async_trait]
impl Ledger for File {
    async fn commit(&self, commit: &Commit) -> Result<Committed, LedgerError> {
        commit.check()?;
        let commit = commit.clone();
        self.worker.run(true, move |book| book.commit(&commit)).await
    }

    async fn undo(&self, call: CallId) -> Result<(), LedgerError> {
        self.worker.run(true, move |book| book.undo(call)).await
    }

    async fn labels(&self, session: Session) -> Result<Vec<Label>, LedgerError> {
        let (labels, stale) = self.worker.run(false, move |book| book.labels(session)).await?;
        if stale {
            self.worker.run(true, move |book| book.touch(session)).await?;
        }
        Ok(labels)
    }

    async fn balance(
        &self,
        account: Account,
        window: &Window,
        session: Option<Session>,
    ) -> Result<Amount, LedgerError> {
        check_window(window, session)?;
        let window = window.clone();
        self.worker.run(false, move |book| book.balance(account, &window, session)).await
    }

    async fn request(&self, request: &Request) -> Result<ApprovalId, LedgerError> {
        request.check()?;
        let request = request.clone();
        self.worker.run(true, move |book| book.request(&request)).await
    }

    async fn pending(&self) -> Result<Vec<Approval>, LedgerError> {
        self.worker.run(false, move |book| book.pending()).await
    }

    async fn show(&self, id: ApprovalId) -> Result<Option<Approval>, LedgerError> {
        self.worker.run(false, move |book| book.show(id)).await
    }

    async fn decide(&self, id: ApprovalId, verdict: Verdict, by: &str) -> Result<(), LedgerError> {
        check_name(by)?;
        let by = by.to_owned();
        self.worker.run(true, move |book| book.decide(id, verdict, &by)).await
    }
}
