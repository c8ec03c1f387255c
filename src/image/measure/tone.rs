//! Tones of a picture: brightness, contrast, entropy, sharpness, blankness, of its BT.601 luma.

use super::subject::{Kind, Measurement, Reading, Subject};

/// Nothing beside the luma.
fn nothing(_: u64, _: u64) -> u64 {
    0
}

/// Registration of [`mean`].
pub static MEAN: Measurement = Measurement {
    name: "mean",
    columns: &[("mean", Kind::Float)],
    doc: "`mean` (of luma, 0 to 1)",
    read: |subject| Some(vec![Reading::Float(mean(subject))]),
    bytes: nothing,
};

/// Registration of [`contrast`].
pub static CONTRAST: Measurement = Measurement {
    name: "contrast",
    columns: &[("contrast", Kind::Float)],
    doc: "`contrast` (standard deviation of luma, 0 to 1)",
    read: |subject| Some(vec![Reading::Float(contrast(subject))]),
    bytes: nothing,
};

/// Registration of [`entropy`].
pub static ENTROPY: Measurement = Measurement {
    name: "entropy",
    columns: &[("entropy", Kind::Float)],
    doc: "`entropy` (bits a pixel of 8-bit luma)",
    read: |subject| Some(vec![Reading::Float(entropy(subject))]),
    bytes: nothing,
};

/// Registration of [`sharpness`].
pub static SHARPNESS: Measurement = Measurement {
    name: "sharpness",
    columns: &[("sharpness", Kind::Float)],
    doc: "`sharpness` (variance of the Laplacian of luma, 0 to 255 scale)",
    read: |subject| Some(vec![Reading::Float(sharpness(subject))]),
    bytes: |_, height| 16 * height,
};

/// Registration of [`blank`].
pub static BLANK: Measurement = Measurement {
    name: "blank",
    columns: &[("blank", Kind::Bool)],
    doc: "`blank` (nothing but one tone)",
    read: |subject| Some(vec![Reading::Bool(blank(subject))]),
    bytes: nothing,
};

fn mean_and_variance(values: impl Iterator<Item = f64> + Clone) -> (f64, f64) {
    let (count, sum) = values.clone().fold((0.0, 0.0), |(n, s), v| (n + 1.0, s + v));
    if count == 0.0 {
        return (0.0, 0.0);
    }
    let mean = sum / count;
    (mean, values.map(|v| (v - mean) * (v - mean)).sum::<f64>() / count)
}

/// Mean luma, in \[0, 1\].
pub fn mean(subject: &Subject<'_>) -> f64 {
    mean_and_variance(subject.luma().iter().map(|&v| f64::from(v))).0
}

/// Standard deviation of the luma (RMS contrast), in \[0, 0.5\].
pub fn contrast(subject: &Subject<'_>) -> f64 {
    mean_and_variance(subject.luma().iter().map(|&v| f64::from(v))).1.sqrt()
}

/// Shannon entropy of the histogram of the luma rounded to 8 bits, in bits: 0..=8.
pub fn entropy(subject: &Subject<'_>) -> f64 {
    let plane = subject.luma();
    let mut histogram = [0u64; 256];
    plane.iter().for_each(|v| histogram[usize::from((v * 255.0).round().clamp(0.0, 255.0) as u8)] += 1);
    let total = plane.len().max(1) as f64;
    let bits = |n: u64| -(n as f64 / total) * (n as f64 / total).log2();
    histogram.into_iter().filter(|&n| n > 0).map(bits).sum::<f64>().max(0.0)
}

/// Variance of the 4-neighbour Laplacian of the luma on the \[0, 255\] scale.
///
/// The common focus measure: higher is sharper, but noise raises it too. Taken over the pixels that
/// have all four neighbours; 0 below 3x3.
pub fn sharpness(subject: &Subject<'_>) -> f64 {
    let (width, height) = subject.size();
    if width < 3 || height < 3 {
        return 0.0;
    }
    let (mut count, mut sum) = (0.0, 0.0);
    laplacian(subject, |v| {
        count += 1.0;
        sum += v;
    });
    let (mean, mut squares) = (sum / count, 0.0);
    laplacian(subject, |v| squares += (v - mean) * (v - mean));
    squares / count
}

/// Hands over the Laplacian of each pixel that has all four neighbours, row by row.
fn laplacian(subject: &Subject<'_>, mut take: impl FnMut(f64)) {
    let (width, height) = subject.size();
    let mut rooms = [const { Vec::new() }; 3];
    let mut values = vec![0.0f32; width - 2];
    for y in 1..height - 1 {
        // Of the three rows, two are there from the row before.
        rooms.rotate_left(if y > 1 { 1 } else { 0 });
        let [a, b, c] = &mut rooms;
        let fresh = if y > 1 { [false, false, true] } else { [true; 3] };
        let rows = [(a, y - 1, fresh[0]), (b, y, fresh[1]), (c, y + 1, fresh[2])];
        let [up, here, down] = rows.map(|(room, y, fresh)| subject.luma_row(y, room, fresh));
        for (x, v) in values.iter_mut().enumerate() {
            *v = up[x + 1] + down[x + 1] + here[x] + here[x + 2] - 4.0 * here[x + 1];
        }
        values.iter().for_each(|v| take(255.0 * f64::from(*v)));
    }
}

/// Whether the picture is nearly constant: [`contrast`] below two of 255 levels.
///
/// A single small word on an empty page is already more than that.
pub fn blank(subject: &Subject<'_>) -> bool {
    contrast(subject) < 2.0 / 255.0
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::image::{Image, Samples};

    fn gray(width: usize, samples: Vec<u8>) -> Image {
        Image {
            width,
            height: samples.len() / width,
            channels: 1,
            samples: Samples::U8(samples),
            alpha: None,
        }
    }

    #[test]
    fn known_values() {
        let half = gray(4, vec![0, 0, 0, 0, 255, 255, 255, 255]);
        assert_eq!(
            (mean(&Subject::new(&half)), contrast(&Subject::new(&half)), entropy(&Subject::new(&half))),
            (0.5, 0.5, 1.0)
        );
        let all = gray(16, (0..=255).collect());
        assert!((entropy(&Subject::new(&all)) - 8.0).abs() < 1e-9);
        // One Laplacian in a 3x3 picture: no variance. In 4x3: -4*51 and +51 around their mean.
        assert_eq!(sharpness(&Subject::new(&gray(3, vec![0, 0, 0, 0, 9, 0, 0, 0, 0]))), 0.0);
        let sharp = sharpness(&Subject::new(&gray(4, vec![0, 0, 0, 0, 0, 51, 0, 0, 0, 0, 0, 0])));
        assert!((sharp - (255.0f64 / 2.0).powi(2)).abs() < 1e-2, "{sharp}");
    }

    #[test]
    fn blank_pages_and_others() {
        assert!(blank(&Subject::new(&gray(100, (0..10_000).map(|i| 250 + (i % 3) as u8).collect()))));
        assert!(!blank(&Subject::new(&gray(
            100,
            (0..10_000).map(|i| if i % 1000 == 0 { 20 } else { 250 }).collect()
        ))));
    }
}
