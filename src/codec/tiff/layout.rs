//! How the samples of a picture are stored. This is the list of what is read: all else is refused here, by
//! its name.
//!
//! - Colours: gray (either way up), RGB, palettes of up to 8 bits, CMYK, YCbCr with subsampling, CIE L\*a\*b\*.
//! - Samples: 1 to 16 bits unsigned; 16-, 24-, 32- and 64-bit floats within \[0, 1\] for gray and RGB; together
//!   or in planes, in strips or tiles, with any number of further channels, of which the first that is said to
//!   be alpha is kept.
//! - Compression: none, CCITT RLE, Group 3 and 4, LZW (also as before TIFF 5), Deflate, PackBits, Zstandard,
//!   JPEG, and old-style JPEG that holds a whole stream; predictors 2 and 3; both fill orders.

use std::io::{Read, Seek};

use super::super::{CodecError, Format, malformed, unsupported};
use super::directory::{Directory, File};
use super::{names, tag};

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
    /// Reads and checks what a directory says.
    pub(super) fn read<R: Read + Seek>(
        file: &mut File<R>,
        directory: &Directory,
    ) -> Result<Layout, CodecError> {
        let width = side(file, directory, tag::WIDTH, "width")?;
        let height = side(file, directory, tag::HEIGHT, "height")?;
        let mut number = |tag| file.number(directory, tag);
        let samples = number(tag::SAMPLES)?.unwrap_or(1);
        let compression = number(tag::COMPRESSION)?.unwrap_or(1);
        let photometric = number(tag::PHOTOMETRIC)?;
        let planar = number(tag::PLANAR)?.unwrap_or(1);
        let reversed = number(tag::FILL_ORDER)? == Some(2);
        let predictor = number(tag::PREDICTOR)?.unwrap_or(1);
        let samples = match usize::from(u16::try_from(samples).unwrap_or(0)) {
            0 => return Err(bad(format!("{samples} samples a pixel"))),
            // The first old-style JPEGs left it out.
            1 if compression == 6 && photometric == Some(6) => 3,
            samples => samples,
        };
        let (bits, float) = sample_type(file, directory, samples)?;
        let method = method(file, directory, compression, photometric)?;
        let colour = match (photometric, method) {
            (Some(6), Method::Jpeg { .. } | Method::OldJpeg) => Colour::Rgb,
            _ => colour(file, directory, photometric, samples, method)?,
        };
        let alpha = alpha(file, directory, colour, samples)?;
        let planar = match planar {
            1 => false,
            2 => samples > 1,
            other => return Err(bad(format!("planar configuration {other}"))),
        };
        let (tiled, chunk) = chunk(file, directory, width, height)?;
        let layout = Layout {
            width,
            height,
            colour,
            samples,
            alpha,
            bits,
            float,
            method,
            predictor: predictor_of(predictor, method, bits, float)?,
            planar,
            // JPEG data is never reversed.
            reversed: reversed && !matches!(method, Method::Jpeg { .. } | Method::OldJpeg),
            tiled,
            chunk,
        };
        layout.check()?;
        Ok(layout)
    }

    fn check(&self) -> Result<(), CodecError> {
        let Layout { colour, samples, bits, float, method, planar, .. } = *self;
        let refuse = |what: String| Err(unsupported(Format::Tiff, what));
        let name = names::compression_of(method);
        match method {
            Method::Rle { .. } | Method::Group3 { .. } | Method::Group4
                if bits != 1 || (samples > 1 && !planar) =>
            {
                return refuse(format!("{name} of {samples} samples with {bits} bits; it is for 1 of 1 bit"));
            }
            Method::Jpeg { .. } | Method::OldJpeg if bits != 8 || float => {
                return refuse(format!("{bits}-bit samples in {name}; {CONVERT}"));
            }
            Method::Jpeg { ycc: true } if samples != 3 || planar => {
                return refuse(format!("YCbCr with {samples} samples or planes in {name}; {CONVERT}"));
            }
            _ => {}
        }
        if float && !matches!(colour, Colour::Gray { .. } | Colour::Rgb) {
            return refuse(format!("float samples in {}; {CONVERT}", names::colour_of(colour)));
        }
        match colour {
            Colour::Palette if bits > 8 => {
                refuse(format!("a palette of {bits} bits; those of up to 8 are read; {CONVERT}"))
            }
            Colour::Ycc { .. } if bits != 8 => refuse(format!("YCbCr with {bits} bits; {CONVERT}")),
            Colour::Ycc { across, down } if across * down > 1 && (planar || samples > 3) => {
                refuse(format!("subsampled YCbCr in planes or with {samples} samples; {CONVERT}"))
            }
            Colour::Ycc { across, down } if across * down > 1 && self.predictor != Predictor::None => {
                refuse(format!("subsampled YCbCr with a predictor; {CONVERT}"))
            }
            Colour::Lab { .. } if !matches!(bits, 8 | 16) => {
                refuse(format!("CIE L*a*b* with {bits} bits; {CONVERT}"))
            }
            _ => Ok(()),
        }
    }

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
        // Beside what was read: palettes and CMYK become RGB, floats integers.
        let made = match self.colour {
            Colour::Palette => 3,
            Colour::Cmyk => 4 + 3 + sample,
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
            // Uncompressed YCbCr is spread to all its pixels.
            _ => chunk.saturating_mul(3),
        };
        let (across, down, planes) = self.chunks();
        // No more of them are listed than the file has room for.
        let listed = across.saturating_mul(down).saturating_mul(planes).min(file_bytes).saturating_mul(40);
        [pixels.saturating_mul(kept + made), chunk, packed, listed, 8 << 20]
            .into_iter()
            .fold(0, u64::saturating_add)
    }
}

