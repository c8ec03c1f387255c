//! A convolution's weights as they come, which every kernel packs into its own order.

use super::spec::ConvSpec;

/// Weights of one group: the taps of a pair of channels stand side by side.
#[derive(Clone, Copy, Debug)]
pub(super) struct Weights<'a> {
    all: &'a [f32],
    /// Distances of output and input channels.
    output: usize,
    input: usize,
    /// Weights of a group.
    group: usize,
    area: usize,
    /// Whether the last tap comes first.
    flipped: bool,
}

impl<'a> Weights<'a> {
    /// As [`ConvSpec`] has them.
    pub(super) fn new(spec: &ConvSpec, all: &'a [f32]) -> Weights<'a> {
        assert_eq!(all.len(), spec.weights(), "one weight for each tap and pair of channels");
        let (ic, oc) = (spec.channels.0 / spec.groups, spec.channels.1 / spec.groups);
        let area = spec.kernel.0 * spec.kernel.1;
        let (output, input) = if spec.transposed { (area, oc * area) } else { (ic * area, area) };
        Weights { all, output, input, group: ic * oc * area, area, flipped: false }
    }

    /// Of the convolution that goes from the result to the input, for stride 1.
    pub(super) fn backwards(self) -> Weights<'a> {
        Weights { output: self.input, input: self.output, flipped: !self.flipped, ..self }
    }

    /// Of a group.
    pub(super) fn of_group(self, g: usize) -> Weights<'a> {
        Weights { all: &self.all[g * self.group..][..self.group], ..self }
    }

    /// Whether [`Weights::taps`] are in reverse order.
    pub(super) fn flipped(&self) -> bool {
        self.flipped
    }

    /// The weights of a pair of channels.
    #[inline]
    pub(super) fn taps(&self, output: usize, input: usize) -> &'a [f32] {
        &self.all[output * self.output + input * self.input..][..self.area]
    }

    /// Weights of a tap for one input and the output channels from `first` on.
    #[inline]
    pub(super) fn copy_outputs(&self, to: &mut [f32], first: usize, input: usize, tap: usize) {
        self.copy(to, first * self.output + input * self.input + self.offset(tap), self.output);
    }

    /// Weights of a tap for one output and the input channels from `first` on.
    #[inline]
    pub(super) fn copy_inputs(&self, to: &mut [f32], output: usize, first: usize, tap: usize) {
        self.copy(to, output * self.output + first * self.input + self.offset(tap), self.input);
    }

    fn offset(&self, tap: usize) -> usize {
        if self.flipped { self.area - 1 - tap } else { tap }
    }

    #[inline]
    fn copy(&self, to: &mut [f32], first: usize, step: usize) {
        for (to, v) in to.iter_mut().zip(self.all[first..].iter().step_by(step)) {
            *to = *v;
        }
    }
}
