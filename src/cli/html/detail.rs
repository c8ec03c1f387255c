//! Which part of two pictures shows best what has changed, and how far they are apart.

use crate::image::Image;
use crate::image::crop::{Gravity, Rect};

/// Side of the blocks that changes are looked for in, in pixels.
const BLOCK: usize = 32;

/// How far two pictures of one size are apart, as the root mean square of the differences on a scale to 255; none where
/// their sizes differ.
pub(super) fn apart(before: &Image, after: &Image) -> Option<f64> {
    let (sums, _, _) = blocks(before, after)?;
    let pixels = before.width * before.height;
    Some(255.0 * (sums.iter().sum::<f64>() / pixels.max(1) as f64).sqrt())
}

/// The part of `after`, no larger than `most`, in which it differs most from `before`; the middle where the two are not of
/// one size.
pub(super) fn window(before: &Image, after: &Image, most: (usize, usize)) -> Rect {
    let full = (after.width, after.height);
    let middle = Gravity::Center.rect(full, most.0, most.1);
    if full.0 <= most.0 && full.1 <= most.1 {
        return middle;
    }
    let Some((sums, across, down)) = blocks(before, after) else { return middle };
    let (wide, tall) = ((most.0 / BLOCK).clamp(1, across), (most.1 / BLOCK).clamp(1, down));
    // Sums over rectangles from the top left.
    let mut table = vec![0.0; (across + 1) * (down + 1)];
    for y in 0..down {
        for x in 0..across {
            let at = |x: usize, y: usize| table[y * (across + 1) + x];
            let sum = sums[y * across + x] + at(x, y + 1) + at(x + 1, y) - at(x, y);
            table[(y + 1) * (across + 1) + x + 1] = sum;
        }
    }
    let at = |x: usize, y: usize| table[y * (across + 1) + x];
    let mut best = (-1.0, 0, 0);
    for y in 0..=down - tall {
        for x in 0..=across - wide {
            let sum = at(x + wide, y + tall) - at(x, y + tall) - at(x + wide, y) + at(x, y);
            if sum > best.0 * (1.0 + 1e-9) {
                best = (sum, x, y);
            }
        }
    }
    if best.0 <= 0.0 {
        return middle;
    }
    let corner = |block: usize, full: usize, size: usize| (block * BLOCK).min(full.saturating_sub(size));
    let (x, y) = (corner(best.1, full.0, middle.width), corner(best.2, full.1, middle.height));
    Rect { x, y, ..middle }
}

/// Sums of squared differences of brightness, block by block, and how many blocks there are across and down.
fn blocks(before: &Image, after: &Image) -> Option<(Vec<f64>, usize, usize)> {
    if (before.width, before.height) != (after.width, after.height) {
        return None;
    }
    let (across, down) = (after.width.div_ceil(BLOCK), after.height.div_ceil(BLOCK));
    let mut sums = vec![0.0; across * down];
    for y in 0..after.height {
        for x in 0..after.width {
            let difference = f64::from(gray(before, x, y) - gray(after, x, y));
            sums[y / BLOCK * across + x / BLOCK] += difference * difference;
        }
    }
    Some((sums, across, down))
}

fn gray(image: &Image, x: usize, y: usize) -> f32 {
    match image.channels {
        3 => 0.299 * image.at(x, y, 0) + 0.587 * image.at(x, y, 1) + 0.114 * image.at(x, y, 2),
        _ => image.at(x, y, 0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::image::Depth;

    #[test]
    fn the_window_is_where_something_changed() {
        let before = Image::new(400, 300, 1, Depth::U8);
        let mut after = before.clone();
        for y in 250..280 {
            (360..390).for_each(|x| after.samples.set(y * 400 + x, 1.0));
        }
        let found = window(&before, &after, (128, 96));
        assert!(
            found.x <= 360 && found.x + found.width >= 390 && found.y <= 250 && found.y + found.height >= 280,
            "{found:?}"
        );
        assert_eq!((found.width, found.height), (128, 96));
        assert!((apart(&before, &after).unwrap() - 255.0 * (900.0f64 / 120_000.0).sqrt()).abs() < 0.01);
        // Nothing changed, or not comparable.
        let middle = Gravity::Center.rect((400, 300), 128, 96);
        assert_eq!(window(&before, &before, (128, 96)), middle);
        assert_eq!(window(&Image::new(200, 150, 3, Depth::U16), &after, (128, 96)), middle);
        assert_eq!(window(&before, &after, (1000, 1000)), Rect { x: 0, y: 0, width: 400, height: 300 });
    }
}
