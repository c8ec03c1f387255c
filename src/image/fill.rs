//! Colours for pixels that nobody sees: fully transparent ones often hold arbitrary values, which
//! filters would smear into visible edges.

use super::{Image, Samples};

/// A copy of `image` whose fully transparent pixels take on the colours of the nearest visible ones,
/// spreading outward step by step; none when no pixel is hidden or none is visible.
pub fn fill_hidden(image: &Image) -> Option<Image> {
    let alpha = image.alpha.as_ref()?;
    let (w, h, channels) = (image.width, image.height, image.channels);
    let hidden = |i: usize| match alpha {
        Samples::U8(v) => v[i] == 0,
        Samples::U16(v) => v[i] == 0,
        Samples::F32(v) => v[i] <= 0.0,
    };
    let mut known: Vec<bool> = (0..w * h).map(|i| !hidden(i)).collect();
    if known.iter().all(|k| *k) || !known.iter().any(|k| *k) {
        return None;
    }
    let mut filled = image.clone();
    let mut front: Vec<usize> =
        (0..w * h).filter(|&i| !known[i] && neighbours(i, w, h).any(|n| known[n])).collect();
    while !front.is_empty() {
        // All of one ring are computed from the rings before, so order doesn't matter.
        for &i in &front {
            for c in 0..channels {
                let (sum, count) = neighbours(i, w, h)
                    .filter(|n| known[*n])
                    .fold((0.0, 0.0), |(s, k), n| (s + filled.samples.get(n * channels + c), k + 1.0f32));
                filled.samples.set(i * channels + c, sum / count.max(1.0));
            }
        }
        for &i in &front {
            known[i] = true;
        }
        let mut next: Vec<usize> =
            front.iter().flat_map(|&i| neighbours(i, w, h)).filter(|n| !known[*n]).collect();
        next.sort_unstable();
        next.dedup();
        front = next;
    }
    Some(filled)
}

/// The up to eight pixels around pixel `i`.
fn neighbours(i: usize, w: usize, h: usize) -> impl Iterator<Item = usize> {
    let (x, y) = (i % w, i / w);
    let rows = y.saturating_sub(1)..(y + 2).min(h);
    rows.flat_map(move |v| (x.saturating_sub(1)..(x + 2).min(w)).map(move |u| v * w + u))
        .filter(move |n| *n != i)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hidden_colours_are_replaced_by_visible_ones() {
        let mut image = Image::new(5, 1, 1, super::super::Depth::U8);
        image.samples = Samples::U8(vec![200, 7, 7, 7, 100]);
        image.alpha = Some(Samples::U8(vec![255, 0, 0, 0, 1]));
        let filled = fill_hidden(&image).expect("something is hidden");
        assert_eq!(filled.samples, Samples::U8(vec![200, 200, 150, 100, 100]));
        assert_eq!(filled.alpha, image.alpha);
    }

    #[test]
    fn nothing_to_do_without_hidden_or_without_visible_pixels() {
        let mut image = Image::new(2, 2, 3, super::super::Depth::U16);
        assert_eq!(fill_hidden(&image), None);
        image.alpha = Some(Samples::U16(vec![0; 4]));
        assert_eq!(fill_hidden(&image), None);
        image.alpha = Some(Samples::U16(vec![1; 4]));
        assert_eq!(fill_hidden(&image), None);
    }
}
