//! `Restorer`.

use crate::{arrays, errors, options, threads};
use pyo3::prelude::*;
use pyo3::types::PyDict;
use safelight::RestoreStep;

/// A network that restores pictures: denoises, deblocks, enlarges. Results are those of the step `restore` in a
/// pipeline, with the same options and defaults (docs/pipeline.md): strength, texture, colour, tile, check, guard,
/// inputs, range, mean, std, layout, engine, device, engine_library, exact.
///
/// model: an ONNX file, or weights (.pth, .safetensors) of a known architecture. It is loaded into this process.
/// threads: how many a call works on; all cores by default. The result doesn't depend on it.
///
/// Raises ModelError with all mistakes where the model or an option can't be used.
///
/// A call, restore(array), restores one picture.
///
/// array: uint8 (0 to 255), uint16 (0 to 65535) or float32 (0 to 1; beyond is taken as it stands, and results may leave
/// it), of shape (height, width) or (height, width, channels) with 1 (gray), 2 (gray and alpha), 3 (RGB) or 4 (RGB and
/// alpha) channels. It is not changed. Any strides will do; those that are not C-contiguous cost a copy more.
///
/// Returns a new array of the same type and number of axes (a network that makes colour of gray adds that of the
/// channels), height and width times `scale`. Alpha is kept.
///
/// Raises ArrayTypeError (a TypeError) and ArrayError (a ValueError) for what is no picture, ItemError where the network
/// fails on it or the result is none.
///
/// Calls may come from any thread, and release the GIL. Objects are pickled by the model's path and the options, and work
/// in forked processes.
#[pyclass(module = "safelight", frozen, subclass)]
pub(crate) struct Restorer {
    step: RestoreStep,
    model: Py<PyAny>,
    options: Py<PyDict>,
    threads: Option<usize>,
}

#[pymethods]
impl Restorer {
    #[new]
    #[pyo3(signature = (model, *, threads = None, **options))]
    fn new(
        model: &Bound<'_, PyAny>,
        threads: Option<usize>,
        options: Option<&Bound<'_, PyDict>>,
    ) -> PyResult<Restorer> {
        let py = model.py();
        let threads = threads::asked(threads)?;
        let (model, options) = options::parameters(model, options)?;
        let text = options::text(&model, &options)?;
        let step = threads::work(py, threads, || RestoreStep::parse(&text))?;
        let step = step.map_err(|found| errors::mistakes(py, "ModelError", &found))?;
        Ok(Restorer { step, model: model.unbind(), options: options.unbind(), threads })
    }

    /// How many times wider and higher results are; 1 where the network keeps the size.
    #[getter]
    fn scale(&self) -> usize {
        self.step.scale()
    }

    /// What was inferred of the model, in words.
    #[getter]
    fn notes(&self) -> Vec<String> {
        self.step.notes().to_vec()
    }

    fn __call__<'py>(&self, array: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
        Ok(self.noted(array)?.0)
    }

    /// As a call; returns also a list of remarks, such as what the guard did.
    fn noted<'py>(&self, array: &Bound<'py, PyAny>) -> PyResult<(Bound<'py, PyAny>, Vec<String>)> {
        let py = array.py();
        let (image, form) = arrays::image(array)?;
        let restored = threads::work(py, self.threads, || self.step.restore(image))?;
        let (image, notes) = restored.map_err(|e| errors::item(py, &e, None))?;
        Ok((arrays::array(py, image, form)?, notes))
    }

    fn __getnewargs_ex__<'py>(&self, py: Python<'py>) -> PyResult<((Py<PyAny>,), Bound<'py, PyDict>)> {
        let options = self.options.bind(py).copy()?;
        options.set_item("threads", self.threads)?;
        Ok(((self.model.clone_ref(py),), options))
    }

    fn __repr__(&self, py: Python<'_>) -> PyResult<String> {
        Ok(format!("safelight.Restorer({})", self.model.bind(py).repr()?))
    }
}
