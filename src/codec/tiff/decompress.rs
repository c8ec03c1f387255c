//! From the bytes of a strip or tile to those of its samples.

use std::borrow::Cow;
use std::io::Cursor;

use flate2::{Decompress, FlushDecompress, Status};
use image::ImageDecoder;
use image::codecs::webp::WebPDecoder;
use weezl::{BitOrder, LzwStatus, decode::Configuration};

use super::fault::Fault;
use super::fax::{self, Coding};
use super::layout::Method;

const SHORT: &str = "its data ends too early";

/// Decompresses what is no JPEG to `rows` of `row` bytes (of `width` pixels, for fax).
pub(super) fn decompress<'a>(
    data: &'a [u8],
    method: Method,
    reversed: bool,
    width: usize,
    (row, rows): (usize, usize),
) -> Result<Cow<'a, [u8]>, Fault> {
    let data = if reversed {
        Cow::Owned(data.iter().map(|byte| byte.reverse_bits()).collect())
    } else {
        Cow::Borrowed(data)
    };
    let need = row.saturating_mul(rows);
    let fax = |coding| fax::decode(&data, coding, width, rows).map(Cow::Owned);
    match method {
        Method::None => match data {
            data if data.len() < need => Err(SHORT.into()),
            data => Ok(data),
        },
        Method::Rle { words } => fax(Coding::Rle { words }),
        Method::Group3 { differences } => fax(Coding::Group3 { differences }),
        Method::Group4 => fax(Coding::Group4),
        Method::Lzw => lzw(&data, need).map(Cow::Owned),
        Method::Deflate => deflate(&data, need).map(Cow::Owned),
        Method::PackBits => pack_bits(&data, need).map(Cow::Owned),
        Method::Zstandard => zstandard(&data, need).map(Cow::Owned),
        Method::WebP => webp(&data, (width, rows), need).map(Cow::Owned),
        Method::Jpeg { .. } | Method::OldJpeg => Err("it is JPEG data".into()),
    }
}

/// LZW with codes from the high bits on that grow one early, or, as before TIFF 5, from the low bits on.
fn lzw(data: &[u8], need: usize) -> Result<Vec<u8>, Fault> {
    // The first code clears the table: 256 in 9 bits.
    let old = matches!(data, [0, second, ..] if second & 1 == 1);
    let configuration = if old {
        Configuration::new(BitOrder::Lsb, 8)
    } else {
        Configuration::with_tiff_size_switch(BitOrder::Msb, 8)
    };
    // What stands behind the last pixel is nobody's business.
    let mut decoder = configuration.with_yield_on_full_buffer(true).build();
    let mut out = vec![0; need];
    let (mut from, mut to) = (0, 0);
    while to < need {
        let (input, output) = (data.get(from..).unwrap_or_default(), out.get_mut(to..).unwrap_or_default());
        let result = decoder.decode_bytes(input, output);
        from += result.consumed_in;
        to += result.consumed_out;
        match result.status {
            Ok(_) if to >= need => break,
            Ok(LzwStatus::Ok) if result.consumed_in + result.consumed_out > 0 => {}
            Ok(_) => return Err(SHORT.into()),
            Err(e) => return Err(Fault::Wrong(format!("its LZW data is wrong: {e}"))),
        }
    }
    Ok(out)
}

fn deflate(data: &[u8], need: usize) -> Result<Vec<u8>, Fault> {
    let mut decoder = Decompress::new(true);
    let mut out = vec![0; need];
    // One byte more, so that the checksum behind the last pixel is read.
    let mut spare = [0];
    loop {
        let (from, to) = (decoder.total_in() as usize, decoder.total_out() as usize);
        let input = data.get(from..).unwrap_or_default();
        let output = if to < need { out.get_mut(to..).unwrap_or_default() } else { &mut spare };
        let status = decoder.decompress(input, output, FlushDecompress::None);
        let moved = (decoder.total_in() as usize, decoder.total_out() as usize);
        match status {
            // More than the picture needs, or no checksum: libtiff doesn't mind.
            Ok(_) if moved.1 > need => return Ok(out),
            Ok(Status::StreamEnd) if moved.1 == need => return Ok(out),
            Ok(Status::StreamEnd) => return Err(SHORT.into()),
            Ok(_) if moved != (from, to) => {}
            Ok(_) if moved.1 == need => return Ok(out),
            Ok(_) => return Err(SHORT.into()),
            Err(_) if moved.1 == need => return Err(Fault::Checksum),
            Err(e) => return Err(Fault::Wrong(format!("its Deflate data is wrong: {e}"))),
        }
    }
}

fn zstandard(data: &[u8], need: usize) -> Result<Vec<u8>, Fault> {
    // Where the length is not stated, other data follows.
    let frame = zstd::zstd_safe::find_frame_compressed_size(data).unwrap_or(data.len());
    let mut out = vec![0; need];
    match zstd::bulk::decompress_to_buffer(data.get(..frame).unwrap_or(data), &mut out) {
        Ok(made) if made == need => Ok(out),
        Ok(_) => Err(SHORT.into()),
        Err(e) if e.to_string().contains("checksum") => Err(Fault::Checksum),
        Err(e) => Err(Fault::Wrong(format!("its Zstandard data is wrong: {e}"))),
    }
}

