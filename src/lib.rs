//! safelight: batch restoration, training pairs and embeddings for image archives.
//!
//! A YAML pipeline is parsed by [`spec`], resolved by [`plan`] and run by [`run`], which emits events
//! that [`report`] turns into text. Files are written by [`store`] only. Networks are run by [`nn`] on
//! [`kernels`].

pub mod cli;
pub mod codec;
pub mod columns;
pub mod corrupt;
pub mod error;
pub mod image;
pub mod inputs;
pub mod kernels;
pub mod ledger;
pub mod memory;
pub mod nn;
pub mod pipeline;
pub mod plan;
pub mod random;
pub mod run;
pub mod shown;
pub mod sinks;
pub mod spec;
pub mod steps;
pub mod store;
pub mod synth;
pub mod train;
