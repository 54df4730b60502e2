//! The compiler.

use crate::error;
use perso_core::{Folder, ResolveError, Resolver};
use pyo3::exceptions::{PyException, PyKeyError, PyTypeError};
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict, PyMapping, PyString};
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
) -> PyResult<(Bound<'py, PyBytes>, Vec<Bound<'py, PyDict>>)> {
    let resolve = resolve.map(|resolve| Resolve { resolve, raised: Mutex::default() });
    let compiled = py.detach(|| match (&resolve, path) {
        (Some(resolve), _) => perso_core::compile_with(text, resolve),
        (None, Some(path)) => perso_core::compile_with(text, &Folder::of(path)),
        (None, None) => perso_core::compile(text),
    });
    let error = match compiled {
        Ok(compiled) => {
            let warnings = error::diagnostics(py, &compiled.documents, &compiled.warnings)?;
            return Ok((PyBytes::new(py, &compiled.module), warnings));
        }
        Err(error) => error::policy_error(py, &error),
    };
    match resolve.and_then(|resolve| resolve.raised.into_inner().unwrap_or_else(PoisonError::into_inner)) {
        // Such as `KeyboardInterrupt`.
        Some(raised) if !raised.is_instance_of::<PyException>(py) => Err(raised),
        raised => {
            error.set_cause(py, raised);
            Err(error)
        }
    }
}

/// The files that the policy in a file consists of: its own, and those that it extends.
#[pyfunction]
pub(crate) fn files(py: Python<'_>, path: PathBuf) -> Vec<PathBuf> {
    py.detach(|| perso_core::files(path))
}

/// A function or mapping that finds documents.
struct Resolve {
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
