//! Pictures that no step changed: their files' own bytes.

use super::{Fingerprint, Stopped, Work};
use crate::codec::Loss;
use crate::error::{ErrorKind, ItemError};
use crate::inputs::read_unchanged;
use crate::pipeline::{Action, PlannedStep, Remark, Sample};
use crate::shown::Show;
use crate::store::Attributes;
use std::path::Path;

impl Work<'_> {
    /// Stages the original's bytes as the file at `path`: as a hard link where that is asked for and possible, else as a
    /// clone that shares its blocks, else as a copy.
    pub(super) fn stage_original(
        &mut self,
        product: Fingerprint,
        (path, link): (&Path, bool),
        sample: &Sample,
        attributes: Attributes,
    ) -> Result<(), Stopped> {
        let Some(original) = sample.observed.original() else {
            let message = "a picture that was changed is not its original";
            return Err(ItemError::new(ErrorKind::Encode, message).into());
        };
        let content = (self.identity.size, sample.hash);
        let staged = match self.store.stage_same(path, original, content, (attributes, link)) {
            Ok(staged) => staged,
            Err(error) => return Err(Self::refused_name(error)),
        };
        if let Some(staged) = staged {
            self.hold(product, staged);
        } else {
            if link {
                self.note("no hard link could be made; copied".to_string());
            }
            let (bytes, _, _) = read_unchanged(original)?;
            if *blake3::hash(&bytes).as_bytes() != sample.hash {
                let message =
                    format!("{} changed while it was worked on; it will be tried again", original.shown());
                return Err(ItemError::new(ErrorKind::Changed, message).into());
            }
            self.stage(product, path, &bytes, attributes)?;
        }
        Ok(())
    }

    /// Whether a file stands that may have been encoded by an earlier run.
    fn keeps_encoded(&self) -> bool {
        let stands = |planned: &PlannedStep| match (&planned.action, planned.product) {
            (Action::Sink(sink), Some(product)) => sink.names().is_some() && self.keep.contains(&product),
            _ => false,
        };
        let copied = self.before.notes.iter().any(|note| Remark::of(note) == Remark::Unchanged);
        !copied && self.plan.chain.iter().any(stands)
    }

    /// Notes what became of a sample at the end of its way: where nothing was encoded, nothing of the file was
    /// lost.
    pub(super) fn note_all(&mut self, notes: Vec<String>) {
        let whole = self.unchanged && !self.encoded && !self.keeps_encoded();
        if whole {
            self.notes.retain(|note| Loss::of(note).is_none());
        }
        for note in notes.into_iter().filter(|note| !whole || Loss::of(note).is_none()) {
            self.note(note);
        }
        if self.unchanged {
            self.note(Remark::unchanged());
        }
    }
}
