//! A ledger for guards, and the runtime that waits for it.

use crate::enforce::{Answer, Question, Receipt, Requested, at_once};
use crate::policy::Policy;
use crate::value::{Json, Unknown};
use arc_swap::ArcSwapOption;
use async_trait::async_trait;
use perso_core::enforce::ledger::{
    self, Account, Amount, Approval, ApprovalId, CallId, Commit, Committed, Label, LedgerError as Failed, Request,
    Session, State, Verdict, Window,
};
use perso_core::enforce::{Enforcer, Queue};
use pyo3::create_exception;
use pyo3::exceptions::PyException;
use pyo3::prelude::*;
use pyo3::types::PyDict;
use std::mem::ManuallyDrop;
use std::process;
use std::sync::Arc;
use std::time::Duration;
use tokio::runtime::{Builder, Runtime};

create_exception!(
    perso,
    LedgerError,
    PyException,
    "A ledger cannot be opened or used, or there is no such approval. The message says why."
);

const FORKED: Failed = Failed::Unavailable("the process has forked since it was opened: open it in each process");

/// A store of what has happened before, for guards: what limits, labels and approvals need.
#[pyclass(frozen, module = "perso")]
pub(crate) struct Ledger {
    pub(crate) enforcer: Enforcer,
    /// Whether every answer is there at once, so that nothing has to wait for it.
    pub(crate) is_instant: bool,
}

/// A ledger in the process that has opened it. Threads and connections do not outlive a fork, and a copy of the memory is another
/// ledger.
struct Here {
    ledger: Arc<dyn ledger::Ledger>,
    process: u32,
}

impl Here {
    fn ledger(&self) -> Result<&dyn ledger::Ledger, Failed> {
        if self.process == process::id() { Ok(&*self.ledger) } else { Err(FORKED) }
    }
}

#[async_trait]
impl ledger::Ledger for Here {
    async fn commit(&self, commit: &Commit) -> Result<Committed, Failed> {
        self.ledger()?.commit(commit).await
    }

    async fn undo(&self, call: CallId) -> Result<(), Failed> {
        self.ledger()?.undo(call).await
    }

    async fn labels(&self, session: Session) -> Result<Vec<Label>, Failed> {
        self.ledger()?.labels(session).await
    }

    async fn balance(&self, account: Account, window: &Window, session: Option<Session>) -> Result<Amount, Failed> {
        self.ledger()?.balance(account, window, session).await
    }

    async fn request(&self, request: &Request) -> Result<ApprovalId, Failed> {
        self.ledger()?.request(request).await
    }

    async fn pending(&self) -> Result<Vec<Approval>, Failed> {
        self.ledger()?.pending().await
    }

    async fn show(&self, id: ApprovalId) -> Result<Option<Approval>, Failed> {
        self.ledger()?.show(id).await
    }

    async fn decide(&self, id: ApprovalId, verdict: Verdict, by: &str) -> Result<(), Failed> {
        self.ledger()?.decide(id, verdict, by).await
    }
}

/// A runtime, and the process whose threads it has.
struct Started {
    process: u32,
    /// Never dropped: after a fork, that would wait for threads that are not there.
    runtime: ManuallyDrop<Runtime>,
}

static STARTED: ArcSwapOption<Started> = ArcSwapOption::const_empty();

/// Waits for an answer, without the interpreter's lock. The first call in a process starts the runtime.
pub(crate) fn wait<T: Send>(py: Python<'_>, answer: impl Future<Output = T> + Send) -> PyResult<T> {
    py.detach(|| {
        let process = process::id();
        let is_here = |started: &Arc<Started>| started.process == process;
        let started = match STARTED.load_full().filter(is_here) {
            Some(started) => started,
            None => {
                let runtime =
                    Builder::new_multi_thread().worker_threads(1).thread_name("perso-ledger").enable_all().build();
                let runtime = ManuallyDrop::new(runtime.map_err(|error| LedgerError::new_err(error.to_string()))?);
                let started = Arc::new(Started { process, runtime });
                STARTED.store(Some(started.clone()));
                started
            }
        };
        Ok(started.runtime.block_on(answer))
    })
}

fn failed(error: Failed) -> PyErr {
    LedgerError::new_err(error.to_string())
}

impl Ledger {
    fn ledger(&self) -> PyResult<&Arc<dyn ledger::Ledger>> {
        self.enforcer.ledger().ok_or_else(|| LedgerError::new_err("there is no ledger"))
    }

    fn queue(&self, expires_in: f64) -> PyResult<Queue> {
        let expires_in =
            Duration::try_from_secs_f64(expires_in).map_err(|error| LedgerError::new_err(error.to_string()))?;
        Ok(Queue::new(self.ledger()?.clone()).expires_in(expires_in))
    }
}

