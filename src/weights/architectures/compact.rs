//! Compact (SRVGGNetCompact), of Real-ESRGAN: Wang et al. 2021, <https://arxiv.org/abs/2107.10833>.

use crate::weights::architecture::Architecture;
use crate::weights::error::WeightsError;
use crate::weights::net::{Facts, Maps, Net, scale_and_channels};
use crate::weights::state::State;

pub(super) const COMPACT: Architecture = Architecture { name: "Compact", recognise, build };

/// A list of convolutions and slopes, and nothing else.
fn recognise(state: &State<'_>) -> bool {
    state.dims("body.0.weight").len() == 4
        && state.dims("body.1.weight").len() == 1
        && state.dims("body.2.weight").len() == 4
}

fn build(net: &mut Net<'_>) -> Result<(Maps, Facts), WeightsError> {
    let last = net.state.list("body").saturating_sub(1);
    let channels = net.state.dims("body.0.weight").get(1).copied().unwrap_or(0);
    let picture = net.picture(channels);
    let mut x = picture.clone();
    for at in 0..=last {
        let key = format!("body.{at}");
        x = match at % 2 {
            0 => net.conv(&x, &key)?,
            _ => net.prelu(&x, &key)?,
        };
    }
    let Some((scale, made)) = scale_and_channels(x.channels, channels) else {
        return net.unfit(format!("its last layer makes {} channels", x.channels));
    };
    if made != channels {
        return net.unfit(format!("it takes {channels} channels and makes {made}"));
    }
    // The network adds details to the plainly enlarged picture.
    let details = net.shuffle(&x, scale)?;
    let plain = net.nearest(&picture, scale);
    let output = net.add(&details, &plain)?;
    Ok((output, Facts { channels, scale, multiple: 1, batches: true }))
}
