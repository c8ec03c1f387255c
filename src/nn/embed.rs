//! Turns pictures into vectors: the values of one tensor inside a network.

mod pool;

pub use pool::Pool;

use super::error::{EmbedError, ModelError};
use super::load::Network;
use super::options::LoadOptions;
use super::pixels;
use super::plan::Plan;
use super::preprocess::Preprocess;
use super::range::RangeOrigin;
use super::{Bottleneck, Choice, Why, candidates};
use crate::image::Image;
use crate::image::crop::{Gravity, crop_to};
use crate::image::fill::fill_hidden;
use crate::image::gray::{gray_to_rgb, to_gray};
use crate::image::resize::{Filter, resize};
use crate::random::Rng;
use std::path::Path;
use std::sync::{Arc, OnceLock};

/// Side of the square that pictures are resized to for networks of variable size.
const SIZE: usize = 256;
/// Sides beyond this are refused.
const LARGEST: usize = 4096;
/// Numbers of pictures that are run at once, largest first; the rest of them run one by one.
const BATCHES: [usize; 2] = [32, 8];
/// Bytes that the weights may take to be worth a plan more.
const WEIGHT_BYTES: u64 = 32 << 20;
/// Bytes that a batch may take: what stays in a core's own cache.
const BATCH_BYTES: u64 = 3 << 19;

/// How a picture is brought to the network's size.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Fit {
    /// Width and height each, whatever the aspect.
    #[default]
    Stretch,
    /// The shorter side fits; the longer one is cropped around the centre.
    Crop,
}

/// How to embed.
#[derive(Clone, Debug, Default)]
pub struct EmbedOptions {
    /// Name of the tensor; when none, what [`super::ModelInfo::choice`] says.
    pub bottleneck: Option<String>,
    /// Side in pixels for networks of variable size (rounded up to what they need); 256 when none. Without effect with
    /// `preprocess`.
    pub size: Option<usize>,
    /// How height and width, or tokens, are reduced; when none, height and width by their mean, and tokens not at all: a
    /// tensor of them is then refused.
    pub pool: Option<Pool>,
    /// How the aspect is handled. Without effect with `preprocess`.
    pub fit: Fit,
    /// What is done to a picture before the network sees it, in place of `size`, `fit` and the network's range. The
    /// network is best loaded for it: [`LoadOptions::size`] and [`LoadOptions::range`].
    pub preprocess: Option<Preprocess>,
    /// Whether vectors are brought to length 1.
    pub normalize: bool,
}

/// Embeds pictures with one network. Share it between workers.
#[derive(Debug)]
pub struct Embedder {
    network: Arc<Network>,
    tensor: String,
    plan: Arc<Plan>,
    /// Plans for several pictures, found to give each the bits that it has alone.
    batches: OnceLock<Vec<(usize, Arc<Plan>)>>,
    width: usize,
    height: usize,
    channel_axis: usize,
    pool: Pool,
    fit: Fit,
    preprocess: Option<Preprocess>,
    normalize: bool,
    why: Why,
}

impl Embedder {
    /// Loads a model and takes the tensor inside that suits best as an embedding.
    ///
    /// # Errors
    /// When the file can't be loaded, or no tensor suits.
    pub fn load(model: impl AsRef<Path>) -> Result<Embedder, ModelError> {
        let network = Network::load(model.as_ref(), &LoadOptions::default())?;
        Embedder::new(Arc::new(network), &EmbedOptions::default())
    }

