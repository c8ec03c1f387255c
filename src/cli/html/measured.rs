//! What the page says of measurements, the map and duplicates.

use super::distribution::{Spread, histogram, twins};
use super::facts::Facts;
use super::groups::{Group, SHOWN};
use super::numbers::{bytes, count, counted, figure, path};
use super::rows::Rows;
use super::{chart, kinds};
use serde_json::{Value, json};

/// Groups of a class that are seen at once.
const FIRST: usize = 4;
/// Columns that are drawn.
const CHARTS: usize = 24;

/// What the charts are of.
pub(super) fn about(facts: &Facts<'_>) -> String {
    let rows = counted(facts.rows.paths.len(), "row");
    format!(
        "Of {rows} of the table. Each chart spans the middle 99 % of the values; what lies beyond counts in the outermost bars."
    )
}

/// A chart for each measurement, those taken before and after first.
pub(super) fn charts(facts: &Facts<'_>) -> Vec<Value> {
    let measured = facts.measured();
    let names: Vec<&str> = measured.iter().map(|(name, _)| *name).collect();
    let pairs = twins(&names);
    let median = |values: &[f64]| Spread::of("", values).map_or(f64::NAN, |s| s.quantiles[2]);
    let of_pair = |(b, a): &(usize, usize)| {
        let (before, after, name) = (measured[*b].1, measured[*a].1, names[*a]);
        let data = histogram(&[before, after])?;
        let (low, high) = (figure(median(before)), figure(median(after)));
        let label = format!("{name}: median {low} before and {high} after");
        let parts = json!([{"class": "before", "label": format!("before, median {low}")},
                           {"class": "after", "label": format!("after, median {high}")}]);
        Some(
            json!({"title": name, "parts": parts, "svg": chart::histogram(&data, &["before", "after"], &label)}),
        )
    };
    let alone = |(place, (name, values)): (usize, &(&str, &[f64]))| {
        let equal = Spread::of("", values).is_none_or(|s| s.quantiles[0] == s.quantiles[4]);
        if equal || pairs.iter().any(|(b, a)| *b == place || *a == place) {
            return None;
        }
        let (data, middle) = (histogram(&[values])?, figure(median(values)));
        let label = format!("{name}: median {middle}");
        let parts = json!([{"class": "after", "label": format!("median {middle}")}]);
        Some(json!({"title": name, "parts": parts, "svg": chart::histogram(&data, &[name], &label)}))
    };
    let both = pairs.iter().filter_map(of_pair);
    both.chain(measured.iter().enumerate().filter_map(alone)).take(CHARTS).collect()
}

/// All figures.
pub(super) fn spreads(facts: &Facts<'_>) -> Vec<Value> {
    let row = |s: Spread| json!({"name": s.name, "count": count(s.count as u64), "quantiles": s.quantiles.map(figure)});
    facts.spreads().into_iter().map(row).collect()
}

/// What the map shows.
pub(super) fn map_about(rows: usize, points: usize) -> String {
    let which = if points < rows {
        format!("{} of {} pictures, evenly spaced", count(points as u64), count(rows as u64))
    } else {
        counted(rows, "picture")
    };
    format!(
        "{which}; those that look alike to the embedding stand together. Distances across the map mean little."
    )
}

/// The groups of duplicates, class by class; nothing where there are none.
pub(super) fn duplicates(facts: &Facts<'_>) -> Value {
    if facts.groups.is_empty() {
        return Value::Null;
    }
    let class = |class: &'static str| {
        let all = facts.groups.iter().filter(|group| group.class == class).count();
        let of_class = facts.groups.iter().filter(|group| group.class == class);
        let shown: Vec<Value> = of_class.take(SHOWN.0).map(|group| members(facts, group)).collect();
        let (first, rest) = shown.split_at(FIRST.min(shown.len()));
        let beyond = (all > shown.len()).then(|| {
            let beyond = counted(all - shown.len(), "further group");
            format!("{beyond} can be found in the table and in explore/duplicates.csv.")
        });
        (all > 0).then(|| {
            json!({"title": kinds::class(class).0, "about": kinds::class(class).1, "count": counted(all, "group"),
                   "groups": first, "rest": rest, "rest_title": counted(rest.len(), "more group"), "beyond": beyond})
        })
    };
    ["identical", "near", "similar"].into_iter().filter_map(class).collect()
}

/// A group with those of its members that are shown.
fn members(facts: &Facts<'_>, group: &Group) -> Value {
    let (rows, sprites) = facts.members;
    let member = |row: usize| {
        let place =
            rows.iter().position(|r| *r == row).and_then(|at| sprites.places.get(at).copied().flatten());
        let thumb = place.and_then(|p| {
            let (_, width, height) = sprites.sheets.get(p.sheet)?;
            Some(json!({"file": format!("duplicates-{}.jpg", p.sheet), "x": p.x, "y": p.y, "width": p.width,
                        "height": p.height, "sheet_width": width, "sheet_height": height}))
        });
        json!({"path": path(&facts.rows.paths[row]), "keeper": group.keeper == Some(row), "thumb": thumb,
               "facts": facts_of(facts.rows, row)})
    };
    let list: Vec<Value> = group.shown().map(member).collect();
    let more = (group.rows.len() > list.len()).then(|| format!("and {} more", group.rows.len() - list.len()));
    json!({"title": counted(group.rows.len(), "picture"), "members": list, "more": more})
}

/// Size and format of a row's file.
fn facts_of(rows: &Rows, row: usize) -> String {
    let number =
        |name: &str| rows.number(name).and_then(|values| values.get(row).copied()).filter(|v| v.is_finite());
    let format = rows.category("format").and_then(|c| c.text(row)).map(str::to_string);
    let pixels = number("width").zip(number("height")).map(|(w, h)| format!("{w} × {h}"));
    let size = number("size").map(|size| bytes(size.max(0.0) as u64));
    [pixels, format, size].into_iter().flatten().collect::<Vec<_>>().join(", ")
}
