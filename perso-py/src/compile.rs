//! The compiler.

use crate::error;
use perso_core::check::Nothing;
use perso_core::{CompileError, Folder, ResolveError, Resolver};
use pyo3::exceptions::{PyException, PyKeyError, PyTypeError};
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyMapping, PyString};
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

/// Compiles a policy's text. Returns the module, and warnings about what is valid but likely wrong.
///
/// `resolve` finds the documents that the policy extends: a function that gets a path and returns the text, or a mapping from
/// paths to texts. With `path`, the policy's file, they are read from files below its folder.
///
/// Raises `PolicyError` if the text is not a valid policy.
#[pyfunction]
#[pyo3(signature = (text, *, resolve=None, path=None))]
pub(crate) fn compile<'py>(
    py: Python<'py>,
    text: &str,
    resolve: Option<Py<PyAny>>,
    path: Option<PathBuf>,
) -> PyResult<(Bound<'py, PyBytes>, Bound<'py, PyAny>)> {
    let extended = Extended::new(resolve, path);
    match py.detach(|| perso_core::compile_with(text, &extended)) {
        Ok(compiled) => {
            let warnings = error::diagnostics(py, &compiled.documents, &compiled.warnings)?;
            Ok((PyBytes::new(py, &compiled.module), warnings))
        }
        Err(error) => Err(extended.error(py, &error)),
    }
}

/// The files that the policy in a file consists of: its own, and those that it extends.
#[pyfunction]
pub(crate) fn files(py: Python<'_>, path: PathBuf) -> Vec<PathBuf> {
    py.detach(|| perso_core::files(path))
}

/// Where the documents are that a policy extends.
pub(crate) enum Extended {
    /// What the user's function or mapping finds.
    Resolve(Resolve),
    /// Files below the folder of the policy's file.
    Folder(Folder),
    /// Nowhere.
    Nothing,
}

impl Extended {
    pub(crate) fn new(resolve: Option<Py<PyAny>>, path: Option<PathBuf>) -> Self {
        match (resolve, path) {
            (Some(resolve), _) => Self::Resolve(Resolve { resolve, raised: Mutex::default() }),
            (None, Some(path)) => Self::Folder(Folder::of(path)),
            (None, None) => Self::Nothing,
        }
    }

    /// The exception for a policy that does not compile. Its cause is what the user's function raised.
    pub(crate) fn error(self, py: Python<'_>, error: &CompileError) -> PyErr {
        let error = error::policy_error(py, error);
        let Self::Resolve(resolve) = self else { return error };
        match resolve.raised.into_inner().unwrap_or_else(PoisonError::into_inner) {
            // Such as `KeyboardInterrupt`.
            Some(raised) if !raised.is_instance_of::<PyException>(py) => raised,
            raised => {
                error.set_cause(py, raised);
                error
            }
        }
    }
}

impl Resolver for Extended {
    fn resolve(&self, path: &str) -> Result<String, ResolveError> {
        match self {
            Self::Resolve(resolve) => resolve.resolve(path),
            Self::Folder(folder) => folder.resolve(path),
            Self::Nothing => Nothing.resolve(path),
        }
    }
}

/// A function or mapping that finds documents.
pub(crate) struct Resolve {
    resolve: Py<PyAny>,
    /// The first exception that it raised.
    raised: Mutex<Option<PyErr>>,
}

impl Resolve {
    fn text(&self, py: Python<'_>, path: &str) -> PyResult<Option<String>> {
        let resolve = self.resolve.bind(py);
        let found = match resolve.cast::<PyMapping>() {
            Ok(mapping) => match mapping.get_item(path) {
                Err(error) if error.is_instance_of::<PyKeyError>(py) => return Ok(None),
                found => found?,
            },
            Err(_) => resolve.call1((path,))?,
        };
        match found.cast::<PyString>() {
            Ok(text) => Ok(Some(text.to_str()?.to_owned())),
            Err(_) => Err(PyTypeError::new_err("`resolve` must give the text of a document as a str")),
        }
    }
}

impl Resolver for Resolve {
    fn resolve(&self, path: &str) -> Result<String, ResolveError> {
        Python::attach(|py| match self.text(py, path) {
            Ok(text) => text.ok_or_else(|| ResolveError::new("there is no such document")),
            Err(error) => {
                let message = error.to_string();
                self.raised.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(error);
                Err(ResolveError::new(message))
            }
        })
    }
}
