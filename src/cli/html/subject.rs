//! What a report is of.

use super::pictures::Inputs;
use super::run_file::RunFile;
use crate::codec::Limits;
use std::path::Path;

/// What a report is of.
#[derive(Debug)]
pub(crate) struct Subject<'a> {
    /// Name of the job.
    pub name: &'a str,
    /// Its output folder.
    pub output: &'a Path,
    /// What its last run told.
    pub run: &'a RunFile,
    /// Where its inputs are.
    pub inputs: Inputs<'a>,
    /// What may be decoded.
    pub limits: Limits,
    /// The pipeline's text, where the last run did not tell it.
    pub pipeline: Option<&'a str>,
    /// Digest of what the items are asked for, in hexadecimal, under which acknowledged failures count; none where it is
    /// not known, and they all do.
    pub asked: Option<String>,
    /// Whether it trains.
    pub trains: bool,
}
