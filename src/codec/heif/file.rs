//! The boxes of a file: what its pictures are and how large they become.

use crate::codec::{CodecError, Format, Header, damaged, malformed, unsupported};
use heifer_isobmff::boxes::Property;
use heifer_isobmff::{HeifFile, ItemId};
use std::io::{BufRead, Read, Seek, SeekFrom};

/// Pictures made of pictures, at most.
pub(super) const NESTED: u32 = 4;

/// Most bytes of the boxes that describe the items.
const DESCRIPTION: u64 = 16 << 20;

/// Bytes a pixel: planes of 16 bits, RGBA of 16 bits and its turned copy, alpha, and the returned image.
const DECODING: u64 = 48;

/// A file whose boxes are read.
pub(super) struct File<'a> {
    pub(super) format: Format,
    pub(super) boxes: HeifFile<'a>,
}

pub(super) fn parse(format: Format, bytes: &[u8]) -> Result<File<'_>, CodecError> {
    let boxes = HeifFile::parse(bytes).map_err(|e| malformed(format, e))?;
    Ok(File { format, boxes })
}

/// The boxes before the pictures' data.
pub(super) fn description<R: BufRead + Seek>(reader: &mut R, format: Format) -> Result<Vec<u8>, CodecError> {
    let bad = |e: std::io::Error| malformed(format, format_args!("it can't be read: {e}"));
    let cut = || damaged(format, "it ends before its header does");
    let mut kept = Vec::new();
    loop {
        let mut head = [0; 8];
        reader.read_exact(&mut head).map_err(|_| cut())?;
        let [a, b, c, d, kind @ ..] = head;
        let mut size = u64::from(u32::from_be_bytes([a, b, c, d]));
        let mut body = 8;
        let mut long = [0; 8];
        if size == 1 {
            reader.read_exact(&mut long).map_err(|_| cut())?;
            (size, body) = (u64::from_be_bytes(long), 16);
        }
        let Some(rest) = size.checked_sub(body) else {
            return Err(malformed(format, "its picture is described nowhere"));
        };
        if kind == *b"ftyp" || kind == *b"meta" {
            if rest > DESCRIPTION {
                return Err(unsupported(format, "its description is larger than 16 MiB"));
            }
            kept.extend((rest as u32 + 8).to_be_bytes());
            kept.extend(kind);
            let read = reader.by_ref().take(rest).read_to_end(&mut kept).map_err(bad)?;
            if (read as u64) < rest {
                return Err(cut());
            }
            if kind == *b"meta" {
                return Ok(kept);
            }
        } else {
            reader.seek(SeekFrom::Current(i64::try_from(rest).map_err(|_| cut())?)).map_err(bad)?;
        }
    }
}

