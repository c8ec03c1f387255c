//! The rendering `camera-wb-srgb16`, the only one there is.
//!
//! 1. Black level to 0, white level to 1, what is beyond is clipped.
//! 2. The camera's white balance as shot, its least factor being 1; what is then beyond 1 is clipped, so that what the
//!    sensor saw too bright is white.
//! 3. Missing colours: PPG for Bayer filters ([`super::bayer`]), bilinear for X-Trans, none where each pixel has all.
//! 4. The camera's matrix for daylight (D65), scaled so that neutral stays neutral, to linear sRGB; clipped.
//! 5. The curve of sRGB, rounded to 16 bits.
//! 6. The part that the camera means to be shown.
//!
//! No sharpening, no denoising, no tone curve, no change of exposure, no correction of the lens.

use rawler::cfa::CFA;
use rawler::imgop::chromatic_adaption::adapt_bradford;
use rawler::imgop::matrix::{multiply, normalize, pseudo_inverse};
use rawler::imgop::sensor::xtrans::bilinear::XTransBilinearDemosaic;
use rawler::imgop::sensor::{Demosaic, SensorType};
use rawler::imgop::xyz::{Illuminant, SRGB_TO_XYZ_D65};
use rawler::imgop::{Dim2, Point, Rect as Area};
use rawler::pixarray::PixF32;
use rawler::rawimage::{CFAConfig, RawPhotometricInterpretation};
use rawler::{RawImage, RawImageData};

use super::super::colour::Encoder;
use super::super::{CodecError, Format, malformed, unsupported};
use super::bayer;
use crate::image::crop::Rect;
use crate::image::{Image, Samples};

/// The name of the rendering.
pub(super) const NAME: &str = "camera-wb-srgb16";

/// Least side of what is interpolated behind X-Trans filters: one repetition of the filter, and its borders.
const LEAST_SIDE: usize = 8;

/// Illuminants of matrices, the most wanted first.
const ILLUMINANTS: [Illuminant; 9] = [
    Illuminant::D65,
    Illuminant::D55,
    Illuminant::D75,
    Illuminant::D50,
    Illuminant::Daylight,
    Illuminant::Flash,
    Illuminant::C,
    Illuminant::B,
    Illuminant::A,
];

/// A rendered picture, and what is to be told of it.
pub(super) struct Rendered {
    pub(super) image: Image,
    pub(super) notes: Vec<String>,
}

/// Channels of the picture that is rendered.
pub(super) fn channels(raw: &RawImage) -> u8 {
    let gray = raw.cpp == 1 && !matches!(raw.photometric, RawPhotometricInterpretation::Cfa(_));
    if gray { 1 } else { 3 }
}

/// The part of the sensor whose colours are interpolated, and the part of the sensor that is shown.
pub(super) fn areas(raw: &RawImage) -> Result<(Rect, Rect), CodecError> {
    let whole = Rect { x: 0, y: 0, width: raw.width, height: raw.height };
    let rect = |area: Area| Rect { x: area.p.x, y: area.p.y, width: area.d.w, height: area.d.h };
    let checked = |area: Option<Area>| match area.map(rect) {
        Some(area) if inside(area, whole) => Ok(Some(area)),
        Some(_) => Err(malformed(Format::Raw, "the part of its picture that is to be shown lies outside")),
        None => Ok(None),
    };
    let active = checked(raw.active_area)?.unwrap_or(whole);
    let shown = checked(raw.crop_area)?.unwrap_or(active);
    Ok((if inside(shown, active) { active } else { whole }, shown))
}

fn inside(part: Rect, whole: Rect) -> bool {
    let along = |start: usize, length: usize, from: usize, most: usize| {
        length > 0
            && start >= from
            && start.checked_add(length).is_some_and(|end| end <= from.saturating_add(most))
    };
    along(part.x, part.width, whole.x, whole.width) && along(part.y, part.height, whole.y, whole.height)
}

