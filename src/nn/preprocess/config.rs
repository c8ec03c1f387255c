//! Reads `preprocessor_config.json` of Hugging Face's transformers, and the `config.json` of timm.

use super::classes::{CLASSES, Class, Way, class};
use super::presets::IMAGENET;
use super::settings::{Crop, Preprocess, Rounding, Scale, Target};
use crate::image::pillow::Kernel;
use crate::shown::Show;
use crate::store::look;
use serde_json::{Map, Value};
use std::path::{Path, PathBuf};

/// Most bytes that a file may have.
const LONGEST: u64 = 1 << 20;
/// Sides beyond this are refused, as are those of pictures for networks.
const LARGEST: u64 = 4096;
/// The name of the file of transformers.
const NAME: &str = "preprocessor_config.json";
/// Fields that no number depends on.
const IDLE: [&str; 19] = [
    "auto_map",
    "backend",
    "data_format",
    "default_to_square",
    "device",
    "disable_grouping",
    "do_convert_rgb",
    "feature_extractor_type",
    "image_processor_type",
    "image_seq_length",
    "input_data_format",
    "model_input_names",
    "name_or_path",
    "num_channels",
    "pad_size",
    "processor_class",
    "return_tensors",
    "transformers_version",
    "use_fast",
];

/// What is wrong with a file.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Fault {
    /// It can't be read.
    #[error("cannot read it: {0}")]
    Read(std::io::Error),
    /// It is far too long.
    #[error("it has {0} bytes, more than {LONGEST}: it is no such file")]
    Long(u64),
    /// It is no JSON.
    #[error("it is no JSON: {0}")]
    Json(serde_json::Error),
    /// It has none of the fields that are looked for.
    #[error(
        "it says nothing of preprocessing (neither `image_processor_type` or `size`, nor timm's `pretrained_cfg`)"
    )]
    Foreign,
    /// A value is none that is known.
    #[error("`{field}` is {found}, {wanted} expected")]
    Value {
        /// The field.
        field: String,
        /// Its value.
        found: String,
        /// What would do.
        wanted: String,
    },
    /// A field is not known, or asks for what can't be done.
    #[error("`{field}: {found}` is not supported")]
    Unsupported {
        /// The field.
        field: String,
        /// Its value.
        found: String,
    },
    /// A field is missing, and nothing tells what is done without it.
    #[error("`{0}` is missing")]
    Missing(&'static str),
    /// What comes out would have the size of the picture.
    #[error(
        "pictures come out at several sizes: `size` needs `height` and `width`, or `do_center_crop` with `crop_size` beside it"
    )]
    Sizes,
}

/// The settings of transformers that lie beside the model at `model`, or above the folder `onnx` in which it lies.
///
/// # Errors
/// When it can't be told whether there are some.
pub fn beside(model: &Path) -> std::io::Result<Option<PathBuf>> {
    let Some(folder) = model.parent() else { return Ok(None) };
    let above = folder.parent().filter(|_| folder.file_name().is_some_and(|name| name == "onnx"));
    for folder in [Some(folder), above].into_iter().flatten() {
        let file = folder.join(NAME);
        if look::is_file(&file)? {
            return Ok(Some(file));
        }
    }
    Ok(None)
}

/// Reads settings.
///
/// # Errors
/// All that is wrong with them.
pub fn read(path: &Path) -> Result<Preprocess, Vec<Fault>> {
    let text = text(path).map_err(|fault| vec![fault])?;
    let named = |kind: &str| format!("{}, {kind}", path.shown());
    match serde_json::from_slice(&text).map_err(|e| vec![Fault::Json(e)])? {
        Value::Object(fields) => {
            parse(&fields).map(|(settings, kind)| Preprocess { from: named(&kind), ..settings })
        }
        _ => Err(vec![Fault::Foreign]),
    }
}

