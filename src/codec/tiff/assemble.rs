//! The strips, tiles and planes of a picture put together.

use std::borrow::Cow;

use super::super::{CodecError, Format, damaged, malformed, unsupported};
use super::chunks::Chunks;
use super::decompress::decompress;
use super::fault::Fault;
use super::jpeg::Tables;
use super::layout::{Colour, Layout, Method, Predictor};
use super::predict;
use super::samples::Sample;
use crate::image::Samples;

/// The samples of a picture as they stand in the file, not scaled: those of colour interleaved, and alpha.
pub(super) struct Raw {
    pub(super) colour: Samples,
    pub(super) alpha: Option<Samples>,
    /// What was read around.
    pub(super) fault: Option<String>,
}

/// Reads all strips or tiles.
pub(super) fn read(
    bytes: &[u8],
    little: bool,
    layout: &Layout,
    chunks: &Chunks,
    tables: &Tables,
) -> Result<Raw, CodecError> {
    let file = Input { bytes, little, layout, chunks, tables };
    if layout.float {
        file.read(Samples::F32)
    } else if layout.bits > 8 {
        file.read(Samples::U16)
    } else {
        file.read(Samples::U8)
    }
}

struct Input<'a> {
    bytes: &'a [u8],
    little: bool,
    layout: &'a Layout,
    chunks: &'a Chunks,
    tables: &'a Tables,
}

/// The rows of a strip or tile.
struct Rows<'a> {
    data: Cow<'a, [u8]>,
    /// Bytes of each.
    row: usize,
    little: bool,
    /// What of a JPEG was read around.
    fault: Option<&'static str>,
}

impl Input<'_> {
    fn read<T: Sample>(&self, wrap: fn(Vec<T>) -> Samples) -> Result<Raw, CodecError> {
        let layout = self.layout;
        let (width, height) = (layout.width as usize, layout.height as usize);
        let pixels = width.checked_mul(height);
        let room = |samples: usize| {
            let len = pixels.and_then(|pixels| pixels.checked_mul(samples));
            len.ok_or_else(|| malformed(Format::Tiff, "it is too large"))
        };
        let colours = layout.colours();
        let mut colour = vec![T::default(); room(colours)?];
        let mut alpha = match layout.alpha {
            Some(_) => vec![T::default(); room(1)?],
            None => Vec::new(),
        };
        // Where each of a pixel's samples goes: place in the colours, or alpha behind them.
        let target = |sample: usize| match layout.alpha {
            _ if sample < colours => Some(sample),
            Some((place, _)) if place == sample => Some(colours),
            _ => None,
        };
        let (across, down, planes) = layout.chunks();
        let held = layout.chunk_samples();
        let mut line = vec![T::default(); (layout.chunk.0 as usize).saturating_mul(held)];
        let mut fault = None;
        for i in 0..across * down * planes {
            let (plane, place) = ((i / (across * down)) as usize, i % (across * down));
            let targets: Vec<Option<usize>> = (plane..plane + held).map(target).collect();
            if targets.iter().all(Option::is_none) {
                continue;
            }
            let left = (place % across) as usize * layout.chunk.0 as usize;
            let top = (place / across) as usize * layout.chunk.1 as usize;
            let shown = (layout.chunk.0 as usize).min(width - left);
            let high = (layout.chunk.1 as usize).min(height - top);
            let rows = self.rows(i as usize, if layout.tiled { layout.chunk.1 } else { high as u32 })?;
            if let Some(what) = rows.fault {
                fault = Some(format!("JPEG {}: {what}", self.chunks.name(i as usize)));
            }
            for (y, row) in rows.data.chunks_exact(rows.row.max(1)).take(high).enumerate() {
                let line = line.get_mut(..shown * held).unwrap_or_default();
                T::unpack(row, layout.bits, rows.little, line);
                let from = (top + y) * width + left;
                let colour = colour.get_mut(from * colours..(from + shown) * colours).unwrap_or_default();
                if held == colours && plane == 0 && !layout.planar {
                    colour.copy_from_slice(line);
                    continue;
                }
                for (place, target) in targets.iter().enumerate() {
                    let samples = line.iter().skip(place).step_by(held);
                    match *target {
                        Some(target) if target < colours => {
                            let to = colour.iter_mut().skip(target).step_by(colours);
                            to.zip(samples).for_each(|(to, from)| *to = *from);
                        }
                        Some(_) => {
                            let to = alpha.get_mut(from..from + shown).unwrap_or_default();
                            to.iter_mut().zip(samples).for_each(|(to, from)| *to = *from);
                        }
                        None => {}
                    }
                }
            }
        }
        let alpha = layout.alpha.map(|_| wrap(alpha));
        Ok(Raw { colour: wrap(colour), alpha, fault })
    }

    /// A strip or tile of `rows` rows, decompressed.
    fn rows(&self, i: usize, rows: u32) -> Result<Rows<'_>, CodecError> {
        let layout = self.layout;
        let data = self.chunks.bytes(self.bytes, i)?;
        if let Method::Jpeg { ycc } = layout.method {
            let size = (layout.chunk.0, rows);
            let most = if layout.tiled { rows } else { layout.chunk.1 };
            let found = self.tables.decode(data, ycc, size, most, layout.chunk_samples());
            let (data, fault) = found.map_err(|e| self.in_chunk(i, e))?;
            let row = size.0 as usize * layout.chunk_samples();
            return Ok(Rows { data: data.into(), row, little: self.little, fault });
        }
        let (row, all) = layout.chunk_bytes(rows);
        let too_large = || malformed(Format::Tiff, "it is too large");
        let row = usize::try_from(row).map_err(|_| too_large())?;
        let all = usize::try_from(all).map_err(|_| too_large())?;
        // Rows of subsampled YCbCr are of several lines.
        let lines = all / row.max(1);
        let found = decompress(data, layout.method, layout.reversed, layout.chunk.0 as usize, (row, lines));
        let data = found.map_err(|fault| {
            let name = self.chunks.name(i);
            match fault {
                Fault::Checksum => damaged(Format::Tiff, format!("{name}: its checksum is wrong")),
                Fault::Wrong(what) => malformed(Format::Tiff, format!("{name}: {what}")),
                Fault::Unsupported(what) => unsupported(Format::Tiff, what),
            }
        })?;
        if let Colour::Ycc { across, down } = layout.colour
            && across * down > 1
        {
            let width = (layout.chunk.0 as usize).next_multiple_of(across as usize);
            let data = spread(&data, row, width, (across as usize, down as usize));
            return Ok(Rows { data: data.into(), row: width * 3, little: self.little, fault: None });
        }
        if layout.predictor == Predictor::None {
            return Ok(Rows { data, row, little: self.little, fault: None });
        }
        let mut data = data.into_owned();
        let little = predict::undo(&mut data, row, layout, self.little);
        Ok(Rows { data: data.into(), row, little, fault: None })
    }

    fn in_chunk(&self, i: usize, error: CodecError) -> CodecError {
        let name = self.chunks.name(i);
        match error {
            CodecError::Malformed { what, .. } => malformed(Format::Tiff, format!("JPEG {name}: {what}")),
            CodecError::Damaged { what, .. } => damaged(Format::Tiff, format!("JPEG {name}: {what}")),
            CodecError::Unsupported { what, .. } => unsupported(Format::Tiff, format!("JPEG {name}: {what}")),
            other => other,
        }
    }
}

