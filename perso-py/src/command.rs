//! The `perso` command that the package includes.

use pyo3::prelude::*;
use std::ffi::OsString;

/// Runs the `perso` command and returns its exit code. The first argument is the program's name.
#[pyfunction]
pub(crate) fn command(py: Python<'_>, arguments: Vec<OsString>) -> u8 {
    py.detach(|| perso_core::cli::run(arguments))
}
