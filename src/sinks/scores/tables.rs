//! The tables of scores as files: CSV, Parquet and Markdown.

use super::tally::{Group, Score, Sums, Tally, distinct};
use crate::columns::csv::cell;
use crate::columns::parquet::{Table, TableError};
use crate::columns::{Column, ColumnType, Row, Value};
use crate::image::compare::MS_SSIM;
use std::fmt::Write as _;

/// Most pictures that the Markdown file shows one by one.
const SHOWN: usize = 100;

/// Why a table can't be made.
#[derive(Debug, thiserror::Error)]
pub(super) enum MakeError {
    #[error(transparent)]
    Csv(#[from] csv::Error),
    #[error(transparent)]
    Parquet(#[from] TableError),
}

/// Rows with their columns.
#[derive(Debug)]
pub(super) struct Rows {
    pub(super) columns: Vec<Column>,
    pub(super) rows: Vec<Row>,
}

impl Rows {
    pub(super) fn csv(&self) -> Result<Vec<u8>, MakeError> {
        let mut writer = csv::Writer::from_writer(Vec::new());
        writer.write_record(self.columns.iter().map(|c| c.name.as_str()))?;
        for row in &self.rows {
            writer.write_record(row.iter().map(cell))?;
        }
        Ok(writer.into_inner().map_err(|e| csv::Error::from(e.into_error()))?)
    }

    pub(super) fn parquet(&self) -> Result<Vec<u8>, MakeError> {
        let mut table = Table::new(&self.columns, self.rows.len());
        for row in &self.rows {
            table.push(row.clone())?;
        }
        Ok(table.finish(&[])?)
    }

    fn markdown(&self, out: &mut String) {
        let line = |cells: &mut dyn Iterator<Item = String>| {
            format!("| {} |\n", cells.collect::<Vec<_>>().join(" | "))
        };
        out.push_str(&line(&mut self.columns.iter().map(|c| plain(&c.name))));
        let numeric = |c: &Column| matches!(c.kind, ColumnType::Int | ColumnType::Float);
        let rule = |c: &Column| if numeric(c) { "---:".to_string() } else { "---".to_string() };
        out.push_str(&line(&mut self.columns.iter().map(rule)));
        for row in &self.rows {
            let cells = row.iter().zip(&self.columns).map(|(value, column)| shown(value, &column.name));
            out.push_str(&line(&mut { cells }));
        }
    }
}

/// A number with as many digits as are told of its metric, other values as they are.
fn shown(value: &Value, column: &str) -> String {
    match (value, column) {
        (Value::Null, _) => "–".to_string(),
        (Value::Float(v), "psnr") => format!("{v:.2}"),
        (Value::Float(v), "ssim" | "ms_ssim") => format!("{v:.4}"),
        (Value::Float(v), "mae" | "mse") => format!("{v:.6}"),
        (value, _) => plain(&value.text()),
    }
}

/// Text that means nothing but itself in Markdown.
fn plain(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\\' | '`' | '*' | '[' | ']' | '<' | '>' | '|' | '#' | '&' | '~' | '$' => {
                out.push('\\');
                out.push(c);
            }
            c if c.is_control() => out.push(' '),
            c => out.push(c),
        }
    }
    out
}

/// What the tables are made of.
#[derive(Debug)]
pub(super) struct Report<'a> {
    pub(super) job: &'a str,
    pub(super) scores: &'a [Score],
    /// Names of the groupings.
    pub(super) by: Vec<String>,
    pub(super) tally: &'a Tally,
    /// Inputs that have no scores.
    pub(super) without: usize,
}

impl Report<'_> {
    fn metrics(&self) -> Vec<&str> {
        distinct(self.scores.iter().map(|score| score.metric))
    }

    fn methods(&self) -> Vec<&str> {
        distinct(self.scores.iter().map(|score| score.method.as_str()))
    }

    fn named(&self) -> bool {
        self.scores.iter().any(|score| !score.method.is_empty())
    }

    /// The columns from `method` on, of summaries and of single pictures.
    fn columns(&self, counts: bool) -> Vec<Column> {
        let mut columns = Vec::new();
        columns.extend(self.named().then(|| Column::new("method", ColumnType::Text)));
        columns.extend(counts.then(|| Column::new("pictures", ColumnType::Int)));
        let metrics = self.metrics();
        columns.extend(metrics.iter().map(|metric| Column::new(*metric, ColumnType::Float)));
        // The only one that a picture may lack.
        if counts && metrics.contains(&MS_SSIM.name) {
            columns.push(Column::new("ms_ssim_pictures", ColumnType::Int));
        }
        columns
    }

    /// For each method its cells from `method` on: `value` gives that of a score and how many pictures it is of, `pictures`
    /// how many there are.
    fn cells(&self, pictures: Option<u64>, value: &dyn Fn(usize) -> (Option<f64>, u64)) -> Vec<Row> {
        let int = |n: u64| Value::Int(i64::try_from(n).unwrap_or(i64::MAX));
        let metrics = self.metrics();
        let row = |method: &&str| {
            let found = |metric: &str| {
                let is = |score: &Score| score.metric == metric && score.method == *method;
                self.scores.iter().position(is).map_or((None, 0), value)
            };
            let mut row = Row::new();
            row.extend(self.named().then(|| Value::Text((*method).to_string())));
            row.extend(pictures.map(int));
            row.extend(metrics.iter().map(|metric| found(metric).0.map_or(Value::Null, Value::Float)));
            if pictures.is_some() && metrics.contains(&MS_SSIM.name) {
                row.push(int(found(MS_SSIM.name).1));
            }
            row
        };
        self.methods().iter().map(row).collect()
    }

    fn of(&self, sums: &Sums) -> Vec<Row> {
        self.cells(Some(sums.pictures), &|score| sums.mean(score))
    }

    /// Means of all pictures and of every group, one row for each method.
    pub(super) fn summary(&self) -> Rows {
        let mut columns = vec![Column::new("by", ColumnType::Text), Column::new("group", ColumnType::Text)];
        columns.extend(self.columns(true));
        let mut rows = Vec::new();
        let mut add = |by: &str, group: Value, sums: &Sums| {
            for row in self.of(sums) {
                rows.push([vec![Value::Text(by.to_string()), group.clone()], row].concat());
            }
        };
        add("", Value::Null, &self.tally.all);
        for (name, groups) in self.by.iter().zip(&self.tally.by) {
            for (group, sums) in groups {
                add(name, Value::Text(group.text()), sums);
            }
        }
        Rows { columns, rows }
    }

    /// The columns of single pictures; `beside` are those that tell them apart.
    pub(super) fn picture_columns(&self, beside: &[Column]) -> Vec<Column> {
        [beside.to_vec(), self.columns(false)].concat()
    }

    /// The rows of a picture, of which `beside` are the values that tell it apart.
    pub(super) fn picture(&self, beside: &[Value], values: &[Option<f64>]) -> Vec<Row> {
        let value = |score: usize| (values.get(score).copied().flatten(), 1);
        let rows = self.cells(None, &value).into_iter();
        rows.map(|row| [beside.to_vec(), row].concat()).collect()
    }

    /// All of it to be read; single pictures where they are few.
    pub(super) fn markdown(&self, pictures: Option<&Rows>) -> String {
        let mut out = format!("# Scores of {}\n\n", plain(self.job));
        let count = self.tally.all.pictures;
        let _ = write!(out, "Means over {count} picture{}.", if count == 1 { "" } else { "s" });
        if self.without > 0 {
            let _ = write!(
                out,
                " {} input{} no scores: the manifest says why.",
                self.without,
                if self.without == 1 { " has" } else { "s have" }
            );
        }
        out.push_str("\n\n");
        Rows { columns: self.columns(true), rows: self.of(&self.tally.all) }.markdown(&mut out);
        for (name, groups) in self.by.iter().zip(&self.tally.by) {
            let _ = write!(out, "\n## By {}\n\n", plain(name));
            let mut columns = vec![Column::new(name.as_str(), ColumnType::Text)];
            columns.extend(self.columns(true));
            let rows = groups.iter().flat_map(|(group, sums)| {
                self.of(sums).into_iter().map(|row| [vec![label(group)], row].concat())
            });
            Rows { columns, rows: rows.collect() }.markdown(&mut out);
        }
        let shown = pictures.filter(|_| count <= SHOWN as u64);
        if let Some(pictures) = shown.filter(|pictures| !pictures.rows.is_empty()) {
            out.push_str("\n## Pictures\n\n");
            pictures.markdown(&mut out);
        }
        out
    }
}

fn label(group: &Group) -> Value {
    Value::Text(group.text())
}
