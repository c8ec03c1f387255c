//! The headers of a JPEG's frame and of its scans.

use super::error::{CodecError, malformed, unsupported};
use super::format::Format;

/// The start-of-frame segment.
#[derive(Clone, Debug)]
pub(super) struct Frame {
    pub(super) progressive: bool,
    pub(super) width: u16,
    pub(super) height: u16,
    pub(super) components: Vec<Component>,
}

/// One component of the frame.
#[derive(Clone, Copy, Debug)]
pub(super) struct Component {
    pub(super) id: u8,
    pub(super) h: u8,
    pub(super) v: u8,
    /// Number of its quantisation table.
    pub(super) table: u8,
}

/// One scan: which coefficients of which components it brings.
#[derive(Debug)]
pub(super) struct Scan {
    /// Places of its components in the frame.
    pub(super) components: Vec<usize>,
    /// Numbers of the DC and AC Huffman tables of each.
    pub(super) tables: Vec<(u8, u8)>,
    pub(super) spectral: std::ops::RangeInclusive<usize>,
    /// The lowest bit that was there before, 0 when none was.
    pub(super) high_bit: u8,
    pub(super) low_bit: u8,
}

pub(super) fn frame_header(progressive: bool, payload: &[u8]) -> Result<Frame, CodecError> {
    let &[precision, h1, h2, w1, w2, count, ref rest @ ..] = payload else {
        return Err(bad("its frame header is too short"));
    };
    if precision != 8 {
        return Err(unsupported(
            Format::Jpeg,
            format!("{precision}-bit samples; convert it to png or tiff first"),
        ));
    }
    let (height, width) = (u16::from_be_bytes([h1, h2]), u16::from_be_bytes([w1, w2]));
    if height == 0 {
        return Err(unsupported(Format::Jpeg, "the height is 0 or given only after the picture"));
    }
    if !matches!(count, 1 | 3 | 4) {
        return Err(unsupported(Format::Jpeg, format!("{count} components")));
    }
    let components: Vec<Component> = rest
        .chunks_exact(3)
        .map(|c| Component { id: c[0], h: c[1] >> 4, v: c[1] & 15, table: c[2] })
        .collect();
    if components.len() != usize::from(count)
        || components.iter().any(|c| c.h == 0 || c.v == 0 || c.h > 4 || c.v > 4)
    {
        return Err(bad("its frame header contradicts itself"));
    }
    Ok(Frame { progressive, width, height, components })
}

pub(super) fn scan_header(frame: &Frame, payload: &[u8]) -> Result<Scan, CodecError> {
    let count = payload.first().map_or(0, |&n| usize::from(n));
    let ids = payload.get(1..1 + 2 * count).unwrap_or_default();
    let components: Option<Vec<usize>> =
        ids.chunks_exact(2).map(|id| frame.components.iter().position(|c| c.id == id[0])).collect();
    let tables = ids.chunks_exact(2).map(|id| (id[1] >> 4, id[1] & 15)).collect();
    let (Some(components), Some(&[start, end, bits])) =
        (components, payload.get(1 + 2 * count..4 + 2 * count))
    else {
        return Err(bad("a scan header is damaged"));
    };
    if !frame.progressive {
        return Ok(Scan { components, tables, spectral: 0..=63, high_bit: 0, low_bit: 0 });
    }
    if end > 63 || start > end {
        return Err(bad("a scan header is damaged"));
    }
    let spectral = usize::from(start)..=usize::from(end);
    Ok(Scan { components, tables, spectral, high_bit: bits >> 4, low_bit: bits & 15 })
}

pub(super) fn bad(what: impl ToString) -> CodecError {
    malformed(Format::Jpeg, what)
}