    /// Prepares the network.
    ///
    /// # Errors
    /// [`ModelError::NoSuchTensor`] with a suggestion; [`ModelError::Option`] for a size that doesn't
    /// suit; [`ModelError::Build`] when the network can't be prepared for the size.
    pub fn new(network: Arc<Network>, options: &EmbedOptions) -> Result<Embedder, ModelError> {
        let info = network.info();
        let option = |reason: String| ModelError::Option { path: network.path().to_path_buf(), reason };
        if !info.levels.is_empty() {
            return Err(option(format!(
                "it takes {} beside the picture, which `embed` does not have",
                info.levels.join(", ")
            )));
        }
        if info.in_channels != 1 && info.in_channels != 3 {
            return Err(option(format!(
                "its input has {} channels; embeddings are made of pictures of 1 or 3",
                info.in_channels
            )));
        }
        let wanted = options.preprocess.as_ref().map(Preprocess::size);
        let (height, width) = match (info.fixed_size, wanted, options.size) {
            (Some((h, w)), Some(out), _) if (w, h) != out => {
                return Err(option(format!(
                    "the preprocessing gives {}x{}, the model takes {w}x{h} only",
                    out.0, out.1
                )));
            }
            (_, Some((width, height)), _) => (height, width),
            (Some((h, w)), _, Some(s)) if (h, w) != (s, s) => {
                return Err(option(format!(
                    "size {s} does not suit: the model takes {w}x{h} only; leave size out"
                )));
            }
            (Some(size), ..) => size,
            (None, _, size) => {
                let side = size.unwrap_or(SIZE);
                if side == 0 || side > LARGEST {
                    return Err(option(format!("size {side} is not between 1 and {LARGEST}")));
                }
                let side = side.next_multiple_of(info.size_multiple);
                (side, side)
            }
        };
        let (tensor, why) = match &options.bottleneck {
            Some(name) if network.has_tensor(name) => (name.clone(), Why::Asked),
            Some(name) => return Err(unknown(&network, name)),
            None => match &info.choice {
                Choice::Tensor(name, why) => (name.clone(), *why),
                Choice::Tokens { tensor, .. } => (tensor.clone(), Why::Output),
                Choice::Nothing => {
                    return Err(option(
                        "no tensor inside suits as an embedding; name one with `tensor`".into(),
                    ));
                }
            },
        };
        let plan = network.plan(height, width, Some(&tensor))?;
        let pool =
            pool::fit(options.pool, &plan.output).map_err(|e| option(format!("tensor {tensor} {e}")))?;
        let known = info.candidates.iter().find(|c| c.name == tensor);
        let channel_axis =
            known.map_or_else(|| candidates::channel_axis(&plan.output, None), |c| c.channel_axis);
        if plan.output.iter().product::<usize>() == 0 {
            return Err(option(format!("tensor {tensor} is empty at {width}x{height}")));
        }
        let EmbedOptions { fit, preprocess, normalize, .. } = options.clone();
        let batches = OnceLock::new();
        Ok(Embedder {
            network,
            tensor,
            plan,
            batches,
            width,
            height,
            channel_axis,
            pool,
            fit,
            preprocess,
            normalize,
            why,
        })
    }

    /// What is taken and how pictures are prepared, in words.
    pub fn told(&self) -> String {
        let info = self.network.info();
        let shape: Vec<String> = self.plan.output.iter().map(ToString::to_string).collect();
        let pool = match (self.pool, self.plan.output.len()) {
            (_, 0..=2) => String::new(),
            (pool, _) => format!(", pool {}", pool.name()),
        };
        let prepared = match &self.preprocess {
            Some(settings) => format!("{settings} (from {})", settings.from()),
            None => {
                let fit = if self.fit == Fit::Crop { "cropped" } else { "stretched" };
                let origin = format!("{:?}", info.range_origin).to_lowercase();
                let advice = match info.range_origin {
                    RangeOrigin::Assumed => ": `preprocess` would say it",
                    _ => "",
                };
                let (width, height, range) = (self.width, self.height, &info.range);
                format!("{fit} to {width}x{height} (bicubic), range {range} ({origin}{advice})")
            }
        };
        let length = if self.normalize { "; length 1" } else { "" };
        let (tensor, why, shape) = (&self.tensor, self.why, shape.join("x"));
        format!("tensor {tensor} ({shape}, {why}){pool}{length}; pictures: {prepared}")
    }

    /// Whether the tensor is another than the best of [`super::ModelInfo::candidates`].
    pub fn is_beside_candidates(&self) -> bool {
        self.network.info().candidates.first().is_none_or(|best| best.name != self.tensor)
    }

    /// Whether the tensor has a vector for each token.
    pub fn has_tokens(&self) -> bool {
        self.plan.output.len() == 3
    }

    /// Name of the tensor in use.
    pub fn tensor(&self) -> &str {
        &self.tensor
    }

    /// Width and height that pictures are brought to.
    pub fn size(&self) -> (usize, usize) {
        (self.width, self.height)
    }

