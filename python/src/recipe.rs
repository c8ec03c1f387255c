//! `Recipe`.

use crate::{arrays, errors, options, threads};
use pyo3::prelude::*;
use pyo3::types::PyList;
use safelight::{ErrorKind, ItemError};

/// Corruptions, applied in order: what goes wrong with pictures, made on purpose. The same picture and seed give the same
/// result on every machine, which is that of the step `corrupt` in a pipeline with that seed.
///
/// corruptions: a list of dicts such as [{"gaussian_noise": {"sigma": [5, 50]}}, {"jpeg_compression": {"quality": 60}}],
/// or the same as a text of YAML. docs/pipeline.md has all of them with their parameters.
///
/// Raises PipelineError with all mistakes.
///
/// A call, recipe(array, seed), corrupts one picture.
///
/// array: as Restorer takes it; it is not changed. seed: 0 to 2**64 - 1; every draw follows from it.
///
/// Returns a new array of the same type and shape. float32 results are from 0 to 1. Alpha is kept.
///
/// Raises ArrayTypeError or ArrayError for what is no picture, ItemError where a corruption can't work on it.
///
/// A call works on the thread that it comes from, releases the GIL, and may come from any thread. Objects can be pickled,
/// and work in forked processes.
#[pyclass(module = "safelight", frozen, subclass)]
pub(crate) struct Recipe {
    recipe: safelight::Recipe,
    text: String,
}

#[pymethods]
impl Recipe {
    #[new]
    #[pyo3(signature = (corruptions))]
    fn new(corruptions: &Bound<'_, PyAny>) -> PyResult<Recipe> {
        let text = options::yaml(corruptions)?;
        let recipe = safelight::Recipe::parse(&text);
        let recipe = recipe.map_err(|found| errors::mistakes(corruptions.py(), "PipelineError", &found))?;
        Ok(Recipe { recipe, text })
    }

    fn __call__<'py>(&self, array: &Bound<'py, PyAny>, seed: u64) -> PyResult<Bound<'py, PyAny>> {
        Ok(self.drawn(array, seed)?.0)
    }

    /// As a call; returns also a list of dicts of what was applied, in order, with what was drawn:
    /// [{"corruption": "gaussian_noise", "sigma": 21.7}].
    fn applied<'py>(
        &self,
        array: &Bound<'py, PyAny>,
        seed: u64,
    ) -> PyResult<(Bound<'py, PyAny>, Bound<'py, PyList>)> {
        let (array, applied) = self.drawn(array, seed)?;
        let list = PyList::empty(array.py());
        for one in applied {
            list.append(options::parsed(array.py(), &one)?)?;
        }
        Ok((array, list))
    }

    fn __getnewargs__(&self) -> (&str,) {
        (&self.text,)
    }

    fn __repr__(&self) -> String {
        format!("safelight.Recipe({:?})", self.text)
    }
}

impl Recipe {
    /// The corrupted picture, and what was applied as JSON.
    fn drawn<'py>(&self, array: &Bound<'py, PyAny>, seed: u64) -> PyResult<(Bound<'py, PyAny>, Vec<String>)> {
        let py = array.py();
        let (image, form) = arrays::image(array)?;
        let corrupted = threads::alone(py, || self.recipe.corrupt(&image, seed))?;
        let (image, applied) = corrupted
            .map_err(|e| errors::item(py, &ItemError::new(ErrorKind::Unsupported, e.to_string()), None))?;
        Ok((arrays::array(py, image, form)?, applied.iter().map(|one| one.json().to_string()).collect()))
    }
}
