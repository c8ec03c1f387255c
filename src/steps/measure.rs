//! `measure`: what pixels and EXIF say about a picture, as columns.

use crate::codec::ExifData;
use crate::columns::{Column, ColumnType, Row, Value};
use crate::error::{ErrorKind, ItemError};
use crate::image::compare::{self, Metric};
use crate::image::measure::{self, Kind, Reading, Subject, niqe};
use crate::image::signature::Signature;
use crate::image::{Image, phash, pixel_hash};
use crate::pipeline::{Action, Build, Built, ColumnStep, EXIF, Sample, Shape};
use crate::shown::Show;
use crate::spec::{self, Descriptor, Diagnostic, Diagnostics, Given, Parameters, Role, Words, params};
use std::collections::BTreeSet;
use std::io::Read as _;
use std::path::PathBuf;

#[derive(Debug)]
pub(super) struct Measurement {
    name: &'static str,
    /// What it says: a part of the step's documentation.
    doc: &'static str,
    columns: Columns,
    compute: Compute,
}

#[derive(Debug)]
enum Compute {
    /// Of the picture alone.
    Own(&'static measure::Measurement),
    /// Of the picture as it is seen: with its orientation.
    Seen(fn(&Image, u8) -> Value),
    /// Of the picture and the clean one.
    Against(&'static Metric),
    /// What the file said, whatever steps did since: these columns of its EXIF block.
    File(&'static [&'static str]),
}

use ColumnType::{Float, Int, Text};

/// Every measurement there is.
static MEASUREMENTS: [Measurement; 29] = [
    own(&measure::noise_sigma::MEASUREMENT),
    own(&measure::noise_shape::MEASUREMENT),
    own(&measure::blockiness::MEASUREMENT),
    own(&measure::jpeg_quality::MEASUREMENT),
    own(&measure::clipping::MEASUREMENT),
    own(&measure::banding::MEASUREMENT),
    own(&measure::edge_width::MEASUREMENT),
    own(&measure::niqe::MEASUREMENT),
    own(&measure::niqe::FEATURES),
    own(&measure::tone::SHARPNESS),
    own(&measure::tone::ENTROPY),
    own(&measure::tone::MEAN),
    own(&measure::tone::CONTRAST),
    own(&measure::tone::BLANK),
    Measurement {
        name: "phash",
        doc: "`phash` (64-bit perceptual hash, as ImageHash's `phash` computes it of the upright picture; a signed number, \
              so that near duplicates have few ones in `bit_count(xor(a, b))`)",
        columns: &[("phash", Int)],
        compute: Compute::Seen(|image, turned| Value::Int(phash::phash(image, turned).cast_signed())),
    },
    Measurement {
        name: "pixel_hash",
        doc: "`pixel_hash` (BLAKE3 of the upright picture's samples, size, channels and depth, as 64 digits: files of the same \
              pixels have the same)",
        columns: &[("pixel_hash", Text)],
        compute: Compute::Seen(|image, turned| Value::Text(pixel_hash::pixel_hash(image, turned))),
    },
    Measurement {
        name: "signature",
        doc: "`signature` (coarse frequencies of the upright picture's luma, as 400 characters, which tell copies that were \
              resized, compressed, cropped a little, brightened or mirrored from other pictures: `docs/duplicates.md`)",
        columns: &[("signature", Text)],
        compute: Compute::Seen(|image, turned| Value::Text(Signature::of(image, turned).text())),
    },
    against(&compare::PSNR),
    against(&compare::SSIM),
    against(&compare::MSE),
    against(&compare::MAE),
    against(&compare::MS_SSIM),
    file(
        "taken",
        "`taken` (columns `taken`, by the camera's clock, and `taken_utc`, only where the zone is known; DateTimeOriginal \
         with its fraction)",
        &["taken", "taken_utc"],
    ),
    file("camera", "`camera` (`camera_make`, `camera_model`)", &["camera_make", "camera_model"]),
    file("lens", "`lens`", &["lens"]),
    file("iso", "`iso`", &["iso"]),
    file(
        "exposure",
        "`exposure` (`exposure_time` in seconds, `f_number`, `focal_length` in mm)",
        &["exposure_time", "f_number", "focal_length"],
    ),
    file(
        "gps",
        "`gps` (`gps_lat`, `gps_lon` in degrees of WGS84, `gps_alt` in metres, negative below sea level)",
        &["gps_lat", "gps_lon", "gps_alt"],
    ),
    file("orientation", "`orientation` (1 to 8)", &["orientation"]),
];

type Columns = &'static [(&'static str, ColumnType)];

