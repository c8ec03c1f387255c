//! Preprocessings of well-known families of networks, by name.

use super::settings::{Crop, Preprocess, Rounding, Scale, Target};
use crate::image::pillow::Kernel;

/// Means and standard deviations of ImageNet.
pub(super) const IMAGENET: ([f64; 3], [f64; 3]) = ([0.485, 0.456, 0.406], [0.229, 0.224, 0.225]);
/// Those of the pictures that CLIP was trained on.
pub(super) const CLIP: ([f64; 3], [f64; 3]) =
    ([0.481_454_66, 0.457_827_5, 0.408_210_73], [0.268_629_54, 0.261_302_58, 0.275_777_11]);
/// From -1 to 1.
pub(super) const HALF: ([f64; 3], [f64; 3]) = ([0.5; 3], [0.5; 3]);
/// Side of the pictures, where nothing says another.
const SIDE: usize = 224;

/// The names.
pub const PRESETS: [&str; 4] = ["clip", "siglip", "dinov2", "imagenet"];

/// The preset `name` for pictures of `side` x `side` (224 if none); none where there is no such preset.
///
/// `clip`, `siglip` and `dinov2` are the `preprocessor_config.json` of the first releases of these families;
/// `imagenet` is the preset of torchvision's classifiers.
pub fn preset(name: &str, side: Option<usize>) -> Option<Preprocess> {
    let side = side.unwrap_or(SIDE);
    // 256 for 224.
    let margin = Target::Shortest((side * 8 + 3) / 7);
    let down = Some(Crop { width: side, height: side, rounding: Rounding::Down });
    let even = Some(Crop { width: side, height: side, rounding: Rounding::Even });
    let (target, kernel, crop, (mean, std)) = match name {
        "clip" => (Target::Shortest(side), Kernel::Bicubic, down, CLIP),
        "siglip" => (Target::Exact(side, side), Kernel::Bicubic, None, HALF),
        "dinov2" => (margin, Kernel::Bicubic, down, IMAGENET),
        "imagenet" => (margin, Kernel::Bilinear, even, IMAGENET),
        _ => return None,
    };
    let scale = Scale { factor: 1.0 / 255.0, mean: mean.to_vec(), std: std.to_vec() };
    Some(Preprocess {
        from: format!("preset {name}"),
        resize: Some((target, kernel)),
        crop,
        unrounded: false,
        scale,
    })
}
