//! The `perso` command, as the package brings it along.

use pyo3::prelude::*;
use std::ffi::OsString;

/// Does what the command's arguments say, the first of which is the program's name, and returns the exit code.
#[pyfunction]
pub(crate) fn command(py: Python<'_>, arguments: Vec<OsString>) -> u8 {
    py.detach(|| perso_core::cli::run(arguments))
}
