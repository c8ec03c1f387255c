//! `captions`: a text file for each picture, as some programs that train on captions want them.

use crate::error::ItemError;
use crate::ledger::Fingerprint;
use crate::pipeline::{Action, Build, Built, Keeps, Load, Names, Outgoing, Place, Sample, Sink};
use crate::spec::{Descriptor, Diagnostics, Kind, Parameters, Role, params};
use std::path::{Path, PathBuf};

params! {
    /// Parameters of `captions`.
    pub(super) struct Params {
        /// Folder below the output that receives the files.
        folder: PathBuf [Kind::Folder] = "captions",
        /// Text of every file, before the picture's size.
        text: String = "a scan",
    }
}

/// Name, documentation and parameters.
pub static DESCRIPTOR: Descriptor = Descriptor {
    name: "captions",
    version: 1,
    doc: "Writes a text file for each picture, under its relative path with the ending `.txt`.",
    role: Role::WriteImage,
    params: Params::TABLE,
    shorthand: Some("text"),
    example: "- captions: {folder: captions, text: a scan}",
};

#[derive(Debug)]
struct Captions {
    folder: PathBuf,
    text: String,
}

/// Compiles the step.
pub fn build(params: Params, _: &mut Build<'_>) -> Result<Built, Diagnostics> {
    let Params { folder, text } = params;
    Ok(Built::from(Action::Sink(Box::new(Captions { folder, text }))))
}

impl Names for Captions {
    fn path(&self, relative: &Path, place: &Place) -> PathBuf {
        let mut name = relative.file_stem().unwrap_or_default().to_os_string();
        name.push(place.suffix());
        name.push(".txt");
        self.folder.join(relative.with_file_name(name))
    }
}

impl Sink for Captions {
    fn folder(&self) -> &Path {
        &self.folder
    }

    fn keeps(&self) -> Keeps {
        Keeps::Product
    }

    fn names(&self) -> Option<&dyn Names> {
        Some(self)
    }

    fn peak_bytes(&self, _: &Load) -> u64 {
        self.text.len() as u64
    }

    fn take(
        &self,
        sample: &mut Sample,
        _: &Fingerprint,
        _: &dyn Fn(&Path) -> bool,
    ) -> Result<Outgoing, ItemError> {
        let text = format!("{}, {} x {}\n", self.text, sample.image.width(), sample.image.height());
        let path = self.path(&sample.relative, &sample.place);
        Ok(Outgoing { files: vec![(path, text.into_bytes())], ..Outgoing::default() })
    }
}
