//! Inputs that are made rather than read: their names and seeds.

use super::input::{Input, Origin};
use super::made::Made;
use crate::random::seed_of;
use crate::synth::{Params, Synth};
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;

/// Stands for the step in the seeds of pictures; no pipeline has so many.
const BEFORE_ALL_STEPS: usize = u32::MAX as usize;

/// All pictures of a job.
#[derive(Clone, Copy, Debug)]
pub struct Series {
    /// What makes them.
    pub synth: &'static Synth,
    /// How.
    pub params: Params,
    /// How many.
    pub count: u32,
    /// Seed of the pipeline.
    pub seed: u64,
}

impl Series {
    /// The inputs, in the order of their numbers.
    pub fn list(&self) -> Vec<Input> {
        (0..self.count).map(|number| self.input(number)).collect()
    }

    /// The picture that an item's name stands for, if it is one of these.
    pub fn named(&self, key: &[u8]) -> Option<Made> {
        let stem = PathBuf::from(OsStr::from_bytes(key)).file_stem()?.to_str()?.parse().ok();
        let number = stem.filter(|number| *number < self.count)?;
        let input = self.input(number);
        match input.origin {
            Origin::Made(made) if input.key() == key => Some(made),
            _ => None,
        }
    }

    fn input(&self, number: u32) -> Input {
        let Series { synth, params, seed, .. } = *self;
        let relative = PathBuf::from(format!("{}/{number:06}.png", synth.name));
        let seed = seed_of(seed, relative.as_os_str().as_bytes(), BEFORE_ALL_STEPS, &[]);
        let made = Made { synth, params, seed, number };
        let identity = Ok(made.identity());
        Input {
            relative,
            origin: Origin::Made(made),
            identity,
            blind: false,
            carried: Vec::new(),
            reference: None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::synth::SYNTHS;
    use std::collections::BTreeSet;

    fn series(seed: u64, size: u16, count: u32) -> Series {
        Series { synth: SYNTHS[0], params: Params { size, marks: 0.25 }, count, seed }
    }

    #[test]
    fn identities_follow_from_all_that_the_picture_does() {
        let identity = |series: Series| series.list()[3].identity.clone().unwrap();
        let first = series(1, 32, 5);
        assert_eq!(identity(first), identity(Series { count: 50, ..first }));
        let marks = Params { size: 32, marks: 0.5 };
        let others = [series(2, 32, 5), series(1, 33, 5), Series { params: marks, ..first }];
        let times: BTreeSet<i64> = others.iter().chain([&first]).map(|s| identity(*s).mtime_ns).collect();
        assert_eq!(times.len(), 4);
        let all: BTreeSet<i64> = first.list().iter().map(|i| i.identity.clone().unwrap().mtime_ns).collect();
        assert_eq!(all.len(), 5);
    }

    #[test]
    fn names_lead_back_to_pictures() {
        let series = series(1, 16, 12);
        let listed = series.list();
        assert_eq!(listed[11].key(), b"dead_leaves/000011.png");
        let Origin::Made(made) = &listed[11].origin else { panic!() };
        let found = series.named(listed[11].key()).unwrap();
        assert_eq!((found.seed, found.number), (made.seed, made.number));
        for other in ["dead_leaves/000012.png", "dead_leaves/11.png", "000011.png", "x"] {
            assert!(series.named(other.as_bytes()).is_none(), "{other}");
        }
        let (image, hash) = made.render();
        assert_eq!(made.render().1, hash);
        assert_eq!(made.decoded(image).image.samples.len(), 3 * 16 * 16);
    }
}
