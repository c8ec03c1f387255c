//! Noise of a picture, and what it is like.

/// Noise of a picture.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Noise {
    /// Standard deviation on the \[0, 255\] scale.
    pub sigma: f64,
    /// What it is like, where enough patches tell.
    pub shape: Option<NoiseShape>,
}

/// What noise is like.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct NoiseShape {
    /// Its level by the smallest eigenvalues over that of all: 1 where all frequencies are alike, less where the picture
    /// shows through.
    pub whiteness: f64,
    /// Fourth moment over the square of the second: 3 for Gaussian noise, more where little stands out from nothing.
    pub kurtosis: f64,
}

impl NoiseShape {
    /// Of the coefficients of patches, whose noise was found to be `sigma`.
    pub(super) fn of<const N: usize>(waves: &[[f32; N]], sigma: f64) -> Option<NoiseShape> {
        let (mut squares, mut fourths) = (0.0, 0.0);
        for wave in waves {
            // In floats by patch, as they are few and near each other; sums of all in doubles.
            let (mut second, mut fourth) = (0.0f32, 0.0f32);
            for value in wave {
                let square = value * value;
                second += square;
                fourth += square * square;
            }
            squares += f64::from(second);
            fourths += f64::from(fourth);
        }
        let count = (waves.len() * N).max(1) as f64;
        let mean = squares / count;
        let shape = NoiseShape { whiteness: sigma / mean.sqrt(), kurtosis: fourths / count / (mean * mean) };
        (shape.whiteness.is_finite() && shape.kurtosis.is_finite()).then_some(shape)
    }

    /// The mean of those of some channels.
    pub(super) fn mean(shapes: impl Iterator<Item = NoiseShape>) -> Option<NoiseShape> {
        let all: Vec<NoiseShape> = shapes.collect();
        let mean = |of: fn(&NoiseShape) -> f64| all.iter().map(of).sum::<f64>() / all.len() as f64;
        (!all.is_empty())
            .then(|| NoiseShape { whiteness: mean(|s| s.whiteness), kurtosis: mean(|s| s.kurtosis) })
    }
}