/// Subsampled YCbCr as three bytes a pixel. It stands in units of `across * down` lumas, row by row, and the
/// two chromas that they share, each spread to all of them as libtiff does it.
fn spread(data: &[u8], row: usize, width: usize, (across, down): (usize, usize)) -> Vec<u8> {
    let mut out = vec![0; data.len() / row.max(1) * down * width * 3];
    for (units, lines) in data.chunks_exact(row.max(1)).zip(out.chunks_exact_mut(down * width * 3)) {
        for (x, unit) in units.chunks_exact(across * down + 2).enumerate() {
            let (lumas, chromas) = unit.split_at(across * down);
            for (lumas, line) in lumas.chunks_exact(across).zip(lines.chunks_exact_mut(width * 3)) {
                let pixels = line.as_chunks_mut::<3>().0.iter_mut().skip(x * across);
                for (pixel, &luma) in pixels.zip(lumas) {
                    if let &[cb, cr] = chromas {
                        *pixel = [luma, cb, cr];
                    }
                }
            }
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chroma_is_spread_over_its_unit() {
        // Two units of 2 x 2.
        let data = [1, 2, 3, 4, 90, 91, 5, 6, 7, 8, 80, 81];
        let out = spread(&data, 12, 4, (2, 2));
        let pixels: Vec<&[u8]> = out.chunks(3).collect();
        assert_eq!(pixels[..4], [[1, 90, 91], [2, 90, 91], [5, 80, 81], [6, 80, 81]]);
        assert_eq!(pixels[4..], [[3, 90, 91], [4, 90, 91], [7, 80, 81], [8, 80, 81]]);
    }
}
