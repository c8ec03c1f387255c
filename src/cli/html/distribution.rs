//! How the values of a column are spread, and which columns are the same measure before and after.

/// Bars of a histogram: few for few values, so that each stands for several.
const BINS: (usize, usize) = (8, 32);

/// The spread of a column's values.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Spread {
    /// Name of the column.
    pub name: String,
    /// Values, missing ones and those that are no numbers left out.
    pub count: usize,
    /// Least, 5 % quantile, median, 95 % quantile, greatest.
    pub quantiles: [f64; 5],
}

impl Spread {
    /// Of a column's values; none where there are none.
    pub(super) fn of(name: &str, values: &[f64]) -> Option<Spread> {
        let mut sorted: Vec<f64> = values.iter().copied().filter(|v| v.is_finite()).collect();
        sorted.sort_unstable_by(f64::total_cmp);
        let at = |share: f64| {
            sorted.get(((sorted.len().saturating_sub(1)) as f64 * share).round() as usize).copied()
        };
        let quantiles = [at(0.0)?, at(0.05)?, at(0.5)?, at(0.95)?, at(1.0)?];
        Some(Spread { name: name.to_string(), count: sorted.len(), quantiles })
    }
}

/// Counts of values in equal parts of a range. What lies beyond it counts in the outermost parts.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Histogram {
    /// Where the first part begins.
    pub low: f64,
    /// Where the last part ends.
    pub high: f64,
    /// For each column, its values in each part, as a share of all of them.
    pub shares: Vec<Vec<f64>>,
}

/// Histograms of several columns over the range of the middle 99 % of all their values; none where none has values.
pub(super) fn histogram(columns: &[&[f64]]) -> Option<Histogram> {
    let mut all: Vec<f64> =
        columns.iter().flat_map(|c| c.iter().copied()).filter(|v| v.is_finite()).collect();
    all.sort_unstable_by(f64::total_cmp);
    let last = all.len().checked_sub(1)?;
    let at = |share: f64| all[(last as f64 * share).round() as usize];
    let (mut low, mut high) = (at(0.005), at(0.995));
    if high - low <= 1e-12 * low.abs().max(high.abs()) {
        // All but a few are equal: a bar in the middle.
        let around = if low == 0.0 { 0.5 } else { low.abs() * 0.05 };
        (low, high) = (low - around, high + around);
    }
    let bins = (2.0 * ((last + 1) as f64 / columns.len() as f64).sqrt()).round() as usize;
    let bins = bins.clamp(BINS.0, BINS.1);
    let share = |column: &&[f64]| {
        let mut shares = vec![0.0; bins];
        let values = || column.iter().filter(|v| v.is_finite());
        for value in values() {
            let place = (value - low) / (high - low) * bins as f64;
            shares[(place.max(0.0) as usize).min(bins - 1)] += 1.0;
        }
        let whole = values().count().max(1) as f64;
        shares.iter_mut().for_each(|share| *share /= whole);
        shares
    };
    Some(Histogram { low, high, shares: columns.iter().map(share).collect() })
}

/// Which columns are the same measure before and after a change: pairs of (before, after). Two columns of which one has
/// the other's name with something and `_` before it, as `prefix` of `measure` makes them. The longer name is the measure
/// before, unless its prefix says that it is the one after.
pub(super) fn twins(names: &[&str]) -> Vec<(usize, usize)> {
    let mut found = Vec::new();
    for (short, name) in names.iter().enumerate() {
        let longer = names.iter().position(|other| {
            other.strip_suffix(name).and_then(|p| p.strip_suffix('_')).is_some_and(|p| SIDES.contains(&p))
        });
        if let Some(long) = longer {
            let after = names[long].starts_with("after") || names[long].starts_with("out");
            found.push(if after { (short, long) } else { (long, short) });
        }
    }
    found
}

/// Prefixes that say which side of a change a measure was taken at.
const SIDES: [&str; 8] = ["before", "after", "input", "output", "in", "out", "noisy", "source"];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spreads_leave_out_what_is_no_number() {
        let values: Vec<f64> = (0..=100).map(f64::from).chain([f64::NAN, f64::INFINITY]).collect();
        let spread = Spread::of("a", &values).unwrap();
        assert_eq!((spread.count, spread.quantiles), (101, [0.0, 5.0, 50.0, 95.0, 100.0]));
        assert_eq!(Spread::of("a", &[f64::NAN]), None);
    }

    #[test]
    fn histograms_share_a_range_and_count_everything() {
        let (a, b) = ([0.0, 1.0, f64::NAN], [3.2, 3.2, 3.2, 0.0]);
        let found = histogram(&[&a, &b]).unwrap();
        assert_eq!((found.low, found.high), (0.0, 3.2));
        assert_eq!((found.shares[0][0], found.shares[0][2]), (0.5, 0.5));
        assert_eq!((found.shares[1][0], found.shares[1].last()), (0.25, Some(&0.75)));
        let equal = histogram(&[&[2.0; 5]]).unwrap();
        assert!(equal.low < 2.0 && equal.high > 2.0 && equal.shares[0][4] == 1.0);
        assert_eq!(histogram(&[&[], &[f64::NAN]]), None);
    }

    #[test]
    fn prefixes_tell_before_from_after() {
        let names = ["before_noise", "noise", "sharpness", "after_sharpness", "x_mean", "mean"];
        assert_eq!(twins(&names), [(0, 1), (2, 3)]);
    }
}
