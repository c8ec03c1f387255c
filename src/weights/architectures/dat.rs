//! DAT: Chen et al. 2023, <https://arxiv.org/abs/2308.03364>: attention in windows and over channels, in turn.

use crate::weights::architecture::Architecture;
use crate::weights::error::WeightsError;
use crate::weights::net::{Facts, Maps, Net, Steps};
use crate::weights::state::State;
use crate::weights::windows::Windows;

pub(super) const DAT: Architecture = Architecture { name: "DAT", recognise, build };

/// What is taken off the channels of colour pictures; the file doesn't tell it.
const MEAN: [f32; 3] = [0.4488, 0.4371, 0.4040];
/// What its normalizations add to variances.
const EPSILON: f32 = 1e-5;

fn recognise(state: &State<'_>) -> bool {
    let parts = [
        "ffn.sg.conv.weight",
        "attn.channel_interaction.1.weight",
        "attn.spatial_interaction.3.weight",
        "attn.attns.0.rpe_biases",
        "attn.attns.0.pos.pos3.0.weight",
    ];
    parts.iter().all(|part| state.has(&format!("layers.0.blocks.0.{part}")))
        && state.has_all(&["conv_first.weight", "before_RG.1.weight", "norm.weight"])
        && (state.has("upsample.0.weight") || state.has("conv_last.weight"))
}

/// Windows of both kinds, lying and standing, and the masks of the shifted ones.
struct Split {
    sizes: [[usize; 2]; 2],
    windows: [Windows; 2],
    masks: [String; 2],
}

fn build(net: &mut Net<'_>) -> Result<(Maps, Facts), WeightsError> {
    let channels = net.state.dims("conv_first.weight").get(1).copied().unwrap_or(0);
    let split = split_size(net)?;
    let picture = net.picture(channels);
    let mut x = picture;
    if channels == 3 {
        x = net.with_each("Sub", &x, "mean", MEAN.to_vec())?;
    }
    let start = net.conv(&x, "conv_first")?;
    let mut tokens = net.tokens(&start);
    let sizes = [split, [split[1], split[0]]];
    let windows = sizes.map(|size| net.windows(&tokens, size));
    let masks = [0, 1].map(|i: usize| net.shift_mask(&windows[i], sizes[i].map(|side| side / 2)));
    let split = Split { sizes, windows, masks };
    tokens = net.layer_norm(&tokens, 4, "before_RG.1")?;
    for group in 0..net.state.list("layers") {
        let before = tokens.clone();
        let blocks = net.state.list(&format!("layers.{group}.blocks"));
        let heads = heads(net.state, group, blocks);
        for number in 0..blocks {
            let key = format!("layers.{group}.blocks.{number}");
            tokens = block(net, &tokens, &key, (group, number), heads, &split)?;
        }
        let pixels = net.picture_of(&tokens);
        let pixels = net.group_end(&pixels, &format!("layers.{group}.conv"))?;
        tokens = net.tokens(&pixels);
        tokens = net.add(&before, &tokens)?;
    }
    tokens = net.layer_norm(&tokens, 4, "norm")?;
    x = net.picture_of(&tokens);
    x = net.group_end(&x, "conv_after_body")?;
    x = net.add(&x, &start)?;
    let scale;
    if net.state.has("conv_last.weight") {
        x = net.conv(&x, "conv_before_upsample.0")?;
        x = net.leaky(&x, 0.01);
        (x, scale) = net.enlarged(&x, "upsample")?;
        x = net.conv(&x, "conv_last")?;
    } else {
        x = net.conv(&x, "upsample.0")?;
        scale = (x.channels / channels.max(1)).isqrt();
        x = net.shuffle(&x, scale)?;
    }
    if channels == 3 {
        x = net.with_each("Add", &x, "mean", MEAN.to_vec())?;
    }
    let [a, b] = split.sizes[0];
    let multiple = (1..=b).map(|n| n * a).find(|n| n.is_multiple_of(b)).unwrap_or(a * b);
    Ok((x, Facts { channels, scale, multiple, batches: false }))
}

/// Rows and columns of the windows: the file lists the distances in them.
fn split_size(net: &Net<'_>) -> Result<[usize; 2], WeightsError> {
    let name = "layers.0.blocks.0.attn.attns.0.rpe_biases";
    let &[count, 2] = net.state.dims(name) else {
        return net.unfit(format!("tensor {name:?} is of {:?}", net.state.dims(name)));
    };
    let distances = net.read(name, &[count, 2])?;
    match distances.last_chunk::<2>() {
        Some(&[h, w]) if (1.0..64.0).contains(&h) && (1.0..64.0).contains(&w) => {
            let [h, w] = [h, w].map(|side| side as usize + 1);
            match count == (2 * h - 1) * (2 * w - 1) {
                true => Ok([h, w]),
                false => net.unfit(format!("it has {count} distances for windows of {h} x {w}")),
            }
        }
        _ => net.unfit("its windows are of an odd size"),
    }
}

