//! Notes with a meaning of their own, as they stand in the ledger among an item's other notes.

/// Begins the note of a condition that refused.
const REFUSED: &str = "refused ";
/// The note of a picture that was not encoded, since no step changed it.
const UNCHANGED: &str = "unchanged";

/// What a note says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Remark<'a> {
    /// This condition refused it: `restore: noise_sigma > 2.5`.
    Refused(&'a str),
    /// No step changed it, and it was not encoded.
    Unchanged,
    /// Something else.
    Other,
}

impl<'a> Remark<'a> {
    /// What a note says.
    pub(crate) fn of(note: &'a str) -> Remark<'a> {
        match note.strip_prefix(REFUSED) {
            Some(condition) => Remark::Refused(condition),
            None if note == UNCHANGED => Remark::Unchanged,
            None => Remark::Other,
        }
    }

    /// The note that a condition of this step refused the item.
    pub(crate) fn refused(step: &str, condition: &str) -> String {
        format!("{REFUSED}{step}: {condition}")
    }

    /// The note that no step changed the picture, and that it was not encoded.
    pub(crate) fn unchanged() -> String {
        UNCHANGED.to_string()
    }
}
