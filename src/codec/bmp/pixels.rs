//! A bitmap's pixels.

use super::header::{Bitmap, Mask, Packing};
use crate::codec::{CodecError, Format, damaged, malformed, pack};
use crate::image::{Image, Samples};

/// The picture, and where its pixels end in the file. Faults that were read around are put down.
pub(super) fn decode(
    bitmap: &Bitmap,
    file: &[u8],
    faults: &mut Vec<String>,
) -> Result<(Image, usize), CodecError> {
    let (width, height) = (bitmap.width as usize, bitmap.height as usize);
    let data = file.get(bitmap.pixels_at..).unwrap_or_default();
    let channels = usize::from(bitmap.channels());
    let (samples, end) = if bitmap.packing == Packing::Runs {
        let (indices, end) = unpacked(bitmap, data, faults)?;
        let mut out = Vec::with_capacity(width * height * channels);
        let mut outside = 0;
        for row in indices.chunks_exact(width).rev() {
            outside += coloured(bitmap, row.iter().copied(), &mut out);
        }
        tell_outside(outside, faults);
        // What follows the end mark up to the stated size is padding.
        (Samples::U8(out), end.max(bitmap.packed_bytes.min(data.len())))
    } else {
        let stride = bitmap.stride();
        // The last row needs no padding.
        let row_bytes = (width * usize::from(bitmap.bits)).div_ceil(8);
        let needed = stride * (height - 1) + row_bytes;
        if data.len() < needed {
            let (there, here) = (needed - data.len(), data.len());
            return Err(damaged(
                Format::Bmp,
                format_args!("it ends {there} bytes before its last row does ({here} bytes of pixels)"),
            ));
        }
        let row = |y: usize| {
            let y = if bitmap.top_down { y } else { height - 1 - y };
            data.get(y * stride..y * stride + row_bytes).unwrap_or_default()
        };
        (plain(bitmap, (0..height).map(row), faults), (stride * height).min(data.len()))
    };
    let image = pack::from_interleaved(width, height, channels, samples)
        .ok_or_else(|| malformed(Format::Bmp, "its rows have the wrong length"))?;
    Ok((image, bitmap.pixels_at + end))
}

fn tell_outside(outside: usize, faults: &mut Vec<String>) {
    if outside > 0 {
        faults.push(format!("{outside} pixels have a colour that its palette lacks: they are black"));
    }
}

/// Appends the colours of indices; returns how many indices have none.
fn coloured(bitmap: &Bitmap, indices: impl Iterator<Item = u8>, out: &mut Vec<u8>) -> usize {
    let mut outside = 0;
    let gray = bitmap.is_gray();
    for index in indices {
        let colour = bitmap.palette.get(usize::from(index)).copied().unwrap_or_else(|| {
            outside += 1;
            [0; 3]
        });
        if gray {
            out.push(colour[0]);
        } else {
            out.extend(colour);
        }
    }
    outside
}

/// Rows that are not packed, from the topmost on.
fn plain<'a>(bitmap: &Bitmap, rows: impl Iterator<Item = &'a [u8]>, faults: &mut Vec<String>) -> Samples {
    let width = bitmap.width as usize;
    let samples = width * bitmap.height as usize * usize::from(bitmap.channels());
    match bitmap.bits {
        bits @ 1..=8 => {
            let bits = usize::from(bits);
            let (per_byte, most) = (8 / bits, 0xFFu8 >> (8 - bits));
            let mut out = Vec::with_capacity(samples);
            let mut outside = 0;
            for row in rows {
                let index = |x: usize| {
                    let byte = row.get(x / per_byte).copied().unwrap_or_default();
                    byte >> (8 - bits - x % per_byte * bits) & most
                };
                outside += coloured(bitmap, (0..width).map(index), &mut out);
            }
            tell_outside(outside, faults);
            Samples::U8(out)
        }
        24 => Samples::U8(
            rows.flat_map(|row| row.as_chunks::<3>().0).flat_map(|&[b, g, r]| [r, g, b]).collect(),
        ),
        bits => {
            let masks = if bitmap.has_alpha() { &bitmap.masks[..] } else { &bitmap.masks[..3] };
            let values = rows.flat_map(|row| {
                row.chunks_exact(usize::from(bits) / 8)
                    .map(|pixel| pixel.iter().rev().fold(0u32, |value, &byte| value << 8 | u32::from(byte)))
            });
            if bitmap.depth() > 8 {
                Samples::U16(
                    values.flat_map(|v| masks.iter().map(move |m| scaled(v, *m, 65_535) as u16)).collect(),
                )
            } else {
                Samples::U8(
                    values.flat_map(|v| masks.iter().map(move |m| scaled(v, *m, 255) as u8)).collect(),
                )
            }
        }
    }
}

