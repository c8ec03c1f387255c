//! Everything that was gathered for a report.

use super::distribution::Spread;
use super::groups::Group;
use super::rows::Rows;
use super::samples::Samples;
use super::sprite::Sprites;
use super::subject::Subject;
use super::tally::Tally;
use serde_json::Value;

/// Columns of numbers that tell where something is or belongs, not how it is.
const NOT_MEASURED: [&str; 12] = [
    "x",
    "y",
    "cluster",
    "identical_group",
    "near_group",
    "similar_group",
    "mtime",
    "channels",
    "bit_depth",
    "seed",
    "outlier",
    "reconstruction_error",
];
/// Columns that tell how large a file is.
const SIZES: [&str; 3] = ["size", "width", "height"];

/// Everything that was gathered.
#[derive(Debug)]
pub(super) struct Facts<'a> {
    pub subject: &'a Subject<'a>,
    pub tally: &'a Tally,
    pub rows: &'a Rows,
    pub samples: &'a Samples,
    pub groups: &'a [Group],
    /// The rows that small pictures of duplicates were made of, and these.
    pub members: (&'a [usize], &'a Sprites),
    /// Pictures on the map, where there is one.
    pub points: Option<usize>,
    pub training: Option<Value>,
    pub warnings: &'a [String],
}

impl Facts<'_> {
    /// The columns of numbers that are measurements.
    pub(super) fn measured(&self) -> Vec<(&str, &[f64])> {
        let measured =
            self.rows.numbers.iter().filter(|n| !n.times && !NOT_MEASURED.contains(&n.name.as_str()));
        let mut measured: Vec<_> = measured.map(|n| (n.name.as_str(), &n.values[..])).collect();
        // What was measured comes before what every file has.
        measured.sort_by_key(|(name, _)| SIZES.contains(name));
        measured
    }

    /// How their values are spread.
    pub(super) fn spreads(&self) -> Vec<Spread> {
        self.measured().into_iter().filter_map(|(name, values)| Spread::of(name, values)).collect()
    }
}
