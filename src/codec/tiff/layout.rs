//! How the samples of a picture are stored. This is the list of what is read: all else is refused here, by
//! its name.
//!
//! - Colours: gray (either way up), RGB, palettes of up to 8 bits, CMYK, YCbCr with subsampling, CIE L\*a\*b\*.
//! - Samples: 1 to 16 bits unsigned; 16-, 24-, 32- and 64-bit floats within \[0, 1\] for gray and RGB; together
//!   or in planes, in strips or tiles, with any number of further channels, of which the first that is said to
//!   be alpha is kept.
//! - Compression: none, CCITT RLE, Group 3 and 4, LZW (also as before TIFF 5), Deflate, PackBits, Zstandard,
//!   WebP, JPEG, and old-style JPEG that holds a whole stream; predictors 2 and 3; both fill orders.

/// What the first samples of a pixel are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Colour {
    Gray {
        white_is_zero: bool,
    },
    Rgb,
    Palette,
    Cmyk,
    /// Pixels across and down that share their chroma.
    Ycc {
        across: u32,
        down: u32,
    },
    /// With a\* and b\* as signed numbers, or offset as ICC profiles have them.
    Lab {
        signed: bool,
    },
}

/// How strips and tiles are compressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Method {
    None,
    /// Rows of runs that start at bytes or at words of two.
    Rle {
        words: bool,
    },
    /// Every row by itself, or some as differences from the one above.
    Group3 {
        differences: bool,
    },
    Group4,
    Lzw,
    Deflate,
    PackBits,
    Zstandard,
    WebP,
    /// JPEG streams whose components are YCbCr, or the samples as they are.
    Jpeg {
        ycc: bool,
    },
    /// One JPEG stream for the whole picture.
    OldJpeg,
}

/// What was done to the samples before they were compressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Predictor {
    None,
    /// Differences to the pixel before.
    Horizontal,
    /// Differences between the bytes of floating-point numbers.
    Float,
}

/// How a picture is stored.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Layout {
    pub(super) width: u32,
    pub(super) height: u32,
    pub(super) colour: Colour,
    /// Samples a pixel.
    pub(super) samples: usize,
    /// Which of them is alpha, and whether the colours are multiplied by it.
    pub(super) alpha: Option<(usize, bool)>,
    /// Bits of a sample.
    pub(super) bits: u8,
    pub(super) float: bool,
    pub(super) method: Method,
    pub(super) predictor: Predictor,
    /// Every sample in strips or tiles of its own.
    pub(super) planar: bool,
    /// The bits of every byte stand in reverse order.
    pub(super) reversed: bool,
    pub(super) tiled: bool,
    /// Size of a tile or strip; the last strips may be lower.
    pub(super) chunk: (u32, u32),
}

impl Layout {
    /// Samples that are colour.
    pub(super) fn colours(&self) -> usize {
        match self.colour {
            Colour::Gray { .. } | Colour::Palette => 1,
            Colour::Rgb | Colour::Ycc { .. } | Colour::Lab { .. } => 3,
            Colour::Cmyk => 4,
        }
    }

    /// Samples that are neither colour nor the alpha that is kept.
    pub(super) fn extras(&self) -> usize {
        self.samples - self.colours() - usize::from(self.alpha.is_some())
    }

    /// Chunks across, down, and planes of them.
    pub(super) fn chunks(&self) -> (u64, u64, u64) {
        let across = self.width.div_ceil(self.chunk.0);
        let down = self.height.div_ceil(self.chunk.1);
        (across.into(), down.into(), if self.planar { self.samples as u64 } else { 1 })
    }

    /// Samples that follow each other in a chunk's pixel.
    pub(super) fn chunk_samples(&self) -> usize {
        if self.planar { 1 } else { self.samples }
    }

    /// Bytes of a row in a chunk, and of `rows` of them.
    pub(super) fn chunk_bytes(&self, rows: u32) -> (u64, u64) {
        let (width, rows) = (u64::from(self.chunk.0), u64::from(rows));
        if let Colour::Ycc { across, down } = self.colour {
            let (across, down) = (u64::from(across), u64::from(down));
            if across * down > 1 {
                let row = width.div_ceil(across) * (across * down + 2);
                return (row, row.saturating_mul(rows.div_ceil(down)));
            }
        }
        let row = (width * self.chunk_samples() as u64 * u64::from(self.bits)).div_ceil(8);
        (row, row.saturating_mul(rows))
    }

    /// Upper bound of what decoding takes, for a file of so many bytes.
    pub(super) fn decode_bytes(&self, file_bytes: u64) -> u64 {
        let pixels = u64::from(self.width) * u64::from(self.height);
        let sample = if self.float { 4 } else { u64::from(self.bits.div_ceil(8)) };
        let kept = (self.colours() + usize::from(self.alpha.is_some())) as u64 * sample;
        // Beside what was read: palettes and CMYK become RGB, alpha takes their depth, floats become integers.
        let made = match self.colour {
            Colour::Palette => 4,
            Colour::Cmyk => 4 + 4 + sample,
            _ if self.float => kept.div_ceil(2),
            _ => 0,
        };
        let (_, chunk) = self.chunk_bytes(self.chunk.1);
        let packed = match self.method {
            Method::None if !self.reversed => 0,
            // A copy with its tables, and a stream made of that.
            Method::Jpeg { .. } | Method::OldJpeg => file_bytes.saturating_mul(3),
            _ => file_bytes,
        };
        // Components are padded to whole blocks and kept as coefficients.
        let chunk = match self.method {
            Method::Jpeg { .. } | Method::OldJpeg => chunk.saturating_mul(8).saturating_add(1 << 20),
            // WebP decoders have the picture in several forms at once.
            Method::WebP => chunk.saturating_mul(6).saturating_add(4 << 20),
            // Uncompressed YCbCr is spread to all its pixels.
            _ => chunk.saturating_mul(3),
        };
        let (across, down, planes) = self.chunks();
        // No more of them are listed than the file has room for.
        let listed = across.saturating_mul(down).saturating_mul(planes).min(file_bytes).saturating_mul(48);
        [pixels.saturating_mul(kept + made), chunk, packed, listed, 8 << 20]
            .into_iter()
            .fold(0, u64::saturating_add)
    }
}
