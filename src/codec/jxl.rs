//! JPEG XL, read by `jxl-oxide`: pixels of 8 and 16 bits, EXIF, XMP, profiles; frames of animations.

use std::io::{BufRead, Read};

use jxl_oxide::frame::Encoding;
use jxl_oxide::image::BitDepth;
use jxl_oxide::{AllocTracker, AuxBoxData, ExtraChannelType, InitializeResult, JxlImage, JxlThreadPool};

use super::extra::{Extra, trailer};
use super::isobox::Boxes;
use super::{CodecError, Colour, Decoded, Format, Header, Loss, Metadata, Source};
use super::{damaged, malformed, pack, unsupported};
use crate::image::{Image, Samples};

/// Bytes a pixel and channel while a picture is rendered: its planes as 32-bit numbers, those of filters and
/// references, and what is returned.
const RENDERING: u64 = 40;

/// Bytes of tables, whatever the picture.
const TABLES: u64 = 32 << 20;

fn bad(error: impl std::fmt::Display) -> CodecError {
    malformed(Format::JpegXl, error)
}

fn cut() -> CodecError {
    damaged(Format::JpegXl, "it ends before its picture does")
}

/// A file that is read piece by piece; its decoder may leave the end of a piece for the next.
struct Feed<R> {
    reader: R,
    waiting: Vec<u8>,
}

impl<R: Read> Feed<R> {
    /// Reads on and hands over what there is; false at the end.
    fn next(&mut self, mut take: impl FnMut(&[u8]) -> jxl_oxide::Result<usize>) -> Result<bool, CodecError> {
        let read = self.reader.by_ref().take(64 << 10).read_to_end(&mut self.waiting);
        let read = read.map_err(|e| bad(format_args!("it can't be read: {e}")))?;
        let taken = take(&self.waiting).map_err(bad)?;
        self.waiting.drain(..taken.min(self.waiting.len()));
        Ok(read > 0)
    }
}

/// Reads a file's header, and the rest where `whole` or where it has frames.
fn open<R: Read>(reader: R, max_bytes: u64, whole: bool) -> Result<JxlImage, CodecError> {
    let most = usize::try_from(max_bytes).unwrap_or(usize::MAX);
    let tracker = AllocTracker::with_limit(most);
    let builder = JxlImage::builder().pool(JxlThreadPool::none()).alloc_tracker(tracker);
    let mut header = builder.build_uninit();
    let mut feed = Feed { reader, waiting: Vec::new() };
    let mut image = loop {
        let more = feed.next(|bytes| header.feed_bytes(bytes))?;
        match header.try_init().map_err(bad)? {
            InitializeResult::Initialized(image) => break image,
            InitializeResult::NeedMoreData(_) if !more => return Err(cut()),
            InitializeResult::NeedMoreData(more) => header = more,
        }
    };
    if whole || image.image_header().metadata.animation.is_some() {
        // Boxes with metadata may stand behind the picture, and what is none.
        let fed = loop {
            match feed.next(|bytes| image.feed_bytes(bytes)) {
                Ok(true) => {}
                Ok(false) => break image.finalize().map_err(bad),
                Err(error) => break Err(error),
            }
        };
        match fed {
            Err(error) if whole || !image.is_loading_done() => return Err(error),
            _ if !image.is_loading_done() => return Err(cut()),
            _ => {}
        }
    }
    Ok(image)
}

fn bits(depth: BitDepth) -> u8 {
    match depth {
        BitDepth::IntegerSample { bits_per_sample } | BitDepth::FloatSample { bits_per_sample, .. } => {
            bits_per_sample.clamp(1, 32) as u8
        }
    }
}

/// Reads the header.
pub(super) fn probe<R: BufRead>(reader: R) -> Result<Header, CodecError> {
    header(&open(reader, 256 << 20, false)?)
}

fn header(image: &JxlImage) -> Result<Header, CodecError> {
    let metadata = &image.image_header().metadata;
    let format = image.pixel_format();
    if format.has_black() {
        return Err(unsupported(Format::JpegXl, "CMYK; convert it to RGB with another program"));
    }
    let frames = u32::try_from(image.num_loaded_keyframes()).unwrap_or(u32::MAX);
    let animated = metadata.animation.is_some() && frames > 1;
    let pixels = u64::from(image.width()).saturating_mul(u64::from(image.height()));
    // Every extra channel is rendered too.
    let planes = 3 + metadata.ec_info.len() as u64;
    Ok(Header {
        format: Format::JpegXl,
        width: image.width(),
        height: image.height(),
        channels: format.channels() as u8,
        bit_depth: bits(metadata.bit_depth),
        decode_bytes: pixels.saturating_mul(RENDERING * planes).saturating_add(TABLES),
        picture: 0,
        pictures: if animated { frames } else { 1 },
        animated,
    })
}

