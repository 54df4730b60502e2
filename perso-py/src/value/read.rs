//! Reads Python values.

use super::{Strings, Taken, faces, number};
use perso_core::limits::{DEPTH, INPUT_BYTES, LIST_LENGTH};
use perso_core::source::{Code, Error, Reads};
use pyo3::exceptions::PyKeyboardInterrupt;
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::pybacked::PyBackedStr;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyBool, PyDict, PyFloat, PyInt, PyList, PyString, PyTuple, PyType};

/// The maximum number of keys that are read from a mapping, whose iteration may never end. The text of a call cannot
/// have as many, because each key takes at least two quotes, a colon and a comma.
const MOST_KEYS: usize = INPUT_BYTES / 4;

/// The maximum number of elements that are read from all lists of a part together. Nested lists multiply.
const MOST_ELEMENTS: usize = 64 * LIST_LENGTH as usize;

/// A string's text. `None` if it is not a string or has two faces. An error if it has a lone surrogate.
pub(crate) fn text(value: &Bound<'_, PyAny>) -> Option<Result<PyBackedStr, Error>> {
    let string = value.cast::<PyString>().ok()?;
    let class = string.get_type();
    let built_in = value.py().get_type::<PyString>();
    if !class.is(&built_in) && !is_enum(&class) && !read(value.py(), faces::has_one(&class, &built_in)).unwrap_or(false)
    {
        return None;
    }
    Some(string.clone().try_into().map_err(|_| Code::Surrogate.anywhere()))
}

/// The result of Python code, or `None` if it failed. A `KeyboardInterrupt` is not lost: Python raises it again later.
fn read<T>(py: Python<'_>, result: PyResult<T>) -> Option<T> {
    result
        .map_err(|error| {
            if error.is_instance_of::<PyKeyboardInterrupt>(py)
                && let Ok(threads) = py.import("_thread")
            {
                let _ = threads.call_method0("interrupt_main");
            }
        })
        .ok()
}

/// Reads only whether a value could be a part of a call.
pub(super) fn form(value: &Bound<'_, PyAny>) -> Taken {
    if value.is_none() {
        Taken::Null
    } else if is_object(value) {
        Taken::Object(Vec::new())
    } else {
        Taken::Bool(false)
    }
}

/// Every string at any depth of a part, keys too. Of values that could hide strings, such as `bytes` and objects, nothing is
/// known: then the strings are withheld.
pub(super) fn strings(value: &Bound<'_, PyAny>) -> Result<Strings, Error> {
    let mut found = Found { strings: Vec::new(), values: 0 };
    let is_read = found.look(value, 1)?;
    Ok(if is_read { Strings::All(found.strings) } else { Strings::Withheld })
}

/// The strings found so far.
struct Found {
    strings: Vec<PyBackedStr>,
    /// How many values there have been. The text of a call cannot have as many as its limit.
    values: usize,
}

impl Found {
    /// Looks through a value. Whether it could be read.
    fn look(&mut self, value: &Bound<'_, PyAny>, depth: u32) -> Result<bool, Error> {
        self.values += 1;
        if depth > DEPTH {
            return Err(Code::Depth.anywhere());
        }
        if self.values > INPUT_BYTES {
            return Err(Code::Size.anywhere());
        }
        let py = value.py();
        let class = value.get_type();
        let is_plain = |built_in: &Bound<'_, PyType>| {
            class.is(built_in) || read(py, faces::has_one(&class, built_in)).unwrap_or(false)
        };
        if value.is_none() || value.is_exact_instance_of::<PyBool>() {
            return Ok(true);
        }
        if value.is_instance_of::<PyString>() {
            let Some(string) = text(value) else { return Ok(false) };
            self.strings.push(string?);
            return Ok(true);
        }
        if value.is_instance_of::<PyInt>() || value.is_instance_of::<PyFloat>() {
            return Ok(!is_enum(&class));
        }
        if let Ok(dict) = value.cast::<PyDict>() {
            if !is_plain(&py.get_type::<PyDict>()) {
                return Ok(false);
            }
            for (key, value) in dict.iter() {
                if !self.look(&key, depth)? || !self.look(&value, depth + 1)? {
                    return Ok(false);
                }
            }
            return Ok(true);
        }
        let elements: Vec<Bound<'_, PyAny>> = if let Ok(list) = value.cast::<PyList>() {
            if !is_plain(&py.get_type::<PyList>()) {
                return Ok(false);
            }
            list.iter().collect()
        } else if let Ok(tuple) = value.cast::<PyTuple>() {
            if !is_plain(&py.get_type::<PyTuple>()) {
                return Ok(false);
            }
            tuple.iter().collect()
        } else {
            return Ok(read(py, number::decimal(py)).is_some_and(|decimal| class.is(decimal)));
        };
        for element in &elements {
            if !self.look(element, depth + 1)? {
                return Ok(false);
            }
        }
        Ok(true)
    }
}

