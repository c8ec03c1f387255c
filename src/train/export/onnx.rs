//! Writing a network as an ONNX file.

use super::facts::Facts;
use super::shape::{BOTTLENECK, INPUT, OUTPUT, planar_order, takes_any_size, takes_vectors};
use crate::onnx::{Dim, Graph, Value, encode};
use crate::train::net::{Activation, Id, LEAK, Net, Op, Place, Size};

/// The file's bytes: `net` with `parameters`, and `facts` as its metadata. The same arguments give the same bytes. With
/// `half`, weights are written in half precision (biases are not), and made single by the file's own operators.
///
/// # Panics
/// When the layers don't fit, or the number of parameters is another than the network's.
pub fn onnx(net: &Net, parameters: &[f32], facts: &Facts, half: bool) -> Vec<u8> {
    assert_eq!(parameters.len(), net.parameters(), "parameters of {}", net.name);
    let sizes = net.sizes().expect("layers fit");
    let mut export =
        Export { net, parameters, half, sizes, places: net.places(), made: vec![], graph: Graph::default() };
    for id in 0..net.nodes.len() {
        let tensor = export.layer(id);
        export.made.push(tensor);
    }
    let input = (INPUT.to_owned(), export.dims(0));
    let outputs = [(OUTPUT, net.output()), (BOTTLENECK, net.bottleneck)].map(|(name, id)| {
        export.give(name, id);
        (name.to_owned(), export.dims(id))
    });
    encode(&export.graph.model(&net.name, &[input], &outputs, &facts.0))
}

/// Parameters of `net` as a file in half precision has them.
pub fn rounded(net: &Net, parameters: &[f32]) -> Vec<f32> {
    let mut rounded = parameters.to_vec();
    for place in net.places().into_iter().flatten() {
        rounded[place.weights].iter_mut().for_each(|w| *w = half::f16::from_f32(*w).to_f32());
    }
    rounded
}

/// Parameters of `net` for vectors as they are, where it was trained on columns brought to \[0, 1\] by their lowest
/// numbers and spans: folded into the first and the last layer. None where these aren't dense and linear at the end.
pub fn unscaled(net: &Net, parameters: &[f32], (lows, spans): &(Vec<f32>, Vec<f32>)) -> Option<Vec<f32>> {
    let dense = |id: Id| matches!(net.nodes[id].op, Op::Dense { .. });
    let readers = net.nodes.iter().filter(|n| n.inputs.contains(&0)).count();
    let last = net.output();
    let linear = matches!(net.nodes[last].op, Op::Dense { activation: Activation::Linear, .. });
    let read = net.nodes.iter().any(|n| n.inputs.contains(&last)) || net.bottleneck == last;
    if last < 2 || readers != 1 || net.nodes[1].inputs != [0] || !dense(1) || !linear || read {
        return None;
    }
    let places = net.places();
    let (first, end) = (places[1].as_ref()?, places[last].as_ref()?);
    let mut folded = parameters.to_vec();
    for (row, bias) in first.weights.clone().step_by(first.fan_in).zip(first.bias.clone()) {
        // What is taken off the bias belongs to the weights as they are written, rounded; columns that never change
        // (a span of 0) tell nothing.
        let mut sum = f64::from(folded[bias]);
        for (column, (low, span)) in lows.iter().zip(spans).enumerate() {
            let weight = if *span > 0.0 { folded[row + column] / span } else { 0.0 };
            folded[row + column] = weight;
            sum -= f64::from(weight) * f64::from(*low);
        }
        folded[bias] = sum as f32;
    }
    let rows = end.weights.clone().step_by(end.fan_in).zip(end.bias.clone());
    for ((row, bias), (low, span)) in rows.zip(lows.iter().zip(spans)) {
        folded[row..][..end.fan_in].iter_mut().for_each(|w| *w *= span);
        folded[bias] = folded[bias] * span + low;
    }
    Some(folded)
}

/// A node's tensor in the file.
#[derive(Clone, Debug)]
struct Tensor {
    name: String,
    /// `[batch][number]`, without rows and columns.
    flat: bool,
}

/// The export under way.
struct Export<'a> {
    net: &'a Net,
    parameters: &'a [f32],
    half: bool,
    sizes: Vec<Size>,
    places: Vec<Option<Place>>,
    /// Tensors of the nodes so far.
    made: Vec<Tensor>,
    graph: Graph,
}

