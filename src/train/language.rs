//! `train`: the section of the language that stands in place of `steps`.

use super::adam::Schedule;
use super::loss::Loss;
use super::networks::Architecture;
use super::optimiser::Method;
use crate::corrupt::RECIPE;
use crate::spec::units::ByteSize;
use crate::spec::{
    Descriptor, Diagnostics, Field, Given, Kind, Parameters, Place, Role, Steps, Switch, Value, params, words,
};
use std::path::PathBuf;

words! {
    /// What pictures are brought to.
    pub(super) enum Colour {
        /// Three channels.
        Rgb = "rgb",
        /// One.
        Gray = "gray",
    }
}

words! { for Method { Adam = "adam", Muon = "muon" } }
words! { for Loss { Mse = "mse", L1 = "l1", Charbonnier = "charbonnier", Psnr = "psnr" } }
words! { for Schedule { Cosine = "cosine", Constant = "constant" } }

params! {
    /// The section `train`.
    pub(super) struct TrainKeys {
        /// Architecture and its parameters.
        network: Given<Architecture>,
        /// A model that such a job wrote with the same `network`, whose weights training starts from; without
        /// it, they start at random. A lower `rate` keeps more of what it knows.
        start: Given<Option<PathBuf>> [Kind::Model],
        /// Corruptions, applied in order, that make the network's input of every clean patch, drawn anew each
        /// time; without them, the input is the patch itself, as for an autoencoder that embeds. A network with
        /// a `scale` needs some: `downscale` says where in the list the patch becomes smaller.
        corrupt: Given<Option<Steps>> [RECIPE],
        /// Whether `input.path` is a folder that the step `pairs` wrote (`imagefolder` or `folders`), whose
        /// splits are kept.
        pairs: Given<bool> = "false",
        /// Column of lists of numbers that is learned, for networks over vectors; `input.path` is then a
        /// `.parquet` file or a folder of some.
        vectors: Given<Option<String>>,
        /// Gaussian blobs, made in place of an `input` of vectors, as scikit-learn's `make_blobs` makes them,
        /// with centres in -1 to 1.
        blobs: Given<Option<BlobKeys>>,
        /// A folder or list of pictures for the final figures only, read as `input` is where that is one.
        test: Given<Option<PathBuf>> [Kind::Path],
        /// Column of the input's list that tells groups apart, for the figures of a network that embeds;
        /// nothing is learned from it.
        label: Given<Option<String>>,
        /// What pictures are brought to.
        colour: Given<Colour> = "rgb",
        /// Side in pixels of the clean squares that are learned.
        patch: Given<usize> [Kind::Int { min: 1, max: 4096 }] = "64",
        /// Whether whole pictures are brought to `patch` x `patch` pixels, where squares are cut out of them
        /// else.
        whole: Given<bool> = "false",
        /// Whether squares of random size, up to the whole picture, are cut out and made smaller to `patch`.
        zoom: Given<bool> = "false",
        /// Whether what `corrupt` made is clamped and rounded to 8 bits, as a file would be; else noise may
        /// leave the range.
        rounded: Given<bool> = "false",
        /// Bytes of pictures that are kept in memory; where all are more, a part is cut out of each.
        keep: Given<ByteSize> = "2GiB",
        /// Whether patches are turned by quarters and mirrored at random; or how they are varied, by the keys
        /// below, before `corrupt`.
        augment: Given<Switch<AugmentKeys>> = "true",
        /// Share of the pictures or vectors that is held out, to tell which epoch is best.
        validation: Given<f64> [Kind::Share] = "5%",
        /// Patches or vectors in a step.
        batch: usize [Kind::Int { min: 1, max: 65536 }] = "32",
        /// Steps in an epoch, which ends with a validation and a checkpoint.
        steps: usize [Kind::Int { min: 1, max: 1_000_000 }] = "500",
        /// Most epochs.
        epochs: usize [Kind::Int { min: 1, max: 100_000 }] = "40",
        /// Epochs without a better validation after which training ends; 0 for never.
        patience: usize [Kind::Int { min: 0, max: 100_000 }] = "0",
        /// What is made small: the mean square, the mean absolute difference, sqrt(d^2 + 1e-6), which is the
        /// latter with a round bottom (Charbonnier et al. 1994), or ln(1 + mse / 1e-5) of each picture, which
        /// is what PSNR measures up to 50 dB and lets slight noise count as much as strong (Chen et al. 2021).
        loss: Loss = "mse",
        /// That two views of each picture agree, beside `loss`, for networks that embed: both are cut out of it,
        /// brought to `patch` x `patch` pixels, mirrored at random and made worse by `corrupt`, and among all views of a batch each
        /// has to find its other by the cosine of their vectors (NT-Xent, Chen et al. 2020).
        agree: Given<Option<AgreeKeys>>,
        /// What is made small in the last epochs, and on what is held out in all of them; without it, `loss`.
        late_loss: Option<Loss>,
        /// Share of the epochs that are the last ones.
        late: Given<f64> [Kind::Share] = "25%",
        /// How gradients become updates: by Adam, or by Muon (Jordan et al. 2024), which makes each inner layer's
        /// update an orthogonal matrix and trains convolutional networks in far fewer steps; biases, the first and
        /// the last layer are left to Adam.
        optimiser: Method = "adam",
        /// Share of a moving average of the weights that stays at each step (0.999 averages over the last thousand); the
        /// average is what is judged and written. 0 for none.
        average: f64 [Kind::Float { min: 0.0, max: 0.9999 }] = "0",
        /// Highest learning rate.
        rate: f64 [Kind::Float { min: 1e-8, max: 1.0 }] = "0.001",
        /// Steps in which the rate rises to that; without it, 200, or a tenth of all steps where that is fewer.
        warmup: Given<Option<usize>> [Kind::Int { min: 0, max: 1_000_000 }],
        /// How the rate goes on: half a cosine down to a hundredth, or as it is.
        schedule: Schedule = "cosine",
        /// Weight decay of AdamW; 0 makes it Adam.
        decay: f64 [Kind::Float { min: 0.0, max: 1.0 }] = "0",
        /// Longest gradient, as a multiple of the running mean of those before; longer ones are shortened. 0
        /// for any.
        clip: f64 [Kind::Float { min: 0.0, max: 1e6 }] = "3",
        /// Name of the ONNX file in the output folder.
        model: Given<String> = "model.onnx",
        /// Whether the file holds the weights in half precision, in half as many bytes.
        half: bool = "false",
        /// Licence of the weights, for the file's metadata.
        licence: Option<String>,
        /// Known figures of others that the final ones are printed beside.
        beside: Given<Vec<BesideKeys>> = "[]",
    }
}