/// Renders what a sensor saw. `relative` says that its black levels count from the active area on.
pub(super) fn render(raw: &RawImage, relative: bool) -> Result<Rendered, CodecError> {
    if raw.fuji_rotation_width.is_some() {
        return Err(refuse("a sensor that is turned by 45 degrees (Super CCD)"));
    }
    let (roi, shown) = areas(raw)?;
    let count = raw.width.checked_mul(raw.height).and_then(|pixels| pixels.checked_mul(raw.cpp));
    let RawImageData::Integer(samples) = &raw.data else { return Err(refuse("floating-point samples")) };
    if Some(samples.len()) != count {
        return Err(malformed(Format::Raw, "its decoder returned the wrong number of samples"));
    }
    let mut notes = Vec::new();
    let origin = if relative { (roi.x, roi.y) } else { (0, 0) };
    if channels(raw) == 1 {
        let levels = Levels::new(raw, [1.0; 3], origin)?;
        let encoder = Encoder::new();
        let gray = |row: usize, column: usize| {
            let value = samples.get(row * raw.width + column).copied().unwrap_or(0);
            encoder.encode(levels.apply(value, row, column, 0, 0))
        };
        let rows = shown.y..shown.y + shown.height;
        let pixels = rows.flat_map(|row| (shown.x..shown.x + shown.width).map(move |column| (row, column)));
        let samples = Samples::U16(pixels.map(|(row, column)| gray(row, column)).collect());
        let image = Image { width: shown.width, height: shown.height, channels: 1, samples, alpha: None };
        return Ok(Rendered { image, notes });
    }
    let to_camera = to_camera(raw)?;
    let gains = gains(raw, &to_camera, &mut notes);
    let levels = Levels::new(raw, gains, origin)?;
    let (colours, area) = match &raw.photometric {
        RawPhotometricInterpretation::Cfa(filters) if raw.cpp == 1 => {
            (interpolated(raw, samples, filters, &levels, roi)?, roi)
        }
        _ if raw.cpp == 3 => {
            let pixels = samples.as_chunks::<3>().0.iter().enumerate();
            let colours = pixels.map(|(i, pixel)| {
                let (row, column) = (i / raw.width, i % raw.width);
                [0, 1, 2].map(|c| levels.apply(pixel[c], row, column, c, c))
            });
            (colours.collect(), Rect { x: 0, y: 0, width: raw.width, height: raw.height })
        }
        _ => return Err(refuse("a sensor of four colours")),
    };
    let from_camera = pseudo_inverse(normalize(to_camera));
    if from_camera.as_flattened().iter().any(|factor| !factor.is_finite()) {
        return Err(malformed(Format::Raw, "its colour matrix can't be inverted"));
    }
    let encoder = Encoder::new();
    let mut out = Vec::with_capacity(shown.width * shown.height * 3);
    for row in colours.chunks_exact(area.width).skip(shown.y - area.y).take(shown.height) {
        for pixel in row.iter().skip(shown.x - area.x).take(shown.width) {
            out.extend(from_camera.map(|factors| {
                encoder.encode(factors[0] * pixel[0] + factors[1] * pixel[1] + factors[2] * pixel[2])
            }));
        }
    }
    let samples = Samples::U16(out);
    let image = Image { width: shown.width, height: shown.height, channels: 3, samples, alpha: None };
    Ok(Rendered { image, notes })
}

fn refuse(what: &str) -> CodecError {
    unsupported(Format::Raw, format!("{what}; develop it to tiff with a raw converter first"))
}

/// Balanced values with the missing colours of each pixel, of a part of the sensor.
fn interpolated(
    raw: &RawImage,
    samples: &[u16],
    filters: &CFAConfig,
    levels: &Levels,
    roi: Rect,
) -> Result<Vec<[f32; 3]>, CodecError> {
    let cfa: &CFA = &filters.cfa;
    if !cfa.is_rgb() {
        return Err(refuse(&format!("a sensor of the colours {}", cfa.name)));
    }
    let mut values = Vec::with_capacity(roi.width * roi.height);
    for (row, line) in samples.chunks_exact(raw.width).enumerate().skip(roi.y).take(roi.height) {
        for (column, &sample) in line.iter().enumerate().skip(roi.x).take(roi.width) {
            values.push(levels.apply(sample, row, column, 0, cfa.color_at(row, column)));
        }
    }
    match filters.sensor {
        SensorType::Bayer => {
            let colour = |row, column| cfa.color_at(roi.y + row, roi.x + column);
            let pattern = [colour(0, 0), colour(0, 1), colour(1, 0), colour(1, 1)];
            let pixels = bayer::interpolated(&values, roi.width, pattern);
            pixels.ok_or_else(|| refuse(&format!("a filter of the pattern {}", cfa.name)))
        }
        SensorType::Xtrans if roi.width < LEAST_SIDE || roi.height < LEAST_SIDE => {
            Err(refuse("a picture of less than 8 pixels a side"))
        }
        SensorType::Xtrans => {
            let mosaic = PixF32::new_with(values, roi.width, roi.height);
            let whole = Area::new(Point::zero(), Dim2::new(roi.width, roi.height));
            let filter = cfa.shift(roi.x % cfa.width, roi.y % cfa.height);
            Ok(XTransBilinearDemosaic::new().demosaic(&mosaic, &filter, &filters.colors, whole).data)
        }
    }
}

