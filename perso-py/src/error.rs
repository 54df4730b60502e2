//! Exceptions: a policy that does not compile or load, and arguments that a guard cannot copy.

use perso_core::diagnostic::{Diagnostic, Severity, Source};
use perso_core::{CompileError, Documents};
use pyo3::create_exception;
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::PyDict;

create_exception!(
    perso,
    PolicyError,
    PyValueError,
    "The policy does not compile. The message lists every error with its position; `diagnostics` is for programs."
);
create_exception!(perso, LoadError, PyValueError, "The bytes are not a valid module.");

create_exception!(perso, NotOwned, PyValueError, "A guard cannot copy the arguments. The message says why.");

/// Makes a `PolicyError` and sets its `diagnostics`.
pub(crate) fn policy_error(py: Python<'_>, error: &CompileError) -> PyErr {
    let raised = PolicyError::new_err(error.to_string());
    let set = diagnostics(py, &error.documents, &error.diagnostics)
        .and_then(|diagnostics| raised.value(py).setattr("diagnostics", diagnostics));
    set.err().unwrap_or(raised)
}

/// Errors and warnings as dicts, in the form that `perso compile --format json` prints.
pub(crate) fn diagnostics<'py>(
    py: Python<'py>,
    documents: &Documents,
    found: &[Diagnostic],
) -> PyResult<Vec<Bound<'py, PyDict>>> {
    let source = Source::of("policy", documents);
    let found = found.iter().map(|finding| {
        let record = source.record(finding);
        let dict = PyDict::new(py);
        dict.set_item("severity", if record.severity == Severity::Error { "error" } else { "warning" })?;
        dict.set_item("code", record.code)?;
        dict.set_item("message", record.message)?;
        dict.set_item("file", record.file)?;
        dict.set_item("line", record.line)?;
        dict.set_item("column", record.column)?;
        dict.set_item("end_line", record.end_line)?;
        dict.set_item("end_column", record.end_column)?;
        dict.set_item("help", record.help)?;
        Ok(dict)
    });
    found.collect()
}
