//! How a network's numbers go in and out: parameters that `restore` and `embed` share.

use crate::kernels::Level;
use crate::nn::{Engine, Layout, LoadOptions, Range};
use crate::pipeline::Build;
use crate::spec::{Args, Fallback, Kind, Param};

/// `range`.
pub(super) const RANGE: Param = Param {
    name: "range",
    kind: Kind::Choice(&["auto", "0-1", "0-255", "-1-1"]),
    fallback: Fallback::Yaml("auto"),
    doc: "Range of the network's numbers; `auto` reads it from the file or infers it.",
};

/// `mean`.
pub(super) const MEAN: Param = Param {
    name: "mean",
    kind: Kind::List(&Kind::Float { min: -1.0e6, max: 1.0e6 }),
    fallback: Fallback::Unset,
    doc: "Mean subtracted from [0, 1] values, one for each channel or for all, with `std`.",
};

/// `std`.
pub(super) const STD: Param = Param {
    name: "std",
    kind: Kind::List(&Kind::Float { min: 1.0e-6, max: 1.0e6 }),
    fallback: Fallback::Unset,
    doc: "Standard deviation that [0, 1] values are divided by.",
};

/// `layout`.
pub(super) const LAYOUT: Param = Param {
    name: "layout",
    kind: Kind::Choice(&["auto", "nchw", "nhwc"]),
    fallback: Fallback::Yaml("auto"),
    doc: "Order of the network's axes.",
};

/// `engine`.
pub(super) const ENGINE: Param = Param {
    name: "engine",
    kind: Kind::Choice(&["fast", "plain"]),
    fallback: Fallback::Yaml("fast"),
    doc: "What runs the network: safelight's own kernels where there are some, or tract alone.",
};

/// `exact`.
pub(super) const EXACT: Param = Param {
    name: "exact",
    kind: Kind::Bool,
    fallback: Fallback::Yaml("false"),
    doc: "Computes 3x3 convolutions as direct sums, without Winograd's algorithm: two to three times slower, with \
          rounding errors some four times smaller (1.3e-6 of the range in place of 5.6e-6 for the shipped denoiser).",
};

/// These parameters as options for loading; a mistake is noted and makes the answer `None`.
pub(super) fn load_options(args: &Args, build: &mut Build<'_>) -> Option<LoadOptions> {
    let floats = |name: &str| -> Option<Vec<f32>> {
        let items = args.list(name)?.iter();
        items.map(|i| i.value.number().map(|v| v as f32)).collect()
    };
    let range = match (floats("mean"), floats("std"), args.text("range")?) {
        (Some(mean), Some(std), _) => Some(Range::MeanStd { mean, std }),
        (None, None, "0-1") => Some(Range::Unit),
        (None, None, "0-255") => Some(Range::Byte),
        (None, None, "-1-1") => Some(Range::signed()),
        (None, None, _) => None,
        (mean, _, _) => {
            let (given, missing) = if mean.is_some() { ("mean", "std") } else { ("std", "mean") };
            build.error(args, given, format!("`{given}` needs `{missing}` beside it"), None);
            return None;
        }
    };
    let layout = match args.text("layout")? {
        "nchw" => Some(Layout::Nchw),
        "nhwc" => Some(Layout::Nhwc),
        _ => None,
    };
    let engine = match args.text("engine")? {
        "plain" => Engine::Plain,
        _ => Engine::Fast { exact: args.bool("exact")?, level: Level::best() },
    };
    Some(LoadOptions { range, layout, channels: None, engine })
}
