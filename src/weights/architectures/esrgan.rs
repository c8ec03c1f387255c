//! ESRGAN (RRDBNet): Wang et al. 2018, <https://arxiv.org/abs/1809.00219>; with the names of its first code, of BSRGAN and
//! RealSR, and of Real-ESRGAN, whose networks for x1 and x2 take the picture's pixels as channels; ESRGAN+ with its
//! additional paths, <https://arxiv.org/abs/2001.08073>.

use crate::weights::architecture::Architecture;
use crate::weights::error::WeightsError;
use crate::weights::net::{Facts, Maps, Net};
use crate::weights::state::State;

pub(super) const ESRGAN: Architecture = Architecture { name: "ESRGAN", recognise, build };

/// Slope of its activations.
const SLOPE: f32 = 0.2;

/// Most enlargements, each by two.
const MOST: usize = 5;

/// How a file names the layers.
struct Names {
    first: &'static str,
    /// Of a dense block's convolution.
    dense: fn(block: usize, part: usize, conv: &str) -> String,
    blocks: &'static str,
    trunk: String,
    /// Convolutions behind the enlargements.
    up: Vec<String>,
    high: String,
    last: String,
}

fn recognise(state: &State<'_>) -> bool {
    names(state).is_some()
}

fn names(state: &State<'_>) -> Option<Names> {
    let has = |names: &[&str]| state.has_all(names);
    let ups = |name: &str| -> Vec<String> {
        let keys = (1..=MOST).map(|n| format!("{name}{n}"));
        keys.take_while(|key| state.has(&format!("{key}.weight"))).collect()
    };
    if has(&["model.0.weight", "model.1.sub.0.RDB1.conv1.0.weight"])
        || has(&["model.0.weight", "model.1.sub.0.RDB1.conv1x1.weight"])
    {
        // first, blocks, (enlargement, convolution, activation) each, convolution, activation, convolution.
        let ups = state.list("model").checked_sub(5).map(|n| n / 3).filter(|n| *n <= MOST)?;
        return Some(Names {
            first: "model.0",
            dense: |block, part, conv| match conv {
                "conv1x1" => format!("model.1.sub.{block}.RDB{part}.conv1x1"),
                conv => format!("model.1.sub.{block}.RDB{part}.{conv}.0"),
            },
            blocks: "model.1.sub",
            trunk: format!("model.1.sub.{}", state.list("model.1.sub").checked_sub(1)?),
            up: (0..ups).map(|n| format!("model.{}", 3 + 3 * n)).collect(),
            high: format!("model.{}", 2 + 3 * ups),
            last: format!("model.{}", 4 + 3 * ups),
        });
    }
    if has(&["conv_first.weight", "body.0.rdb1.conv1.weight", "conv_body.weight", "conv_last.weight"]) {
        return Some(Names {
            first: "conv_first",
            dense: |block, part, conv| format!("body.{block}.rdb{part}.{conv}"),
            blocks: "body",
            trunk: "conv_body".into(),
            up: ups("conv_up"),
            high: "conv_hr".into(),
            last: "conv_last".into(),
        });
    }
    let bsrgan =
        ["conv_first.weight", "RRDB_trunk.0.RDB1.conv1.weight", "trunk_conv.weight", "conv_last.weight"];
    has(&bsrgan).then(|| Names {
        first: "conv_first",
        dense: |block, part, conv| format!("RRDB_trunk.{block}.RDB{part}.{conv}"),
        blocks: "RRDB_trunk",
        trunk: "trunk_conv".into(),
        up: ups("upconv"),
        high: "HRconv".into(),
        last: "conv_last".into(),
    })
}

fn build(net: &mut Net<'_>) -> Result<(Maps, Facts), WeightsError> {
    let Some(names) = names(net.state) else { return net.unfit("its layers have other names") };
    let taken = net.state.dims(&format!("{}.weight", names.first)).get(1).copied().unwrap_or(0);
    let made = net.state.dims(&format!("{}.weight", names.last)).first().copied().unwrap_or(0);
    // Pixels that come as channels.
    let pixels = [2, 4].into_iter().find(|r| made > 0 && taken == made * r * r).unwrap_or(1);
    let channels = taken / (pixels * pixels);
    let scale = (1 << names.up.len()) / pixels;
    if scale == 0 {
        return net.unfit(format!("it has {} enlargements for {taken} channels", names.up.len()));
    }
    let picture = net.picture(channels);
    let first = match pixels {
        1 => net.conv(&picture, names.first)?,
        r => net.unshuffled(&picture, names.first, r)?,
    };
    let old = names.first == "model.0";
    let blocks = net.state.list(names.blocks) - usize::from(old);
    let mut x = first.clone();
    for block in 0..blocks {
        let mut inner = x.clone();
        for part in 1..=3 {
            inner = dense(net, &inner, &|conv| (names.dense)(block, part, conv))?;
        }
        x = residual(net, &inner, &x)?;
    }
    let trunk = net.conv(&x, &names.trunk)?;
    x = net.add(&first, &trunk)?;
    for key in &names.up {
        x = net.nearest(&x, 2);
        x = activated(net, &x, key)?;
    }
    x = activated(net, &x, &names.high)?;
    let output = net.conv(&x, &names.last)?;
    Ok((output, Facts { channels, scale, multiple: pixels, batches: true }))
}

/// A dense block: each convolution sees all that came before.
fn dense(net: &mut Net<'_>, x: &Maps, key: &dyn Fn(&str) -> String) -> Result<Maps, WeightsError> {
    let plus = key("conv1x1");
    let plus = net.state.has(&format!("{plus}.weight")).then_some(plus);
    let mut parts = vec![x.clone()];
    for number in 1..=4 {
        let seen = net.concat(&parts.iter().collect::<Vec<_>>());
        let seen = if number == 1 { x.clone() } else { seen };
        let mut made = activated(net, &seen, &key(&format!("conv{number}")))?;
        if let Some(plus) = &plus {
            match number {
                2 => {
                    let path = net.conv(x, plus)?;
                    made = net.add(&made, &path)?;
                }
                4 => made = net.add(&made, &parts[2])?,
                _ => {}
            }
        }
        parts.push(made);
    }
    let seen = net.concat(&parts.iter().collect::<Vec<_>>());
    let made = net.conv(&seen, &key("conv5"))?;
    residual(net, &made, x)
}

/// A fifth of what was made, on top of what went in.
fn residual(net: &mut Net<'_>, made: &Maps, x: &Maps) -> Result<Maps, WeightsError> {
    let fifth = net.with("Mul", made, 0.2);
    net.add(&fifth, x)
}

fn activated(net: &mut Net<'_>, x: &Maps, key: &str) -> Result<Maps, WeightsError> {
    let x = net.conv(x, key)?;
    Ok(net.leaky(&x, SLOPE))
}
