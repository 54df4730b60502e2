//! A guard's own copy of a call's arguments, so that nothing can change them between judging and running.
//!
//! Instances of exactly `dict`, `list`, `tuple`, `set` and `bytearray` are copied. Scalars are not, because they cannot
//! change. Objects of other classes are not either: a copy of a database connection would not be a connection.
//!
//! A container is copied after its contents. The containers that are not finished are kept in a list and not on the
//! stack, so that no depth overflows the stack.

use crate::error::NotOwned;
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::{PyBool, PyByteArray, PyDict, PyFloat, PyInt, PyList, PySet, PyString, PyTuple};
use std::collections::HashMap;
use std::vec::IntoIter;

/// The maximum number of values in the arguments of one call. 2 MB of JSON text cannot have as many.
pub(crate) const MOST_VALUES: usize = 1 << 20;

/// Copies `value`. The copy shares no `dict`, `list`, `tuple`, `set` or `bytearray` with it. An object that occurs
/// twice in `value` is copied once, and its copy occurs twice.
///
/// Raises `NotOwned` for values that contain themselves, for more than `MOST_VALUES` values and, with `is_json`, for
/// values that JSON cannot represent.
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

/// Whether a dict contains only scalars, so that nothing in it has to be copied.
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

/// A container that is being copied. Its contents were read all at once, because code of a value could change it later.
struct Open<'py> {
    original: Bound<'py, PyAny>,
    kind: Kind,
    /// The keys, if it is a dict.
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

/// The state of copying one value.
struct Copying<'py> {
    is_json: bool,
    /// How many more values are allowed.
    left: usize,
    /// The originals and their copies, by the address of the original. Keeping the original makes sure that no other
    /// object gets its address. There is no copy yet if the container is open.
    made: HashMap<usize, (Bound<'py, PyAny>, Option<Bound<'py, PyAny>>)>,
}

impl<'py> Copying<'py> {
    fn copy(mut self, value: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
        let mut open: Vec<Open<'py>> = Vec::new();
        // The last finished value, for the container around it. `None` after a container was opened.
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

    /// Finishes the innermost open container and returns its copy.
    fn close(&mut self, open: &mut Vec<Open<'py>>) -> PyResult<Option<Bound<'py, PyAny>>> {
        let Some(closed) = open.pop() else { return Ok(None) };
        let original = closed.original.clone();
        let made = closed.close()?;
        self.made.insert(address(&original), (original, Some(made.clone())));
        Ok(Some(made))
    }

    /// Returns the copy of a value. Opens a container instead and returns `None`.
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

    /// Copies a value without its contents. Elements of a set are hashable, so they are kept, as are objects of other
    /// classes.
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

    /// Counts a container and its elements. Fails if there are too many values.
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
