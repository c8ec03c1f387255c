//! A line chart of a training's course, as SVG.

use std::fmt::Write;

const SIZE: (f64, f64) = (800.0, 450.0);
const LEFT: f64 = 68.0;
const RIGHT: f64 = 20.0;
const BOTTOM: f64 = 48.0;
/// Baselines of the title and of the legend's first line, and the distance of its lines.
const TITLE: f64 = 28.0;
const LEGEND: f64 = 52.0;
const LINE: f64 = 18.0;
/// Width of a letter of the legend, generously.
const LETTER: f64 = 7.2;

/// Told apart on white and on black, by most colour-blind people too.
const COLOURS: [&str; 6] = ["#2f7ed8", "#e8743b", "#19a979", "#a05fd6", "#d6336c", "#8a8d1f"];
/// For what comes after all colours were used.
const DASHES: [&str; 3] = ["none", "6 4", "2 3"];

/// Two palettes, for light and dark surroundings.
const STYLE: &str = "\
.curve .paper{fill:#fff}.curve text{fill:#33373d;font:12px system-ui,sans-serif}.curve .title{font-size:16px;font-weight:600}\
.curve .grid{stroke:#e3e6ea}.curve .axis{stroke:#8b9098}.curve .line{fill:none;stroke-width:2;stroke-linejoin:round}\
@media(prefers-color-scheme:dark){.curve .paper{fill:#16181c}.curve text{fill:#d6d9de}.curve .grid{stroke:#2c3036}\
.curve .axis{stroke:#777d86}}";

/// One direction of the chart: what stands at its ends, in values or their logarithms, and in pixels.
struct Axis {
    low: f64,
    high: f64,
    log: bool,
    from: f64,
    to: f64,
}

impl Axis {
    /// With `room` beyond the values, as a share of their range.
    fn of(values: impl Iterator<Item = f64>, log: bool, (from, to): (f64, f64), room: f64) -> Axis {
        let scaled = values.map(|v| if log { v.log10() } else { v });
        let (low, high) = scaled.fold((f64::INFINITY, f64::NEG_INFINITY), |(a, b), v| (a.min(v), b.max(v)));
        let (low, high) = if low > high { (0.0, 1.0) } else { (low, high) };
        // Equal values stand in the middle.
        let size = low.abs().max(high.abs());
        let around = match () {
            () if high - low > 1e-9 * size => room * (high - low),
            () if log => 0.1,
            () if size == 0.0 => 1.0,
            () => 0.1 * size,
        };
        Axis { low: low - around, high: high + around, log, from, to }
    }

    fn at(&self, value: f64) -> f64 {
        let v = if self.log { value.log10() } else { value };
        self.from + (v - self.low) / (self.high - self.low) * (self.to - self.from)
    }

    /// Values worth a line, about `count`, and their labels.
    fn ticks(&self, count: f64) -> Vec<(f64, String)> {
        if self.log && self.high - self.low > 0.7 {
            let whole = (self.low.floor() as i32)..=(self.high.ceil() as i32);
            // Powers of ten; between few of them twice and five times as much, of many only some.
            let every = (((self.high - self.low) / count).ceil() as usize).max(1);
            let parts: &[f64] = if self.high - self.low > 2.5 { &[1.0] } else { &[1.0, 2.0, 5.0] };
            let values = whole.step_by(every).flat_map(|e| parts.iter().map(move |p| p * 10f64.powi(e)));
            let inside = |v: &f64| (self.low - 1e-9..=self.high + 1e-9).contains(&v.log10());
            return values.filter(inside).map(|v| (v, label(v, v))).collect();
        }
        let (low, high) =
            if self.log { (10f64.powf(self.low), 10f64.powf(self.high)) } else { (self.low, self.high) };
        let rough = (high - low) / count;
        let power = 10f64.powf(rough.log10().floor());
        let step =
            [1.0, 2.0, 5.0].into_iter().map(|m| m * power).find(|s| *s >= rough).unwrap_or(10.0 * power);
        let slack = 1e-6 * step;
        let first = ((low - slack) / step).ceil();
        let values = (0..=2 * count as usize).map(|i| (first + i as f64) * step);
        values.take_while(|v| *v <= high + slack).map(|v| (v, label(v, step))).collect()
    }
}

/// A number among others that are `step` apart.
fn label(value: f64, step: f64) -> String {
    if value.abs() < step * 1e-6 {
        return "0".into();
    }
    let digits = -step.log10().floor();
    if (-2.0..=4.0).contains(&digits) && value.abs() < 1e6 {
        return format!("{value:.*}", digits.max(0.0) as usize);
    }
    // As many digits as tell it from its neighbours.
    let significant = (value.abs().log10().floor() + digits).clamp(0.0, 15.0) as usize;
    format!("{value:.significant$e}")
}

/// Text that can stand anywhere in XML.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            // XML has no way to say these.
            '\0'..' ' | '\u{7f}'..'\u{a0}' | '\u{fffe}' | '\u{ffff}' => out.push(' '),
            other => out.push(other),
        }
    }
    out
}

