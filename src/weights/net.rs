//! A network under construction out of a state dict: layers as PyTorch has them, written as ONNX exports write them.

use super::error::WeightsError;
use super::state::State;
use crate::onnx::{Dim, Graph, Value};
use std::collections::HashSet;
use tract_onnx::pb::ModelProto;

/// Name of the picture's tensor.
const INPUT: &str = "input";
/// Name of the result's.
const OUTPUT: &str = "output";

/// A tensor of the network: `[picture][channel][row][column]`, or with the channels last.
#[derive(Clone, Debug)]
pub(super) struct Maps {
    pub(super) name: String,
    pub(super) channels: usize,
}

/// What is to be said about a network.
#[derive(Clone, Debug)]
pub(super) struct Facts {
    /// Channels of the picture.
    pub(super) channels: usize,
    /// Output size over input size.
    pub(super) scale: usize,
    /// Sides of the picture must be multiples of this.
    pub(super) multiple: usize,
    /// Whether several pictures can be run at once.
    pub(super) batches: bool,
}

/// The weights of a convolution: `[output][input of its group][row][column]`.
#[derive(Clone, Debug)]
pub(super) struct Kernel {
    pub(super) name: String,
    pub(super) dims: [usize; 4],
    pub(super) weights: Vec<f32>,
    pub(super) bias: Option<Vec<f32>>,
}

/// How a convolution goes over its input.
#[derive(Clone, Copy, Debug)]
pub(super) struct Steps {
    pub(super) stride: usize,
    pub(super) dilation: usize,
    /// Rows and columns of zeros at each border.
    pub(super) border: [usize; 2],
}

impl Steps {
    /// One step, borders so that the size stays.
    pub(super) fn same(kernel: &Kernel) -> Steps {
        Steps { stride: 1, dilation: 1, border: [kernel.dims[2] / 2, kernel.dims[3] / 2] }
    }

    /// Steps of the kernel's own size, without borders.
    pub(super) fn apart(kernel: &Kernel) -> Steps {
        Steps { stride: kernel.dims[2], dilation: 1, border: [0, 0] }
    }
}

/// A network under construction.
pub(super) struct Net<'a> {
    architecture: &'static str,
    pub(super) state: &'a State<'a>,
    graph: Graph,
    /// Operators so far.
    count: usize,
    /// Names of tensors.
    names: HashSet<String>,
    /// Inputs beside the picture.
    inputs: Vec<(String, Vec<Dim>)>,
}