const fn own(of: &'static measure::Measurement) -> Measurement {
    Measurement { name: of.name, doc: of.doc, columns: &[], compute: Compute::Own(of) }
}

const fn against(metric: &'static Metric) -> Measurement {
    Measurement { name: metric.name, doc: metric.doc, columns: &[], compute: Compute::Against(metric) }
}

const fn file(name: &'static str, doc: &'static str, columns: &'static [&'static str]) -> Measurement {
    Measurement { name, doc, columns: &[], compute: Compute::File(columns) }
}

/// Those columns of the EXIF block that have these names.
fn exif(names: &[&str]) -> impl Iterator<Item = &'static (&'static str, ColumnType, fn(&ExifData) -> Value)> {
    EXIF.iter().filter(|(name, ..)| names.contains(name))
}

impl Measurement {
    fn columns(&self) -> Vec<(&'static str, ColumnType)> {
        match self.compute {
            Compute::Own(own) => own.columns.iter().map(|(name, kind)| (*name, type_of(*kind))).collect(),
            Compute::File(names) => exif(names).map(|(name, kind, _)| (*name, *kind)).collect(),
            Compute::Against(metric) => vec![(metric.name, Float)],
            Compute::Seen(_) => self.columns.to_vec(),
        }
    }
}

fn type_of(kind: Kind) -> ColumnType {
    match kind {
        Kind::Bool => ColumnType::Bool,
        Kind::Int => Int,
        Kind::Float => Float,
        Kind::Vector(length) => ColumnType::Vector(length),
    }
}

fn value_of(reading: Reading) -> Value {
    match reading {
        Reading::Unknown => Value::Null,
        Reading::Bool(v) => Value::Bool(v),
        Reading::Int(v) => Value::Int(v),
        Reading::Float(v) => Value::Float(v),
        Reading::Vector(v) => Value::Vector(v),
    }
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
        /// What `niqe` compares with, in place of the model that is built in: a file that `make niqe-model` fitted to pictures
        /// of your own.
        niqe_model: Option<Given<PathBuf>> [spec::Kind::Model],
    }
}

/// The parts of the documentation and which measurements stand in each.
const PARTS: [&str; 3] = [
    "Adds columns of the name of each measurement, or of the names said here. Of the current picture: ",
    ". Against the clean picture that `corrupt` kept: ",
    ". Of the EXIF block of the file as it was read, empty where it says nothing: ",
];

const fn part_of(measurement: &Measurement) -> usize {
    match measurement.compute {
        Compute::Own(_) | Compute::Seen(_) => 0,
        Compute::Against(_) => 1,
        Compute::File(_) => 2,
    }
}

/// Writes what fits of the documentation, made of that of each measurement, and tells how long it is.
const fn write_doc(out: &mut [u8]) -> usize {
    let (mut length, mut part) = (0, 0);
    while part < PARTS.len() {
        length = write_text(out, length, PARTS[part]);
        let (mut at, mut first) = (0, true);
        while at < MEASUREMENTS.len() {
            if part_of(&MEASUREMENTS[at]) == part {
                length = write_text(out, length, if first { "" } else { ", " });
                length = write_text(out, length, MEASUREMENTS[at].doc);
                first = false;
            }
            at += 1;
        }
        part += 1;
    }
    write_text(out, length, ".")
}

const fn write_text(out: &mut [u8], from: usize, text: &str) -> usize {
    let (text, mut at) = (text.as_bytes(), 0);
    while at < text.len() {
        if from + at < out.len() {
            out[from + at] = text[at];
        }
        at += 1;
    }
    from + at
}

const DOC: &str = {
    const LENGTH: usize = write_doc(&mut []);
    const TEXT: [u8; LENGTH] = {
        let mut text = [0; LENGTH];
        write_doc(&mut text);
        text
    };
    match std::str::from_utf8(&TEXT) {
        Ok(text) => text,
        Err(_) => panic!("texts in a row are text"),
    }
};

/// Name, documentation and parameters.
pub(super) static DESCRIPTOR: Descriptor = Descriptor {
    name: "measure",
    // 2: `noise_sigma` sums in another order, so that its last digits differ.
    version: 2,
    doc: DOC,
    role: Role::Columns,
    params: Params::TABLE,
    shorthand: Some("what"),
    example: "- measure: [noise_sigma, sharpness]",
};

