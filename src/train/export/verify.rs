//! Whether an exported file computes what the training engine did: loaded and run as `restore` and `embed` do, by
//! our kernels and by tract alone.

use super::shape::{BOTTLENECK, planar_order, takes_vectors};
use crate::nn::{Engine, LoadOptions, ModelError, Network, Rows, Trial};
use crate::shown::Show;
use crate::train::net::{LayerError, Net, Size};
use std::path::{Path, PathBuf};

/// Largest difference that is put down to the order of additions, relative to the tensor's largest number where that is
/// above 1.
pub const TOLERANCE: f32 = 1e-4;

/// What the training engine made of some pictures of one size. Numbers are `[picture][row][column][channel]`.
#[derive(Clone, Debug, PartialEq)]
pub struct Reference {
    /// Size of the pictures; for vectors 1 x 1 x their numbers.
    pub size: Size,
    /// What goes in.
    pub input: Vec<f32>,
    /// What comes out.
    pub output: Vec<f32>,
    /// The bottleneck's numbers.
    pub bottleneck: Vec<f32>,
}

/// Why a file isn't what was trained.
#[derive(Debug, thiserror::Error)]
pub enum VerifyError {
    /// It can't be loaded or prepared.
    #[error(transparent)]
    Model(#[from] ModelError),
    /// It can't be run.
    #[error("{} failed on {engine} at {size:?}: {reason}; the export is at fault, please report it", path.shown())]
    Run {
        /// The file.
        path: PathBuf,
        /// What ran it.
        engine: &'static str,
        /// Size of the pictures.
        size: Size,
        /// What went wrong.
        reason: String,
    },
    /// The network doesn't take pictures of a reference's size.
    #[error("no reference for {} can be of {size:?}: {reason}; pass one of a size that the network takes", path.shown())]
    Size {
        /// The file.
        path: PathBuf,
        /// Size of the pictures.
        size: Size,
        /// What doesn't fit.
        reason: String,
    },
    /// The reference doesn't have the numbers that the network makes.
    #[error("the reference for {} has {found} numbers as {what} at {size:?}, not {wanted}; pass whole pictures", path.shown())]
    Reference {
        /// The file.
        path: PathBuf,
        /// Input, output or bottleneck.
        what: &'static str,
        /// Size of the pictures.
        size: Size,
        /// Numbers that are there.
        found: usize,
        /// Numbers that belong there.
        wanted: usize,
    },
    /// It computes something else.
    #[error(
        "{} differs from the trained network: {what} of picture {picture}, row {}, column {}, channel {} is {found} \
         by {engine}, {wanted} in training, more than {TOLERANCE} apart; do not use the file, the export is at fault: \
         please report it", path.shown(), at.0, at.1, at.2
    )]
    Differs {
        /// The file.
        path: PathBuf,
        /// Output or bottleneck.
        what: &'static str,
        /// What ran it.
        engine: &'static str,
        /// Number of the picture.
        picture: usize,
        /// Row, column and channel.
        at: (usize, usize, usize),
        /// What the file gives there.
        found: f32,
        /// What training gave there.
        wanted: f32,
    },
}

