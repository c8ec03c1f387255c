//! The picture in strips: horizontal differences, deflate-compressed.

use flate2::{Compress, CompressError, Compression, FlushCompress, Status};

use crate::codec::pack;
use crate::image::{Depth, Image, Samples};

/// Bytes of a strip before compression, about: enough that a larger one is hardly better compressed, little
/// enough to stay in a processor's cache.
const STRIP: usize = 256 << 10;

/// Where the strips of a picture are.
#[derive(Debug, Default)]
pub(super) struct Strips {
    /// Rows of each but the last.
    pub(super) rows: usize,
    pub(super) offsets: Vec<u64>,
    pub(super) lengths: Vec<u64>,
}

/// Samples a pixel, alpha included.
pub(super) fn per_pixel(image: &Image) -> usize {
    image.channels + usize::from(image.alpha.is_some())
}

/// Bytes of one row: a byte a sample for 8-bit images, two for all others.
pub(super) fn row_bytes(image: &Image) -> usize {
    let sample = if image.depth() == Depth::U8 { 1 } else { 2 };
    image.width.saturating_mul(per_pixel(image) * sample)
}

/// Appends the picture.
pub(super) fn write(
    out: &mut Vec<u8>,
    image: &Image,
    little: bool,
    level: Compression,
) -> Result<Strips, CompressError> {
    let rows = (STRIP / row_bytes(image).max(1)).clamp(1, image.height.max(1));
    let mut strips = Strips { rows, ..Strips::default() };
    let mut compress = Compress::new(level, true);
    let mut differences = Vec::with_capacity(rows.saturating_mul(row_bytes(image)));
    for from in (0..image.height).step_by(rows) {
        let part = part(image, from, rows.min(image.height - from));
        differences.clear();
        if image.depth() == Depth::U8 {
            let (samples, per_pixel) = pack::interleaved_u8(&part);
            for row in samples.chunks_exact(image.width * per_pixel) {
                let (first, rest) = row.split_at(per_pixel);
                differences.extend_from_slice(first);
                differences.extend(rest.iter().zip(row).map(|(b, a)| b.wrapping_sub(*a)));
            }
        } else {
            let (samples, per_pixel) = pack::interleaved_u16(&part);
            let bytes = |value: u16| if little { value.to_le_bytes() } else { value.to_be_bytes() };
            for row in samples.chunks_exact(image.width * per_pixel) {
                let (first, rest) = row.split_at(per_pixel);
                differences.extend(first.iter().flat_map(|&value| bytes(value)));
                differences.extend(rest.iter().zip(row).flat_map(|(b, a)| bytes(b.wrapping_sub(*a))));
            }
        }
        // Even offsets, as TIFF 6.0 asks of all values.
        out.resize(out.len().next_multiple_of(2), 0);
        let at = out.len();
        deflate(&mut compress, &differences, out)?;
        strips.offsets.push(at as u64);
        strips.lengths.push((out.len() - at) as u64);
    }
    Ok(strips)
}

/// Some whole rows of a picture.
fn part(image: &Image, from: usize, rows: usize) -> Image {
    let cut = |samples: &Samples, row: usize| {
        let range = from * row..(from + rows) * row;
        match samples {
            Samples::U8(v) => Samples::U8(v.get(range).unwrap_or_default().to_vec()),
            Samples::U16(v) => Samples::U16(v.get(range).unwrap_or_default().to_vec()),
            Samples::F32(v) => Samples::F32(v.get(range).unwrap_or_default().to_vec()),
        }
    };
    Image {
        width: image.width,
        height: rows,
        channels: image.channels,
        samples: cut(&image.samples, image.width * image.channels),
        alpha: image.alpha.as_ref().map(|alpha| cut(alpha, image.width)),
    }
}

/// Appends the bytes as a zlib stream.
fn deflate(compress: &mut Compress, bytes: &[u8], out: &mut Vec<u8>) -> Result<(), CompressError> {
    compress.reset();
    loop {
        out.reserve(64 << 10);
        let done = bytes.get(compress.total_in() as usize..).unwrap_or_default();
        if compress.compress_vec(done, out, FlushCompress::Finish)? == Status::StreamEnd {
            return Ok(());
        }
    }
}
