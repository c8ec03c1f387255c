//! Turning pixels as an EXIF orientation tag says.

use super::{Image, Samples};

/// The picture as it is meant to be seen: `orientation` (1..=8, anything else counts as 1) applied.
pub fn upright(image: Image, orientation: u8) -> Image {
    if !(2..=8).contains(&orientation) {
        return image;
    }
    let (w, h) = (image.width, image.height);
    let (width, height) = if orientation >= 5 { (h, w) } else { (w, h) };
    // Where output pixel (x, y) is stored.
    let stored = |x: usize, y: usize| match orientation {
        2 => (w - 1 - x, y),
        3 => (w - 1 - x, h - 1 - y),
        4 => (x, h - 1 - y),
        5 => (y, x),
        6 => (y, h - 1 - x),
        7 => (w - 1 - y, h - 1 - x),
        _ => (w - 1 - y, x),
    };
    let turn = |samples: &Samples, channels: usize| match samples {
        Samples::U8(v) => Samples::U8(gather(v, channels, w, (width, height), stored)),
        Samples::U16(v) => Samples::U16(gather(v, channels, w, (width, height), stored)),
        Samples::F32(v) => Samples::F32(gather(v, channels, w, (width, height), stored)),
    };
    Image {
        width,
        height,
        channels: image.channels,
        samples: turn(&image.samples, image.channels),
        alpha: image.alpha.as_ref().map(|alpha| turn(alpha, 1)),
    }
}

fn gather<T: Copy>(
    from: &[T],
    channels: usize,
    from_width: usize,
    (width, height): (usize, usize),
    stored: impl Fn(usize, usize) -> (usize, usize),
) -> Vec<T> {
    let mut out = Vec::with_capacity(from.len());
    for y in 0..height {
        for x in 0..width {
            let (sx, sy) = stored(x, y);
            let at = (sy * from_width + sx) * channels;
            out.extend_from_slice(&from[at..at + channels]);
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 3 x 2 pixels: 0 1 2 / 3 4 5.
    fn picture() -> Image {
        Image {
            width: 3,
            height: 2,
            channels: 1,
            samples: Samples::U8(vec![0, 1, 2, 3, 4, 5]),
            alpha: Some(Samples::U8(vec![10, 11, 12, 13, 14, 15])),
        }
    }

    #[test]
    fn every_orientation_is_as_exif_defines_it() {
        let expected: [(u8, [u8; 6]); 8] = [
            (1, [0, 1, 2, 3, 4, 5]),
            (2, [2, 1, 0, 5, 4, 3]),
            (3, [5, 4, 3, 2, 1, 0]),
            (4, [3, 4, 5, 0, 1, 2]),
            (5, [0, 3, 1, 4, 2, 5]),
            (6, [3, 0, 4, 1, 5, 2]),
            (7, [5, 2, 4, 1, 3, 0]),
            (8, [2, 5, 1, 4, 0, 3]),
        ];
        for (orientation, want) in expected {
            let turned = upright(picture(), orientation);
            assert_eq!(turned.samples, Samples::U8(want.to_vec()), "orientation {orientation}");
            assert_eq!(turned.alpha, Some(Samples::U8(want.map(|v| v + 10).to_vec())));
            assert_eq!((turned.width, turned.height), if orientation < 5 { (3, 2) } else { (2, 3) });
        }
    }

    #[test]
    fn colour_pixels_stay_whole_and_invalid_values_do_nothing() {
        let image = Image {
            width: 2,
            height: 1,
            channels: 3,
            samples: Samples::U16(vec![1, 2, 3, 4, 5, 6]),
            alpha: None,
        };
        assert_eq!(upright(image.clone(), 3).samples, Samples::U16(vec![4, 5, 6, 1, 2, 3]));
        assert_eq!(upright(image.clone(), 0), image);
        assert_eq!(upright(image.clone(), 9), image);
    }
}
