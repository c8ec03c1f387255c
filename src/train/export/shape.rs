//! What an exported network takes and gives: names, sizes and order of the file's tensors.

use crate::train::net::{Net, Op, Size};

/// Name of the file's input.
pub(super) const INPUT: &str = "input";
/// Name of its output.
pub(super) const OUTPUT: &str = "output";
/// Name of its bottleneck.
pub(super) const BOTTLENECK: &str = "bottleneck";

/// Whether every size will do whose sides are multiples of [`Net::multiple`].
pub fn takes_any_size(net: &Net) -> bool {
    let fits = |n: usize| {
        let side = n * net.multiple;
        let sizes = net.sizes_for(Size::new(side, side, net.input.c));
        sizes.is_ok_and(|s| {
            let out = s[net.output()];
            (out.h, out.w) == (side * net.scale, side * net.scale)
        })
    };
    net.is_convolutional() && (1..=3).all(fits)
}

/// Whether the network takes rows of numbers, not pictures.
pub fn takes_vectors(net: &Net) -> bool {
    let plain =
        |op: &Op| matches!(op, Op::Input | Op::Dense { .. } | Op::Dropout(_) | Op::Add | Op::Multiply);
    (net.input.h, net.input.w) == (1, 1) && net.nodes.iter().all(|n| plain(&n.op))
}

/// For each number of a `[channel][row][column]` tensor, where it stands in the `[row][column][channel]` one.
pub(super) fn planar_order(size: Size) -> impl Iterator<Item = usize> {
    let pixels = size.h * size.w;
    (0..size.c).flat_map(move |c| (0..pixels).map(move |pixel| pixel * size.c + c))
}
