//! What a pipeline file asks for.

use crate::cli::args::PipelineArgs;
use crate::plan::Plan;
use crate::shown::Show;
use crate::spec::{self, Diagnostics};
use crate::train::TrainPlan;

/// What a pipeline asks for, resolved.
#[expect(clippy::large_enum_variant, reason = "there is one of it in a process")]
pub(super) enum Job {
    /// Steps over the items of an archive.
    Run(Plan),
    /// Training.
    Train(TrainPlan),
}

/// Reads and resolves a pipeline.
pub(super) fn load(args: &PipelineArgs) -> Result<Job, Diagnostics> {
    let text = spec::read_file(&args.pipeline)?;
    let file = args.pipeline.shown().to_string();
    let env = |name: &str| std::env::var(name).ok();
    match spec::draft(&text, &file, &args.set, &env, &crate::train::vocabulary()) {
        (Some(draft), mistakes) if draft.train.is_some() => {
            crate::train::resolve(&draft, mistakes).map(Job::Train)
        }
        (Some(draft), mistakes) => crate::plan::resolve(&draft, mistakes).map(Job::Run),
        (None, mistakes) => Err(mistakes),
    }
}
