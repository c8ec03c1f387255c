//! `unet`: a residual U-Net, for denoising.

use super::network::{Network, Wanted, input};
use super::residual::block;
use crate::spec::{Descriptor, Diagnostics, Given, Kind, Parameters, Role, params};
use crate::train::net::{Activation, Builder, Net, Op};

/// The architecture.
pub(super) static NETWORK: Network = Network {
    descriptor: &DESCRIPTOR,
    embeds: false,
    vectors: false,
    build: |args, wanted| {
        let Params { widths, blocks, split } = Params::read(args)?;
        if blocks.len() != widths.len() {
            let message = format!("`widths` has {} levels, and `blocks` {}", widths.len(), blocks.len());
            let help = "give each level its number of blocks".to_string();
            return Err(Diagnostics::new(vec![blocks.error(message, Some(help))]));
        }
        if !(1..=LEVELS).contains(&widths.len()) {
            let message = format!("`unet` has 1 to {LEVELS} levels, not {}", widths.len());
            let help = "give a width for each".to_string();
            return Err(Diagnostics::new(vec![widths.error(message, Some(help))]));
        }
        Ok(unet(wanted, &widths, &blocks, split))
    },
};

params! {
    /// Parameters of `unet`.
    struct Params {
        /// Channels of each level, from the finest; multiples of 16 run fastest.
        widths: Given<Vec<usize>> [Kind::List(&Kind::Int { min: 4, max: 1024 })] = "[48, 96, 128]",
        /// Blocks of two convolutions on each side of each level; for the last, in all.
        blocks: Given<Vec<usize>> [Kind::List(&Kind::Int { min: 1, max: 16 })] = "[2, 2, 3]",
        /// Pixels a side that become one of the finest level.
        split: usize [Kind::Int { min: 1, max: 4 }] = "2",
    }
}

/// Most levels: patches of 4096 pixels, split by 4, could not be halved more often.
const LEVELS: usize = 11;

static DESCRIPTOR: Descriptor = Descriptor {
    name: "unet",
    version: 1,
    doc: "A U-Net of residual blocks for pictures of any size (Ronneberger et al. 2015; Zhang et al. 2021): 2x2 pixels \
          become channels on the way down and pixels again on the way up, where what came down at a level is added. \
          Its result is added to the input. What it sees of a picture doubles with every level, at a quarter of the cost.",
    role: Role::Image,
    params: Params::TABLE,
    shorthand: None,
    example: "- unet: {widths: [48, 96, 128], blocks: [2, 2, 3]}",
};

pub(super) fn unet(wanted: Wanted, widths: &[usize], blocks: &[usize], split: usize) -> Net {
    let mut b = Builder::new(input(wanted));
    if split > 1 {
        b.then(Op::SpaceToDepth(split));
    }
    let levels: Vec<(usize, usize)> = widths.iter().copied().zip(blocks.iter().copied()).collect();
    let mut skips = Vec::new();
    let mut bottleneck = 0;
    for (level, &(width, blocks)) in levels.iter().enumerate() {
        if level > 0 {
            b.then(Op::SpaceToDepth(2));
        }
        let mut x = b.conv(width, if level == 0 { 3 } else { 1 }, Activation::Linear);
        let last = level + 1 == levels.len();
        for i in 0..blocks {
            x = block(&mut b, x, width);
            if last && i == (blocks - 1) / 2 {
                bottleneck = x;
            }
        }
        if !last {
            skips.push(x);
        }
    }
    for (skip, &(width, blocks)) in skips.into_iter().zip(&levels).rev() {
        b.conv(width * 4, 1, Activation::Linear);
        let up = b.then(Op::DepthToSpace(2));
        let mut x = b.add(skip, up);
        for _ in 0..blocks {
            x = block(&mut b, x, width);
        }
    }
    let mut correction = b.conv(wanted.channels * split * split, 3, Activation::Linear);
    if split > 1 {
        correction = b.then(Op::DepthToSpace(split));
    }
    b.add(0, correction);
    b.finish("unet", bottleneck, 1, split << (levels.len() - 1))
}
