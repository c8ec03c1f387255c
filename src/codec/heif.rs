//! HEIC and AVIF: the container (HEIF), tiles, turns, alpha and metadata; `hevc` and `av1` give the planes.

use std::io::{BufRead, Read, Seek, SeekFrom};

use heifer_isobmff::boxes::{ColorInfo, Property};
use heifer_isobmff::{FourCC, HeifFile, ItemId, is_image_item};

use super::extra::trailer;
use super::isobox::Boxes;
use super::meta::{Density, DensityUnit};
use super::ycbcr::{self, Coding};
use super::{CodecError, Colour, Decoded, Format, Header, Loss, Metadata, Source};
use super::{av1, damaged, hevc, malformed, pack, unsupported};
use crate::image::crop::{Rect, crop};
use crate::image::orient::upright;
use crate::image::{Depth, Image, Samples};

/// Pictures made of pictures, at most.
const NESTED: u32 = 4;

/// Most bytes of the boxes that describe the items.
const DESCRIPTION: u64 = 16 << 20;

/// Bytes a pixel: planes of 16 bits, RGBA of 16 bits and its turned copy, alpha, and the returned image.
const DECODING: u64 = 48;

/// A file whose boxes are read.
struct File<'a> {
    format: Format,
    boxes: HeifFile<'a>,
}

fn parse(format: Format, bytes: &[u8]) -> Result<File<'_>, CodecError> {
    let boxes = HeifFile::parse(bytes).map_err(|e| malformed(format, e))?;
    Ok(File { format, boxes })
}

/// Boxes whose end a file must have.
const KINDS: [&[u8; 4]; 6] = [b"ftyp", b"meta", b"mdat", b"moov", b"idat", b"free"];

/// Tells of boxes beside those of the pictures.
fn told(boxes: &Boxes, meta: &mut Metadata) {
    for (kind, data) in &boxes.whole {
        let length = data.len();
        match kind {
            // A sequence is told by its brand.
            b"ftyp" | b"meta" | b"mdat" | b"free" | b"skip" | b"wide" | b"moov" | b"moof" | b"mfra" => {}
            b"mpvd" => meta.saw(Loss::Video, format!("film of a motion photo ({length} bytes)")),
            b"jumb" => meta.saw(Loss::Metadata, format!("JUMBF box, as C2PA has ({length} bytes)")),
            // Content credentials: their own number, and the words that follow.
            b"uuid"
                if data.starts_with(b"\xd8\xfe\xc3\xd6\x1b\x0e\x48\x3c\x92\x97\x58\x28\x87\x7e\xc4\x81") =>
            {
                meta.saw(Loss::Metadata, format!("content credentials (C2PA, {length} bytes)"));
            }
            kind => {
                let name = String::from_utf8_lossy(kind).into_owned();
                meta.saw(Loss::Data, format!("box \"{name}\" ({length} bytes)"));
            }
        }
    }
    meta.extras.extend(trailer(boxes.rest));
}

