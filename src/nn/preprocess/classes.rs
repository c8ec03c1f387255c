//! The image processors of Hugging Face's transformers that are known, with what they do where a file leaves it open (as
//! of version 5.24).

use super::presets::{CLIP, HALF, IMAGENET};
use super::settings::Target;
use crate::image::pillow::Kernel;

/// What a class does where its file leaves it open.
#[derive(Clone, Copy, Debug)]
pub(super) struct Class {
    /// Its name without `ImageProcessor`.
    pub(super) name: &'static str,
    pub(super) target: Target,
    /// Whether one number as `size` is both sides; else the shorter one.
    pub(super) square: bool,
    pub(super) kernel: Kernel,
    /// Side of the crop, where there is one unless the file says otherwise.
    pub(super) crop: Option<usize>,
    pub(super) numbers: ([f64; 3], [f64; 3]),
    pub(super) way: Way,
}

/// What is done otherwise than in most.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Way {
    /// Resized in 8 bits, cropped, made numbers of.
    Usual,
    /// Below 384 the crop is a part of what was resized, else the picture is stretched.
    ConvNext,
    /// Resized as floats.
    Unrounded,
}

const fn shortest(name: &'static str, side: usize, crop: usize, numbers: ([f64; 3], [f64; 3])) -> Class {
    Class {
        name,
        target: Target::Shortest(side),
        square: false,
        kernel: Kernel::Bicubic,
        crop: Some(crop),
        numbers,
        way: Way::Usual,
    }
}

const fn exact(name: &'static str, side: usize, kernel: Kernel, numbers: ([f64; 3], [f64; 3])) -> Class {
    Class {
        name,
        target: Target::Exact(side, side),
        square: true,
        kernel,
        crop: None,
        numbers,
        way: Way::Usual,
    }
}

/// All of them.
pub(super) const CLASSES: [Class; 13] = [
    exact("Beit", 224, Kernel::Bicubic, HALF),
    shortest("Bit", 224, 224, CLIP),
    exact("Blip", 384, Kernel::Bicubic, CLIP),
    shortest("CLIP", 224, 224, CLIP),
    shortest("ChineseCLIP", 224, 224, CLIP),
    Class { crop: None, way: Way::ConvNext, ..shortest("ConvNext", 384, 384, HALF) },
    Class { way: Way::Unrounded, ..exact("DINOv3ViT", 224, Kernel::Bilinear, IMAGENET) },
    Class { crop: Some(224), ..exact("DeiT", 256, Kernel::Bicubic, HALF) },
    Class { kernel: Kernel::Bilinear, ..shortest("MobileNetV1", 256, 224, HALF) },
    Class { kernel: Kernel::Bilinear, ..shortest("MobileNetV2", 256, 224, HALF) },
    exact("Pvt", 224, Kernel::Bicubic, IMAGENET),
    Class { square: false, ..exact("Siglip", 224, Kernel::Bicubic, HALF) },
    exact("ViT", 224, Kernel::Bilinear, HALF),
];

/// The class that a file names, such as `CLIPImageProcessor`, `ViTImageProcessorFast` or `CLIPFeatureExtractor`.
pub(super) fn class(written: &str) -> Option<&'static Class> {
    let name = written.strip_suffix("Fast").or(written.strip_suffix("Pil")).unwrap_or(written);
    let name = name.strip_suffix("ImageProcessor").or(name.strip_suffix("FeatureExtractor"))?;
    CLASSES.iter().find(|class| class.name == name)
}
