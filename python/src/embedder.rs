//! `Embedder`.

use crate::picture::Picture;
use crate::{arrays, errors, options, threads};
use numpy::prelude::*;
use numpy::{PyArray1, PyUntypedArray};
use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;
use pyo3::types::{PyByteArray, PyBytes, PyDict, PyList, PyMemoryView, PyString};
use safelight::{EmbedStep, Image, ItemError, Pictured};
use std::path::PathBuf;

/// A network that turns pictures into vectors. They are those of the step `embed` in a pipeline, with the same options
/// and defaults (docs/pipeline.md): tensor, pool, preprocess, size, fit, normalize, range, mean, std, layout, engine,
/// device, engine_library, exact, dtype (float16 rounds the numbers; they are given as float32 all the same).
///
/// model: an ONNX file, or weights (.pth, .safetensors) of a known architecture. It is loaded into this process.
/// threads: how many a call works on; all cores by default. The result doesn't depend on it.
///
/// Raises ModelError with all mistakes where the model or an option can't be used.
///
/// A call, embed(pictures), embeds several pictures in parallel. Each gets the vector that it gets alone.
///
/// pictures: a list (or any iterable) of arrays as Restorer takes them, standing upright; of paths; of contents of image
/// files as bytes; or of Pictures. Files are turned upright as their orientation tag says.
///
/// Returns a float32 array of shape (len(pictures), dim).
///
/// Raises ItemError for the first picture that fails, ArrayTypeError or ArrayError for what is no picture.
///
/// Calls may come from any thread, and release the GIL. Objects are pickled by the model's path and the options, and work
/// in forked processes.
#[pyclass(module = "safelight", frozen, subclass)]
pub(crate) struct Embedder {
    step: EmbedStep,
    model: Py<PyAny>,
    options: Py<PyDict>,
    threads: Option<usize>,
}

/// A picture to embed.
enum Held<'py> {
    Image(Image),
    Bytes(Bound<'py, PyBytes>),
    Copied(Vec<u8>),
    File(PathBuf),
}

impl<'py> Held<'py> {
    fn of(item: &Bound<'py, PyAny>) -> PyResult<Held<'py>> {
        if let Ok(bytes) = item.cast::<PyBytes>() {
            return Ok(Held::Bytes(bytes.clone()));
        }
        if item.is_instance_of::<PyByteArray>() || item.is_instance_of::<PyMemoryView>() {
            let bytes = item.py().get_type::<PyBytes>().call1((item,))?;
            return Ok(Held::Copied(bytes.cast::<PyBytes>()?.as_bytes().to_vec()));
        }
        if let Ok(picture) = item.cast::<Picture>() {
            return Ok(Held::Image(picture.get().upright_image(item.py())?));
        }
        if item.is_instance_of::<PyString>() || item.hasattr("__fspath__")? {
            return Ok(Held::File(item.extract()?));
        }
        Ok(Held::Image(arrays::image(item)?.0))
    }

    fn pictured(&self) -> Pictured<'_> {
        match self {
            Held::Image(image) => Pictured::Image(image),
            Held::Bytes(bytes) => Pictured::Bytes(bytes.as_bytes()),
            Held::Copied(bytes) => Pictured::Bytes(bytes),
            Held::File(path) => Pictured::File(path),
        }
    }

    /// Which of several it is, for people.
    fn place(&self, number: usize) -> String {
        match self {
            Held::File(path) => path.to_string_lossy().into_owned(),
            _ => format!("picture {number}"),
        }
    }
}

type Vectors = Vec<Result<Vec<f32>, (String, ItemError)>>;