impl<'a> Export<'a> {
    /// Writes node `id`; its tensor.
    fn layer(&mut self, id: Id) -> Tensor {
        let node = &self.net.nodes[id];
        let from = node.inputs.first().copied().unwrap_or(0);
        let name = self.name(id);
        let picture = Tensor { name: name.clone(), flat: false };
        match node.op {
            Op::Input => return Tensor { name: INPUT.into(), flat: takes_vectors(self.net) },
            Op::Dropout(_) => return self.made[from].clone(),
            Op::Dense { activation, .. } => return self.dense(id, from, activation),
            Op::Unflatten(size) => self.unflatten(id, from, size),
            Op::Conv { channels, kernel, stride, padded, activation } => {
                let x = self.picture(id, from);
                let (weights, bias) = self.weights(id);
                let dims = [channels, self.sizes[from].c, kernel, kernel];
                let weights = self.stored(format!("{name}_weight"), &dims, weights.iter().copied());
                let bias = self.graph.floats(format!("{name}_bias"), &[channels], bias.iter().copied());
                let border = if padded { kernel / 2 } else { 0 };
                let attributes = [
                    ("kernel_shape", Value::Ints(vec![kernel; 2])),
                    ("pads", Value::Ints(vec![border; 4])),
                    ("strides", Value::Ints(vec![stride; 2])),
                ];
                self.activated(&name, "Conv", &[&x, &weights, &bias], &attributes, activation);
            }
            Op::MaxPool => {
                let x = self.picture(id, from);
                let two = || Value::Ints(vec![2; 2]);
                let attributes = [("ceil_mode", Value::Int(1)), ("kernel_shape", two()), ("strides", two())];
                self.graph.node("MaxPool", &[&x], &name, &attributes);
            }
            Op::Upsample(n) => {
                let x = self.picture(id, from);
                let scales = [1.0, 1.0, n as f32, n as f32];
                let scales = self.graph.floats(format!("{name}_scales"), &[4], scales);
                let attributes = [
                    ("coordinate_transformation_mode", Value::Text("asymmetric")),
                    ("mode", Value::Text("nearest")),
                    ("nearest_mode", Value::Text("floor")),
                ];
                self.graph.node("Resize", &[&x, "", &scales], &name, &attributes);
            }
            Op::SpaceToDepth(n) => {
                let x = self.picture(id, from);
                self.graph.node("SpaceToDepth", &[&x], &name, &[("blocksize", Value::Int(n))]);
            }
            Op::DepthToSpace(n) => {
                let x = self.picture(id, from);
                let attributes = [("blocksize", Value::Int(n)), ("mode", Value::Text("DCR"))];
                self.graph.node("DepthToSpace", &[&x], &name, &attributes);
            }
            Op::Add | Op::Multiply => {
                let other = node.inputs[1];
                let flat = self.made[from].flat && self.made[other].flat;
                let read = |this: &mut Self, i: Id| match flat {
                    true => this.made[i].name.clone(),
                    false => this.picture(id, i),
                };
                let (a, b) = (read(self, from), read(self, other));
                let kind = if node.op == Op::Add { "Add" } else { "Mul" };
                self.graph.node(kind, &[&a, &b], &name, &[]);
                return Tensor { name, flat };
            }
        }
        picture
    }

    /// A layer that sums up, and what follows it, as tensor `name`.
    fn activated(
        &mut self,
        name: &str,
        kind: &str,
        inputs: &[&str],
        attributes: &[(&str, Value)],
        activation: Activation,
    ) {
        let (follows, slope) = match activation {
            Activation::Linear => return self.graph.node(kind, inputs, name, attributes),
            Activation::Relu => ("Relu", None),
            Activation::LeakyRelu => ("LeakyRelu", Some(("alpha", Value::Float(LEAK)))),
            Activation::Sigmoid => ("Sigmoid", None),
            Activation::Tanh => ("Tanh", None),
        };
        let sum = format!("{name}_sum");
        self.graph.node(kind, inputs, &sum, attributes);
        self.graph.node(follows, &[&sum], name, slope.as_slice());
    }

    fn dense(&mut self, id: Id, from: Id, activation: Activation) -> Tensor {
        let name = self.name(id);
        let (read, width) = (self.sizes[from], self.sizes[id].c);
        let x = self.made[from].clone();
        let x = match x.flat {
            true => x.name,
            false => {
                let row = format!("{name}_input");
                self.graph.node("Flatten", &[&x.name], &row, &[("axis", Value::Int(1))]);
                row
            }
        };
        let (weights, bias) = self.weights(id);
        let columns: &[usize] = &planar_order(read).collect::<Vec<_>>();
        let rows: Vec<usize> = planar_order(self.shown(id).unwrap_or(Size::new(1, 1, width))).collect();
        let row = |at: usize| columns.iter().map(move |c| &weights[at * columns.len() + c]);
        let ordered = rows.iter().flat_map(|at| row(*at));
        let weights = self.stored(format!("{name}_weight"), &[width, read.len()], ordered.copied());
        let bias = self.graph.floats(format!("{name}_bias"), &[width], rows.iter().map(|row| bias[*row]));
        let inputs = [x.as_str(), &weights, &bias];
        self.activated(&name, "Gemm", &inputs, &[("transB", Value::Int(1))], activation);
        Tensor { name, flat: true }
    }

