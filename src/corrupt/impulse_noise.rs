//! Salt and pepper (ImageNet-C 3).

use super::{Context, CorruptError, Corruption, Frame, drawn};
use crate::spec::{Descriptor, Kind, Role};

drawn! {
    /// What is drawn for one picture.
    struct Drawn {
        /// Share of the samples that are replaced.
        amount: f64 [Kind::Float { min: 0.0, max: 1.0 }],
        /// Share of white among those replaced.
        salt: f64 [Kind::Float { min: 0.0, max: 1.0 }] = "0.5",
    }
}

/// Its registration.
pub(super) static CORRUPTION: Corruption = Corruption {
    descriptor: &Descriptor {
        name: "impulse_noise",
        version: 1,
        doc: "Makes some samples black or white, each channel on its own, as bit errors do.",
        role: Role::Image,
        params: Drawn::TABLE,
        shorthand: None,
        example: "- impulse_noise: {amount: [0.01, 0.1]}",
    },
    severities: &[&[0.03], &[0.06], &[0.09], &[0.17], &[0.27]],
    apply: |frame, values, context| apply(frame, &Drawn::of(values)?, context),
};

fn apply(frame: &mut Frame, drawn: &Drawn, context: &mut Context) -> Result<(), CorruptError> {
    let amount = drawn.amount;
    let below = |share: f64| (share * 4_294_967_296.0) as u64;
    let (salted, replaced) = (below(amount * drawn.salt), below(amount));
    for plane in &mut frame.planes {
        for pair in plane.chunks_mut(2) {
            let bits = context.rng.bits();
            for (value, draw) in pair.iter_mut().zip([bits >> 32, bits & 0xffff_ffff]) {
                let noise = if draw < salted { 1.0 } else { 0.0 };
                *value = if draw < replaced { noise } else { *value };
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::tests::{gray, run};

    #[test]
    fn the_shares_are_as_asked() {
        let clean = gray(300, 301, 0.4);
        let share = |yaml: &str, value: f32| {
            let noisy = run(yaml, &clean, 1);
            noisy.planes[0].iter().filter(|v| **v == value).count() as f32 / 90_300.0
        };
        let yaml = "- impulse_noise: {amount: 0.2, salt: 0.25}";
        assert!((share(yaml, 1.0) - 0.05).abs() < 0.004);
        assert!((share(yaml, 0.0) - 0.15).abs() < 0.005);
        assert_eq!(share("- impulse_noise: {amount: 1, salt: 1}", 1.0), 1.0);
        assert_eq!(share("- impulse_noise: {amount: 0}", 0.4), 1.0);
    }
}