fn heads(state: &State<'_>, group: usize, blocks: usize) -> usize {
    let first = |name: String| state.dims(&name).first().copied().unwrap_or(0);
    match blocks {
        0 | 1 => 2 * first(format!("layers.{group}.blocks.0.attn.attns.0.pos.pos3.2.weight")),
        _ => first(format!("layers.{group}.blocks.1.attn.temperature")),
    }
}

fn block(
    net: &mut Net<'_>,
    input: &Maps,
    key: &str,
    (group, number): (usize, usize),
    heads: usize,
    split: &Split,
) -> Result<Maps, WeightsError> {
    let named = |part: &str| format!("{key}.{part}");
    let x = net.layer_norm(input, 4, &named("norm1"))?;
    let shifted = match group % 2 {
        0 => number > 0 && number % 4 == 2,
        _ => number % 4 == 0,
    };
    let x = match number % 2 {
        0 => spatial(net, &x, &named("attn"), heads / 2, split, shifted)?,
        _ => channelwise(net, &x, &named("attn"), heads)?,
    };
    let middle = net.add(input, &x)?;
    let x = net.layer_norm(&middle, 4, &named("norm2"))?;
    let x = net.linear(&x, &named("ffn.fc1"))?;
    let x = net.gelu(&x);
    let (a, b) = halves(net, &x);
    let b = net.layer_norm(&b, 4, &named("ffn.sg.norm"))?;
    let b = net.picture_of(&b);
    let b = net.conv(&b, &named("ffn.sg.conv"))?;
    let b = net.tokens(&b);
    let x = net.mul(&a, &b)?;
    let x = net.linear(&x, &named("ffn.fc2"))?;
    net.add(&middle, &x)
}

/// Both halves of the channels of tokens.
fn halves(net: &mut Net<'_>, x: &Maps) -> (Maps, Maps) {
    let half = x.channels / 2;
    let mut part = |from: usize| net.slice(x, 3, from as i64, (from + half) as i64, half);
    (part(0), part(half))
}

/// Attention in lying windows for half of the channels, in standing ones for the other, beside a convolution.
fn spatial(
    net: &mut Net<'_>,
    x: &Maps,
    key: &str,
    heads: usize,
    split: &Split,
    shifted: bool,
) -> Result<Maps, WeightsError> {
    let channels = x.channels;
    let half = channels / 2;
    let all = net.linear(x, &format!("{key}.qkv"))?;
    if all.channels != 3 * channels || heads == 0 || !half.is_multiple_of(heads) {
        return net.unfit(format!("{} channels don't make {heads} heads", all.channels));
    }
    let mut made = vec![];
    for branch in 0..2 {
        let (windows, pixels) = (&split.windows[branch], split.windows[branch].pixels());
        let shift = split.sizes[branch].map(|side| if shifted { (side / 2) as i64 } else { 0 });
        let table =
            distances(net, &format!("{key}.attns.{branch}.pos"), split.sizes[branch], half / 4, heads)?;
        let bias = net.distance_bias(&format!("{key}.attns.{branch}.bias"), &table, windows, heads)?;
        let mut part = |at: usize| {
            let from = at * channels + branch * half;
            let part = net.slice(&all, 3, from as i64, (from + half) as i64, half);
            let part = net.rolled(&part, 1, shift[0]);
            let part = net.rolled(&part, 2, shift[1]);
            let part = net.cut(&part, windows);
            let each = half / heads;
            let part = net.reshape(&part, &[-1, pixels as i64, heads as i64, each as i64], each);
            net.permuted(&part, &[0, 2, 1, 3])
        };
        let parts = [part(0), part(1), part(2)];
        let mask = shifted.then_some(split.masks[branch].as_str());
        let one = net.attention(parts, pixels, heads, Some(&bias), mask);
        let one = net.joined(&one, windows);
        let one = net.rolled(&one, 1, -shift[0]);
        made.push(net.rolled(&one, 2, -shift[1]));
    }
    let attended =
        net.op("Concat", &[&made[0].name, &made[1].name], channels, &[("axis", crate::onnx::Value::Int(3))]);
    let values = net.slice(&all, 3, 2 * channels as i64, 3 * channels as i64, channels);
    let values = net.picture_of(&values);
    let local = local(net, &values, key)?;
    let attended = net.picture_of(&attended);
    let of_channels = interaction(net, &local, key, true)?;
    let of_places = interaction(net, &attended, key, false)?;
    let attended = net.op("Mul", &[&attended.name, &of_channels.name], channels, &[]);
    let local = net.op("Mul", &[&of_places.name, &local.name], channels, &[]);
    joined(net, &attended, &local, key)
}

