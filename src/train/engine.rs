//! Forward and backward through a network, for a fixed number of pictures at once, on the kernels.
//!
//! An [`Engine`] is read by all threads; each brings a [`Workspace`]. Gradients of a batch are those of its parts
//! added in a fixed order, by the caller.

use super::layers::{activation_of, flat, fused, spec_of, wanted};
use super::moves::{self, Put};
use super::net::{Id, LayerError, Net, Op, Place, Size};
use crate::kernels::{
    Border, Conv, InputGradient, Level, Mode, Shape, Tensor, View, WeightGradient, clear_border, lay_out,
};
use crate::random::seed_of;

/// A convolution (dense layers are ones of a single pixel) with its gradients.
#[derive(Debug)]
struct Kernels {
    place: Place,
    conv: Conv,
    /// Absent where nobody wants the gradient of its input.
    back: Option<InputGradient>,
    weights: WeightGradient,
    /// Where a dense layer finds its input as rows of numbers, and leaves its gradient, if that is a picture.
    flat: Option<(View, View)>,
}

/// Where a tensor is. Others lie there at other times, so that whoever writes it first clears the zeros around it.
#[derive(Clone, Copy, Debug)]
struct Held {
    border: Border,
    view: View,
}

impl Held {
    fn clear(&self, buffer: &mut [f32]) {
        clear_border(buffer, self.border, &self.view);
    }
}

/// Where a node's tensor is, and its gradient.
#[derive(Debug)]
struct Spot {
    value: Held,
    gradient: Option<Held>,
}

/// What a gradient adds to an input's.
#[derive(Clone, Copy, Debug)]
struct Way<T = Held> {
    /// The input's gradient.
    to: T,
    put: Put,
    /// Where a convolution computes it first, if it is to be added.
    aside: Option<T>,
}

impl<T> Way<T> {
    fn map<U>(self, f: impl Fn(T) -> U) -> Way<U> {
        Way { to: f(self.to), put: self.put, aside: self.aside.map(f) }
    }
}

/// A network made ready to be trained, or evaluated, on pictures of one size.
#[derive(Debug)]
pub struct Engine {
    net: Net,
    sizes: Vec<Size>,
    /// Which tensors are rows of numbers, all pictures' in one row of the buffer.
    flat: Vec<bool>,
    count: usize,
    kernels: Vec<Option<Kernels>>,
    spots: Vec<Spot>,
    /// For each node and input, where its gradient goes.
    ways: Vec<Vec<Option<Way>>>,
    buffer: usize,
    scratch: usize,
}

/// What one thread computes in.
#[derive(Debug)]
pub struct Workspace {
    buffer: Vec<f32>,
    scratch: Vec<f32>,
}

