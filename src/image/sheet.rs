//! Sheets to look at: pictures and labels on dark paper, 8-bit RGB.

use super::{Depth, Image};
use font8x8::legacy::BASIC_LEGACY;

/// Side of a letter, in pixels.
pub const LETTER: usize = 8;
/// Brightness of what no picture covers, and of letters.
const PAPER: f32 = 0.13;
const INK: f32 = 0.85;

/// A sheet that is being filled. What lies beyond its edges is left out.
#[derive(Debug)]
pub struct Sheet(Image);

impl Sheet {
    /// Empty paper, in pixels.
    pub fn new(width: usize, height: usize) -> Sheet {
        let mut sheet = Image::new(width, height, 3, Depth::U8);
        (0..sheet.samples.len()).for_each(|i| sheet.samples.set(i, PAPER));
        Sheet(sheet)
    }

    /// Puts a picture down, each of its pixels repeated `factor` times in both directions. Values beyond the range, as
    /// networks give them, are clipped; transparent pixels stand over white.
    pub fn picture(&mut self, image: &Image, factor: usize, (left, top): (usize, usize)) {
        for y in 0..image.height * factor {
            for x in 0..image.width * factor {
                let (from_x, from_y) = (x / factor, y / factor);
                let alpha = image.alpha.as_ref().map_or(1.0, |a| a.get(from_y * image.width + from_x));
                let value = |c: usize| {
                    let value = image.at(from_x, from_y, c.min(image.channels - 1));
                    value.clamp(0.0, 1.0) * alpha + 1.0 - alpha
                };
                self.set(left + x, top + y, [0, 1, 2].map(value));
            }
        }
    }

    /// Writes a label. Letters beyond ASCII become `?`.
    pub fn label(&mut self, words: &str, (left, top): (usize, usize)) {
        for (n, letter) in words.chars().enumerate() {
            let glyph = BASIC_LEGACY.get(letter as usize).unwrap_or(&BASIC_LEGACY[usize::from(b'?')]);
            for (y, bits) in glyph.iter().enumerate() {
                for x in (0..LETTER).filter(|x| bits >> x & 1 == 1) {
                    self.set(left + n * LETTER + x, top + y, [INK; 3]);
                }
            }
        }
    }

    /// The sheet as it is now.
    pub fn into_image(self) -> Image {
        self.0
    }

    fn set(&mut self, x: usize, y: usize, pixel: [f32; 3]) {
        if x < self.0.width && y < self.0.height {
            let at = (y * self.0.width + x) * 3;
            pixel.into_iter().enumerate().for_each(|(c, value)| self.0.samples.set(at + c, value));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::image::Samples;

    #[test]
    fn what_lies_beyond_an_edge_is_left_out() {
        let mut sheet = Sheet::new(3, 2);
        let bright = Image { samples: Samples::F32(vec![-1.0, 2.0]), ..Image::new(2, 1, 1, Depth::F32) };
        sheet.picture(&bright, 2, (1, 1));
        sheet.label("é", (2, 9));
        let Samples::U8(bytes) = sheet.into_image().samples else { panic!("not of 8 bits") };
        let paper = 33;
        let expected = [[paper; 3], [paper, 0, 0]].concat();
        assert_eq!(bytes, expected.into_iter().flat_map(|v| [v; 3]).collect::<Vec<u8>>());
    }

    #[test]
    fn labels_are_letters_and_glass_is_white() {
        let mut sheet = Sheet::new(24, 8);
        let mut glass = Image::new(8, 8, 1, Depth::U16);
        glass.alpha = Some(Samples::zeroed(Depth::U16, 64));
        sheet.picture(&glass, 1, (16, 0));
        sheet.label("I?", (0, 0));
        let sheet = sheet.into_image();
        // The stem of the I.
        assert!((sheet.at(3, 3, 0) - INK).abs() < 0.01 && (sheet.at(0, 3, 0) - PAPER).abs() < 0.01);
        assert_eq!(sheet.at(20, 4, 2), 1.0);
    }
}
