//! `compare`: what methods make of the picture, measured against the clean one, side by side.

use super::{crop as crop_step, grayscale, resize, restore};
use crate::columns::{Column, ColumnType, Row, Value};
use crate::error::{ErrorKind, ItemError};
use crate::image::Image;
use crate::image::Samples;
use crate::image::compare::{METRICS, Metric};
use crate::image::crop::{Rect, crop};
use crate::image::gray::{gray_to_rgb, studio_luma};
use crate::pipeline::{
    Action, Build, Built, ColumnStep, ImageStep, Registered, Sample, Shape, identity, registered,
};
use crate::spec::{
    Descriptor, Diagnostics, Field, Given, Kind, Parameters, Place, Role, Steps, Words, params, words,
};
use std::collections::BTreeSet;

/// Steps that a method may consist of: those that change the picture and nothing else.
static CHANGES: &[Registered] =
    &[registered!(resize), registered!(crop_step), registered!(grayscale), registered!(restore)];

fn changes() -> Vec<&'static Descriptor> {
    CHANGES.iter().map(|known| known.descriptor).collect()
}

const NAMES: &[&str] = &{
    let mut names = [""; METRICS.len()];
    let mut at = 0;
    while at < names.len() {
        names[at] = METRICS[at].name;
        at += 1;
    }
    names
};

impl Words for &'static Metric {
    const WORDS: &'static [&'static str] = NAMES;

    fn of_word(word: &str) -> Option<Self> {
        METRICS.iter().find(|known| known.name == word)
    }
}

words! {
    /// What of the pictures is compared.
    pub(super) enum Colour {
        /// Red, green and blue.
        Rgb = "rgb",
        /// Luma.
        Y = "y",
    }
}

/// Pixels left out along each edge.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Border {
    /// So many.
    Pixels(usize),
    /// As many as the clean picture is times larger than the one that methods begin with.
    Scale,
}

const SCALE: &str = "scale";

impl Field for Border {
    const HOLDS: Kind = Kind::CountOr { max: 1024, words: &[SCALE] };

    fn of(value: Option<&crate::spec::Value>, place: &Place) -> Result<Border, Diagnostics> {
        match value {
            Some(crate::spec::Value::Int(pixels)) => {
                usize::try_from(*pixels).map(Border::Pixels).map_err(|_| place.defect())
            }
            Some(crate::spec::Value::Text(_)) => Ok(Border::Scale),
            _ => Err(place.defect()),
        }
    }
}

params! {
    /// One of the methods.
    pub(super) struct MethodKeys {
        /// What its columns end with, as in `psnr_bicubic`: letters, digits and `_`.
        name: Given<String>,
        /// What it does to the picture, in order; nothing for the picture as it is.
        steps: Steps [Kind::Steps { noun: "change", registry: changes }] = "[]",
    }
}

params! {
    /// Parameters of `compare`.
    pub(super) struct Params {
        /// What is compared with the clean picture: each begins with the picture as it is here.
        methods: Given<Vec<MethodKeys>> = "[{name: input}]",
        /// Which metrics.
        metrics: Given<Vec<&'static Metric>> = "[psnr, ssim]",
        /// What of the pictures is compared: red, green and blue, or the luma Y of BT.601 from 16 to 235, not rounded, as
        /// super-resolution is measured.
        colour: Colour = "rgb",
        /// Pixels left out along each edge; `scale`: as many as the clean picture is times larger than the picture, none
        /// where it is not larger.
        border: Border = "0",
    }
}

/// Name, documentation and parameters.
pub(super) static DESCRIPTOR: Descriptor = Descriptor {
    name: "compare",
    version: 1,
    doc: "Measures what one or more methods make of the picture against the clean one of `reference`, `corrupt` or \
          `corrupt_each`, side by side: a column for each metric and method, such as `psnr_input` and `psnr_bicubic`. The \
          picture itself goes on as it was. Results of 8 bits are rounded and clamped, others kept within black and white. \
          Alpha is left out.",
    role: Role::Columns,
    params: Params::TABLE,
    shorthand: Some("methods"),
    example: "- compare: {methods: [{name: input}, {name: bicubic, steps: [resize: {scale: 2, filter: bicubic, enlarge: true}]}], \
              metrics: [psnr, ssim], colour: y, border: scale}",
};