    /// Length of the vectors.
    pub fn dim(&self) -> usize {
        pool::length(&self.plan.output, self.channel_axis, self.pool)
    }

    /// Bytes that one call takes beside the picture.
    pub fn peak_bytes(&self) -> u64 {
        let pictures = self.sizes().next().unwrap_or(1) as u64;
        self.single_bytes().saturating_mul(pictures) + self.network.info().scratch_bytes as u64
    }

    fn single_bytes(&self) -> u64 {
        let info = self.network.info();
        (self.width as u64 * self.height as u64).saturating_mul((info.memory_per_pixel + 32) as u64)
    }

    /// The batches that memory allows.
    fn sizes(&self) -> impl Iterator<Item = usize> {
        let weights = self.network.info().parameters.saturating_mul(4);
        // Dense layers read all their weights for each batch: these may cost as much as the pictures do.
        let most = if weights > WEIGHT_BYTES { 0 } else { BATCH_BYTES.max(2 * weights) };
        BATCHES.into_iter().filter(move |size| self.single_bytes().saturating_mul(*size as u64) <= most)
    }

    /// How many pictures it gains to embed at once; 1 where it gains nothing. The first call prepares the
    /// network for it, and is not to be made by a worker: the trials may run other work of its pool meanwhile.
    pub fn batch(&self) -> usize {
        let make = || self.sizes().filter_map(|size| Some((size, self.batch_plan(size)?))).collect();
        self.batches.get_or_init(make).first().map_or(1, |(size, _)| *size)
    }

    /// The plan for `size` pictures, if in a trial each has the result that it has alone.
    fn batch_plan(&self, size: usize) -> Option<Arc<Plan>> {
        let plan = self.network.batch_plan(size, self.height, self.width, Some(&self.tensor)).ok()?;
        let (single, several) = (self.plan.output.as_slice(), plan.output.as_slice());
        if single.first() != Some(&1) || several.first() != Some(&size) || single[1..] != several[1..] {
            return None;
        }
        let mut random = Rng::new(0);
        let numbers = self.network.info().in_channels * self.height * self.width;
        let inputs: Vec<Vec<f32>> =
            (0..size).map(|_| (0..numbers).map(|_| random.unit() as f32).collect()).collect();
        let together = self.run(&plan, &inputs.concat()).ok()?;
        let same = |picture: usize| {
            let alone = self.run(&self.plan, &inputs[picture]).ok()?;
            let found = together.chunks_exact(alone.len()).nth(picture)?;
            Some(found.iter().map(|v| v.to_bits()).eq(alone.iter().map(|v| v.to_bits())))
        };
        [0, size / 2, size - 1].into_iter().all(|picture| same(picture) == Some(true)).then_some(plan)
    }

    /// The vector of `image`, which must stand upright. With [`EmbedOptions::preprocess`] it lies on white where it is
    /// transparent. Else alpha doesn't count, except that colours of fully transparent pixels are replaced by their
    /// surroundings'.
    ///
    /// # Errors
    /// [`EmbedError::NotFinite`] when the vector isn't finite; [`EmbedError::Zero`] for one of zeros that is to have
    /// length 1; others when the network fails.
    pub fn embed(&self, image: &Image) -> Result<Vec<f32>, EmbedError> {
        self.alone(&self.numbers(image)?)
    }

    /// As [`Embedder::embed`] for each picture; the bits of a vector don't depend on what stands beside it.
    pub fn embed_batch(&self, images: &[&Image]) -> Vec<Result<Vec<f32>, EmbedError>> {
        let inputs: Vec<_> = images.iter().map(|image| self.numbers(image)).collect();
        let sound: Vec<&Vec<f32>> = inputs.iter().flatten().collect();
        let mut vectors = Vec::with_capacity(sound.len());
        for (size, plan) in self.batches.get().into_iter().flatten() {
            for chunk in sound[vectors.len()..].chunks_exact(*size) {
                vectors.extend(self.together(plan, chunk));
            }
        }
        let rest: Vec<_> = sound[vectors.len()..].iter().map(|numbers| self.alone(numbers)).collect();
        let mut vectors = vectors.into_iter().chain(rest);
        let missing = || Err(EmbedError::Run("the batch gave too few vectors".into()));
        let result = |input: Result<_, _>| input.and_then(|_| vectors.next().unwrap_or_else(missing));
        inputs.into_iter().map(result).collect()
    }