fn text(path: &Path) -> Result<Vec<u8>, Fault> {
    let about = look::there(path).map_err(Fault::Read)?;
    if !about.is_file() {
        return Err(Fault::Read(std::io::Error::other("it is no regular file")));
    }
    if about.len() > LONGEST {
        return Err(Fault::Long(about.len()));
    }
    std::fs::read(path).map_err(Fault::Read)
}

/// The settings, and what kind of file says them.
fn parse(fields: &Map<String, Value>) -> Result<(Preprocess, String), Vec<Fault>> {
    let mut fields = Fields { fields, prefix: "", faults: Vec::new() };
    if let Some(Value::Object(timm)) = fields.fields.get("pretrained_cfg") {
        let settings = Fields { fields: timm, prefix: "pretrained_cfg.", faults: Vec::new() }.timm()?;
        return Ok((settings, "timm".into()));
    }
    let written = fields.text("image_processor_type").or(fields.text("feature_extractor_type"));
    if written.is_none() && !fields.fields.contains_key("size") {
        return Err(vec![Fault::Foreign]);
    }
    let known = written.map(class);
    if let (Some(None), Some(written)) = (known, written) {
        let names: Vec<_> = CLASSES.iter().map(|class| format!("{}ImageProcessor", class.name)).collect();
        fields.fault("image_processor_type", written, &format!("one of {}", names.join(", ")));
    }
    let settings = fields.transformers(known.flatten())?;
    Ok((settings, written.unwrap_or("of no stated class").into()))
}

/// Fields that are read, with what is wrong in them.
struct Fields<'a> {
    fields: &'a Map<String, Value>,
    /// Where they stand, for messages.
    prefix: &'static str,
    faults: Vec<Fault>,
}

