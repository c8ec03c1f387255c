use super::*;
use crate::image::cubic::Region;

const RANGE: Range = Range::Unit;

fn samples(count: usize) -> Vec<u8> {
    (0..count).map(|i| (i * 37 % 251) as u8).collect()
}

#[test]
fn regions_go_on_behind_the_border_by_reflection() {
    for channels in [1, 3] {
        let (width, height) = (5, 4);
        let colours = samples(width * height * channels);
        let source = Source::plain((width, height), channels, &colours);
        let mean = vec![0.2, 0.3, 0.4];
        let ranges = [RANGE, Range::Byte, Range::MeanStd { mean, std: vec![0.5, 0.25, 0.1] }];
        for (range, layout) in ranges.iter().flat_map(|r| [(r, Layout::Nchw), (r, Layout::Nhwc)]) {
            let region = Region { x: 2, y: 1, width: 7, height: 6 };
            let mut out = vec![];
            source.read(region, 0, channels, layout, range, &mut out);
            assert_eq!(out.len(), 7 * 6 * channels);
            for (y, x, c) in (0..6).flat_map(|y| (0..7).flat_map(move |x| (0..3).map(move |c| (y, x, c)))) {
                let (sx, sy) = ([2, 3, 4, 3, 2, 1, 0][x], [1, 2, 3, 2, 1, 0][y]);
                if c < channels {
                    let (gain, offset) = range.affine(c);
                    let wanted = gain * colours[(sy * width + sx) * channels + c].unit() + offset;
                    let at =
                        if layout == Layout::Nchw { (c * 6 + y) * 7 + x } else { (y * 7 + x) * channels + c };
                    assert_eq!(out[at], wanted, "{channels} {range} {layout:?} {x} {y} {c}");
                }
            }
        }
    }
}

#[test]
fn what_comes_back_is_mixed_and_hidden_pixels_stay() {
    let (width, height) = (6, 3);
    let colours = samples(width * height * 3);
    let mut alpha = vec![255u8; width * height];
    alpha[8] = 0;
    let made = |p: usize, x: usize, y: usize| (p + 2 * x + 3 * y) as f32 / 20.0 - 0.1;
    for strength in [1.0, 0.25] {
        let source = Source { alpha: Some(&alpha), strength, ..Source::plain((width, height), 3, &colours) };
        let region = Region { x: 1, y: 1, width: 4, height: 2 };
        let mut out = [0u8; 4 * 2 * 3];
        let mut tally = Tally::default();
        let fill = |p: usize, y: usize, row: &mut [f32]| {
            row.iter_mut().enumerate().for_each(|(x, v)| *v = made(p, x, y));
        };
        source.compose(region, 1, fill, &mut tally, out.chunks_exact_mut(12));
        assert_eq!((tally.in_count, tally.out_count, tally.not_finite), (24, 24, 0));
        for (i, found) in out.iter().enumerate() {
            let (y, x, c) = (i / 12, i % 12 / 3, i % 3);
            let was = colours[((y + 1) * width + x + 1) * 3 + c];
            let mixed = if strength < 1.0 {
                was.unit() + strength * (made(c, x, y) - was.unit())
            } else {
                made(c, x, y)
            };
            let hidden = (y, x) == (0, 1);
            assert_eq!(*found, if hidden { was } else { u8::from_unit(mixed) }, "{strength} {x} {y} {c}");
        }
    }
}
