//! `measure`: numbers about the picture, as columns.

use super::{Action, Built, ColumnStep, Sample, Shape};
use crate::columns::{Column, ColumnType, Value};
use crate::error::ItemError;
use crate::image::{Image, measure, noise};
use crate::plan::Build;
use crate::spec::{Args, Descriptor, Fallback, Kind, Param, Role};

struct Measurement {
    name: &'static str,
    kind: ColumnType,
    compute: fn(&Image) -> Value,
}

/// Every measurement there is; `NAMES` lists the same names for the parameter table.
static MEASUREMENTS: [Measurement; 6] = [
    Measurement {
        name: "noise_sigma",
        kind: ColumnType::Float,
        compute: |i| Value::Float(noise::noise_sigma(i)),
    },
    Measurement {
        name: "sharpness",
        kind: ColumnType::Float,
        compute: |i| Value::Float(measure::sharpness(i)),
    },
    Measurement { name: "entropy", kind: ColumnType::Float, compute: |i| Value::Float(measure::entropy(i)) },
    Measurement { name: "mean", kind: ColumnType::Float, compute: |i| Value::Float(measure::mean(i)) },
    Measurement {
        name: "contrast",
        kind: ColumnType::Float,
        compute: |i| Value::Float(measure::contrast(i)),
    },
    Measurement { name: "blank", kind: ColumnType::Bool, compute: |i| Value::Bool(measure::blank(i)) },
];
const NAMES: &[&str] = &["noise_sigma", "sharpness", "entropy", "mean", "contrast", "blank"];

/// Name, documentation and parameters.
pub static DESCRIPTOR: Descriptor = Descriptor {
    name: "measure",
    doc: "Adds a column for each measurement of the current picture: `noise_sigma` (additive noise, 0 to 255 \
          scale), `sharpness` (variance of the Laplacian of luma, 0 to 255 scale), `entropy` (bits a pixel of \
          8-bit luma), `mean` and `contrast` (mean and standard deviation of luma, 0 to 1), `blank` (nothing \
          but one tone).",
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

    fn values(&self, sample: &Sample) -> Result<Vec<Value>, ItemError> {
        Ok(self.chosen.iter().map(|i| (MEASUREMENTS[*i].compute)(&sample.image)).collect())
    }

    fn peak_bytes(&self, shape: Shape) -> u64 {
        8 * shape.width * shape.height
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
