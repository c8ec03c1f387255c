//! Pictures as NumPy arrays and back.

use crate::errors;
use numpy::prelude::*;
use numpy::{Element, PyArray1, PyArrayDyn, PyUntypedArray};
use pyo3::prelude::*;
use safelight::{Image, Samples};

/// The form of an array, which the result is to have too.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Form {
    /// Without an axis of channels.
    flat: bool,
}

impl Form {
    /// Height and width alone where the picture is gray.
    pub(crate) const USUAL: Form = Form { flat: true };
}

/// A copy of an array as a picture.
///
/// # Errors
/// For what is no array, of another type or shape, or holds numbers that are not finite.
pub(crate) fn image(array: &Bound<'_, PyAny>) -> PyResult<(Image, Form)> {
    let py = array.py();
    let Ok(untyped) = array.cast::<PyUntypedArray>() else {
        let name = array.get_type().name()?;
        let text = format!("a picture is a NumPy array, found {name}; numpy.asarray may make one of it");
        return Err(errors::array_type(py, &text));
    };
    let (height, width, channels, flat) = match *untyped.shape() {
        [height, width] => (height, width, 1, true),
        [height, width, channels @ 1..=4] => (height, width, channels, false),
        ref other => {
            let text = format!(
                "a picture has the shape (height, width) or (height, width, channels) with 1 to 4 channels, found {other:?}"
            );
            return Err(errors::array(py, &text));
        }
    };
    let (colour, alpha) = if let Ok(bytes) = array.cast::<PyArrayDyn<u8>>() {
        split(taken(bytes)?, channels, Samples::U8)
    } else if let Ok(words) = array.cast::<PyArrayDyn<u16>>() {
        split(taken(words)?, channels, Samples::U16)
    } else if let Ok(floats) = array.cast::<PyArrayDyn<f32>>() {
        let floats = taken(floats)?;
        if !floats.iter().all(|v| v.is_finite()) {
            return Err(errors::array(py, "the picture holds NaN or infinite numbers"));
        }
        split(floats, channels, Samples::F32)
    } else {
        let found = untyped.dtype();
        let text = format!(
            "a picture is of uint8 (0 to 255), uint16 (0 to 65535) or float32 (0 to 1) in this machine's byte order, found {found}"
        );
        return Err(errors::array_type(py, &text));
    };
    let colours = if channels < 3 { 1 } else { 3 };
    let image = Image::from_samples((width, height), colours, colour, alpha);
    Ok((image.map_err(|e| errors::array(py, &e.to_string()))?, Form { flat }))
}

/// The numbers of an array, row by row.
fn taken<T: Element + Copy>(array: &Bound<'_, PyArrayDyn<T>>) -> PyResult<Vec<T>> {
    let read = |array: &Bound<'_, PyArrayDyn<T>>| {
        array.try_readonly().ok().and_then(|array| Some(array.as_slice().ok()?.to_vec()))
    };
    match read(array).filter(|_| array.is_c_contiguous()) {
        Some(numbers) => Ok(numbers),
        None => {
            let copy = array.call_method1("copy", ("C",))?;
            let copy = copy.cast::<PyArrayDyn<T>>()?;
            read(copy).ok_or_else(|| errors::array(array.py(), "the array can't be read"))
        }
    }
}

/// Colour, and alpha where there are 2 or 4 channels.
fn split<T: Copy>(
    numbers: Vec<T>,
    channels: usize,
    wrap: fn(Vec<T>) -> Samples,
) -> (Samples, Option<Samples>) {
    if channels % 2 == 1 {
        return (wrap(numbers), None);
    }
    let pixels = numbers.chunks_exact(channels);
    let colour = pixels.clone().flat_map(|pixel| &pixel[..channels - 1]).copied().collect();
    let alpha = pixels.map(|pixel| pixel[channels - 1]).collect();
    (wrap(colour), Some(wrap(alpha)))
}

/// The picture as an array, with the axis of channels where the form or the channels have it. Colour without alpha is
/// handed over without a copy.
pub(crate) fn array<'py>(py: Python<'py>, image: Image, form: Form) -> PyResult<Bound<'py, PyAny>> {
    let (width, height, channels) = (image.width(), image.height(), image.channels());
    let (colour, alpha) = image.into_samples();
    let all = channels + usize::from(alpha.is_some());
    let shape = match all {
        1 if form.flat => vec![height, width],
        _ => vec![height, width, all],
    };
    match (colour, alpha) {
        (Samples::U8(colour), alpha) => made(py, colour, alpha.and_then(u8s), channels, &shape),
        (Samples::U16(colour), alpha) => made(py, colour, alpha.and_then(u16s), channels, &shape),
        (Samples::F32(colour), alpha) => made(py, colour, alpha.and_then(f32s), channels, &shape),
    }
}

fn made<'py, T: Element + Copy>(
    py: Python<'py>,
    colour: Vec<T>,
    alpha: Option<Vec<T>>,
    channels: usize,
    shape: &[usize],
) -> PyResult<Bound<'py, PyAny>> {
    let numbers = match alpha {
        None => colour,
        Some(alpha) => {
            let pixels = colour.chunks_exact(channels).zip(alpha);
            pixels.flat_map(|(pixel, alpha)| pixel.iter().copied().chain([alpha])).collect()
        }
    };
    Ok(PyArray1::from_vec(py, numbers).reshape(shape)?.into_any())
}

fn u8s(samples: Samples) -> Option<Vec<u8>> {
    if let Samples::U8(v) = samples { Some(v) } else { None }
}

fn u16s(samples: Samples) -> Option<Vec<u16>> {
    if let Samples::U16(v) = samples { Some(v) } else { None }
}

fn f32s(samples: Samples) -> Option<Vec<f32>> {
    if let Samples::F32(v) = samples { Some(v) } else { None }
}
