//! Getting hold of an item's input, and a closer look at its outputs that are not as they were written.

use super::{Content, UNTIMED, Work};
use crate::codec::{self, Decoded, Header};
use crate::error::{ErrorKind, ItemError};
use crate::inputs::Pages;
use crate::inputs::{Origin, read_unchanged};
use crate::ledger::Output;
use crate::pipeline::Further;
use crate::run::item::failure::{Stopped, refused};
use crate::run::task::{Doubt, Timed};
use crate::shown::Show;
use crate::steps::pages;
use crate::store::{Attributes, Refusal, Stamp, Standing, StoreError, look};
use std::ffi::OsStr;
use std::io::Cursor;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::sync::Arc;

impl<'a> Work<'a> {
    /// Looks closer at outputs that are not as they were written: a copy under a new time is as good; what somebody
    /// made of one is not to be lost.
    pub(super) fn settle_doubts(&mut self) -> Result<(), Stopped> {
        if let Some(why) = &self.before.unseen {
            return Err(self.unreadable(why));
        }
        let mut doubted = self.before.doubted.clone();
        for doubt in &self.before.doubts {
            let path = Path::new(OsStr::from_bytes(&doubt.output.path));
            let absolute = || self.store.root().join(path);
            let intact = match self.store.compare(path, &doubt.known) {
                Ok(Standing::Written(0, stamp)) => {
                    let stamp = self.timed_again(path, stamp, doubt)?;
                    // Not what was announced there.
                    self.withdrawn.push(doubt.output.path.clone());
                    if self.plan.products.contains(&doubt.product) {
                        self.restamp.push(Output { path: doubt.output.path.clone(), stamp });
                    }
                    true
                }
                // A run that was cut off has put a newer one there, or it is gone meanwhile.
                Ok(Standing::Written(..) | Standing::Own | Standing::Absent) => false,
                Ok(Standing::Differs) if self.replace_edited => false,
                // It changed with the original whose second name it is.
                Ok(Standing::Differs) if self.is_second_name(path) => false,
                Ok(Standing::Differs) => return Err(refused(&Refusal::Edited { path: absolute() }).into()),
                Ok(Standing::Other(kind)) => return Err(refused(&Refusal::stands(&absolute(), kind)).into()),
                Err(StoreError::Refused(refusal)) => return Err(refused(&refusal).into()),
                Err(error) => return Err(self.unreadable(&error.to_string())),
            };
            if !intact {
                doubted.remove(&doubt.product);
            }
        }
        self.intact.append(&mut doubted);
        Ok(())
    }

    fn is_second_name(&mut self, output: &Path) -> bool {
        let found = self.input.file().and_then(|original| self.store.second_name(output, original));
        self.linked = self.linked.or(found);
        found.is_some()
    }

    /// Gives a copy of an output its original's times, where it is to have them; gives its stamp then.
    fn timed_again(&mut self, path: &Path, stamp: Stamp, doubt: &Doubt) -> Result<Stamp, Stopped> {
        let keeps = |timed: &Timed| timed.keeps && timed.recorded && timed.product == doubt.product;
        let Origin::File(original) = &self.input.origin else { return Ok(stamp) };
        if !self.before.timed.iter().any(keeps) {
            return Ok(stamp);
        }
        // One that can't be looked at any more fails by itself, or is not needed.
        let times = look::at(original).ok().flatten().and_then(|meta| Attributes::of(&meta).times);
        let Some(times) = times else { return Ok(stamp) };
        match self.store.retime(path, &stamp, Some(times)) {
            Ok(Some((stamp, given))) => {
                if !given {
                    self.note(UNTIMED.into());
                }
                Ok(stamp)
            }
            Ok(None) | Err(StoreError::Refused(_)) => Ok(stamp),
            Err(error) => Err(self.unreadable(&error.to_string())),
        }
    }

    /// An output can't be looked at.
    fn unreadable(&self, why: &str) -> Stopped {
        let message = format!("{why} (an output of {})", self.input.relative.shown());
        Stopped::Item(ItemError::new(ErrorKind::Unreadable, message))
    }

