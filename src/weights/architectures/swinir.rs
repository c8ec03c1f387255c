//! SwinIR: Liang et al. 2021, <https://arxiv.org/abs/2108.10257>.

use crate::weights::architecture::Architecture;
use crate::weights::error::WeightsError;
use crate::weights::net::{Facts, Maps, Net};
use crate::weights::state::State;
use crate::weights::windows::Windows;

pub(super) const SWINIR: Architecture = Architecture { name: "SwinIR", recognise, build };

/// What is taken off the channels of colour pictures; the file doesn't tell it.
const MEAN: [f32; 3] = [0.4488, 0.4371, 0.4040];
/// Window of the networks against JPEG artifacts, the only ones on another range.
const JPEG_WINDOW: usize = 7;

fn recognise(state: &State<'_>) -> bool {
    let first = "layers.0.residual_group.blocks.0";
    let keys = ["norm1.weight", "attn.qkv.weight", "mlp.fc1.bias", "attn.relative_position_bias_table"];
    keys.iter().all(|key| state.has(&format!("{first}.{key}")))
        // Later networks of the same names (Swin2SR, HAT, DRCT …) have these, too.
        && !state.names().any(|name| name.contains(".logit_scale") || name.contains("overlap_attn"))
        && !state.has("relative_position_index_SA")
        && !state.has(&format!("{first}.conv_block.cab.0.weight"))
        && (state.has("conv_first.weight") || state.has("conv_first.1.weight"))
}

fn build(net: &mut Net<'_>) -> Result<(Maps, Facts), WeightsError> {
    let table = net.state.dims("layers.0.residual_group.blocks.0.attn.relative_position_bias_table");
    let side = table.first().map_or(0, |rows| rows.isqrt().div_ceil(2));
    if side < 2 || table.first() != Some(&(2 * side - 1).pow(2)) {
        return net.unfit(format!("its table of distances is of {table:?}"));
    }
    if net.state.has("absolute_pos_embed") {
        return net.unfit("it knows absolute places, so that it runs at one size alone");
    }
    let first = if net.state.has("conv_first.1.weight") { "conv_first.1" } else { "conv_first" };
    let taken = net.state.dims(&format!("{first}.weight")).get(1).copied().unwrap_or(0);
    let unshuffle = if first == "conv_first" { 1 } else { (taken / 3).isqrt() };
    let channels = taken / (unshuffle * unshuffle).max(1);
    if unshuffle == 0 || !matches!(channels, 1 | 3) {
        return net.unfit(format!("it takes {taken} channels"));
    }
    let range = if side == JPEG_WINDOW { 255.0 } else { 1.0 };
    let picture = net.picture(channels);
    let mut x = picture;
    if channels == 3 {
        x = net.with_each("Sub", &x, "mean", MEAN.to_vec())?;
    }
    if range != 1.0 {
        x = net.with("Mul", &x, range);
    }
    let centred = x.clone();
    let start = if unshuffle == 1 { net.conv(&x, first)? } else { net.unshuffled(&x, first, unshuffle)? };
    let body = body(net, &start, side)?;
    let end = net.group_end(&body, "conv_after_body")?;
    x = net.add(&end, &start)?;
    let (mut output, scale) = enlarged(net, &x, channels, &centred)?;
    if range != 1.0 {
        output = net.with("Div", &output, range);
    }
    if channels == 3 {
        output = net.with_each("Add", &output, "mean", MEAN.to_vec())?;
    }
    if scale % unshuffle != 0 {
        return net.unfit(format!("it enlarges by {scale} what it made smaller by {unshuffle}"));
    }
    let facts = Facts { channels, scale: scale / unshuffle, multiple: side * unshuffle, batches: false };
    Ok((output, facts))
}