/// Draws values over epochs, (epoch, value), as a line for each series (name, points in order), 800x450 pixels.
///
/// The SVG needs no other file, suits light and dark surroundings, and scales. Points that are not finite (or
/// beyond 1e100, or not positive on a logarithmic scale) leave gaps.
pub(super) fn svg(title: &str, series: &[(&str, &[(f64, f64)])], log_y: bool) -> String {
    let shown = |p: &(f64, f64)| p.0.abs() < 1e100 && p.1.abs() < 1e100 && (!log_y || p.1 > 1e-100);
    let legend = legend_places(series.iter().map(|s| s.0));
    let top = LEGEND + legend.last().map_or(0.0, |l| l.1) + 14.0;
    let points = || series.iter().flat_map(|s| s.1).filter(|p| shown(p));
    let x = Axis::of(points().map(|p| p.0), false, (LEFT, SIZE.0 - RIGHT), 0.0);
    // Pixels count downwards. However long the legend is, the plot keeps some height.
    let y = Axis::of(points().map(|p| p.1), log_y, (SIZE.1 - BOTTOM, top.min(300.0)), 0.03);
    let mut out = String::new();
    let title = escaped(title);
    // Writing to a string never fails.
    _ = draw_frame(&mut out, &title, &x, &y);
    for (index, (name, points)) in series.iter().enumerate() {
        let colour = COLOURS[index % COLOURS.len()];
        let dash = DASHES[index / COLOURS.len() % DASHES.len()];
        _ = draw_series(&mut out, (colour, dash), legend[index], &escaped(name), |line| {
            points
                .split(|p| !shown(p))
                .map(|run| run.iter().map(|p| (x.at(p.0), y.at(p.1))).collect())
                .for_each(line);
        });
    }
    out.push_str("</svg>\n");
    out
}

/// Where each name stands: from the left, and below the first line.
fn legend_places<'a>(names: impl Iterator<Item = &'a str>) -> Vec<(f64, f64)> {
    let (mut left, mut down) = (LEFT, 0.0);
    let mut place = |name: &str| {
        let width = 34.0 + LETTER * name.chars().count() as f64;
        if left > LEFT && left + width > SIZE.0 - RIGHT {
            (left, down) = (LEFT, down + LINE);
        }
        let at = (left, down);
        left += width + 10.0;
        at
    };
    names.map(&mut place).collect()
}

fn draw_frame(out: &mut String, title: &str, x: &Axis, y: &Axis) -> std::fmt::Result {
    let (w, h) = SIZE;
    writeln!(
        out,
        "<svg xmlns=\"http://www.w3.org/2000/svg\" class=\"curve\" viewBox=\"0 0 {w} {h}\" width=\"{w}\" height=\"{h}\" \
         role=\"img\"><title>{title}</title><style>{STYLE}</style>"
    )?;
    writeln!(out, "<rect class=\"paper\" width=\"{w}\" height=\"{h}\" rx=\"6\"/>")?;
    writeln!(out, "<text class=\"title\" x=\"{LEFT}\" y=\"{TITLE}\">{title}</text>")?;
    let height = (y.from - y.to) / 50.0;
    for (value, label) in y.ticks(height.max(2.0)) {
        let at = y.at(value);
        writeln!(out, "<path class=\"grid\" d=\"M{:.1} {at:.1}H{:.1}\"/>", x.from, x.to)?;
        let (x, y) = (x.from - 8.0, at + 4.0);
        writeln!(out, "<text x=\"{x:.1}\" y=\"{y:.1}\" text-anchor=\"end\">{label}</text>")?;
    }
    for (value, label) in x.ticks(8.0) {
        let at = x.at(value);
        writeln!(out, "<path class=\"grid\" d=\"M{at:.1} {:.1}V{:.1}\"/>", y.from, y.to)?;
        writeln!(
            out,
            "<text x=\"{at:.1}\" y=\"{:.1}\" text-anchor=\"middle\">{label}</text>",
            y.from + 18.0
        )?;
    }
    writeln!(
        out,
        "<path class=\"axis\" fill=\"none\" d=\"M{:.1} {:.1}V{:.1}H{:.1}\"/>",
        x.from, y.to, y.from, x.to
    )?;
    let middle = (x.from + x.to) / 2.0;
    writeln!(out, "<text x=\"{middle:.1}\" y=\"{:.1}\" text-anchor=\"middle\">epoch</text>", y.from + 38.0)
}

