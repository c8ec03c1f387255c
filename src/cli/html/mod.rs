//! The report of an output: a folder that opens from disk, without scripts for the essentials and without a network.
//!
//! `gather` reads what there is and makes all files; the others are its parts: what is chosen ([`choice`]), counted
//! ([`tally`], [`distribution`]), drawn ([`chart`]), packed ([`sprite`]) and escaped ([`escape`]).

mod chart;
mod choice;
mod detail;
mod distribution;
mod escape;
mod facts;
mod failed;
mod figures;
mod files;
mod gather;
mod groups;
mod kinds;
mod map;
mod measured;
mod numbers;
mod page;
mod pictures;
mod rows;
mod run_file;
mod samples;
mod sprite;
mod subject;
mod tally;
mod template;
mod timed;
mod training;

pub(super) use gather::{Report, ReportError, SHEET_NAME, report};
pub(super) use pictures::Inputs;
pub(super) use run_file::RunFile;
pub(super) use subject::Subject;
