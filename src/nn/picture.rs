//! Whether what a network gives is a picture, by its size.

use super::axes::Layout;
use super::guard::EngineError;
use super::normalise::border::Border;

/// Most channels of a picture: colour and alpha.
const MOST_CHANNELS: usize = 4;

/// A picture that comes out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Picture {
    /// Output size over input size.
    pub(super) scale: usize,
    pub(super) channels: usize,
    /// What the network needs around a picture, where it gives less than `scale` times the size.
    pub(super) border: Option<Border>,
}

/// Why a network's output is no picture.
#[derive(Debug, thiserror::Error)]
pub(super) enum NoPicture {
    #[error(transparent)]
    Engine(#[from] EngineError),
    #[error("the size of its output depends on the pixels")]
    Unknown,
    #[error("its output has the shape {0:?}, not 4 axes")]
    Axes(Vec<usize>),
    #[error("its output has {0} channels; pictures have 1 to 4")]
    Channels(usize),
    #[error(
        "its output is {}x{} for an input of {}x{}: it must be 1, 2, 3 or 4 times as large, or that less the same on \
         each side",
        found.0, found.1, input.0, input.1
    )]
    Size { found: (usize, usize), input: (usize, usize) },
}

impl Picture {
    /// By the shape of the output for an input of `height` x `width`.
    pub(super) fn of(
        shape: &[usize],
        layout: Layout,
        (height, width): (usize, usize),
    ) -> Result<Picture, NoPicture> {
        let (channels, h, w) = layout.split(shape).ok_or_else(|| NoPicture::Axes(shape.to_vec()))?;
        let size = || NoPicture::Size { found: (w, h), input: (width, height) };
        if !(1..=MOST_CHANNELS).contains(&channels) {
            return Err(NoPicture::Channels(channels));
        }
        let picture = |scale, border| Picture { scale, channels, border };
        if let Some(scale) = (1..=4).find(|s| h == s * height && w == s * width) {
            return Ok(picture(scale, None));
        }
        // Sides of different length tell the scale; else the least that the size allows is taken.
        let lacking = |s: usize| {
            let missing = (s * height).checked_sub(h).filter(|m| *m > 0 && *m < h)?;
            (s * width).checked_sub(w).filter(|m| *m == missing)
        };
        let found = (1..=4).find_map(|s| Some((s, Border::of(s, lacking(s)?)?)));
        found.map(|(scale, border)| picture(scale, Some(border))).ok_or_else(size)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Scale, channels, and the border with what is cut of it.
    type Seen = (usize, usize, Option<(usize, usize)>);

    fn seen(shape: [usize; 4], size: (usize, usize)) -> Option<Seen> {
        let picture = Picture::of(&shape, Layout::Nchw, size).ok()?;
        Some((picture.scale, picture.channels, picture.border.map(|b| (b.around, b.cut))))
    }

    #[test]
    fn pictures_are_known_by_their_size() {
        assert_eq!(seen([1, 3, 98, 102], (49, 51)), Some((2, 3, None)));
        assert_eq!(seen([1, 4, 49, 51], (49, 51)), Some((1, 4, None)));
        assert_eq!(seen([1, 5, 49, 51], (49, 51)), None);
        assert_eq!(seen([1, 3, 25, 26], (49, 51)), None);
    }

    #[test]
    fn a_constant_border_may_be_missing() {
        // 36 of twice the size: 9 around.
        assert_eq!(seen([1, 3, 62, 66], (49, 51)), Some((2, 3, Some((9, 0)))));
        // 6 of three times the size: one around is enough.
        assert_eq!(seen([1, 3, 141, 147], (49, 51)), Some((3, 3, Some((1, 0)))));
        assert_eq!(seen([1, 3, 143, 149], (49, 51)), Some((3, 3, Some((1, 1)))));
        assert_eq!(seen([1, 3, 48, 50], (49, 51)), None);
        assert_eq!(seen([1, 3, 47, 48], (49, 51)), None);
    }
}
