//! TIFF decoding, classic and BigTIFF, page by page. [`layout`] lists what is read; [`read`] refuses
//! all else by its name.

use std::io::{BufRead, Cursor, Read, Seek};

use super::extra::trailer;
use super::{CodecError, Decoded, Format, Header, Loss, Source, damaged, malformed, unsupported};
use chunks::Chunks;
pub(super) use directory::Chain;
use directory::{Directory, File};
use layout::{Colour, Layout, Method};
pub(super) use raw::is_raw;
#[cfg(feature = "raw")]
pub(super) use raw::{Survey, describe, survey};

mod assemble;
mod chunks;
mod colour;
mod decompress;
mod directory;
mod extent;
mod fault;
mod fax;
mod jpeg;
mod lab;
mod layout;
mod metadata;
mod names;
mod predict;
mod raw;
mod read;
mod samples;
mod tag;
mod ycc;

#[cfg(test)]
mod tests;

/// A page that was found and whose layout is one that is read.
struct Page<R> {
    file: File<R>,
    directory: Directory,
    layout: Layout,
}

impl<R: Read + Seek> Page<R> {
    fn open(mut file: File<R>, chain: &Chain, picture: u32) -> Result<Page<R>, CodecError> {
        let Some(&at) = chain.pages.get(picture as usize) else {
            if chain.cut {
                return Err(cut());
            }
            let (page, pages) = (u64::from(picture) + 1, chain.pages.len());
            return Err(unsupported(Format::Tiff, format!("page {page} of it; it has {pages}")));
        };
        let lost = || malformed(Format::Tiff, "its directory can't be read");
        let directory = file.directory(at)?.ok_or_else(lost)?;
        let layout = Layout::read(&mut file, &directory)?;
        Ok(Page { file, directory, layout })
    }

    fn header(&self, chain: &Chain, picture: u32) -> Header {
        let Layout { width, height, colour, bits, .. } = self.layout;
        let palette = colour == Colour::Palette;
        let colours = if palette { 3 } else { self.layout.colours() };
        let alpha = usize::from(self.layout.alpha.is_some());
        Header {
            format: Format::Tiff,
            width,
            height,
            channels: (colours + alpha).min(4) as u8,
            bit_depth: if palette { 8 } else { bits },
            decode_bytes: self.layout.decode_bytes(self.file.len()),
            picture,
            pictures: chain.pages.len() as u32,
            animated: false,
        }
    }
}

fn cut() -> CodecError {
    damaged(Format::Tiff, "it is cut short: further pages would lie beyond its end")
}

/// Reads the directory of a page, counted from 0.
pub(super) fn probe<R: BufRead + Seek>(reader: R, picture: u32) -> Result<Header, CodecError> {
    let (mut file, first) = File::open(reader)?;
    let chain = Chain::walk(&mut file, first)?;
    Ok(Page::open(file, &chain, picture)?.header(&chain, picture))
}

/// Reads the directories of all pages behind the first; those that can't be read are left out.
///
/// # Errors
/// `Damaged` where the file ends before its last page.
pub(super) fn probe_further<R: BufRead + Seek>(mut reader: R) -> Result<Vec<Header>, CodecError> {
    let (mut file, first) = File::open(&mut reader)?;
    let chain = Chain::walk(&mut file, first)?;
    // Not all are there that the file once had: what was made of the others must not be taken for superfluous.
    if chain.cut {
        return Err(cut());
    }
    let pages = 1..chain.pages.len() as u32;
    let page = |picture| Some(Page::open(file.again(), &chain, picture).ok()?.header(&chain, picture));
    Ok(pages.filter_map(page).collect())
}

/// The list of a file's pages, which is long to walk where they are many.
pub(super) fn chain(bytes: &[u8]) -> Result<Chain, CodecError> {
    let (mut file, first) = File::open(Cursor::new(bytes))?;
    Chain::walk(&mut file, first)
}

/// As [`probe`], of a page of a list that was walked.
pub(super) fn probe_page(bytes: &[u8], chain: &Chain, picture: u32) -> Result<Header, CodecError> {
    let (file, _) = File::open(Cursor::new(bytes))?;
    Ok(Page::open(file, chain, picture)?.header(chain, picture))
}

/// Decodes the page that `header` is about.
pub(super) fn decode(bytes: &[u8], header: &Header) -> Result<Decoded, CodecError> {
    decode_page(bytes, &chain(bytes)?, header)
}

/// As [`decode`], of a page of a list that was walked.
pub(super) fn decode_page(bytes: &[u8], chain: &Chain, header: &Header) -> Result<Decoded, CodecError> {
    let (file, _) = File::open(Cursor::new(bytes))?;
    let page = Page::open(file, chain, header.picture)?;
    let source_header = page.header(chain, header.picture);
    if source_header.decode_bytes > header.decode_bytes {
        return Err(malformed(Format::Tiff, "it is another file than the one whose header was read"));
    }
    let Page { mut file, directory, layout } = page;
    let classic = (!file.big()).then_some(bytes);
    let mut meta = metadata::read(&mut file, &directory, &layout, classic)?;
    let mut notes = Vec::new();
    let mut faults = Vec::from_iter(chain.fault.clone());
    let image = if layout.method == Method::OldJpeg {
        jpeg::old_style(bytes, &mut file, &directory, &layout)?
    } else {
        let mut chunks = Chunks::read(&mut file, &directory, &layout)?;
        faults.extend(chunks.fault.take());
        let tables = jpeg::Tables::read(&mut file, &directory)?;
        let mut raw = assemble::read(bytes, file.little(), &layout, &chunks, &tables)?;
        faults.extend(raw.fault.take());
        colour::image(raw, &mut file, &directory, &layout, &mut meta, &mut notes)?
    };
    let extras = layout.extras();
    if extras > 0 {
        let s = if extras == 1 { "" } else { "s" };
        meta.saw(Loss::Layers, format!("{extras} channel{s} beside colour and alpha"));
    }
    if chain.cut {
        meta.saw(Loss::Pages, "those beyond the end of the file, which is cut short");
    }
    if chain.pages.len() > 1 && header.picture == 0 {
        meta.saw(Loss::Pages, format!("the first of {} is kept", chain.pages.len()));
    }
    for (count, name) in [
        (chain.reduced, "in lower resolution or as thumbnails"),
        (chain.masks, "that are transparency masks"),
    ] {
        if count > 0 {
            meta.saw(Loss::Pictures, format!("{count} {name}"));
        }
    }
    if header.picture == 0
        && let Some(end) = extent::end(&mut file, &chain.all)?
        && let Some(behind) = usize::try_from(end).ok().and_then(|end| bytes.get(end..))
    {
        meta.extras.extend(trailer(behind));
    }
    let source = Source {
        notes,
        ..Source::new(
            Format::Tiff,
            (layout.width, layout.height),
            source_header.bit_depth,
            source_header.channels,
        )
    };
    Ok(Decoded { image, meta, source, faults })
}
