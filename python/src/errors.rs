//! Failures of the library as Python's exceptions, with the same text. Their classes are in `safelight/_errors.py`.

use pyo3::exceptions::PySystemError;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyList};
use safelight::{Diagnostics, ItemError};
use std::any::Any;

const CLASSES: &str = "safelight._errors";

/// An exception of this class, with attributes.
pub(crate) fn error<'py>(
    py: Python<'py>,
    class: &str,
    message: &str,
    attributes: &[(&str, Bound<'py, PyAny>)],
) -> PyErr {
    let made = || {
        let exception = py.import(CLASSES)?.getattr(class)?.call1((message,))?;
        for (name, value) in attributes {
            exception.setattr(*name, value)?;
        }
        Ok(PyErr::from_value(exception))
    };
    made().unwrap_or_else(|e: PyErr| e)
}

/// An array that is no picture.
pub(crate) fn array(py: Python<'_>, message: &str) -> PyErr {
    error(py, "ArrayError", message, &[])
}

/// Something else than an array of a type that pictures have.
pub(crate) fn array_type(py: Python<'_>, message: &str) -> PyErr {
    error(py, "ArrayTypeError", message, &[])
}

/// The failure of one picture. `place` says which, where there are several.
pub(crate) fn item(py: Python<'_>, error: &ItemError, place: Option<&str>) -> PyErr {
    let kind = error.kind.name().into_pyobject(py).map(Bound::into_any);
    let text = match place {
        Some(place) => format!("{place}: {error}"),
        None => error.to_string(),
    };
    match kind {
        Ok(kind) => self::error(py, "ItemError", &text, &[("kind", kind)]),
        Err(never) => match never {},
    }
}

/// All mistakes of a pipeline, or of what stands in one.
pub(crate) fn mistakes(py: Python<'_>, class: &str, found: &Diagnostics) -> PyErr {
    match listed(py, found) {
        Ok(list) => error(py, class, &found.render(), &[("mistakes", list.into_any())]),
        Err(e) => e,
    }
}

fn listed<'py>(py: Python<'py>, found: &Diagnostics) -> PyResult<Bound<'py, PyList>> {
    let list = PyList::empty(py);
    for mistake in found.iter() {
        let number = |n: usize| (n > 0).then_some(n);
        let told = PyDict::new(py);
        told.set_item("message", &mistake.message)?;
        told.set_item("file", &mistake.file)?;
        told.set_item("line", number(mistake.line))?;
        told.set_item("column", number(mistake.column))?;
        told.set_item("help", &mistake.help)?;
        list.append(told)?;
    }
    Ok(list)
}

/// A defect, which the library tells by a panic.
pub(crate) fn panic(panic: &(dyn Any + Send)) -> PyErr {
    let text = panic.downcast_ref::<&str>().copied();
    let text = text.or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    PySystemError::new_err(format!("internal error of safelight: {}; please report it", text.unwrap_or("?")))
}
