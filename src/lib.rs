//! Batch restoration, training pairs and embeddings for image archives, as a library. The program `safelight` is a thin
//! shell around it (feature `cli`, on by default).
//!
//! # Load and run a job
//! A [`Job`] is what a pipeline file asks for. All of its mistakes are told at once, before anything is touched; a run that
//! was stopped or killed goes on where it was.
//! ```
//! use safelight::{Ended, Job, RunOptions};
//!
//! let output = std::env::temp_dir().join("safelight-doc");
//! # std::fs::remove_dir_all(&output).ok();
//! let pipeline = format!(
//!     "version: 1\ninput: sample_data/archive/2019/summer\noutput: {}\nsteps: [measure: [mean], table]\n",
//!     output.display()
//! );
//! let job = Job::parse(&pipeline, "measure.yaml", &[]).map_err(|mistakes| mistakes.render())?;
//! let Ended::Run(summary) = job.run(&RunOptions::default(), &|event| println!("{event:?}"))? else {
//!     unreachable!("it has steps")
//! };
//! assert_eq!((summary.done, summary.failed), (1, 0));
//! assert!(job.verify()?.problems.is_empty());
//! # std::fs::remove_dir_all(&output)?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Decode, restore, encode
//! Depth, alpha and what the file carried beside its pixels stay; what the format can't carry is told.
//! ```
//! use safelight::{EncodeOptions, Format, Limits, Restorer, decode, encode};
//! use std::path::Path;
//!
//! let path = Path::new("sample_data/archive/2019/summer/fruit.png");
//! let decoded = decode(&std::fs::read(path)?, path, &Limits::default())?;
//! let restorer = Restorer::load("sample_data/models/denoise.onnx")?;
//! let clean = restorer.restore(&decoded.image)?;
//! let written = encode(&clean, &decoded.meta, Some(&decoded.source), &EncodeOptions::new(Format::Png))?;
//! assert!(written.notes.is_empty());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Embed a batch
//! Each picture gets the numbers that it gets alone, whatever stands beside it.
//! ```
//! use safelight::{Depth, Embedder, Image};
//!
//! let embedder = Embedder::load("sample_data/models/denoise.onnx")?;
//! let pictures = [Image::new(64, 48, 3, Depth::U8), Image::new(20, 20, 1, Depth::U8)];
//! let vectors = embedder.embed_batch(&pictures.iter().collect::<Vec<_>>());
//! for vector in vectors {
//!     assert_eq!(vector?.len(), embedder.dim());
//! }
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Corrupt a picture
//! The same seed gives the same picture on every machine.
//! ```
//! use safelight::{Image, Recipe, Samples};
//!
//! let gray = Image::from_samples((32, 32), 1, Samples::U8(vec![128; 32 * 32]), None)?;
//! let recipe = Recipe::parse("- gaussian_noise: {sigma: [5, 50]}").map_err(|mistakes| mistakes.render())?;
//! let (noisy, applied) = recipe.corrupt(&gray, 7)?;
//! assert_eq!(applied[0].name, "gaussian_noise");
//! assert_eq!(recipe.corrupt(&gray, 7)?.0, noisy);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! Each module uses only those below it; a test holds that. From the top: the program's own (arguments, commands,
//! reporters), [`job`], the runner and the trainer, the plan, steps and sinks, what these agree on, inputs and ledger,
//! corruptions, the pipeline language, networks, synthetic pictures and formats, weights files and kernels, ONNX graphs,
//! pictures, and the store, which alone writes files.

#![cfg_attr(not(test), warn(unreachable_pub))]
#![cfg_attr(not(feature = "cli"), expect(dead_code, reason = "what only the program asks for"))]

pub mod codec;
pub mod image;
pub mod job;

#[cfg(feature = "cli")]
#[doc(hidden)]
pub mod cli;
// For the program, tests and benches of this package; no part of the stable interface.
#[doc(hidden)]
pub mod corrupt;
#[doc(hidden)]
pub mod kernels;
#[doc(hidden)]
pub mod nn;
#[doc(hidden)]
pub mod random;
#[doc(hidden)]
pub mod spec;
#[doc(hidden)]
pub mod train;
#[doc(hidden)]
pub mod vectors;

mod columns;
mod error;
mod explore;
mod expr;
mod inputs;
mod ledger;
mod memory;
mod onnx;
mod pipeline;
mod plan;
mod run;
mod shown;
mod sinks;
mod steps;
mod store;
mod synth;
mod weights;

pub use codec::{
    CodecError, Decoded, EncodeOptions, Encoded, Format, Limits, Metadata, Source, decode, encode,
};
pub use corrupt::{Applied, CorruptError, Recipe, RecipeError};
pub use error::{ErrorKind, ItemError};
pub use image::{Depth, Image, ImageError, Samples};
pub use job::{
    EmbedStep, Ended, Event, Gathered, Job, JobError, Overview, Pictured, Progress, RestoreStep, RunOptions,
    Selection, Shard, ShardBy, ShardError, ShardState, Status, TableFolder, Verified, decode_file, shard,
    tables,
};
pub use nn::{
    Colour, EmbedError, EmbedOptions, Embedder, Fit, Guard, ModelError, Pool, RestoreError, RestoreOptions,
    Restored, Restorer,
};
pub use spec::Diagnostics;
