//! JPEG streams in a TIFF: strips and tiles that share tables, and old-style ones for the whole picture.

use std::io::{Read, Seek};

use zune_jpeg::JpegDecoder;
use zune_jpeg::zune_core::bytestream::ZCursor;
use zune_jpeg::zune_core::colorspace::ColorSpace;
use zune_jpeg::zune_core::options::DecoderOptions;

use super::super::jpeg_layout::{self, MAX_SCANS, Until};
use super::super::{CodecError, Format, jpeg, malformed, unsupported};
use super::directory::{Directory, File};
use super::layout::Layout;
use super::tag;
use crate::image::Image;

/// The tables that stand before those of each strip or tile.
#[derive(Debug, Default)]
pub(super) struct Tables(Vec<u8>);

fn bad(what: impl ToString) -> CodecError {
    malformed(Format::Tiff, what)
}

impl Tables {
    /// Reads them, where there are any.
    pub(super) fn read<R: Read + Seek>(
        file: &mut File<R>,
        directory: &Directory,
    ) -> Result<Tables, CodecError> {
        let Some(entry) = directory.find(tag::JPEG_TABLES) else { return Ok(Tables::default()) };
        match file.values(entry)?.as_deref() {
            Some([0xFF, 0xD8, tables @ .., 0xFF, 0xD9]) => Ok(Tables(tables.to_vec())),
            _ => Err(bad("its JPEG tables are damaged")),
        }
    }

    /// The samples of a strip or tile, interleaved: RGB where it is YCbCr (`ycc`), else as they are.
    ///
    /// It must be of the size that the header says, and whole; the last strip may be higher, up to `most`. What was
    /// read around, such as a missing end marker, comes with them.
    pub(super) fn decode(
        &self,
        data: &[u8],
        ycc: bool,
        (width, rows): (u32, u32),
        most: u32,
        samples: usize,
    ) -> Result<(Vec<u8>, Option<&'static str>), CodecError> {
        let stream = self.stream(data, ycc)?;
        let cut = || bad("it is cut short");
        let frame = jpeg_layout::read(&stream, Until::Frame)?.ok_or_else(cut)?.frame;
        let size = (u32::from(frame.width), u32::from(frame.height));
        if size.0 != width || !(rows..=most).contains(&size.1) || frame.components.len() != samples {
            let (found, wide, high) = (frame.components.len(), size.0, size.1);
            return Err(bad(format!(
                "it is of {wide} x {high} pixels with {found} samples where the header says {width} x {rows} \
                 with {samples}"
            )));
        }
        let layout = jpeg_layout::read(&stream, Until::CheckedEnd)?.ok_or_else(cut)?;
        let unended = layout.unended.then_some("its end marker is missing; it is whole");
        let fault = layout.doubts.first().copied().or(unended);
        if layout.is_by_component() {
            // zune-jpeg gets them wrong.
            let what = "a scan for each component; save it with LZW or Deflate first";
            return Err(unsupported(Format::Tiff, what));
        }
        let colour = match samples {
            1 => ColorSpace::Luma,
            3 => ColorSpace::RGB,
            _ => ColorSpace::CMYK,
        };
        let options = DecoderOptions::default()
            .set_strict_mode(true)
            .set_max_width(usize::MAX)
            .set_max_height(usize::MAX)
            .jpeg_set_max_scans(MAX_SCANS)
            .jpeg_set_out_colorspace(colour);
        let mut decoder = JpegDecoder::new_with_options(ZCursor::new(layout.into_stream()), options);
        Ok((decoder.decode().map_err(bad)?, fault))
    }

    /// A whole stream. Of what says how its colours are meant, it has only a mark of the kind that the
    /// directory says: that decides.
    fn stream(&self, data: &[u8], ycc: bool) -> Result<Vec<u8>, CodecError> {
        let mut rest = data.strip_prefix(&[0xFF, 0xD8]).ok_or_else(|| bad("it is no JPEG stream"))?;
        let mut stream = vec![0xFF, 0xD8];
        stream.extend_from_slice(&self.0);
        stream.extend_from_slice(b"\xFF\xEE\0\x0EAdobe\0\x64\0\0\0\0");
        stream.push(u8::from(ycc));
        while let &[0xFF, marker, high, low, ..] = rest {
            let length = 2 + usize::from(u16::from_be_bytes([high, low]));
            if matches!(marker, 0 | 0xFF | 0xD0..=0xDA) || rest.len() < length {
                break;
            }
            let (segment, behind) = rest.split_at(length);
            if !matches!(marker, 0xE0..=0xEF) {
                stream.extend_from_slice(segment);
            }
            rest = behind;
        }
        stream.extend_from_slice(rest);
        Ok(stream)
    }
}

/// The picture of an old-style JPEG.
pub(super) fn old_style<R: Read + Seek>(
    bytes: &[u8],
    file: &mut File<R>,
    directory: &Directory,
    layout: &Layout,
) -> Result<Image, CodecError> {
    let from = file.number(directory, tag::OLD_JPEG_STREAM)?.and_then(|from| usize::try_from(from).ok());
    let len = file.number(directory, tag::OLD_JPEG_BYTES)?.and_then(|len| usize::try_from(len).ok());
    let stream = from.and_then(|from| bytes.get(from..)).filter(|stream| stream.starts_with(&[0xFF, 0xD8]));
    let parts = || {
        let what = "old-style JPEG compression (6) that is no whole JPEG stream";
        unsupported(Format::Tiff, format!("{what}; save it with JPEG compression (7) or LZW first"))
    };
    let stream = stream.ok_or_else(parts)?;
    // The length may be that of the headers only.
    let stated = len.and_then(|len| stream.get(..len)).map(|stream| jpeg::decode(stream, false));
    let decoded = match stated {
        Some(Ok(decoded)) => decoded,
        _ => jpeg::decode(stream, false).map_err(|_| parts())?,
    };
    let image = decoded.image;
    if (image.width, image.height) != (layout.width as usize, layout.height as usize) {
        return Err(bad("its JPEG stream has another size than its header says"));
    }
    Ok(image)
}
