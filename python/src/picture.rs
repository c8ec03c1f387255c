//! `Picture`, `decode` and `encode`.

use crate::{arrays, errors, threads};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::{PyByteArray, PyBytes, PyMemoryView};
use safelight::codec::Compression;
use safelight::{Decoded, EncodeOptions, Format, Image, ItemError, Limits, Metadata, Source, decode_file};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// What a file holds: the pixels, and what stands beside them. Made by decode.
#[pyclass(module = "safelight", frozen)]
pub(crate) struct Picture {
    array: Py<PyAny>,
    beside: Arc<Beside>,
}

/// What stands beside the pixels.
#[derive(Clone)]
struct Beside {
    meta: Metadata,
    source: Source,
    faults: Vec<String>,
}

#[pymethods]
impl Picture {
    /// The pixels as they are stored, not turned: uint8 for up to 8 bits a sample, else uint16; of shape
    /// (height, width) for gray, (height, width, channels) for gray and alpha (2), RGB (3), RGB and alpha (4).
    #[getter]
    fn array(&self, py: Python<'_>) -> Py<PyAny> {
        self.array.clone_ref(py)
    }

    /// The file's format, by its content: "jpeg", "png", "tiff" ...
    #[getter]
    fn format(&self) -> &'static str {
        self.beside.source.format.name()
    }

    /// Bits of one sample in the file.
    #[getter]
    fn bit_depth(&self) -> u8 {
        self.beside.source.bit_depth
    }

    /// EXIF orientation, 1 (upright) to 8.
    #[getter]
    fn orientation(&self) -> u8 {
        self.beside.meta.orientation
    }

    /// The EXIF block, from its TIFF header on, or None.
    #[getter]
    fn exif(&self) -> Option<&[u8]> {
        self.beside.meta.exif.as_deref()
    }

    /// The ICC profile of the pixel values, or None.
    #[getter]
    fn icc(&self) -> Option<&[u8]> {
        self.beside.meta.icc.as_deref()
    }

    /// The XMP packet, or None.
    #[getter]
    fn xmp(&self) -> Option<&[u8]> {
        self.beside.meta.xmp.as_deref()
    }

    /// Remarks on how the file was read, such as "first of 12 pages", and faults that were read around.
    #[getter]
    fn notes(&self) -> Vec<String> {
        [self.beside.source.notes.as_slice(), &self.beside.faults].concat()
    }

    /// The same with other pixels, such as restored ones: what stands beside them follows their size.
    ///
    /// Raises ArrayTypeError or ArrayError for what is no picture.
    fn replace(&self, array: &Bound<'_, PyAny>) -> PyResult<Picture> {
        let (before, _) = arrays::image(self.array.bind(array.py()))?;
        let (after, _) = arrays::image(array)?;
        let mut beside = (*self.beside).clone();
        beside.meta.resized((before.width(), before.height()), (after.width(), after.height()));
        Ok(Picture { array: array.clone().unbind(), beside: Arc::new(beside) })
    }

    /// The same as people see it: with the pixels turned as the orientation says, which becomes 1.
    fn upright(&self, py: Python<'_>) -> PyResult<Picture> {
        let (image, form) = arrays::image(self.array.bind(py))?;
        let Beside { meta, source, faults } = (*self.beside).clone();
        let decoded = threads::alone(py, || Decoded { image, meta, source, faults }.upright())?;
        made(py, decoded, form)
    }

    fn __repr__(&self, py: Python<'_>) -> PyResult<String> {
        let (shape, dtype) = (self.array.bind(py).getattr("shape")?, self.array.bind(py).getattr("dtype")?);
        Ok(format!("<safelight.Picture {} {shape} {dtype}>", self.format()))
    }
}

impl Picture {
    /// The pixels standing upright.
    pub(crate) fn upright_image(&self, py: Python<'_>) -> PyResult<Image> {
        let (image, _) = arrays::image(self.array.bind(py))?;
        let Beside { meta, source, faults } = (*self.beside).clone();
        Ok(Decoded { image, meta, source, faults }.upright().image)
    }
}

fn made(py: Python<'_>, decoded: Decoded, form: arrays::Form) -> PyResult<Picture> {
    let Decoded { image, meta, source, faults } = decoded;
    let array = arrays::array(py, image, form)?.unbind();
    Ok(Picture { array, beside: Arc::new(Beside { meta, source, faults }) })
}

