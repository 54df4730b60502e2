//! Python's numbers.

use perso_core::limits::{NUMBER_DIGITS, NUMBER_EXPONENT};
use perso_core::source::Number;
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyInt, PyType};
use std::fmt::Write;

/// The bits of 10 to the power of this, and one more digit, are more than any number in range has.
const MOST_BITS: u64 = (NUMBER_EXPONENT as u64 + 2) * 3322 / 1000 + 1;

/// An `int`: exact, whatever its size. `None` if it is out of range.
pub(super) fn of_int(value: &Bound<'_, PyInt>) -> PyResult<Option<Number>> {
    if let Ok(value) = value.extract::<i64>() {
        return Ok(Some(Number::from(value)));
    }
    let py = value.py();
    let int = py.get_type::<PyInt>();
    if int.call_method1(intern!(py, "bit_length"), (value,))?.extract::<u64>()? > MOST_BITS {
        return Ok(None);
    }
    // Python refuses to write large integers out, and is slow at it. Decimals it does not refuse.
    of_decimal(&decimal(py)?.call1((value,))?)
}

/// A `float`: the shortest decimal that reads back as the same float, which is what any JSON writer would send.
pub(super) fn of_float(value: f64) -> Option<Number> {
    let mut text = Short::default();
    // Infinities and NaN do not look like numbers.
    write!(text, "{value:e}").ok()?;
    Number::parse(text.bytes.get(..text.length)?).flatten()
}

/// A `decimal.Decimal`. `None` if it is out of range, or no number.
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

// A float's digits all count.
const _: () = assert!(NUMBER_DIGITS >= 17);
