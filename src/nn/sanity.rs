//! Whether a result is a picture at all.

use super::error::RestoreError;
use super::range::{Range, RangeOrigin};
use super::samples;

/// Largest believable change of the mean, as a part of the range.
const SHIFT: f64 = 0.25;
/// Largest believable factor by which the mean changes, either way: dark pictures change little in sum.
const FACTOR: f64 = 2.5;
/// Added to both means before they are compared: near black, noise decides.
const FLOOR: f64 = 0.01;
/// A mean above this isn't black.
const DARK: f64 = 0.02;

/// Sums over what went into a network and what came out, on the \[0, 1\] scale.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Tally {
    pub(super) in_sum: f64,
    pub(super) in_count: u64,
    pub(super) out_sum: f64,
    pub(super) out_count: u64,
    pub(super) out_peak: f64,
    pub(super) not_finite: u64,
}

impl Tally {
    /// Counts numbers of the input.
    pub(super) fn inputs(&mut self, sum: f64, count: usize) {
        self.in_sum += sum;
        self.in_count += count as u64;
    }

    /// Counts one number of the result's alpha.
    pub(super) fn opacity(&mut self, v: f32) {
        self.not_finite += u64::from(!v.is_finite());
    }

    /// Counts numbers of the result's colours.
    pub(super) fn outputs(&mut self, values: &[f32]) {
        let (sum, peak, not_finite) = samples::survey(values);
        self.out_sum += sum;
        self.out_peak = self.out_peak.max(f64::from(peak));
        self.out_count += values.len() as u64 - not_finite;
        self.not_finite += not_finite;
    }

    pub(super) fn add(&mut self, other: &Tally) {
        self.in_sum += other.in_sum;
        self.in_count += other.in_count;
        self.out_sum += other.out_sum;
        self.out_count += other.out_count;
        self.out_peak = self.out_peak.max(other.out_peak);
        self.not_finite += other.not_finite;
    }

    /// An error when the result can't be a picture; the range is named as the likely cause. With
    /// `any_finite`, only values that aren't finite are an error.
    pub(super) fn check(
        &self,
        range: &Range,
        origin: RangeOrigin,
        any_finite: bool,
    ) -> Result<(), RestoreError> {
        let how = match origin {
            RangeOrigin::Given => "as set",
            RangeOrigin::Metadata => "from the model's metadata",
            RangeOrigin::Inferred => "inferred",
            RangeOrigin::Assumed => "assumed",
        };
        let cause = || {
            format!(
                "the model expects another range than {range} ({how}); set `range`, or it predicts noise rather than the image"
            )
        };
        let bad = |seen: String, cause: String| Err(RestoreError::BadOutput { seen, cause });
        if self.not_finite > 0 {
            let all = self.not_finite + self.out_count;
            return bad(format!("{} of {all} values are NaN or infinite", self.not_finite), cause());
        }
        if any_finite {
            return Ok(());
        }
        let mean = |sum: f64, count: u64| sum / count.max(1) as f64;
        let (before, after) = (mean(self.in_sum, self.in_count), mean(self.out_sum, self.out_count));
        if before > DARK && self.out_peak < 0.5 / 255.0 {
            return bad(format!("it is all black, the input's mean is {before:.3} of 1"), cause());
        }
        let ratio = (after + FLOOR) / (before + FLOOR);
        if (after - before).abs() > SHIFT || !(1.0 / FACTOR..=FACTOR).contains(&ratio) {
            return bad(format!("its mean is {after:.3}, the input's {before:.3} of 1"), cause());
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tally(input: &[f32], output: &[f32]) -> Result<(), RestoreError> {
        let mut t = Tally::default();
        t.inputs(input.iter().copied().map(f64::from).sum(), input.len());
        t.outputs(output);
        t.check(&Range::Unit, RangeOrigin::Assumed, false)
    }

    #[test]
    fn only_pictures_pass() {
        assert!(tally(&[0.5, 0.6], &[0.55, 0.5]).is_ok());
        assert!(tally(&[0.0, 0.0], &[0.0, 0.0]).is_ok());
        for bad in [[0.5, f32::NAN], [0.0, 0.0], [1.0, 1.0], [140.0, 150.0]] {
            let error = tally(&[0.5, 0.6], &bad).expect_err("no picture").to_string();
            assert!(error.contains("range"), "{error}");
        }
    }
    #[test]
    fn dark_pictures_are_held_to_their_own_mean() {
        assert!(tally(&[0.05, 0.07], &[0.06, 0.05]).is_ok());
        assert!(tally(&[0.004, 0.0], &[0.0, 0.0]).is_ok());
        // A residual; [0, 1] read as [0, 255] and the reverse.
        for bad in [[0.003, -0.002], [0.0002, 0.003], [0.2, 0.3], [15.0, 17.0]] {
            assert!(tally(&[0.05, 0.07], &bad).is_err(), "{bad:?}");
        }
    }
}