impl Engine {
    /// For `count` pictures of size `input` at once. Weights are 0 until [`Engine::pack`].
    ///
    /// # Errors
    /// When the network doesn't fit that size.
    pub fn new(net: &Net, input: Size, count: usize) -> Result<Engine, LayerError> {
        let sizes = net.sizes_for(input)?;
        let level = Level::best();
        let places = net.places();
        let wants = wanted(net, &places.iter().map(Option::is_some).collect::<Vec<_>>());
        // All pictures' vectors are the pixels of one row.
        let shape = |s: Size, flat: bool| match flat {
            true => Shape::new(1, 1, count, s.len()),
            false => Shape::new(count, s.h, s.w, s.c),
        };
        let flat = flat(net, &sizes)?;
        let is_flat = |id: Id| flat[id];
        let mut kernels: Vec<Option<Kernels>> = Vec::new();
        let mut around = vec![(Border::default(), Border::default()); net.nodes.len()];
        for (id, node) in net.nodes.iter().enumerate() {
            let Some(place) = places[id].clone() else {
                kernels.push(None);
                continue;
            };
            let from = node.inputs[0];
            let dense = matches!(node.op, Op::Dense { .. });
            let x = shape(sizes[from], dense);
            let unknown = || LayerError { layer: id, what: "its weights are of no convolution".into() };
            let spec = spec_of(node.op, x.c).ok_or_else(unknown)?;
            let zeros = vec![0.0; place.weights.len()];
            let bias = vec![0.0; place.bias.len()];
            let conv =
                Conv::new(level, Mode::Fast, spec, x, &zeros, Some(&bias), fused(activation_of(node.op)));
            let back = wants[from].then(|| InputGradient::new(level, Mode::Fast, spec, x, &zeros));
            let weights = WeightGradient::new(level, Mode::Fast, spec, x);
            let border = conv.border().union(weights.border());
            around[from].0 = around[from].0.union(border);
            around[id].1 = back.as_ref().map_or(Border::default(), InputGradient::border);
            kernels.push(Some(Kernels { place, conv, back, weights, flat: None }));
        }
        // Moments: forward from 0, then the loss, then backward. A value is needed until its own gradient has gone on.
        let end = 2 * net.nodes.len();
        let back = |id: Id| end - id;
        let mut tensors: Vec<Tensor> = (0..net.nodes.len())
            .map(|id| Tensor {
                shape: shape(sizes[id], is_flat(id)),
                border: around[id].0,
                first: id,
                last: back(id),
            })
            .collect();
        let mut ask = |tensor: Tensor| {
            tensors.push(tensor);
            tensors.len() - 1
        };
        // Backwards: places of gradients, and what each layer adds to them.
        let mut gradients: Vec<Option<usize>> = vec![None; net.nodes.len()];
        let gradient = |id: Id, first: usize, last: usize| Tensor {
            shape: shape(sizes[id], is_flat(id)),
            border: around[id].1,
            first,
            last,
        };
        let output = net.output();
        gradients[output] = Some(ask(gradient(output, net.nodes.len(), back(output))));
        let mut ways: Vec<Vec<Option<Way<usize>>>> = vec![vec![]; net.nodes.len()];
        let mut flats: Vec<Option<(usize, usize)>> = vec![None; net.nodes.len()];
        for (id, node) in net.nodes.iter().enumerate().rev() {
            if gradients[id].is_none() {
                continue;
            }
            for &from in &node.inputs {
                let way = wants[from].then(|| match gradients[from] {
                    Some(to) => {
                        // Only convolutions can't add by themselves.
                        let aside = kernels[id].is_some().then(|| ask(gradient(from, back(id), back(id))));
                        Way { to, put: Put::Add, aside }
                    }
                    None => {
                        let to = ask(gradient(from, back(id), back(from)));
                        gradients[from] = Some(to);
                        Way { to, put: Put::Set, aside: None }
                    }
                });
                ways[id].push(way);
            }
            if matches!(node.op, Op::Dense { .. }) && !is_flat(node.inputs[0]) {
                let shape = shape(sizes[node.inputs[0]], true);
                let row = |first| Tensor { shape, border: Border::default(), first, last: back(id) };
                flats[id] = Some((ask(row(id)), ask(row(back(id)))));
            }
        }
        let (views, buffer) = lay_out(&tensors)
            .map_err(|_| LayerError { layer: 0, what: "its tensors are too large".into() })?;
        let held = |at: usize| Held { border: tensors[at].border, view: views[at] };
        let spots: Vec<Spot> = (0..net.nodes.len())
            .map(|id| Spot { value: held(id), gradient: gradients[id].map(held) })
            .collect();
        let ways = ways
            .into_iter()
            .map(|ways| ways.into_iter().map(|way| way.map(|way| way.map(held))).collect())
            .collect();
        for (k, flat) in kernels.iter_mut().zip(flats) {
            if let Some(k) = k {
                k.flat = flat.map(|(x, dx)| (views[x], views[dx]));
            }
        }
        let scratch = |k: &Kernels| {
            k.conv.scratch().max(k.weights.scratch()).max(k.back.as_ref().map_or(0, InputGradient::scratch))
        };
        let scratch = kernels.iter().flatten().map(scratch).max().unwrap_or(0);
        Ok(Engine { net: net.clone(), sizes, flat, count, kernels, spots, ways, buffer, scratch })
    }

    /// Pictures at once.
    pub fn count(&self) -> usize {
        self.count
    }

    /// Numbers of a picture of the input and of the output.
    pub fn lens(&self) -> (usize, usize) {
        (self.sizes[0].len(), self.sizes[self.net.output()].len())
    }

    /// Bytes of a [`Workspace`].
    pub fn workspace_bytes(&self) -> usize {
        4 * (self.buffer + self.scratch)
    }