fn is_object(value: &Bound<'_, PyAny>) -> bool {
    let class = value.get_type();
    value.is_instance_of::<PyDict>() || is_record(&class) || is_mapping(&class)
}

/// Whether a class is a dataclass or a pydantic model.
fn is_record(class: &Bound<'_, PyType>) -> bool {
    let py = class.py();
    let has = |name| read(py, class.hasattr(name)).unwrap_or(false);
    has(intern!(py, "__dataclass_fields__")) || has(intern!(py, "__pydantic_fields__"))
}

/// Whether a class is a subclass of `Mapping`. The value itself is not asked, because it could claim any class.
fn is_mapping(class: &Bound<'_, PyType>) -> bool {
    static MAPPING: PyOnceLock<Py<PyType>> = PyOnceLock::new();
    let py = class.py();
    let mapping = MAPPING.import(py, "collections.abc", "Mapping");
    read(py, mapping.and_then(|base| class.is_subclass(base))).unwrap_or(false)
}

fn is_enum(class: &Bound<'_, PyType>) -> bool {
    static ENUM: PyOnceLock<Py<PyType>> = PyOnceLock::new();
    let py = class.py();
    read(py, ENUM.import(py, "enum", "Enum").and_then(|base| class.is_subclass(base))).unwrap_or(false)
}

/// Reads one part of a call.
#[derive(Default)]
pub(super) struct Reader {
    /// The number of elements read so far.
    elements: usize,
}

impl Reader {
    /// Reads the parts of a value that the policy reads.
    pub(super) fn take(&mut self, value: &Bound<'_, PyAny>, reads: Reads<'_>) -> Result<Taken, Error> {
        if let Ok(string) = value.cast_exact::<PyString>() {
            let text = string.clone().try_into().map_err(|_| Code::Surrogate.anywhere())?;
            Ok(Taken::Text(text))
        } else if let Ok(dict) = value.cast_exact::<PyDict>() {
            self.dict(dict, reads)
        } else if value.is_none() {
            Ok(Taken::Null)
        } else if let Ok(value) = value.cast_exact::<PyBool>() {
            Ok(Taken::Bool(value.is_true()))
        } else if let Ok(value) = value.cast_exact::<PyInt>() {
            Ok(int(value))
        } else if let Ok(value) = value.cast_exact::<PyFloat>() {
            Ok(Taken::Number(number::of_float(value.value())))
        } else if let Ok(list) = value.cast_exact::<PyList>() {
            self.list(list.len(), list.iter(), reads)
        } else if let Ok(tuple) = value.cast_exact::<PyTuple>() {
            self.list(tuple.len(), tuple.iter(), reads)
        } else {
            self.other(value, reads)
        }
    }

    /// Reads a value that is not exactly of a built-in class.
    fn other(&mut self, value: &Bound<'_, PyAny>, reads: Reads<'_>) -> Result<Taken, Error> {
        let py = value.py();
        let class = value.get_type();
        let one_face = |built_in| is_enum(&class) || read(py, faces::has_one(&class, &built_in)).unwrap_or(false);
        if value.is_instance_of::<PyString>() {
            return text(value).map_or(Ok(Taken::Withheld), |text| text.map(Taken::Text));
        }
        if let Ok(value) = value.cast::<PyInt>() {
            return Ok(if one_face(py.get_type::<PyInt>()) { int(value) } else { Taken::Withheld });
        }
        if let Ok(value) = value.cast::<PyFloat>() {
            let one = one_face(py.get_type::<PyFloat>());
            return Ok(if one { Taken::Number(number::of_float(value.value())) } else { Taken::Withheld });
        }
        if let Ok(dict) = value.cast::<PyDict>() {
            return if one_face(py.get_type::<PyDict>()) { self.dict(dict, reads) } else { Ok(Taken::Withheld) };
        }
        if let Ok(list) = value.cast::<PyList>() {
            let one = one_face(py.get_type::<PyList>());
            return if one { self.list(list.len(), list.iter(), reads) } else { Ok(Taken::Withheld) };
        }
        if let Ok(tuple) = value.cast::<PyTuple>() {
            let one = one_face(py.get_type::<PyTuple>());
            return if one { self.list(tuple.len(), tuple.iter(), reads) } else { Ok(Taken::Withheld) };
        }
        if is_enum(&class) {
            return Ok(read(py, member(value)).unwrap_or(Taken::Withheld));
        }
        if read(py, number::decimal(py)).is_some_and(|decimal| class.is(decimal)) {
            return Ok(read(py, number::of_decimal(value)).map_or(Taken::Withheld, Taken::Number));
        }
        if let Some(scalar) = read(py, numpy_scalar(value, &class)).flatten() {
            return Ok(simple(&scalar).unwrap_or(Taken::Withheld));
        }
        if is_record(&class) {
            return self.record(value, &class, reads);
        }
        if is_mapping(&class) {
            return self.mapping(value, reads);
        }
        Ok(Taken::Withheld)
    }