    /// Brings the times of files that are as written in line with the settings and the input: those that the other setting
    /// of times made become this one's, without being made again.
    pub(super) fn settle_times(&mut self) -> Result<(), Stopped> {
        let before = self.before;
        let moved = before.identity.is_some_and(|then| then.mtime_ns != self.identity.mtime_ns);
        for timed in &before.timed {
            let times = self.original.times.filter(|_| timed.keeps);
            let wanted = match timed.recorded {
                true => times.is_some() && moved && self.keep.contains(&timed.product),
                false => self.make.contains(&timed.product),
            };
            if !wanted {
                continue;
            }
            let mut outputs = Vec::with_capacity(timed.outputs.len());
            for Output { path, stamp } in &timed.outputs {
                match self.store.retime(Path::new(OsStr::from_bytes(path)), stamp, times) {
                    Ok(Some((stamp, given))) => {
                        outputs.push(Output { path: path.clone(), stamp });
                        if !given {
                            self.note(UNTIMED.into());
                        }
                    }
                    // It is made again, or stays with the time that it has.
                    Ok(None) | Err(StoreError::Refused(_)) => break,
                    Err(error) => return Err(self.unreadable(&error.to_string())),
                }
            }
            if timed.recorded {
                self.restamp.append(&mut outputs);
            } else if outputs.len() == timed.outputs.len() {
                self.make.remove(&timed.product);
                self.adopted.insert(timed.product, outputs);
            }
        }
        Ok(())
    }

    /// Reads the file, or makes the picture. Gives also the hash of it.
    pub(super) fn get(&mut self, room: Option<u64>) -> Result<(Content<'a>, [u8; 32]), Stopped> {
        match &self.input.origin {
            Origin::File(path) => {
                let (bytes, identity, attributes) = read_unchanged(path)?;
                self.identity = identity;
                self.original = attributes;
                let hash = *blake3::hash(&bytes).as_bytes();
                Ok((Content::File(bytes), hash))
            }
            Origin::Made(made) => {
                let header = made.header();
                codec::check_limits(&header, &self.limits()).map_err(|e| ItemError::from(&e))?;
                self.fits(&header, room)?;
                let (image, hash) = made.render();
                Ok((Content::Made(made, image), hash))
            }
        }
    }

    /// Decodes the first picture. Where all are wanted and there are more, gives also what they are read from.
    pub(super) fn decode(
        &self,
        bytes: Vec<u8>,
        room: Option<u64>,
    ) -> Result<(Decoded, Option<Further>), Stopped> {
        let path = &self.input.relative;
        if bytes.is_empty() {
            let message = format!("{} is empty; restore it from a backup, or exclude it", path.shown());
            return Err(ItemError::new(ErrorKind::Undecodable, message).into());
        }
        let wanted = self.plan.input.pages;
        let headers = match wanted {
            Pages::All => codec::probe_pages(Cursor::new(&bytes), path),
            _ => codec::probe(Cursor::new(&bytes), path).map(|header| vec![header]),
        };
        let headers = headers.map_err(|e| ItemError::from(&e))?;
        for header in &headers {
            self.fits(header, room)?;
        }
        let Some(header) = headers.into_iter().next() else {
            return Err(ItemError::new(ErrorKind::Undecodable, "the file has no picture").into());
        };
        wanted.check(&header)?;
        let limits = self.limits();
        let mut decoded =
            codec::decode_probed(&bytes, &header, path, &limits).map_err(|e| ItemError::from(&e))?;
        let several = wanted == Pages::All && header.pictures > 1;
        if several {
            pages::keep_notes(&mut decoded.source.notes);
        }
        let further = several.then(|| Further { bytes: Arc::new(bytes), header, limits });
        Ok((decoded, further))
    }

    pub(super) fn limits(&self) -> codec::Limits {
        codec::Limits {
            max_pixels: self.plan.limits.pixels,
            max_bytes: self.plan.limits.memory,
            strict: self.plan.input.strict,
        }
    }

    /// Stops where the item is expected to take more than there is room for.
    pub(super) fn fits(&self, header: &Header, room: Option<u64>) -> Result<(), Stopped> {
        let large = room.is_some_and(|room| {
            let clean = self.input.reference_header();
            self.plan.peak(self.identity.size, header, clean.as_ref()) > room
        });
        if large { Err(Stopped::Large) } else { Ok(()) }
    }
}
