//! The pictures of a camera's file, by its directories.

use crate::codec::CodecError;
use crate::codec::tiff::directory::{Directory, File};
use crate::codec::tiff::tag;
use std::io::{Read, Seek};

/// Directories of the chain, and pictures below one, that are looked at.
const LOOKED_AT: usize = 8;

/// The directories of the chain from `main` on, each followed by those below it.
pub(super) fn pictures<R: Read + Seek>(
    file: &mut File<R>,
    main: Directory,
) -> Result<Vec<Directory>, CodecError> {
    let (mut all, mut next) = (Vec::new(), Some(main));
    for _ in 0..LOOKED_AT {
        let Some(directory) = next else { break };
        let below = file.numbers(&directory, tag::SUB_IFDS, LOOKED_AT as u64).ok().flatten();
        next = if directory.next == 0 { None } else { file.directory(directory.next)? };
        all.push(directory);
        for at in below.unwrap_or_default() {
            all.extend(file.directory(at)?);
        }
    }
    Ok(all)
}
