//! How long a run will still take, judged by pixels: a thousand small pictures take less than one large scan.

use crate::inputs::ending;
use std::collections::BTreeMap;
use std::path::Path;

/// Work that is left, by the endings of the inputs' names: how many pixels a byte holds differs by format, and is
/// learned from the inputs that are done.
#[derive(Clone, Debug, Default)]
pub(super) struct Remaining {
    kinds: BTreeMap<String, Kind>,
}

/// Inputs of one ending.
#[derive(Clone, Copy, Debug, Default)]
struct Kind {
    /// Bytes that are not done yet.
    left: u64,
    /// Bytes of the inputs that were read to their end.
    bytes: u64,
    /// Their pixels.
    pixels: u64,
}

impl Remaining {
    /// Everything to do: bytes of the inputs by ending, as in `Event::Planned`.
    pub(super) fn new(work: &BTreeMap<String, u64>) -> Remaining {
        let kind =
            |(ending, bytes): (&String, &u64)| (ending.clone(), Kind { left: *bytes, ..Kind::default() });
        Remaining { kinds: work.iter().map(kind).collect() }
    }

    /// An input was done.
    pub(super) fn finished(&mut self, path: &Path, bytes: u64, pixels: u64) {
        let kind = self.over(path, bytes);
        kind.bytes += bytes;
        kind.pixels += pixels;
    }

    /// An input failed; how many pixels it has is not known.
    pub(super) fn failed(&mut self, path: &Path, bytes: u64) {
        self.over(path, bytes);
    }

    fn over(&mut self, path: &Path, bytes: u64) -> &mut Kind {
        let kind = self.kinds.entry(ending(path)).or_default();
        kind.left = kind.left.saturating_sub(bytes);
        kind
    }

    /// Seconds left after `elapsed` seconds; none before there is anything to judge by.
    pub(super) fn seconds(&self, elapsed: f64) -> Option<f64> {
        if self.kinds.values().all(|kind| kind.left == 0) {
            return Some(0.0);
        }
        let (bytes, pixels) = self.kinds.values().fold((0, 0), |sum, k| (sum.0 + k.bytes, sum.1 + k.pixels));
        if bytes == 0 || pixels == 0 || elapsed <= 0.0 {
            return None;
        }
        let pixels_a_byte = |kind: &Kind| match kind.bytes {
            0 => pixels as f64 / bytes as f64,
            own => kind.pixels as f64 / own as f64,
        };
        let left: f64 = self.kinds.values().map(|kind| kind.left as f64 * pixels_a_byte(kind)).sum();
        Some(left * elapsed / pixels as f64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn work(kinds: &[(&str, u64)]) -> Remaining {
        Remaining::new(&kinds.iter().map(|(ending, bytes)| ((*ending).to_string(), *bytes)).collect())
    }

    fn near(found: Option<f64>, wanted: f64) {
        assert!(found.is_some_and(|found| (found - wanted).abs() < 1e-9), "{found:?} {wanted}");
    }

    #[test]
    fn pixels_count_and_not_pictures() {
        // 99 small pictures and one as large as a thousand of them: by count, the end would seem near.
        let mut left = work(&[("png", 99 * 10 + 10_000)]);
        assert_eq!(left.seconds(0.0), None);
        (0..99).for_each(|_| left.finished(Path::new("a.png"), 10, 20));
        near(left.seconds(9.9), 100.0);
        left.finished(Path::new("large.PNG"), 10_000, 20_000);
        near(left.seconds(110.0), 0.0);
    }

    #[test]
    fn each_ending_has_its_own_pixels_a_byte() {
        let mut left = work(&[("jpg", 200), ("tif", 1200), ("webp", 700)]);
        left.finished(Path::new("a.jpg"), 100, 1000);
        // Nothing is known of the others yet: they are taken for what was seen.
        near(left.seconds(1.0), (100.0 + 1200.0 + 700.0) * 10.0 / 1000.0);
        left.finished(Path::new("b.TIF"), 600, 400);
        // 10 pixels a byte, 2/3, and the mean of both: 2 a byte.
        near(left.seconds(2.0), (100.0 * 10.0 + 600.0 * (400.0 / 600.0) + 700.0 * 2.0) * 2.0 / 1400.0);
    }

    #[test]
    fn failures_take_their_bytes_along_and_tell_nothing() {
        let mut left = work(&[("jpg", 300), ("", 50)]);
        left.failed(Path::new("a.jpg"), 100);
        assert_eq!(left.seconds(3.0), None);
        left.failed(Path::new("README"), 50);
        left.finished(Path::new("b.jpg"), 100, 400);
        near(left.seconds(2.0), 2.0);
        // More than was planned: the file has grown.
        left.finished(Path::new("c.jpg"), 150, 400);
        near(left.seconds(4.0), 0.0);
    }
}