#[derive(Debug)]
struct Method {
    name: String,
    steps: Vec<(&'static str, Box<dyn ImageStep>)>,
}

#[derive(Debug)]
struct Compare {
    methods: Vec<Method>,
    metrics: Vec<&'static Metric>,
    colour: Colour,
    border: Border,
}

/// Compiles the step: loads the methods' models.
pub(super) fn build(params: Params, build: &mut Build<'_>) -> Result<Built, Diagnostics> {
    let Params { methods, metrics, colour, border } = params;
    let mut mistakes = Vec::new();
    let unique: BTreeSet<&str> = metrics.iter().map(|metric| metric.name).collect();
    if metrics.is_empty() || unique.len() < metrics.len() {
        let wrong = if metrics.is_empty() { "nothing to measure" } else { "a metric is named twice" };
        mistakes.push(metrics.error(wrong, None));
    }
    if methods.is_empty() {
        let help = "name one: `methods: [{name: input}]` is the picture as it is".to_string();
        mistakes.push(methods.error("nothing to compare", Some(help)));
    }
    let (mut names, mut ingredients, mut compiled) = (BTreeSet::new(), Vec::new(), Vec::new());
    for method in methods.iter() {
        let name = &method.name;
        if !name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_') {
            let help = "its columns are called by it: take letters, digits and `_`".to_string();
            mistakes
                .push(name.error(format!("{:?} can't be the name of a method", name.as_str()), Some(help)));
        } else if !names.insert(name.to_lowercase()) {
            let help = "give each its own; capitals make no difference".to_string();
            mistakes.push(name.error(format!("two methods are called `{}`", name.as_str()), Some(help)));
        }
        build.follows(&format!("method {}", name.as_str()));
        match compile(method, build) {
            Ok((steps, hashes)) => {
                ingredients.extend(hashes);
                compiled.push(Method { name: name.to_string(), steps });
            }
            Err(found) => mistakes.extend(found.iter().cloned()),
        }
    }
    if !mistakes.is_empty() {
        return Err(Diagnostics::new(mistakes));
    }
    let metrics = metrics.into_value();
    let action = Action::Columns(Box::new(Compare { methods: compiled, metrics, colour, border }));
    Ok(Built { ingredients, besides: &["methods"], ..Built::from(action) })
}