/// RGB or RGBA as `need` says; a picture without alpha is opaque.
fn webp(data: &[u8], (width, rows): (usize, usize), need: usize) -> Result<Vec<u8>, Fault> {
    let wrong = |e: image::ImageError| Fault::Wrong(format!("its WebP data is wrong: {e}"));
    let decoder = WebPDecoder::new(Cursor::new(data)).map_err(wrong)?;
    let (found, samples) = (decoder.dimensions(), usize::from(decoder.color_type().channel_count()));
    if (found.0 as usize, found.1 as usize) != (width, rows) || decoder.has_animation() {
        return Err(Fault::Wrong(format!("its WebP data is of {} x {} pixels", found.0, found.1)));
    }
    let mut pixels = vec![0; width.saturating_mul(rows).saturating_mul(samples)];
    decoder.read_image(&mut pixels).map_err(wrong)?;
    let wanted = need / width.saturating_mul(rows).max(1);
    if wanted == samples {
        return Ok(pixels);
    }
    let colour =
        pixels.chunks_exact(samples.max(1)).flat_map(|pixel| pixel.iter().take(3).chain(&[255]).take(wanted));
    Ok(colour.copied().collect())
}

/// Stretches of bytes as they are, after their number less one, and repeated bytes, after the negative of it.
fn pack_bits(mut data: &[u8], need: usize) -> Result<Vec<u8>, Fault> {
    let mut out = Vec::with_capacity(need);
    while out.len() < need {
        let (&head, rest) = data.split_first().ok_or(SHORT)?;
        data = match head {
            0..=127 => {
                let (literal, rest) = rest.split_at_checked(usize::from(head) + 1).ok_or(SHORT)?;
                out.extend_from_slice(literal);
                rest
            }
            128 => rest,
            129..=255 => {
                let (&byte, rest) = rest.split_first().ok_or(SHORT)?;
                out.extend(std::iter::repeat_n(byte, 257 - usize::from(head)));
                rest
            }
        };
    }
    out.truncate(need);
    Ok(out)
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    fn plain(data: &[u8], method: Method, need: usize) -> Result<Vec<u8>, Fault> {
        decompress(data, method, false, need * 8, (need, 1)).map(Cow::into_owned)
    }

    fn text() -> Vec<u8> {
        (0..5000u32).map(|i| ((i * i) >> 7) as u8 & 0x3F).collect()
    }

    fn zlib(text: &[u8]) -> Vec<u8> {
        let mut encoder = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::fast());
        encoder.write_all(text).unwrap();
        encoder.finish().unwrap()
    }

    #[test]
    fn the_example_of_pack_bits() {
        // From TIFF 6.0, section 9.
        let packed =
            [0xFE, 0xAA, 0x02, 0x80, 0x00, 0x2A, 0xFD, 0xAA, 0x03, 0x80, 0x00, 0x2A, 0x22, 0xF7, 0xAA];
        let mut want =
            vec![0xAA, 0xAA, 0xAA, 0x80, 0x00, 0x2A, 0xAA, 0xAA, 0xAA, 0xAA, 0x80, 0x00, 0x2A, 0x22];
        want.extend([0xAA; 10]);
        assert_eq!(plain(&packed, Method::PackBits, 24).unwrap(), want);
        assert_eq!(plain(&packed[..14], Method::PackBits, 24), Err(SHORT.into()));
    }

    #[test]
    fn lzw_of_both_kinds() {
        let text = text();
        let new = weezl::encode::Encoder::with_tiff_size_switch(BitOrder::Msb, 8).encode(&text).unwrap();
        let old = weezl::encode::Encoder::new(BitOrder::Lsb, 8).encode(&text).unwrap();
        for data in [new, old] {
            assert_eq!(plain(&data, Method::Lzw, text.len()).unwrap(), text);
            assert_eq!(plain(&data, Method::Lzw, text.len() - 7).unwrap(), text[..text.len() - 7]);
            assert!(plain(&data, Method::Lzw, text.len() + 1).is_err());
            assert!(plain(&data[..data.len() / 2], Method::Lzw, text.len()).is_err());
        }
    }

    #[test]
    fn a_checksum_is_looked_at_and_may_be_missing() {
        let text = text();
        let mut data = zlib(&text);
        assert_eq!(plain(&data, Method::Deflate, text.len()).unwrap(), text);
        assert_eq!(plain(&data, Method::Deflate, text.len() - 1).unwrap(), text[..text.len() - 1]);
        assert_eq!(plain(&data, Method::Deflate, text.len() + 1), Err(SHORT.into()));
        assert_eq!(plain(&data[..data.len() - 4], Method::Deflate, text.len()).unwrap(), text);
        *data.last_mut().unwrap() ^= 1;
        assert_eq!(plain(&data, Method::Deflate, text.len()), Err(Fault::Checksum));
        assert!(plain(&data[..data.len() / 2], Method::Deflate, text.len()).is_err());
        assert!(matches!(plain(&[1, 2, 3, 4], Method::Deflate, 9), Err(Fault::Wrong(_))));
    }

    #[test]
    fn zstandard_is_read_whole() {
        let text = text();
        let data = zstd::bulk::compress(&text, 3).unwrap();
        assert_eq!(plain(&data, Method::Zstandard, text.len()).unwrap(), text);
        assert_eq!(plain(&[&data[..], b"more"].concat(), Method::Zstandard, text.len()).unwrap(), text);
        assert_eq!(plain(&data, Method::Zstandard, text.len() + 1), Err(SHORT.into()));
        assert!(plain(&data[..data.len() / 2], Method::Zstandard, text.len()).is_err());
    }

    #[test]
    fn bits_are_turned_before_all_else() {
        let text = text();
        let turned = |data: Vec<u8>| data.into_iter().map(u8::reverse_bits).collect::<Vec<u8>>();
        let data = turned(zlib(&text));
        let read = decompress(&data, Method::Deflate, true, 0, (text.len(), 1)).unwrap();
        assert_eq!(read, text);
        assert_eq!(
            decompress(&[0x80, 0xC1], Method::None, true, 0, (2, 1)).unwrap(),
            [0x01, 0x83].as_slice()
        );
    }
}
