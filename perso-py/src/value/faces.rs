//! Values with two faces: instances of a subclass of `str`, `dict` and similar that shows other values than it stores.
//! What a tool sees depends on how it reads such a value, so perso cannot judge it.

use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::{PyMappingProxy, PyTuple, PyType};

/// `Py_TPFLAGS_IMMUTABLETYPE`: a class that Python code cannot change, such as one written in C.
const IMMUTABLE: u64 = 1 << 8;

/// The special names that a subclass may define without getting a second face: how it is created, copied, shown to
/// developers and documented.
const HARMLESS: &[&str] = &[
    "__abstractmethods__",
    "__annotate__",
    "__annotate_func__",
    "__annotations__",
    "__annotations_cache__",
    "__class_getitem__",
    "__copy__",
    "__deepcopy__",
    "__delattr__",
    "__dict__",
    "__dir__",
    "__doc__",
    "__firstlineno__",
    "__get_pydantic_core_schema__",
    "__get_pydantic_json_schema__",
    "__getattr__",
    "__getnewargs__",
    "__getstate__",
    "__init__",
    "__init_subclass__",
    "__match_args__",
    "__module__",
    "__new__",
    "__orig_bases__",
    "__parameters__",
    "__qualname__",
    "__reduce__",
    "__reduce_ex__",
    "__replace__",
    "__repr__",
    "__setattr__",
    "__setstate__",
    "__sizeof__",
    "__slots__",
    "__static_attributes__",
    "__subclasshook__",
    "__type_params__",
    "__weakref__",
];

/// Looks a name up on the class itself. A metaclass cannot intercept this.
fn of_class<'py>(class: &Bound<'py, PyType>, name: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
    let py = class.py();
    py.get_type::<PyType>().call_method1(intern!(py, "__getattribute__"), (class, name))
}

/// Whether Python code cannot change a class, because the class is not written in Python.
pub(super) fn is_immutable(class: &Bound<'_, PyType>) -> PyResult<bool> {
    Ok(of_class(class, intern!(class.py(), "__flags__"))?.extract::<u64>()? & IMMUTABLE != 0)
}

/// Whether a subclass of a built-in class has one face: whether it leaves all reading to the built-in class.
pub(super) fn has_one(class: &Bound<'_, PyType>, built_in: &Bound<'_, PyType>) -> PyResult<bool> {
    let py = class.py();
    let own = of_class(built_in, intern!(py, "__dict__"))?;
    let own = own.cast::<PyMappingProxy>()?;
    let line = of_class(class, intern!(py, "__mro__"))?;
    for ancestor in line.cast::<PyTuple>()?.iter() {
        let ancestor = ancestor.cast::<PyType>()?;
        if ancestor.is(built_in) {
            return Ok(true);
        }
        if is_immutable(ancestor)? {
            continue;
        }
        let defines = of_class(ancestor, intern!(py, "__dict__"))?;
        for name in defines.cast::<PyMappingProxy>()?.keys()?.iter() {
            let name: String = name.extract()?;
            // A tool could get another value through any other special name, such as `__radd__`.
            let is_special = name.starts_with("__") && name.ends_with("__");
            if (is_special || own.contains(&name)?) && !HARMLESS.contains(&&*name) {
                return Ok(false);
            }
        }
    }
    Ok(false)
}