/// A series: its name in the legend, and its lines, which `lines` gives one after another.
fn draw_series(
    out: &mut String,
    (colour, dash): (&str, &str),
    (left, down): (f64, f64),
    name: &str,
    lines: impl FnOnce(&mut dyn FnMut(Vec<(f64, f64)>)),
) -> std::fmt::Result {
    let at = LEGEND + down;
    let pen = format!("stroke=\"{colour}\" stroke-dasharray=\"{dash}\"");
    let mut path = String::new();
    let mut dots = String::new();
    lines(&mut |line| {
        if let [(x, y)] = line[..] {
            // A point alone has no line.
            dots.push_str(&format!("<circle cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"3\" fill=\"{colour}\"/>"));
            return;
        }
        for (i, (x, y)) in line.iter().enumerate() {
            path.push_str(&format!("{}{x:.1} {y:.1}", if i == 0 { 'M' } else { 'L' }));
        }
    });
    writeln!(out, "<path class=\"line\" {pen} d=\"M{left:.1} {:.1}h22\"/>", at - 4.0)?;
    writeln!(out, "<text x=\"{:.1}\" y=\"{at:.1}\">{name}</text>", left + 28.0)?;
    if !path.is_empty() {
        writeln!(out, "<path class=\"line\" {pen} d=\"{path}\"/>")?;
    }
    if dots.is_empty() { Ok(()) } else { writeln!(out, "{dots}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every tag is closed in order, attributes have their quotes, and no number is none.
    fn check(svg: &str) {
        let mut open = vec![];
        for tag in svg.split('<').skip(1) {
            let (tag, text) = tag.split_once('>').unwrap();
            assert!(!text.contains('>') && tag.matches('"').count().is_multiple_of(2), "{tag}");
            if let Some(name) = tag.strip_prefix('/') {
                assert_eq!(open.pop(), Some(name));
            } else if !tag.ends_with('/') {
                open.push(tag.split(' ').next().unwrap());
            }
        }
        assert!(open.is_empty(), "{open:?}");
        let numbers = svg.replace("NaN loss", "");
        assert!(!numbers.contains("NaN") && !numbers.contains("inf"), "{svg}");
    }

    #[test]
    fn every_series_is_there() {
        let falling: Vec<(f64, f64)> = (1..=60).map(|e| (f64::from(e), 0.3 / f64::from(e) + 0.004)).collect();
        let noisy: Vec<(f64, f64)> =
            falling.iter().map(|p| (p.0, p.1 * (1.2 + (p.0 * 1.7).sin() * 0.1))).collect();
        for log in [false, true] {
            let out = svg("loss <of> \"a\" & b", &[("train", &falling), ("validation", &noisy)], log);
            check(&out);
            assert!(out.contains(">train</text>") && out.contains(">validation</text>"));
            assert!(out.contains("loss &lt;of&gt; &quot;a&quot; &amp; b"));
            assert_eq!(out.matches("L").count(), 2 * 59, "both lines");
            if let Some(folder) = std::env::var_os("CURVE_OUT") {
                std::fs::write(std::path::Path::new(&folder).join(format!("{log}.svg")), out).unwrap();
            }
        }
    }

    #[test]
    fn strange_input() {
        let (nan, inf) = (f64::NAN, f64::INFINITY);
        let strange: [&[(f64, f64)]; 12] = [
            &[],
            &[(1.0, 0.5)],
            &[(0.0, 0.0)],
            &[(1.0, 0.5), (2.0, 0.5)],
            &[(1.0, 1e9), (2.0, 1e9 + 1e-7)],
            &[(1.0, nan), (2.0, inf), (nan, 1.0)],
            &[(1.0, 1.0), (2.0, nan), (3.0, 2.0), (4.0, 2.5)],
            &[(1.0, -1e308), (2.0, 1e308)],
            &[(1.0, -3.0), (2.0, 0.0)],
            &[(1.0, 5e-324), (2.0, 1e-99), (3.0, 9e99)],
            &[(-1e99, 1e-30), (1e99, 2e-30)],
            &[(1.0, -0.0), (1.0 + 1e-15, 1e-99)],
        ];
        for points in strange {
            for log in [false, true] {
                let out = svg("NaN loss", &[("\0one", points), ("two", &[(1.0, 0.5)]), ("", points)], log);
                check(&out);
                assert!(out.contains("> one<") && out.contains(">two<"));
                check(&svg("", &[("one", points)], log));
            }
        }
        check(&svg("nothing", &[], true));
        let many: Vec<(&str, &[(f64, f64)])> = vec![("a rather long name of a series", strange[3]); 90];
        check(&svg("many", &many, false));
    }

    #[test]
    fn ticks_are_sensible() {
        let ticks = |low: f64, high: f64, log: bool| {
            let axis = Axis::of([low, high].into_iter(), log, (0.0, 100.0), 0.0);
            axis.ticks(6.0).into_iter().map(|t| t.1).collect::<Vec<_>>().join(" ")
        };
        assert_eq!(ticks(1.0, 50.0, false), "10 20 30 40 50");
        assert_eq!(ticks(0.0, 1.0, false), "0.0 0.2 0.4 0.6 0.8 1.0".replace("0.0 ", "0 "));
        assert_eq!(ticks(-0.01, 0.02, false), "-0.010 -0.005 0 0.005 0.010 0.015 0.020");
        assert_eq!(ticks(0.0, 5e6, false), "0 1e6 2e6 3e6 4e6 5e6");
        assert_eq!(ticks(1e-4, 1.0, true), "0.0001 0.001 0.01 0.1 1");
        assert_eq!(ticks(0.03, 0.6, true), "0.05 0.1 0.2 0.5");
        assert_eq!(ticks(0.030, 0.034, true), "0.030 0.031 0.032 0.033 0.034");
        assert_eq!(ticks(1e-12, 1.0, true).split(' ').count(), 7);
    }
}
