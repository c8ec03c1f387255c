//! Netpbm: comments of its headers, what follows its pixels, and writing; pixels are read by the `image` crate.

use super::{Loss, Metadata, Text, TextEncoding, pack};
use crate::image::{Depth, Image};

/// Comments, and what stands behind the pixels.
pub(super) fn metadata(bytes: &[u8]) -> Metadata {
    let mut meta = Metadata::default();
    let kind = bytes.get(1).copied().unwrap_or_default();
    let mut numbers: Vec<usize> = Vec::new();
    let mut words: Vec<&[u8]> = Vec::new();
    let mut at = 2;
    // Width, height and, save for bitmaps, the largest value; of P7, everything up to ENDHDR.
    let wanted = if matches!(kind, b'1' | b'4') { 2 } else { 3 };
    while let Some(&byte) = bytes.get(at) {
        let rest = bytes.get(at..).unwrap_or_default();
        if byte == b'#' {
            let end = rest.iter().position(|&b| b == b'\n' || b == b'\r').unwrap_or(rest.len());
            let comment = rest.get(1..end).unwrap_or_default();
            let comment = comment.strip_prefix(b" ").unwrap_or(comment);
            meta.texts.push(Text::new("Comment", comment.to_vec(), TextEncoding::Unknown));
            at += end;
        } else if byte.is_ascii_whitespace() {
            at += 1;
        } else {
            let end = rest.iter().position(|b| b.is_ascii_whitespace() || *b == b'#').unwrap_or(rest.len());
            let word = rest.get(..end).unwrap_or_default();
            at += end;
            if kind == b'7' {
                words.push(word);
                if word == b"ENDHDR" {
                    break;
                }
            } else {
                let Some(number) = std::str::from_utf8(word).ok().and_then(|word| word.parse().ok()) else {
                    break;
                };
                numbers.push(number);
                if numbers.len() == wanted {
                    break;
                }
            }
        }
    }
    let value = |name: &[u8]| {
        let at = words.iter().position(|word| *word == name)?;
        std::str::from_utf8(words.get(at + 1)?).ok()?.parse::<usize>().ok()
    };
    let (width, height, most, samples) = match (kind, numbers.as_slice()) {
        (b'4', &[width, height]) => (width.div_ceil(8), height, 1, 1),
        (b'5', &[width, height, most]) => (width, height, most, 1),
        (b'6', &[width, height, most]) => (width, height, most, 3),
        (b'7', _) => match (value(b"WIDTH"), value(b"HEIGHT"), value(b"MAXVAL"), value(b"DEPTH")) {
            (Some(width), Some(height), Some(most), Some(depth)) => (width, height, most, depth),
            _ => return meta,
        },
        _ => return meta,
    };
    let pixels = [width, height, samples, if most > 255 { 2 } else { 1 }];
    let end =
        pixels.iter().try_fold(1usize, |all, &n| all.checked_mul(n)).and_then(|n| n.checked_add(at + 1));
    let behind = end.and_then(|end| bytes.get(end..)).unwrap_or_default();
    if behind.iter().any(|b| !b.is_ascii_whitespace() && *b != 0) {
        let picture = behind.trim_ascii_start().first() == Some(&b'P');
        let (loss, what) = if picture { (Loss::Pages, "further pictures") } else { (Loss::Data, "data") };
        meta.saw(loss, format!("{} bytes behind the first picture ({what})", behind.len()));
    }
    meta
}

/// Binary PGM or PPM, or PAM with alpha, with the comments.
pub(super) fn encode(image: &Image, meta: &mut Metadata) -> Vec<u8> {
    let (data, per_pixel, max) = if image.depth() == Depth::U8 {
        let (pixels, per_pixel) = pack::interleaved_u8(image);
        (pixels, per_pixel, 255)
    } else {
        let (samples, per_pixel) = pack::interleaved_u16(image);
        (pack::be_bytes(&samples), per_pixel, 65535)
    };
    let (width, height) = (image.width, image.height);
    let mut out = match per_pixel {
        1 => b"P5\n".to_vec(),
        3 => b"P6\n".to_vec(),
        _ => b"P7\n".to_vec(),
    };
    for text in std::mem::take(&mut meta.texts) {
        if text.keyword != "Comment" {
            meta.texts.push(text);
            continue;
        }
        for line in text.bytes.split(|b| matches!(b, b'\n' | b'\r')) {
            out.extend(b"# ");
            out.extend_from_slice(line);
            out.push(b'\n');
        }
    }
    let rest = match per_pixel {
        1 | 3 => format!("{width} {height}\n{max}\n"),
        n => {
            let kind = if n == 2 { "GRAYSCALE_ALPHA" } else { "RGB_ALPHA" };
            format!("WIDTH {width}\nHEIGHT {height}\nDEPTH {n}\nMAXVAL {max}\nTUPLTYPE {kind}\nENDHDR\n")
        }
    };
    out.extend(rest.into_bytes());
    out.extend(data);
    out
}