/// The boxes before the pictures' data.
fn description<R: BufRead + Seek>(reader: &mut R, format: Format) -> Result<Vec<u8>, CodecError> {
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

/// Reads the header.
pub(super) fn probe<R: BufRead + Seek>(mut reader: R, format: Format) -> Result<Header, CodecError> {
    let bytes = description(&mut reader, format)?;
    parse(format, &bytes)?.header()
}

/// Decodes the primary picture.
pub(super) fn decode(bytes: &[u8], format: Format) -> Result<Decoded, CodecError> {
    let boxes = Boxes::of(bytes);
    if let Some(name) = boxes.cut(&KINDS) {
        return Err(damaged(format, format_args!("it ends within a box ({name})")));
    }
    let file = parse(format, bytes.get(..boxes.end).unwrap_or_default())?;
    let header = file.header()?;
    let primary = file.boxes.primary_id;
    let mut image = file.picture(primary, false, 0)?;
    if let Some(alpha) = file.alpha_of(primary) {
        file.attach(&mut image, alpha)?;
    }
    if (image.width, image.height) != (header.width as usize, header.height as usize) {
        return Err(malformed(format, "its headers contradict each other"));
    }
    let source = Source { lossless: false, ..Source::of(&header) };
    let mut meta = file.metadata();
    told(&boxes, &mut meta);
    Ok(Decoded { image, meta, source, faults: Vec::new() })
}

impl File<'_> {
    fn bad(&self, error: impl std::fmt::Display) -> CodecError {
        malformed(self.format, error)
    }

    fn properties(&self, item: ItemId) -> impl Iterator<Item = &Property> {
        self.boxes.item_properties(item).into_iter().flatten()
    }

    fn kind(&self, item: ItemId) -> Result<[u8; 4], CodecError> {
        self.boxes.item(item).map(|item| item.item_type.0).map_err(|e| self.bad(e))
    }

    /// The first coded picture that a derived one is made of; a coded one itself.
    fn coded(&self, item: ItemId) -> Result<ItemId, CodecError> {
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
    fn coding(&self, item: ItemId) -> Result<(u8, bool), CodecError> {
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

    fn size(&self, item: ItemId) -> Result<(u32, u32), CodecError> {
        let size = self.boxes.image_size(item).map_err(|e| self.bad(e))?;
        size.ok_or_else(|| self.bad("the size of its picture is said nowhere"))
    }

    /// Size of a picture after its turns.
    fn turned_size(&self, item: ItemId) -> Result<(u32, u32), CodecError> {
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
    fn aperture(&self, property: &Property, size: (u32, u32)) -> Result<[u32; 4], CodecError> {
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

    fn header(&self) -> Result<Header, CodecError> {
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

    fn is_alpha(&self, item: ItemId) -> bool {
        self.properties(item).any(|property| {
            matches!(property, Property::AuxiliaryType(name)
                if name == "urn:mpeg:hevc:2015:auxid:1" || name == "urn:mpeg:mpegB:cicp:systems:auxiliary:alpha")
        })
    }

    fn alpha_of(&self, item: ItemId) -> Option<ItemId> {
        self.boxes.referencing_items(item, b"auxl").into_iter().find(|aux| self.is_alpha(*aux))
    }

    /// A picture with its turns, without its alpha; of a mask only the luma.
    fn picture(&self, item: ItemId, mask: bool, depth: u32) -> Result<Image, CodecError> {
        if depth > NESTED {
            return Err(self.bad("its pictures are nested too deeply"));
        }
        let mut picture = match self.kind(item)?.as_slice() {
            b"grid" => self.grid(item, mask, depth)?,
            b"iden" => match self.boxes.referenced_items(item, b"dimg") {
                [made_of] => self.picture(*made_of, mask, depth + 1)?,
                _ => return Err(self.bad("a picture is made of nothing")),
            },
            b"iovl" => return Err(unsupported(self.format, "pictures laid over each other")),
            _ => self.coded_picture(item, mask)?,
        };
        for property in self.properties(item) {
            picture = match property {
                Property::CleanAperture { .. } => {
                    let size = (picture.width as u32, picture.height as u32);
                    let [x, y, width, height] = self.aperture(property, size)?.map(|side| side as usize);
                    let part = crop(&picture, Rect { x, y, width, height });
                    part.ok_or_else(|| self.bad("its clean aperture lies outside the picture"))?
                }
                // As orientations of EXIF; quarters count against the clock.
                Property::Rotation(1) => upright(picture, 8),
                Property::Rotation(2) => upright(picture, 3),
                Property::Rotation(3) => upright(picture, 6),
                Property::Mirror(upside_down) => upright(picture, if *upside_down { 4 } else { 2 }),
                _ => picture,
            };
        }
        Ok(picture)
    }

    fn grid(&self, item: ItemId, mask: bool, depth: u32) -> Result<Image, CodecError> {
        let grid = self.boxes.grid(item).map_err(|e| self.bad(e))?;
        let tiles = self.boxes.referenced_items(item, b"dimg");
        if tiles.len() != usize::from(grid.rows) * usize::from(grid.columns) {
            return Err(self.bad("tiles of its picture are missing"));
        }
        if (grid.output_width, grid.output_height) != self.size(item)? {
            return Err(self.bad("its headers contradict each other"));
        }
        let (width, height) = (grid.output_width as usize, grid.output_height as usize);
        let mut canvas: Option<Image> = None;
        let mut first = (0, 0);
        for (number, tile) in tiles.iter().enumerate() {
            let tile = self.picture(*tile, mask, depth + 1)?;
            let all = canvas.get_or_insert_with(|| {
                first = (tile.width, tile.height);
                Image::new(width, height, tile.channels, tile.depth())
            });
            let columns = usize::from(grid.columns);
            let (x, y) = (number % columns * first.0, number / columns * first.1);
            let alike = (tile.width, tile.height) == first && tile.channels == all.channels;
            if !alike || x >= width || y >= height || !paste(&tile, all, x, y) {
                return Err(self.bad("the tiles of its picture don't fit each other"));
            }
        }
        // Tiles may reach beyond the picture, not leave a part of it bare.
        let covered =
            first.0 * usize::from(grid.columns) >= width && first.1 * usize::from(grid.rows) >= height;
        canvas.filter(|_| covered).ok_or_else(|| self.bad("its tiles don't cover the picture"))
    }

    fn coded_picture(&self, item: ItemId, mask: bool) -> Result<Image, CodecError> {
        let (width, height) = self.size(item)?;
        // Codes may be somewhat larger than the picture, in whole blocks.
        let most = (u64::from(width) * u64::from(height)).saturating_mul(2).saturating_add(1 << 20);
        let (planes, size, coded) = match self.kind(item)?.as_slice() {
            b"hvc1" | b"hev1" => {
                hevc::decode(&self.boxes.hevc_bitstream(item).map_err(|e| self.bad(e))?, most)?
            }
            b"av01" => {
                let data = self.boxes.item_data(item).map_err(|e| self.bad(e))?;
                av1::decode(data.into_owned(), most)?
            }
            _ => {
                self.coding(item)?;
                return Err(self.bad("its picture is coded in an unknown way"));
            }
        };
        if size.0 < width || size.1 < height {
            return Err(self.bad("its picture is smaller than its header says"));
        }
        let stated = self.properties(item).find_map(|property| match property {
            Property::Color(ColorInfo::Nclx { matrix, full_range, .. }) => {
                Some(Coding { matrix: *matrix, full_range: *full_range })
            }
            _ => None,
        });
        let coding = stated.unwrap_or(coded);
        if coding.shares().is_none() && !mask {
            let what =
                format!("colours by matrix {} of H.273; convert it to png or tiff first", coding.matrix);
            return Err(unsupported(self.format, what));
        }
        ycbcr::picture(&planes, coding, width as usize, height as usize, mask)
            .ok_or_else(|| self.bad("its planes are smaller than its picture"))
    }

    /// Makes a picture's alpha of another one's brightness.
    fn attach(&self, picture: &mut Image, alpha: ItemId) -> Result<(), CodecError> {
        let mask = self.picture(alpha, true, 1)?;
        if (mask.width, mask.height) != (picture.width, picture.height) {
            return Err(unsupported(self.format, "alpha of another size than its picture"));
        }
        let mask = match picture.depth() {
            Depth::U8 => Samples::U8(pack::to_u8(&mask.samples)),
            _ => Samples::U16(pack::to_u16(&mask.samples)),
        };
        let multiplied =
            self.boxes.references.iter().any(|r| {
                r.ref_type.0 == *b"prem" && r.from == self.boxes.primary_id && r.to.contains(&alpha)
            });
        if multiplied {
            let channels = picture.channels;
            match (&mut picture.samples, &mask) {
                (Samples::U8(colours), Samples::U8(alpha)) => {
                    pack::unmultiply(colours, alpha, channels, 255, |value| value as u8);
                }
                (Samples::U16(colours), Samples::U16(alpha)) => {
                    pack::unmultiply(colours, alpha, channels, 65_535, |value| value as u16);
                }
                _ => {}
            }
        }
        picture.alpha = Some(mask);
        Ok(())
    }

    fn metadata(&self) -> Metadata {
        let mut meta = Metadata::default();
        let primary = self.boxes.primary_id;
        match self.boxes.exif(primary) {
            Ok(Some(block)) => meta.adopt_exif(&block),
            Ok(None) => {}
            Err(_) => meta.saw(Loss::Metadata, "EXIF that can't be read"),
        }
        match self.boxes.xmp(primary) {
            Ok(packet) => meta.xmp = packet.filter(|packet| !packet.is_empty()),
            Err(_) => meta.saw(Loss::Metadata, "XMP that can't be read"),
        }
        // The picture is turned by its own boxes; what EXIF says of that is only said.
        meta.set_orientation(1);
        match self.boxes.icc_profile(primary) {
            Ok(Some(profile)) => meta.icc = Some(profile.to_vec()),
            Ok(None) => self.colour(&mut meta),
            Err(_) => meta.saw(Loss::Colour, "a profile that can't be read"),
        }
        meta.density = self.aspect();
        self.others(&mut meta);
        meta
    }

    /// The shape of the picture's pixels (`pasp`), where they are not square. ISO/IEC 14496-12, 12.1.4.
    fn aspect(&self) -> Option<Density> {
        let mut spacing = None;
        let mut turned = false;
        for property in self.properties(self.boxes.primary_id) {
            match property {
                Property::Unknown(name, data) if name.0 == *b"pasp" => {
                    let number = |at: usize| Some(u32::from_be_bytes(*data.get(at..)?.first_chunk()?));
                    spacing = number(0).zip(number(4));
                }
                Property::Rotation(quarters) if quarters % 2 == 1 => turned = !turned,
                _ => {}
            }
        }
        let (across, down) = spacing.filter(|(across, down)| *across > 0 && *down > 0 && across != down)?;
        let (across, down) = if turned { (down, across) } else { (across, down) };
        // The wider a pixel, the fewer stand side by side.
        Some(Density { x: down.into(), y: across.into(), unit: DensityUnit::Aspect })
    }

    /// What code points say of the colours.
    fn colour(&self, meta: &mut Metadata) {
        let primary = self.boxes.primary_id;
        let coded = self.coded(primary).unwrap_or(primary);
        let stated = self.properties(primary).chain(self.properties(coded)).find_map(|p| match p {
            Property::Color(ColorInfo::Nclx { primaries, transfer, .. }) => Some((*primaries, *transfer)),
            _ => None,
        });
        // Unspecified, and curves for television that are shown as sRGB is.
        let Some((primaries, transfer)) = stated else { return };
        if matches!(primaries, 1 | 2) && matches!(transfer, 1 | 2 | 6 | 13) {
            return;
        }
        match (u8::try_from(primaries), u8::try_from(transfer)) {
            (Ok(primaries), Ok(transfer)) => {
                // The planes are made RGB of full range.
                meta.colour = Some(Colour { cicp: Some([primaries, transfer, 0, 1]), ..Colour::default() });
            }
            _ => meta.saw(Loss::Colour, format!("code points {primaries} and {transfer} of H.273")),
        }
    }

    /// What else is in the file.
    fn others(&self, meta: &mut Metadata) {
        let primary = self.boxes.primary_id;
        let refers = |from: ItemId, kind: &[u8; 4]| {
            self.boxes.references.iter().any(|r| r.from == from && r.ref_type.0 == *kind)
        };
        let made_of = |item: ItemId| {
            self.boxes.references.iter().any(|r| r.ref_type.0 == *b"dimg" && r.to.contains(&item))
        };
        let mut pictures = 0;
        for item in &self.boxes.items {
            let auxiliary = self.properties(item.id).find_map(|property| match property {
                Property::AuxiliaryType(name) => Some(name.as_str()),
                _ => None,
            });
            match (&item.item_type.0, auxiliary) {
                (b"tmap", _) => meta.saw(Loss::GainMap, "gain map (ISO 21496-1)"),
                (_, Some(name)) if name.contains("gainmap") => meta.saw(Loss::GainMap, "gain map (Apple)"),
                (_, Some(name)) if name.contains("alpha") || name.ends_with("auxid:1") => {}
                (_, Some(name)) if name.contains("depth") || name.ends_with("auxid:2") => {
                    meta.saw(Loss::Pictures, "depth map");
                }
                (_, Some(name)) => meta.saw(Loss::Pictures, format!("auxiliary picture {name}")),
                (b"Exif", _) => {}
                (b"mime", _) if item.content_type.as_deref() == Some("application/rdf+xml") => {}
                (b"mime" | b"uri ", _) => {
                    let name = item.content_type.as_deref().unwrap_or(&item.name);
                    meta.saw(Loss::Metadata, format!("item \"{name}\""));
                }
                (kind, None) if is_image_item(FourCC(*kind)) => {
                    let part = item.id == primary || made_of(item.id) || refers(item.id, b"thmb");
                    pictures += usize::from(!part && !item.hidden);
                }
                _ => {}
            }
        }
        if pictures > 0 {
            meta.saw(Loss::Pictures, format!("the first of {} is kept", pictures + 1));
        }
        let brand = &self.boxes.file_type;
        if [b"msf1", b"hevc", b"hevx", b"avis"].iter().any(|name| brand.has_brand(name)) {
            meta.saw(Loss::Video, "image sequence; its still picture is kept");
        }
    }
}

/// Copies a tile into a picture, as far as it lies inside; false when they are of different depth.
fn paste(tile: &Image, all: &mut Image, x: usize, y: usize) -> bool {
    fn rows<T: Copy>(from: &[T], to: &mut [T], strides: (usize, usize), start: usize) {
        for (row, line) in from.chunks_exact(strides.0.max(1)).enumerate() {
            let at = start + row * strides.1;
            let inside = (strides.1 - start % strides.1).min(line.len());
            let target = to.get_mut(at..at + inside);
            if let Some((to, from)) = target.zip(line.get(..inside)) {
                to.copy_from_slice(from);
            }
        }
    }
    let strides = (tile.width * tile.channels, all.width * all.channels);
    let start = y * strides.1 + x * all.channels;
    match (&tile.samples, &mut all.samples) {
        (Samples::U8(from), Samples::U8(to)) => rows(from, to, strides, start),
        (Samples::U16(from), Samples::U16(to)) => rows(from, to, strides, start),
        _ => return false,
    }
    true
}

#[cfg(test)]
mod tests;
