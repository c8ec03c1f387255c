//! PLKSR: Lee et al. 2024, <https://arxiv.org/abs/2404.11848>, and RealPLKSR.

use crate::weights::architecture::Architecture;
use crate::weights::error::WeightsError;
use crate::weights::net::{Facts, Kernel, Maps, Net, Steps};
use crate::weights::state::State;

pub(super) const PLKSR: Architecture = Architecture { name: "PLKSR", recognise, build };

/// Groups of RealPLKSR's normalization: its file doesn't tell.
const GROUPS: usize = 4;

fn recognise(state: &State<'_>) -> bool {
    let any = |keys: &[&str]| keys.iter().any(|key| state.has(key));
    state.has_all(&["feats.0.weight", "feats.1.refine.weight"])
        && any(&["feats.1.lk.conv.weight", "feats.1.lk.convs.0.weight", "feats.1.lk.mn_conv.weight"])
        && any(&["feats.1.channe_mixer.0.weight", "feats.1.channel_mixer.0.weight"])
}

fn build(net: &mut Net<'_>) -> Result<(Maps, Facts), WeightsError> {
    let last = net.state.list("feats").saturating_sub(1);
    let made = net.state.dims(&format!("feats.{last}.weight")).first().copied().unwrap_or(0);
    let scale = (made / 3).isqrt();
    if scale == 0 || scale > 16 {
        return net.unfit(format!("its last layer makes {made} channels"));
    }
    let picture = net.picture(3);
    let mut x = net.conv(&picture, "feats.0")?;
    let real = net.state.has("feats.1.channel_mixer.0.weight");
    // RealPLKSR has a dropout before the end.
    for at in (1..last).filter(|at| net.state.has(&format!("feats.{at}.refine.weight"))) {
        x = block(net, &x, &format!("feats.{at}"), real)?;
    }
    x = net.conv(&x, &format!("feats.{last}"))?;
    let output = match net.state.has("to_img.init_pos") {
        true => {
            let repeated = repeated(net, &picture, scale * scale)?;
            let x = net.add(&x, &repeated)?;
            net.sampled(&x, "to_img", scale)?
        }
        // Each pixel repeated as channels and shuffled is the plainly enlarged picture.
        false => {
            let details = net.shuffle(&x, scale)?;
            let plain = net.nearest(&picture, scale);
            net.add(&details, &plain)?
        }
    };
    let batches = !net.state.has("to_img.init_pos");
    Ok((output, Facts { channels: 3, scale, multiple: 1, batches }))
}

/// Each channel `count` times, one after another.
fn repeated(net: &mut Net<'_>, x: &Maps, count: usize) -> Result<Maps, WeightsError> {
    let dims = [x.channels * count, x.channels, 1, 1];
    let weight = |at: usize| if at / x.channels / count == at % x.channels { 1.0 } else { 0.0 };
    let weights = (0..dims[0] * dims[1]).map(weight).collect();
    let kernel = Kernel { name: "repeat".into(), dims, weights, bias: None };
    let steps = Steps::same(&kernel);
    net.convolved(x, kernel, steps)
}

fn block(net: &mut Net<'_>, input: &Maps, key: &str, real: bool) -> Result<Maps, WeightsError> {
    let named = |part: &str| format!("{key}.{part}");
    let mut x = input.clone();
    if net.state.has(&named("layer_norm.weight")) {
        x = net.channel_norm(&x, &named("layer_norm"), 1e-6)?;
    }
    let mixer = if real { "channel_mixer" } else { "channe_mixer" };
    x = net.conv(&x, &named(&format!("{mixer}.0")))?;
    x = if real { net.mish(&x)? } else { net.gelu(&x) };
    x = net.conv(&x, &named(&format!("{mixer}.2")))?;
    x = large_kernel(net, &x, &named("lk"))?;
    if net.state.has(&named("attn.f.0.weight")) {
        let attention = net.conv(&x, &named("attn.f.0"))?;
        let attention = net.unary("Sigmoid", &attention);
        x = net.mul(&x, &attention)?;
    }
    x = net.conv(&x, &named("refine"))?;
    if net.state.has(&named("norm.weight")) {
        x = net.group_norm(&x, &named("norm"), GROUPS, 1e-5)?;
    }
    net.add(&x, input)
}

/// Large kernels on the first channels alone.
fn large_kernel(net: &mut Net<'_>, x: &Maps, key: &str) -> Result<Maps, WeightsError> {
    let named = |part: &str| format!("{key}.{part}");
    // Kernels and their dilations, of which the results are added.
    let parts: Vec<(String, usize)> = if net.state.has(&named("conv.weight")) {
        vec![(named("conv"), 1)]
    } else if net.state.has(&named("mn_conv.weight")) {
        ["mn_conv", "nm_conv", "nn_conv"].map(|part| (named(part), 1)).into()
    } else {
        let count = net.state.list(&named("convs"));
        if count != 4 {
            return net.unfit(format!("the dilations of its {count} kernels are not in its file"));
        }
        (0..4).map(|at| (named(&format!("convs.{at}")), at + 1)).collect()
    };
    let mut made: Option<Maps> = None;
    let mut taken = 0;
    for (key, dilation) in parts {
        let kernel = net.kernel(&key)?;
        taken = kernel.dims[1];
        if taken > x.channels || kernel.dims[0] != taken {
            return net.unfit(format!("the convolution {key:?} is of {:?}", kernel.dims));
        }
        let first = net.part(x, 1, 0..taken);
        let border = [kernel.dims[2] / 2 * dilation, kernel.dims[3] / 2 * dilation];
        let one = net.convolved(&first, kernel, Steps { stride: 1, dilation, border })?;
        made = Some(match made {
            Some(sum) => net.add(&sum, &one)?,
            None => one,
        });
    }
    let Some(made) = made else { return net.unfit("it has no large kernel") };
    if taken == x.channels {
        return Ok(made);
    }
    let rest = net.part(x, 1, taken..x.channels);
    Ok(net.concat(&[&made, &rest]))
}
