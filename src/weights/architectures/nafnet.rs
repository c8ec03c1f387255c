//! NAFNet: Chen et al. 2022, <https://arxiv.org/abs/2204.04676>.

use crate::weights::architecture::Architecture;
use crate::weights::error::WeightsError;
use crate::weights::net::{Facts, Maps, Net, Steps};
use crate::weights::state::State;

pub(super) const NAFNET: Architecture = Architecture { name: "NAFNet", recognise, build };

/// What its layer normalization adds to variances.
const EPSILON: f32 = 1e-6;

fn recognise(state: &State<'_>) -> bool {
    state.has_all(&[
        "intro.weight",
        "ending.weight",
        "ups.0.0.weight",
        "downs.0.weight",
        "middle_blks.0.beta",
        "middle_blks.0.gamma",
        "middle_blks.0.conv1.weight",
        "middle_blks.0.sca.1.weight",
        "middle_blks.0.norm2.weight",
        "encoders.0.0.beta",
        "decoders.0.0.beta",
    ])
}

fn build(net: &mut Net<'_>) -> Result<(Maps, Facts), WeightsError> {
    let channels = net.state.dims("intro.weight").get(1).copied().unwrap_or(0);
    let levels = net.state.list("encoders");
    if levels > 8 {
        return net.unfit(format!("it has {levels} levels"));
    }
    let picture = net.picture(channels);
    let mut x = net.conv(&picture, "intro")?;
    let mut kept = vec![];
    for level in 0..levels {
        x = blocks(net, &x, &format!("encoders.{level}"))?;
        kept.push(x.clone());
        let kernel = net.kernel(&format!("downs.{level}"))?;
        let steps = Steps::apart(&kernel);
        x = net.convolved(&x, kernel, steps)?;
    }
    x = blocks(net, &x, "middle_blks")?;
    for (level, before) in kept.iter().rev().enumerate() {
        x = net.conv(&x, &format!("ups.{level}.0"))?;
        x = net.shuffle(&x, 2)?;
        x = net.add(&x, before)?;
        x = blocks(net, &x, &format!("decoders.{level}"))?;
    }
    x = net.conv(&x, "ending")?;
    let output = net.add(&x, &picture)?;
    Ok((output, Facts { channels, scale: 1, multiple: 1 << levels, batches: true }))
}

fn blocks(net: &mut Net<'_>, x: &Maps, key: &str) -> Result<Maps, WeightsError> {
    let mut x = x.clone();
    for at in 0..net.state.list(key) {
        x = block(net, &x, &format!("{key}.{at}"))?;
    }
    Ok(x)
}

fn block(net: &mut Net<'_>, input: &Maps, key: &str) -> Result<Maps, WeightsError> {
    let named = |part: &str| format!("{key}.{part}");
    let mut x = net.channel_norm(input, &named("norm1"), EPSILON)?;
    x = net.conv(&x, &named("conv1"))?;
    x = net.conv(&x, &named("conv2"))?;
    x = gate(net, &x)?;
    let means = net.unary("GlobalAveragePool", &x);
    let attention = net.conv(&means, &named("sca.1"))?;
    x = net.mul(&x, &attention)?;
    x = net.conv(&x, &named("conv3"))?;
    let middle = scaled(net, &x, &named("beta"), input)?;
    x = net.channel_norm(&middle, &named("norm2"), EPSILON)?;
    x = net.conv(&x, &named("conv4"))?;
    x = gate(net, &x)?;
    x = net.conv(&x, &named("conv5"))?;
    scaled(net, &x, &named("gamma"), &middle)
}

/// One half of the channels times the other.
fn gate(net: &mut Net<'_>, x: &Maps) -> Result<Maps, WeightsError> {
    let half = x.channels / 2;
    let (a, b) = (net.part(x, 1, 0..half), net.part(x, 1, half..2 * half));
    net.mul(&a, &b)
}

/// `x` times the factors `key`, on top of `input`.
fn scaled(net: &mut Net<'_>, x: &Maps, key: &str, input: &Maps) -> Result<Maps, WeightsError> {
    let factors = net.read(key, &[1, x.channels, 1, 1])?;
    let x = net.with_each("Mul", x, key, factors)?;
    net.add(input, &x)
}