    /// Reads the values under the keys that the policy reads. All are looked up before code of any value can run, so
    /// that the dict cannot change in between.
    fn dict(&mut self, dict: &Bound<'_, PyDict>, reads: Reads<'_>) -> Result<Taken, Error> {
        if !reads.below()? {
            return Ok(Taken::Object(Vec::new()));
        }
        let mut found = Vec::new();
        let mut odd = Vec::new();
        for (key, value) in dict.iter() {
            match key.cast_exact::<PyString>() {
                Ok(key) => {
                    let key = key.to_str().map_err(|_| Code::Surrogate.anywhere())?;
                    if let Some(child) = reads.key(key)? {
                        found.push((child, value));
                    }
                }
                Err(_) => odd.push((key, value)),
            }
        }
        for (key, value) in odd {
            // A tool could take a key that is not a string for one that the policy reads.
            let Some(key) = text(&key) else { return Ok(Taken::Withheld) };
            if let Some(child) = reads.key(&key?)? {
                found.push((child, value));
            }
        }
        self.fields(reads, found.into_iter().map(|(child, value)| (child, Some(value))))
    }

    /// The same for any other mapping, through its methods, as a tool would read it.
    fn mapping(&mut self, mapping: &Bound<'_, PyAny>, reads: Reads<'_>) -> Result<Taken, Error> {
        let py = mapping.py();
        if !reads.below()? {
            return Ok(Taken::Object(Vec::new()));
        }
        let Some(keys) = read(py, mapping.try_iter()) else { return Ok(Taken::Withheld) };
        let mut found = Vec::new();
        for (count, key) in keys.enumerate() {
            if count >= MOST_KEYS {
                return Err(Code::Size.anywhere());
            }
            let Some(key) = read(py, key) else { return Ok(Taken::Withheld) };
            let Some(name) = text(&key) else { return Ok(Taken::Withheld) };
            if let Some(child) = reads.key(&name?)? {
                found.push((child, key));
            }
        }
        let found = found.into_iter().map(|(child, key)| (child, read(py, mapping.get_item(key))));
        self.fields(reads, found)
    }

    /// The same for the fields of a dataclass or a pydantic model.
    fn record(
        &mut self,
        value: &Bound<'_, PyAny>,
        class: &Bound<'_, PyType>,
        reads: Reads<'_>,
    ) -> Result<Taken, Error> {
        let py = value.py();
        let Some(names) = read(py, field_names(value, class)) else { return Ok(Taken::Withheld) };
        if names.root {
            let root = read(py, value.getattr(intern!(py, "root")));
            return root.map_or(Ok(Taken::Withheld), |root| self.take(&root, reads));
        }
        let mut found = Vec::new();
        for name in names.fields {
            let name = text(&name).ok_or(Code::Part.anywhere())??;
            if let Some(child) = reads.key(&name)? {
                found.push((child, read(py, value.getattr(&*name))));
            }
        }
        if let Some(extra) = names.extra {
            for (name, extra) in extra.iter() {
                let Some(name) = text(&name) else { return Ok(Taken::Withheld) };
                if let Some(child) = reads.key(&name?)? {
                    found.push((child, Some(extra)));
                }
            }
        }
        self.fields(reads, found)
    }

    /// Reads values that were looked up. `None` stands for a value whose lookup failed.
    fn fields<'r, 'py>(
        &mut self,
        reads: Reads<'r>,
        found: impl IntoIterator<Item = (Reads<'r>, Option<Bound<'py, PyAny>>)>,
    ) -> Result<Taken, Error> {
        let found = found.into_iter();
        let mut fields: Vec<(_, Taken)> = Vec::with_capacity(found.size_hint().0);
        for (child, value) in found {
            if reads.is_rest(child)? {
                // The policy reads only that there is such a key.
                fields.push((child.place(), Taken::Bool(true)));
                continue;
            }
            if fields.iter().any(|(place, _)| *place == child.place()) {
                return Err(Code::Duplicate.anywhere());
            }
            let taken = value.map_or(Ok(Taken::Withheld), |value| self.take(&value, child))?;
            fields.push((child.place(), taken));
        }
        Ok(Taken::Object(fields))
    }

