//! Values with two faces: those of a subclass of `str`, `dict` and the like that answers otherwise than what it has
//! stored. What a tool will see of one depends on how it looks, so none can be judged.

use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::{PyMappingProxy, PyTuple, PyType};

/// `Py_TPFLAGS_IMMUTABLETYPE`: a class that is written in C, or as good as.
const IMMUTABLE: u64 = 1 << 8;

/// The special names that a subclass may define without a second face: how it is made, copied, shown to developers and
/// described.
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

/// Looked up on a class itself, past whatever its metaclass says.
fn of_class<'py>(class: &Bound<'py, PyType>, name: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
    let py = class.py();
    py.get_type::<PyType>().call_method1(intern!(py, "__getattribute__"), (class, name))
}

/// Whether a class can't be changed by anybody: whether it is not written in Python.
pub(super) fn is_immutable(class: &Bound<'_, PyType>) -> PyResult<bool> {
    Ok(of_class(class, intern!(class.py(), "__flags__"))?.extract::<u64>()? & IMMUTABLE != 0)
}

/// Whether a subclass of a built-in class leaves all that is read of its values to the built-in class.
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
            // Any other special name, such as `__radd__`, may be how a tool comes to another value.
            let is_special = name.starts_with("__") && name.ends_with("__");
            if (is_special || own.contains(&name)?) && !HARMLESS.contains(&&*name) {
                return Ok(false);
            }
        }
    }
    Ok(false)
}
