//! `train`: the section of the language that stands in place of `steps`.

use super::networks;
use crate::corrupt::RECIPE;
use crate::spec::{Descriptor, Fallback, Kind, Param, Role};

/// Name, documentation and keys.
pub static TRAIN: Descriptor = Descriptor {
    name: "train",
    doc: "Trains a network and writes it as an ONNX file, in place of `steps`: on clean pictures that `corrupt` makes \
          worse, on `pairs` written before, or on `vectors`. A stopped job goes on where it was.",
    role: Role::Image,
    params: &[
        Param {
            name: "network",
            kind: Kind::Step { noun: "network", registry: networks::descriptors },
            fallback: Fallback::Required,
            doc: "Architecture and its parameters.",
        },
        Param {
            name: "start",
            kind: Kind::Model,
            fallback: Fallback::Unset,
            doc: "A model that such a job wrote with the same `network`, whose weights training starts from; without \
                  it, they start at random. A lower `rate` keeps more of what it knows.",
        },
        Param {
            name: "corrupt",
            kind: RECIPE,
            fallback: Fallback::Unset,
            doc: "Corruptions, applied in order, that make the network's input of every clean patch, drawn anew each \
                  time; without them, the input is the patch itself, as for an autoencoder that embeds. A network \
                  with a `scale` needs some: `downscale` says where in the list the patch becomes smaller.",
        },
        Param {
            name: "pairs",
            kind: Kind::Bool,
            fallback: Fallback::Yaml("false"),
            doc: "Whether `input.path` is a folder that the step `pairs` wrote (`imagefolder` or `folders`), whose \
                  splits are kept.",
        },
        Param {
            name: "vectors",
            kind: Kind::Text,
            fallback: Fallback::Unset,
            doc: "Column of lists of numbers that is learned, for networks over vectors; `input.path` is then a \
                  `.parquet` file or a folder of some.",
        },
        Param {
            name: "blobs",
            kind: Kind::Map(BLOBS),
            fallback: Fallback::Unset,
            doc: "Gaussian blobs, made in place of an `input` of vectors, as scikit-learn's `make_blobs` makes them, \
                  with centres in -1 to 1.",
        },
        Param {
            name: "test",
            kind: Kind::Path,
            fallback: Fallback::Unset,
            doc: "A folder or list of pictures for the final figures only, read as `input` is.",
        },
        Param {
            name: "label",
            kind: Kind::Text,
            fallback: Fallback::Unset,
            doc: "Column of the input's list that tells groups apart, for the figures of a network that embeds; \
                  nothing is learned from it.",
        },
        Param {
            name: "colour",
            kind: Kind::Choice(&["rgb", "gray"]),
            fallback: Fallback::Yaml("rgb"),
            doc: "What pictures are brought to.",
        },
        Param {
            name: "patch",
            kind: Kind::Int { min: 1, max: 4096 },
            fallback: Fallback::Yaml("64"),
            doc: "Side in pixels of the clean squares that are learned.",
        },
        Param {
            name: "whole",
            kind: Kind::Bool,
            fallback: Fallback::Yaml("false"),
            doc: "Whether whole pictures are brought to `patch` x `patch` pixels, where squares are cut out of them \
                  else.",
        },
        Param {
            name: "zoom",
            kind: Kind::Bool,
            fallback: Fallback::Yaml("false"),
            doc: "Whether squares of random size, up to the whole picture, are cut out and made smaller to `patch`.",
        },
        Param {
            name: "rounded",
            kind: Kind::Bool,
            fallback: Fallback::Yaml("false"),
            doc: "Whether what `corrupt` made is clamped and rounded to 8 bits, as a file would be; else noise may leave \
                  the range.",
        },
        Param {
            name: "keep",
            kind: Kind::Bytes,
            fallback: Fallback::Yaml("2GiB"),
            doc: "Bytes of pictures that are kept in memory; where all are more, a part is cut out of each.",
        },
        Param {
            name: "augment",
            kind: Kind::Bool,
            fallback: Fallback::Yaml("true"),
            doc: "Whether patches are turned by quarters and mirrored at random.",
        },
        Param {
            name: "validation",
            kind: Kind::Share,
            fallback: Fallback::Yaml("5%"),
            doc: "Share of the pictures or vectors that is held out, to tell which epoch is best.",
        },
        Param {
            name: "batch",
            kind: Kind::Int { min: 1, max: 65536 },
            fallback: Fallback::Yaml("32"),
            doc: "Patches or vectors in a step.",
        },
        Param {
            name: "steps",
            kind: Kind::Int { min: 1, max: 1_000_000 },
            fallback: Fallback::Yaml("500"),
            doc: "Steps in an epoch, which ends with a validation and a checkpoint.",
        },
        Param {
            name: "epochs",
            kind: Kind::Int { min: 1, max: 100_000 },
            fallback: Fallback::Yaml("40"),
            doc: "Most epochs.",
        },
        Param {
            name: "patience",
            kind: Kind::Int { min: 0, max: 100_000 },
            fallback: Fallback::Yaml("0"),
            doc: "Epochs without a better validation after which training ends; 0 for never.",
        },
        Param {
            name: "loss",
            kind: Kind::Choice(&["mse", "l1", "charbonnier"]),
            fallback: Fallback::Yaml("mse"),
            doc: "What is made small: the mean square, the mean absolute difference, or sqrt(d^2 + 1e-6), which is \
                  the latter with a round bottom (Charbonnier et al. 1994).",
        },
        Param {
            name: "rate",
            kind: Kind::Float { min: 1e-8, max: 1.0 },
            fallback: Fallback::Yaml("0.001"),
            doc: "Highest learning rate of Adam.",
        },
        Param {
            name: "warmup",
            kind: Kind::Int { min: 0, max: 1_000_000 },
            fallback: Fallback::Unset,
            doc: "Steps in which the rate rises to that; without it, 200, or a tenth of all steps where that is fewer.",
        },
        Param {
            name: "schedule",
            kind: Kind::Choice(&["cosine", "constant"]),
            fallback: Fallback::Yaml("cosine"),
            doc: "How the rate goes on: half a cosine down to a hundredth, or as it is.",
        },
        Param {
            name: "decay",
            kind: Kind::Float { min: 0.0, max: 1.0 },
            fallback: Fallback::Yaml("0"),
            doc: "Weight decay of AdamW; 0 makes it Adam.",
        },
        Param {
            name: "clip",
            kind: Kind::Float { min: 0.0, max: 1e6 },
            fallback: Fallback::Yaml("3"),
            doc: "Longest gradient, as a multiple of the running mean of those before; longer ones are shortened. 0 for \
                  any.",
        },
        Param {
            name: "model",
            kind: Kind::Text,
            fallback: Fallback::Yaml("model.onnx"),
            doc: "Name of the ONNX file in the output folder.",
        },
        Param {
            name: "licence",
            kind: Kind::Text,
            fallback: Fallback::Unset,
            doc: "Licence of the weights, for the file's metadata.",
        },
        Param {
            name: "beside",
            kind: Kind::List(&Kind::Map(BESIDE)),
            fallback: Fallback::Yaml("[]"),
            doc: "Known figures of others that the final ones are printed beside.",
        },
    ],
    shorthand: None,
    example: "- train: {network: {residual: {width: 48}}, corrupt: [gaussian_noise: {sigma: [0, 55]}], patch: 64}",
};

