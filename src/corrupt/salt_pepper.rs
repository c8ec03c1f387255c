//! Dead and hot pixels.

use super::{Context, CorruptError, Corruption, Frame, drawn};
use crate::spec::{Descriptor, Kind, Role};

drawn! {
    /// What is drawn for one picture.
    struct Drawn {
        /// Share of pixels, 0 to 1.
        amount: f64 [Kind::Float { min: 0.0, max: 1.0 }] = "[0.005, 0.1]",
        /// Share of white ones among them, 0 to 1.
        salt: f64 [Kind::Float { min: 0.0, max: 1.0 }] = "0.5",
    }
}

/// Its registration.
pub(super) static CORRUPTION: Corruption = Corruption {
    descriptor: &Descriptor {
        name: "salt_pepper",
        version: 1,
        doc: "Makes single pixels white or black, all channels at once.",
        role: Role::Image,
        params: Drawn::TABLE,
        shorthand: None,
        example: "- salt_pepper: {amount: [0.01, 0.05], salt: 0.5}",
    },
    severities: &[],
    apply: |frame, values, context| apply(frame, &Drawn::of(values)?, context),
};

fn apply(frame: &mut Frame, drawn: &Drawn, context: &mut Context) -> Result<(), CorruptError> {
    // One draw serves a pixel: its upper half says whether, its lower half which.
    let limit = |share: f64| (share * 4_294_967_296.0) as u64;
    let (amount, salt) = (limit(drawn.amount), limit(drawn.salt));
    for i in 0..frame.width * frame.height {
        let bits = context.rng.bits();
        if bits >> 32 < amount {
            let value = f32::from(u8::from(bits & 0xffff_ffff < salt));
            frame.planes.iter_mut().for_each(|plane| plane[i] = value);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::tests::{run, scene};

    #[test]
    fn whole_pixels_in_the_shares_asked_for() {
        let clean = scene(300, 200);
        let noisy = run("- salt_pepper: {amount: 0.1, salt: 0.25}", &clean, 5);
        let mut counts = [0, 0];
        for i in 0..60_000 {
            let pixel: Vec<f32> = noisy.planes.iter().map(|p| p[i]).collect();
            let kept = clean.planes.iter().zip(&pixel).all(|(p, v)| p[i] == *v);
            let even = pixel.iter().all(|v| *v == pixel[0]) && (pixel[0] == 0.0 || pixel[0] == 1.0);
            assert!(kept || even);
            counts[usize::from(pixel[0] == 1.0)] += usize::from(!kept);
        }
        assert!((4200..4800).contains(&counts[0]) && (1350..1650).contains(&counts[1]), "{counts:?}");
    }
}