#[pymethods]
impl Ledger {
    /// Opens the ledger at an address: `memory:`, `file:PATH`, `valkey://HOST` or `rediss://HOST`.
    ///
    /// Raises `LedgerError` if it cannot be opened.
    #[new]
    fn new(py: Python<'_>, address: &str) -> PyResult<Self> {
        let opened = wait(py, async { ledger::open(address) })?;
        let ledger = opened.map_err(|error| LedgerError::new_err(error.to_string()))?;
        let enforcer = Enforcer::new(Arc::new(Here { ledger, process: process::id() }));
        Ok(Self { enforcer, is_instant: address.starts_with("memory:") })
    }

    /// Whether every answer is there at once, as in memory, so that async code need not wait in a thread.
    #[getter]
    fn is_instant(&self) -> bool {
        self.is_instant
    }

    /// The requests that nobody has decided, the oldest first, as dicts.
    fn pending<'py>(&self, py: Python<'py>) -> PyResult<Vec<Bound<'py, PyDict>>> {
        let pending = wait(py, self.ledger()?.pending())?.map_err(failed)?;
        pending.iter().map(|approval| record(py, approval)).collect()
    }

    /// A request as a dict. `None` if there is none with this id, or it has expired.
    fn show<'py>(&self, py: Python<'py>, id: &str) -> PyResult<Option<Bound<'py, PyDict>>> {
        let Ok(id) = id.parse() else { return Ok(None) };
        let shown = wait(py, self.ledger()?.show(id))?.map_err(failed)?;
        shown.map(|approval| record(py, &approval)).transpose()
    }

    /// Approves a request.
    ///
    /// Raises `LedgerError` if there is no such request, if it has expired, or if it is already decided.
    #[pyo3(signature = (id, *, by))]
    fn approve(&self, py: Python<'_>, id: &str, by: &str) -> PyResult<()> {
        self.decide(py, id, Verdict::Approve, by)
    }

    /// Denies a request. Raises `LedgerError` as `approve` does.
    #[pyo3(signature = (id, *, by))]
    fn deny(&self, py: Python<'_>, id: &str, by: &str) -> PyResult<()> {
        self.decide(py, id, Verdict::Deny, by)
    }

    /// Gives back what a call was charged that has not run.
    fn undo(&self, py: Python<'_>, receipt: &Bound<'_, Receipt>) -> PyResult<()> {
        wait(py, self.enforcer.undo(receipt.get().0))?.map_err(failed)
    }

    /// Asks about a call. `None` if the call is larger than what a person can be shown. The approval is over after `expires_in`
    /// seconds.
    fn request(&self, py: Python<'_>, question: &Bound<'_, Question>, expires_in: f64) -> PyResult<Option<Requested>> {
        let queue = self.queue(expires_in)?;
        let requested = wait(py, queue.request(&question.get().0))?.map_err(failed)?;
        Ok(requested.map(Requested))
    }

    /// What has come of a request by now.
    fn answer(&self, py: Python<'_>, requested: &Bound<'_, Requested>) -> PyResult<Answer> {
        let queue = self.queue(1.0)?;
        let answer = wait(py, queue.answer(requested.get().0, Duration::ZERO))?.map_err(failed)?;
        Ok(Answer(answer))
    }
}

impl Ledger {
    fn decide(&self, py: Python<'_>, id: &str, verdict: Verdict, by: &str) -> PyResult<()> {
        let id = id.parse().map_err(failed)?;
        wait(py, self.ledger()?.decide(id, verdict, by))?.map_err(failed)
    }
}

/// What is known of a session, as a part of a call: its id, and its labels if the policy reads anything of the session.
#[pyfunction]
#[pyo3(signature = (policy, id, ledger=None))]
pub(crate) fn session(
    py: Python<'_>,
    policy: &Bound<'_, Policy>,
    id: &str,
    ledger: Option<&Bound<'_, Ledger>>,
) -> PyResult<Py<PyAny>> {
    let policy = policy.get().active();
    let part = match ledger {
        Some(ledger) => wait(py, ledger.get().enforcer.session(&policy, id)),
        None => at_once(Enforcer::default().session(&policy, id)),
    };
    // Nothing is known of the session where the ledger does not answer.
    Ok(match part.unwrap_or(perso_core::Part::Withheld) {
        perso_core::Part::Value(value) => Json::of(value.to_string()).into_pyobject(py)?.into_any().unbind(),
        _ => Unknown::Withheld.into_pyobject(py)?.into_any().unbind(),
    })
}

/// A request, in the form that `perso approvals` prints.
fn record<'py>(py: Python<'py>, approval: &Approval) -> PyResult<Bound<'py, PyDict>> {
    let dict = PyDict::new(py);
    let (state, by) = match &approval.state {
        State::Pending => ("pending", None),
        State::Approved { by } => ("approved", Some(by)),
        State::Denied { by } => ("denied", Some(by)),
        State::Used { by } => ("used", Some(by)),
    };
    dict.set_item("id", approval.id.to_string())?;
    dict.set_item("state", state)?;
    dict.set_item("by", by)?;
    dict.set_item("requested_at", approval.requested_at.to_string())?;
    dict.set_item("expires_at", approval.expires_at.to_string())?;
    dict.set_item("call", py.import("json")?.call_method1("loads", (&approval.shown,))?)?;
    Ok(dict)
}
