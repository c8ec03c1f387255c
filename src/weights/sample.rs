//! Enlargement by sampling at places that the network chooses: DySample, Liu et al. 2023,
//! <https://arxiv.org/abs/2308.15085>.

use super::error::WeightsError;
use super::net::{Maps, Net};
use crate::onnx::Value;

impl Net<'_> {
    /// The layer `key` on `x`, one picture, enlarged `scale` times.
    pub(super) fn sampled(&mut self, x: &Maps, key: &str, scale: usize) -> Result<Maps, WeightsError> {
        let named = |part: &str| format!("{key}.{part}");
        let offset = self.conv(x, &named("offset"))?;
        let pixels = scale * scale;
        let groups = offset.channels / (2 * pixels).max(1);
        if groups == 0 || groups * 2 * pixels != offset.channels || !x.channels.is_multiple_of(groups) {
            return self.unfit(format!("its sampling has {} channels for {}", offset.channels, x.channels));
        }
        let scope = self.conv(x, &named("scope"))?;
        let scope = self.unary("Sigmoid", &scope);
        let offset = self.mul(&offset, &scope)?;
        let offset = self.with("Mul", &offset, 0.5);
        let start = self.read(&named("init_pos"), &[1, offset.channels, 1, 1])?;
        let offset = self.with_each("Add", &offset, &named("init_pos"), start)?;
        let places: Vec<Maps> = [3, 2]
            .into_iter()
            .enumerate()
            .map(|(half, axis)| {
                let part = self.part(&offset, 1, half * groups * pixels..(half + 1) * groups * pixels);
                self.places(&part, x, axis)
            })
            .collect();
        let both = self.concat(&places.iter().collect::<Vec<_>>());
        let both = self.shuffle(&both, scale)?;
        let apart = self.reshape(&both, &[2, groups as i64, 0, 0], both.channels);
        let attributes = [("perm", Value::Ints(vec![1, 2, 3, 0]))];
        let grid = self.op("Transpose", &[&apart.name], 2, &attributes);
        let each = x.channels / groups;
        let grouped = self.reshape(x, &[groups as i64, each as i64, 0, 0], each);
        let attributes = [
            ("align_corners", Value::Int(0)),
            ("mode", Value::Text("bilinear")),
            ("padding_mode", Value::Text("border")),
        ];
        let made = self.op("GridSample", &[&grouped.name, &grid.name], each, &attributes);
        let made = self.reshape(&made, &[1, x.channels as i64, 0, 0], x.channels);
        match self.state.has(&named("end_conv.weight")) {
            true => self.conv(&made, &named("end_conv")),
            false => Ok(made),
        }
    }

    /// The places along `axis` that are `offset` pixels away from each pixel of `x`, from -1 at one border to 1.
    fn places(&mut self, offset: &Maps, x: &Maps, axis: usize) -> Maps {
        let length = self.length(x, axis);
        let pixels = self.range(&length);
        let pixels = self.with("Add", &pixels, 0.5);
        let pixels = if axis == 2 { self.reshape(&pixels, &[-1, 1], 1) } else { pixels };
        let places = self.op("Add", &[&offset.name, &pixels.name], offset.channels, &[]);
        let places = self.with("Mul", &places, 2.0);
        let float = self.op("Cast", &[&length], 1, &[("to", Value::Int(1))]);
        let places = self.op("Div", &[&places.name, &float.name], offset.channels, &[]);
        self.with("Sub", &places, 1.0)
    }

    /// `x` enlarged or made smaller, linearly, to the size of `like`.
    pub(super) fn bilinear(&mut self, x: &Maps, like: &Maps) -> Maps {
        let (from, size) = (self.op("Shape", &[&x.name], 1, &[]), self.op("Shape", &[&like.name], 1, &[]));
        let front = self.slice(&from, 0, 0, 2, 1);
        let back = self.slice(&size, 0, 2, 4, 1);
        let sizes = self.op("Concat", &[&front.name, &back.name], 1, &[("axis", Value::Int(0))]);
        let attributes =
            [("coordinate_transformation_mode", Value::Text("half_pixel")), ("mode", Value::Text("linear"))];
        self.op("Resize", &[&x.name, "", "", &sizes.name], x.channels, &attributes)
    }

    /// The length of `x` along `axis`, a single number; the tensor's name.
    pub(super) fn length(&mut self, x: &Maps, axis: usize) -> String {
        let shape = self.op("Shape", &[&x.name], 1, &[]);
        let at = self.ints("axis", &[axis as i64]);
        let length = self.op("Gather", &[&shape.name, &at], 1, &[("axis", Value::Int(0))]);
        let none = self.ints("scalar", &[]);
        self.op("Reshape", &[&length.name, &none], 1, &[]).name
    }

    /// The numbers from 0 to below `length`, as floats in a row.
    pub(super) fn range(&mut self, length: &str) -> Maps {
        let [zero, one] = [0, 1].map(|number| {
            let row = self.ints("number", &[number]);
            let none = self.ints("scalar", &[]);
            self.op("Reshape", &[&row, &none], 1, &[]).name
        });
        let numbers = self.op("Range", &[&zero, length, &one], 1, &[]);
        self.op("Cast", &[&numbers.name], 1, &[("to", Value::Int(1))])
    }

    /// `x` in another shape: 0 keeps a side, -1 is what is left.
    pub(super) fn reshape(&mut self, x: &Maps, dims: &[i64], channels: usize) -> Maps {
        let shape = self.ints("shape", dims);
        self.op("Reshape", &[&x.name, &shape], channels, &[])
    }
}
