//! Which pictures are worth showing.

use std::collections::BTreeMap;

/// Pictures shown for each reason.
pub(super) const EACH: usize = 3;

/// Why a picture is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Why {
    /// Its measure is among the worst.
    Worst,
    /// It has changed as much as few others.
    MostChanged,
    /// Its measure is among the best.
    Best,
    /// By chance.
    Random,
    /// It failed.
    Failed,
}

impl Why {
    /// As a label.
    pub(super) fn name(self) -> &'static str {
        match self {
            Why::Worst => "worst",
            Why::MostChanged => "most changed",
            Why::Best => "best",
            Why::Random => "random",
            Why::Failed => "failed",
        }
    }
}

/// Measures that tell how good a result is, the best-known first, and whether more is better.
const MEASURES: [(&str, bool); 8] = [
    ("psnr", true),
    ("ssim", true),
    ("ms_ssim", true),
    ("mse", false),
    ("mae", false),
    ("niqe", false),
    ("noise_sigma", false),
    ("blockiness", false),
];

/// Which of these columns tells best how good results are, and whether more is better.
pub(super) fn measure(names: &[&str]) -> Option<(usize, bool)> {
    MEASURES.iter().find_map(|(name, more)| Some((names.iter().position(|n| n == name)?, *more)))
}

/// The rows whose values are greatest, or least, of each path one; the best candidates first.
pub(super) fn extremes(paths: &[String], values: &[f64], greatest: bool, count: usize) -> Vec<usize> {
    let mut rows: Vec<usize> =
        (0..values.len().min(paths.len())).filter(|row| !values[*row].is_nan()).collect();
    let order = |a: &usize, b: &usize| {
        let (low, high) = if greatest { (*b, *a) } else { (*a, *b) };
        values[low].total_cmp(&values[high]).then(a.cmp(b))
    };
    rows.sort_unstable_by(order);
    let mut taken: Vec<usize> = Vec::new();
    for row in rows {
        if taken.len() == count {
            break;
        }
        if !taken.iter().any(|other| paths[*other] == paths[row]) {
            taken.push(row);
        }
    }
    taken
}

/// Paths of pictures, each with a remark.
pub(super) type Remarked = Vec<(Vec<u8>, String)>;

/// One list of several, each picture once with all its reasons and what is said of it, in the order of the reasons.
pub(super) fn merged(lists: Vec<(Why, Remarked)>) -> Vec<Chosen> {
    let mut places: BTreeMap<Vec<u8>, usize> = BTreeMap::new();
    let mut chosen: Vec<Chosen> = Vec::new();
    for (why, list) in lists {
        for (path, remark) in list {
            let place = *places.entry(path.clone()).or_insert_with(|| {
                chosen.push(Chosen { path, why: Vec::new(), remarks: Vec::new() });
                chosen.len() - 1
            });
            let one = &mut chosen[place];
            if !one.why.contains(&why) {
                one.why.push(why);
            }
            if !remark.is_empty() && !one.remarks.contains(&remark) {
                one.remarks.push(remark);
            }
        }
    }
    chosen
}

/// A picture to be shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Chosen {
    /// Its path, as the ledger has it.
    pub path: Vec<u8>,
    /// Why it is shown.
    pub why: Vec<Why>,
    /// What is said of it, such as its measure.
    pub remarks: Vec<String>,
}

/// Those of many that come first by the digest of their paths: the same few each time, and no others by their names.
#[derive(Debug)]
pub(super) struct Draw<T> {
    count: usize,
    kept: BTreeMap<[u8; 32], (Vec<u8>, T)>,
}

impl<T> Draw<T> {
    /// To keep so many.
    pub(super) fn new(count: usize) -> Draw<T> {
        Draw { count, kept: BTreeMap::new() }
    }

    /// Offers one.
    pub(super) fn offer(&mut self, path: &[u8], what: impl FnOnce() -> T) {
        let digest = *blake3::hash(path).as_bytes();
        if self.kept.len() < self.count || self.kept.last_key_value().is_some_and(|(last, _)| digest < *last)
        {
            self.kept.insert(digest, (path.to_vec(), what()));
            if self.kept.len() > self.count {
                self.kept.pop_last();
            }
        }
    }

    /// What was kept.
    pub(super) fn into_kept(self) -> Vec<(Vec<u8>, T)> {
        self.kept.into_values().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn extremes_name_a_path_once() {
        let paths: Vec<String> = ["a", "a", "b", "c", "d"].map(String::from).into();
        let values = [1.0, 2.0, f64::NAN, 3.0, f64::INFINITY];
        assert_eq!(extremes(&paths, &values, false, 2), [0, 3]);
        assert_eq!(extremes(&paths, &values, true, 3), [4, 3, 1]);
        assert_eq!(extremes(&paths, &[], true, 3), [0; 0]);
    }

    #[test]
    fn a_picture_is_shown_once_with_all_its_reasons() {
        let item = |path: &str, remark: &str| (path.as_bytes().to_vec(), remark.to_string());
        let lists = vec![
            (Why::Worst, vec![item("a", "psnr 20"), item("b", "psnr 21")]),
            (Why::Random, vec![item("b", ""), item("c", "")]),
        ];
        let chosen = merged(lists);
        assert_eq!(chosen.iter().map(|c| &c.path[..]).collect::<Vec<_>>(), [b"a", b"b", b"c"]);
        assert_eq!(
            (&chosen[1].why[..], &chosen[1].remarks[..]),
            (&[Why::Worst, Why::Random][..], &["psnr 21".to_string()][..])
        );
    }

    #[test]
    fn the_best_known_measure_decides() {
        assert_eq!(measure(&["noise_sigma", "ssim", "psnr"]), Some((2, true)));
        assert_eq!(measure(&["sharpness", "noise_sigma"]), Some((1, false)));
        assert_eq!(measure(&["sharpness"]), None);
    }

    #[test]
    fn a_draw_is_the_same_in_any_order() {
        let paths: Vec<Vec<u8>> = (0..50u8).map(|n| vec![n]).collect();
        let draw = |paths: &mut dyn Iterator<Item = &Vec<u8>>| {
            let mut draw = Draw::new(5);
            paths.for_each(|path| draw.offer(path, || ()));
            draw.into_kept()
        };
        let forth = draw(&mut paths.iter());
        assert_eq!((forth.len(), &forth), (5, &draw(&mut paths.iter().rev())));
    }
}
