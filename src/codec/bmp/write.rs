//! Bitmaps of 8 bits gray, 24 bits RGB, or 32 bits RGB with alpha.

use crate::codec::density::{Density, DensityUnit};
use crate::codec::{CodecError, Format, Metadata, cannot_encode, pack};
use crate::image::Image;

/// Bytes of the newest header, which alone holds a profile and, for most readers, alpha.
const V5: u32 = 124;

/// The newest header where there is something for it, else the one that every program reads.
pub(in crate::codec) fn encode(image: &Image, meta: &mut Metadata) -> Result<Vec<u8>, CodecError> {
    let too_large = || cannot_encode(Format::Bmp, "a file beyond 4 GB; write png or tiff");
    let gray = image.channels == 1 && image.alpha.is_none();
    let (pixels, per_pixel) =
        if gray { pack::interleaved_u8(image) } else { pack::interleaved_rgb_u8(image) };
    let icc = meta.icc.take();
    // Nothing else is left to a bitmap by then.
    let intent = meta.colour.take().and_then(|colour| colour.srgb);
    let header = if icc.is_some() || intent.is_some() || per_pixel == 4 { V5 } else { 40 };
    let palette: Vec<u8> = if gray { (0..=255).flat_map(|v| [v, v, v, 0]).collect() } else { Vec::new() };
    let stride = (image.width * per_pixel).next_multiple_of(4);
    let row_bytes = image.width * per_pixel;
    let pixels_at = 14 + header as usize + palette.len();
    let size = stride.checked_mul(image.height).ok_or_else(too_large)?;
    let end = size + pixels_at + icc.as_ref().map_or(0, Vec::len);
    let word = |n: usize| u32::try_from(n).map(u32::to_le_bytes).map_err(|_| too_large());
    word(end)?;
    let side = |n: usize| i32::try_from(n).map(i32::to_le_bytes).map_err(|_| too_large());
    let (x, y) = density(meta);

    let mut out = Vec::with_capacity(end);
    out.extend(b"BM");
    for bytes in [word(end)?, [0; 4], word(pixels_at)?, header.to_le_bytes()] {
        out.extend(bytes);
    }
    out.extend(side(image.width)?);
    out.extend(side(image.height)?);
    out.extend(1u16.to_le_bytes());
    out.extend((8 * per_pixel as u16).to_le_bytes());
    // Bits stand where masks say, where there is alpha.
    out.extend(if per_pixel == 4 { 3u32 } else { 0 }.to_le_bytes());
    out.extend(word(size)?);
    out.extend(x.to_le_bytes());
    out.extend(y.to_le_bytes());
    out.extend(word(palette.len() / 4)?);
    out.extend([0; 4]);
    if header == V5 {
        let masks = if per_pixel == 4 { [0xFF_0000u32, 0xFF00, 0xFF, 0xFF00_0000] } else { [0; 4] };
        out.extend(masks.iter().flat_map(|mask| mask.to_le_bytes()));
        let space = if icc.is_some() { b"DEBM" } else { b"BGRs" };
        out.extend(space);
        // Endpoints and gammas, which count in another colour space only.
        out.extend([0; 48]);
        let intent: u32 = match intent {
            Some(1) => 2,
            Some(2) => 1,
            Some(3) => 8,
            _ => 4,
        };
        out.extend(intent.to_le_bytes());
        // Counted from the header on.
        out.extend(if icc.is_some() { word(pixels_at - 14 + size)? } else { [0; 4] });
        out.extend(word(icc.as_ref().map_or(0, Vec::len))?);
        out.extend([0; 4]);
    }
    out.extend(palette);
    for row in pixels.chunks_exact(row_bytes.max(1)).rev() {
        match per_pixel {
            3 => out.extend(row.as_chunks::<3>().0.iter().flat_map(|&[r, g, b]| [b, g, r])),
            4 => out.extend(row.as_chunks::<4>().0.iter().flat_map(|&[r, g, b, a]| [b, g, r, a])),
            _ => out.extend_from_slice(row),
        }
        out.extend(std::iter::repeat_n(0, stride - row_bytes));
    }
    out.extend(icc.unwrap_or_default());
    Ok(out)
}

/// Pixels a metre; 0 where nothing is known.
fn density(meta: &mut Metadata) -> (i32, i32) {
    let Some(density) = meta.density.take_if(|density| density.unit != DensityUnit::Aspect) else {
        return (0, 0);
    };
    let Density { x, y, .. } = density.in_unit(DensityUnit::PerCentimetre);
    let metre = |v: f64| (v * 100.0).round().clamp(1.0, 1e9) as i32;
    (metre(x), metre(y))
}