impl<'a> Net<'a> {
    pub(super) fn new(architecture: &'static str, state: &'a State<'a>) -> Net<'a> {
        let names = [INPUT, OUTPUT].map(str::to_owned).into();
        let (graph, inputs) = (Graph::default(), vec![]);
        Net { architecture, state, graph, count: 0, names, inputs }
    }

    /// The picture.
    pub(super) fn picture(&self, channels: usize) -> Maps {
        Maps { name: INPUT.into(), channels }
    }

    /// Declares an input beside the picture.
    pub(super) fn input(&mut self, name: &str, dims: Vec<Dim>) {
        self.names.insert(name.into());
        self.inputs.push((name.into(), dims));
    }

    /// The error that the tensors don't fit together.
    pub(super) fn unfit<T>(&self, reason: impl Into<String>) -> Result<T, WeightsError> {
        Err(WeightsError::Unfit { architecture: self.architecture, reason: reason.into() })
    }

    /// The model whose result is `output`.
    pub(super) fn finish(mut self, output: &Maps, facts: &Facts) -> Result<ModelProto, WeightsError> {
        let Facts { channels, scale, multiple, batches } = *facts;
        if !matches!(channels, 1..=4) || !matches!(output.channels, 1..=4) {
            return self.unfit(format!("it takes {channels} channels and makes {}", output.channels));
        }
        self.graph.rename(&output.name, OUTPUT);
        let batch = || if batches { Dim::Name("N".into()) } else { Dim::Number(1) };
        let open = |name: &str| Dim::Name(name.into());
        let larger = |name: &str| match scale {
            1 => open(name),
            _ => open(&format!("{name}_times_{scale}")),
        };
        let input = (INPUT.to_owned(), vec![batch(), Dim::Number(channels), open("H"), open("W")]);
        let inputs: Vec<_> = [input].into_iter().chain(self.inputs).collect();
        let made = vec![batch(), Dim::Number(output.channels), larger("H"), larger("W")];
        let metadata = [
            ("architecture", self.architecture.to_owned()),
            ("scale", scale.to_string()),
            ("colour", if channels == 1 { "gray" } else { "rgb" }.to_owned()),
            ("range", "0-1".to_owned()),
            ("size_multiple", multiple.to_string()),
            ("licence", "unknown".to_owned()),
        ];
        let metadata = metadata.map(|(key, value)| (key.to_owned(), value));
        Ok(self.graph.model(self.architecture, &inputs, &[(OUTPUT.to_owned(), made)], &metadata))
    }

    /// Adds an operator; its result of that many channels.
    pub(super) fn op(
        &mut self,
        kind: &str,
        inputs: &[&str],
        channels: usize,
        attributes: &[(&str, Value)],
    ) -> Maps {
        self.count += 1;
        let name = self.fresh(&format!("{}_{}", kind.to_lowercase(), self.count));
        self.graph.node(kind, inputs, &name, attributes);
        Maps { name, channels }
    }

    /// Adds weights; their name, which is `name` unless that is taken.
    pub(super) fn floats(&mut self, name: &str, dims: &[usize], values: Vec<f32>) -> String {
        let name = self.fresh(name);
        self.graph.floats(name, dims, values)
    }

    /// Adds a row of whole numbers; its name.
    pub(super) fn ints(&mut self, name: &str, values: &[i64]) -> String {
        let name = self.fresh(name);
        self.graph.ints(name, values)
    }

    fn fresh(&mut self, name: &str) -> String {
        let mut fresh = name.to_owned();
        let mut number = 1;
        while !self.names.insert(fresh.clone()) {
            number += 1;
            fresh = format!("{name}_{number}");
        }
        fresh
    }

    /// The numbers of tensor `name`, which must be of that size.
    pub(super) fn read(&self, name: &str, dims: &[usize]) -> Result<Vec<f32>, WeightsError> {
        let found = self.state.dims(name);
        if !self.state.has(name) {
            return self.unfit(format!("tensor {name:?} is missing"));
        }
        if found != dims {
            return self.unfit(format!("tensor {name:?} is of {found:?}, not {dims:?}"));
        }
        self.state.floats(name)
    }

    /// The kernel of convolution `key`.
    pub(super) fn kernel(&self, key: &str) -> Result<Kernel, WeightsError> {
        let (weight, bias) = (format!("{key}.weight"), format!("{key}.bias"));
        let &[o, i, h, w] = self.state.dims(&weight) else {
            let dims = self.state.dims(&weight);
            return self.unfit(format!(
                "tensor {weight:?} is of {dims:?}, or missing, where a convolution's belongs"
            ));
        };
        if [o, i, h, w].contains(&0) || h > 255 || w > 255 {
            return self.unfit(format!("the convolution {key:?} is of {:?}", [o, i, h, w]));
        }
        let dims = [o, i, h, w];
        let bias = if self.state.has(&bias) { Some(self.read(&bias, &[o])?) } else { None };
        Ok(Kernel { name: key.into(), dims, weights: self.read(&weight, &dims)?, bias })
    }

    /// Convolution `key` that keeps the size.
    pub(super) fn conv(&mut self, x: &Maps, key: &str) -> Result<Maps, WeightsError> {
        let kernel = self.kernel(key)?;
        let [_, _, h, w] = kernel.dims;
        if h % 2 == 0 || w % 2 == 0 {
            return self.unfit(format!("the convolution {key:?} is of {h} x {w}, which have no middle"));
        }
        let steps = Steps::same(&kernel);
        self.convolved(x, kernel, steps)
    }

    /// A convolution, grouped where the kernel has fewer inputs than `x` channels.
    pub(super) fn convolved(&mut self, x: &Maps, kernel: Kernel, steps: Steps) -> Result<Maps, WeightsError> {
        let Kernel { name, dims, weights, bias } = kernel;
        let [o, i, h, w] = dims;
        // All channels together, or each for itself.
        let groups = if i == 1 { x.channels } else { 1 };
        if groups * i != x.channels || !o.is_multiple_of(groups) {
            let channels = x.channels;
            return self
                .unfit(format!("the convolution {name:?} is of {dims:?} and gets {channels} channels"));
        }
        let mut inputs = vec![x.name.clone(), self.floats(&format!("{name}.weight"), &dims, weights)];
        if let Some(bias) = bias {
            inputs.push(self.floats(&format!("{name}.bias"), &[o], bias));
        }
        let [top, left] = steps.border;
        let attributes = [
            ("dilations", Value::Ints(vec![steps.dilation; 2])),
            ("group", Value::Int(groups)),
            ("kernel_shape", Value::Ints(vec![h, w])),
            ("pads", Value::Ints(vec![top, left, top, left])),
            ("strides", Value::Ints(vec![steps.stride; 2])),
        ];
        let inputs: Vec<_> = inputs.iter().map(String::as_str).collect();
        Ok(self.op("Conv", &inputs, o, &attributes))
    }

    /// A sum of equal sizes.
    pub(super) fn add(&mut self, a: &Maps, b: &Maps) -> Result<Maps, WeightsError> {
        self.same_channels(a, b)?;
        Ok(self.op("Add", &[&a.name, &b.name], a.channels, &[]))
    }

    /// A product of equal sizes.
    pub(super) fn mul(&mut self, a: &Maps, b: &Maps) -> Result<Maps, WeightsError> {
        self.same_channels(a, b)?;
        Ok(self.op("Mul", &[&a.name, &b.name], a.channels, &[]))
    }

    fn same_channels(&self, a: &Maps, b: &Maps) -> Result<(), WeightsError> {
        match a.channels == b.channels {
            true => Ok(()),
            false => self.unfit(format!("{} and {} channels come together", a.channels, b.channels)),
        }
    }

    /// `x` with one number: `kind` is `Mul`, `Add`, `Sub` or `Div`.
    pub(super) fn with(&mut self, kind: &str, x: &Maps, number: f32) -> Maps {
        let number = self.floats("constant", &[], vec![number]);
        self.op(kind, &[&x.name, &number], x.channels, &[])
    }

    /// `x` with one number for each channel.
    pub(super) fn with_each(
        &mut self,
        kind: &str,
        x: &Maps,
        name: &str,
        numbers: Vec<f32>,
    ) -> Result<Maps, WeightsError> {
        if numbers.len() != x.channels {
            return self.unfit(format!("{name} has {} numbers for {} channels", numbers.len(), x.channels));
        }
        let numbers = self.floats(name, &[1, x.channels, 1, 1], numbers);
        Ok(self.op(kind, &[&x.name, &numbers], x.channels, &[]))
    }

    /// A function without parameters.
    pub(super) fn unary(&mut self, kind: &str, x: &Maps) -> Maps {
        self.op(kind, &[&x.name], x.channels, &[])
    }

    /// Leaky ReLU.
    pub(super) fn leaky(&mut self, x: &Maps, slope: f32) -> Maps {
        self.op("LeakyRelu", &[&x.name], x.channels, &[("alpha", Value::Float(slope))])
    }

    /// `x` times its sigmoid.
    pub(super) fn silu(&mut self, x: &Maps) -> Maps {
        let sigmoid = self.unary("Sigmoid", x);
        self.op("Mul", &[&x.name, &sigmoid.name], x.channels, &[])
    }

    /// PReLU with the slopes `key`, one or one for each channel.
    pub(super) fn prelu(&mut self, x: &Maps, key: &str) -> Result<Maps, WeightsError> {
        let key = format!("{key}.weight");
        let count = self.state.dims(&key).first().copied().unwrap_or(0);
        if count != 1 && count != x.channels {
            return self.unfit(format!("tensor {key:?} has {count} slopes for {} channels", x.channels));
        }
        let slopes = self.read(&key, &[count])?;
        let slopes = self.floats(&key, &[count, 1, 1], slopes);
        Ok(self.op("PRelu", &[&x.name, &slopes], x.channels, &[]))
    }

    /// Tensors joined along their channels.
    pub(super) fn concat(&mut self, parts: &[&Maps]) -> Maps {
        let channels = parts.iter().map(|p| p.channels).sum();
        let names: Vec<_> = parts.iter().map(|p| p.name.as_str()).collect();
        self.op("Concat", &names, channels, &[("axis", Value::Int(1))])
    }

    /// PyTorch's pixel shuffle: `r` x `r` channels become pixels.
    pub(super) fn shuffle(&mut self, x: &Maps, r: usize) -> Result<Maps, WeightsError> {
        if r == 0 || !x.channels.is_multiple_of(r * r) {
            return self.unfit(format!("{} channels can't be made {r} x {r} pixels", x.channels));
        }
        if r == 1 {
            return Ok(x.clone());
        }
        let attributes = [("blocksize", Value::Int(r)), ("mode", Value::Text("CRD"))];
        Ok(self.op("DepthToSpace", &[&x.name], x.channels / (r * r), &attributes))
    }

    /// Each pixel `r` x `r` times.
    pub(super) fn nearest(&mut self, x: &Maps, r: usize) -> Maps {
        if r == 1 {
            return x.clone();
        }
        let scales = self.floats("scales", &[4], vec![1.0, 1.0, r as f32, r as f32]);
        let attributes = [
            ("coordinate_transformation_mode", Value::Text("asymmetric")),
            ("mode", Value::Text("nearest")),
            ("nearest_mode", Value::Text("floor")),
        ];
        self.op("Resize", &[&x.name, "", &scales], x.channels, &attributes)
    }

    /// The convolution `key` of PyTorch's pixel unshuffle of `x`: `r` x `r` pixels become channels.
    pub(super) fn unshuffled(&mut self, x: &Maps, key: &str, r: usize) -> Result<Maps, WeightsError> {
        let mut kernel = self.kernel(key)?;
        let [_, i, h, w] = kernel.dims;
        if i != x.channels * r * r {
            return self
                .unfit(format!("the convolution {key:?} takes {i} channels, not {}", x.channels * r * r));
        }
        // ONNX counts the channel of the picture last, PyTorch first.
        let planes = kernel.weights.chunks(i * h * w).flat_map(|output| {
            let plane = move |at: usize| (at % x.channels) * r * r + at / x.channels;
            (0..i).flat_map(move |at| output[plane(at) * h * w..][..h * w].iter().copied())
        });
        kernel.weights = planes.collect();
        let x = self.op("SpaceToDepth", &[&x.name], i, &[("blocksize", Value::Int(r))]);
        let steps = Steps::same(&kernel);
        self.convolved(&x, kernel, steps)
    }
}

/// Scale and channels of a picture that `made` channels are shuffled to, where `taken` go in.
pub(super) fn scale_and_channels(made: usize, taken: usize) -> Option<(usize, usize)> {
    [taken, 3, 4, 1].into_iter().find_map(|channels| {
        let scale = (made / channels.max(1)).isqrt();
        (scale > 0 && scale * scale * channels == made).then_some((scale, channels))
    })
}
