//! `measure`: what pixels and EXIF say about a picture, as columns.

use crate::codec::ExifData;
use crate::columns::{Column, ColumnType, Row, Value, Zone};
use crate::error::{ErrorKind, ItemError};
use crate::image::compare::{self, ShapeMismatch};
use crate::image::{Image, measure, noise, phash};
use crate::pipeline::{Action, Build, Built, ColumnStep, Sample, Shape};
use crate::spec::{Descriptor, Diagnostics, Given, Parameters, Role, Words, params};
use std::collections::BTreeSet;

#[derive(Debug)]
pub(super) struct Measurement {
    name: &'static str,
    columns: Columns,
    compute: Compute,
}

#[derive(Debug)]
enum Compute {
    /// Of the picture alone.
    Own(fn(&Image) -> Value),
    /// Of the picture as it is seen: with its orientation.
    Seen(fn(&Image, u8) -> Value),
    /// Of the picture and the clean one.
    Against(fn(&Image, &Image) -> Result<f64, ShapeMismatch>),
    /// What the file said, whatever steps did since.
    File(fn(&ExifData) -> Row),
}

use ColumnType::{Bool, Float, Int, Text, Timestamp};

/// Every measurement there is.
static MEASUREMENTS: [Measurement; 17] = [
    own("noise_sigma", &[("noise_sigma", Float)], |i| Value::Float(noise::noise_sigma(i))),
    own("sharpness", &[("sharpness", Float)], |i| Value::Float(measure::sharpness(i))),
    own("entropy", &[("entropy", Float)], |i| Value::Float(measure::entropy(i))),
    own("mean", &[("mean", Float)], |i| Value::Float(measure::mean(i))),
    own("contrast", &[("contrast", Float)], |i| Value::Float(measure::contrast(i))),
    own("blank", &[("blank", Bool)], |i| Value::Bool(measure::blank(i))),
    Measurement {
        name: "phash",
        columns: &[("phash", Int)],
        compute: Compute::Seen(|image, turned| Value::Int(phash::phash(image, turned).cast_signed())),
    },
    against("psnr", &[("psnr", Float)], psnr),
    against("ssim", &[("ssim", Float)], compare::ssim),
    against("mse", &[("mse", Float)], compare::mse),
    file("taken", &[("taken", Timestamp(Zone::Local)), ("taken_utc", Timestamp(Zone::Utc))], |exif| {
        let time = |time: Option<i64>, zone| known(time, |time| Value::Timestamp(time, zone));
        vec![time(exif.taken, Zone::Local), time(exif.taken_utc(), Zone::Utc)]
    }),
    file("camera", &[("camera_make", Text), ("camera_model", Text)], |exif| {
        vec![known(exif.make.clone(), Value::Text), known(exif.model.clone(), Value::Text)]
    }),
    file("lens", &[("lens", Text)], |exif| vec![known(exif.lens.clone(), Value::Text)]),
    file("iso", &[("iso", Int)], |exif| vec![known(exif.iso, Value::Int)]),
    file("exposure", &[("exposure_time", Float), ("f_number", Float), ("focal_length", Float)], |exif| {
        [exif.exposure_time, exif.f_number, exif.focal_length].map(|n| known(n, Value::Float)).to_vec()
    }),
    file("gps", &[("gps_lat", Float), ("gps_lon", Float), ("gps_alt", Float)], |exif| {
        let (latitude, longitude) = exif.position.unzip();
        [latitude, longitude, exif.altitude].map(|n| known(n, Value::Float)).to_vec()
    }),
    file("orientation", &[("orientation", Int)], |exif| {
        vec![known(exif.orientation, |turned| Value::Int(turned.into()))]
    }),
];

type Columns = &'static [(&'static str, ColumnType)];

const fn own(name: &'static str, columns: Columns, compute: fn(&Image) -> Value) -> Measurement {
    Measurement { name, columns, compute: Compute::Own(compute) }
}

const fn against(
    name: &'static str,
    columns: Columns,
    compute: fn(&Image, &Image) -> Result<f64, ShapeMismatch>,
) -> Measurement {
    Measurement { name, columns, compute: Compute::Against(compute) }
}

const fn file(name: &'static str, columns: Columns, compute: fn(&ExifData) -> Row) -> Measurement {
    Measurement { name, columns, compute: Compute::File(compute) }
}

fn known<T>(value: Option<T>, value_of: impl Fn(T) -> Value) -> Value {
    value.map_or(Value::Null, value_of)
}

/// dB for equal pictures, whose ratio is infinite.
const EQUAL: f64 = 100.0;

fn psnr(a: &Image, b: &Image) -> Result<f64, ShapeMismatch> {
    Ok(compare::psnr(a, b)?.min(EQUAL))
}

const NAMES: &[&str] = &{
    let mut names = [""; MEASUREMENTS.len()];
    let mut at = 0;
    while at < names.len() {
        names[at] = MEASUREMENTS[at].name;
        at += 1;
    }
    names
};

impl Words for &'static Measurement {
    const WORDS: &'static [&'static str] = NAMES;

    fn of_word(word: &str) -> Option<Self> {
        MEASUREMENTS.iter().find(|known| known.name == word)
    }
}