impl<'a> Fields<'a> {
    /// A value that is given; `null` is none.
    fn get(&self, field: &str) -> Option<&'a Value> {
        self.fields.get(field).filter(|value| !value.is_null())
    }

    fn text(&self, field: &str) -> Option<&'a str> {
        self.get(field)?.as_str()
    }

    fn fault(&mut self, field: &str, found: impl std::fmt::Display, wanted: &str) {
        let field = format!("{}{field}", self.prefix);
        self.faults.push(Fault::Value { field, found: found.to_string(), wanted: wanted.into() });
    }

    /// The value of a field as `read` takes it; a fault where it takes none.
    fn read<T>(&mut self, field: &str, wanted: &str, read: impl Fn(&Value) -> Option<T>) -> Option<T> {
        let value = self.get(field)?;
        let read = read(value);
        if read.is_none() {
            self.fault(field, value, wanted);
        }
        read
    }

    fn flag(&mut self, field: &str, otherwise: bool) -> bool {
        self.read(field, "true or false", Value::as_bool).unwrap_or(otherwise)
    }

    fn numbers(&mut self, field: &str) -> Option<Vec<f64>> {
        let finite = |value: &Value| value.as_f64().filter(|number| number.is_finite());
        self.read(field, "a number, or one a channel", |value| match value {
            Value::Array(list) if matches!(list.len(), 1 | 3) => list.iter().map(finite).collect(),
            value => finite(value).map(|number| vec![number]),
        })
    }

    /// Mean and standard deviation by the fields of these names, else the usual ones.
    fn scale(&mut self, factor: f64, names: [&'static str; 2], usual: Option<([f64; 3], [f64; 3])>) -> Scale {
        let given = names.map(|name| self.numbers(name));
        let mut values = Vec::new();
        for ((name, given), usual) in
            names.into_iter().zip(given).zip([usual.map(|u| u.0), usual.map(|u| u.1)])
        {
            // What is there and can't be read has its fault.
            if given.is_none() && usual.is_none() && self.get(name).is_none() {
                self.faults.push(Fault::Missing(name));
            }
            values.push(given.unwrap_or(usual.unwrap_or([1.0; 3]).to_vec()));
        }
        let std = values.pop().unwrap_or_default();
        let mean = values.pop().unwrap_or_default();
        if std.iter().any(|std| std.abs() < 1e-6 * 255.0 * factor) {
            self.fault(names[1], format!("{std:?}"), "a deviation above 0");
        }
        Scale { factor, mean, std }
    }

    fn transformers(mut self, class: Option<&'static Class>) -> Result<Preprocess, Vec<Fault>> {
        let resizes = self.flag("do_resize", true);
        let size = self.size("size", class.is_some_and(|class| class.square));
        let kernel = self.kernel("resample");
        let crops = self.flag("do_center_crop", class.is_some_and(|class| class.crop.is_some()));
        let crop = self.size("crop_size", true);
        let factor = self.read("rescale_factor", "a number above 0", |value| {
            value.as_f64().filter(|factor| factor.is_finite() && *factor > 0.0)
        });
        let factor = if self.flag("do_rescale", true) { factor.unwrap_or(1.0 / 255.0) } else { 1.0 };
        let scale = if self.flag("do_normalize", true) {
            self.scale(factor, ["image_mean", "image_std"], class.map(|class| class.numbers))
        } else {
            Scale { factor, mean: vec![0.0], std: vec![1.0] }
        };
        let part = self.read("crop_pct", "a number from 0.1 to 1", |value| {
            value.as_f64().filter(|part| (0.1..=1.0).contains(part))
        });
        let way = class.map_or(Way::Usual, |class| class.way);
        self.others(
            &[
                "size",
                "resample",
                "do_resize",
                "do_center_crop",
                "crop_size",
                "do_rescale",
                "rescale_factor",
                "do_normalize",
                "image_mean",
                "image_std",
            ],
            way,
        );
        if class.is_none() && resizes {
            self.faults.extend(size.is_none().then_some(Fault::Missing("size")));
            self.faults.extend(kernel.is_none().then_some(Fault::Missing("resample")));
        }
        let target = size.or(class.map(|class| class.target));
        let kernel = kernel.or(class.map(|class| class.kernel)).unwrap_or(Kernel::Bilinear);
        let mut resize = target.filter(|_| resizes).map(|target| (target, kernel));
        let usual = class.and_then(|class| class.crop).map(|side| Target::Exact(side, side));
        let mut crop = match crop.or(usual).filter(|_| crops) {
            Some(Target::Exact(width, height)) => Some(Crop { width, height, rounding: Rounding::Down }),
            Some(Target::Shortest(_)) => {
                self.fault("crop_size", "`shortest_edge`", "`height` and `width`");
                None
            }
            None => None,
        };
        // What was read wrongly may be all that is missing.
        if crops && crop.is_none() && self.faults.is_empty() {
            self.faults.push(Fault::Missing("crop_size"));
        }
        if let (Way::ConvNext, Some((target, kernel))) = (way, resize) {
            match target {
                Target::Shortest(side) if side >= 384 => resize = Some((Target::Exact(side, side), kernel)),
                Target::Shortest(side) => {
                    let margin = (side as f64 / part.unwrap_or(0.875)) as usize;
                    resize = Some((Target::Shortest(margin), kernel));
                    crop.get_or_insert(Crop { width: side, height: side, rounding: Rounding::Down });
                }
                Target::Exact(..) => self.fault("size", "`height` and `width`", "`shortest_edge`"),
            }
        }
        let unrounded = way == Way::Unrounded;
        let exact = matches!(resize, Some((Target::Exact(..), _)));
        let open = (crop.is_none() && !exact) || (unrounded && resize.is_some() && !exact);
        if open && self.faults.is_empty() {
            self.faults.push(Fault::Sizes);
        }
        let settings = Preprocess { from: String::new(), resize, crop, unrounded, scale };
        if self.faults.is_empty() { Ok(settings) } else { Err(self.faults) }
    }

    /// What timm does to evaluate: resized to more than is taken, then the centre.
    fn timm(mut self) -> Result<Preprocess, Vec<Fault>> {
        let side = self.read("input_size", "three numbers, the last two equal", |value| {
            let sides: Vec<u64> = value.as_array()?.iter().map(Value::as_u64).collect::<Option<_>>()?;
            matches!(sides.as_slice(), [_, a, b] if a == b && (1..=LARGEST).contains(a))
                .then(|| sides[1] as usize)
        });
        if self.get("input_size").is_none() {
            self.faults.push(Fault::Missing("pretrained_cfg.input_size"));
        }
        let kernel = self.kernel("interpolation").unwrap_or(Kernel::Bicubic);
        let part = self.read("crop_pct", "a number from 0.1 to 1", |value| {
            value.as_f64().filter(|part| (0.1..=1.0).contains(part))
        });
        let mode = self.read("crop_mode", "`center` or `squash`", |value| match value.as_str() {
            Some("center") => Some(false),
            Some("squash") => Some(true),
            _ => None,
        });
        let scale = self.scale(1.0 / 255.0, ["mean", "std"], Some(IMAGENET));
        if !self.faults.is_empty() {
            return Err(self.faults);
        }
        let side = side.unwrap_or(224);
        let margin = (side as f64 / part.unwrap_or(0.875)) as usize;
        let target =
            if mode == Some(true) { Target::Exact(margin, margin) } else { Target::Shortest(margin) };
        let crop = Some(Crop { width: side, height: side, rounding: Rounding::Even });
        Ok(Preprocess { from: String::new(), resize: Some((target, kernel)), crop, unrounded: false, scale })
    }

    /// A size: one number, two in a list (height first), or a map.
    fn size(&mut self, field: &str, square: bool) -> Option<Target> {
        let side = |value: &Value| {
            value.as_u64().filter(|side| (1..=LARGEST).contains(side)).map(|side| side as usize)
        };
        let wanted =
            format!("a side from 1 to {LARGEST}, or a map of `height` and `width`, or of `shortest_edge`");
        self.read(field, &wanted, |value| match value {
            Value::Array(sides) => match sides.as_slice() {
                [height, width] => Some(Target::Exact(side(width)?, side(height)?)),
                _ => None,
            },
            Value::Object(map) => {
                let given: Vec<_> =
                    map.iter().filter(|(_, value)| !value.is_null()).map(|(key, _)| key.as_str()).collect();
                match given.as_slice() {
                    ["shortest_edge"] => Some(Target::Shortest(side(map.get("shortest_edge")?)?)),
                    ["height", "width"] | ["width", "height"] => {
                        Some(Target::Exact(side(map.get("width")?)?, side(map.get("height")?)?))
                    }
                    _ => None,
                }
            }
            value if square => side(value).map(|side| Target::Exact(side, side)),
            value => side(value).map(Target::Shortest),
        })
    }

    /// A resampling filter, by Pillow's number or by name.
    fn kernel(&mut self, field: &str) -> Option<Kernel> {
        let wanted = "0 to 5 (nearest, lanczos, bilinear, bicubic, box, hamming) or such a name";
        let kernels = [
            Kernel::Nearest,
            Kernel::Lanczos,
            Kernel::Bilinear,
            Kernel::Bicubic,
            Kernel::Box,
            Kernel::Hamming,
        ];
        self.read(field, wanted, |value| match value.as_str() {
            Some(name) => kernels.into_iter().find(|kernel| format!("{kernel:?}").eq_ignore_ascii_case(name)),
            None => kernels.get(usize::try_from(value.as_u64()?).ok()?).copied(),
        })
    }

    /// Faults for fields that would change the numbers in ways that are not known.
    fn others(&mut self, known: &[&str], way: Way) {
        for (field, value) in self.fields {
            let idle =
                IDLE.contains(&field.as_str()) || known.contains(&field.as_str()) || field.starts_with('_');
            let off = matches!(value, Value::Null | Value::Bool(false));
            // Only ConvNeXt's processor has it; others of a file of that name ignore it.
            let part = field == "crop_pct" && way == Way::ConvNext;
            if !idle && !off && !part {
                self.faults.push(Fault::Unsupported { field: field.clone(), found: value.to_string() });
            }
        }
    }
}

#[cfg(test)]
mod tests;