/// Keys of `blobs`.
const BLOBS: &[Param] = &[
    Param {
        name: "count",
        kind: Kind::Int { min: 10, max: 10_000_000 },
        fallback: Fallback::Yaml("20000"),
        doc: "Points in all.",
    },
    Param {
        name: "dimensions",
        kind: Kind::Int { min: 1, max: 65536 },
        fallback: Fallback::Yaml("50"),
        doc: "Numbers of a point.",
    },
    Param {
        name: "centres",
        kind: Kind::Int { min: 1, max: 100_000 },
        fallback: Fallback::Yaml("20"),
        doc: "Blobs.",
    },
    Param {
        name: "deviation",
        kind: Kind::Float { min: 0.0, max: 1e6 },
        fallback: Fallback::Yaml("0.2"),
        doc: "Standard deviation of each.",
    },
    Param {
        name: "seed",
        kind: Kind::Int { min: 0, max: 4_294_967_295 },
        fallback: Fallback::Yaml("17"),
        doc: "Random state of `make_blobs`.",
    },
];

/// Keys of an item of `beside`.
const BESIDE: &[Param] = &[
    Param {
        name: "figure",
        kind: Kind::Text,
        fallback: Fallback::Required,
        doc: "Name of the figure, such as `mse`.",
    },
    Param {
        name: "value",
        kind: Kind::Float { min: f64::MIN, max: f64::MAX },
        fallback: Fallback::Required,
        doc: "Its value.",
    },
    Param { name: "label", kind: Kind::Text, fallback: Fallback::Required, doc: "Whose it is." },
];
