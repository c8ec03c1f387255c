//! Hashing a file's content on its way to the disk.

use std::fs::File;
use std::io::{self, BufWriter, Write};

/// Hashes what passes through to a file.
pub(super) struct Hashing {
    file: BufWriter<File>,
    hasher: blake3::Hasher,
    size: u64,
}

impl Hashing {
    pub(super) fn new(file: File) -> Hashing {
        Hashing { file: BufWriter::new(file), hasher: blake3::Hasher::new(), size: 0 }
    }

    /// The file with all that was written, its hash and its size.
    pub(super) fn finish(self) -> io::Result<(File, [u8; 32], u64)> {
        let file = self.file.into_inner().map_err(io::IntoInnerError::into_error)?;
        Ok((file, *self.hasher.finalize().as_bytes(), self.size))
    }
}

impl Write for Hashing {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.hasher.update(bytes);
        self.size += bytes.len() as u64;
        self.file.write_all(bytes)?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}
