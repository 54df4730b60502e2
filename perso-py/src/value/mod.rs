//! Reads Python values into a frame.
//!
//! A value is read once into a [`Taken`], and only the parts that the policy reads. The policy's module runs
//! afterwards, so that no code of a value runs in the meantime. A value that cannot be read is withheld: nothing may be
//! concluded from it.
//!
//! `own` copies the arguments of a call, for guards.

mod faces;
mod number;
pub(crate) mod own;
mod read;

pub(crate) use read::text;

use perso_core::source::{Code, Error, Frame, Number, Place, Reads, Source};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::pybacked::{PyBackedBytes, PyBackedStr};
use pyo3::types::PyString;

/// Stands for a text with a lone surrogate, which has no UTF-8 form. It is judged as text that is not UTF-8.
pub(crate) const NOT_UTF8: &[u8] = b"{\"\xff";

/// Stands for a part of a call whose values are unknown.
#[pyclass(frozen, eq, module = "perso")]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Unknown {
    /// The part may hold anything. A denial is then final: no value of the part would change it.
    #[pyo3(name = "OPEN")]
    Open,
    /// Nothing may be concluded from the part. An allow is then final.
    #[pyo3(name = "WITHHELD")]
    Withheld,
}

/// A part of a call as JSON text, which is read as strictly as the text of a call.
#[pyclass(frozen, module = "perso")]
#[derive(Debug)]
pub(crate) struct Json(Text);

#[derive(Debug)]
enum Text {
    Str(PyBackedStr),
    Bytes(PyBackedBytes),
    Own(String),
    /// A `str` with a lone surrogate.
    None,
}

#[pymethods]
impl Json {
    #[new]
    fn new(text: &Bound<'_, PyAny>) -> PyResult<Self> {
        let Ok(string) = text.cast::<PyString>() else { return Ok(Self(Text::Bytes(text.extract()?))) };
        Ok(Self(string.clone().try_into().map_or(Text::None, Text::Str)))
    }

    /// The text. Raises `ValueError` if it is not UTF-8.
    #[getter]
    fn text(&self) -> PyResult<&str> {
        std::str::from_utf8(self.bytes()).map_err(|error| PyValueError::new_err(error.to_string()))
    }
}

impl Json {
    pub(crate) const fn of(text: String) -> Self {
        Self(Text::Own(text))
    }

    fn bytes(&self) -> &[u8] {
        match &self.0 {
            Text::Own(text) => text.as_bytes(),
            Text::Str(text) => text.as_bytes(),
            Text::Bytes(bytes) => bytes,
            Text::None => NOT_UTF8,
        }
    }
}

/// What was read from a value.
#[derive(Debug)]
enum Taken {
    Null,
    Bool(bool),
    /// `None` if the number is out of range.
    Number(Option<Number>),
    Text(PyBackedStr),
    List {
        length: u64,
        /// The elements, if they are the caller's roles. `None` for an element that is not a string.
        roles: Vec<Option<PyBackedStr>>,
        /// The elements, if the policy looks into them.
        elements: Vec<Taken>,
    },
    /// The values under the keys that the policy reads.
    Object(Vec<(Place, Taken)>),
    /// The value cannot be read.
    Withheld,
}

impl Taken {
    fn write(&self, frame: &mut Frame<'_, '_>, place: Place) -> Result<(), Error> {
        match self {
            Self::Null => frame.null(place),
            Self::Bool(value) => frame.boolean(place, *value),
            Self::Number(value) => frame.number(place, *value),
            Self::Text(value) => frame.string(place, value),
            Self::List { length, roles, elements } => {
                roles.iter().try_for_each(|role| frame.role(role.as_deref()))?;
                frame.list(place, *length)?;
                // A list whose elements were not read is too long, and the frame asks for no elements of such a list.
                if let Some(mut list) = frame.elements(place, *length)? {
                    for element in elements {
                        frame.element(&mut list)?;
                        element.write(frame, Place::ELEMENT)?;
                    }
                    frame.end(list);
                }
                Ok(())
            }
            Self::Object(fields) => {
                frame.object(place)?;
                fields.iter().try_for_each(|(place, value)| value.write(frame, *place))
            }
            Self::Withheld => frame.withheld(place),
        }
    }
}

/// A part of a call, as it comes from Python.
#[derive(Debug)]
pub(crate) enum Part {
    Absent,
    Unknown(Unknown),
    Json(Py<Json>),
    /// The parts of an object or null that the policy reads, or why the value cannot be a part of a call.
    Read(Read),
}

#[derive(Debug)]
pub(crate) struct Read {
    taken: Result<Taken, Error>,
    /// Every string of the part, if the policy looks at them. `Withheld` if they cannot all be read.
    strings: Option<Strings>,
}

#[derive(Debug)]
enum Strings {
    All(Vec<PyBackedStr>),
    Withheld,
}

impl Part {
    /// Reads a part. Without `reads`, because the call is denied for its tool, checks only that it could be a part.
    pub(crate) fn read(reads: Option<Reads<'_>>, place: Place, value: Option<&Bound<'_, PyAny>>) -> Self {
        let Some(value) = value else { return Self::Absent };
        if let Ok(unknown) = value.cast_exact::<Unknown>() {
            return Self::Unknown(*unknown.get());
        }
        if let Ok(json) = value.cast_exact::<Json>() {
            return Self::Json(json.clone().unbind());
        }
        let taken = match reads {
            Some(reads) => read::Reader::default().take(value, reads.part(place)),
            None => Ok(read::form(value)),
        };
        let taken = taken.and_then(|taken| match taken {
            Taken::Object(_) | Taken::Null | Taken::Withheld => Ok(taken),
            _ => Err(Code::Part.anywhere()),
        });
        let strings = match reads.map(|reads| reads.part(place).strings()) {
            Some(Ok(true)) => Some(read::strings(value)),
            None | Some(Ok(false)) => None,
            Some(Err(error)) => return Self::Read(Read { taken: Err(error), strings: None }),
        };
        match strings.transpose() {
            Ok(strings) => Self::Read(Read { taken, strings }),
            Err(error) => Self::Read(Read { taken: taken.and(Err(error)), strings: None }),
        }
    }

    pub(crate) fn as_part(&self) -> perso_core::Part<'_> {
        use perso_core::Part;
        match self {
            Self::Absent => Part::Absent,
            Self::Unknown(Unknown::Open) => Part::Open,
            Self::Unknown(Unknown::Withheld) => Part::Withheld,
            Self::Json(json) => Part::Json(json.get().bytes()),
            Self::Read(read) => Part::Source(read),
        }
    }
}

impl Source for Read {
    fn write(&self, frame: &mut Frame<'_, '_>, part: Place) -> Result<(), Error> {
        self.taken.as_ref().map_err(|error| *error)?.write(frame, part)?;
        let (Some(strings), Some(place)) = (&self.strings, frame.strings_of(part)?) else { return Ok(()) };
        match strings {
            Strings::All(strings) => strings.iter().try_for_each(|string| frame.string(place, string)),
            Strings::Withheld => frame.withheld(place),
        }
    }

    fn check(&self) -> Result<(), Error> {
        self.taken.as_ref().map(|_| ()).map_err(|error| *error)
    }
}
