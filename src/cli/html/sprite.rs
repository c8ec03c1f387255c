//! Many small pictures in few files.

use crate::codec::{self, EncodeOptions, Format, Metadata};
use crate::image::resize::{Filter, resize};
use crate::image::{Depth, Image, Samples};
use rayon::iter::{IntoParallelIterator, ParallelIterator};
use std::borrow::Cow;

/// Where a small picture stands: which sheet, and its place and size there in pixels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Place {
    pub sheet: usize,
    pub x: usize,
    pub y: usize,
    pub width: usize,
    pub height: usize,
}

/// Sheets, and where each picture stands.
#[derive(Debug, Default)]
pub(super) struct Sprites {
    /// Files of JPEG, each with its width and height.
    pub sheets: Vec<(Vec<u8>, usize, usize)>,
    /// For each picture its place; none where there is no picture, or no room.
    pub places: Vec<Option<Place>>,
}

/// Cells of a sheet across.
const ACROSS: usize = 32;
/// Qualities that are tried until a sheet fits.
const QUALITIES: [u8; 5] = [82, 70, 55, 40, 25];

/// Sheets of cells of `side` pixels that take no more than `bytes` together; `open` gives the picture of a number below
/// `count`, and is called from several threads.
pub(super) fn sprites(
    count: usize,
    side: usize,
    bytes: usize,
    open: &(dyn Fn(usize) -> Option<Image> + Sync),
) -> Sprites {
    let mut sprites = Sprites { sheets: Vec::new(), places: vec![None; count] };
    let cells = ACROSS * ACROSS;
    let mut left = bytes;
    for first in (0..count).step_by(cells) {
        let numbers = first..(first + cells).min(count);
        let rest = count - first;
        let small: Vec<Option<Image>> =
            numbers.clone().into_par_iter().map(|n| open(n).map(|image| fitted(&image, side))).collect();
        if small.iter().all(Option::is_none) {
            continue;
        }
        let across = ACROSS.min(numbers.len());
        let (width, height) = (across * side, numbers.len().div_ceil(across) * side);
        let mut sheet = vec![0u8; width * height * 3];
        for (cell, image) in small.iter().enumerate() {
            let Some(image) = image else { continue };
            let (x, y) = (cell % across * side, cell / across * side);
            put(&mut sheet, width, image, (x, y));
        }
        // What is left is for all that come, in equal shares.
        let share = left / rest.max(1) * numbers.len();
        let Some(file) = encoded(width, height, sheet, share) else { continue };
        left = left.saturating_sub(file.len());
        for (cell, (number, image)) in numbers.zip(&small).enumerate() {
            let (x, y) = (cell % across * side, cell / across * side);
            sprites.places[number] = image.as_ref().map(|image| Place {
                sheet: sprites.sheets.len(),
                x,
                y,
                width: image.width,
                height: image.height,
            });
        }
        sprites.sheets.push((file, width, height));
    }
    sprites
}

fn encoded(width: usize, height: usize, samples: Vec<u8>, most: usize) -> Option<Vec<u8>> {
    let sheet = Image { width, height, channels: 3, samples: Samples::U8(samples), alpha: None };
    QUALITIES.into_iter().find_map(|quality| {
        let options = EncodeOptions { quality: Some(quality), ..EncodeOptions::new(Format::Jpeg) };
        let file = codec::encode(&sheet, &Metadata::default(), None, &options).ok()?.bytes;
        (file.len() <= most).then_some(file)
    })
}

/// The picture in 8-bit RGB, no side above `side`, transparent pixels over white.
pub(super) fn fitted(image: &Image, side: usize) -> Image {
    let flat = flat(image);
    let longest = flat.width.max(flat.height).max(1);
    if longest <= side {
        return flat.into_owned();
    }
    let scaled = |n: usize| (n * side).div_ceil(longest).max(1);
    let (width, height) = (scaled(flat.width), scaled(flat.height));
    shrunk(&flat, width, height).unwrap_or_else(|| resize(&flat, width, height, Filter::Area))
}