#[derive(Debug)]
struct Measure {
    chosen: Vec<&'static Measurement>,
    prefix: String,
    natural: Option<niqe::Model>,
}

/// Compiles the step.
pub(super) fn build(params: Params, build: &mut Build<'_>) -> Result<Built, Diagnostics> {
    let Params { what, prefix, niqe_model } = params;
    let unique: BTreeSet<&str> = what.iter().map(|m| m.name).collect();
    if what.is_empty() || unique.len() < what.len() {
        let wrong = if what.is_empty() { "nothing to measure" } else { "a measurement is named twice" };
        return Err(what.error(wrong, None).into());
    }
    let (natural, hash) = niqe_model.map(|given| load(&given, build)).transpose()?.unzip();
    let ingredients = hash.map(|hash| ("niqe_model".to_owned(), hash)).into_iter().collect();
    let (chosen, prefix) = (what.into_value(), prefix.unwrap_or_default());
    let action = Action::Columns(Box::new(Measure { chosen, prefix, natural }));
    Ok(Built { ingredients, ..Built::from(action) })
}

/// Bytes of a model file, at most: many times what one has.
const MODEL_BYTES: u64 = 1 << 20;

/// A model of natural statistics, and the hash of its file.
fn load(given: &Given<PathBuf>, build: &Build<'_>) -> Result<(niqe::Model, String), Diagnostic> {
    let path = build.find_model(given)?;
    let mut text = String::new();
    let read = std::fs::File::open(&path).and_then(|file| file.take(MODEL_BYTES).read_to_string(&mut text));
    read.map_err(|e| given.error(format!("cannot read {}: {e}", path.shown()), None))?;
    let model = niqe::Model::parse(&text);
    let model = model.map_err(|e| given.error(format!("{}: {e}", path.shown()), None))?;
    Ok((model, blake3::hash(text.as_bytes()).to_hex().to_string()))
}

impl ColumnStep for Measure {
    fn columns(&self) -> Vec<Column> {
        let of = |m: &&'static Measurement| {
            let about = m.doc;
            let column = |(name, kind)| Column::new(format!("{}{name}", self.prefix), kind).about(about);
            m.columns().into_iter().map(column).collect::<Vec<_>>()
        };
        self.chosen.iter().flat_map(of).collect()
    }

    fn values(&self, sample: &Sample) -> Result<Row, ItemError> {
        let mut subject = Subject::new(&sample.image);
        // What steps made of the picture was not compressed by its file's tables.
        subject.file_quality = sample.observed.original().and(sample.source.quality);
        if let Some(natural) = &self.natural {
            subject.natural = natural;
        }
        let values = |m: &&Measurement| match m.compute {
            Compute::Own(own) => {
                let readings = (own.read)(&subject);
                let readings = readings.map(|found| found.into_iter().map(value_of).collect());
                readings
                    .ok_or_else(|| ItemError::new(ErrorKind::Unsupported, too_small(m.name, &sample.image)))
            }
            Compute::Seen(compute) => Ok(vec![compute(&sample.image, sample.meta.orientation)]),
            Compute::File(names) => Ok(exif(names).map(|(.., read)| read(&sample.exif)).collect()),
            Compute::Against(metric) => {
                let missing = || ItemError::new(ErrorKind::Unsupported, "no clean picture is kept");
                let clean = sample.reference.as_ref().ok_or_else(missing)?;
                let value = (metric.compute)(&sample.image, clean);
                let value = value.map(|value| vec![value.map_or(Value::Null, Value::Float)]);
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
        let pixels = shape.width * shape.height;
        // Beside the luma that is kept; SSIM holds about ten double planes at once.
        let beside = self.chosen.iter().map(|m| match m.compute {
            Compute::Own(own) => (own.bytes)(shape.width, shape.height),
            Compute::Seen(_) => 8 * pixels + shape.bytes(),
            Compute::Against(_) => 88 * pixels,
            Compute::File(_) => 0,
        });
        4 * pixels + beside.max().unwrap_or(0)
    }
}

fn too_small(name: &str, image: &Image) -> String {
    format!(
        "`{name}` takes {0} x {0} pixels at least; this has {1} x {2}",
        niqe::SIDE,
        image.width,
        image.height
    )
}

#[cfg(test)]
mod tests;
