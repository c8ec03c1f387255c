//! Charts as SVG that takes its colours from the page's styles.

use super::distribution::Histogram;
use super::escape::markup;
use super::numbers::figure;
use std::fmt::Write;

/// What a chart shows, for those who don't see it.
fn open(out: &mut String, class: &str, (width, height): (f64, f64), label: &str) {
    let label = markup(label);
    // Writing to a string never fails.
    _ = write!(
        out,
        "<svg class=\"chart {class}\" viewBox=\"0 0 {width} {height}\" role=\"img\" aria-label=\"{label}\">"
    );
}

/// Shares of one column, or of one before and after, as outlines over a common range.
pub(super) fn histogram(data: &Histogram, names: &[&str], label: &str) -> String {
    let (width, top, bottom) = (320.0, 8.0, 116.0);
    let mut out = String::new();
    open(&mut out, "histogram", (width, 140.0), label);
    let tallest = data.shares.iter().flatten().copied().fold(0.0, f64::max).max(1e-9);
    for (index, (shares, name)) in data.shares.iter().zip(names).enumerate() {
        let bar = width / shares.len().max(1) as f64;
        let mut path = format!("M0 {bottom}");
        for (place, share) in shares.iter().enumerate() {
            let y = bottom - share / tallest * (bottom - top);
            _ = write!(path, "V{y:.1}H{:.1}", (place + 1) as f64 * bar);
        }
        let class = if data.shares.len() == 1 || index == 1 { "after" } else { "before" };
        _ = write!(
            out,
            "<path class=\"{class}\" d=\"{path}V{bottom}\"><title>{}</title></path>",
            markup(name)
        );
    }
    _ = write!(out, "<path class=\"axis\" d=\"M0 {bottom}H{width}\"/>");
    for (x, anchor, value) in [
        (0.0, "start", data.low),
        (width / 2.0, "middle", (data.low + data.high) / 2.0),
        (width, "end", data.high),
    ] {
        _ = write!(out, "<text x=\"{x}\" y=\"134\" text-anchor=\"{anchor}\">{}</text>", figure(value));
    }
    out.push_str("</svg>");
    out
}

/// A bar that is a part of its row.
pub(super) fn bar(share: f64) -> String {
    let width = 100.0 * share.clamp(0.0, 1.0);
    format!(
        "<svg class=\"bar\" viewBox=\"0 0 100 8\" preserveAspectRatio=\"none\" aria-hidden=\"true\">\
         <rect class=\"track\" width=\"100\" height=\"8\"/><rect class=\"fill\" width=\"{width:.1}\" height=\"8\"/></svg>"
    )
}

/// Upright bars, each with what is told of it.
pub(super) fn columns(values: &[(f64, String)], label: &str) -> String {
    let (width, height) = (640.0, 120.0);
    let mut out = String::new();
    open(&mut out, "columns", (width, height), label);
    let tallest = values.iter().map(|v| v.0).fold(0.0, f64::max).max(1e-9);
    let each = width / values.len().max(1) as f64;
    let wide = (each * 0.8).min(40.0);
    for (place, (value, told)) in values.iter().enumerate() {
        let tall = (value / tallest * (height - 2.0)).max(if *value > 0.0 { 1.5 } else { 0.0 });
        let left = place as f64 * each;
        _ = write!(
            out,
            "<rect class=\"fill\" x=\"{left:.1}\" y=\"{:.1}\" width=\"{wide:.1}\" height=\"{tall:.1}\"><title>{}</title></rect>",
            height - tall,
            markup(told)
        );
    }
    _ = write!(out, "<path class=\"axis\" d=\"M0 {height}H{width}\"/></svg>");
    out
}

