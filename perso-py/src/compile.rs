//! The compiler.

use crate::error;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict};

/// Compiles a policy's text to a module, and tells what is legal but likely wrong.
#[pyfunction]
pub(crate) fn compile<'py>(py: Python<'py>, text: &str) -> PyResult<(Bound<'py, PyBytes>, Vec<Bound<'py, PyDict>>)> {
    let compiled = py.detach(|| perso_core::compile(text)).map_err(|error| error::policy_error(py, &error, text))?;
    let warnings = error::diagnostics(py, text, &compiled.warnings)?;
    Ok((PyBytes::new(py, &compiled.module), warnings))
}