    /// Memory for one thread.
    pub fn workspace(&self) -> Workspace {
        Workspace { buffer: vec![0.0; self.buffer], scratch: vec![0.0; self.scratch] }
    }

    /// Takes over new parameters.
    pub fn pack(&mut self, parameters: &[f32], gradients: bool) {
        use rayon::prelude::*;
        self.kernels.par_iter_mut().flatten().for_each(|k| {
            let weights = &parameters[k.place.weights.clone()];
            k.conv.repack(weights, Some(&parameters[k.place.bias.clone()]));
            if let Some(back) = k.back.as_mut().filter(|_| gradients) {
                back.repack(weights);
            }
        });
    }

    /// Puts a picture, `[row][column][channel]`, at `index`.
    pub fn set_input(&self, workspace: &mut Workspace, index: usize, picture: &[f32]) {
        let view = &self.spots[0].value.view;
        if self.flat[0] {
            workspace.buffer[view.pixel_at(0, 0, index)..][..picture.len()].copy_from_slice(picture);
            return;
        }
        let length = view.shape.w * view.shape.c;
        for (y, row) in picture.chunks_exact(length).enumerate() {
            workspace.buffer[view.pixel_at(index, y, 0)..][..length].copy_from_slice(row);
        }
    }

    /// The tensor of node `id` for the picture at `index`.
    pub fn value(&self, workspace: &Workspace, id: Id, index: usize) -> Vec<f32> {
        let (view, size) = (&self.spots[id].value.view, self.sizes[id]);
        if self.flat[id] {
            return workspace.buffer[view.pixel_at(0, 0, index)..][..size.len()].to_vec();
        }
        let row = |y| &workspace.buffer[view.pixel_at(index, y, 0)..][..size.w * size.c];
        (0..size.h).flat_map(row).copied().collect()
    }

    /// The output's rows and those of its gradient, for the loss: calls `f` with (offset in the picture, output,
    /// gradient to be set).
    pub fn with_output(
        &self,
        workspace: &mut Workspace,
        index: usize,
        mut f: impl FnMut(usize, &[f32], &mut [f32]),
    ) {
        let spot = &self.spots[self.net.output()];
        let Some(gradient) = spot.gradient else { return };
        let size = self.sizes[self.net.output()];
        let flat = self.flat[self.net.output()];
        let (rows, length) = if flat { (1, size.len()) } else { (size.h, size.w * size.c) };
        for y in 0..rows {
            let at = |v: &View| if flat { v.pixel_at(0, 0, index) } else { v.pixel_at(index, y, 0) };
            let (output, gradient) = moves::two(
                &mut workspace.buffer,
                (at(&spot.value.view), length),
                (at(&gradient.view), length),
            );
            f(y * length, output, gradient);
        }
    }

    /// Computes all tensors. `dropout` is the seed of what is dropped; nothing is without one.
    pub fn forward(&self, workspace: &mut Workspace, dropout: Option<u64>) {
        let Workspace { buffer, scratch } = workspace;
        for (id, node) in self.net.nodes.iter().enumerate() {
            self.spots[id].value.clear(buffer);
            let y = &self.spots[id].value.view;
            let Some(&from) = node.inputs.first() else { continue };
            let x = &self.spots[from].value.view;
            if let Some(k) = &self.kernels[id] {
                let x = match &k.flat {
                    Some((flat, _)) => {
                        moves::flatten(buffer, x, flat, false, Put::Set);
                        flat
                    }
                    None => x,
                };
                k.conv.run(buffer, x, y, scratch, |_, _| {});
                moves::activate(buffer, y, activation_of(node.op));
                continue;
            }
            match node.op {
                Op::Unflatten(_) => moves::flatten(buffer, y, x, true, Put::Set),
                Op::MaxPool => moves::max_pool(buffer, x, y),
                Op::Upsample(k) => moves::upsample(buffer, x, y, k, Put::Set),
                Op::SpaceToDepth(k) => moves::space_to_depth(buffer, x, y, k, false, Put::Set),
                Op::DepthToSpace(k) => moves::space_to_depth(buffer, y, x, k, true, Put::Set),
                Op::Add => {
                    moves::copy(buffer, x, y, Put::Set);
                    moves::copy(buffer, &self.spots[node.inputs[1]].value.view, y, Put::Add);
                }
                Op::Multiply => {
                    let other = &self.spots[node.inputs[1]].value.view;
                    moves::multiply(buffer, (x, other), y, Put::Set);
                }
                Op::Dropout(share) => match dropout {
                    Some(seed) => moves::dropout(buffer, x, y, share, seed_of(seed, &[], id, &[]), Put::Set),
                    None => moves::copy(buffer, x, y, Put::Set),
                },
                Op::Input | Op::Conv { .. } | Op::Dense { .. } => {}
            }
        }
    }