/// Decodes one frame of a file.
pub(super) fn decode(bytes: &[u8], wanted: &Header) -> Result<Decoded, CodecError> {
    let boxes = boxes(bytes);
    let file = open(bytes.get(..boxes.end).unwrap_or_default(), wanted.decode_bytes, true)?;
    let Header { width, height, channels, bit_depth, .. } = header(&file)?;
    let mut meta = metadata(&file);
    let mut faults = Vec::new();
    if let Some(name) = boxes.cut(&KINDS) {
        meta.saw(Loss::Metadata, format!("box \"{name}\", which is cut"));
        faults.push(format!("it ends within a box behind the picture ({name})"));
    } else {
        meta.extras.extend(trailer(boxes.rest));
    }
    meta.extras.extend(behind(&file, &boxes));
    told(&boxes, &mut meta);
    let image = frame(&file, wanted.picture as usize)?;
    if let BitDepth::FloatSample { .. } = file.image_header().metadata.bit_depth {
        let what = format!("float samples of {bit_depth} bits from 0 to 1, rounded to 16");
        meta.saw(Loss::Depth, what);
    } else if bit_depth > 16 {
        meta.saw(Loss::Depth, format!("samples of {bit_depth} bits, rounded to 16"));
    }
    let modular = (0..file.num_loaded_frames())
        .filter_map(|index| file.frame(index))
        .all(|frame| frame.header().encoding == Encoding::Modular);
    let source = Source {
        lossless: modular && !file.image_header().metadata.xyb_encoded,
        ..Source::new(Format::JpegXl, (width, height), bit_depth, channels)
    };
    Ok(Decoded { image, meta, source, faults })
}

/// All frames of an animation.
pub(super) fn frames(
    bytes: &[u8],
    header: &Header,
) -> Result<impl Iterator<Item = Result<Image, CodecError>> + use<>, CodecError> {
    let file = open(bytes.get(..boxes(bytes).end).unwrap_or_default(), header.decode_bytes, true)?;
    Ok((0..file.num_loaded_keyframes()).map(move |index| frame(&file, index)))
}

/// Renders a frame, turned as its header says.
fn frame(file: &JxlImage, index: usize) -> Result<Image, CodecError> {
    let metadata = &file.image_header().metadata;
    let render = file.render_frame(index).map_err(bad)?;
    let mut stream = render.stream();
    let channels = file.pixel_format().channels();
    if stream.channels() as usize != channels {
        return Err(bad("its channels contradict each other"));
    }
    let (width, height) = (stream.width() as usize, stream.height() as usize);
    let count = width.checked_mul(height).and_then(|pixels| pixels.checked_mul(channels));
    let count = count.ok_or_else(|| bad("impossible size"))?;
    let depth = metadata.bit_depth;
    let alpha_bits = metadata.ec_info.iter().find(|e| e.is_alpha()).map_or(0, |e| bits(e.bit_depth));
    let samples = if let BitDepth::FloatSample { .. } = depth {
        let mut values = vec![0f32; count];
        stream.write_to_buffer(&mut values);
        if values.iter().any(|value| !(0.0..=1.0).contains(value)) {
            let what = "float samples outside 0 to 1; convert it to 16-bit tiff first";
            return Err(unsupported(Format::JpegXl, what));
        }
        Samples::U16(values.into_iter().map(|value| (value * 65_535.0).round() as u16).collect())
    } else if bits(depth).max(alpha_bits) > 8 {
        let mut values = vec![0u16; count];
        stream.write_to_buffer(&mut values);
        Samples::U16(values)
    } else {
        let mut values = vec![0u8; count];
        stream.write_to_buffer(&mut values);
        Samples::U8(values)
    };
    let mut image = pack::from_interleaved(width, height, channels, samples)
        .ok_or_else(|| bad("the decoder returned the wrong number of samples"))?;
    let first = metadata.ec_info.iter().find(|channel| channel.is_alpha()).map(|channel| channel.ty);
    if let Some(ExtraChannelType::Alpha { alpha_associated: true }) = first {
        let channels = image.channels;
        match (&mut image.samples, &image.alpha) {
            (Samples::U8(colours), Some(Samples::U8(alpha))) => {
                pack::unmultiply(colours, alpha, channels, 255, |value| value as u8);
            }
            (Samples::U16(colours), Some(Samples::U16(alpha))) => {
                pack::unmultiply(colours, alpha, channels, 65_535, |value| value as u16);
            }
            _ => {}
        }
    }
    Ok(image)
}

