//! Layers of which architectures are made, beside those that [`super::net`] has: normalizations, activations, moves.

use super::error::WeightsError;
use super::net::{Kernel, Maps, Net};
use crate::onnx::{Dim, Value};
use std::ops::Range;

/// Name of the input that tells the noise level, as a share of the range.
const SIGMA: &str = "sigma";

impl Net<'_> {
    /// The picture with a channel that says how strong the noise is, out of an input of its own, `sigma`.
    pub(super) fn with_noise_level(&mut self, picture: &Maps) -> Maps {
        self.input(SIGMA, vec![Dim::Number(1); 4]);
        let one = self.part(picture, 1, 0..1);
        let shape = self.op("Shape", &[&one.name], 1, &[]);
        let level = self.op("Expand", &[SIGMA, &shape.name], 1, &[]);
        self.concat(&[picture, &level])
    }

    /// A difference of equal sizes.
    pub(super) fn sub(&mut self, a: &Maps, b: &Maps) -> Result<Maps, WeightsError> {
        if a.channels != b.channels {
            return self.unfit(format!("{} and {} channels come together", a.channels, b.channels));
        }
        Ok(self.op("Sub", &[&a.name, &b.name], a.channels, &[]))
    }

    /// Merges the batch normalization `key` into the convolution before it.
    pub(super) fn normalized(
        &self,
        kernel: &mut Kernel,
        key: &str,
        epsilon: f32,
    ) -> Result<(), WeightsError> {
        let [o, ..] = kernel.dims;
        let read = |part: &str| self.read(&format!("{key}.{part}"), &[o]);
        let (mean, variance) = (read("running_mean")?, read("running_var")?);
        let (factor, shift) = (read("weight")?, read("bias")?);
        let each = kernel.weights.len() / o;
        let mut bias = kernel.bias.take().unwrap_or_else(|| vec![0.0; o]);
        for (at, weights) in kernel.weights.chunks_mut(each).enumerate() {
            let scale = f64::from(factor[at]) / (f64::from(variance[at]) + f64::from(epsilon)).sqrt();
            weights.iter_mut().for_each(|w| *w = (f64::from(*w) * scale) as f32);
            bias[at] = ((f64::from(bias[at]) - f64::from(mean[at])) * scale + f64::from(shift[at])) as f32;
        }
        kernel.bias = Some(bias);
        Ok(())
    }

    /// Transposed convolution `key` with steps of its kernel's own size.
    pub(super) fn transposed(&mut self, x: &Maps, key: &str) -> Result<Maps, WeightsError> {
        let weight = format!("{key}.weight");
        let &[i, o, h, w] = self.state.dims(&weight) else {
            return self.unfit(format!("tensor {weight:?} is of {:?}", self.state.dims(&weight)));
        };
        if i != x.channels || h != w || h == 0 || o == 0 {
            let dims = [i, o, h, w];
            return self
                .unfit(format!("the convolution {key:?} is of {dims:?} and gets {} channels", x.channels));
        }
        let weights = self.read(&weight, &[i, o, h, w])?;
        let mut inputs = vec![x.name.clone(), self.floats(&weight, &[i, o, h, w], weights)];
        let bias = format!("{key}.bias");
        if self.state.has(&bias) {
            let values = self.read(&bias, &[o])?;
            inputs.push(self.floats(&bias, &[o], values));
        }
        let inputs: Vec<_> = inputs.iter().map(String::as_str).collect();
        let attributes = [("kernel_shape", Value::Ints(vec![h, w])), ("strides", Value::Ints(vec![h, w]))];
        Ok(self.op("ConvTranspose", &inputs, o, &attributes))
    }

    /// GELU by the error function.
    pub(super) fn gelu(&mut self, x: &Maps) -> Maps {
        let inner = self.with("Div", x, std::f32::consts::SQRT_2);
        let inner = self.unary("Erf", &inner);
        let inner = self.with("Add", &inner, 1.0);
        let product = self.op("Mul", &[&x.name, &inner.name], x.channels, &[]);
        self.with("Mul", &product, 0.5)
    }

    /// Mish.
    pub(super) fn mish(&mut self, x: &Maps) -> Result<Maps, WeightsError> {
        let inner = self.unary("Softplus", x);
        let inner = self.unary("Tanh", &inner);
        self.mul(x, &inner)
    }

    /// Numbers `range` of axis `axis`; of channels when that is 1.
    pub(super) fn part(&mut self, x: &Maps, axis: usize, range: Range<usize>) -> Maps {
        let channels = if axis == 1 { range.len() } else { x.channels };
        self.slice(x, axis, range.start as i64, range.end as i64, channels)
    }

    /// Numbers from `start` to `end` of axis `axis`, counted from the end where negative; `channels` are then left.
    pub(super) fn slice(&mut self, x: &Maps, axis: usize, start: i64, end: i64, channels: usize) -> Maps {
        let names = [("starts", start), ("ends", end), ("axes", axis as i64)];
        let [start, end, axes] = names.map(|(name, number)| self.ints(name, &[number]));
        self.op("Slice", &[&x.name, &start, &end, &axes], channels, &[])
    }

    /// Layer normalization `key` over the channels of each pixel.
    pub(super) fn channel_norm(&mut self, x: &Maps, key: &str, epsilon: f32) -> Result<Maps, WeightsError> {
        let mean = |net: &mut Self, x: &Maps| {
            let attributes = [("axes", Value::Ints(vec![1])), ("keepdims", Value::Int(1))];
            net.op("ReduceMean", &[&x.name], x.channels, &attributes)
        };
        let average = mean(self, x);
        let centred = self.sub(x, &average)?;
        let square = self.mul(&centred, &centred)?;
        let variance = mean(self, &square);
        let variance = self.with("Add", &variance, epsilon);
        let deviation = self.unary("Sqrt", &variance);
        let x = self.op("Div", &[&centred.name, &deviation.name], x.channels, &[]);
        self.scaled_and_shifted(&x, key)
    }

    /// Group normalization `key`: each group of channels over the whole picture.
    pub(super) fn group_norm(
        &mut self,
        x: &Maps,
        key: &str,
        groups: usize,
        epsilon: f32,
    ) -> Result<Maps, WeightsError> {
        if !x.channels.is_multiple_of(groups) {
            return self.unfit(format!("{} channels don't make {groups} groups", x.channels));
        }
        let shape = self.op("Shape", &[&x.name], 1, &[]);
        let grouped = self.ints("groups", &[0, groups as i64, -1]);
        let grouped = self.op("Reshape", &[&x.name, &grouped], groups, &[]);
        let one = self.floats("ones", &[groups], vec![1.0; groups]);
        let zero = self.floats("zeros", &[groups], vec![0.0; groups]);
        let attributes = [("epsilon", Value::Float(epsilon))];
        let inputs = [grouped.name.as_str(), &one, &zero];
        let normal = self.op("InstanceNormalization", &inputs, groups, &attributes);
        let x = self.op("Reshape", &[&normal.name, &shape.name], x.channels, &[]);
        self.scaled_and_shifted(&x, key)
    }

    fn scaled_and_shifted(&mut self, x: &Maps, key: &str) -> Result<Maps, WeightsError> {
        let [weight, bias] = ["weight", "bias"].map(|part| format!("{key}.{part}"));
        let (factors, shifts) = (self.read(&weight, &[x.channels])?, self.read(&bias, &[x.channels])?);
        let x = self.with_each("Mul", x, &weight, factors)?;
        self.with_each("Add", &x, &bias, shifts)
    }
}