/// The end of a refusal.
const CONVERT: &str = "convert it to 8- or 16-bit gray or RGB first";

fn bad(what: String) -> CodecError {
    malformed(Format::Tiff, format!("its header says {what}"))
}

fn side<R: Read + Seek>(
    file: &mut File<R>,
    directory: &Directory,
    tag: u16,
    name: &str,
) -> Result<u32, CodecError> {
    match file.number(directory, tag)? {
        None => Err(malformed(Format::Tiff, format!("its header doesn't say the {name}"))),
        Some(side) => match u32::try_from(side) {
            Ok(0) | Err(_) => Err(bad(format!("a {name} of {side}"))),
            Ok(side) => Ok(side),
        },
    }
}

/// Bits of a sample, and whether it is a floating-point number.
fn sample_type<R: Read + Seek>(
    file: &mut File<R>,
    directory: &Directory,
    samples: usize,
) -> Result<(u8, bool), CodecError> {
    let refuse = |what: String| Err(unsupported(Format::Tiff, what));
    let mut same = |tag, name: &str| {
        let values = file.numbers(directory, tag, samples as u64)?.unwrap_or_default();
        match values.iter().find(|&value| Some(value) != values.first()) {
            Some(_) => Err(unsupported(Format::Tiff, format!("samples of different {name}; {CONVERT}"))),
            None => Ok(values.first().copied().unwrap_or(1)),
        }
    };
    let bits = same(tag::BITS, "depths")?;
    let kind = same(tag::SAMPLE_FORMAT, "kinds")?;
    match (kind, bits) {
        // Undefined data is taken for numbers, as libtiff does it.
        (1 | 4, 1..=16) => Ok((bits as u8, false)),
        (3, 16 | 24 | 32 | 64) => Ok((bits as u8, true)),
        (1 | 4, _) => refuse(format!("{bits}-bit integer samples; scale it to 16-bit integers first")),
        (2, _) => refuse(format!("signed {bits}-bit samples; {CONVERT}")),
        (3, _) => refuse(format!("{bits}-bit float samples; {CONVERT}")),
        (5 | 6, _) => refuse(format!("complex numbers as samples; {CONVERT}")),
        _ => refuse(format!("samples of an unknown kind ({kind}); {CONVERT}")),
    }
}

fn method<R: Read + Seek>(
    file: &mut File<R>,
    directory: &Directory,
    compression: u64,
    photometric: Option<u64>,
) -> Result<Method, CodecError> {
    let mut options = |tag| {
        let options = file.number(directory, tag)?.unwrap_or(0);
        if options & 2 != 0 {
            return Err(unsupported(Format::Tiff, "fax compression with uncompressed stretches"));
        }
        Ok(options)
    };
    Ok(match compression {
        1 => Method::None,
        2 => Method::Rle { words: false },
        3 => Method::Group3 { differences: options(tag::T4_OPTIONS)? & 1 != 0 },
        4 => {
            options(tag::T6_OPTIONS)?;
            Method::Group4
        }
        5 => Method::Lzw,
        6 => Method::OldJpeg,
        7 => Method::Jpeg { ycc: photometric == Some(6) },
        8 | 32946 => Method::Deflate,
        32771 => Method::Rle { words: true },
        32773 => Method::PackBits,
        50000 => Method::Zstandard,
        other => {
            let name = names::compression(other);
            return Err(unsupported(Format::Tiff, format!("{name}; save it with LZW or Deflate first")));
        }
    })
}

