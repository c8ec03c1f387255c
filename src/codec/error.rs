//! Why a file could not be decoded, or an image not be encoded.

use super::format::Format;

/// The failure of one file or image.
#[derive(Debug, thiserror::Error)]
pub enum CodecError {
    /// The file is of a kind that is not read, or the image has something the format can't hold.
    #[error("unsupported {format} file: {what}")]
    Unsupported {
        /// Name of the format, or "image" when it is not known.
        format: &'static str,
        /// What is not supported and what to do about it.
        what: String,
    },
    /// The file is proven to be damaged: it ends too early, or a checksum does not fit.
    #[error("damaged {format} file: {what}; restore it from a backup, or exclude it from the input")]
    Damaged {
        /// Name of the format, or "image" when it is not known.
        format: &'static str,
        /// What is wrong.
        what: String,
    },
    /// The file breaks its format's rules; whether it was ever otherwise can't be told.
    #[error(
        "{format} file that can't be read: {what}; save it anew with a program that opens it, or exclude it \
         from the input"
    )]
    Malformed {
        /// Name of the format, or "image" when it is not known.
        format: &'static str,
        /// What is wrong.
        what: String,
    },
    /// The picture exceeds the limits; nothing was allocated for its pixels.
    #[error("{width} x {height} pixels {what}")]
    TooLarge {
        /// Width in the file's header.
        width: u64,
        /// Height in the file's header.
        height: u64,
        /// Which limit is exceeded and by how much, with what to do.
        what: String,
    },
    /// The image can't be written in this format.
    #[error("can't write {format}: {what}")]
    Encode {
        /// Name of the format.
        format: &'static str,
        /// What is in the way and what to do about it.
        what: String,
    },
}

pub(crate) fn damaged(format: Format, what: impl ToString) -> CodecError {
    CodecError::Damaged { format: format.name(), what: what.to_string() }
}

pub(crate) fn malformed(format: Format, what: impl ToString) -> CodecError {
    CodecError::Malformed { format: format.name(), what: what.to_string() }
}

pub(crate) fn unsupported(format: Format, what: impl ToString) -> CodecError {
    CodecError::Unsupported { format: format.name(), what: what.to_string() }
}

pub(crate) fn cannot_encode(format: Format, what: impl ToString) -> CodecError {
    CodecError::Encode { format: format.name(), what: what.to_string() }
}
