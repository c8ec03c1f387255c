//! Duplicates among the rows of a table: what its columns say of each picture, and the list for people.

use super::error::ExploreError;
use super::groups::Groups;
use super::source::Source;
use crate::columns::{Column, ColumnType, Value, csv};
use crate::image::signature::Signature;
use crate::vectors::{Distance, DuplicateSettings, Facts, Neighbours, Verdict, groups};

/// Name of the list.
pub(crate) const LIST: &str = "duplicates.csv";

/// Columns of a table that tell of duplicates; which of them it has decides what is found.
pub(super) const TOLD_BY: [&str; 9] =
    ["path", "size", "hash", "pixel_hash", "signature", "width", "height", "bit_depth", "format"];

/// What was found, row by row.
#[derive(Debug)]
pub(crate) struct Duplicates {
    paths: Vec<String>,
    facts: Vec<Facts>,
    verdicts: Vec<Verdict>,
}

/// What values of the columns [`TOLD_BY`] say of a picture, and its path.
pub(super) fn facts_of(values: &[Value]) -> (String, Facts) {
    let text = |at: usize| match values.get(at) {
        Some(Value::Text(text)) => text.clone(),
        _ => String::new(),
    };
    let number = |at: usize| match values.get(at) {
        Some(Value::Int(number)) => u64::try_from(*number).ok(),
        Some(Value::Float(number)) if *number >= 0.0 => Some(*number as u64),
        _ => None,
    };
    let small = |at: usize| number(at).and_then(|number| u32::try_from(number).ok()).unwrap_or(0);
    let hash = |at: usize| blake3::Hash::from_hex(text(at)).ok().map(|hash| *hash.as_bytes());
    let facts = Facts {
        bytes: number(1).unwrap_or(0),
        hash: hash(2),
        ordinal: 0,
        pixels: hash(3),
        signature: Signature::parse(&text(4)).map(Box::new),
        width: small(5),
        height: small(6),
        bit_depth: small(7),
        format: text(8),
    };
    (text(0), facts)
}

impl Duplicates {
    /// Of the rows of a table, whose neighbours are known.
    ///
    /// # Errors
    /// When the table can't be read.
    pub(super) fn find(
        source: &Source,
        neighbours: &Neighbours,
        distance: Distance,
    ) -> Result<Duplicates, ExploreError> {
        let mut read = Groups::new(&source.files, TOLD_BY.iter().map(ToString::to_string).collect());
        let (mut paths, mut all): (Vec<String>, Vec<Facts>) = (Vec::new(), Vec::new());
        for (file, row) in &source.rows {
            let (path, mut facts) = facts_of(&read.row(*file as usize, *row as usize)?);
            // Rows of one file stand together.
            let before = all.last().filter(|_| paths.last() == Some(&path));
            facts.ordinal = before.map_or(0, |before| before.ordinal + 1);
            paths.push(path);
            all.push(facts);
        }
        let settings = match distance {
            Distance::Cosine => DuplicateSettings::default(),
            // Lengths say nothing without a scale.
            Distance::Euclidean => DuplicateSettings { similar: 0.0, reach: f32::INFINITY },
        };
        let verdicts = groups(&all, neighbours, &settings);
        Ok(Duplicates { paths, facts: all, verdicts })
    }

    /// Values of the columns of a row.
    pub(super) fn values(&self, row: usize) -> [Value; 6] {
        let Some(verdict) = self.verdicts.get(row) else { return [const { Value::Null }; 6] };
        let group = |first: Option<u32>| first.map_or(Value::Null, |first| Value::Int(first.into()));
        [
            verdict.class.map_or(Value::Null, |class| Value::Text(class.word().to_string())),
            group(verdict.identical),
            group(verdict.near),
            group(verdict.similar),
            verdict.keeper.map_or(Value::Null, Value::Bool),
            verdict.reason.map_or(Value::Null, |reason| Value::Text(reason.text().to_string())),
        ]
    }

    /// The list for people: identical and near ones, group by group, the one to keep first. Each with why it is kept, or what it
    /// is to the one that is.
    pub(crate) fn list(&self) -> Vec<u8> {
        let grouped = (0..self.verdicts.len()).filter_map(|row| {
            let verdict = &self.verdicts[row];
            Some((verdict.near?, verdict.keeper != Some(true), row))
        });
        let mut rows: Vec<(u32, bool, usize)> = grouped.collect();
        rows.sort_unstable();
        let mut writer = ::csv::Writer::from_writer(Vec::new());
        let head = ["class", "group", "path", "keep", "why", "bytes", "width", "height"];
        let mut written = writer.write_record(head);
        for (group, _, row) in rows {
            let (verdict, facts) = (&self.verdicts[row], &self.facts[row]);
            written = written.and_then(|()| {
                writer.write_record([
                    verdict.class.map_or("", |class| class.word()),
                    &group.to_string(),
                    &csv::cell(&Value::Text(self.paths[row].clone())),
                    if verdict.keeper == Some(true) { "yes" } else { "no" },
                    verdict.reason.map_or("", |reason| reason.text()),
                    &facts.bytes.to_string(),
                    &facts.width.to_string(),
                    &facts.height.to_string(),
                ])
            });
        }
        written.ok().and_then(|()| writer.into_inner().ok()).unwrap_or_default()
    }
}

/// The columns.
pub(super) fn columns() -> Vec<Column> {
    use ColumnType::{Bool, Int, Text};
    let columns = [
        (
            "duplicate",
            Text,
            "the strongest class that the row has with another: `identical` (bytes or pixels), `near` (one shot) or \
             `similar` (vectors)",
        ),
        ("identical_group", Int, "number of the first of the identical rows; empty where there is no other"),
        (
            "near_group",
            Int,
            "number of the first of the near rows, identical ones among them; empty where there is no other",
        ),
        (
            "similar_group",
            Int,
            "number of the first of the similar rows, near ones among them; empty where there is no other",
        ),
        ("keeper", Bool, "whether it is the one to keep of its near group; empty without one"),
        ("duplicate_reason", Text, "why it is the one to keep, or what it is to that one"),
    ];
    columns.into_iter().map(|(name, kind, about)| Column::new(name, kind).about(about)).collect()
}
