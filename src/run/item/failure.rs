//! How an item fails.

use crate::codec::CodecError;
use crate::error::{ErrorKind, ItemError};
use crate::store::{Refusal, StoreError};

/// Why an item did not come to an end by itself.
#[derive(Debug)]
pub(super) enum Stopped {
    Item(ItemError),
    Store(StoreError),
    /// It takes more memory than there is room for.
    Large,
}

impl From<ItemError> for Stopped {
    fn from(e: ItemError) -> Stopped {
        Stopped::Item(e)
    }
}

/// The failure of an item one of whose files is refused.
pub(crate) fn refused(refusal: &Refusal) -> ItemError {
    let kind = match refusal {
        Refusal::Name { .. } | Refusal::Outside { .. } => ErrorKind::OutputName,
        Refusal::Taken { .. } => ErrorKind::Exists,
        Refusal::Edited { .. } => ErrorKind::Edited,
    };
    ItemError::new(kind, refusal.to_string())
}

impl From<&CodecError> for ItemError {
    fn from(error: &CodecError) -> ItemError {
        let kind = match error {
            CodecError::Unsupported { .. } => ErrorKind::Unsupported,
            CodecError::TooLarge { .. } => ErrorKind::TooLarge,
            _ => ErrorKind::Undecodable,
        };
        ItemError::new(kind, error.to_string())
    }
}