    /// Adds the parameters' gradients to `gradients`, from the output's as set by [`Engine::with_output`], and from what comes
    /// to the bottleneck's `beside` it, `[picture][number]`. After [`Engine::forward`] with the same `dropout`.
    pub fn backward(
        &self,
        workspace: &mut Workspace,
        dropout: Option<u64>,
        beside: Option<&[f32]>,
        gradients: &mut [f32],
    ) {
        let Workspace { buffer, scratch } = workspace;
        if let Some(gradient) = &self.spots[self.net.output()].gradient {
            gradient.clear(buffer);
        }
        for (id, node) in self.net.nodes.iter().enumerate().rev() {
            let Some(Held { view: dy, .. }) = &self.spots[id].gradient else { continue };
            let y = &self.spots[id].value.view;
            for way in self.ways[id].iter().flatten() {
                match &way.aside {
                    Some(aside) => aside.clear(buffer),
                    None if way.put == Put::Set => way.to.clear(buffer),
                    None => {}
                }
            }
            if let Some(beside) = beside.filter(|_| id == self.net.bottleneck) {
                moves::add(buffer, dy, beside);
            }
            if let Some(k) = &self.kernels[id] {
                moves::activate_back(buffer, y, dy, activation_of(node.op));
                let x = k.flat.as_ref().map_or(&self.spots[node.inputs[0]].value.view, |(flat, _)| flat);
                // The bias follows the weights.
                let (dw, db) =
                    gradients[k.place.weights.start..k.place.bias.end].split_at_mut(k.place.weights.len());
                k.weights.run(buffer, x, dy, dw, db, scratch);
                if let (Some(back), Some(way)) = (&k.back, &self.ways[id][0]) {
                    match (&k.flat, &way.aside) {
                        (Some((_, flat)), _) => {
                            back.run(buffer, dy, flat, scratch);
                            moves::flatten(buffer, &way.to.view, flat, true, way.put);
                        }
                        (None, Some(aside)) => {
                            back.run(buffer, dy, &aside.view, scratch);
                            moves::copy(buffer, &aside.view, &way.to.view, Put::Add);
                        }
                        (None, None) => back.run(buffer, dy, &way.to.view, scratch),
                    }
                }
                continue;
            }
            for (at, (&from, way)) in node.inputs.iter().zip(&self.ways[id]).enumerate() {
                let Some(Way { to: Held { view: to, .. }, put, .. }) = way else { continue };
                match node.op {
                    Op::Unflatten(_) => moves::flatten(buffer, dy, to, false, *put),
                    Op::MaxPool => {
                        moves::max_pool_back(buffer, &self.spots[from].value.view, y, dy, to, *put)
                    }
                    Op::Upsample(k) => moves::upsample_back(buffer, dy, to, k, *put),
                    Op::SpaceToDepth(k) => moves::space_to_depth(buffer, to, dy, k, true, *put),
                    Op::DepthToSpace(k) => moves::space_to_depth(buffer, dy, to, k, false, *put),
                    Op::Add => moves::copy(buffer, dy, to, *put),
                    Op::Multiply => {
                        let other = &self.spots[node.inputs[1 - at]].value.view;
                        moves::multiply(buffer, (dy, other), to, *put);
                    }
                    Op::Dropout(share) => match dropout {
                        Some(seed) => {
                            moves::dropout(buffer, dy, to, share, seed_of(seed, &[], id, &[]), *put)
                        }
                        None => moves::copy(buffer, dy, to, *put),
                    },
                    Op::Input | Op::Conv { .. } | Op::Dense { .. } => {}
                }
            }
        }
    }
}