fn body(net: &mut Net<'_>, start: &Maps, side: usize) -> Result<Maps, WeightsError> {
    let mut x = net.tokens(start);
    let windows = net.windows(&x, [side; 2]);
    let mask = net.shift_mask(&windows, [side / 2; 2]);
    if net.state.has("patch_embed.norm.weight") {
        x = net.layer_norm(&x, 4, "patch_embed.norm")?;
    }
    for layer in 0..net.state.list("layers") {
        let key = format!("layers.{layer}");
        let before = x.clone();
        for number in 0..net.state.list(&format!("{key}.residual_group.blocks")) {
            let shift = if number % 2 == 0 { 0 } else { side / 2 };
            let block = format!("{key}.residual_group.blocks.{number}");
            x = self::block(net, &x, &block, &windows, shift, &mask)?;
        }
        let pixels = net.picture_of(&x);
        let pixels = net.group_end(&pixels, &format!("{key}.conv"))?;
        x = net.tokens(&pixels);
        x = net.add(&x, &before)?;
    }
    x = net.layer_norm(&x, 4, "norm")?;
    Ok(net.picture_of(&x))
}

fn block(
    net: &mut Net<'_>,
    input: &Maps,
    key: &str,
    windows: &Windows,
    shift: usize,
    mask: &str,
) -> Result<Maps, WeightsError> {
    let named = |part: &str| format!("{key}.{part}");
    let table = named("attn.relative_position_bias_table");
    let &[distances, heads] = net.state.dims(&table) else {
        return net.unfit(format!("tensor {table:?} is of {:?}, or missing", net.state.dims(&table)));
    };
    let values = net.read(&table, &[distances, heads])?;
    let bias = net.distance_bias(&table, &values, windows, heads)?;
    let step = shift as i64;
    let mut x = net.layer_norm(input, 4, &named("norm1"))?;
    x = net.rolled(&x, 1, step);
    x = net.rolled(&x, 2, step);
    x = net.cut(&x, windows);
    let all = net.linear(&x, &named("attn.qkv"))?;
    let parts = net.heads(&all, windows.pixels(), heads)?;
    x = net.attention(parts, windows.pixels(), heads, Some(&bias), (shift > 0).then_some(mask));
    x = net.linear(&x, &named("attn.proj"))?;
    x = net.joined(&x, windows);
    x = net.rolled(&x, 1, -step);
    x = net.rolled(&x, 2, -step);
    let middle = net.add(input, &x)?;
    x = net.layer_norm(&middle, 4, &named("norm2"))?;
    x = net.linear(&x, &named("mlp.fc1"))?;
    x = net.gelu(&x);
    x = net.linear(&x, &named("mlp.fc2"))?;
    net.add(&middle, &x)
}

/// The end of the network, one of four, and its factor.
fn enlarged(
    net: &mut Net<'_>,
    x: &Maps,
    channels: usize,
    centred: &Maps,
) -> Result<(Maps, usize), WeightsError> {
    if net.state.has("conv_before_upsample.0.weight") {
        let x = net.conv(x, "conv_before_upsample.0")?;
        let mut x = net.leaky(&x, 0.01);
        if !net.state.has("conv_up1.weight") {
            let (x, scale) = net.enlarged(&x, "upsample")?;
            return Ok((net.conv(&x, "conv_last")?, scale));
        }
        let mut scale = 1;
        for number in 1..=3 {
            let key = format!("conv_up{number}");
            if net.state.has(&format!("{key}.weight")) {
                x = net.nearest(&x, 2);
                x = net.conv(&x, &key)?;
                x = net.leaky(&x, 0.2);
                scale *= 2;
            }
        }
        x = net.conv(&x, "conv_hr")?;
        x = net.leaky(&x, 0.2);
        return Ok((net.conv(&x, "conv_last")?, scale));
    }
    if net.state.has("upsample.0.weight") {
        let x = net.conv(x, "upsample.0")?;
        let scale = (x.channels / channels).isqrt();
        return Ok((net.shuffle(&x, scale)?, scale));
    }
    let x = net.conv(x, "conv_last")?;
    Ok((net.add(centred, &x)?, 1))
}
