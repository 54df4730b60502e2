//! Exceptions: a policy that does not compile, what does not load, and arguments that a guard cannot copy.

use perso_core::diagnostic::{Diagnostic, Source};
use perso_core::{CompileError, Documents};
use pyo3::create_exception;
use pyo3::exceptions::{PyRuntimeError, PyValueError};
use pyo3::prelude::*;
use serde::Serialize;

create_exception!(
    perso,
    PolicyError,
    PyValueError,
    "The policy does not compile. The message lists every error with its position; `diagnostics` is for programs."
);
create_exception!(
    perso,
    LoadError,
    PyValueError,
    "What was read is not a valid module, or not a test file, a list of tools or pins where one of these was expected."
);

create_exception!(perso, NotOwned, PyValueError, "A guard cannot copy the arguments. The message says why.");

/// Makes a `PolicyError` and sets its `diagnostics`.
pub(crate) fn policy_error(py: Python<'_>, error: &CompileError) -> PyErr {
    let raised = PolicyError::new_err(error.to_string());
    let set = diagnostics(py, &error.documents, &error.diagnostics)
        .and_then(|diagnostics| raised.value(py).setattr("diagnostics", diagnostics));
    set.err().unwrap_or(raised)
}

/// Findings as dicts, in the form that `perso compile --format json` prints.
pub(crate) fn diagnostics<'py>(
    py: Python<'py>,
    documents: &Documents,
    found: &[Diagnostic],
) -> PyResult<Bound<'py, PyAny>> {
    py.import("json")?.call_method1("loads", (records(documents, found)?,))
}

/// The same as JSON text.
pub(crate) fn records(documents: &Documents, found: &[Diagnostic]) -> PyResult<String> {
    let source = Source::of("policy", documents);
    json(&found.iter().map(|finding| source.record(finding)).collect::<Vec<_>>())
}

/// What is found, as JSON text.
pub(crate) fn json(found: &impl Serialize) -> PyResult<String> {
    serde_json::to_string(found).map_err(|error| PyRuntimeError::new_err(error.to_string()))
}
