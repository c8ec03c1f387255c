//! Photon noise (ImageNet-C 2).

use super::{Context, CorruptError, Corruption, Frame, drawn};
use crate::random::Rng;
use crate::spec::{Descriptor, Kind, Role};

drawn! {
    /// What is drawn for one picture.
    struct Drawn {
        /// Mean number of photons at white.
        photons: f64 [Kind::Float { min: 0.1, max: 1.0e6 }],
    }
}

/// Its registration.
pub(super) static CORRUPTION: Corruption = Corruption {
    descriptor: &Descriptor {
        name: "shot_noise",
        version: 1,
        doc: "Replaces every sample by a Poisson count of photons, as a sensor in low light does.",
        role: Role::Image,
        params: Drawn::TABLE,
        shorthand: None,
        example: "- shot_noise: {photons: [10, 60]}",
    },
    severities: &[&[60.0], &[25.0], &[12.0], &[5.0], &[3.0]],
    apply: |frame, values, context| apply(frame, &Drawn::of(values)?, context),
};

/// Above this, tables would be large and the direct method is as fast.
const TABLE_LIMIT: f64 = 100.0;

fn apply(frame: &mut Frame, drawn: &Drawn, context: &mut Context) -> Result<(), CorruptError> {
    let photons = drawn.photons;
    let rng = &mut context.rng;
    if photons > TABLE_LIMIT {
        frame.planes.iter_mut().flatten().for_each(|v| {
            *v = (f64::from(rng.poisson(f64::from(*v) * photons)) / photons) as f32;
        });
        return Ok(());
    }
    let mut levels: Vec<Option<Level>> = (0..256).map(|_| None).collect();
    let scale = (1.0 / photons) as f32;
    for value in frame.planes.iter_mut().flatten() {
        // A Poisson number is the sum of one for the 8-bit level below and one for the rest.
        let level = (*value * 255.0 + 1.0e-3).clamp(0.0, 255.0) as usize;
        let rest = *value - level as f32 / 255.0;
        let table = levels[level].get_or_insert_with(|| Level::new(level as f64 / 255.0 * photons));
        let mut count = table.sample(rng);
        if rest > 1.0e-5 {
            count += rng.poisson(f64::from(rest) * photons);
        }
        *value = count as f32 * scale;
    }
    Ok(())
}

/// The distribution of Poisson numbers of one mean, for inversion.
struct Level {
    /// `below[k]` is the probability of at most k, of 2^32; the last is the largest number there is.
    below: Vec<u32>,
    /// Where the search starts, by the upper 6 bits.
    start: [u16; 64],
}

impl Level {
    fn new(mean: f64) -> Level {
        let (mut probability, mut sum) = (libm::exp(-mean), 0.0);
        let mut below = Vec::new();
        for k in 1.. {
            sum += probability;
            probability *= mean / f64::from(k);
            if sum * 4_294_967_296.0 >= 4_294_967_294.0 || (f64::from(k) > mean && probability < 1.0e-12) {
                break;
            }
            below.push((sum * 4_294_967_296.0) as u32);
        }
        below.push(u32::MAX);
        let start = std::array::from_fn(|i| below.partition_point(|b| *b < (i as u32) << 26) as u16);
        Level { below, start }
    }

    #[inline]
    fn sample(&self, rng: &mut Rng) -> u32 {
        let bits = (rng.bits() >> 32) as u32;
        let start = usize::from(self.start[(bits >> 26) as usize]);
        let steps = self.below.iter().skip(start).take_while(|b| **b < bits).count();
        (start + steps) as u32
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{gray, run};

    #[test]
    fn mean_and_variance_are_those_of_the_photons() {
        for (value, photons) in [(0.2, 60.0), (0.3012, 40.0), (0.02, 3.0), (0.004, 50.0), (0.2, 400.0)] {
            let noisy = run(&format!("- shot_noise: {{photons: {photons}}}"), &gray(300, 300, value), 1);
            let n = 90_000.0;
            let mean = noisy.planes[0].iter().map(|v| f64::from(*v)).sum::<f64>() / n;
            let variance = noisy.planes[0].iter().map(|v| (f64::from(*v) - mean).powi(2)).sum::<f64>() / n;
            let expected = f64::from(value) / photons;
            assert!(
                (mean - f64::from(value)).abs() < 5.0 * (expected / n).sqrt(),
                "{value} {photons}: {mean}"
            );
            assert!((variance / expected - 1.0).abs() < 0.04, "{value} {photons}: {variance} {expected}");
        }
    }

    #[test]
    fn black_stays_black() {
        let black = gray(50, 50, 0.0);
        assert_eq!(run("- shot_noise: {severity: 5}", &black, 1), black);
    }
}
