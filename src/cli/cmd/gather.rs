//! `gather`: puts together what shards have done.

use super::run::work;
use crate::cli::args::GatherArgs;
use crate::job::{Ended, Selection};

/// Gathers, and tells the metrics how it ended.
pub(super) fn gather(args: &GatherArgs) -> u8 {
    work(&args.work, Selection::Outstanding, |job, options, emit| {
        Ok(Ended::Run(job.gather(&options, args.wait, emit)?.summary))
    })
}