/// Loads the file at `path` and runs it on the inputs of `references`, all pictures of each at once and the first one
/// alone. The largest difference from their outputs and bottlenecks, relative to a tensor's largest number where that is
/// above 1.
///
/// # Errors
/// [`VerifyError::Differs`] for the largest difference when that is above [`TOLERANCE`] or no number; others when the
/// file or the references can't be used.
pub fn verify(path: &Path, net: &Net, references: &[Reference]) -> Result<f32, VerifyError> {
    let model = match takes_vectors(net) {
        true => Model::Rows(Box::new(Rows::load(path)?)),
        false => Model::Pictures(Box::new(Network::load(path, &LoadOptions::default())?)),
    };
    let mut worst = Worst { difference: 0.0, error: None };
    for reference in references {
        let size = reference.size;
        let unfit =
            |e: LayerError| VerifyError::Size { path: path.to_path_buf(), size, reason: e.to_string() };
        let sizes = net.sizes_for(size).map_err(unfit)?;
        let pictures = (reference.input.len() / size.len()).max(1);
        let counted = |what, found: usize, each: Size| {
            let (path, wanted) = (path.to_path_buf(), pictures * each.len());
            match found == wanted {
                true => Ok(()),
                false => Err(VerifyError::Reference { path, what, size, found, wanted }),
            }
        };
        counted("input", reference.input.len(), size)?;
        let wanted = [
            ("output", None, sizes[net.output()], &reference.output),
            ("bottleneck", Some(BOTTLENECK), sizes[net.bottleneck], &reference.bottleneck),
        ];
        for (what, tap, made, numbers) in wanted {
            counted(what, numbers.len(), made)?;
            for (engine, name) in [(Engine::default(), "our kernels"), (Engine::Plain, "tract alone")] {
                for batch in if pictures > 1 { vec![pictures, 1] } else { vec![1] } {
                    let run = || {
                        let trial = model.trial(engine, batch, size, tap)?;
                        let failed = |reason| {
                            let path = path.to_path_buf();
                            VerifyError::Run { path, engine: name, size, reason }
                        };
                        let input = planar(&reference.input[..batch * size.len()], size);
                        if trial.input_len() != input.len() {
                            return Err(failed(format!("it takes {} numbers", trial.input_len())));
                        }
                        let mut found = vec![];
                        trial.run(&input, &mut found).map_err(|e| failed(e.to_string()))?;
                        match found.len() == batch * made.len() {
                            true => Ok(found),
                            false => Err(failed(format!("its {what} has the shape {:?}", trial.output()))),
                        }
                    };
                    let found = run()?;
                    let place = Place { path, what, engine: name, size: made };
                    worst.compare(&place, &found, &planar(&numbers[..batch * made.len()], made));
                }
            }
        }
    }
    worst.error.map_or(Ok(worst.difference), Err)
}

/// Pictures `[row][column][channel]` as `[channel][row][column]`.
pub(in crate::train) fn planar(pictures: &[f32], size: Size) -> Vec<f32> {
    pictures.chunks_exact(size.len()).flat_map(|p| planar_order(size).map(|i| p[i])).collect()
}

/// The file, loaded.
enum Model {
    Pictures(Box<Network>),
    Rows(Box<Rows>),
}

impl Model {
    fn trial(
        &self,
        engine: Engine,
        batch: usize,
        size: Size,
        tap: Option<&str>,
    ) -> Result<Trial, ModelError> {
        match self {
            Model::Pictures(network) => Trial::tapped(network, engine, batch, (size.h, size.w), tap),
            Model::Rows(rows) => rows.trial(engine, batch, size.len(), tap),
        }
    }
}

/// Where numbers come from.
struct Place<'a> {
    path: &'a Path,
    what: &'static str,
    engine: &'static str,
    /// Size of each picture's tensor.
    size: Size,
}

/// The largest difference so far.
struct Worst {
    difference: f32,
    error: Option<VerifyError>,
}

impl Worst {
    /// Compares planar pictures.
    fn compare(&mut self, place: &Place, found: &[f32], wanted: &[f32]) {
        // Sums round by the size of what they add up, which is that of their neighbours.
        let size = wanted.iter().fold(1.0f32, |most, v| most.max(v.abs()));
        for (i, (&found, &wanted)) in found.iter().zip(wanted).enumerate() {
            let difference = (found - wanted).abs() / size;
            let difference = if difference.is_nan() { f32::INFINITY } else { difference };
            if difference <= self.difference {
                continue;
            }
            self.difference = difference;
            if difference > TOLERANCE {
                let Size { h, w, .. } = place.size;
                let (picture, within) = (i / place.size.len(), i % place.size.len());
                self.error = Some(VerifyError::Differs {
                    path: place.path.to_path_buf(),
                    what: place.what,
                    engine: place.engine,
                    picture,
                    at: (within / w % h, within % w, within / (h * w)),
                    found,
                    wanted,
                });
            }
        }
    }
}