params! {
    /// Parameters of `measure`.
    pub(super) struct Params {
        /// Which measurements.
        what: Given<Vec<&'static Measurement>>,
        /// Put before the column names, to measure before and after another step.
        prefix: Option<String>,
    }
}

/// Name, documentation and parameters.
pub(super) static DESCRIPTOR: Descriptor = Descriptor {
    name: "measure",
    version: 1,
    doc: "Adds columns of the name of each measurement, or of the names said here. Of the current picture: `noise_sigma` (additive noise, 0 to 255 \
          scale), `sharpness` (variance of the Laplacian of luma, 0 to 255 scale), `entropy` (bits a pixel of \
          8-bit luma), `mean` and `contrast` (mean and standard deviation of luma, 0 to 1), `blank` (nothing \
          but one tone), `phash` (64-bit perceptual hash, as ImageHash's `phash` computes it of the upright \
          picture; a signed number, so that near duplicates have few ones in `bit_count(xor(a, b))`). Against the clean picture that `corrupt` kept: `psnr` (dB, all channels together, at \
          most 100), `ssim` (Wang 2004, 11x11 Gaussian window, mean of the channels), `mse` (0 to 1 scale). Of the EXIF block \
          of the file as it was read, empty where it says nothing: `taken` (columns `taken`, by the camera's \
          clock, and `taken_utc`, only where the zone is known; DateTimeOriginal with its fraction), `camera` \
          (`camera_make`, `camera_model`), `lens`, `iso`, `exposure` (`exposure_time` in seconds, `f_number`, \
          `focal_length` in mm), `gps` (`gps_lat`, `gps_lon` in degrees of WGS84, `gps_alt` in metres, negative \
          below sea level), `orientation` (1 to 8).",
    role: Role::Columns,
    params: Params::TABLE,
    shorthand: Some("what"),
    example: "- measure: [noise_sigma, sharpness]",
};

#[derive(Debug)]
struct Measure {
    chosen: Vec<&'static Measurement>,
    prefix: String,
}

/// Compiles the step.
pub(super) fn build(params: Params, _: &mut Build<'_>) -> Result<Built, Diagnostics> {
    let Params { what, prefix } = params;
    let unique: BTreeSet<&str> = what.iter().map(|m| m.name).collect();
    if what.is_empty() || unique.len() < what.len() {
        let wrong = if what.is_empty() { "nothing to measure" } else { "a measurement is named twice" };
        return Err(what.error(wrong, None).into());
    }
    let (chosen, prefix) = (what.into_value(), prefix.unwrap_or_default());
    Ok(Built::from(Action::Columns(Box::new(Measure { chosen, prefix }))))
}

impl ColumnStep for Measure {
    fn columns(&self) -> Vec<Column> {
        let columns = self.chosen.iter().flat_map(|m| m.columns);
        columns.map(|(name, kind)| Column::new(format!("{}{name}", self.prefix), *kind)).collect()
    }

    fn values(&self, sample: &Sample) -> Result<Row, ItemError> {
        let values = |m: &&Measurement| match m.compute {
            Compute::Own(compute) => Ok(vec![compute(&sample.image)]),
            Compute::Seen(compute) => Ok(vec![compute(&sample.image, sample.meta.orientation)]),
            Compute::File(read) => Ok(read(&sample.exif)),
            Compute::Against(compute) => {
                let missing = || ItemError::new(ErrorKind::Unsupported, "no clean picture is kept");
                let clean = sample.reference.as_ref().ok_or_else(missing)?;
                let value = compute(&sample.image, clean);
                let value = value.map(|value| vec![Value::Float(value)]);
                value.map_err(|e| ItemError::new(ErrorKind::Unsupported, e.to_string()))
            }
        };
        let rows: Vec<Row> = self.chosen.iter().map(values).collect::<Result<_, _>>()?;
        Ok(rows.concat())
    }

    fn needs_reference(&self) -> bool {
        self.chosen.iter().any(|m| matches!(m.compute, Compute::Against(_)))
    }

    fn peak_bytes(&self, shape: Shape) -> u64 {
        // SSIM holds about ten double planes at once.
        let planes = if self.needs_reference() { 88 } else { 8 };
        planes * shape.width * shape.height
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_parameter_names_every_measurement() {
        assert_eq!(MEASUREMENTS.iter().map(|m| m.name).collect::<Vec<_>>(), NAMES);
    }

    #[test]
    fn every_measurement_of_a_file_fills_its_columns() {
        for measurement in &MEASUREMENTS {
            if let Compute::File(read) = measurement.compute {
                let row = read(&ExifData::default());
                assert_eq!(row, vec![Value::Null; measurement.columns.len()], "{}", measurement.name);
            }
        }
    }

    #[test]
    fn the_documentation_names_every_column() {
        let columns = MEASUREMENTS.iter().flat_map(|m| m.columns.iter().map(|c| c.0).chain([m.name]));
        for name in columns {
            assert!(DESCRIPTOR.doc.contains(&format!("`{name}`")), "{name}");
        }
    }
}
