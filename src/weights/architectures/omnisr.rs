//! OmniSR: Wang et al. 2023, <https://arxiv.org/abs/2304.10244>: attention to pixels and to channels, in windows and in
//! grids of pixels that lie far apart.

use crate::onnx::Value;
use crate::weights::architecture::Architecture;
use crate::weights::error::WeightsError;
use crate::weights::net::{Facts, Kernel, Maps, Net, Steps, scale_and_channels};
use crate::weights::state::State;
use crate::weights::windows::{Side, Windows};

pub(super) const OMNISR: Architecture = Architecture { name: "OmniSR", recognise, build };

/// Heads of each attention.
const HEADS: usize = 4;
/// What its normalizations of channels add to variances.
const EPSILON: f32 = 1e-6;
/// Window of networks that don't tell it.
const WINDOW: usize = 8;
/// Shortest side: what the pooling of a block's end needs.
const SHORTEST: usize = 16;

fn recognise(state: &State<'_>) -> bool {
    state.has_all(&["residual_layer.0.residual_layer.0.layer.0.fn.0.weight", "input.weight", "up.0.weight"])
}

/// Shapes of the cuts that all blocks share.
struct Cuts {
    windows: Windows,
    grid: Windows,
    /// `[head][number][window row][row][window column][column]`.
    apart: String,
    /// Windows first, then heads, numbers and places.
    by_window: String,
    /// Places first, then heads, numbers and windows.
    by_place: String,
}

fn build(net: &mut Net<'_>) -> Result<(Maps, Facts), WeightsError> {
    let &[features, channels, ..] = net.state.dims("input.weight") else {
        return net.unfit("tensor \"input.weight\" is no convolution's");
    };
    if features == 0 || !features.is_multiple_of(HEADS) {
        return net.unfit(format!("{features} channels don't make {HEADS} heads"));
    }
    let table = net.state.dims("residual_layer.0.residual_layer.0.layer.2.fn.rel_pos_bias.weight");
    let side = table.first().map_or(WINDOW, |rows| rows.isqrt().div_ceil(2));
    if !(2..=64).contains(&side) || !SHORTEST.is_multiple_of(side) {
        return net.unfit(format!("its windows are {side} pixels wide"));
    }
    let picture = net.picture(channels);
    let start = net.conv(&picture, "input")?;
    let tokens = net.tokens(&start);
    let (windows, grid) = (net.windows(&tokens, [side; 2]), net.grid(&tokens, [side; 2]));
    let [rows, columns] = windows.counts.clone().map(Side::Length);
    let [heads, each, side] = [HEADS, features / HEADS, side].map(|n| Side::Number(n as i64));
    let apart = net.shape(&[&heads, &each, &rows, &side, &columns, &side]);
    let by_window = net.shape(&[&rows, &columns, &heads, &each, &side, &side]);
    let by_place = net.shape(&[&side, &side, &heads, &each, &rows, &columns]);
    let cuts = Cuts { windows, grid, apart, by_window, by_place };
    let mut x = start.clone();
    for group in 0..net.state.list("residual_layer") {
        x = self::group(net, &x, &format!("residual_layer.{group}"), &cuts)?;
    }
    x = net.conv(&x, "output")?;
    x = net.add(&x, &start)?;
    x = net.conv(&x, "up.0")?;
    let Some((scale, _)) = scale_and_channels(x.channels, channels) else {
        return net.unfit(format!("its last layer makes {} channels", x.channels));
    };
    let output = net.shuffle(&x, scale)?;
    Ok((output, Facts { channels, scale, multiple: SHORTEST, batches: false }))
}

fn group(net: &mut Net<'_>, input: &Maps, key: &str, cuts: &Cuts) -> Result<Maps, WeightsError> {
    let last = net.state.list(&format!("{key}.residual_layer")).saturating_sub(1);
    let mut x = input.clone();
    for number in 0..last {
        let layer = |at: usize| format!("{key}.residual_layer.{number}.layer.{at}");
        x = local(net, &x, &layer(0))?;
        x = pixels(net, &x, &layer(2), &cuts.windows)?;
        x = forward(net, &x, &layer(4))?;
        x = channels(net, &x, &layer(5), cuts, false)?;
        x = forward(net, &x, &layer(6))?;
        x = pixels(net, &x, &layer(8), &cuts.grid)?;
        x = forward(net, &x, &layer(10))?;
        x = channels(net, &x, &layer(11), cuts, true)?;
        x = forward(net, &x, &layer(12))?;
    }
    x = net.conv(&x, &format!("{key}.residual_layer.{last}"))?;
    x = net.add(&x, input)?;
    spatial(net, &x, &format!("{key}.esa"))
}

/// Convolutions with factors for each channel.
fn local(net: &mut Net<'_>, input: &Maps, key: &str) -> Result<Maps, WeightsError> {
    let named = |part: &str| format!("{key}.fn.{part}");
    let mut x = net.conv(input, &named("0"))?;
    x = net.gelu(&x);
    x = net.conv(&x, &named("2"))?;
    x = net.gelu(&x);
    let mut factors = net.unary("GlobalAveragePool", &x);
    factors = pointwise(net, &factors, &named("4.gate.1"))?;
    factors = net.silu(&factors);
    factors = pointwise(net, &factors, &named("4.gate.3"))?;
    factors = net.unary("Sigmoid", &factors);
    x = net.mul(&x, &factors)?;
    x = net.conv(&x, &named("5"))?;
    net.add(&x, input)
}

/// Linear layer `key` on the channels of a picture.
fn pointwise(net: &mut Net<'_>, x: &Maps, key: &str) -> Result<Maps, WeightsError> {
    let name = format!("{key}.weight");
    let made = net.state.dims(&name).first().copied().unwrap_or(0);
    let weights = net.read(&name, &[made, x.channels])?;
    let kernel = Kernel { name: key.into(), dims: [made, x.channels, 1, 1], weights, bias: None };
    let steps = Steps::same(&kernel);
    net.convolved(x, kernel, steps)
}

