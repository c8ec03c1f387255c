//! Python's values as the texts that the library reads.

use pyo3::prelude::*;
use pyo3::types::{PyDict, PyString};

/// JSON, which is YAML too, on one line.
///
/// # Errors
/// For values that JSON has no form for.
pub(crate) fn json(value: &Bound<'_, PyAny>) -> PyResult<String> {
    let py = value.py();
    let how = PyDict::new(py);
    how.set_item("ensure_ascii", false)?;
    how.set_item("default", py.import("safelight._plain")?.getattr("plain")?)?;
    py.import("json")?.call_method("dumps", (value,), Some(&how))?.extract()
}

/// What a text of JSON says.
pub(crate) fn parsed<'py>(py: Python<'py>, text: &str) -> PyResult<Bound<'py, PyAny>> {
    py.import("json")?.call_method1("loads", (text,))
}

/// YAML: a text as it is, anything else as JSON.
pub(crate) fn yaml(value: &Bound<'_, PyAny>) -> PyResult<String> {
    match value.cast::<PyString>() {
        Ok(text) => Ok(text.to_str()?.to_owned()),
        Err(_) => json(value),
    }
}

/// The parameters of a step: the model, from the root so that it is found from any working directory, and all others that
/// are not None.
pub(crate) fn parameters<'py>(
    model: &Bound<'py, PyAny>,
    options: Option<&Bound<'py, PyDict>>,
) -> PyResult<(Bound<'py, PyAny>, Bound<'py, PyDict>)> {
    let py = model.py();
    let path = py.import("os")?.getattr("path")?.call_method1("abspath", (model,))?;
    let given = PyDict::new(py);
    for (name, value) in options.into_iter().flatten() {
        if !value.is_none() {
            given.set_item(name, value)?;
        }
    }
    Ok((path, given))
}

/// The same as YAML in braces.
pub(crate) fn text(model: &Bound<'_, PyAny>, given: &Bound<'_, PyDict>) -> PyResult<String> {
    let all = PyDict::new(model.py());
    all.set_item("model", model)?;
    all.update(given.as_mapping())?;
    json(&all)
}
