//! Rows of a picture as the encoder takes them, in the colours of JFIF.

use jpeg_encoder::{ImageBuffer, JpegColorType};
use multiversion::multiversion;

/// An 8-bit picture, gray or RGB. The encoder's own for bytes takes pixel by pixel.
pub(super) struct Rows<'a> {
    /// Width and height in pixels.
    pub(super) size: (u16, u16),
    /// 1 or 3.
    pub(super) channels: usize,
    /// Row by row.
    pub(super) samples: &'a [u8],
}

impl ImageBuffer for Rows<'_> {
    fn get_jpeg_color_type(&self) -> JpegColorType {
        if self.channels == 1 { JpegColorType::Luma } else { JpegColorType::Ycbcr }
    }

    fn width(&self) -> u16 {
        self.size.0
    }

    fn height(&self) -> u16 {
        self.size.1
    }

    fn fill_buffers(&self, y: u16, buffers: &mut [Vec<u8>; 4]) {
        let width = usize::from(self.size.0);
        let line = width * self.channels;
        let row = &self.samples[usize::from(y) * line..][..line];
        let [first, second, third, _] = buffers;
        if self.channels == 1 {
            first.extend_from_slice(row);
            return;
        }
        let [y, cb, cr] = [first, second, third].map(|buffer| {
            let end = buffer.len();
            buffer.resize(end + width, 0);
            &mut buffer[end..]
        });
        to_ycc(row.as_chunks().0, y, cb, cr);
    }
}

/// As [`jpeg_encoder::rgb_to_ycbcr`], of a row.
#[multiversion(targets("x86_64+avx2"))]
fn to_ycc(pixels: &[[u8; 3]], y: &mut [u8], cb: &mut [u8], cr: &mut [u8]) {
    let n = pixels.len().min(y.len()).min(cb.len()).min(cr.len());
    let (pixels, y, cb, cr) = (&pixels[..n], &mut y[..n], &mut cb[..n], &mut cr[..n]);
    for i in 0..n {
        let [r, g, b] = pixels[i].map(i32::from);
        y[i] = ((19595 * r + 38470 * g + 7471 * b + 0x7FFF) >> 16) as u8;
        cb[i] = ((-11059 * r - 21709 * g + 32768 * b + (128 << 16) + 0x7FFF) >> 16) as u8;
        cr[i] = ((32768 * r - 27439 * g - 5329 * b + (128 << 16) + 0x7FFF) >> 16) as u8;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colours_are_the_encoders() {
        // All greens with many reds and blues, in rows of an odd length.
        let pixels: Vec<[u8; 3]> = (0..256 * 86 * 3)
            .map(|i| [(i / 256 % 86 * 3) as u8, (i % 256) as u8, (i / 256 * 7 % 256) as u8])
            .collect();
        let samples = pixels.as_flattened();
        let rows = Rows { size: (129, 512), channels: 3, samples };
        let mut buffers = [const { Vec::new() }; 4];
        (0..512).for_each(|y| rows.fill_buffers(y, &mut buffers));
        for (i, [r, g, b]) in pixels.iter().enumerate() {
            let (y, cb, cr) = jpeg_encoder::rgb_to_ycbcr(*r, *g, *b);
            assert_eq!([buffers[0][i], buffers[1][i], buffers[2][i]], [y, cb, cr]);
        }
        assert_eq!((buffers[0].len(), buffers[3].len()), (pixels.len(), 0));
    }

    #[test]
    fn files_are_those_of_the_encoders_own_rows() {
        let mut state = 1u32;
        let mut random = || {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 24) as u8
        };
        for (width, height, channels) in [(1, 1, 3), (7, 9, 3), (64, 40, 3), (33, 17, 1)] {
            let samples: Vec<u8> =
                (0..usize::from(width) * usize::from(height) * channels).map(|_| random()).collect();
            let kind =
                if channels == 1 { jpeg_encoder::ColorType::Luma } else { jpeg_encoder::ColorType::Rgb };
            let (mut own, mut theirs) = (Vec::new(), Vec::new());
            let rows = Rows { size: (width, height), channels, samples: &samples };
            jpeg_encoder::Encoder::new(&mut own, 80).encode_image(rows).unwrap();
            jpeg_encoder::Encoder::new(&mut theirs, 80).encode(&samples, width, height, kind).unwrap();
            assert_eq!(own, theirs);
        }
    }
}
