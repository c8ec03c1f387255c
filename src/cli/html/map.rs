//! The map, as data for its script: places, columns to colour by, and where small pictures stand.

use super::rows::Rows;
use super::sprite::Sprites;
use serde_json::{Value, json};

/// Pictures on the map; of more, evenly spaced ones are taken.
pub(super) const POINTS: usize = 20_000;
/// Labels of a category that have colours of their own.
const LABELS: usize = 10;
/// Columns of what `explore` writes that are not worth a colour.
const INNER: [&str; 6] = ["x", "y", "cluster", "identical_group", "near_group", "similar_group"];

/// Which rows stand on the map.
pub(super) fn chosen(count: usize) -> Vec<usize> {
    let step = count.div_ceil(POINTS).max(1);
    (0..count).step_by(step).collect()
}

/// The data of the map; none where the rows have no places on it.
pub(super) fn map(rows: &Rows, chosen: &[usize], sprites: &Sprites) -> Option<Value> {
    let (x, y) = (rows.number("x")?, rows.number("y")?);
    let placed: Vec<(usize, usize)> = chosen
        .iter()
        .copied()
        .enumerate()
        .filter(|(_, row)| x[*row].is_finite() && y[*row].is_finite())
        .collect();
    let range = |values: &[f64]| {
        let placed = placed.iter().map(|(_, row)| values[*row]);
        placed.fold((f64::INFINITY, f64::NEG_INFINITY), |(a, b), v| (a.min(v), b.max(v)))
    };
    let (across, down) = (range(x), range(y));
    if placed.is_empty() {
        return None;
    }
    // One scale for both directions, so that distances stay what they are; whole numbers are short.
    let extent = (across.1 - across.0).max(down.1 - down.0).max(f64::MIN_POSITIVE);
    let scaled = |value: f64, low: f64| ((value - low) / extent * 10_000.0).round() as i64;
    // Clusters have numbers, and are no measure.
    let clusters = rows.number("cluster").and_then(|values| {
        let name = |row: usize| Some(values[row]).filter(|v| v.is_finite()).map(|v| v.to_string());
        let names: Vec<Option<String>> = placed.iter().map(|(_, row)| name(*row)).collect();
        labelled("cluster", names.iter().map(Option::as_deref))
    });
    let numbers = rows.numbers.iter().filter(|n| !INNER.contains(&n.name.as_str()));
    let numbers = numbers.filter_map(|n| {
        let number = |row: usize| if n.times { seconds(n.values[row]) } else { short(n.values[row]) };
        let values: Vec<Value> = placed.iter().map(|(_, row)| number(*row)).collect();
        let told = values.iter().filter(|v| !v.is_null()).collect::<std::collections::HashSet<_>>().len();
        (told > 1).then(|| json!({"name": n.name, "values": values, "times": n.times}))
    });
    let categories = rows.categories.iter().filter_map(|category| {
        let texts = placed.iter().map(|(_, row)| category.text(*row));
        labelled(&category.name, texts)
    });
    let folders = labelled("folder", placed.iter().map(|(_, row)| Some(folder(&rows.paths[*row]))));
    let columns: Vec<Value> = clusters.into_iter().chain(folders).chain(categories).chain(numbers).collect();
    let thumb = |number: usize| match sprites.places.get(number).copied().flatten() {
        Some(p) => json!([p.sheet, p.x, p.y, p.width, p.height]),
        None => Value::Null,
    };
    let sheets: Vec<Value> = sprites.sheets.iter().map(|(_, width, height)| json!([width, height])).collect();
    Some(json!({
        "paths": placed.iter().map(|(_, row)| rows.paths[*row].as_str()).collect::<Vec<_>>(),
        "x": placed.iter().map(|(_, row)| scaled(x[*row], across.0)).collect::<Vec<_>>(),
        "y": placed.iter().map(|(_, row)| scaled(y[*row], down.0)).collect::<Vec<_>>(),
        "columns": columns,
        "sheets": sheets,
        "thumbs": placed.iter().map(|(number, _)| thumb(*number)).collect::<Vec<_>>(),
    }))
}

