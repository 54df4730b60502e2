//! A guard's own copy of a call's arguments, so that nobody can change them between judging and running.
//!
//! What is copied is what Python itself builds values from: `dict`, `list`, `tuple`, `set` and `bytearray`, each exactly of
//! that class. Scalars are kept, because they cannot change. So are objects of any other class: a copy of a database
//! connection would be no connection.
//!
//! Each container is copied after what is in it, from a list of those that are open, so that no depth overflows the stack.

use crate::error::NotOwned;
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::{PyBool, PyByteArray, PyDict, PyFloat, PyInt, PyList, PySet, PyString, PyTuple};
use std::collections::HashMap;
use std::vec::IntoIter;

/// The most values in the arguments of one call: more than 2 MB of JSON text can have.
pub(crate) const MOST_VALUES: usize = 1 << 20;

/// A copy of `value` that shares no `dict`, `list`, `tuple`, `set` or `bytearray` with it. Values that are in it twice are in
/// the copy twice.
///
/// With `is_json`, anything but what JSON text can say raises `NotOwned`. So do values that contain themselves, and more than
/// `MOST_VALUES` of them.
#[pyfunction]
#[pyo3(signature = (value, *, is_json=false))]
pub(crate) fn own<'py>(value: &Bound<'py, PyAny>, is_json: bool) -> PyResult<Bound<'py, PyAny>> {
    // Most calls have scalars only.
    if let Ok(dict) = value.cast_exact::<PyDict>()
        && dict.len() <= MOST_VALUES
        && is_flat(dict)
        && (!is_json || dict.iter().all(|(key, _)| key.is_exact_instance_of::<PyString>()))
    {
        return Ok(dict.copy()?.into_any());
    }
    Copying { is_json, left: MOST_VALUES, made: HashMap::new() }.copy(value)
}

/// Whether a dict has scalars only, so that nothing in it has to be copied.
#[pyfunction]
pub(crate) fn is_flat(dict: &Bound<'_, PyDict>) -> bool {
    dict.iter().all(|(_, value)| is_scalar(&value))
}

fn is_scalar(value: &Bound<'_, PyAny>) -> bool {
    value.is_exact_instance_of::<PyString>()
        || value.is_exact_instance_of::<PyInt>()
        || value.is_exact_instance_of::<PyFloat>()
        || value.is_exact_instance_of::<PyBool>()
        || value.is_none()
}

#[derive(Clone, Copy)]
enum Kind {
    Dict,
    List,
    Tuple,
}

/// A container that is being copied. All that is in it was taken at once: code of a value may change it meanwhile.
struct Open<'py> {
    original: Bound<'py, PyAny>,
    kind: Kind,
    /// The keys, of a dict.
    keys: Vec<Bound<'py, PyAny>>,
    rest: IntoIter<Bound<'py, PyAny>>,
    parts: Vec<Bound<'py, PyAny>>,
}

impl<'py> Open<'py> {
    fn new(original: &Bound<'py, PyAny>, kind: Kind) -> Self {
        let mut keys = Vec::new();
        let mut values = Vec::new();
        if let Ok(dict) = original.cast_exact::<PyDict>() {
            (keys, values) = dict.iter().unzip();
        } else if let Ok(list) = original.cast_exact::<PyList>() {
            values = list.iter().collect();
        } else if let Ok(tuple) = original.cast_exact::<PyTuple>() {
            values = tuple.iter().collect();
        }
        let parts = Vec::with_capacity(values.len());
        Self { original: original.clone(), kind, keys, rest: values.into_iter(), parts }
    }

    fn close(self) -> PyResult<Bound<'py, PyAny>> {
        let py = self.original.py();
        match self.kind {
            Kind::List => Ok(PyList::new(py, self.parts)?.into_any()),
            Kind::Tuple => Ok(PyTuple::new(py, self.parts)?.into_any()),
            Kind::Dict => {
                let made = PyDict::new(py);
                let count = self.keys.len();
                for (key, value) in self.keys.into_iter().zip(self.parts) {
                    made.set_item(key, value)?;
                }
                if made.len() != count {
                    return Err(NotOwned::new_err("two keys in the arguments have become equal"));
                }
                Ok(made.into_any())
            }
        }
    }
}

