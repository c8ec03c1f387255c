//! SPAN: Wan et al. 2023, <https://arxiv.org/abs/2311.12770>. Each of its convolutions is trained as several, which are
//! made one here; files that hold only that one are read, too.

use crate::weights::architecture::Architecture;
use crate::weights::error::WeightsError;
use crate::weights::net::{Facts, Kernel, Maps, Net, Steps, scale_and_channels};
use crate::weights::state::State;

pub(super) const SPAN: Architecture = Architecture { name: "SPAN", recognise, build };

/// What is taken off the picture's channels first, and the factor then; the file doesn't tell them.
const MEAN: [f32; 3] = [0.4488, 0.4371, 0.4040];
const RANGE: f32 = 255.0;
/// Most products of a convolution's outputs and middle channels; of real ones there are some thousands.
const PRODUCTS: usize = 1 << 20;
/// Blocks that each file has.
const BLOCKS: usize = 6;

fn recognise(state: &State<'_>) -> bool {
    let either =
        |key: &str| state.has(&format!("{key}.sk.weight")) || state.has(&format!("{key}.eval_conv.weight"));
    ["conv_1", "block_1.c1_r", "block_1.c3_r", "block_6.c3_r", "conv_2"].into_iter().all(either)
        && state.has_all(&["conv_cat.weight", "upsampler.0.weight"])
}

fn build(net: &mut Net<'_>) -> Result<(Maps, Facts), WeightsError> {
    let first = folded(net, "conv_1")?;
    let channels = first.dims[1];
    let mut x = net.picture(channels);
    // Networks without it carry a mark.
    if !net.state.has("no_norm") {
        if channels != 3 {
            return net.unfit(format!("it takes {channels} channels, and its mean is that of 3"));
        }
        x = net.with_each("Sub", &x, "mean", MEAN.to_vec())?;
        x = net.with("Mul", &x, RANGE);
    }
    let steps = Steps::same(&first);
    let start = net.convolved(&x, first, steps)?;
    let (mut first_block, mut last_inner) = (start.clone(), start.clone());
    x = start.clone();
    for block in 1..=BLOCKS {
        (x, last_inner) = attended(net, &x, &format!("block_{block}"))?;
        if block == 1 {
            first_block = x.clone();
        }
    }
    x = convolved(net, &x, "conv_2")?;
    let joined = net.concat(&[&start, &x, &first_block, &last_inner]);
    x = net.conv(&joined, "conv_cat")?;
    x = net.conv(&x, "upsampler.0")?;
    let Some((scale, _)) = scale_and_channels(x.channels, channels) else {
        return net.unfit(format!("its last layer makes {} channels", x.channels));
    };
    let output = net.shuffle(&x, scale)?;
    Ok((output, Facts { channels, scale, multiple: 1, batches: true }))
}

/// A block with its parameter-free attention; its result, and that of its first convolution, which of the last block is
/// used once more.
fn attended(net: &mut Net<'_>, x: &Maps, key: &str) -> Result<(Maps, Maps), WeightsError> {
    let first = convolved(net, x, &format!("{key}.c1_r"))?;
    // PyTorch's code changes this convolution's result in place: what is used once more is activated.
    let activated = net.silu(&first);
    let inner = convolved(net, &activated, &format!("{key}.c2_r"))?;
    let inner = net.silu(&inner);
    let last = convolved(net, &inner, &format!("{key}.c3_r"))?;
    let attention = net.unary("Sigmoid", &last);
    let attention = net.with("Sub", &attention, 0.5);
    let sum = net.add(&last, x)?;
    Ok((net.mul(&sum, &attention)?, activated))
}

fn convolved(net: &mut Net<'_>, x: &Maps, key: &str) -> Result<Maps, WeightsError> {
    let kernel = folded(net, key)?;
    let steps = Steps::same(&kernel);
    net.convolved(x, kernel, steps)
}

/// The one convolution that 1x1, 3x3 and 1x1 in a row and another 1x1 beside them amount to.
fn folded(net: &Net<'_>, key: &str) -> Result<Kernel, WeightsError> {
    if !net.state.has(&format!("{key}.sk.weight")) {
        return net.kernel(&format!("{key}.eval_conv"));
    }
    let read = |name: &str| net.kernel(&format!("{key}.{name}"));
    let (beside, one, two, three) = (read("sk")?, read("conv.0")?, read("conv.1")?, read("conv.2")?);
    let ([o, i, ..], [n, ..], [m, ..]) = (beside.dims, one.dims, two.dims);
    let fit = [beside.dims, one.dims, two.dims, three.dims]
        == [[o, i, 1, 1], [n, i, 1, 1], [m, n, 3, 3], [o, m, 1, 1]];
    if !fit {
        return net.unfit(format!("the parts of its convolution {key:?} don't follow each other"));
    }
    // The file bounds each part, not their product.
    if o.checked_mul(n).is_none_or(|products| products > PRODUCTS) {
        return net.unfit(format!("its convolution {key:?} has {n} channels inside and makes {o}"));
    }
    // First the two last ones, [o][n][3 x 3], then all.
    let late = product(&three.weights, m, &two.weights, n * 9);
    let mut bias = vec![0.0; o];
    let biased = |kernel: &Kernel, at: usize| kernel.bias.as_ref().map_or(0.0, |bias| f64::from(bias[at]));
    let mut weights = vec![0.0; o * i * 9];
    for output in 0..o {
        let from = &late[output * n * 9..][..n * 9];
        for middle in 0..n {
            for tap in 0..9 {
                let factor = from[middle * 9 + tap];
                for input in 0..i {
                    weights[(output * i + input) * 9 + tap] +=
                        factor * f64::from(one.weights[middle * i + input]);
                }
            }
            bias[output] += from[middle * 9..][..9].iter().sum::<f64>() * biased(&one, middle);
        }
        for middle in 0..m {
            bias[output] += f64::from(three.weights[output * m + middle]) * biased(&two, middle);
        }
        bias[output] += biased(&three, output) + biased(&beside, output);
        for input in 0..i {
            weights[(output * i + input) * 9 + 4] += f64::from(beside.weights[output * i + input]);
        }
    }
    let single = |numbers: Vec<f64>| numbers.into_iter().map(|v| v as f32).collect::<Vec<_>>();
    Ok(Kernel { name: key.into(), dims: [o, i, 3, 3], weights: single(weights), bias: Some(single(bias)) })
}

/// The product of matrices of `inner` columns and `inner` rows of `columns`.
fn product(a: &[f32], inner: usize, b: &[f32], columns: usize) -> Vec<f64> {
    let mut made = vec![0.0; a.len() / inner.max(1) * columns];
    for (row, made) in a.chunks(inner).zip(made.chunks_mut(columns)) {
        for (factor, row) in row.iter().zip(b.chunks(columns)) {
            for (sum, v) in made.iter_mut().zip(row) {
                *sum += f64::from(*factor) * f64::from(*v);
            }
        }
    }
    made
}