#[pymethods]
impl Embedder {
    #[new]
    #[pyo3(signature = (model, *, threads = None, **options))]
    fn new(
        model: &Bound<'_, PyAny>,
        threads: Option<usize>,
        options: Option<&Bound<'_, PyDict>>,
    ) -> PyResult<Embedder> {
        let py = model.py();
        let threads = threads::asked(threads)?;
        let (model, options) = options::parameters(model, options)?;
        let text = options::text(&model, &options)?;
        let step = threads::work(py, threads, || EmbedStep::parse(&text))?;
        let step = step.map_err(|found| errors::mistakes(py, "ModelError", &found))?;
        Ok(Embedder { step, model: model.unbind(), options: options.unbind(), threads })
    }

    /// Length of the vectors.
    #[getter]
    fn dim(&self) -> usize {
        self.step.dim()
    }

    /// What was inferred of the model, in words.
    #[getter]
    fn notes(&self) -> Vec<String> {
        self.step.notes().to_vec()
    }

    fn __call__<'py>(&self, pictures: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
        let py = pictures.py();
        let vectors = self.vectors(pictures)?;
        let count = vectors.len();
        let mut numbers = Vec::with_capacity(count * self.step.dim());
        for vector in vectors {
            numbers.extend(vector.map_err(|(place, e)| errors::item(py, &e, Some(&place)))?);
        }
        self.table(py, numbers, count)
    }

    /// As a call, but a picture that fails is a row of NaN. Returns also a list with None for each that succeeded, and
    /// the ItemError of each that failed.
    fn attempt<'py>(
        &self,
        pictures: &Bound<'py, PyAny>,
    ) -> PyResult<(Bound<'py, PyAny>, Bound<'py, PyList>)> {
        let py = pictures.py();
        let vectors = self.vectors(pictures)?;
        let count = vectors.len();
        let mut numbers = Vec::with_capacity(count * self.step.dim());
        let failures = PyList::empty(py);
        for vector in vectors {
            match vector {
                Ok(vector) => {
                    numbers.extend(vector);
                    failures.append(py.None())?;
                }
                Err((place, error)) => {
                    numbers.extend(std::iter::repeat_n(f32::NAN, self.step.dim()));
                    failures.append(errors::item(py, &error, Some(&place)).into_value(py))?;
                }
            }
        }
        Ok((self.table(py, numbers, count)?, failures))
    }

    fn __getnewargs_ex__<'py>(&self, py: Python<'py>) -> PyResult<((Py<PyAny>,), Bound<'py, PyDict>)> {
        let options = self.options.bind(py).copy()?;
        options.set_item("threads", self.threads)?;
        Ok(((self.model.clone_ref(py),), options))
    }

    fn __repr__(&self, py: Python<'_>) -> PyResult<String> {
        Ok(format!("safelight.Embedder({})", self.model.bind(py).repr()?))
    }
}

impl Embedder {
    fn vectors(&self, pictures: &Bound<'_, PyAny>) -> PyResult<Vectors> {
        let py = pictures.py();
        let numbers = pictures.cast::<PyUntypedArray>();
        let single = numbers.is_ok_and(|array| array.ndim() != 4 && !array.dtype().has_object())
            || pictures.is_instance_of::<PyString>()
            || pictures.is_instance_of::<PyBytes>()
            || pictures.is_instance_of::<Picture>();
        if single {
            let name = pictures.get_type().name()?;
            return Err(PyTypeError::new_err(format!("a list of pictures is expected, found one {name}")));
        }
        let held = pictures.try_iter()?.map(|item| Held::of(&item?)).collect::<PyResult<Vec<_>>>()?;
        let pictures: Vec<Pictured<'_>> = held.iter().map(Held::pictured).collect();
        let vectors = threads::work(py, self.threads, || self.step.embed(&pictures))?;
        let placed = vectors.into_iter().zip(&held).enumerate();
        Ok(placed.map(|(number, (vector, held))| vector.map_err(|e| (held.place(number), e))).collect())
    }

    fn table<'py>(&self, py: Python<'py>, numbers: Vec<f32>, count: usize) -> PyResult<Bound<'py, PyAny>> {
        Ok(PyArray1::from_vec(py, numbers).reshape([count, self.step.dim()])?.into_any())
    }
}
