//! Figures and paths as people read them.

use crate::shown::Show;

/// With commas between thousands.
pub(super) fn count(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// With its noun, which takes an `s` unless it is one.
pub(super) fn counted(number: usize, noun: &str) -> String {
    format!("{} {noun}{}", count(number as u64), if number == 1 { "" } else { "s" })
}

/// A time in the units that suit it.
pub(super) fn duration(seconds: f64) -> String {
    if !seconds.is_finite() || seconds < 0.0 {
        return "unknown".into();
    }
    if seconds < 0.1 {
        return format!("{:.0} ms", seconds * 1000.0);
    }
    if seconds < 60.0 {
        return format!("{seconds:.1} s");
    }
    let whole = seconds.round() as u64;
    let (hours, minutes, rest) = (whole / 3600, whole / 60 % 60, whole % 60);
    if hours > 0 { format!("{} h {minutes} min", count(hours)) } else { format!("{minutes} min {rest} s") }
}

/// Bytes in decimal units.
pub(super) fn bytes(bytes: u64) -> String {
    let units = ["bytes", "kB", "MB", "GB", "TB"];
    let (mut value, mut unit) = (bytes as f64, 0);
    while value >= 999.5 && unit + 1 < units.len() {
        value /= 1000.0;
        unit += 1;
    }
    let digits = usize::from(unit > 0 && value < 99.95);
    format!("{value:.digits$} {}", units[unit])
}

/// Four significant digits, without zeros at the end.
pub(super) fn figure(value: f64) -> String {
    if !value.is_finite() {
        return if value.is_nan() { "none".into() } else { "infinite".into() };
    }
    if value == 0.0 {
        return "0".into();
    }
    let digits = 3 - value.abs().log10().floor() as i32;
    if digits > 8 || value.abs() >= 1e9 {
        return format!("{value:.2e}");
    }
    let text = format!("{value:.*}", digits.max(0) as usize);
    let bare = if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.') } else { &text };
    if value.abs() >= 10_000.0 && value > 0.0 && digits <= 0 {
        return count(value.round() as u64);
    }
    bare.to_string()
}

/// A share in per cent, such as `12 %`; what is not nothing is not said to be.
pub(super) fn percent(part: f64, whole: f64) -> String {
    let share = if whole > 0.0 { 100.0 * part / whole } else { 0.0 };
    if share > 0.0 && share < 1.0 { "< 1 %".into() } else { format!("{share:.0} %") }
}

/// `2026-11-29T02:00:04Z` as `2026-11-29 02:00 UTC`; another text as it is.
pub(super) fn moment(text: &str) -> String {
    let utc = text.ends_with('Z') || text.ends_with("+00:00");
    match (text.get(..10), text.get(10..11), text.get(11..16)) {
        (Some(day), Some("T"), Some(time)) if utc => format!("{day} {time} UTC"),
        _ => text.to_string(),
    }
}

/// To three digits.
pub(super) fn round(value: f64) -> f64 {
    format!("{value:.2e}").parse().unwrap_or(value)
}

/// A path for people, on one line and harmless.
pub(super) fn path(data: &str) -> String {
    crate::shown::decode(data).shown().to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_are_short_and_exact_enough() {
        let figures: Vec<String> =
            [0.0, 1.5, 33.6612, 0.000_123_4, 1e-12, 123_456.7, -2.0, 1000.0, 1e12].map(figure).into();
        assert_eq!(
            figures,
            ["0", "1.5", "33.66", "0.0001234", "1.00e-12", "123,457", "-2", "1000", "1.00e12"]
        );
        assert_eq!(figure(f64::NAN), "none");
        assert_eq!([0, 999, 1000, 1_234_567].map(count), ["0", "999", "1,000", "1,234,567"]);
        assert_eq!((counted(1, "run"), counted(2, "run")), ("1 run".into(), "2 runs".into()));
        assert_eq!([0, 999, 1000, 12_345_678].map(bytes), ["0 bytes", "999 bytes", "1.0 kB", "12.3 MB"]);
        assert_eq!([0.02, 4.23, 200.0, 7265.0].map(duration), ["20 ms", "4.2 s", "3 min 20 s", "2 h 1 min"]);
        assert_eq!((percent(1.0, 1000.0), percent(0.0, 0.0)), ("< 1 %".into(), "0 %".into()));
        assert_eq!(moment("2026-11-29T02:00:04Z"), "2026-11-29 02:00 UTC");
        assert_eq!(moment("yesterday"), "yesterday");
    }
}
