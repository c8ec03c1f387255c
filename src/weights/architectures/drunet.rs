//! DRUNet: Zhang et al. 2021, <https://arxiv.org/abs/2008.13751>: a U-net of residual blocks that is told the noise level.

use crate::weights::architecture::Architecture;
use crate::weights::error::WeightsError;
use crate::weights::net::{Facts, Maps, Net, Steps};
use crate::weights::state::State;

pub(super) const DRUNET: Architecture = Architecture { name: "DRUNet", recognise, build };

fn recognise(state: &State<'_>) -> bool {
    let blocks = ["m_down1.0", "m_down2.0", "m_down3.0", "m_body.0", "m_up3.2", "m_up2.2", "m_up1.2"];
    blocks.into_iter().all(|key| state.has(&format!("{key}.res.0.weight")))
        && state.has_all(&["m_head.weight", "m_tail.weight"])
}

fn build(net: &mut Net<'_>) -> Result<(Maps, Facts), WeightsError> {
    let taken = net.state.dims("m_head.weight").get(1).copied().unwrap_or(0);
    let made = net.state.dims("m_tail.weight").first().copied().unwrap_or(0);
    if made == 0 || (taken != made && taken != made + 1) {
        return net.unfit(format!("it takes {taken} channels and makes {made}"));
    }
    let blocks = net.state.list("m_body");
    let picture = net.picture(made);
    let told = if taken == made { picture } else { net.with_noise_level(&picture) };
    let mut x = net.conv(&told, "m_head")?;
    let mut kept = vec![];
    for level in 1..=3 {
        kept.push(x.clone());
        let key = format!("m_down{level}");
        x = residuals(net, &x, &key, 0, blocks)?;
        if !net.state.has(&format!("{key}.{blocks}.weight")) {
            return net.unfit("it makes pictures smaller by pooling: by which, its file doesn't tell");
        }
        let kernel = net.kernel(&format!("{key}.{blocks}"))?;
        let steps = Steps::apart(&kernel);
        x = net.convolved(&x, kernel, steps)?;
    }
    kept.push(x.clone());
    x = residuals(net, &x, "m_body", 0, blocks)?;
    for level in [3, 2, 1] {
        let Some(before) = kept.pop() else { break };
        x = net.add(&x, &before)?;
        let key = format!("m_up{level}");
        x = enlarged(net, &x, &key)?;
        let first = net.state.list(&key).saturating_sub(blocks);
        x = residuals(net, &x, &key, first, blocks)?;
    }
    if let Some(first) = kept.pop() {
        x = net.add(&x, &first)?;
    }
    let output = net.conv(&x, "m_tail")?;
    Ok((output, Facts { channels: made, scale: 1, multiple: 8, batches: true }))
}

/// Twice the size, in one of three ways.
fn enlarged(net: &mut Net<'_>, x: &Maps, key: &str) -> Result<Maps, WeightsError> {
    if net.state.has(&format!("{key}.1.weight")) {
        let x = net.nearest(x, 2);
        return net.conv(&x, &format!("{key}.1"));
    }
    let first = format!("{key}.0");
    match net.state.dims(&format!("{first}.weight")) {
        [_, _, 3, 3] => {
            let x = net.conv(x, &first)?;
            net.shuffle(&x, 2)
        }
        _ => net.transposed(x, &first),
    }
}

fn residuals(
    net: &mut Net<'_>,
    x: &Maps,
    key: &str,
    first: usize,
    count: usize,
) -> Result<Maps, WeightsError> {
    let mut x = x.clone();
    for at in first..first + count {
        let inner = net.conv(&x, &format!("{key}.{at}.res.0"))?;
        let inner = net.unary("Relu", &inner);
        let inner = net.conv(&inner, &format!("{key}.{at}.res.2"))?;
        x = net.add(&x, &inner)?;
    }
    Ok(x)
}
