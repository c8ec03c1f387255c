//! What is found out about the rows of a table.

use super::settings::Settings;
use super::source::Source;
use super::state;
use crate::store::{Store, StoreError};
use crate::vectors::{Before, Neighbours, Pca, Points, clusters, map, nearest, suitable, updated};
use rayon::prelude::*;
use std::io::Read;
use std::path::Path;

/// A table, and what was found out about its rows.
#[derive(Debug)]
pub(crate) struct Explored {
    /// The table; its vectors are in `points`.
    pub source: Source,
    /// What was asked for.
    pub settings: Settings,
    /// Its vectors as they were compared.
    pub points: Points,
    /// Neighbours of each row.
    pub neighbours: Neighbours,
    /// Place of each row on the map.
    pub places: Vec<[f32; 2]>,
    /// Cluster of each row.
    pub clusters: Vec<u32>,
    /// Numbers of the principal components of a row.
    pub components: usize,
    /// `[n][components]`.
    pub codes: Vec<f32>,
    /// How far each row is from what its components say of it.
    pub errors: Vec<f64>,
    /// Share of the variance along each component.
    pub explained: Vec<f64>,
    /// Rows whose neighbours were known from the time before.
    pub known: usize,
}

/// Finds it out; `state` is what [`Explored::keep`] wrote at some earlier time, if anything. What it holds changes
/// the time that this takes, and nothing else.
pub(crate) fn explore(mut source: Source, settings: &Settings, state: Option<&mut dyn Read>) -> Explored {
    let width = source.width.max(1);
    let points = Points::new(std::mem::take(&mut source.vectors), width, settings.distance);
    let k = settings.neighbours;
    let before = state.and_then(|from| state::read(from, &points, &source.keys, k));
    let known = before.as_ref().map_or(0, |(_, was)| was.iter().flatten().count());
    let neighbours = match &before {
        Some((neighbours, was)) => updated(&points, k, Before { neighbours, was }),
        None => nearest(&points, k),
    };
    drop(before);
    // Rows without a vector have no say in where the others lie.
    let some: Vec<usize> = (0..points.len()).filter(|row| !points.is_none(*row)).collect();
    let gathered: Vec<f32> = match some.len() == points.len() {
        true => Vec::new(),
        false => some.iter().flat_map(|row| points.row(*row)).copied().collect(),
    };
    let numbers = if some.len() == points.len() { points.numbers() } else { &gathered };
    let pca = Pca::fit(numbers, width, settings.components.max(2), settings.seed);
    let found = pca.components.len() / width;
    let components = settings.components.min(found);
    let coded: Vec<(Vec<f32>, f64)> = (0..points.len())
        .into_par_iter()
        .with_min_len(256)
        .map(|row| {
            let code = pca.project(points.row(row));
            let error = pca.distance(points.row(row), &code[..components]);
            (code, error)
        })
        .collect();
    let axis = |code: &[f32], axis: usize| code.get(axis).copied().unwrap_or(0.0);
    let start: Vec<[f32; 2]> = coded.iter().map(|(code, _)| [axis(code, 0), axis(code, 1)]).collect();
    let codes = coded.iter().flat_map(|(code, _)| &code[..components]).copied().collect();
    let errors = coded.into_iter().map(|(_, error)| error).collect();
    let places = map(&neighbours, &start, settings.seed);
    let count = settings.clusters.unwrap_or_else(|| suitable(some.len()));
    let of_some = clusters(numbers, width, count, settings.seed);
    let mut of_all = vec![0; points.len()];
    some.iter().zip(of_some).for_each(|(row, cluster)| of_all[*row] = cluster);
    let mut explained = pca.explained();
    explained.truncate(components);
    Explored {
        source,
        settings: settings.clone(),
        points,
        neighbours,
        places,
        clusters: of_all,
        components,
        codes,
        errors,
        explained,
        known,
    }
}

impl Explored {
    /// Keeps, in this file of an output, what the next time starts from: the same bytes for the same table, whatever was done
    /// before.
    ///
    /// # Errors
    /// When it can't be written.
    pub(crate) fn keep(&self, store: &Store, path: &Path) -> Result<(), StoreError> {
        let mut writing = store.begin(path)?;
        let failed = |source| StoreError::Io { action: "write", path: store.root().join(path), source };
        state::write(&mut writing, (&self.points, &self.source.keys), &self.neighbours).map_err(failed)?;
        store.end(writing)
    }
}

/// Name of the file that is kept for the result in `folder`, relative to the output.
pub(crate) fn kept_for(folder: &Path) -> String {
    format!("{}.near", folder.to_string_lossy().replace('%', "%25").replace('/', "%2F"))
}
