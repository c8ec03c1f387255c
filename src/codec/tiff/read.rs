//! A picture's layout read from its directory, and all that is not read refused by its name.

use std::io::{Read, Seek};

use super::super::{CodecError, Format, malformed, unsupported};
use super::directory::{Directory, File};
use super::layout::{Colour, Layout, Method, Predictor};
use super::{names, tag};

/// The end of a refusal.
const CONVERT: &str = "convert it to 8- or 16-bit gray or RGB first";

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
        let method = method(file, directory, compression, photometric)?;
        let colour = match (photometric, method) {
            (Some(6), Method::Jpeg { .. } | Method::OldJpeg) => Colour::Rgb,
            _ => colour(file, directory, photometric, samples, method)?,
        };
        let (bits, float) = sample_type(file, directory, samples)?;
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
            Method::WebP if bits != 8 || !matches!(samples, 3 | 4) || planar => {
                return refuse(format!(
                    "{name} of {samples} samples with {bits} bits; it is for RGB of 8 bits"
                ));
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
}

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
        50001 | 34927 => Method::WebP,
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
fn camera_raw() -> CodecError {
    unsupported(Format::Tiff, "a page of what a camera's sensor saw; develop it to png or tiff first")
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
    match method {
        Method::Lzw | Method::Deflate | Method::Zstandard => {}
        // libtiff and most others disregard the tag here, some don't.
        Method::None | Method::PackBits if matches!(predictor, 2 | 3) => {
            let name = names::compression_of(method);
            let what = format!("predictor {predictor} with {name}, which programs read differently");
            return Err(unsupported(Format::Tiff, format!("{what}; save it with LZW or Deflate first")));
        }
        _ => return Ok(Predictor::None),
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
