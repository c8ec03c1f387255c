//! Means of metrics over pictures: of all, and by group and method.

use crate::columns::{Column, ColumnType, Value};
use crate::image::compare::METRICS;
use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};

/// A column that holds a metric.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Score {
    /// Its place among the columns of the rows.
    pub(super) at: usize,
    /// Which metric.
    pub(super) metric: &'static str,
    /// Of which method; empty where there is only one, without a name.
    pub(super) method: String,
}

/// Metric and method of a column's name.
pub(super) fn parse(name: &str) -> Option<(&'static str, &str)> {
    METRICS.iter().find_map(|metric| {
        let rest = name.strip_prefix(metric.name)?;
        let method = if rest.is_empty() { rest } else { rest.strip_prefix('_').filter(|m| !m.is_empty())? };
        Some((metric.name, method))
    })
}

/// The columns that hold metrics, of those that are measured.
pub(super) fn scores<'a>(
    columns: impl Iterator<Item = &'a Column>,
    measured: &BTreeSet<String>,
) -> Vec<Score> {
    let score = |(at, column): (usize, &Column)| {
        let (metric, method) = parse(&column.name)
            .filter(|_| column.kind == ColumnType::Float && measured.contains(&column.name))?;
        Some(Score { at, metric, method: method.to_string() })
    };
    columns.enumerate().filter_map(score).collect()
}

/// Distinct values in the order in which they are met.
pub(super) fn distinct<'a>(of: impl Iterator<Item = &'a str>) -> Vec<&'a str> {
    let mut all = Vec::new();
    for one in of {
        if !all.contains(&one) {
            all.push(one);
        }
    }
    all
}

/// What pictures are put together by: values of some columns.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Group(pub(super) Vec<Value>);

impl Group {
    /// As a cell.
    pub(super) fn text(&self) -> String {
        self.0.iter().map(Value::text).collect::<Vec<_>>().join(" + ")
    }
}

impl Eq for Group {}

impl Ord for Group {
    fn cmp(&self, other: &Group) -> Ordering {
        let pairs = self.0.iter().zip(&other.0);
        pairs.map(|(a, b)| order(a, b)).find(|o| o.is_ne()).unwrap_or(self.0.len().cmp(&other.0.len()))
    }
}

impl PartialOrd for Group {
    fn partial_cmp(&self, other: &Group) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// Nothing first, then numbers by size, then texts.
fn order(a: &Value, b: &Value) -> Ordering {
    let number = |value: &Value| match value {
        Value::Int(i) => Some(*i as f64),
        Value::Float(f) => Some(*f),
        _ => None,
    };
    let rank = |value: &Value| match value {
        Value::Null => 0,
        value => 1 + usize::from(number(value).is_none()),
    };
    match (number(a), number(b)) {
        (Some(a), Some(b)) => a.total_cmp(&b),
        _ => rank(a).cmp(&rank(b)).then_with(|| a.text().cmp(&b.text())),
    }
}

/// Sums of one group.
#[derive(Clone, Debug)]
pub(super) struct Sums {
    /// Pictures.
    pub(super) pictures: u64,
    /// Of each score, the sum and how many there are.
    scores: Vec<(f64, u64)>,
}

impl Sums {
    fn new(scores: usize) -> Sums {
        Sums { pictures: 0, scores: vec![(0.0, 0); scores] }
    }

    fn add(&mut self, values: &[Option<f64>]) {
        self.pictures += 1;
        for ((sum, count), value) in self.scores.iter_mut().zip(values) {
            if let Some(value) = value {
                *sum += value;
                *count += 1;
            }
        }
    }

    /// The mean of a score over the pictures that have it, and how many these are.
    pub(super) fn mean(&self, score: usize) -> (Option<f64>, u64) {
        let (sum, count) = self.scores.get(score).copied().unwrap_or_default();
        ((count > 0).then(|| sum / count as f64), count)
    }
}

/// Sums of all pictures, and by each of several groupings.
#[derive(Debug)]
pub(super) struct Tally {
    pub(super) all: Sums,
    pub(super) by: Vec<BTreeMap<Group, Sums>>,
}

impl Tally {
    /// Of no pictures yet.
    pub(super) fn new(scores: usize, groupings: usize) -> Tally {
        Tally { all: Sums::new(scores), by: vec![BTreeMap::new(); groupings] }
    }

    /// Adds a picture with the value of each score, which belongs to these groups.
    pub(super) fn add(&mut self, values: &[Option<f64>], groups: impl Iterator<Item = Group>) {
        self.all.add(values);
        for (by, group) in self.by.iter_mut().zip(groups) {
            by.entry(group).or_insert_with(|| Sums::new(values.len())).add(values);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_metric_and_method() {
        assert_eq!(parse("psnr_input"), Some(("psnr", "input")));
        assert_eq!(parse("ms_ssim_a_b"), Some(("ms_ssim", "a_b")));
        assert_eq!(parse("ssim"), Some(("ssim", "")));
        assert_eq!(parse("mse_A"), Some(("mse", "A")));
        for other in ["psnr_", "before_psnr", "psnrs", "sharpness", ""] {
            assert_eq!(parse(other), None, "{other}");
        }
    }

    #[test]
    fn means_are_over_the_pictures_that_have_a_value() {
        let mut tally = Tally::new(2, 1);
        let group = |value: Value| std::iter::once(Group(vec![value]));
        tally.add(&[Some(1.0), None], group(Value::Int(10)));
        tally.add(&[Some(3.0), Some(5.0)], group(Value::Int(2)));
        tally.add(&[Some(5.0), Some(7.0)], group(Value::Null));
        assert_eq!(
            (tally.all.pictures, tally.all.mean(0), tally.all.mean(1)),
            (3, (Some(3.0), 3), (Some(6.0), 2))
        );
        let groups: Vec<String> = tally.by[0].keys().map(Group::text).collect();
        assert_eq!(groups, ["", "2", "10"]);
        let ten = &tally.by[0][&Group(vec![Value::Int(10)])];
        assert_eq!(ten.mean(1), (None, 0));
    }
}
