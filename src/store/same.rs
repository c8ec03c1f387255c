//! Files with the very content of another: hard links, and clones that share its blocks.

use super::attributes::Attributes;
use super::dir::FileId;
use super::error::StoreError;
use super::{Staged, Store, hash, look};
use rustix::fs::{OFlags, ioctl_ficlone};
use std::fs::File;
use std::io;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::Path;

impl Store {
    /// Stages a file of the content of `original`, which is `size` bytes of this hash: with `link` as a hard link to it, else
    /// as a clone with these attributes. None where neither can be had, or the content is another by now; then nothing stays.
    ///
    /// # Errors
    /// As [`Store::stage`].
    pub fn stage_same(
        &self,
        relative: &Path,
        original: &Path,
        (size, content): (u64, [u8; 32]),
        (attributes, link): (Attributes, bool),
    ) -> Result<Option<Staged>, StoreError> {
        // A pipe that has taken the file's place must not block.
        let flags = (OFlags::NONBLOCK | OFlags::NOFOLLOW).bits().cast_signed();
        let Ok(source) = File::options().read(true).custom_flags(flags).open(original) else {
            return Ok(None);
        };
        let (temp, file) = self.create(relative, &attributes)?;
        let relative = relative.to_path_buf();
        let staged = |timed| Staged {
            relative: relative.clone(),
            temp: temp.clone(),
            size,
            hash: content,
            timed,
            over: None,
        };
        let (Some(dir), _) = self.place(&relative, false)? else { return Ok(None) };
        let same = if link {
            // The empty file that keeps the name free gives way to the link.
            drop(file);
            let linked = dir.unlink(&temp).and_then(|()| dir.link_to(original, &temp));
            // Another file may have the original's name by now.
            linked
                .and_then(|()| dir.read(&temp))
                .and_then(|file| Ok((is_one(&file, &source)? && is(file, content)?, true)))
        } else {
            match ioctl_ficlone(&file, &source) {
                Ok(()) => {
                    let timed = attributes.times.is_none_or(|times| times.give(&file));
                    dir.read(&temp).and_then(|file| is(file, content)).map(|same| (same, timed))
                }
                Err(_) => Ok((false, true)),
            }
        };
        match same {
            Ok((true, timed)) => Ok(Some(staged(timed))),
            _ => {
                self.discard(&[staged(true)]);
                Ok(None)
            }
        }
    }

    /// The file of `original`, where the output at `relative` is a second name of it.
    pub fn second_name(&self, relative: &Path, original: &Path) -> Option<FileId> {
        let output = self.open_file(relative).ok().flatten()?.metadata().ok()?;
        let id = FileId::of(&look::at(original).ok().flatten()?);
        (output.nlink() > 1 && FileId::of(&output) == id).then_some(id)
    }
}

fn is_one(a: &File, b: &File) -> io::Result<bool> {
    Ok(FileId::of(&a.metadata()?) == FileId::of(&b.metadata()?))
}

fn is(mut file: File, wanted: [u8; 32]) -> io::Result<bool> {
    Ok(hash(&mut file)?.0 == wanted)
}
