//! Why a strip's or tile's data can't be decompressed.

/// Why data can't be decompressed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Fault {
    /// A checksum proves that it is damaged.
    Checksum,
    /// It is no such data, or too little of it.
    Wrong(String),
    /// It uses something that is not read.
    Unsupported(&'static str),
}

impl From<&str> for Fault {
    fn from(what: &str) -> Fault {
        Fault::Wrong(what.to_owned())
    }
}