params! {
    /// Keys of `augment`.
    pub(super) struct AugmentKeys {
        /// Whether patches are turned by quarters and mirrored at random.
        turn: bool = "true",
        /// How many times larger the squares are that are cut out and made smaller to `patch`, drawn evenly on a
        /// logarithmic scale; never larger than the picture.
        rescale: Range [Kind::Span(&Kind::Float { min: 1.0, max: 16.0 })] = "1",
        /// Exponent of all values of a patch, which lie in 0 to 1, drawn evenly on a logarithmic scale.
        gamma: Range [Kind::Span(&Kind::Float { min: 0.25, max: 4.0 })] = "1",
        /// Whether the colour channels come in any order.
        channels: bool = "false",
    }
}

/// Two numbers that others are drawn between.
#[derive(Clone, Copy, Debug)]
pub(super) struct Range(pub f64, pub f64);

impl Field for Range {
    const HOLDS: Kind = Kind::Span(&Kind::Float { min: f64::MIN, max: f64::MAX });
    const NATURAL: bool = false;

    fn of(value: Option<&Value>, place: &Place) -> Result<Self, Diagnostics> {
        match value {
            Some(Value::Span(low, high)) => {
                low.number().zip(high.number()).map(|(low, high)| Range(low, high))
            }
            _ => None,
        }
        .ok_or_else(|| place.defect())
    }
}

/// Name, documentation and keys.
pub static TRAIN: Descriptor = Descriptor {
    name: "train",
    version: 1,
    doc: "Trains a network and writes it as an ONNX file, in place of `steps`: on clean pictures that `corrupt` makes \
          worse, on `pairs` written before, or on `vectors`. A stopped job goes on where it was.",
    role: Role::Image,
    params: TrainKeys::TABLE,
    shorthand: None,
    example: "- train: {network: {residual: {width: 48}}, corrupt: [gaussian_noise: {sigma: [0, 55]}], patch: 64}",
};

params! {
    /// Keys of `blobs`.
    pub(super) struct BlobKeys {
        /// Points in all.
        count: usize [Kind::Int { min: 10, max: 10_000_000 }] = "20000",
        /// Numbers of a point.
        dimensions: usize [Kind::Int { min: 1, max: 65536 }] = "50",
        /// Blobs.
        centres: usize [Kind::Int { min: 1, max: 100_000 }] = "20",
        /// Standard deviation of each.
        deviation: f64 [Kind::Float { min: 0.0, max: 1e6 }] = "0.2",
        /// Random state of `make_blobs`.
        seed: u32 [Kind::Int { min: 0, max: 4_294_967_295 }] = "17",
    }
}

params! {
    /// Keys of `agree`.
    pub(super) struct AgreeKeys {
        /// By what the loss of agreement is multiplied where it is added to `loss`; the square error of a good picture is
        /// some 0.01, the loss of agreement some 1 to 4.
        weight: f64 [Kind::Float { min: 0.0, max: 1e6 }] = "1",
        /// What cosines are divided by: the smaller, the more the most similar other pictures count.
        temperature: f64 [Kind::Float { min: 0.01, max: 10.0 }] = "0.2",
        /// Least share of the picture's area that a view shows.
        crop: Given<f64> [Kind::Share] = "20%",
    }
}

params! {
    /// Keys of an item of `beside`.
    pub(super) struct BesideKeys {
        /// Name of the figure, such as `mse`.
        figure: String,
        /// Its value.
        value: f64 [Kind::Float { min: f64::MIN, max: f64::MAX }],
        /// Whose it is.
        label: String,
    }
}