/// By whole numbers, which is several times faster than `resize` and good enough for so small a picture.
fn shrunk(image: &Image, width: usize, height: usize) -> Option<Image> {
    use fast_image_resize::images::{Image as Pixels, ImageRef};
    use fast_image_resize::{FilterType, PixelType, ResizeAlg, ResizeOptions, Resizer};
    let Samples::U8(samples) = &image.samples else { return None };
    let side = |n: usize| u32::try_from(n).ok();
    let from = ImageRef::new(side(image.width)?, side(image.height)?, samples, PixelType::U8x3).ok()?;
    let mut to = Pixels::new(side(width)?, side(height)?, PixelType::U8x3);
    let options = ResizeOptions::new().resize_alg(ResizeAlg::Convolution(FilterType::Hamming));
    Resizer::new().resize(&from, &mut to, &options).ok()?;
    Some(Image { width, height, channels: 3, samples: Samples::U8(to.into_vec()), alpha: None })
}

/// The picture in 8-bit RGB, transparent pixels over white.
pub(super) fn flat(image: &Image) -> Cow<'_, Image> {
    if let (Samples::U8(_), 3, None) = (&image.samples, image.channels, &image.alpha) {
        return Cow::Borrowed(image);
    }
    let mut out = Image::new(image.width, image.height, 3, Depth::U8);
    for pixel in 0..image.width * image.height {
        let alpha = image.alpha.as_ref().map_or(1.0, |a| a.get(pixel));
        for channel in 0..3 {
            let value = image.samples.get(pixel * image.channels + channel.min(image.channels - 1));
            out.samples.set(pixel * 3 + channel, value.clamp(0.0, 1.0) * alpha + 1.0 - alpha);
        }
    }
    Cow::Owned(out)
}

fn put(sheet: &mut [u8], stride: usize, image: &Image, (left, top): (usize, usize)) {
    let Samples::U8(from) = &image.samples else { return };
    for (y, row) in from.chunks_exact(image.width * 3).enumerate() {
        let at = ((top + y) * stride + left) * 3;
        if let Some(to) = sheet.get_mut(at..at + row.len()) {
            to.copy_from_slice(row);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codec::Limits;
    use std::path::Path;

    fn noise(seed: usize) -> Image {
        let samples = (0..100 * 50).map(|i| (((i + seed) * 2_654_435_761) >> 7) as u8).collect();
        Image { width: 100, height: 50, channels: 1, samples: Samples::U8(samples), alpha: None }
    }

    #[test]
    fn pictures_stand_where_it_is_said() {
        let open = |n: usize| {
            n.is_multiple_of(2).then(|| Image { samples: Samples::U8(vec![n as u8 * 20; 5000]), ..noise(0) })
        };
        let sprites = sprites(11, 32, 1 << 20, &open);
        assert_eq!(sprites.sheets.len(), 1);
        let (file, width, height) = &sprites.sheets[0];
        assert_eq!((*width, *height), (11 * 32, 32));
        let sheet = codec::decode(file, Path::new("a.jpg"), &Limits::default()).unwrap().image;
        for (n, place) in sprites.places.iter().enumerate() {
            let Some(place) = place else {
                assert_eq!(n % 2, 1);
                continue;
            };
            assert_eq!((place.width, place.height), (32, 16));
            let value = 255.0 * sheet.at(place.x + 16, place.y + 8, 0);
            assert!((value - n as f32 * 20.0).abs() < 6.0, "{n}: {value}");
        }
    }

    #[test]
    fn sheets_stay_within_their_bytes() {
        let whole = sprites(1100, 32, 1 << 20, &|n| Some(noise(n)));
        assert!(whole.sheets.len() == 2 && whole.places.iter().all(Option::is_some));
        for most in [400_000, 100_000, 1000] {
            let sprites = sprites(1100, 32, most, &|n| Some(noise(n)));
            assert!(sprites.sheets.iter().map(|s| s.0.len()).sum::<usize>() <= most);
        }
    }

    #[test]
    fn transparent_pixels_stand_over_white() {
        let mut glass = Image::new(2, 1, 1, Depth::U16);
        glass.alpha = Some(Samples::U16(vec![0, 65_535]));
        assert_eq!(flat(&glass).samples, Samples::U8(vec![255, 255, 255, 0, 0, 0]));
    }
}
