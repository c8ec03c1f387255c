//! Cutting rectangles out of pictures.

use super::{Image, Samples};

/// A rectangle of pixels; `x`, `y` is its top left corner.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rect {
    /// Left edge, in pixels from the left.
    pub x: usize,
    /// Top edge, in pixels from the top.
    pub y: usize,
    /// Width in pixels.
    pub width: usize,
    /// Height in pixels.
    pub height: usize,
}

impl Rect {
    /// The part of the rectangle inside a `width` x `height` picture; `None` when that is empty.
    pub fn clip(self, width: usize, height: usize) -> Option<Rect> {
        let w = self.width.min(width.saturating_sub(self.x));
        let h = self.height.min(height.saturating_sub(self.y));
        (w > 0 && h > 0).then_some(Rect { width: w, height: h, ..self })
    }
}

/// Which part of the picture a crop of a given size keeps.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Gravity {
    /// The middle (half a pixel up and left where it doesn't divide evenly).
    #[default]
    Center,
    /// The middle of the top edge.
    Top,
    /// The middle of the bottom edge.
    Bottom,
    /// The middle of the left edge.
    Left,
    /// The middle of the right edge.
    Right,
    /// The top left corner.
    TopLeft,
    /// The top right corner.
    TopRight,
    /// The bottom left corner.
    BottomLeft,
    /// The bottom right corner.
    BottomRight,
}

impl Gravity {
    /// The `width` x `height` rectangle at this place of a `full.0` x `full.1` picture, cut down
    /// to the picture where it is larger and never below one pixel.
    pub fn rect(self, full: (usize, usize), width: usize, height: usize) -> Rect {
        use Gravity::*;
        let (width, height) = (width.clamp(1, full.0.max(1)), height.clamp(1, full.1.max(1)));
        let (spare_x, spare_y) = (full.0.saturating_sub(width), full.1.saturating_sub(height));
        let x = match self {
            Left | TopLeft | BottomLeft => 0,
            Center | Top | Bottom => spare_x / 2,
            Right | TopRight | BottomRight => spare_x,
        };
        let y = match self {
            Top | TopLeft | TopRight => 0,
            Center | Left | Right => spare_y / 2,
            Bottom | BottomLeft | BottomRight => spare_y,
        };
        Rect { x, y, width, height }
    }
}

/// The part of `image` inside `rect` (clipped to the picture); `None` when they don't overlap.
pub fn crop(image: &Image, rect: Rect) -> Option<Image> {
    let rect = rect.clip(image.width, image.height)?;
    Some(Image {
        width: rect.width,
        height: rect.height,
        channels: image.channels,
        samples: cut(&image.samples, image.width, image.channels, rect),
        alpha: image.alpha.as_ref().map(|a| cut(a, image.width, 1, rect)),
    })
}

/// The `width` x `height` part of `image` at `gravity`; a size beyond the picture's is cut down to it.
pub fn crop_to(image: &Image, width: usize, height: usize, gravity: Gravity) -> Image {
    crop(image, gravity.rect((image.width, image.height), width, height)).unwrap_or_else(|| image.clone())
}

/// `rect` must lie inside the picture.
fn cut(samples: &Samples, stride: usize, channels: usize, rect: Rect) -> Samples {
    fn rows<T: Copy>(v: &[T], stride: usize, channels: usize, rect: Rect) -> Vec<T> {
        let columns = rect.x * channels..(rect.x + rect.width) * channels;
        let rows = v.chunks_exact(stride * channels).skip(rect.y).take(rect.height);
        rows.flat_map(|row| &row[columns.clone()]).copied().collect()
    }
    match samples {
        Samples::U8(v) => Samples::U8(rows(v, stride, channels, rect)),
        Samples::U16(v) => Samples::U16(rows(v, stride, channels, rect)),
        Samples::F32(v) => Samples::F32(rows(v, stride, channels, rect)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn numbered(width: usize, height: usize) -> Image {
        Image {
            width,
            height,
            channels: 1,
            samples: Samples::U8((0..width * height).map(|i| i as u8).collect()),
            alpha: Some(Samples::U8((0..width * height).map(|i| 100 + i as u8).collect())),
        }
    }

    #[test]
    fn crops_colour_and_alpha_alike() {
        let cut = crop(&numbered(4, 3), Rect { x: 1, y: 1, width: 2, height: 2 }).unwrap();
        assert_eq!(cut.samples, Samples::U8(vec![5, 6, 9, 10]));
        assert_eq!(cut.alpha, Some(Samples::U8(vec![105, 106, 109, 110])));
    }

    #[test]
    fn clips_to_the_picture() {
        let cut = crop(&numbered(4, 3), Rect { x: 3, y: 2, width: 9, height: usize::MAX }).unwrap();
        assert_eq!((cut.width, cut.height, cut.samples), (1, 1, Samples::U8(vec![11])));
        assert!(crop(&numbered(4, 3), Rect { x: 4, y: 0, width: 1, height: 1 }).is_none());
        assert!(crop(&numbered(4, 3), Rect { x: 0, y: 0, width: 0, height: 1 }).is_none());
    }

    #[test]
    fn gravity_picks_the_place_and_never_leaves_the_picture() {
        let image = numbered(5, 5);
        assert_eq!(crop_to(&image, 1, 1, Gravity::Center).samples, Samples::U8(vec![12]));
        assert_eq!(crop_to(&image, 2, 1, Gravity::BottomRight).samples, Samples::U8(vec![23, 24]));
        assert_eq!(crop_to(&image, 1, 1, Gravity::Top).samples, Samples::U8(vec![2]));
        assert_eq!(crop_to(&image, 99, 99, Gravity::Left), image);
        assert_eq!(crop_to(&image, 0, 0, Gravity::TopLeft).samples, Samples::U8(vec![0]));
    }
}