/// The first folder of a path.
fn folder(path: &str) -> &str {
    path.split_once('/').map_or("(top)", |(folder, _)| folder)
}

/// A column of categories: its most frequent labels, and for each row the place of its own, or none. One that has a single
/// label, or one for nearly every row, tells nothing.
fn labelled<'a>(name: &str, texts: impl Iterator<Item = Option<&'a str>>) -> Option<Value> {
    let texts: Vec<Option<&str>> = texts.collect();
    let mut counts: std::collections::BTreeMap<&str, usize> = std::collections::BTreeMap::new();
    texts.iter().flatten().for_each(|text| *counts.entry(text).or_default() += 1);
    if counts.len() < 2 || counts.len() * 2 > texts.len() {
        return None;
    }
    let mut labels: Vec<(&str, usize)> = counts.into_iter().collect();
    labels.sort_by(|a, b| b.1.cmp(&a.1).then(a.0.cmp(b.0)));
    let others = labels.len() > LABELS;
    labels.truncate(LABELS);
    let place = |text: &Option<&str>| match text {
        Some(text) => json!(labels.iter().position(|l| l.0 == *text).unwrap_or(LABELS)),
        None => Value::Null,
    };
    let values: Vec<Value> = texts.iter().map(place).collect();
    let labels: Vec<&str> = labels.iter().map(|l| l.0).collect();
    Some(json!({"name": name, "labels": labels, "others": others, "values": values}))
}

/// A time in whole seconds.
fn seconds(value: f64) -> Value {
    if value.is_finite() { json!(value.round() as i64) } else { Value::Null }
}

/// A number with five digits, which is as many as colours tell.
fn short(value: f64) -> Value {
    if !value.is_finite() {
        return Value::Null;
    }
    let rounded: f64 = format!("{value:.4e}").parse().unwrap_or(value);
    if rounded.fract() == 0.0 && rounded.abs() < 1e15 { json!(rounded as i64) } else { json!(rounded) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::html::rows::{Category, Numbers};

    #[test]
    fn places_keep_their_proportions_and_columns_that_tell_nothing_are_left_out() {
        let paths: Vec<String> = ["a/1", "b/2", "a/3", "b/4", "5"].map(String::from).into();
        let numbers = [
            ("x", vec![0.0, 2.0, 1.0, f64::NAN, 1.0]),
            ("y", vec![0.0, 1.0, 1.0, 0.0, 0.5]),
            ("same", vec![1.0; 5]),
            ("noise", vec![1.234_567, 2.0, f64::NAN, 3.0, 4.0]),
        ];
        let numbers =
            numbers.map(|(name, values)| Numbers { name: name.into(), values, times: false }).into();
        let category = |name: &str, labels: &[&str], values: [u32; 5]| Category {
            name: name.into(),
            labels: labels.iter().map(|l| (*l).to_string()).collect(),
            values: values.map(Some).into(),
        };
        let categories = vec![
            category("format", &["png", "jpeg"], [0, 1, 0, 0, 0]),
            category("each", &["a", "b", "c", "d", "e"], [0, 1, 2, 3, 4]),
        ];
        let rows = Rows { paths, numbers, categories, ..Rows::default() };
        let data = map(&rows, &chosen(5), &Sprites::default()).unwrap();
        assert_eq!(
            (&data["x"], &data["y"]),
            (&json!([0, 10_000, 5000, 5000]), &json!([0, 5000, 5000, 2500]))
        );
        let names: Vec<&str> =
            data["columns"].as_array().unwrap().iter().map(|c| c["name"].as_str().unwrap()).collect();
        assert_eq!(names, ["format", "noise"]);
        assert_eq!(data["columns"][1]["values"], json!([1.2346, 2, null, 4]));
        assert!(map(&Rows::default(), &[], &Sprites::default()).is_none());
        assert_eq!((chosen(10).len(), chosen(45_000).len()), (10, 15_000));
    }
}
