//! What a file lost on its way: the wording of such notes, and how runs count them.
//!
//! Notes are text, since the ledger and the manifest keep them. A note on a loss begins with `lost `, the
//! kind of loss, and a colon, so that the manifest can be searched and the run's summary counts by kind.

use std::fmt;

/// A kind of loss.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Loss {
    /// Further pages of a document.
    Pages,
    /// Further frames of an animation.
    Frames,
    /// The second picture that makes a photograph bright on bright screens.
    GainMap,
    /// The film of a motion photo.
    Video,
    /// Further pictures: previews, depth maps, pictures of another moment.
    Pictures,
    /// Layers, channels that are no colour and no alpha, paths, masks.
    Layers,
    /// What the pixel values mean: profiles, primaries, transfer curves.
    Colour,
    /// Bits of the samples, or their range.
    Depth,
    /// Resolution.
    Resolution,
    /// EXIF, maker notes, IPTC, XMP, texts, comments.
    Metadata,
    /// Whatever else stood in the file.
    Data,
}

impl Loss {
    /// Every kind.
    pub const ALL: [Loss; 11] = [
        Loss::Pages,
        Loss::Frames,
        Loss::GainMap,
        Loss::Video,
        Loss::Pictures,
        Loss::Layers,
        Loss::Colour,
        Loss::Depth,
        Loss::Resolution,
        Loss::Metadata,
        Loss::Data,
    ];

    /// What was lost, in words.
    pub fn name(self) -> &'static str {
        match self {
            Loss::Pages => "pages",
            Loss::Frames => "frames",
            Loss::GainMap => "gain map",
            Loss::Video => "video",
            Loss::Pictures => "further pictures",
            Loss::Layers => "layers or channels",
            Loss::Colour => "colour space",
            Loss::Depth => "bit depth",
            Loss::Resolution => "resolution",
            Loss::Metadata => "metadata",
            Loss::Data => "other data",
        }
    }

    /// Name in machine-readable output.
    pub fn key(self) -> &'static str {
        match self {
            Loss::Pages => "pages",
            Loss::Frames => "frames",
            Loss::GainMap => "gain_map",
            Loss::Video => "video",
            Loss::Pictures => "further_pictures",
            Loss::Layers => "layers",
            Loss::Colour => "colour_space",
            Loss::Depth => "bit_depth",
            Loss::Resolution => "resolution",
            Loss::Metadata => "metadata",
            Loss::Data => "other_data",
        }
    }

    /// A note of this kind; `what` says what exactly, and where it helps why.
    pub fn note(self, what: impl fmt::Display) -> String {
        format!("lost {self}: {what}")
    }

    /// The kind of loss that a note tells, if it is of one.
    pub fn of(note: &str) -> Option<Loss> {
        let told = note.strip_prefix("lost ")?;
        Loss::ALL
            .into_iter()
            .find(|loss| told.strip_prefix(loss.name()).is_some_and(|rest| rest.starts_with(": ")))
    }
}

impl fmt::Display for Loss {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn notes_lead_back_to_their_kind() {
        for loss in Loss::ALL {
            assert_eq!(Loss::of(&loss.note("first of 3")), Some(loss));
        }
        assert_eq!(Loss::Frames.note("first of 3 is kept"), "lost frames: first of 3 is kept");
        assert_eq!(Loss::of("lost and found"), None);
        assert_eq!(Loss::of("named .jpg but is png"), None);
    }
}