/// Steps by name, and hashes of models by what they are for.
type Compiled = (Vec<(&'static str, Box<dyn ImageStep>)>, Vec<(String, String)>);

/// The steps of a method. What its results follow from is told to `build`.
fn compile(method: &MethodKeys, build: &mut Build<'_>) -> Result<Compiled, Diagnostics> {
    let (mut steps, mut hashes, mut mistakes) = (Vec::new(), Vec::new(), Vec::new());
    for spec in &method.steps.0 {
        let name = spec.descriptor.name;
        let Some(known) = CHANGES.iter().find(|known| known.descriptor.name == name) else {
            return Err(spec.args.own_place().defect());
        };
        match (known.build)(&spec.args, build) {
            Ok(built) => {
                build.follows(&identity::describe(spec, &built, None));
                hashes.extend(
                    built
                        .ingredients
                        .into_iter()
                        .map(|(of, hash)| (format!("{}.{of}", method.name.as_str()), hash)),
                );
                match built.action {
                    Action::Image(step) => steps.push((name, step)),
                    _ => return Err(spec.args.own_place().defect()),
                }
            }
            Err(found) => mistakes.extend(found.iter().cloned()),
        }
    }
    if mistakes.is_empty() { Ok((steps, hashes)) } else { Err(Diagnostics::new(mistakes)) }
}

impl Method {
    /// What it makes of the sample's picture.
    fn result(&self, sample: &Sample) -> Result<Image, ItemError> {
        let mut own = Sample {
            relative: sample.relative.clone(),
            hash: sample.hash,
            image: sample.image.clone(),
            reference: None,
            place: sample.place.clone(),
            meta: sample.meta.clone(),
            source: sample.source.clone(),
            exif: sample.exif.clone(),
            notes: Vec::new(),
            observed: sample.observed.clone(),
            further: None,
        };
        for (name, step) in &self.steps {
            step.apply(&mut own).map_err(|e| e.at_step(name)).map_err(|e| self.error(e.kind, &e.message))?;
        }
        if let Samples::F32(samples) = &mut own.image.samples {
            samples.iter_mut().for_each(|v| *v = v.clamp(0.0, 1.0));
        }
        Ok(own.image)
    }

    fn error(&self, kind: ErrorKind, message: &str) -> ItemError {
        ItemError::new(kind, format!("method `{}`: {message}", self.name))
    }

    /// Shapes of its pictures, from the one that it begins with.
    fn shapes(&self, shape: Shape) -> Vec<Shape> {
        let mut shapes = vec![shape];
        for (_, step) in &self.steps {
            let before = shapes.last().copied().unwrap_or(shape);
            shapes.push(step.shape(before));
        }
        shapes
    }
}

impl Compare {
    /// The part of a picture that is compared.
    fn part(&self, image: &Image, border: usize) -> Option<Image> {
        let inside = |side: usize| side.checked_sub(2 * border).filter(|side| *side > 0);
        let rect = Rect { x: border, y: border, width: inside(image.width)?, height: inside(image.height)? };
        let colour = |image: &Image| match self.colour {
            Colour::Y => studio_luma(image),
            Colour::Rgb => image.clone(),
        };
        Some(colour(&if border == 0 { image.clone() } else { crop(image, rect)? }))
    }

    fn metrics(
        &self,
        method: &Method,
        result: &Image,
        clean: &Image,
        border: usize,
    ) -> Result<Row, ItemError> {
        if (result.width, result.height) != (clean.width, clean.height) {
            let message = format!(
                "its result has {} x {} pixels and the clean picture {} x {}; let its steps give that size",
                result.width, result.height, clean.width, clean.height
            );
            return Err(method.error(ErrorKind::Unsupported, &message));
        }
        let tripled = (self.colour == Colour::Rgb && result.channels != clean.channels)
            .then(|| (gray_to_rgb(result), gray_to_rgb(clean)));
        let (result, clean) = tripled.as_ref().map_or((result, clean), |(a, b)| (a, b));
        let parts = self.part(result, border).zip(self.part(clean, border));
        let (result, clean) = parts.ok_or_else(|| {
            let message = format!("nothing is left without a border of {border} pixels");
            method.error(ErrorKind::Unsupported, &message)
        })?;
        let value = |metric: &&Metric| match (metric.compute)(&result, &clean) {
            Ok(value) => Ok(value.map_or(Value::Null, Value::Float)),
            Err(e) => Err(method.error(ErrorKind::Unsupported, &e.to_string())),
        };
        self.metrics.iter().map(value).collect()
    }
}

impl ColumnStep for Compare {
    fn columns(&self) -> Vec<Column> {
        let of = |metric: &&'static Metric| {
            let metric = *metric;
            self.methods.iter().map(move |method| {
                let about =
                    format!("{} of the method `{}` against the clean picture", metric.doc, method.name);
                Column::new(format!("{}_{}", metric.name, method.name), ColumnType::Float).about(about)
            })
        };
        self.metrics.iter().flat_map(of).collect()
    }

    fn values(&self, sample: &Sample) -> Result<Row, ItemError> {
        let lost = || ItemError::new(ErrorKind::NoReference, "no clean picture is kept");
        let clean = sample.reference.as_ref().ok_or_else(lost)?;
        let border = match self.border {
            Border::Pixels(pixels) => pixels,
            Border::Scale => Some(sample.ratio()?).filter(|ratio| *ratio > 1).unwrap_or(0),
        };
        let of = |method: &Method| self.metrics(method, &method.result(sample)?, clean, border);
        let rows: Vec<Row> = self.methods.iter().map(of).collect::<Result<_, _>>()?;
        // By metric, the methods side by side.
        Ok((0..self.metrics.len())
            .flat_map(|at| rows.iter().filter_map(move |row| row.get(at).cloned()))
            .collect())
    }

    fn needs_reference(&self) -> bool {
        true
    }

    fn peak_bytes(&self, shape: Shape) -> u64 {
        let peak = |method: &Method| {
            let shapes = method.shapes(shape);
            let steps = method.steps.iter().zip(&shapes).map(|((_, step), before)| step.peak_bytes(*before));
            let last = shapes.last().copied().unwrap_or(shape);
            // Both pictures a second time and as luma; SSIM holds about ten double planes at once.
            let metrics = 3 * last.bytes() + last.width * last.height * (8 + 96);
            shape.bytes() + steps.max().unwrap_or(0).max(metrics)
        };
        self.methods.iter().map(peak).max().unwrap_or(0)
    }

    fn worker_bytes(&self) -> u64 {
        let steps = self.methods.iter().flat_map(|method| &method.steps);
        steps.map(|(_, step)| step.worker_bytes()).max().unwrap_or(0)
    }
}
