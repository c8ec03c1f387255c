//! How far a picture's statistics are from those of natural pictures: NIQE.

mod aggd;
mod features;
mod filter;
mod halve;
pub(in crate::image::measure) mod model;

use super::subject::{Kind, Measurement, Reading, Subject};
pub use features::{DIM, SIDE};
pub use model::{Model, ModelError};

/// Its registration.
pub static MEASUREMENT: Measurement = Measurement {
    name: "niqe",
    columns: &[("niqe", Kind::Float)],
    doc: "`niqe` (distance from the statistics of natural pictures, lower is better, Mittal 2013 with a model of our own; \
          empty below 96x96 and for flat pictures)",
    read: |subject| Some(vec![Reading::of(niqe(subject))]),
    bytes: features::bytes,
};

/// Registration of what a model is fitted to.
pub static FEATURES: Measurement = Measurement {
    name: "niqe_features",
    columns: &[("niqe_features", Kind::Vector(DIM)), ("niqe_sharpness", Kind::Float)],
    doc: "`niqe_features` (the 36 numbers that `niqe` compares, of the 96x96 pixels in the middle of the picture, and as \
          `niqe_sharpness` their mean local deviation; empty where they are flat)",
    read: middle,
    bytes: features::bytes,
};

/// Distance of the picture's statistics from the model's, 0 or more; `None` where no 96x96 pixels have any.
///
/// Mittal, Soundararajan, Bovik: "Making a completely blind image quality analyzer", IEEE SPL 2013: luma less its local mean, over
/// its local deviation, has a distribution whose shape noise, blur and compression change. Shapes of it and of the products
/// of neighbours, at two scales, are 36 numbers for each 96x96 pixels; their mean and covariance are compared with the model's.
pub fn niqe(subject: &Subject<'_>) -> Option<f64> {
    let (width, height) = subject.size();
    let patches = features::of((subject.luma(), width, height));
    let found: Vec<[f32; DIM]> = patches.into_iter().filter_map(|patch| patch.features).collect();
    if found.is_empty() { None } else { subject.natural.distance(&found) }
}

fn middle(subject: &Subject<'_>) -> Option<Vec<Reading>> {
    let (width, height) = subject.size();
    if width < SIDE || height < SIDE {
        return None;
    }
    let patch = features::of_middle((subject.luma(), width, height));
    let sharpness = patch.features.map(|_| patch.sharpness);
    Some(vec![Reading::Vector(patch.features.unwrap_or([0.0; DIM]).to_vec()), Reading::of(sharpness)])
}
