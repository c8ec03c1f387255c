//! One step without a pipeline around it, for callers that have their pictures in memory.

use super::conditions::measurable;
use super::registry::descriptors;
use super::resolve::compile;
use crate::memory;
use crate::nn::ModelBudget;
use crate::pipeline::{Action, Build, Scope};
use crate::spec::{self, Diagnostic, Diagnostics};
use std::path::Path;

/// Compiles a step of this name with parameters as YAML in braces. Gives it with what was inferred, for people.
///
/// # Errors
/// Every mistake. A step alone has no `when`, and knows nothing measured before it.
pub(crate) fn single(name: &str, parameters: &str) -> Result<(Action, Vec<String>), Diagnostics> {
    let (steps, mistakes) = spec::draft_steps(&format!("- {name}: {parameters}"), name, &descriptors());
    let [step] = steps.as_slice() else {
        let several = Diagnostic::of_file(name, "one step is expected", None);
        return Err(if mistakes.count() > 0 { mistakes } else { several.into() });
    };
    // What a run gives each of its workers.
    let threads = std::thread::available_parallelism().map_or(1, usize::from) as u64;
    let budget = ModelBudget { run: memory::automatic() / threads, ..ModelBudget::default() };
    let mut build = Build::new(Path::new(""), 0, budget, Scope::new(&[])).with_help(measurable);
    build.begin();
    match compile(step, &mut build) {
        Ok(built) if mistakes.count() == 0 => Ok((built.action, build.finish())),
        Ok(_) => Err(mistakes),
        Err(found) => Err(mistakes.with(found.iter().cloned().collect())),
    }
}
