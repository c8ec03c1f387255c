//! Statistics that a broken renderer would miss, and what must never change unnoticed.

use super::palette::luma;
use super::*;

fn pictures(size: u16, marks: f64, count: u64) -> Vec<Image> {
    (0..count).map(|seed| render(&Params { size, marks }, seed)).collect()
}

fn bytes_of(picture: &Image) -> &[u8] {
    let Samples::U8(bytes) = &picture.samples else { panic!("{:?}", picture.depth()) };
    bytes
}

fn brightness(picture: &Image) -> Vec<f32> {
    bytes_of(picture).chunks_exact(3).map(|c| luma([c[0], c[1], c[2]].map(f32::from))).collect()
}

/// Mean of the squared difference of averages over blocks of `block` pixels that lie side by side.
fn change(values: &[f32], side: usize, block: usize) -> f64 {
    let n = side / block;
    let mean = |x: usize, y: usize| {
        let rows = (0..block).map(|r| &values[(y * block + r) * side + x * block..][..block]);
        f64::from(rows.flatten().sum::<f32>()) / (block * block) as f64
    };
    let pairs = (0..n).flat_map(|y| (1..n).map(move |x| (x, y)));
    pairs.map(|(x, y)| (mean(x, y) - mean(x - 1, y)).powi(2)).sum::<f64>() / (n * (n - 1)) as f64
}

/// Changing this changes the bytes of everybody's data sets: count up `SYNTH.version` with it.
#[test]
fn golden() {
    let mut hasher = blake3::Hasher::new();
    for picture in pictures(96, 0.5, 40) {
        hasher.update(bytes_of(&picture));
    }
    assert_eq!(&hasher.finalize().to_hex()[..16], "6b1317f4f67d0b33");
}

#[test]
fn pictures_are_neither_flat_nor_noise() {
    let (mut flat, mut means) = (0, Vec::new());
    for picture in pictures(128, 0.25, 60) {
        let values = brightness(&picture);
        let n = values.len() as f32;
        let mean = values.iter().sum::<f32>() / n;
        let deviation = (values.iter().map(|v| (v - mean) * (v - mean)).sum::<f32>() / n).sqrt();
        flat += usize::from(deviation < 4.0);
        means.push(mean);
    }
    means.sort_by(f32::total_cmp);
    assert!(flat <= 4, "{flat} of 60 are flat");
    assert!(means[10] < 90.0 && means[50] > 110.0, "{means:?}");
}

/// Averages of blocks differ about as much at every size of block when the power falls with the square of the
/// frequency, as it does in photographs; for white noise the ratio from 1 to 8 pixels were 64.
#[test]
fn scales_are_alike() {
    let mut ratios: Vec<f64> = pictures(256, 0.25, 30)
        .iter()
        .map(|p| {
            let values = brightness(p);
            change(&values, 256, 1) / change(&values, 256, 8)
        })
        .collect();
    ratios.sort_by(f64::total_cmp);
    assert!((0.1..1.0).contains(&ratios[15]) && ratios[28] < 4.0, "{ratios:?}");
}

/// Most neighbours are close, few far apart.
#[test]
fn contrasts_have_heavy_tails() {
    let mut tails = 0;
    for picture in pictures(256, 0.0, 30) {
        let values = brightness(&picture);
        let steps: Vec<f64> =
            values.chunks_exact(256).flat_map(|row| row.windows(2).map(|w| f64::from(w[1] - w[0]))).collect();
        let moment = |p: i32| steps.iter().map(|d| d.powi(p)).sum::<f64>() / steps.len() as f64;
        tails += usize::from(moment(4) > 5.0 * moment(2) * moment(2));
    }
    assert!(tails >= 24, "{tails} of 30");
}

#[test]
fn everything_is_covered_at_the_smallest_and_at_odd_sizes() {
    for size in [16, 17, 33, 127] {
        for picture in pictures(size, 1.0, 12) {
            let bytes = bytes_of(&picture);
            assert_eq!(bytes.len(), 3 * usize::from(size) * usize::from(size));
            // What is not covered is black in all channels, which no surface is over so much of a picture.
            let black = bytes.chunks_exact(3).filter(|c| c.iter().all(|v| *v == 0)).count();
            assert!(black * 2 < bytes.len() / 3, "{size}: {black}");
        }
    }
}

#[test]
fn layers_close_the_picture() {
    let mut rng = Rng::new(8);
    for _ in 0..20 {
        let style = Style::draw(96, &mut rng);
        let mut canvas = Canvas::new(96);
        let group = Group { front: true, share: 1.0, last: true, few: None, sigma: 0.0 };
        drop_shapes(&mut canvas, &style, &group, &mut rng);
        assert_eq!(canvas.left, 0);
        assert!(canvas.pixels.iter().all(|p| p[3] == 0.0));
    }
}
