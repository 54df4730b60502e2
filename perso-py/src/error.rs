//! Why a policy does not compile or load, and why a guard cannot take a call's arguments.

use perso_core::CompileError;
use perso_core::diagnostic::{Diagnostic, Severity, Source};
use pyo3::create_exception;
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::PyDict;

create_exception!(
    perso,
    PolicyError,
    PyValueError,
    "A policy that does not compile: every error of it, with its place."
);
create_exception!(perso, LoadError, PyValueError, "Bytes that are no module which can be trusted to judge.");

create_exception!(perso, NotOwned, PyValueError, "Arguments that a guard cannot copy whole. Its text says why.");

/// The error that a policy does not compile; its `diagnostics` are for programs.
pub(crate) fn policy_error(py: Python<'_>, error: &CompileError, text: &str) -> PyErr {
    let raised = PolicyError::new_err(error.to_string());
    let told = diagnostics(py, text, &error.diagnostics)
        .and_then(|diagnostics| raised.value(py).setattr("diagnostics", diagnostics));
    told.err().unwrap_or(raised)
}

/// Findings about a policy, each a dict as `perso compile --format json` prints it.
pub(crate) fn diagnostics<'py>(py: Python<'py>, text: &str, found: &[Diagnostic]) -> PyResult<Vec<Bound<'py, PyDict>>> {
    let source = Source::new("policy", text);
    let found = found.iter().map(|finding| {
        let record = source.record(finding);
        let dict = PyDict::new(py);
        dict.set_item("severity", if record.severity == Severity::Error { "error" } else { "warning" })?;
        dict.set_item("code", record.code)?;
        dict.set_item("message", record.message)?;
        dict.set_item("line", record.line)?;
        dict.set_item("column", record.column)?;
        dict.set_item("end_line", record.end_line)?;
        dict.set_item("end_column", record.end_column)?;
        dict.set_item("help", record.help)?;
        Ok(dict)
    });
    found.collect()
}
