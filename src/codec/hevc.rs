//! Planes of HEVC pictures, decoded by heifer-hevc-dec.

use heifer_hevc_dec::decoder::{DecodeOptions, decode_picture};

use super::ycbcr::{Coding, Planes};
use super::{CodecError, Format, malformed};

/// Decodes the first picture of a stream of at most `max_pixels`; gives also its size and what its samples mean.
pub(super) fn decode(stream: &[u8], max_pixels: u64) -> Result<(Planes, (u32, u32), Coding), CodecError> {
    let options = DecodeOptions { max_pixels, ..DecodeOptions::default() };
    let frame =
        decode_picture(stream, options).map_err(|e| malformed(Format::Heic, format_args!("HEVC: {e}")))?;
    let halves = match frame.chroma_format {
        1 => (true, true),
        2 => (true, false),
        _ => (false, false),
    };
    let [[width, chroma, _], [height, ..]] = [frame.widths, frame.heights];
    let coding = Coding { matrix: frame.matrix_coeffs.into(), full_range: frame.full_range };
    let planes = Planes {
        planes: frame.planes,
        strides: [width as usize, chroma as usize],
        halves,
        bits: frame.bit_depth,
    };
    Ok((planes, (width, height), coding))
}
