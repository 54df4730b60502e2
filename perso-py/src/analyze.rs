//! What can be found out about a policy, as JSON text in the form that the `perso` command prints.

use crate::compile::Extended;
use crate::error::{LoadError, json, policy_error, records};
use crate::policy::Policy;
use perso_core::analyze::{Rules, RulesError};
use perso_core::suite::{Suite, SuiteError};
use perso_core::{Catalog, CatalogError, Pins};
use pyo3::exceptions::{PyOSError, PyRuntimeError};
use pyo3::prelude::*;
use std::io;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::Duration;

/// How often is looked whether the user wants to interrupt.
const LOOK: Duration = Duration::from_millis(50);

/// Finds out whether a policy keeps its guarantees, or those of another document. Returns JSON text.
#[pyfunction]
#[pyo3(signature = (policy, guarantees=None, *, resolve=None, path=None))]
pub(crate) fn prove(
    py: Python<'_>,
    policy: &Bound<'_, Policy>,
    guarantees: Option<&str>,
    resolve: Option<Py<PyAny>>,
    path: Option<PathBuf>,
) -> PyResult<String> {
    let extended = Extended::new(resolve, path);
    let other = match guarantees.map(|text| py.detach(|| Rules::read(text, &extended))).transpose() {
        Ok(other) => other,
        Err(error) => return Err(extended.error(py, &error)),
    };
    let policy = policy.get().active();
    wait(py, move |_| {
        let rules = rules(&policy)?;
        json(&rules.prove(other.as_ref().unwrap_or(&rules)))
    })
}

/// Finds out what a new policy decides differently. Returns JSON text.
#[pyfunction]
pub(crate) fn diff(py: Python<'_>, old: &Bound<'_, Policy>, new: &Bound<'_, Policy>) -> PyResult<String> {
    let (old, new) = (old.get().active(), new.get().active());
    wait(py, move |_| json(&rules(&old)?.diff(&rules(&new)?)))
}

/// Checks a policy against the tools of a server. Returns JSON text.
#[pyfunction]
#[pyo3(signature = (policy, tools, *, server=None, left_out=Vec::new(), pins=None))]
pub(crate) fn check(
    py: Python<'_>,
    policy: &Bound<'_, Policy>,
    tools: String,
    server: Option<String>,
    left_out: Vec<String>,
    pins: Option<String>,
) -> PyResult<String> {
    let policy = policy.get().active();
    wait(py, move |_| {
        let mut catalog = catalog(&tools, server.as_deref())?;
        if let Some(pins) = pins {
            catalog = catalog.approved_as(Pins::read(&pins).map_err(|error| not_read("pins", &error))?);
        }
        catalog = left_out.into_iter().fold(catalog, Catalog::leave_out);
        let rules = rules(&policy)?;
        records(rules.documents(), &rules.check(&catalog))
    })
}

/// The text of a file of pins that approves tools as they are.
#[pyfunction]
#[pyo3(signature = (tools, *, server=None))]
pub(crate) fn pins(py: Python<'_>, tools: &str, server: Option<&str>) -> PyResult<String> {
    py.detach(|| Ok(catalog(tools, server)?.pins().text()))
}

/// Runs the cases of a test file. Returns JSON text.
#[pyfunction]
#[pyo3(signature = (policy, path, *, coverage=false, mutate=false))]
pub(crate) fn test(
    py: Python<'_>,
    policy: &Bound<'_, Policy>,
    path: PathBuf,
    coverage: bool,
    mutate: bool,
) -> PyResult<String> {
    let policy = policy.get().active();
    wait(py, move |stop| {
        let suite = Suite::load_for(path, &policy).map_err(suite_error)?;
        let mut report = suite.report();
        report.coverage = coverage.then(|| suite.coverage());
        let is_wanted =
            |_, _| if stop.load(Ordering::Relaxed) { ControlFlow::Break(()) } else { ControlFlow::Continue(()) };
        report.mutation = mutate.then(|| suite.mutate(&is_wanted));
        json(&report)
    })
}

/// Works in a thread of its own. Where a signal's handler raises an exception, as that of Ctrl-C does, the work is no longer waited
/// for, and hears that it may stop.
fn wait<T: Send + 'static>(
    py: Python<'_>,
    work: impl FnOnce(&AtomicBool) -> PyResult<T> + Send + 'static,
) -> PyResult<T> {
    let (sender, mut receiver) = mpsc::channel();
    let stop = Arc::new(AtomicBool::new(false));
    let stops = stop.clone();
    // Where nobody waits any more, the answer is dropped.
    thread::spawn(move || drop(sender.send(work(&stops))));
    loop {
        let (heard, again) = py.detach(move || (receiver.recv_timeout(LOOK), receiver));
        receiver = again;
        match heard {
            Ok(answer) => return answer,
            Err(RecvTimeoutError::Timeout) => {
                py.check_signals().inspect_err(|_| stop.store(true, Ordering::Relaxed))?
            }
            Err(RecvTimeoutError::Disconnected) => {
                return Err(PyRuntimeError::new_err("the analysis stopped before it answered"));
            }
        }
    }
}

fn rules(policy: &perso_core::Policy) -> PyResult<Rules> {
    Rules::of(policy).map_err(|error| match error {
        RulesError::Refused(error) => Python::attach(|py| policy_error(py, &error)),
        error => LoadError::new_err(error.to_string()),
    })
}

fn catalog(tools: &str, server: Option<&str>) -> PyResult<Catalog> {
    let mut catalog = Catalog::default();
    catalog.add(tools, server).map_err(|error| not_read("tools", &error))?;
    Ok(catalog)
}

fn not_read(what: &str, error: &CatalogError) -> PyErr {
    LoadError::new_err(format!("`{what}` {error}"))
}

fn suite_error(error: SuiteError) -> PyErr {
    match error {
        SuiteError::Load(perso_core::LoadError::Read { path, error }) => system_error(&path, error),
        error => LoadError::new_err(error.to_string()),
    }
}

/// The exception that Python raises where a file cannot be read.
fn system_error(path: &Path, error: io::Error) -> PyErr {
    let Some(number) = error.raw_os_error() else { return error.into() };
    let words = error.to_string();
    let words = words.split(" (os error").next().unwrap_or_default().to_owned();
    PyOSError::new_err((number, words, path.to_owned()))
}
