//! A journal that is written by a thread of its own.

use crate::book::Book;
use crate::error::JournalError;
use crate::limits;
use crate::line;
use perso_signing::Signer;
use serde::Serialize;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, SyncSender, TrySendError};
use std::thread::{self, JoinHandle};
use std::time::Duration;
use tokio::sync::oneshot;

/// How a journal is written.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Settings {
    /// Signs checkpoints. Without it, there are none: the journal shows accidents, but not what someone changes who can also write
    /// all lines after it anew.
    pub signer: Option<Signer>,
    /// A file that gets a copy of each checkpoint. On another machine or disk, it shows that the end of the journal was cut off.
    pub checkpoints: Option<PathBuf>,
    /// Bytes of a file after which the next one begins.
    pub file_bytes: u64,
    /// The time after which the next file begins.
    pub file_age: Duration,
    /// Whether a line is on the disk before it counts as written, so that it is not lost if the machine stops.
    pub durable: bool,
    /// Whether the process ends after a few lines. Then there is no checkpoint when it ends, but only when it is time for one.
    pub brief: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            signer: None,
            checkpoints: None,
            file_bytes: limits::FILE_BYTES,
            file_age: limits::FILE_AGE,
            durable: false,
            brief: false,
        }
    }
}

/// A journal to write to. Lines are written by a thread, as many at once as there are. Dropping it waits for them.
pub struct Journal {
    jobs: Option<SyncSender<Job>>,
    counts: Arc<Count>,
    thread: Option<JoinHandle<()>>,
}

impl fmt::Debug for Journal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Journal").field("counts", &self.counts()).finish_non_exhaustive()
    }
}

/// How many lines a journal has got.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Counts {
    /// Lines that have been written.
    pub written: u64,
    /// Lines that could not be written. The journal says so too, as soon as it can be written again.
    pub lost: u64,
    /// Checkpoints whose copy could not be written. A later one is about the same lines, and more.
    pub uncopied: u64,
}

#[derive(Default)]
struct Count {
    written: AtomicU64,
    lost: AtomicU64,
    uncopied: AtomicU64,
}

struct Job {
    object: Vec<u8>,
    done: oneshot::Sender<Result<(), JournalError>>,
}

/// A line that may not be written yet. It will be, whether or not this is waited for.
#[derive(Debug)]
pub struct Appended(oneshot::Receiver<Result<(), JournalError>>);

impl Appended {
    /// Waits until the line is written. For callers outside asynchronous code.
    ///
    /// # Errors
    ///
    /// If it could not be written.
    ///
    /// # Panics
    ///
    /// In asynchronous code: use [`written`](Self::written) there.
    pub fn wait(self) -> Result<(), JournalError> {
        self.0.blocking_recv().unwrap_or_else(|_| Err(stopped()))
    }

    /// Waits until the line is written.
    ///
    /// # Errors
    ///
    /// If it could not be written.
    pub async fn written(self) -> Result<(), JournalError> {
        self.0.await.unwrap_or_else(|_| Err(stopped()))
    }
}

fn stopped() -> JournalError {
    JournalError::NotWritten("the thread that writes it has stopped".to_owned())
}

impl Journal {
    /// Opens a journal in a directory, and makes both if they are not there.
    ///
    /// # Errors
    ///
    /// If the directory or its files cannot be written, or are no journal.
    pub fn open(folder: impl AsRef<Path>, settings: Settings) -> Result<Self, JournalError> {
        let signs_at_end = !settings.brief;
        let book = Book::open(folder.as_ref(), settings)?;
        let counts = Arc::new(Count::default());
        let (jobs, queue) = mpsc::sync_channel(limits::QUEUE);
        let writer = Writer { book, counts: Arc::clone(&counts), lost: 0, signs_at_end };
        let thread = thread::Builder::new().name("perso-journal".to_owned()).spawn(move || writer.run(&queue));
        let thread = thread.map_err(JournalError::file(folder.as_ref()))?;
        Ok(Self { jobs: Some(jobs), counts, thread: Some(thread) })
    }