/// A walk through a value.
struct Copying<'py> {
    is_json: bool,
    /// How many more values there may be.
    left: usize,
    /// The copies by the address of the original, which is kept, so that nothing else gets its address; none yet of those
    /// that are open.
    made: HashMap<usize, (Bound<'py, PyAny>, Option<Bound<'py, PyAny>>)>,
}

impl<'py> Copying<'py> {
    fn copy(mut self, value: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
        let mut open: Vec<Open<'py>> = Vec::new();
        // What is finished, for the container around it; nothing, after one was opened.
        let mut copied = self.step(value, &mut open)?;
        loop {
            let Some(top) = open.last_mut() else {
                return copied.ok_or_else(|| NotOwned::new_err("the arguments cannot be copied"));
            };
            top.parts.extend(copied.take());
            copied = match top.rest.next() {
                Some(next) => self.step(&next, &mut open)?,
                None => self.close(&mut open)?,
            };
        }
    }

    /// The copy of the innermost open container.
    fn close(&mut self, open: &mut Vec<Open<'py>>) -> PyResult<Option<Bound<'py, PyAny>>> {
        let Some(closed) = open.pop() else { return Ok(None) };
        let original = closed.original.clone();
        let made = closed.close()?;
        self.made.insert(address(&original), (original, Some(made.clone())));
        Ok(Some(made))
    }

    /// The copy of a value; or nothing, where it is a container, which is open now.
    fn step(&mut self, value: &Bound<'py, PyAny>, open: &mut Vec<Open<'py>>) -> PyResult<Option<Bound<'py, PyAny>>> {
        if is_scalar(value) {
            return Ok(Some(value.clone()));
        }
        let (kind, length) = if let Ok(dict) = value.cast_exact::<PyDict>() {
            (Kind::Dict, dict.len())
        } else if let Ok(list) = value.cast_exact::<PyList>() {
            (Kind::List, list.len())
        } else if let Ok(tuple) = value.cast_exact::<PyTuple>()
            && !self.is_json
        {
            (Kind::Tuple, tuple.len())
        } else {
            return self.leaf(value).map(Some);
        };
        match self.made.get(&address(value)) {
            Some((_, Some(made))) => return Ok(Some(made.clone())),
            Some((_, None)) => return Err(NotOwned::new_err("the arguments contain themselves")),
            None => {}
        }
        self.count(length)?;
        let opened = Open::new(value, kind);
        if self.is_json && !opened.keys.iter().all(|key| key.is_exact_instance_of::<PyString>()) {
            return Err(NotOwned::new_err("a key in the arguments is not a string"));
        }
        self.made.insert(address(value), (value.clone(), None));
        open.push(opened);
        Ok(None)
    }

    /// What is not looked into: what is in a set cannot change, and of other classes nothing is known.
    fn leaf(&mut self, value: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
        if self.is_json {
            let class = value.get_type().name()?;
            return Err(NotOwned::new_err(format!("the arguments contain a `{class}`, which is not JSON")));
        }
        let length = if let Ok(set) = value.cast_exact::<PySet>() {
            set.len()
        } else if value.is_exact_instance_of::<PyByteArray>() {
            0
        } else {
            return Ok(value.clone());
        };
        if let Some((_, Some(made))) = self.made.get(&address(value)) {
            return Ok(made.clone());
        }
        self.count(length)?;
        let made = value.call_method0(intern!(value.py(), "copy"))?;
        self.made.insert(address(value), (value.clone(), Some(made.clone())));
        Ok(made)
    }

    /// Counts a container, and what is in it.
    fn count(&mut self, length: usize) -> PyResult<()> {
        let left = self.left.checked_sub(length).and_then(|left| left.checked_sub(1));
        self.left =
            left.ok_or_else(|| NotOwned::new_err(format!("the arguments have more than {MOST_VALUES} values")))?;
        Ok(())
    }
}

fn address(value: &Bound<'_, PyAny>) -> usize {
    value.as_ptr().addr()
}