/// A channel of a pixel, stretched so that its largest value is `most`, rounded to nearest.
fn scaled(pixel: u32, mask: Mask, most: u64) -> u64 {
    let largest = (1u64 << mask.bits) - 1;
    if largest == 0 {
        return 0;
    }
    let value = u64::from(pixel) >> mask.shift & largest;
    (value * most + largest / 2) / largest
}

/// Indices of run lengths, the lowest row first, and where they end. Pixels that are skipped have index 0.
///
/// Runs that lead beyond their row are cut there, where nothing else is missing in the picture.
fn unpacked(bitmap: &Bitmap, data: &[u8], faults: &mut Vec<String>) -> Result<(Vec<u8>, usize), CodecError> {
    let (width, height) = (bitmap.width as usize, bitmap.height as usize);
    let bad = || malformed(Format::Bmp, "its run lengths lead beyond the picture");
    let mut indices = vec![0u8; width * height];
    let (mut x, mut y, mut at) = (0usize, 0usize, 0usize);
    let (mut filled, mut beyond) = (0, false);
    let nibbles = bitmap.bits == 4;
    loop {
        let Some(&[count, value]) = data.get(at..).and_then(|d| d.first_chunk::<2>()) else {
            if filled == indices.len() {
                faults.push("its end mark is missing".to_owned());
                at = data.len();
                break;
            }
            return Err(damaged(Format::Bmp, "it ends within its pixels"));
        };
        at += 2;
        let (run, length) = match (count, value) {
            (0, 0) => {
                (x, y) = (0, y + 1);
                continue;
            }
            (0, 1) => break,
            (0, 2) => {
                let Some(&[right, up]) = data.get(at..).and_then(|d| d.first_chunk::<2>()) else {
                    return Err(damaged(Format::Bmp, "it ends within its pixels"));
                };
                at += 2;
                (x, y) = (x + usize::from(right), y + usize::from(up));
                continue;
            }
            (0, literal) => {
                let literal = usize::from(literal);
                let bytes = if nibbles { literal.div_ceil(2) } else { literal };
                let Some(run) = data.get(at..at + bytes) else {
                    return Err(damaged(Format::Bmp, "it ends within its pixels"));
                };
                // Padded to two bytes.
                at += bytes.next_multiple_of(2);
                (run, literal)
            }
            (count, _) => (&data[at - 1..at], usize::from(count)),
        };
        let start = y.checked_mul(width).and_then(|row| row.checked_add(x)).ok_or_else(bad)?;
        if y >= height {
            return Err(bad());
        }
        // A run may be longer by the nibble that fills its last byte.
        beyond |= x + length > width + usize::from(nibbles);
        let inside = length.min(width - x.min(width));
        let target = indices.get_mut(start..start + inside).ok_or_else(bad)?;
        filled += inside;
        for (i, index) in target.iter_mut().enumerate() {
            let byte = |i: usize| run.get(i % run.len()).copied().unwrap_or_default();
            *index = match (nibbles, i % 2) {
                (false, _) => byte(i),
                (true, 0) => byte(i / 2) >> 4,
                (true, _) => byte(i / 2) & 15,
            };
        }
        x += length;
    }
    if beyond && filled < indices.len() {
        return Err(bad());
    }
    if beyond {
        faults.push("its run lengths lead beyond its rows: they are cut there".to_owned());
    }
    Ok((indices, at))
}