/// Decodes the first picture of an image file.
///
/// file: a path, or the file's content as bytes.
///
/// Returns a Picture.
///
/// Raises ItemError for what can't be read, is no image, damaged, or of more than 500 megapixels.
#[pyfunction]
pub(crate) fn decode(file: &Bound<'_, PyAny>) -> PyResult<Picture> {
    let py = file.py();
    let limits = Limits::default();
    let copied;
    let bytes = if let Ok(bytes) = file.cast::<PyBytes>() {
        Some(bytes)
    } else if file.is_instance_of::<PyByteArray>() || file.is_instance_of::<PyMemoryView>() {
        copied = py.get_type::<PyBytes>().call1((file,))?;
        Some(copied.cast::<PyBytes>()?)
    } else {
        None
    };
    let decoded = match bytes {
        Some(bytes) => {
            let bytes = bytes.as_bytes();
            let decode = || safelight::decode(bytes, Path::new(""), &limits);
            threads::alone(py, decode)?.map_err(|e| errors::item(py, &ItemError::from(&e), None))
        }
        None => {
            let path: PathBuf = file.extract()?;
            let decoded = threads::alone(py, || decode_file(&path, &limits))?;
            decoded.map_err(|e| errors::item(py, &e, Some(&path.to_string_lossy())))
        }
    };
    made(py, decoded?, arrays::Form::USUAL)
}

/// Encodes pixels as an image file.
///
/// picture: an array as Restorer takes it, or a Picture, whose metadata go along.
/// format: "png", "jpeg", "tiff", "webp" or another that is written; by default that of the Picture, and "png" for an
/// array. quality: 1 to 100 for jpeg and webp; by default the Picture's where it was a JPEG, else 92. metadata: whether
/// EXIF, XMP, IPTC, texts and density are written, or only what the pixels mean (ICC), standing upright then.
/// compression: "fast" or "small", for png, tiff and lossless webp. dither: whether rounding to 8 bits is spread so that
/// gradients don't break into bands.
///
/// Returns bytes. What the format can't hold is told by a LossWarning.
///
/// Raises ValueError for options that there are not, ItemError where the format can't hold the picture, ArrayTypeError or
/// ArrayError for what is none.
#[pyfunction]
#[pyo3(signature = (picture, format = None, *, quality = None, metadata = true, compression = "fast", dither = false))]
pub(crate) fn encode<'py>(
    picture: &Bound<'py, PyAny>,
    format: Option<&str>,
    quality: Option<u8>,
    metadata: bool,
    compression: &str,
    dither: bool,
) -> PyResult<Bound<'py, PyBytes>> {
    let py = picture.py();
    let known = picture.cast::<Picture>().ok().map(|picture| picture.get());
    let beside = known.map(|known| known.beside.clone());
    let format = match format {
        Some(name) => Format::from_name(name).ok_or_else(|| {
            let names: Vec<_> =
                Format::ALL.into_iter().filter(|format| format.is_written()).map(Format::name).collect();
            PyValueError::new_err(format!("there is no format {name:?}; written are {}", names.join(", ")))
        })?,
        None => beside.as_ref().map_or(Format::Png, |beside| beside.source.format),
    };
    let mut options = EncodeOptions::new(format);
    if quality.is_some_and(|quality| !(1..=100).contains(&quality)) {
        return Err(PyValueError::new_err("quality is from 1 to 100"));
    }
    options.quality = quality;
    options.keep_metadata = metadata;
    options.dither = dither;
    options.compression = match compression {
        "fast" => Compression::Fast,
        "small" => Compression::Small,
        _ => return Err(PyValueError::new_err("compression is \"fast\" or \"small\"")),
    };
    let (image, _) = match known {
        Some(known) => arrays::image(known.array.bind(py))?,
        None => arrays::image(picture)?,
    };
    let encoded = threads::alone(py, || match beside.as_deref() {
        Some(Beside { meta, source, .. }) => safelight::encode(&image, meta, Some(source), &options),
        None => safelight::encode(&image, &Metadata::default(), None, &options),
    })?;
    let encoded = encoded
        .map_err(|e| errors::item(py, &ItemError::new(safelight::ErrorKind::Encode, e.to_string()), None))?;
    if !encoded.notes.is_empty() {
        let class = py.import("safelight._errors")?.getattr("LossWarning")?;
        let warn = py.import("warnings")?.getattr("warn")?;
        for note in &encoded.notes {
            warn.call1((note, &class))?;
        }
    }
    Ok(PyBytes::new(py, &encoded.bytes))
}