/// Lines over epochs, one for each name, on a logarithmic scale. What can't be drawn leaves gaps.
pub(super) fn lines(series: &[(&str, Vec<(f64, f64)>)], label: &str) -> String {
    let (width, height) = (640.0, 300.0);
    let (left, right, top, bottom) = (56.0, 632.0, 12.0, 262.0);
    let shown = |p: &(f64, f64)| p.0.is_finite() && p.1.is_finite() && p.1 > 0.0;
    let points = || series.iter().flat_map(|s| &s.1).filter(|p| shown(p));
    let range = |values: &mut dyn Iterator<Item = f64>| {
        let (low, high) = values.fold((f64::INFINITY, f64::NEG_INFINITY), |(a, b), v| (a.min(v), b.max(v)));
        if low > high {
            (0.0, 1.0)
        } else if high - low < 1e-9 {
            (low - 0.5, high + 0.5)
        } else {
            (low, high)
        }
    };
    let (x0, x1) = range(&mut points().map(|p| p.0));
    let (y0, y1) = range(&mut points().map(|p| p.1.log10()));
    let x = |v: f64| left + (v - x0) / (x1 - x0) * (right - left);
    let y = |v: f64| bottom - (v.log10() - y0) / (y1 - y0) * (bottom - top);
    let mut out = String::new();
    open(&mut out, "lines", (width, height), label);
    for value in decades(y0, y1) {
        let at = y(value);
        _ = write!(
            out,
            "<path class=\"grid\" d=\"M{left} {at:.1}H{right}\"/><text x=\"{}\" y=\"{:.1}\" text-anchor=\"end\">{}</text>",
            left - 8.0,
            at + 4.0,
            figure(value)
        );
    }
    for value in epochs(x0, x1) {
        _ = write!(
            out,
            "<text x=\"{:.1}\" y=\"{}\" text-anchor=\"middle\">{}</text>",
            x(value),
            bottom + 18.0,
            figure(value)
        );
    }
    _ = write!(out, "<path class=\"axis\" d=\"M{left} {bottom}H{right}\"/>");
    _ = write!(
        out,
        "<text x=\"{}\" y=\"{}\" text-anchor=\"middle\">epoch</text>",
        (left + right) / 2.0,
        height - 2.0
    );
    for (index, (name, points)) in series.iter().enumerate() {
        let mut path = String::new();
        for run in points.split(|p| !shown(p)) {
            for (place, point) in run.iter().enumerate() {
                let pen = if place == 0 { 'M' } else { 'L' };
                _ = write!(path, "{pen}{:.1} {:.1}", x(point.0), y(point.1));
            }
            // A point alone has a line of no length, which round ends make a dot.
            if run.len() == 1 {
                path.push_str("h0");
            }
        }
        _ = write!(
            out,
            "<path class=\"line line-{index}\" d=\"{path}\"><title>{}</title></path>",
            markup(name)
        );
    }
    out.push_str("</svg>");
    out
}

/// Values worth a line between two powers of ten: 1, 2 and 5 times the powers, of many only the powers.
fn decades(low: f64, high: f64) -> Vec<f64> {
    let parts: &[f64] = if high - low > 2.5 { &[1.0] } else { &[1.0, 2.0, 5.0] };
    let powers = (low.floor() as i32)..=(high.ceil() as i32);
    let all = powers.flat_map(|e| parts.iter().map(move |p| p * 10f64.powi(e)));
    let inside: Vec<f64> = all.filter(|v| (low - 1e-9..=high + 1e-9).contains(&v.log10())).collect();
    if inside.len() >= 2 {
        inside
    } else {
        vec![10f64.powf(low), 10f64.powf((low + high) / 2.0), 10f64.powf(high)]
    }
}

/// At most nine epochs that are worth a label.
fn epochs(low: f64, high: f64) -> Vec<f64> {
    let (first, last) = (low.ceil() as i64, high.floor() as i64);
    let steps = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 5000, 10_000];
    let step = steps.into_iter().find(|s| (last - first) / s < 9).unwrap_or(100_000);
    (first..=last).filter(|e| e % step == 0 || step == 1).map(|e| e as f64).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn charts_hold_no_broken_numbers_and_no_markup_of_others() {
        let points = vec![(1.0, 0.5), (2.0, f64::NAN), (3.0, 0.1), (4.0, 0.0), (5.0, 0.09)];
        let data = Histogram { low: 0.0, high: 1.0, shares: vec![vec![0.2, 0.8], vec![1.0, 0.0]] };
        for svg in [
            lines(&[("<b>", points), ("none", vec![])], "\"loss\""),
            lines(&[], ""),
            histogram(&data, &["<i>", "b"], "<x>"),
            columns(&[(1.0, "<u>".into()), (0.0, String::new())], "runs"),
            columns(&[], ""),
            bar(f64::from(1u8) / 3.0),
        ] {
            assert!(svg.starts_with("<svg ") && svg.ends_with("</svg>"), "{svg}");
            for bad in ["NaN", "inf", "<b>", "<i>", "<u>", "<x>", "style="] {
                assert!(!svg.contains(bad), "{bad}: {svg}");
            }
            assert!(svg.matches('"').count().is_multiple_of(2), "{svg}");
        }
    }

    #[test]
    fn axes_have_a_few_labels() {
        assert_eq!(epochs(1.0, 5.0), [1.0, 2.0, 3.0, 4.0, 5.0]);
        assert_eq!(epochs(1.0, 80.0), [10.0, 20.0, 30.0, 40.0, 50.0, 60.0, 70.0, 80.0]);
        assert_eq!(decades(-2.0, -1.0).len(), 4);
        assert_eq!(decades(-1.52, -1.51).len(), 3);
    }
}
