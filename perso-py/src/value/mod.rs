//! From Python's values to what is told a frame.
//!
//! A value is read once, into a [`Taken`], and of it only what the policy reads. Only then is the policy's module at
//! work, so that no code of a value runs while it is. What can't be read is withheld: nothing may be concluded from it.
//!
//! `own` copies the arguments of a call, for guards.

mod faces;
mod number;
pub(crate) mod own;
mod read;

pub(crate) use read::text;

use perso_core::source::{Code, Error, Frame, Number, Place, Reads, Source};
use pyo3::prelude::*;
use pyo3::pybacked::{PyBackedBytes, PyBackedStr};
use pyo3::types::PyString;

/// What is judged in place of a text with half of a surrogate pair, of which there is no UTF-8 either.
pub(crate) const NOT_UTF8: &[u8] = b"{\"\xff";

/// A part of a call of which the values are not known.
#[pyclass(frozen, eq, module = "perso")]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Unknown {
    /// Not known yet: everything in it may be anything. A denial is final.
    #[pyo3(name = "OPEN")]
    Open,
    /// Nothing may be concluded from it. An allow is final.
    #[pyo3(name = "WITHHELD")]
    Withheld,
}

/// A part of a call that is JSON text, read as strictly as a call's text.
#[pyclass(frozen, module = "perso")]
#[derive(Debug)]
pub(crate) struct Json(Text);

#[derive(Debug)]
enum Text {
    Str(PyBackedStr),
    Bytes(PyBackedBytes),
    /// It has half of a surrogate pair.
    None,
}

#[pymethods]
impl Json {
    #[new]
    fn new(text: &Bound<'_, PyAny>) -> PyResult<Self> {
        let Ok(string) = text.cast::<PyString>() else { return Ok(Self(Text::Bytes(text.extract()?))) };
        Ok(Self(string.clone().try_into().map_or(Text::None, Text::Str)))
    }
}

impl Json {
    fn bytes(&self) -> &[u8] {
        match &self.0 {
            Text::Str(text) => text.as_bytes(),
            Text::Bytes(bytes) => bytes,
            Text::None => NOT_UTF8,
        }
    }
}

/// What was taken of a value.
#[derive(Debug)]
enum Taken {
    Null,
    Bool(bool),
    /// `None` if it is out of range.
    Number(Option<Number>),
    Text(PyBackedStr),
    List {
        length: u64,
        /// The caller's roles, if that is what its elements are; `None` for one that is no string.
        roles: Vec<Option<PyBackedStr>>,
        /// The elements, if the policy looks into them.
        elements: Vec<Taken>,
    },
    /// The values of the keys that the policy reads.
    Object(Vec<(Place, Taken)>),
    /// It can't be read.
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
                // A list whose elements were not taken is too long to look into, and the frame looks into none of those.
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

/// A part of a call, as Python has it.
#[derive(Debug)]
pub(crate) enum Part {
    Absent,
    Unknown(Unknown),
    Json(Py<Json>),
    /// An object or null, as far as the policy reads it; or why it is no part of any call.
    Read(Read),
}

#[derive(Debug)]
pub(crate) struct Read(Result<Taken, Error>);

impl Part {
    /// Reads a part; of a call to a tool that the policy does not know, nothing but its form.
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
        Self::Read(Read(taken.and_then(|taken| match taken {
            Taken::Object(_) | Taken::Null | Taken::Withheld => Ok(taken),
            _ => Err(Code::Part.anywhere()),
        })))
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
        match &self.0 {
            Ok(taken) => taken.write(frame, part),
            Err(error) => Err(*error),
        }
    }

    fn check(&self) -> Result<(), Error> {
        self.0.as_ref().map(|_| ()).map_err(|error| *error)
    }
}
