//! What the headers of a bitmap say.

use crate::codec::{CodecError, Format, malformed, unsupported};

/// Bytes of the file's own header, before that of the bitmap.
pub(super) const FILE_HEADER: usize = 14;

/// Longest side; more is a damaged header.
const MAX_SIDE: u32 = 1 << 20;

/// What the headers say.
#[derive(Clone, Debug)]
pub(super) struct Bitmap {
    pub(super) width: u32,
    pub(super) height: u32,
    /// The first row is the topmost.
    pub(super) top_down: bool,
    pub(super) bits: u16,
    pub(super) packing: Packing,
    /// Of red, green, blue and alpha, for 16 and 32 bits.
    pub(super) masks: [Mask; 4],
    /// Red, green and blue of each index.
    pub(super) palette: Vec<[u8; 3]>,
    /// Where pixels begin.
    pub(super) pixels_at: usize,
    /// Where headers and palette end.
    pub(super) head_end: usize,
    /// Bytes of the bitmap's header.
    pub(super) header_bytes: usize,
    /// Bytes of packed pixels, as stated.
    pub(super) packed_bytes: usize,
}

/// How pixels are stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Packing {
    Plain,
    /// Run lengths of indices of 4 or 8 bits.
    Runs,
}

/// Bits of a channel within a pixel of 16 or 32 bits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Mask {
    pub(super) shift: u32,
    pub(super) bits: u32,
}

impl Mask {
    fn new(mask: u32) -> Option<Mask> {
        let shift = mask.checked_shr(mask.trailing_zeros()).unwrap_or(0);
        let bits = shift.trailing_ones();
        // One stretch of bits.
        (shift.count_ones() == bits).then_some(Mask { shift: mask.trailing_zeros() % 32, bits })
    }
}