    fn list<'py>(
        &mut self,
        length: usize,
        elements: impl Iterator<Item = Bound<'py, PyAny>>,
        reads: Reads<'_>,
    ) -> Result<Taken, Error> {
        let (takes_roles, below) = (reads.roles()?, reads.elements()?);
        let mut list = (Vec::new(), Vec::new());
        if length <= LIST_LENGTH as usize && (takes_roles || below.is_some()) {
            // Collect all elements before reading any, because reading one may change the list.
            let elements: Vec<Bound<'_, PyAny>> = elements.take(length).collect();
            self.elements = self.elements.saturating_add(elements.len());
            if elements.len() != length || self.elements > MOST_ELEMENTS {
                return Ok(Taken::Withheld);
            }
            if takes_roles {
                list.0 = elements.iter().map(|element| text(element).transpose()).collect::<Result<_, _>>()?;
            }
            if let Some(below) = below {
                list.1 = elements.iter().map(|element| self.take(element, below)).collect::<Result<_, _>>()?;
            }
        }
        Ok(Taken::List { length: length as u64, roles: list.0, elements: list.1 })
    }
}

fn int(value: &Bound<'_, PyInt>) -> Taken {
    read(value.py(), number::of_int(value)).map_or(Taken::Withheld, Taken::Number)
}

/// A scalar of a built-in class.
fn simple(value: &Bound<'_, PyAny>) -> Option<Taken> {
    if let Ok(value) = value.cast_exact::<PyBool>() {
        Some(Taken::Bool(value.is_true()))
    } else if let Ok(value) = value.cast_exact::<PyInt>() {
        Some(int(value))
    } else if let Ok(value) = value.cast_exact::<PyFloat>() {
        Some(Taken::Number(number::of_float(value.value())))
    } else if let Ok(value) = value.cast_exact::<PyString>() {
        value.clone().try_into().ok().map(Taken::Text)
    } else {
        value.is_none().then_some(Taken::Null)
    }
}

/// The value of a member of an enumeration.
fn member(value: &Bound<'_, PyAny>) -> PyResult<Taken> {
    let py = value.py();
    let plain =
        py.get_type::<PyAny>().call_method1(intern!(py, "__getattribute__"), (value, intern!(py, "_value_")))?;
    Ok(simple(&plain).unwrap_or(Taken::Withheld))
}

/// The Python value of a `numpy` scalar. `None` for any other value.
fn numpy_scalar<'py>(value: &Bound<'py, PyAny>, class: &Bound<'py, PyType>) -> PyResult<Option<Bound<'py, PyAny>>> {
    let py = value.py();
    // If `numpy` is not imported, no value can come from it.
    let modules = py.import(intern!(py, "sys"))?.getattr(intern!(py, "modules"))?;
    let Some(numpy) = modules.cast::<PyDict>()?.get_item(intern!(py, "numpy"))? else { return Ok(None) };
    let generic = numpy.getattr(intern!(py, "generic"))?;
    if !class.is_subclass(&generic)? || !faces::is_immutable(class)? {
        return Ok(None);
    }
    value.call_method0(intern!(py, "item")).map(Some)
}

/// The fields of a dataclass or a pydantic model.
struct Fields<'py> {
    /// Whether it is a root model, which stands for its only field, `root`.
    root: bool,
    fields: Vec<Bound<'py, PyAny>>,
    /// The undeclared fields of a model that allows them.
    extra: Option<Bound<'py, PyDict>>,
}

fn field_names<'py>(value: &Bound<'py, PyAny>, class: &Bound<'py, PyType>) -> PyResult<Fields<'py>> {
    let py = value.py();
    let pydantic = class.getattr(intern!(py, "__pydantic_fields__"));
    if let Ok(fields) = pydantic
        && !class.hasattr(intern!(py, "__dataclass_fields__"))?
    {
        let root = class.getattr(intern!(py, "__pydantic_root_model__"))?.is_truthy()?;
        let fields = fields.cast::<PyDict>()?.keys().iter().collect();
        let extra = value.getattr(intern!(py, "__pydantic_extra__"))?.cast_into::<PyDict>().ok();
        return Ok(Fields { root, fields, extra });
    }
    let fields = py.import(intern!(py, "dataclasses"))?.call_method1(intern!(py, "fields"), (class,))?;
    let fields = fields.cast::<PyTuple>()?.iter().map(|field| field.getattr(intern!(py, "name")));
    Ok(Fields { root: false, fields: fields.collect::<PyResult<_>>()?, extra: None })
}
