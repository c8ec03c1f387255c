//! How a network's tiles lie on a picture.

use super::info::{ModelInfo, Receptive};
use super::tile::{self, Axis, Demands};

/// Working memory of a picture that is run whole where its parts can't give what the whole gives, in bytes.
const WHOLE: u64 = 1 << 30;

/// How a network's tiles lie on a picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Grid {
    /// Width and height of each tile, in input pixels.
    pub tile: (usize, usize),
    /// How many there are.
    pub tiles: usize,
    /// Whether each gives a part that is as in the whole; else overlaps are blended.
    pub exact: bool,
}

impl ModelInfo {
    /// How `restore` lays tiles on a picture of this size, when nothing is said of them.
    pub fn grid(&self, width: usize, height: usize) -> Grid {
        let (x, y) = axes(self, (width, height), None, true);
        Grid {
            tile: (x.tile, y.tile),
            tiles: x.spans.len().saturating_mul(y.spans.len()),
            exact: x.exact && y.exact,
        }
    }
}

/// Tiles along the width and along the height, none longer than `longest` if given. With `whole`, a network whose parts
/// can't give what the whole gives takes the whole picture where that fits.
pub(super) fn axes(
    info: &ModelInfo,
    (width, height): (usize, usize),
    longest: Option<usize>,
    whole: bool,
) -> (Axis, Axis) {
    let radius = match info.receptive {
        Receptive::Pixels(radius) => Some(radius),
        Receptive::Global => None,
    };
    let demands = Demands { radius, multiple: info.size_multiple, period: info.period, least: info.least };
    if let Some((h, w)) = info.fixed_size {
        return (tile::fixed(width, w, demands), tile::fixed(height, h, demands));
    }
    let mut side = longest.unwrap_or_else(|| tile::best_length(demands, info.memory_apart));
    let bytes = (width as u64).saturating_mul(height as u64).saturating_mul(info.memory_apart as u64);
    if whole && radius.is_none() && longest.is_none() && bytes <= WHOLE {
        side = side.max(width.max(height) + info.size_multiple + info.least);
    }
    (tile::variable(width, side, demands), tile::variable(height, side, demands))
}
