//! How gradients become updates: Adam for all, or Muon for the matrices within.

use super::adam::Adam;
use super::net::Net;
use crate::kernels::{Level, Orthogonal};
use rayon::prelude::*;
use std::ops::Range;

/// An optimiser.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    /// Kingma and Ba 2015.
    Adam,
    /// Jordan et al. 2024.
    Muon,
}

/// Share of Muon's momentum that stays at each step.
const MOMENTUM: f32 = 0.95;
/// Root mean square of an update, in learning rates. Adam's are about 0.2 (Liu et al. 2025); four times that trained
/// best here, beside Adam's for biases and pixels (docs/decisions.md).
const SIZE: f32 = 0.8;

impl Method {
    /// Its name in a recipe.
    pub fn name(self) -> &'static str {
        match self {
            Method::Adam => "Adam",
            Method::Muon => "Muon",
        }
    }
}

/// A layer's weights, `[output][input, row, column]`.
#[derive(Debug)]
struct Layer {
    place: Range<usize>,
    /// Makes their update orthogonal.
    kernel: Orthogonal,
    /// What that is multiplied with, for a learning rate of 1.
    scale: f32,
}

/// An optimiser for one network.
#[derive(Debug)]
pub(super) struct Optimiser {
    /// Parts of the parameters that Adam updates, and which of them decay.
    plain: Vec<(Range<usize>, bool)>,
    /// Those that Muon does.
    layers: Vec<Layer>,
}

impl Optimiser {
    /// For `net`. Biases don't decay; the first and the last layer, whose sides are pixels, are Adam's in any case.
    pub(super) fn new(net: &Net, method: Method) -> Optimiser {
        let places: Vec<_> = net.places().into_iter().flatten().collect();
        let (mut plain, mut layers) = (Vec::new(), Vec::new());
        for (i, place) in places.iter().enumerate() {
            let (outputs, inputs) = (place.bias.len(), place.fan_in);
            let within = i > 0 && i + 1 < places.len() && outputs.min(inputs) > 1;
            if method == Method::Muon && within {
                let kernel = Orthogonal::new(Level::best(), outputs, inputs);
                let scale = SIZE * (outputs.max(inputs) as f32).sqrt();
                layers.push(Layer { place: place.weights.clone(), kernel, scale });
            } else {
                plain.push((place.weights.clone(), true));
            }
            plain.push((place.bias.clone(), false));
        }
        Optimiser { plain, layers }
    }

    /// Makes one update with `gradient` times `shrink`. Muon's momentum stands in `state.mean`.
    pub(super) fn update(
        &self,
        state: &mut Adam,
        parameters: &mut [f32],
        gradient: &[f32],
        shrink: f32,
        (rate, decay): (f64, f64),
    ) {
        state.update(parameters, gradient, shrink, rate, decay, &self.plain);
        // Layers lie in the order of their places.
        let (mut momenta, mut weights, mut at) = (&mut state.mean[..], parameters, 0);
        let mut work = Vec::with_capacity(self.layers.len());
        for layer in &self.layers {
            let (momentum, after) = momenta.split_at_mut(layer.place.end - at);
            let (own, rest) = weights.split_at_mut(layer.place.end - at);
            let skip = layer.place.start - at;
            work.push((layer, &mut momentum[skip..], &mut own[skip..]));
            (momenta, weights, at) = (after, rest, layer.place.end);
        }
        let (rate, kept) = (rate as f32, 1.0 - (rate * decay) as f32);
        work.into_par_iter().for_each(|(layer, momentum, weights)| {
            let gradient = &gradient[layer.place.clone()];
            let ahead = momentum.iter_mut().zip(gradient).map(|(m, g)| {
                let g = g * shrink;
                *m += (1.0 - MOMENTUM) * (g - *m);
                // Nesterov's: where the momentum would be one step later.
                *m + (1.0 - MOMENTUM) * (g - *m)
            });
            let mut update: Vec<f32> = ahead.collect();
            layer.kernel.run(&mut update);
            let step = rate * layer.scale;
            weights.iter_mut().zip(update).for_each(|(w, u)| *w = kept * *w - step * u);
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::train::net::{Activation, Builder, Size};

    fn net() -> Net {
        let mut b = Builder::new(Size::new(4, 4, 3));
        b.conv(6, 3, Activation::Relu);
        b.conv(5, 3, Activation::Relu);
        let last = b.conv(3, 1, Activation::Linear);
        b.finish("three", last, 1, 1)
    }

    #[test]
    fn every_parameter_is_updated_by_one_of_the_two() {
        let net = net();
        for (method, orthogonal) in [(Method::Adam, 0), (Method::Muon, 1)] {
            let optimiser = Optimiser::new(&net, method);
            assert_eq!(optimiser.layers.len(), orthogonal);
            let mut taken = vec![0; net.parameters()];
            let layers = optimiser.layers.iter().map(|l| &l.place);
            layers.chain(optimiser.plain.iter().map(|(p, _)| p)).for_each(|p| {
                taken[p.clone()].iter_mut().for_each(|t| *t += 1);
            });
            assert!(taken.iter().all(|t| *t == 1));
        }
    }

    #[test]
    fn updates_of_a_matrix_have_the_size_of_the_rate_whatever_the_gradient() {
        let net = net();
        let optimiser = Optimiser::new(&net, Method::Muon);
        let place = optimiser.layers[0].place.clone();
        for length in [1e-6, 1.0, 1e4] {
            let mut gradient = vec![0.0f32; net.parameters()];
            crate::random::Rng::new(1).normals(&mut gradient, |w, v| *w = length * v);
            let (mut adam, mut parameters) = (Adam::new(net.parameters()), net.init(2));
            let before = parameters.clone();
            optimiser.update(&mut adam, &mut parameters, &gradient, 1.0, (0.01, 0.0));
            let moved: Vec<f32> =
                parameters[place.clone()].iter().zip(&before[place.clone()]).map(|(a, b)| a - b).collect();
            let size = (moved.iter().map(|m| m * m).sum::<f32>() / moved.len() as f32).sqrt();
            assert!((0.6..1.3).contains(&(size / (0.01 * SIZE))), "{length}: {size}");
            // It goes down the gradient.
            assert!(moved.iter().zip(&gradient[place.clone()]).map(|(m, g)| m * g).sum::<f32>() < 0.0);
        }
    }
}