    fn alone(&self, numbers: &[f32]) -> Result<Vec<f32>, EmbedError> {
        self.vector(&self.run(&self.plan, numbers)?)
    }

    /// A batch that fails is run again one by one, so that only the culprit does.
    fn together(&self, plan: &Plan, chunk: &[&Vec<f32>]) -> Vec<Result<Vec<f32>, EmbedError>> {
        let mut numbers = Vec::with_capacity(chunk.iter().map(|numbers| numbers.len()).sum());
        chunk.iter().for_each(|part| numbers.extend_from_slice(part));
        match self.run(plan, &numbers) {
            Ok(values) => {
                values.chunks_exact(values.len() / chunk.len()).map(|values| self.vector(values)).collect()
            }
            Err(_) => chunk.iter().map(|numbers| self.alone(numbers)).collect(),
        }
    }

    /// What the network makes of `batch` pictures.
    fn run(&self, plan: &Plan, numbers: &[f32]) -> Result<Vec<f32>, EmbedError> {
        plan.run(numbers).map_err(|e| EmbedError::Run(e.to_string()))
    }

    /// The network's input for a picture.
    fn numbers(&self, image: &Image) -> Result<Vec<f32>, EmbedError> {
        pixels::check(image).map_err(|e| EmbedError::Image(e.to_string()))?;
        let info = self.network.info();
        Ok(match &self.preprocess {
            Some(settings) => settings.numbers(image, info.in_channels, info.layout),
            None => {
                let shape = (image.width, image.height, image.channels);
                if image.alpha.is_none() && shape == (self.width, self.height, info.in_channels) {
                    return Ok(pixels::numbers(image, info.layout, &info.range));
                }
                pixels::numbers(&self.fitted(image, info.in_channels), info.layout, &info.range)
            }
        })
    }

    fn vector(&self, values: &[f32]) -> Result<Vec<f32>, EmbedError> {
        let vector = pool::pooled(values, &self.plan.output, self.channel_axis, self.pool);
        match vector.iter().filter(|v| !v.is_finite()).count() {
            0 if self.normalize => pool::normalized(&vector).ok_or(EmbedError::Zero),
            0 => Ok(vector),
            n => Err(EmbedError::NotFinite(n)),
        }
    }

    /// The picture in the network's channels and size.
    fn fitted(&self, image: &Image, channels: usize) -> Image {
        let mut image = fill_hidden(image).unwrap_or_else(|| image.clone());
        image.alpha = None;
        let image = match (channels, image.channels) {
            (1, 3) => to_gray(&image),
            (3, 1) => gray_to_rgb(&image),
            _ => image,
        };
        let (w, h) = (self.width, self.height);
        let image = match self.fit {
            Fit::Stretch => image,
            Fit::Crop => {
                // The largest centred part of the wanted aspect.
                let (iw, ih) = (image.width, image.height);
                let cw = (ih * w).div_ceil(h).clamp(1, iw);
                let ch = (iw * h).div_ceil(w).clamp(1, ih);
                crop_to(&image, cw, ch, Gravity::Center)
            }
        };
        if (image.width, image.height) == (w, h) { image } else { resize(&image, w, h, Filter::Bicubic) }
    }
}

fn unknown(network: &Network, name: &str) -> ModelError {
    if let Some(left) = network.info().left_out.iter().find(|left| left.tensor == name) {
        let reason = format!(
            "tensor {name} needs {} beside the picture, which `embed` does not have",
            left.needs.join(", ")
        );
        return ModelError::Option { path: network.path().to_path_buf(), reason };
    }
    let candidates: Vec<String> =
        network.info().candidates.iter().map(|c: &Bottleneck| c.name.clone()).collect();
    let near = |c: &&String| strsim::jaro_winkler(c, name);
    let best = network.tensor_names().max_by(|a, b| near(a).total_cmp(&near(b))).filter(|c| near(c) > 0.7);
    ModelError::NoSuchTensor {
        path: network.path().to_path_buf(),
        name: name.into(),
        suggestion: best.cloned(),
        candidates,
    }
}

#[cfg(test)]
mod tests;