/// Attention of pixels to pixels.
fn pixels(net: &mut Net<'_>, x: &Maps, key: &str, windows: &Windows) -> Result<Maps, WeightsError> {
    let tokens = net.tokens(x);
    let input = net.cut(&tokens, windows);
    let x = net.layer_norm(&input, 3, &format!("{key}.norm"))?;
    let all = net.linear(&x, &format!("{key}.fn.to_qkv"))?;
    let parts = net.heads(&all, windows.pixels(), HEADS)?;
    let table = format!("{key}.fn.rel_pos_bias.weight");
    let bias = match net.state.dims(&table).first().copied() {
        Some(distances) => {
            let values = net.read(&table, &[distances, HEADS])?;
            Some(net.distance_bias(&table, &values, windows, HEADS)?)
        }
        None => None,
    };
    let x = net.attention(parts, windows.pixels(), HEADS, bias.as_deref(), None);
    let x = net.linear(&x, &format!("{key}.fn.to_out.0"))?;
    let x = net.add(&x, &input)?;
    let tokens = net.joined(&x, windows);
    Ok(net.picture_of(&tokens))
}

/// Convolutions of which one half is the other's factor.
fn forward(net: &mut Net<'_>, input: &Maps, key: &str) -> Result<Maps, WeightsError> {
    let mut x = net.channel_norm(input, &format!("{key}.norm"), EPSILON)?;
    x = net.conv(&x, &format!("{key}.fn.project_in"))?;
    x = net.conv(&x, &format!("{key}.fn.dwconv"))?;
    let half = x.channels / 2;
    let (a, b) = (net.part(&x, 1, 0..half), net.part(&x, 1, half..2 * half));
    let a = net.gelu(&a);
    x = net.mul(&a, &b)?;
    x = net.conv(&x, &format!("{key}.fn.project_out"))?;
    net.add(&x, input)
}

/// Attention of channels to channels, for each window or for each place in the windows.
fn channels(
    net: &mut Net<'_>,
    input: &Maps,
    key: &str,
    cuts: &Cuts,
    places: bool,
) -> Result<Maps, WeightsError> {
    let count = input.channels;
    let x = net.channel_norm(input, &format!("{key}.norm"), EPSILON)?;
    let all = net.conv(&x, &format!("{key}.fn.qkv"))?;
    let all = net.conv(&all, &format!("{key}.fn.qkv_dwconv"))?;
    if all.channels != 3 * count {
        return net.unfit(format!("its attention makes {} channels of {count}", all.channels));
    }
    let (order, back, shape): ([usize; 6], [usize; 6], &str) = match places {
        false => ([2, 4, 0, 1, 3, 5], [2, 3, 0, 4, 1, 5], &cuts.by_window),
        true => ([3, 5, 0, 1, 2, 4], [2, 3, 4, 0, 5, 1], &cuts.by_place),
    };
    let each = (count / HEADS) as i64;
    // The number of windows is open, that of places in one isn't.
    let pixels = cuts.windows.pixels() as i64;
    let flat = if places { [pixels, HEADS as i64, each, -1] } else { [-1, HEADS as i64, each, pixels] };
    let parts = [0, 1, 2].map(|at| {
        let part = net.part(&all, 1, at * count..(at + 1) * count);
        let part = net.op("Reshape", &[&part.name, &cuts.apart], 1, &[]);
        let part = net.permuted(&part, &order);
        net.reshape(&part, &flat, 1)
    });
    let (query, key_of) = (net.unit_vectors(&parts[0], 4), net.unit_vectors(&parts[1], 4));
    let turned = net.permuted(&key_of, &[0, 1, 3, 2]);
    let name = format!("{key}.fn.temperature");
    let temperature = net.read(&name, &[HEADS, 1, 1])?;
    let temperature = net.floats(&name, &[HEADS, 1, 1], temperature);
    let weights = net.product(&query, &turned);
    let weights = net.op("Mul", &[&weights.name, &temperature], 1, &[]);
    let weights = net.softmax(&weights, 4);
    let made = net.product(&weights, &parts[2]);
    let made = net.op("Reshape", &[&made.name, shape], 1, &[]);
    let made = net.permuted(&made, &back);
    let whole = net.op("Shape", &[&input.name], 1, &[]);
    let made = net.op("Reshape", &[&made.name, &whole.name], count, &[]);
    let made = net.conv(&made, &format!("{key}.fn.project_out"))?;
    net.add(&made, input)
}

/// Factors for each place, out of a smaller picture.
fn spatial(net: &mut Net<'_>, input: &Maps, key: &str) -> Result<Maps, WeightsError> {
    let narrow = net.conv(input, &format!("{key}.conv1"))?;
    let kernel = net.kernel(&format!("{key}.conv2"))?;
    let small = net.convolved(&narrow, kernel, Steps { stride: 2, dilation: 1, border: [0, 0] })?;
    let attributes = [("kernel_shape", Value::Ints(vec![7; 2])), ("strides", Value::Ints(vec![3; 2]))];
    let small = net.op("MaxPool", &[&small.name], small.channels, &attributes);
    let small = net.conv(&small, &format!("{key}.conv3"))?;
    let large = net.bilinear(&small, input);
    let beside = net.conv(&narrow, &format!("{key}.conv_f"))?;
    let sum = net.add(&large, &beside)?;
    let factors = net.conv(&sum, &format!("{key}.conv4"))?;
    let factors = net.unary("Sigmoid", &factors);
    net.mul(input, &factors)
}
