//! Reads Python numbers.

use perso_core::limits::{NUMBER_DIGITS, NUMBER_EXPONENT};
use perso_core::source::Number;
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyInt, PyType};
use std::fmt::Write;

/// An integer with more bits than this is out of range: it is at least ten times the largest number in range.
const MOST_BITS: u64 = (NUMBER_EXPONENT as u64 + 2) * 3322 / 1000 + 1;

/// Reads an `int` exactly. `None` if it is out of range.
pub(super) fn of_int(value: &Bound<'_, PyInt>) -> PyResult<Option<Number>> {
    if let Ok(value) = value.extract::<i64>() {
        return Ok(Some(Number::from(value)));
    }
    let py = value.py();
    let int = py.get_type::<PyInt>();
    if int.call_method1(intern!(py, "bit_length"), (value,))?.extract::<u64>()? > MOST_BITS {
        return Ok(None);
    }
    // Python limits how many digits `str` of an `int` may have, and is slow at it. `Decimal` has no such limit.
    of_decimal(&decimal(py)?.call1((value,))?)
}

/// Reads a `float` as the shortest decimal that parses to the same float, which is what JSON writers send.
pub(super) fn of_float(value: f64) -> Option<Number> {
    let mut text = Short::default();
    // The text of an infinity or NaN does not parse as a number.
    write!(text, "{value:e}").ok()?;
    Number::parse(text.bytes.get(..text.length)?).flatten()
}

/// Reads a `decimal.Decimal`. `None` if it is out of range or not a number.
pub(super) fn of_decimal(value: &Bound<'_, PyAny>) -> PyResult<Option<Number>> {
    let text = value.str()?;
    Ok(Number::parse(text.to_str()?.as_bytes()).flatten())
}

/// The class `decimal.Decimal`.
pub(super) fn decimal(py: Python<'_>) -> PyResult<&Bound<'_, PyType>> {
    static DECIMAL: PyOnceLock<Py<PyType>> = PyOnceLock::new();
    DECIMAL.import(py, "decimal", "Decimal")
}

/// The text of a float, which has at most 17 digits.
#[derive(Default)]
struct Short {
    bytes: [u8; 32],
    length: usize,
}

impl Write for Short {
    fn write_str(&mut self, text: &str) -> std::fmt::Result {
        let end = self.length + text.len();
        self.bytes.get_mut(self.length..end).ok_or(std::fmt::Error)?.copy_from_slice(text.as_bytes());
        self.length = end;
        Ok(())
    }
}

// All digits of a float are compared.
const _: () = assert!(NUMBER_DIGITS >= 17);
