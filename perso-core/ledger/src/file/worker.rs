//! The thread that has the file. Operations that wait are written in one transaction, so that they share the wait for the disk.

use std::sync::Arc;
use std::time::{Duration, Instant};

use rusqlite::{Connection, TransactionBehavior};
use tokio::sync::{mpsc, oneshot};

use super::book::{Answer, Book};
use super::database::Deadline;
use super::failed::{DISK_FULL, Failed, Result};
use crate::error::LedgerError;
use crate::time::{Clock, Latest, Time};

/// How many operations may wait.
const QUEUE: usize = 1_024;
/// How many operations share a transaction.
const BATCH: usize = 64;
/// How many of each kind are forgotten when the file is full.
const FULL_SWEEP: u64 = 10_000;

/// An operation that waits.
trait Task: Send {
    /// Until when it may start. `None` if nobody waits for it any more.
    fn deadline(&self) -> Option<Instant>;
    fn writes(&self) -> bool;
    /// Does it. Gives whether what it has written is to be kept, or why it failed.
    fn run(&mut self, book: &Book<'_>) -> std::result::Result<bool, LedgerError>;
    fn fail(&mut self, error: LedgerError);
    /// Answers, once what was written is on the disk.
    fn answer(self: Box<Self>);
}

struct Operation<T, W> {
    deadline: Instant,
    writes: bool,
    work: W,
    result: std::result::Result<T, LedgerError>,
    reply: oneshot::Sender<std::result::Result<T, LedgerError>>,
}

impl<T: Send, W: Fn(&Book<'_>) -> Result<Answer<T>> + Send> Task for Operation<T, W> {
    fn deadline(&self) -> Option<Instant> {
        (!self.reply.is_closed()).then_some(self.deadline)
    }

    fn writes(&self) -> bool {
        self.writes
    }

    fn run(&mut self, book: &Book<'_>) -> std::result::Result<bool, LedgerError> {
        let (result, kept) = match (self.work)(book) {
            Ok(Answer::Keep(value)) => (Ok(value), Ok(true)),
            Ok(Answer::Discard(value)) => (Ok(value), Ok(false)),
            Err(Failed(error)) => (Err(error.clone()), Err(error)),
        };
        self.result = result;
        kept
    }

    fn fail(&mut self, error: LedgerError) {
        self.result = Err(error);
    }

    fn answer(self: Box<Self>) {
        // Nobody may wait for it any more.
        let _ = self.reply.send(self.result);
    }
}

/// A file, on a thread of its own.
pub(super) struct Worker {
    queue: mpsc::Sender<Box<dyn Task>>,
    limit: Duration,
}

/// What the thread has.
pub(super) struct Desk {
    pub db: Connection,
    pub deadline: Deadline,
    pub clock: Arc<dyn Clock>,
    pub session: u64,
    pub latest: Latest,
}

impl Worker {
    pub fn start(desk: Desk, limit: Duration) -> std::result::Result<Self, LedgerError> {
        let (queue, waiting) = mpsc::channel(QUEUE);
        let thread = std::thread::Builder::new().name("perso-ledger".into());
        thread
            .spawn(move || desk.work(waiting))
            .map_err(|_| LedgerError::Unavailable("the system has no thread for its file"))?;
        Ok(Self { queue, limit })
    }

    /// Does something in a transaction of the file.
    pub async fn run<T: Send + 'static>(
        &self,
        writes: bool,
        work: impl Fn(&Book<'_>) -> Result<Answer<T>> + Send + 'static,
    ) -> std::result::Result<T, LedgerError> {
        let (reply, answer) = oneshot::channel();
        let late = LedgerError::Late(self.limit);
        let deadline = Instant::now() + self.limit;
        let operation = Operation { deadline, writes, work, result: Err(late.clone()), reply };
        self.queue
            .try_send(Box::new(operation))
            .map_err(|_| LedgerError::Unavailable("too many operations wait for its file"))?;
        match tokio::time::timeout(self.limit, answer).await {
            Ok(Ok(result)) => result,
            Ok(Err(_)) => Err(LedgerError::Unavailable("its thread has ended")),
            Err(_) => Err(late),
        }
    }
}

impl Desk {
    /// Works until nobody can ask for anything any more.
    fn work(mut self, mut waiting: mpsc::Receiver<Box<dyn Task>>) {
        while let Some(first) = waiting.blocking_recv() {
            let mut tasks = vec![first];
            while tasks.len() < BATCH
                && let Ok(next) = waiting.try_recv()
            {
                tasks.push(next);
            }
            if let Err(Failed(error)) = self.transaction(&mut tasks) {
                if error == DISK_FULL {
                    // What is full may be full of what no longer counts.
                    let _ = self.sweep();
                }
                tasks.iter_mut().for_each(|task| task.fail(error.clone()));
            }
            tasks.into_iter().for_each(Task::answer);
        }
    }

    fn transaction(&mut self, tasks: &mut Vec<Box<dyn Task>>) -> Result<()> {
        let Some(last) = tasks.iter().filter_map(|task| task.deadline()).max() else { return Ok(()) };
        self.deadline.set(last);
        let writes = tasks.iter().any(|task| task.writes());
        let behavior = if writes { TransactionBehavior::Immediate } else { TransactionBehavior::Deferred };
        let transaction = self.db.transaction_with_behavior(behavior)?;
        let recorded: u64 = transaction.prepare_cached("SELECT latest FROM clock")?.query_row([], |row| row.get(0))?;
        let now = self.latest.see(self.clock.wall()).max(Time::from_millis(recorded));
        let book = Book { db: &transaction, now, session: self.session };
        let mut kept = 0;
        for task in tasks.iter_mut() {
            // The caller has gone, or has been denied: nothing may be written for it.
            if task.deadline().is_none_or(|deadline| deadline <= Instant::now()) {
                continue;
            }
            transaction.prepare_cached("SAVEPOINT task")?.execute([])?;
            match task.run(&book) {
                Ok(true) => kept += 1,
                // A full disk ends the whole transaction, with what the others have written.
                Err(error) if transaction.is_autocommit() => return Err(error.into()),
                Ok(false) | Err(_) => {
                    transaction.prepare_cached("ROLLBACK TO task")?.execute([])?;
                }
            }
            transaction.prepare_cached("RELEASE task")?.execute([])?;
        }
        if writes && kept > 0 {
            transaction.prepare_cached("UPDATE clock SET latest = ?")?.execute([now.millis()])?;
            book.sweep(4 * kept + 8)?;
        }
        Ok(transaction.commit()?)
    }

    fn sweep(&mut self) -> Result<()> {
        let transaction = self.db.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let now = self.latest.see(self.clock.wall());
        Book { db: &transaction, now, session: self.session }.sweep(FULL_SWEEP)?;
        Ok(transaction.commit()?)
    }
}
