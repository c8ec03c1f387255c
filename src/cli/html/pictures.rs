//! The pictures of an item before and after, as they can still be read.

use super::tally::pictures;
use crate::codec::{self, Limits, Metadata};
use crate::image::Image;
use crate::image::orient::upright;
use crate::inputs::series::Series;
use crate::ledger::Record;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

/// Where the pictures are that a job has read.
#[derive(Debug)]
pub(crate) enum Inputs<'a> {
    /// It can't be told.
    Unknown,
    /// Below this folder.
    Below(PathBuf),
    /// Nowhere: they are made.
    Made(&'a Series),
}

/// A picture, upright, with what its values mean.
#[derive(Clone, Debug)]
pub(super) struct Picture {
    pub image: Image,
    pub meta: Metadata,
}

/// A picture before and after.
#[derive(Debug)]
pub(super) struct Pair {
    pub before: Picture,
    pub after: Picture,
}

/// Opens the pictures of items.
#[derive(Debug)]
pub(super) struct Opener<'a> {
    pub output: &'a Path,
    pub inputs: &'a Inputs<'a>,
    pub limits: Limits,
}

impl Opener<'_> {
    /// An item before and after. Of several outputs one, another for each `number`; of training pairs the corrupted and
    /// the clean picture.
    pub(super) fn pair(&self, path: &[u8], record: &Record, number: usize) -> Option<Pair> {
        let outputs = pictures(record);
        let output = outputs.get(number * 7 % outputs.len().max(1))?;
        let (before, after) = match training_pair(&outputs, output) {
            Some((noisy, clean)) => (self.open(&self.output.join(noisy)), clean),
            None => (self.input(path), output.as_path()),
        };
        Some(Pair { before: before?, after: self.open(&self.output.join(after))? })
    }

    /// The picture that an item was made of.
    pub(super) fn input(&self, path: &[u8]) -> Option<Picture> {
        match self.inputs {
            Inputs::Unknown => None,
            Inputs::Below(root) => self.open(&root.join(OsStr::from_bytes(path))),
            Inputs::Made(series) => {
                let made = series.named(path)?;
                Some(Picture { image: made.decoded(made.render().0).image, meta: Metadata::default() })
            }
        }
    }

    /// The first picture that an item has: one that was made of it, or its own.
    pub(super) fn any(&self, path: &[u8], record: &Record) -> Option<Picture> {
        let output = pictures(record).into_iter().next();
        output.and_then(|output| self.open(&self.output.join(output))).or_else(|| self.input(path))
    }

    fn open(&self, path: &Path) -> Option<Picture> {
        let decoded = codec::decode(&std::fs::read(path).ok()?, path, &self.limits).ok()?;
        let image = upright(decoded.image, decoded.meta.orientation);
        Some(Picture { image, meta: Metadata { icc: decoded.meta.icc, ..Metadata::default() } })
    }
}

/// The corrupted and the clean file of the pair that `output` belongs to, where it belongs to one.
fn training_pair<'a>(outputs: &'a [PathBuf], output: &'a Path) -> Option<(&'a Path, &'a Path)> {
    let of_kind = |kind: &str| {
        let all =
            outputs.iter().filter(move |o| o.parent().and_then(Path::file_name) == Some(OsStr::new(kind)));
        let found = all.clone().find(|o| o.file_name() == output.file_name()).or(all.clone().next());
        found.map(PathBuf::as_path)
    };
    Some((of_kind("noisy")?, of_kind("clean")?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pairs_are_found_by_their_folders() {
        let outputs =
            ["t/clean/a-1.png", "t/clean/a.png", "t/noisy/a-1.png", "t/noisy/a.png"].map(PathBuf::from);
        let pair = |n: usize| training_pair(&outputs, &outputs[n]).unwrap();
        assert_eq!(pair(0), (Path::new("t/noisy/a-1.png"), Path::new("t/clean/a-1.png")));
        assert_eq!(pair(3), (Path::new("t/noisy/a.png"), Path::new("t/clean/a.png")));
        assert_eq!(training_pair(&outputs[..2], &outputs[0]), None);
    }
}
