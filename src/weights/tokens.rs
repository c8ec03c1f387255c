//! Layers of transformers on tokens: a picture's pixels with the channels last, `[1][row][column][channel]`.

use super::error::WeightsError;
use super::net::{Maps, Net};
use crate::onnx::Value;

impl Net<'_> {
    /// A picture `[1][channel][row][column]` as tokens.
    pub(super) fn tokens(&mut self, x: &Maps) -> Maps {
        self.permuted(x, &[0, 2, 3, 1])
    }

    /// Tokens as a picture.
    pub(super) fn picture_of(&mut self, x: &Maps) -> Maps {
        self.permuted(x, &[0, 3, 1, 2])
    }

    /// The axes in another order.
    pub(super) fn permuted(&mut self, x: &Maps, order: &[usize]) -> Maps {
        self.op("Transpose", &[&x.name], x.channels, &[("perm", Value::Ints(order.to_vec()))])
    }

    /// Layer normalization `key` over the channels, the last of `axes` axes.
    pub(super) fn layer_norm(&mut self, x: &Maps, axes: usize, key: &str) -> Result<Maps, WeightsError> {
        let mut inputs = vec![x.name.clone()];
        for part in ["weight", "bias"] {
            let name = format!("{key}.{part}");
            let values = self.read(&name, &[x.channels])?;
            inputs.push(self.floats(&name, &[x.channels], values));
        }
        let inputs: Vec<_> = inputs.iter().map(String::as_str).collect();
        let attributes = [("axis", Value::Int(axes - 1)), ("epsilon", Value::Float(1e-5))];
        Ok(self.op("LayerNormalization", &inputs, x.channels, &attributes))
    }

    /// Linear layer `key` on the channels, the last axis.
    pub(super) fn linear(&mut self, x: &Maps, key: &str) -> Result<Maps, WeightsError> {
        let weight = format!("{key}.weight");
        let made = self.state.dims(&weight).first().copied().unwrap_or(0);
        let values = self.read(&weight, &[made, x.channels])?;
        let places = (0..x.channels).flat_map(|i| (0..made).map(move |o| (o, i)));
        let turned = places.map(|(o, i)| values[o * x.channels + i]).collect();
        let turned = self.floats(&weight, &[x.channels, made], turned);
        let product = self.op("MatMul", &[&x.name, &turned], made, &[]);
        let bias = format!("{key}.bias");
        if !self.state.has(&bias) {
            return Ok(product);
        }
        let values = self.read(&bias, &[made])?;
        let bias = self.floats(&bias, &[made], values);
        Ok(self.op("Add", &[&bias, &product.name], made, &[]))
    }

    /// A product of the matrices in the last two axes.
    pub(super) fn product(&mut self, a: &Maps, b: &Maps) -> Maps {
        self.op("MatMul", &[&a.name, &b.name], b.channels, &[])
    }

    /// Softmax over the last of `axes` axes.
    pub(super) fn softmax(&mut self, x: &Maps, axes: usize) -> Maps {
        self.op("Softmax", &[&x.name], x.channels, &[("axis", Value::Int(axes - 1))])
    }

    /// Vectors along the last of `axes` axes, divided by their length.
    pub(super) fn unit_vectors(&mut self, x: &Maps, axes: usize) -> Maps {
        let attributes = [("axes", Value::Ints(vec![axes - 1])), ("keepdims", Value::Int(1))];
        let length = self.op("ReduceL2", &[&x.name], 1, &attributes);
        let least = self.floats("least", &[], vec![1e-12]);
        let length = self.op("Clip", &[&length.name, &least], 1, &[]);
        self.op("Div", &[&x.name, &length.name], x.channels, &[])
    }

    /// One of the parts that lie along the first axis, which goes.
    pub(super) fn chosen(&mut self, x: &Maps, at: usize) -> Maps {
        let at = self.ints("at", &[at as i64]);
        let none = self.ints("scalar", &[]);
        let at = self.op("Reshape", &[&at, &none], 1, &[]);
        self.op("Gather", &[&x.name, &at.name], x.channels, &[("axis", Value::Int(0))])
    }

    /// Places moved by `shift` towards the front along `axis`, what leaves there coming in at the end; the other way
    /// where negative.
    pub(super) fn rolled(&mut self, x: &Maps, axis: usize, shift: i64) -> Maps {
        if shift == 0 {
            return x.clone();
        }
        let back = self.slice(x, axis, shift, i64::MAX, x.channels);
        let front = self.slice(x, axis, 0, shift, x.channels);
        self.op("Concat", &[&back.name, &front.name], x.channels, &[("axis", Value::Int(axis))])
    }

    /// The convolutions that end a group of transformer blocks: one, or three of which the middle ones are narrow.
    pub(super) fn group_end(&mut self, x: &Maps, key: &str) -> Result<Maps, WeightsError> {
        if self.state.has(&format!("{key}.weight")) {
            return self.conv(x, key);
        }
        let x = self.conv(x, &format!("{key}.0"))?;
        let x = self.leaky(&x, 0.2);
        let x = self.conv(&x, &format!("{key}.2"))?;
        let x = self.leaky(&x, 0.2);
        self.conv(&x, &format!("{key}.4"))
    }

    /// Enlargement by convolutions `key.0`, `key.2` … and pixel shuffles in turn; its factor.
    pub(super) fn enlarged(&mut self, x: &Maps, key: &str) -> Result<(Maps, usize), WeightsError> {
        let mut x = x.clone();
        let mut scale = 1;
        for at in (0..self.state.list(key).min(8)).step_by(2) {
            let before = x.channels;
            x = self.conv(&x, &format!("{key}.{at}"))?;
            let factor = (x.channels / before.max(1)).isqrt();
            if factor * factor * before != x.channels {
                return self.unfit(format!("its enlargement makes {} of {before} channels", x.channels));
            }
            x = self.shuffle(&x, factor)?;
            scale *= factor;
        }
        Ok((x, scale))
    }
}