    /// Adds a line, a JSON object of at most 1 MiB. Its members `seq` and `prev` are the journal's. It is written soon; wait for
    /// what is returned if something may only happen once it is.
    ///
    /// # Errors
    ///
    /// If it is no JSON object, or too long; if too many lines wait to be written.
    pub fn append(&self, object: &impl Serialize) -> Result<Appended, JournalError> {
        let (done, written) = oneshot::channel();
        let job = line::object(object).map(|object| Job { object, done });
        let sent = job.and_then(|job| match self.jobs.as_ref().map(|jobs| jobs.try_send(job)) {
            Some(Ok(())) => Ok(Appended(written)),
            Some(Err(TrySendError::Full(_))) => Err(JournalError::Full),
            _ => Err(stopped()),
        });
        if sent.is_err() {
            self.counts.lost.fetch_add(1, Ordering::Relaxed);
        }
        sent
    }

    /// How many lines have been written and lost.
    #[must_use]
    pub fn counts(&self) -> Counts {
        let read = |count: &AtomicU64| count.load(Ordering::Relaxed);
        Counts {
            written: read(&self.counts.written),
            lost: read(&self.counts.lost),
            uncopied: read(&self.counts.uncopied),
        }
    }

    /// Waits until all lines are written, as dropping it does, and returns how many have been.
    #[must_use]
    pub fn close(mut self) -> Counts {
        self.finish();
        self.counts()
    }

    fn finish(&mut self) {
        drop(self.jobs.take());
        if let Some(thread) = self.thread.take() {
            // If it has panicked, its lines are lost.
            let _ = thread.join();
        }
    }
}

impl Drop for Journal {
    fn drop(&mut self) {
        self.finish();
    }
}

struct Writer {
    book: Book,
    counts: Arc<Count>,
    /// How many lost lines the journal already says, or was to.
    lost: u64,
    signs_at_end: bool,
}

/// Bytes of lines that are written at once, or a little more.
const AT_ONCE: usize = 1 << 18;

impl Writer {
    fn run(mut self, queue: &Receiver<Job>) {
        let mut unsigned = false;
        loop {
            match queue.recv_timeout(limits::CHECKPOINT_AGE) {
                Ok(job) => {
                    self.write(job, queue);
                    unsigned = true;
                }
                Err(RecvTimeoutError::Timeout) if unsigned => unsigned = self.book.checkpoint().is_err(),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => break,
            }
        }
        if self.signs_at_end {
            // Without it, the last lines are as good as those of a process that was killed.
            let _ = self.book.checkpoint();
        }
    }

    /// Writes a line, and others that wait.
    fn write(&mut self, first: Job, queue: &Receiver<Job>) {
        let (mut objects, mut done) = (vec![first.object], vec![first.done]);
        let mut bytes = 0;
        while bytes < AT_ONCE
            && objects.len() < limits::CHECKPOINT_LINES as usize
            && let Ok(job) = queue.try_recv()
        {
            bytes += job.object.len();
            objects.push(job.object);
            done.push(job.done);
        }
        let count = objects.len() as u64;
        let lost = self.counts.lost.load(Ordering::Relaxed);
        let appended = self.book.append(&objects, lost - self.lost);
        self.counts.uncopied.store(self.book.uncopied(), Ordering::Relaxed);
        match appended {
            Ok(()) => {
                self.lost = lost;
                self.counts.written.fetch_add(count, Ordering::Relaxed);
                // Where nobody waits, the other end is gone.
                done.into_iter().for_each(|done| drop(done.send(Ok(()))));
            }
            Err(error) => {
                self.counts.lost.fetch_add(count, Ordering::Relaxed);
                let error = error.to_string();
                done.into_iter().for_each(|done| drop(done.send(Err(JournalError::NotWritten(error.clone())))));
            }
        }
    }
}
