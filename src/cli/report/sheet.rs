//! Before/after pictures side by side at full size, so that a person sees the difference.

use crate::image::Image;
use crate::image::crop::{Gravity, Rect, crop, crop_to};
use crate::image::resize::{Filter, resize};
use crate::image::sheet::Sheet;

/// One picture before and after, both upright.
#[derive(Debug)]
pub(crate) struct Pair {
    /// The input.
    pub before: Image,
    /// The output.
    pub after: Image,
}

/// Largest width and height of one panel, in pixels.
const PANEL: (usize, usize) = (360, 240);
const GAP: usize = 6;

/// A sheet with one row a pair: the same detail before (left) and after (right), pixel for pixel.
///
/// The detail is the middle of the picture. Where the output is larger than the input, the input is
/// enlarged by repeating pixels. 8-bit RGB, transparent pixels over white.
pub(crate) fn before_after(pairs: &[Pair]) -> Image {
    // No larger than the largest detail, for sheets of small patches.
    let largest = |side: fn(&Image) -> usize, most: usize| {
        pairs.iter().map(|p| side(&p.after)).max().unwrap_or(most).clamp(32, most)
    };
    let panel = (largest(|i| i.width, PANEL.0), largest(|i| i.height, PANEL.1));
    let width = 2 * panel.0 + 3 * GAP;
    let height = pairs.len() * (panel.1 + GAP) + GAP;
    let mut sheet = Sheet::new(width, height);
    // In the middle of its panel.
    let mut put = |part: &Image, (left, top): (usize, usize)| {
        sheet.picture(part, 1, (left + (panel.0 - part.width) / 2, top + (panel.1 - part.height) / 2));
    };
    for (row, pair) in pairs.iter().enumerate() {
        let top = GAP + row * (panel.1 + GAP);
        let (w, h) = (pair.after.width, pair.after.height);
        let before = if (pair.before.width, pair.before.height) == (w, h) {
            detail(&pair.before, panel)
        } else {
            // Only the detail is enlarged, not the whole picture.
            let rect = Gravity::Center.rect((w, h), panel.0, panel.1);
            let scale = |v: usize, from: usize, to: usize| v * from / to.max(1);
            let source = Rect {
                x: scale(rect.x, pair.before.width, w),
                y: scale(rect.y, pair.before.height, h),
                width: scale(rect.width, pair.before.width, w).max(1),
                height: scale(rect.height, pair.before.height, h).max(1),
            };
            let part = crop(&pair.before, source).unwrap_or_else(|| pair.before.clone());
            resize(&part, rect.width, rect.height, Filter::Nearest)
        };
        put(&before, (GAP, top));
        put(&detail(&pair.after, panel), (2 * GAP + panel.0, top));
    }
    sheet.into_image()
}

fn detail(image: &Image, panel: (usize, usize)) -> Image {
    crop_to(image, panel.0, panel.1, Gravity::Center)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::image::Depth;

    #[test]
    fn panels_stand_side_by_side() {
        let mut after = Image::new(500, 400, 3, Depth::U8);
        (0..after.samples.len()).for_each(|i| after.samples.set(i, 1.0));
        let pair = Pair { before: Image::new(250, 200, 1, Depth::U16), after };
        let sheet = before_after(&[pair]);
        assert_eq!((sheet.width, sheet.height), (2 * 360 + 18, 252));
        assert_eq!((sheet.at(100, 100, 0), sheet.at(500, 100, 1)), (0.0, 1.0));
    }
}