/// Black and white levels, and the factors of the white balance.
struct Levels {
    black: Vec<f32>,
    /// Width and height of the pattern that the black levels repeat in, and where it begins.
    pattern: (usize, usize),
    origin: (usize, usize),
    samples: usize,
    white: Vec<f32>,
    gains: [f32; 3],
}

impl Levels {
    fn new(raw: &RawImage, gains: [f32; 3], origin: (usize, usize)) -> Result<Levels, CodecError> {
        let mut black = raw.blacklevel.as_vec();
        let mut pattern = (raw.blacklevel.width.max(1), raw.blacklevel.height.max(1));
        if black.len() != pattern.0 * pattern.1 * raw.cpp {
            black = vec![black.first().copied().unwrap_or(0.0); raw.cpp];
            pattern = (1, 1);
        }
        let white = raw.whitelevel.as_vec();
        let least = white.iter().copied().fold(f32::INFINITY, f32::min);
        if !black.iter().all(|black| black.is_finite() && *black < least) || !least.is_finite() {
            return Err(malformed(Format::Raw, "its white level is not above its black level"));
        }
        // The pattern begins before the origin, so that no difference is negative.
        let origin =
            ((pattern.0 - origin.0 % pattern.0) % pattern.0, (pattern.1 - origin.1 % pattern.1) % pattern.1);
        Ok(Levels { black, pattern, origin, samples: raw.cpp, white, gains })
    }

    /// A value from 0 to 1, balanced: the `channel`th of its pixel, behind a filter of `colour`.
    fn apply(&self, value: u16, row: usize, column: usize, channel: usize, colour: usize) -> f32 {
        let (x, y) = ((column + self.origin.0) % self.pattern.0, (row + self.origin.1) % self.pattern.1);
        let at = (y * self.pattern.0 + x) * self.samples + channel;
        let black = self.black.get(at).copied().unwrap_or(0.0);
        // Four are those of the places of a Bayer filter.
        let place = if self.white.len() == 4 { row % 2 * 2 + column % 2 } else { channel };
        let white = self.white.get(place).or(self.white.first()).copied().unwrap_or(65_535.0);
        let gain = self.gains.get(colour).copied().unwrap_or(1.0);
        (((f32::from(value) - black) / (white - black)).clamp(0.0, 1.0) * gain).min(1.0)
    }
}

/// From linear sRGB to the camera's colours, as its matrix has it.
fn to_camera(raw: &RawImage) -> Result<[[f32; 3]; 3], CodecError> {
    let unknown =
        || refuse(&format!("a camera of unknown colours ({} {})", raw.make.trim(), raw.model.trim()));
    let (illuminant, matrix) = raw.color_matrix_find_first(ILLUMINANTS).ok_or_else(unknown)?;
    let [first, second, third, ..] = matrix.as_chunks::<3>().0 else { return Err(unknown()) };
    let mut matrix = [*first, *second, *third];
    if illuminant != Illuminant::D65 {
        // From colours under daylight to those under the matrix's light.
        matrix = adapt_bradford(&Illuminant::D65, &illuminant, &matrix);
    }
    Ok(multiply(&matrix, &SRGB_TO_XYZ_D65))
}

/// Factors of the white balance, the least being 1.
fn gains(raw: &RawImage, to_camera: &[[f32; 3]; 3], notes: &mut Vec<String>) -> [f32; 3] {
    let [red, green, blue, _] = raw.wb_coeffs;
    let mut gains = [red, green, blue];
    if gains.iter().any(|gain| !(gain.is_finite() && *gain > 0.0)) {
        notes.push("its white balance is not known: rendered as in daylight".to_owned());
        gains = to_camera.map(|row| 1.0 / row.iter().sum::<f32>());
    }
    let least = gains.iter().copied().fold(f32::INFINITY, f32::min);
    gains.map(|gain| gain / least)
}
