//! `list`: the steps, corruptions, networks or makers of images with their parameters, and a picture of all
//! corruptions.

use super::code;
use super::print::{err, out};
use crate::cli::args::ListArgs;
use crate::cli::report::contact::contact_sheet;
use crate::codec::{self, EncodeOptions, Format, Limits, Metadata};
use crate::corrupt::{self, CORRUPTIONS, Corruption, Frame};
use crate::image::Image;
use crate::image::crop::{Gravity, crop_to};
use crate::image::orient::upright;
use crate::image::resize::{Filter, resize};
use crate::plan;
use crate::shown::Show;
use crate::spec::language::SYNTH_INPUT;
use crate::spec::{Descriptor, Fallback, Param};
use crate::store::{Fault, Guard, Known, Store, look};
use crate::synth::{SYNTHS, Synth};
use crate::train::{TRAIN, networks};
use std::path::Path;

/// A picture to show corruptions on where none is named.
const HOUSE: &[u8] = include_bytes!("../../../sample_data/archive/2019/house-tripod.jpg");
/// Longest side of the picture that a preview is made of, in pixels.
const SIDE: usize = 160;

/// Prints one step, corruption, network or maker of images, or all of a kind; draws the corruptions where asked.
pub(super) fn list(args: &ListArgs) -> u8 {
    let (steps, corruptions, networks) =
        (plan::descriptors(), corrupt::descriptors(), networks::descriptors());
    let all = || [&steps, &corruptions, &networks].into_iter().flatten().copied().chain([&TRAIN]);
    let found: Vec<&Descriptor> = match args.name.as_deref() {
        None | Some("steps") => steps.clone(),
        Some("corruptions") => corruptions.clone(),
        Some("networks") => networks.clone(),
        Some("synths") => Vec::new(),
        Some(name) => all().filter(|d| d.name == name).collect(),
    };
    let synths: Vec<&Synth> = match args.name.as_deref() {
        Some("synths") => SYNTHS.to_vec(),
        name => SYNTHS.iter().filter(|s| name == Some(s.name)).copied().collect(),
    };
    if found.is_empty() && synths.is_empty() {
        let name = args.name.as_deref().unwrap_or_default();
        let known = all().map(|d| d.name);
        let kinds = ["steps", "corruptions", "networks", "synths"];
        let names: Vec<_> = kinds.into_iter().chain(known).chain(SYNTHS.iter().map(|s| s.name)).collect();
        err(&format!("error: there is no `{name}` to list; there are {}\n", names.join(", ")));
        return code::USAGE;
    }
    if let Some(path) = &args.preview {
        let chosen: Vec<&'static Corruption> = CORRUPTIONS
            .iter()
            .filter(|c| found.iter().any(|d| d.name == c.descriptor.name))
            .copied()
            .collect();
        return match preview(&chosen, args.image.as_deref(), path) {
            Ok(()) => out(&format!("{}: {} corruptions\n", path.shown(), chosen.len())),
            Err((code, message)) => {
                err(&format!("error: {message}\n"));
                code
            }
        };
    }
    let steps = found.iter().map(|d| describe(d.name, d.doc, d.example, d.params));
    let example = |name: &str| format!("input: {{synth: {name}, count: 2000}}");
    let made = synths.iter().map(|s| describe(s.name, s.doc, &example(s.name), SYNTH_INPUT));
    let text: Vec<String> = steps.chain(made).collect();
    out(&text.join("\n"))
}

fn preview(chosen: &[&'static Corruption], image: Option<&Path>, path: &Path) -> Result<(), (u8, String)> {
    if chosen.is_empty() {
        return Err((
            2,
            "only corruptions have a preview: `safelight list corruptions --preview sheet.png`".into(),
        ));
    }
    if look::name(path)
        .map_err(|e| (code::STORAGE, format!("cannot look at {}: {e}", path.shown())))?
        .is_some()
    {
        return Err((2, format!("{} exists; name a new file", path.shown())));
    }
    let failed = |message: String| (code::FAILURE, message);
    let limits = Limits { max_pixels: 500_000_000, max_bytes: 4 << 30, strict: false };
    let clean = match image {
        Some(file) => {
            let name = file.shown();
            let bytes = std::fs::read(file).map_err(|e| failed(format!("cannot read {name}: {e}")))?;
            let decoded = codec::decode(&bytes, file, &limits).map_err(|e| failed(e.to_string()))?;
            small(&upright(decoded.image, decoded.meta.orientation))
        }
        None => {
            let decoded =
                codec::decode(HOUSE, Path::new("house.jpg"), &limits).map_err(|e| failed(e.to_string()))?;
            crop_to(&resize(&decoded.image, 320, 240, Filter::Area), SIDE, SIDE, Gravity::Center)
        }
    };
    let sheet = contact_sheet(&Frame::from_image(&clean), chosen).map_err(|e| failed(e.to_string()))?;
    let png = codec::encode(&sheet, &Metadata::default(), None, &EncodeOptions::new(Format::Png))
        .map_err(|e| failed(e.to_string()))?;
    let folder = path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let name = Path::new(path.file_name().unwrap_or_default());
    let store = Store::open(folder, Guard::default(), Fault::default());
    store
        .and_then(|s| s.write_over(name, &png.bytes, Known::default(), false))
        .map(drop)
        .map_err(|e| (code::STORAGE, e.to_string()))
}

fn small(image: &Image) -> Image {
    let longer = image.width.max(image.height).max(1);
    let fit = |side: usize| (side * SIDE / longer).max(1);
    if longer <= SIDE {
        image.clone()
    } else {
        resize(image, fit(image.width), fit(image.height), Filter::Area)
    }
}

fn describe(name: &str, doc: &str, example: &str, params: &[Param]) -> String {
    let mut text = format!("{name}\n    {doc}\n    {example}\n");
    for param in params {
        let default = match param.fallback {
            Fallback::Required => "required".to_string(),
            Fallback::Yaml(value) => format!("default {value}"),
            Fallback::Unset => "optional".to_string(),
        };
        text.push_str(&format!("      {:<12} {} ({default})\n", param.name, param.doc));
    }
    text
}
