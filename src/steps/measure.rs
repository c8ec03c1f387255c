//! `measure`: numbers about the picture, as columns.

use super::{Action, Built, ColumnStep, Sample, Shape};
use crate::columns::{Column, ColumnType, Row, Value};
use crate::error::{ErrorKind, ItemError};
use crate::image::compare::{self, ShapeMismatch};
use crate::image::{Image, measure, noise};
use crate::plan::Build;
use crate::spec::{Args, Descriptor, Fallback, Kind, Param, Role};

struct Measurement {
    name: &'static str,
    kind: ColumnType,
    compute: Compute,
}

enum Compute {
    /// Of the picture alone.
    Own(fn(&Image) -> Value),
    /// Of the picture and the clean one.
    Against(fn(&Image, &Image) -> Result<f64, ShapeMismatch>),
}

/// Every measurement there is; `NAMES` lists the same names for the parameter table.
static MEASUREMENTS: [Measurement; 9] = [
    Measurement {
        name: "noise_sigma",
        kind: ColumnType::Float,
        compute: Compute::Own(|i| Value::Float(noise::noise_sigma(i))),
    },
    Measurement {
        name: "sharpness",
        kind: ColumnType::Float,
        compute: Compute::Own(|i| Value::Float(measure::sharpness(i))),
    },
    Measurement {
        name: "entropy",
        kind: ColumnType::Float,
        compute: Compute::Own(|i| Value::Float(measure::entropy(i))),
    },
    Measurement {
        name: "mean",
        kind: ColumnType::Float,
        compute: Compute::Own(|i| Value::Float(measure::mean(i))),
    },
    Measurement {
        name: "contrast",
        kind: ColumnType::Float,
        compute: Compute::Own(|i| Value::Float(measure::contrast(i))),
    },
    Measurement {
        name: "blank",
        kind: ColumnType::Bool,
        compute: Compute::Own(|i| Value::Bool(measure::blank(i))),
    },
    Measurement { name: "psnr", kind: ColumnType::Float, compute: Compute::Against(psnr) },
    Measurement { name: "ssim", kind: ColumnType::Float, compute: Compute::Against(compare::ssim) },
    Measurement { name: "mse", kind: ColumnType::Float, compute: Compute::Against(compare::mse) },
];

/// dB for equal pictures, whose ratio is infinite.
const EQUAL: f64 = 100.0;

fn psnr(a: &Image, b: &Image) -> Result<f64, ShapeMismatch> {
    Ok(compare::psnr(a, b)?.min(EQUAL))
}

const NAMES: &[&str] =
    &["noise_sigma", "sharpness", "entropy", "mean", "contrast", "blank", "psnr", "ssim", "mse"];

/// Name, documentation and parameters.
pub static DESCRIPTOR: Descriptor = Descriptor {
    name: "measure",
    doc: "Adds a column for each measurement of the current picture: `noise_sigma` (additive noise, 0 to 255 \
          scale), `sharpness` (variance of the Laplacian of luma, 0 to 255 scale), `entropy` (bits a pixel of \
          8-bit luma), `mean` and `contrast` (mean and standard deviation of luma, 0 to 1), `blank` (nothing \
          but one tone). Against the clean picture that `corrupt` kept: `psnr` (dB, all channels together, at \
          most 100), `ssim` (Wang 2004, 11x11 Gaussian window, mean of the channels), `mse` (0 to 1 scale).",
    role: Role::Columns,
    params: &[
        Param {
            name: "what",
            kind: Kind::List(&Kind::Choice(NAMES)),
            fallback: Fallback::Required,
            doc: "Which measurements.",
        },
        Param {
            name: "prefix",
            kind: Kind::Text,
            fallback: Fallback::Unset,
            doc: "Put before the column names, to measure before and after another step.",
        },
    ],
    shorthand: Some("what"),
    example: "- measure: [noise_sigma, sharpness]",
};

#[derive(Debug)]
struct Measure {
    chosen: Vec<usize>,
    prefix: String,
}

/// Compiles the step.
pub fn build(args: &Args, build: &mut Build<'_>) -> Option<Built> {
    let names = args.texts("what")?;
    let chosen: Vec<usize> =
        names.iter().filter_map(|n| MEASUREMENTS.iter().position(|m| m.name == *n)).collect();
    let mut unique = chosen.clone();
    unique.sort_unstable();
    unique.dedup();
    if chosen.is_empty() || unique.len() < chosen.len() {
        let what = if chosen.is_empty() { "nothing to measure" } else { "a measurement is named twice" };
        build.error(args, "what", what, None);
        return None;
    }
    let prefix = args.text("prefix").unwrap_or_default().to_string();
    Some(Built::from(Action::Columns(Box::new(Measure { chosen, prefix }))))
}

impl ColumnStep for Measure {
    fn columns(&self) -> Vec<Column> {
        let column = |i: &usize| {
            Column::new(format!("{}{}", self.prefix, MEASUREMENTS[*i].name), MEASUREMENTS[*i].kind)
        };
        self.chosen.iter().map(column).collect()
    }

    fn values(&self, sample: &Sample) -> Result<Row, ItemError> {
        let value = |i: &usize| match MEASUREMENTS[*i].compute {
            Compute::Own(compute) => Ok(compute(&sample.image)),
            Compute::Against(compute) => {
                let missing = || ItemError::new(ErrorKind::Unsupported, "no clean picture is kept");
                let clean = sample.reference.as_ref().ok_or_else(missing)?;
                let value = compute(&sample.image, clean);
                value.map(Value::Float).map_err(|e| ItemError::new(ErrorKind::Unsupported, e.to_string()))
            }
        };
        self.chosen.iter().map(value).collect()
    }

    fn needs_reference(&self) -> bool {
        self.chosen.iter().any(|i| matches!(MEASUREMENTS[*i].compute, Compute::Against(_)))
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
}