impl File<'_> {
    pub(super) fn bad(&self, error: impl std::fmt::Display) -> CodecError {
        malformed(self.format, error)
    }

    pub(super) fn properties(&self, item: ItemId) -> impl Iterator<Item = &Property> {
        self.boxes.item_properties(item).into_iter().flatten()
    }

    pub(super) fn kind(&self, item: ItemId) -> Result<[u8; 4], CodecError> {
        self.boxes.item(item).map(|item| item.item_type.0).map_err(|e| self.bad(e))
    }

    /// The first coded picture that a derived one is made of; a coded one itself.
    pub(super) fn coded(&self, item: ItemId) -> Result<ItemId, CodecError> {
        let mut item = item;
        for _ in 0..NESTED {
            match self.kind(item)?.as_slice() {
                b"grid" | b"iden" | b"iovl" | b"tmap" => {
                    let made_of = self.boxes.referenced_items(item, b"dimg").first().copied();
                    item = made_of.ok_or_else(|| self.bad("a picture is made of nothing"))?;
                }
                _ => return Ok(item),
            }
        }
        Err(self.bad("its pictures are nested too deeply"))
    }

    /// Bits of a sample, and whether there is colour, as a coded picture's configuration says.
    pub(super) fn coding(&self, item: ItemId) -> Result<(u8, bool), CodecError> {
        let kind = self.kind(item)?;
        let found = self.properties(item).find_map(|property| match (&kind, property) {
            (b"hvc1" | b"hev1", Property::HevcConfig(config)) => {
                let bits = config.bit_depth_luma.max(config.bit_depth_chroma);
                Some((bits, config.chroma_format != 0))
            }
            (b"av01", Property::Unknown(name, data)) if name.0 == *b"av1C" => {
                let flags = *data.get(2)?;
                let bits = match (flags & 0x40 != 0, flags & 0x20 != 0) {
                    (false, _) => 8,
                    (true, false) => 10,
                    (true, true) => 12,
                };
                Some((bits, flags & 0x10 == 0))
            }
            _ => None,
        });
        found.ok_or_else(|| match &kind {
            b"hvc1" | b"hev1" | b"av01" => self.bad("how its picture is coded is said nowhere"),
            other => {
                let name = String::from_utf8_lossy(other).into_owned();
                unsupported(
                    self.format,
                    format_args!("pictures coded as \"{name}\"; convert it to png or tiff first"),
                )
            }
        })
    }

    pub(super) fn size(&self, item: ItemId) -> Result<(u32, u32), CodecError> {
        let size = self.boxes.image_size(item).map_err(|e| self.bad(e))?;
        size.ok_or_else(|| self.bad("the size of its picture is said nowhere"))
    }

    /// Size of a picture after its turns.
    pub(super) fn turned_size(&self, item: ItemId) -> Result<(u32, u32), CodecError> {
        let mut size = self.size(item)?;
        for property in self.properties(item) {
            match property {
                Property::CleanAperture { .. } => {
                    let [.., width, height] = self.aperture(property, size)?;
                    size = (width, height);
                }
                Property::Rotation(quarters) if quarters % 2 == 1 => size = (size.1, size.0),
                _ => {}
            }
        }
        Ok(size)
    }

    /// Left, top, width and height that a clean aperture leaves of a picture. ISO/IEC 14496-12, 12.1.4.
    pub(super) fn aperture(&self, property: &Property, size: (u32, u32)) -> Result<[u32; 4], CodecError> {
        let Property::CleanAperture { width, height, horiz_offset, vert_offset } = *property else {
            return Ok([0, 0, size.0, size.1]);
        };
        let wrong = || self.bad("its clean aperture lies outside the picture");
        let along = |side: u32, (length, per): (u32, u32), (offset, of): (i32, u32)| {
            if per == 0 || of == 0 {
                return None;
            }
            let length = f64::from(length) / f64::from(per);
            let centre = f64::from(offset) / f64::from(of) + (f64::from(side) - 1.0) / 2.0;
            let start = (centre - (length - 1.0) / 2.0).round();
            let length = length.round();
            let inside = start >= 0.0 && length >= 1.0 && start + length <= f64::from(side);
            inside.then_some((start as u32, length as u32))
        };
        let (left, across) = along(size.0, width, horiz_offset).ok_or_else(wrong)?;
        let (top, down) = along(size.1, height, vert_offset).ok_or_else(wrong)?;
        Ok([left, top, across, down])
    }

    pub(super) fn header(&self) -> Result<Header, CodecError> {
        let primary = self.boxes.primary_id;
        let (bits, colour) = self.coding(self.coded(primary)?)?;
        let stored = self.size(primary)?;
        let (width, height) = self.turned_size(primary)?;
        let alpha = self.alpha_of(primary).is_some();
        let pixels = u64::from(stored.0).saturating_mul(u64::from(stored.1));
        Ok(Header {
            format: self.format,
            width,
            height,
            channels: if colour { 3 } else { 1 } + u8::from(alpha),
            bit_depth: bits,
            decode_bytes: pixels.saturating_mul(DECODING).saturating_add(16 << 20),
            picture: 0,
            pictures: 1,
            animated: false,
        })
    }

    pub(super) fn is_alpha(&self, item: ItemId) -> bool {
        self.properties(item).any(|property| {
            matches!(property, Property::AuxiliaryType(name)
                if name == "urn:mpeg:hevc:2015:auxid:1" || name == "urn:mpeg:mpegB:cicp:systems:auxiliary:alpha")
        })
    }

    pub(super) fn alpha_of(&self, item: ItemId) -> Option<ItemId> {
        self.boxes.referencing_items(item, b"auxl").into_iter().find(|aux| self.is_alpha(*aux))
    }
}