fn colour<R: Read + Seek>(
    file: &mut File<R>,
    directory: &Directory,
    photometric: Option<u64>,
    samples: usize,
    method: Method,
) -> Result<Colour, CodecError> {
    let fax = matches!(method, Method::Rle { .. } | Method::Group3 { .. } | Method::Group4);
    let (colour, least) = match photometric {
        // As libtiff guesses it.
        None if samples >= 3 => (Colour::Rgb, 3),
        None => (Colour::Gray { white_is_zero: fax }, 1),
        Some(0) => (Colour::Gray { white_is_zero: true }, 1),
        Some(1) => (Colour::Gray { white_is_zero: false }, 1),
        Some(2) => (Colour::Rgb, 3),
        Some(3) => (Colour::Palette, 1),
        Some(5) => match file.number(directory, tag::INK_SET)? {
            Some(2) => {
                let what = "inks other than cyan, magenta, yellow and black; convert it to RGB first";
                return Err(unsupported(Format::Tiff, what));
            }
            _ => (Colour::Cmyk, 4),
        },
        Some(6) => {
            let shared = file.numbers(directory, tag::YCC_SUBSAMPLING, 2)?;
            match shared.as_deref().unwrap_or(&[2, 2]) {
                &[across @ (1 | 2 | 4), down @ (1 | 2 | 4)] => {
                    (Colour::Ycc { across: across as u32, down: down as u32 }, 3)
                }
                other => return Err(bad(format!("YCbCr subsampling by {other:?}"))),
            }
        }
        Some(8) => (Colour::Lab { signed: true }, 3),
        Some(9) => (Colour::Lab { signed: false }, 3),
        Some(32803 | 34892) => return Err(camera_raw()),
        Some(other) => {
            let name = names::photometric(other);
            return Err(unsupported(Format::Tiff, format!("{name}; convert it to RGB first")));
        }
    };
    if samples < least {
        return Err(bad(format!("{} with {samples} samples a pixel", names::colour_of(colour))));
    }
    Ok(colour)
}

/// The refusal of what a camera's sensor saw.
pub(super) fn camera_raw() -> CodecError {
    unsupported(Format::Tiff, "camera raw file; develop it to png or tiff first")
}

/// The first sample that is said to be alpha, and whether the colours are multiplied by it.
fn alpha<R: Read + Seek>(
    file: &mut File<R>,
    directory: &Directory,
    colour: Colour,
    samples: usize,
) -> Result<Option<(usize, bool)>, CodecError> {
    let colours = match colour {
        Colour::Gray { .. } | Colour::Palette => 1,
        Colour::Cmyk => 4,
        _ => 3,
    };
    let extras = samples.saturating_sub(colours);
    let Some(kinds) = file.numbers(directory, tag::EXTRA_SAMPLES, extras as u64)? else {
        // Files from before the tag: everybody takes a fourth sample for alpha.
        return Ok((colour == Colour::Rgb && extras == 1).then_some((3, false)));
    };
    let alpha = kinds.iter().take(extras).position(|kind| matches!(kind, 1 | 2));
    Ok(alpha.map(|i| (colours + i, kinds.get(i) == Some(&1))))
}

fn predictor_of(predictor: u64, method: Method, bits: u8, float: bool) -> Result<Predictor, CodecError> {
    // Only these know the tag; beside others it has no meaning.
    if !matches!(method, Method::Lzw | Method::Deflate | Method::Zstandard) {
        return Ok(Predictor::None);
    }
    match predictor {
        1 => Ok(Predictor::None),
        2 if matches!(bits, 8 | 16 | 32 | 64) => Ok(Predictor::Horizontal),
        3 if float => Ok(Predictor::Float),
        2 | 3 => {
            let kind = if float { "float" } else { "integer" };
            let what = format!("predictor {predictor} on {bits}-bit {kind} samples");
            Err(unsupported(Format::Tiff, format!("{what}; save it without predictor first")))
        }
        other => Err(unsupported(Format::Tiff, format!("predictor {other}; save it without first"))),
    }
}

/// Whether there are tiles, and the size of one or of a strip.
fn chunk<R: Read + Seek>(
    file: &mut File<R>,
    directory: &Directory,
    width: u32,
    height: u32,
) -> Result<(bool, (u32, u32)), CodecError> {
    if directory.find(tag::TILE_WIDTH).is_some() || directory.find(tag::TILE_HEIGHT).is_some() {
        let tile = |file: &mut File<R>, tag| side(file, directory, tag, "size of its tiles");
        return Ok((true, (tile(file, tag::TILE_WIDTH)?, tile(file, tag::TILE_HEIGHT)?)));
    }
    match file.number(directory, tag::ROWS_PER_STRIP)? {
        Some(0) => Err(bad("0 rows a strip".to_owned())),
        rows => {
            let rows = rows.and_then(|rows| u32::try_from(rows).ok()).unwrap_or(height);
            Ok((false, (width, rows.min(height))))
        }
    }
}
