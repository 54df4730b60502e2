//! The compiler.

use crate::error;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict};

/// Compiles a policy's text. Returns the module, and warnings about what is valid but likely wrong.
///
/// Raises `PolicyError` if the text is not a valid policy.
#[pyfunction]
pub(crate) fn compile<'py>(py: Python<'py>, text: &str) -> PyResult<(Bound<'py, PyBytes>, Vec<Bound<'py, PyDict>>)> {
    let compiled = py.detach(|| perso_core::compile(text)).map_err(|error| error::policy_error(py, &error, text))?;
    let warnings = error::diagnostics(py, text, &compiled.warnings)?;
    Ok((PyBytes::new(py, &compiled.module), warnings))
}