/// Attention of channels to channels, over the whole picture, beside a convolution.
fn channelwise(net: &mut Net<'_>, x: &Maps, key: &str, heads: usize) -> Result<Maps, WeightsError> {
    let channels = x.channels;
    let all = net.linear(x, &format!("{key}.qkv"))?;
    if all.channels != 3 * channels || heads == 0 || !channels.is_multiple_of(heads) {
        return net.unfit(format!("{} channels don't make {heads} heads", all.channels));
    }
    let each = (channels / heads) as i64;
    let mut part = |at: usize| {
        let part = net.slice(&all, 3, (at * channels) as i64, ((at + 1) * channels) as i64, channels);
        net.picture_of(&part)
    };
    let [query, key_of, value] = [part(0), part(1), part(2)];
    let mut rows = |x: &Maps| net.reshape(x, &[1, heads as i64, each, -1], 1);
    let parts = [rows(&query), rows(&key_of), rows(&value)];
    let query = net.unit_vectors(&parts[0], 4);
    let key_of = net.unit_vectors(&parts[1], 4);
    let turned = net.permuted(&key_of, &[0, 1, 3, 2]);
    let name = format!("{key}.temperature");
    let temperature = net.read(&name, &[heads, 1, 1])?;
    let temperature = net.floats(&name, &[heads, 1, 1], temperature);
    let weights = net.product(&query, &turned);
    let weights = net.op("Mul", &[&weights.name, &temperature], 1, &[]);
    let weights = net.softmax(&weights, 4);
    let attended = net.product(&weights, &parts[2]);
    let shape = net.op("Shape", &[&value.name], 1, &[]);
    let attended = net.op("Reshape", &[&attended.name, &shape.name], channels, &[]);
    let local = local(net, &value, key)?;
    let of_channels = interaction(net, &attended, key, true)?;
    let of_places = interaction(net, &local, key, false)?;
    let attended = net.op("Mul", &[&attended.name, &of_places.name], channels, &[]);
    let local = net.op("Mul", &[&local.name, &of_channels.name], channels, &[]);
    joined(net, &attended, &local, key)
}

fn joined(net: &mut Net<'_>, attended: &Maps, local: &Maps, key: &str) -> Result<Maps, WeightsError> {
    let sum = net.add(attended, local)?;
    let sum = net.tokens(&sum);
    net.linear(&sum, &format!("{key}.proj"))
}

/// The convolution beside the attention.
fn local(net: &mut Net<'_>, x: &Maps, key: &str) -> Result<Maps, WeightsError> {
    let x = conv_norm(net, x, &format!("{key}.dwconv.0"), &format!("{key}.dwconv.1"))?;
    Ok(net.gelu(&x))
}

/// Factors for each channel, or for each place.
fn interaction(net: &mut Net<'_>, x: &Maps, key: &str, channels: bool) -> Result<Maps, WeightsError> {
    let (kind, first) = if channels { ("channel_interaction", 1) } else { ("spatial_interaction", 0) };
    let named = |at: usize| format!("{key}.{kind}.{}", first + at);
    let x = if channels { net.unary("GlobalAveragePool", x) } else { x.clone() };
    let x = conv_norm(net, &x, &named(0), &named(1))?;
    let x = net.gelu(&x);
    let x = net.conv(&x, &named(3))?;
    Ok(net.unary("Sigmoid", &x))
}

fn conv_norm(net: &mut Net<'_>, x: &Maps, conv: &str, norm: &str) -> Result<Maps, WeightsError> {
    let mut kernel = net.kernel(conv)?;
    net.normalized(&mut kernel, norm, EPSILON)?;
    let steps = Steps::same(&kernel);
    net.convolved(x, kernel, steps)
}

/// The table of distances, `[distance][head]`: a small network makes it of the distances themselves, so that it can be
/// made once for all.
fn distances(
    net: &Net<'_>,
    key: &str,
    [h, w]: [usize; 2],
    width: usize,
    heads: usize,
) -> Result<Vec<f32>, WeightsError> {
    let width = width / 4;
    let linear = |rows: Vec<Vec<f64>>, key: String, taken: usize, made: usize| {
        let weights = net.read(&format!("{key}.weight"), &[made, taken])?;
        let bias = net.read(&format!("{key}.bias"), &[made])?;
        let output = |row: &Vec<f64>| -> Vec<f64> {
            let sum = |o: usize| {
                let weights = weights[o * taken..][..taken].iter();
                weights.zip(row).map(|(w, v)| f64::from(*w) * v).sum::<f64>() + f64::from(bias[o])
            };
            (0..made).map(sum).collect()
        };
        Ok::<_, WeightsError>(rows.iter().map(output).collect::<Vec<_>>())
    };
    let (h, w) = (h as i64, w as i64);
    let rows = (1 - h..h).flat_map(|y| (1 - w..w).map(move |x| vec![y as f64, x as f64])).collect();
    let mut rows = linear(rows, format!("{key}.pos_proj"), 2, width)?;
    for (part, made) in [("pos1", width), ("pos2", width), ("pos3", heads)] {
        let read = |name: &str| net.read(&format!("{key}.{part}.0.{name}"), &[width]);
        let (factor, shift) = (read("weight")?, read("bias")?);
        for row in &mut rows {
            let mean = row.iter().sum::<f64>() / width as f64;
            let variance = row.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / width as f64;
            let deviation = (variance + f64::from(EPSILON)).sqrt();
            for ((v, factor), shift) in row.iter_mut().zip(&factor).zip(&shift) {
                *v = ((*v - mean) / deviation * f64::from(*factor) + f64::from(*shift)).max(0.0);
            }
        }
        rows = linear(rows, format!("{key}.{part}.2"), width, made)?;
    }
    Ok(rows.into_iter().flatten().map(|v| v as f32).collect())
}
