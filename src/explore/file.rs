//! The file of what was found: the columns of the table but its vectors, and beside them what was found of each row.

use super::duplicates::{self, Duplicates};
use super::error::ExploreError;
use super::found::Explored;
use super::groups::Groups;
use crate::columns::parquet::Stream;
use crate::columns::{Column, ColumnType, Value};
use crate::vectors::{Distance, epochs};
use serde_json::json;
use std::collections::HashSet;
use std::io::Write;

/// The columns beside those of the table.
fn own_columns(components: usize) -> Vec<Column> {
    use ColumnType::{Float, Int, Neighbours, Vector};
    let columns = [
        ("x", Float, "place on the map, from left to right; empty where the row has no vector"),
        ("y", Float, "place on the map, upwards"),
        (
            "neighbors",
            Neighbours,
            "the nearest other rows of this file, nearest first: their numbers, from 0, and distances; empty where the row has no vector",
        ),
        (
            "cluster",
            Int,
            "number of the cluster, from 0, the largest first; empty where the row has no vector",
        ),
        ("outlier", Float, "distance to the last of the neighbours: the larger, the more alone"),
        (
            "reconstruction_error",
            Float,
            "length of what the principal components leave of the vector: the larger, the less like the others",
        ),
        (
            "pca",
            Vector(components),
            "coordinates along the principal components, that of largest variance first",
        ),
    ];
    let columns = columns.into_iter().map(|(name, kind, about)| Column::new(name, kind).about(about));
    columns.chain(duplicates::columns()).collect()
}

impl Explored {
    /// All columns: those of the table, of which one that is called as one of ours gets `table_` before its name.
    fn columns(&self) -> Vec<Column> {
        let own = own_columns(self.components);
        let mut taken: HashSet<String> = own.iter().map(|c| c.name.clone()).collect();
        taken.extend(self.source.columns.iter().map(|c| c.name.clone()));
        let renamed = self.source.columns.iter().map(|column| {
            let mut name = column.name.clone();
            if own.iter().any(|own| own.name == name) {
                name = format!("table_{name}");
                while !taken.insert(name.clone()) {
                    name = format!("table_{name}");
                }
            }
            Column { name, ..column.clone() }
        });
        renamed.collect::<Vec<_>>().into_iter().chain(own).collect()
    }

    /// Duplicates among the rows.
    ///
    /// # Errors
    /// When the table can't be read.
    pub(crate) fn duplicates(&self) -> Result<Duplicates, ExploreError> {
        Duplicates::find(&self.source, &self.neighbours, self.settings.distance)
    }

    /// Writes the file, reading the table's columns again, a few row groups at a time.
    ///
    /// # Errors
    /// When the table can't be read, or the file not be written.
    pub(crate) fn write(&self, duplicates: &Duplicates, to: impl Write) -> Result<(), ExploreError> {
        let columns = self.columns();
        let names = self.source.columns.iter().map(|c| c.name.clone()).collect();
        let mut groups = Groups::new(&self.source.files, names);
        let mut stream = Stream::new(to, &columns);
        for (row, (file, place)) in self.source.rows.iter().enumerate() {
            let mut values = groups.row(*file as usize, *place as usize)?;
            values.extend(self.values(row));
            values.extend(duplicates.values(row));
            stream.push(values)?;
        }
        Ok(stream.finish(&self.metadata(&columns))?)
    }

    fn values(&self, row: usize) -> [Value; 7] {
        let some = !self.points.is_none(row);
        let number = |value: f64| if some && value.is_finite() { Value::Float(value) } else { Value::Null };
        let [x, y] = self.places[row].map(|v| number(f64::from(v)));
        let near = self.neighbours.of(row);
        let last = near.clone().last().map_or(f64::NAN, |(_, distance)| f64::from(distance));
        let (ids, distances) = near.map(|(id, distance)| (i64::from(id), f64::from(distance))).unzip();
        let cluster = if some { Value::Int(i64::from(self.clusters[row])) } else { Value::Null };
        let code = match some {
            true => self.codes[row * self.components..][..self.components].to_vec(),
            false => vec![0.0; self.components],
        };
        [
            x,
            y,
            Value::Neighbours(ids, distances),
            cluster,
            number(last),
            number(self.errors[row]),
            Value::Vector(code),
        ]
    }

    fn metadata(&self, columns: &[Column]) -> Vec<(String, String)> {
        let settings = &self.settings;
        let distance = match settings.distance {
            Distance::Cosine => "cosine",
            Distance::Euclidean => "euclidean",
        };
        let told = json!({
            "column": self.source.vector,
            "distance": distance,
            "k": settings.neighbours,
            "explained_variance": self.explained,
            "map": {"method": "umap", "a": 1, "b": 1, "neighbours": settings.neighbours, "epochs": epochs(self.points.len())},
            "clusters": self.clusters.iter().max().map_or(0, |most| most + 1),
            "seed": settings.seed,
            "rows": self.points.len(),
        });
        let about: serde_json::Map<String, serde_json::Value> = columns
            .iter()
            .filter(|c| !c.about.is_empty())
            .map(|c| (c.name.clone(), json!(c.about)))
            .collect();
        let pictures: serde_json::Map<String, serde_json::Value> = columns
            .iter()
            .filter(|c| c.kind == ColumnType::Image)
            .map(|c| (c.name.clone(), json!({"_type": "Image"})))
            .collect();
        let mut pairs = vec![
            ("safelight.version", env!("CARGO_PKG_VERSION").to_string()),
            ("safelight.explore", told.to_string()),
            ("safelight.columns", json!(about).to_string()),
        ];
        if !pictures.is_empty() {
            pairs.push(("huggingface", json!({"info": {"features": pictures}}).to_string()));
        }
        pairs.into_iter().map(|(key, value)| (key.to_string(), value)).collect()
    }
}