    /// A row of numbers as a picture; by the order of the weights before it, or else by transposition.
    fn unflatten(&mut self, id: Id, from: Id, size: Size) {
        let name = self.name(id);
        let mut x = self.made[from].clone();
        if x.flat && (self.shown(self.root(from)).is_some() || size.h * size.w == 1 || size.c == 1) {
            let shape = self.graph.shape(&name, &[0, size.c, size.h, size.w]);
            return self.graph.node("Reshape", &[&x.name, &shape], &name, &[]);
        }
        if !x.flat {
            let rows = format!("{name}_rows");
            self.graph.node("Transpose", &[&x.name], &rows, &[("perm", Value::Ints(vec![0, 2, 3, 1]))]);
            x.name = rows;
        }
        let (shape, pixels) =
            (self.graph.shape(&name, &[0, size.h, size.w, size.c]), format!("{name}_pixels"));
        self.graph.node("Reshape", &[&x.name, &shape], &pixels, &[]);
        self.graph.node("Transpose", &[&pixels], &name, &[("perm", Value::Ints(vec![0, 3, 1, 2]))]);
    }

    /// The picture that dense layer `id` is made into, if nobody sees its numbers in their own order.
    fn shown(&self, id: Id) -> Option<Size> {
        if !matches!(self.net.nodes[id].op, Op::Dense { .. }) {
            return None;
        }
        let mut at = id;
        loop {
            if [self.net.bottleneck, self.net.output()].contains(&at) {
                return None;
            }
            let readers: Vec<Id> =
                (at + 1..self.net.nodes.len()).filter(|r| self.net.nodes[*r].inputs.contains(&at)).collect();
            let &[reader] = readers.as_slice() else { return None };
            match self.net.nodes[reader].op {
                Op::Dropout(_) => at = reader,
                Op::Unflatten(size) => return Some(size),
                _ => return None,
            }
        }
    }

    /// Adds weights; the name of what a layer reads.
    fn stored(&mut self, name: String, dims: &[usize], values: impl IntoIterator<Item = f32>) -> String {
        match self.half {
            true => self.graph.halves(name, dims, values),
            false => self.graph.floats(name, dims, values),
        }
    }

    /// Weights and bias of a layer that has some.
    fn weights(&self, id: Id) -> (&'a [f32], &'a [f32]) {
        let of = |range: std::ops::Range<usize>| &self.parameters[range];
        let place =
            self.places[id].clone().unwrap_or(Place { weights: 0..0, bias: 0..0, fan_in: 0, fan_out: 0 });
        (of(place.weights), of(place.bias))
    }

    /// Tensor of node `from` with rows and columns, for node `id` to read.
    fn picture(&mut self, id: Id, from: Id) -> String {
        let x = self.made[from].clone();
        if !x.flat {
            return x.name;
        }
        let name = format!("{}_input_{from}", self.name(id));
        let shape = self.graph.shape(&name, &[0, self.sizes[from].c, 1, 1]);
        self.graph.node("Reshape", &[&x.name, &shape], &name, &[]);
        name
    }

    /// The node whose tensor stands for node `id`: what is dropped out while training is there afterwards.
    fn root(&self, mut id: Id) -> Id {
        while matches!(self.net.nodes[id].op, Op::Dropout(_)) {
            id = self.net.nodes[id].inputs[0];
        }
        id
    }

    /// Name of the tensor that node `id` makes.
    fn name(&self, id: Id) -> String {
        let kind = match self.net.nodes[id].op {
            _ if id == self.root(self.net.output()) => return OUTPUT.into(),
            _ if id == self.root(self.net.bottleneck) => return BOTTLENECK.into(),
            Op::Input => return INPUT.into(),
            Op::Conv { .. } => "conv",
            Op::Dense { .. } => "dense",
            Op::Unflatten(_) => "unflatten",
            Op::MaxPool => "pool",
            Op::Upsample(_) => "upsample",
            Op::SpaceToDepth(_) => "split",
            Op::DepthToSpace(_) => "join",
            Op::Add => "add",
            Op::Multiply => "product",
            Op::Dropout(_) => "dropout",
        };
        format!("{kind}_{id}")
    }

    /// Makes node `id`'s tensor one of the file's outputs.
    fn give(&mut self, name: &str, id: Id) {
        let there = self.made[id].name.clone();
        if there != name {
            self.graph.node("Identity", &[&there], name, &[]);
        }
    }

    /// The declared size of node `id`'s tensor.
    fn dims(&self, id: Id) -> Vec<Dim> {
        let (size, input) = (self.sizes[id], self.net.input);
        let batch = Dim::Name("N".into());
        if self.made[id].flat {
            return vec![batch, Dim::Number(size.c)];
        }
        let any = takes_any_size(self.net);
        let side = |axis: &str, at: usize, of: usize| match () {
            () if !any => Dim::Number(at),
            () if at == of => Dim::Name(axis.into()),
            () if at.is_multiple_of(of) => Dim::Name(format!("{axis}_times_{}", at / of)),
            () if of.is_multiple_of(at) => Dim::Name(format!("{axis}_div_{}", of / at)),
            () => Dim::Name(format!("{axis}_{id}")),
        };
        vec![batch, Dim::Number(size.c), side("H", size.h, input.h), side("W", size.w, input.w)]
    }
}