/// What the file says beside its pixels.
fn metadata(file: &JxlImage) -> Metadata {
    let mut meta = Metadata::default();
    let header = &file.image_header().metadata;
    match file.aux_boxes().first_exif() {
        Ok(AuxBoxData::Data(exif)) => {
            let block = exif.payload().get(exif.tiff_header_offset() as usize..);
            meta.adopt_exif(block.unwrap_or_default());
        }
        Ok(_) => {}
        Err(_) => meta.saw(Loss::Metadata, "an EXIF box that can't be read"),
    }
    if let AuxBoxData::Data(packet) = file.aux_boxes().first_xml() {
        meta.xmp = Some(packet.to_vec());
    }
    // The picture is turned by its own header; what EXIF says of that is only said.
    meta.set_orientation(1);
    match file.rendered_cicp() {
        // What is meant where nothing is said.
        Some([1, 13, ..]) => {}
        Some(cicp) => meta.colour = Some(Colour { cicp: Some(cicp), ..Colour::default() }),
        None => meta.icc = Some(file.rendered_icc()),
    }
    let mut alphas = 0;
    for channel in &header.ec_info {
        let name = &*channel.name;
        let kind = match channel.ty {
            ExtraChannelType::Alpha { .. } => {
                alphas += 1;
                if alphas == 1 {
                    continue;
                }
                "further alpha"
            }
            ExtraChannelType::Depth => "depth",
            ExtraChannelType::SpotColour { .. } if header.grayscale() => "spot colour",
            ExtraChannelType::SpotColour { .. } => "spot colour (painted into the picture)",
            ExtraChannelType::SelectionMask => "selection",
            ExtraChannelType::Thermal => "thermal",
            _ => "extra",
        };
        meta.saw(Loss::Layers, format!("{kind} channel \"{name}\""));
    }
    meta
}

/// Boxes that a container may have.
const KINDS: [&[u8; 4]; 13] = [
    b"JXL ", b"ftyp", b"jxlc", b"jxlp", b"jxll", b"jxli", b"Exif", b"xml ", b"jumb", b"jhgm", b"jbrd",
    b"brob", b"free",
];

/// The boxes of a container; of a bare stream, one with all of it.
fn boxes(bytes: &[u8]) -> Boxes<'_> {
    if bytes.starts_with(b"\xff\x0a") {
        return Boxes { whole: vec![(*b"jxlc", bytes)], end: bytes.len(), rest: &[] };
    }
    Boxes::of(bytes)
}

/// What stands behind the last frame where the stream should end.
fn behind(file: &JxlImage, boxes: &Boxes) -> Option<Extra> {
    let last = file.num_loaded_frames().checked_sub(1)?;
    let toc = file.frame(last)?.toc();
    let mut end = file.frame_offset(last)?.checked_add(toc.bookmark())?.checked_add(toc.total_byte_size())?;
    let mut behind = Vec::new();
    for (kind, data) in &boxes.whole {
        let part = match kind {
            b"jxlc" => *data,
            // Behind its number.
            b"jxlp" => data.get(4..).unwrap_or_default(),
            _ => continue,
        };
        behind.extend_from_slice(part.get(end.min(part.len())..).unwrap_or_default());
        end = end.saturating_sub(part.len());
    }
    trailer(&behind)
}

/// Tells of boxes of the container that nothing here carries.
fn told(boxes: &Boxes, meta: &mut Metadata) {
    let (mut exif, mut xml) = (0, 0);
    for (kind, data) in &boxes.whole {
        // A compressed box begins with the kind of what is in it.
        let kind = if kind == b"brob" { data.get(..4).unwrap_or_default() } else { kind };
        let length = data.len();
        match kind {
            b"jhgm" => meta.saw(Loss::GainMap, format!("gain map ({length} bytes)")),
            b"jumb" => meta.saw(Loss::Metadata, format!("JUMBF box, as C2PA has ({length} bytes)")),
            b"Exif" => exif += 1,
            b"xml " => xml += 1,
            // Only the JPEG itself, put together again, would show it.
            b"jbrd" => {
                meta.saw(Loss::Metadata, "what its JPEG held beside EXIF and XMP, such as IPTC and comments")
            }
            b"JXL " | b"ftyp" | b"jxlc" | b"jxlp" | b"jxll" | b"jxli" | b"free" | b"skip" => {}
            other => {
                let name = String::from_utf8_lossy(other).into_owned();
                meta.saw(Loss::Data, format!("box \"{name}\" ({length} bytes)"));
            }
        }
    }
    for (name, count) in [("EXIF", exif), ("XMP", xml)] {
        if count > 1 {
            meta.saw(Loss::Metadata, format!("{} further {name} boxes", count - 1));
        }
    }
}

#[cfg(test)]
mod tests;
