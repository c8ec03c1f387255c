//! DnCNN: Zhang et al. 2017, <https://arxiv.org/abs/1608.03981>, as the KAIR collection trains it: with batch
//! normalization or with it merged, and FDnCNN, which is told the noise level.

use crate::weights::architecture::Architecture;
use crate::weights::error::WeightsError;
use crate::weights::net::{Facts, Maps, Net, Steps};
use crate::weights::state::State;

pub(super) const DNCNN: Architecture = Architecture { name: "DnCNN", recognise, build };

/// What KAIR's batch normalization adds to variances.
const EPSILON: f32 = 1e-4;

fn recognise(state: &State<'_>) -> bool {
    let convs = |numbers: &[usize]| {
        numbers.iter().all(|n| {
            state.dims(&format!("model.{n}.weight")).len() == 4 && state.has(&format!("model.{n}.bias"))
        })
    };
    let normalized = state.has_all(&["model.3.running_mean", "model.6.running_mean"]) && convs(&[0, 2, 5, 8]);
    normalized || (!state.has("model.3.weight") && convs(&[0, 2, 4, 6, 8, 10, 12, 14]))
}

fn build(net: &mut Net<'_>) -> Result<(Maps, Facts), WeightsError> {
    let taken = net.state.dims("model.0.weight").get(1).copied().unwrap_or(0);
    let last = net.state.list("model").saturating_sub(1);
    let made = net.state.dims(&format!("model.{last}.weight")).first().copied().unwrap_or(0);
    if made == 0 || (taken != made && taken != made + 1) {
        return net.unfit(format!("it takes {taken} channels and makes {made}"));
    }
    let picture = net.picture(made);
    let mut x = if taken == made { picture.clone() } else { net.with_noise_level(&picture) };
    for at in (0..=last).filter(|at| net.state.dims(&format!("model.{at}.weight")).len() == 4) {
        let mut kernel = net.kernel(&format!("model.{at}"))?;
        let norm = format!("model.{}", at + 1);
        if net.state.has(&format!("{norm}.running_mean")) {
            net.normalized(&mut kernel, &norm, EPSILON)?;
        }
        let steps = Steps::same(&kernel);
        x = net.convolved(&x, kernel, steps)?;
        if at < last {
            x = net.unary("Relu", &x);
        }
    }
    // It makes the noise, save where it is told how much there is.
    let output = if taken == made { net.sub(&picture, &x)? } else { x };
    Ok((output, Facts { channels: made, scale: 1, multiple: 1, batches: true }))
}
