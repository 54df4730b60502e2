//! Records decisions in a journal.

use crate::module::Module;
use napi::bindgen_prelude::{AsyncTask, PromiseRaw};
use napi::{Env, Error, Result, Task};
use napi_derive::napi;
use perso_core::Record;
use perso_core::journal::{Arguments, Counts, Decided, Ran, Recorder, Settings, Signer};
use serde::Deserialize;
use serde_json::Value;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// What is recorded, and how.
#[napi(object)]
pub struct JournalOptions {
    /// The file of an Ed25519 key, which signs checkpoints.
    pub key: Option<String>,
    /// A file that gets a copy of each checkpoint.
    pub checkpoints: Option<String>,
    /// What is recorded of the arguments: `none`, `digest`, `read` or `all`.
    pub args: String,
    /// The arguments that are not recorded.
    pub mask: Vec<String>,
    /// The attributes of the caller that are recorded.
    pub agent: Vec<String>,
    /// Whether a line is on the disk before it counts as written.
    pub durable: bool,
}

/// How many lines a journal has got.
#[napi(object)]
pub struct JournalCounts {
    /// Lines that have been written.
    pub written: i64,
    /// Lines that could not be written.
    pub lost: i64,
    /// Checkpoints whose copy could not be written.
    pub uncopied: i64,
}

/// An open journal.
#[napi]
pub struct Journal {
    book: Arc<Mutex<Book>>,
    /// Lines that could not be made.
    unmade: AtomicU64,
}

enum Book {
    Open(Recorder),
    Closed(Counts),
}

/// A decision to record. `args` are absent if nothing is recorded of them, and `duration` is in milliseconds.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Line {
    id: String,
    tool: String,
    #[serde(default)]
    args: Value,
    agent: Value,
    session: Option<String>,
    approved_by: Option<String>,
    enforced: bool,
    duration: f64,
    decision: Record,
}

#[napi]
impl Journal {
    /// Opens a journal in a directory. Throws an error if it cannot be written.
    #[napi(constructor)]
    pub fn new(folder: String, options: JournalOptions) -> Result<Self> {
        let JournalOptions { key, checkpoints, args, mask, agent, durable } = options;
        let mut settings = Settings::default();
        settings.args = match &*args {
            "none" => Arguments::None,
            "digest" => Arguments::Digest,
            "read" => Arguments::Read,
            "all" => Arguments::All,
            _ => return Err(Error::from_reason(format!("`{args}` is not `none`, `digest`, `read` or `all`"))),
        };
        (settings.mask, settings.agent) = (mask, agent);
        settings.writing.signer = key.map(|key| Signer::read(Path::new(&key))).transpose().map_err(failed)?;
        settings.writing.checkpoints = checkpoints.map(Into::into);
        settings.writing.durable = durable;
        let recorder = Recorder::open(folder, settings).map_err(failed)?;
        Ok(Self { book: Arc::new(Mutex::new(Book::Open(recorder))), unmade: AtomicU64::new(0) })
    }

    /// Records a decision of the policy of a module, given as JSON text. With `wait`, returns a promise for when it is written.
    /// Throws an error if it cannot be recorded.
    #[napi(ts_return_type = "Promise<void> | null")]
    pub fn record<'e>(
        &self,
        env: &'e Env,
        module: &Module,
        decided: String,
        wait: bool,
    ) -> Result<Option<PromiseRaw<'e, ()>>> {
        let line: Line = serde_json::from_str(&decided).map_err(|error| self.unmade(error))?;
        let decision = line.decision.decision();
        let mut decided = Decided::new(&module.policy, &line.tool, &line.args, &line.agent, &decision);
        decided.id = line.id.parse().map_err(|error| self.unmade(error))?;
        decided.session = line.session.as_deref();
        decided.approved_by = line.approved_by.as_deref();
        decided.enforced = line.enforced;
        decided.duration = millis(line.duration);
        let appended = match &*self.book() {
            Book::Open(recorder) => recorder.record(&decided).map_err(failed)?,
            Book::Closed(_) => return Err(self.unmade("the journal is closed")),
        };
        if wait {
            env.spawn_future(async move { appended.written().await.map_err(failed) }).map(Some)
        } else {
            Ok(None)
        }
    }

    /// Records what became of a call by the id of its decision, and how long it ran in milliseconds: `ok`, `error` or `unknown`. If
    /// it cannot be recorded, it counts as lost.
    #[napi]
    pub fn ran(&self, id: String, ran: String, duration: f64) {
        let ran = match &*ran {
            "ok" => Ran::Ok,
            "error" => Ran::Error,
            _ => Ran::Unknown,
        };
        match (&*self.book(), id.parse()) {
            // The journal counts it.
            (Book::Open(recorder), Ok(id)) => drop(recorder.ran(id, ran, millis(duration))),
            _ => drop(self.unmade("the journal is closed")),
        }
    }

    /// How many lines have been written and lost.
    #[napi]
    pub fn counts(&self) -> JournalCounts {
        let Counts { written, lost, uncopied, .. } = counts(&self.book());
        let number = |count: u64| i64::try_from(count).unwrap_or(i64::MAX);
        let lost = lost.saturating_add(self.unmade.load(Ordering::Relaxed));
        JournalCounts { written: number(written), lost: number(lost), uncopied: number(uncopied) }
    }

    /// Closes the journal once its lines are written.
    #[napi]
    pub fn close(&self) -> AsyncTask<Closing> {
        AsyncTask::new(self.closing())
    }

    /// The same at once, in the thread that calls it.
    #[napi]
    pub fn close_now(&self) {
        self.closing().finish();
    }

    fn book(&self) -> MutexGuard<'_, Book> {
        locked(&self.book)
    }

    fn unmade(&self, why: impl ToString) -> Error {
        self.unmade.fetch_add(1, Ordering::Relaxed);
        Error::from_reason(why.to_string())
    }

    fn closing(&self) -> Closing {
        let mut book = self.book();
        let closed = Book::Closed(counts(&book));
        let recorder = match std::mem::replace(&mut *book, closed) {
            Book::Open(recorder) => Some(recorder),
            Book::Closed(_) => None,
        };
        Closing { book: self.book.clone(), recorder }
    }
}

/// A journal whose last lines are written.
pub struct Closing {
    book: Arc<Mutex<Book>>,
    recorder: Option<Recorder>,
}

impl Closing {
    fn finish(&mut self) {
        if let Some(recorder) = self.recorder.take() {
            let counts = recorder.close();
            *locked(&self.book) = Book::Closed(counts);
        }
    }
}

#[napi]
impl Task for Closing {
    type Output = ();
    type JsValue = ();

    fn compute(&mut self) -> Result<()> {
        self.finish();
        Ok(())
    }

    fn resolve(&mut self, _: Env, (): ()) -> Result<()> {
        Ok(())
    }
}

fn locked(book: &Mutex<Book>) -> MutexGuard<'_, Book> {
    book.lock().unwrap_or_else(PoisonError::into_inner)
}

fn counts(book: &Book) -> Counts {
    match book {
        Book::Open(recorder) => recorder.counts(),
        Book::Closed(counts) => *counts,
    }
}

fn millis(millis: f64) -> Duration {
    Duration::try_from_secs_f64(millis / 1e3).unwrap_or_default()
}

fn failed(error: impl ToString) -> Error {
    Error::from_reason(error.to_string())
}