impl Bitmap {
    pub(super) fn of(bytes: &[u8]) -> Result<Bitmap, CodecError> {
        let refuse = |what: String| unsupported(Format::Bmp, what);
        let bad = |what: &str| malformed(Format::Bmp, what);
        let word = |at: usize| u32_at(bytes, FILE_HEADER + at).ok_or_else(|| bad("its header is cut short"));
        let half = |at: usize| u16_at(bytes, FILE_HEADER + at).ok_or_else(|| bad("its header is cut short"));
        let size = word(0)?;
        let core = size == 12;
        // Version 2 of OS/2 may be cut anywhere from 16 bytes on.
        let os2 = matches!(size, 16..=39 | 64);
        if !core && !os2 && !matches!(size, 40 | 52 | 56 | 108 | 124) {
            return Err(refuse(format!("a header of {size} bytes, of which no kind is known")));
        }
        let (width, height, bits) = if core {
            (i32::from(half(4)?), i32::from(half(6)?), half(10)?)
        } else {
            (word(4)?.cast_signed(), word(8)?.cast_signed(), half(14)?)
        };
        let field = |at: usize| if size as usize >= at + 4 { word(at) } else { Ok(0) };
        let compression = if core { 0 } else { field(16)? };
        let (width, top_down, height) = (width.max(0).cast_unsigned(), height < 0, height.unsigned_abs());
        if width == 0 || height == 0 || width > MAX_SIDE || height > MAX_SIDE {
            return Err(bad("its header states an impossible size"));
        }
        let packing = match (compression, bits) {
            (0, 1 | 2 | 4 | 8 | 16 | 24 | 32) => Packing::Plain,
            (0, 64) => return Err(refuse("64 bits a pixel (linear, with a range beyond white)".to_owned())),
            (1, 8) | (2, 4) => Packing::Runs,
            (3, 16 | 32) | (6, 16 | 32) if !os2 => Packing::Plain,
            (3, 1) if os2 => return Err(refuse("Huffman coding (OS/2)".to_owned())),
            (4, 24) if os2 => return Err(refuse("run lengths of 24 bits (OS/2)".to_owned())),
            (4, _) => return Err(refuse("a JPEG inside; it is for printers only".to_owned())),
            (5, _) => return Err(refuse("a PNG inside; it is for printers only".to_owned())),
            (11..=13, _) => return Err(refuse("CMYK".to_owned())),
            _ => {
                return Err(bad(&format!("no file has {bits} bits a pixel with compression {compression}")));
            }
        };
        if packing == Packing::Runs && top_down {
            return Err(bad("run lengths can't go from top to bottom"));
        }
        let by_masks = matches!(compression, 3 | 6);
        let header_end = FILE_HEADER + size as usize;
        let behind = match (by_masks, size, compression) {
            (true, 40, 6) => 16,
            (true, 40, _) => 12,
            _ => 0,
        };
        let mut masks = match bits {
            16 => [0x7C00, 0x03E0, 0x001F, 0],
            _ => [0xFF_0000, 0xFF00, 0xFF, 0],
        };
        if by_masks {
            masks = [word(40)?, word(44)?, word(48)?, 0];
        }
        let states_alpha = by_masks && behind == 16 || size >= 56 && (by_masks || bits == 32);
        if states_alpha {
            masks[3] = word(52)?;
        }
        let masks: Vec<Mask> = masks.into_iter().filter_map(Mask::new).collect();
        let masks: [Mask; 4] =
            masks.try_into().map_err(|_| bad("the bits of a channel don't stand side by side"))?;
        let pixels_at = u32_at(bytes, 10).ok_or_else(|| bad("its header is cut short"))? as usize;
        let palette_at = header_end + behind;
        let entry = if core { 3 } else { 4 };
        let stated = field(32)? as usize;
        let usual = if bits <= 8 { 1usize << bits } else { 0 };
        // Some writers state none, or more than there is room for; few use more than there are indices.
        let room = pixels_at.saturating_sub(palette_at) / entry;
        let entries = match stated {
            0 if pixels_at == 0 => usual,
            0 => usual.min(room),
            stated => stated.min(room.max(usual)),
        };
        let palette_end = palette_at + entries * entry;
        let palette = if bits <= 8 {
            let entries = bytes.get(palette_at..palette_end).unwrap_or_default().chunks_exact(entry);
            entries.take(usual).filter_map(|e| e.first_chunk()).map(|&[b, g, r]| [r, g, b]).collect()
        } else {
            Vec::new()
        };
        if bits <= 8 && palette.is_empty() {
            return Err(bad("its palette is missing"));
        }
        Ok(Bitmap {
            width,
            height,
            top_down,
            bits,
            packing,
            masks,
            palette,
            pixels_at: pixels_at.max(palette_end),
            head_end: palette_end,
            header_bytes: size as usize,
            packed_bytes: if core { 0 } else { field(20)? as usize },
        })
    }

    /// Bytes from row to row.
    pub(super) fn stride(&self) -> usize {
        (self.width as usize * usize::from(self.bits)).div_ceil(32) * 4
    }

    /// All its colours are gray.
    pub(super) fn is_gray(&self) -> bool {
        self.bits <= 8 && self.palette.iter().all(|[r, g, b]| r == g && g == b)
    }

    pub(super) fn has_alpha(&self) -> bool {
        matches!(self.bits, 16 | 32) && self.masks[3].bits > 0
    }

    /// Bits of the finest channel, at most 16.
    pub(super) fn depth(&self) -> u8 {
        match self.bits {
            16 | 32 => self.masks.iter().map(|mask| mask.bits.min(16) as u8).max().unwrap_or(8).max(1),
            _ => 8,
        }
    }

    pub(super) fn channels(&self) -> u8 {
        let colours = if self.is_gray() { 1 } else { 3 };
        colours + u8::from(self.has_alpha())
    }
}

fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    bytes.get(at..)?.first_chunk().map(|&b| u16::from_le_bytes(b))
}

pub(super) fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    bytes.get(at..)?.first_chunk().map(|&b| u32::from_le_bytes(b))
}
