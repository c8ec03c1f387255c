//! Enlarging by a whole number with Catmull-Rom interpolation, any part of a picture at a time.

/// A rectangle in pixels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Region {
    /// Left edge.
    pub x: usize,
    /// Upper edge.
    pub y: usize,
    /// Width.
    pub width: usize,
    /// Height.
    pub height: usize,
}

/// The part `region` (in source pixels) of a `width` x `height` plane read by `get(x, y)`, enlarged
/// `scale` times; borders continue. Any two parts fit together seamlessly.
pub fn enlarge(
    (width, height): (usize, usize),
    get: impl Fn(usize, usize) -> f32,
    region: Region,
    scale: usize,
) -> Vec<f32> {
    let phases: Vec<(isize, [f32; 4])> = (0..scale).map(|p| phase(p, scale)).collect();
    let out_width = region.width * scale;
    let clamp = |i: isize, n: usize| i.clamp(0, n as isize - 1) as usize;
    // Rows from two above to two below, enlarged horizontally.
    let wide_row = |y: isize| -> Vec<f32> {
        let y = clamp(y, height);
        let pixel = |ox: usize| {
            let (first, weights) = phases[ox % scale];
            let left = (region.x + ox / scale) as isize + first;
            (0..4).map(|k| weights[k] * get(clamp(left + k as isize, width), y)).sum()
        };
        (0..out_width).map(pixel).collect()
    };
    let top = region.y as isize - 2;
    let rows: Vec<Vec<f32>> = (0..region.height + 4).map(|r| wide_row(top + r as isize)).collect();
    let mut out = Vec::with_capacity(out_width * region.height * scale);
    for oy in 0..region.height * scale {
        let (first, weights) = phases[oy % scale];
        let upper = (2 + (oy / scale) as isize + first) as usize;
        out.extend((0..out_width).map(|x| (0..4).map(|k| weights[k] * rows[upper + k][x]).sum::<f32>()));
    }
    out
}

/// First of four source pixels, relative to the pixel that the output lies in, and their weights.
fn phase(p: usize, scale: usize) -> (isize, [f32; 4]) {
    let centre = (p as f32 + 0.5) / scale as f32 - 0.5;
    let cell = centre.floor();
    let t = centre - cell;
    let (t2, t3) = (t * t, t * t * t);
    let weights = [
        -0.5 * t3 + t2 - 0.5 * t,
        1.5 * t3 - 2.5 * t2 + 1.0,
        -1.5 * t3 + 2.0 * t2 + 0.5 * t,
        0.5 * t3 - 0.5 * t2,
    ];
    (cell as isize - 1, weights)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slopes_are_kept_inside() {
        let all = Region { x: 0, y: 0, width: 9, height: 9 };
        for scale in 1..=4 {
            let out = enlarge((9, 9), |x, y| x as f32 + 10.0 * y as f32, all, scale);
            for oy in 2 * scale..7 * scale {
                for ox in 2 * scale..7 * scale {
                    let at = |o: usize| (o as f32 + 0.5) / scale as f32 - 0.5;
                    let want = at(ox) + 10.0 * at(oy);
                    assert!((out[oy * 9 * scale + ox] - want).abs() < 1e-4);
                }
            }
        }
    }

    #[test]
    fn parts_fit_together() {
        let get = |x: usize, y: usize| ((x * 31 + y * 17) % 13) as f32;
        let whole = enlarge((7, 5), get, Region { x: 0, y: 0, width: 7, height: 5 }, 3);
        let part = enlarge((7, 5), get, Region { x: 2, y: 1, width: 4, height: 3 }, 3);
        for y in 0..9 {
            for x in 0..12 {
                assert_eq!(part[y * 12 + x], whole[(y + 3) * 21 + x + 6]);
            }
        }
    }
}
