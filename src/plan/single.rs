//! One step without a pipeline around it, for callers that have their pictures in memory.

use super::conditions::measurable;
use super::registry::{descriptors, registered};
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
    let steps = spec::parse_steps(&format!("- {name}: {parameters}"), name, &descriptors())?;
    let [step] = steps.as_slice() else {
        return Err(Diagnostic::of_file(name, "one step is expected", None).into());
    };
    if let Some(when) = &step.when {
        let help = "leave it out, and ask before the call".to_string();
        return Err(when.error("a step alone takes every picture that it is given", Some(help)).into());
    }
    // What a run gives each of its workers.
    let threads = std::thread::available_parallelism().map_or(1, usize::from) as u64;
    let budget = ModelBudget { run: memory::automatic() / threads, ..ModelBudget::default() };
    let mut build = Build::new(Path::new(""), 0, budget, Scope::new(&[])).with_help(measurable);
    build.begin();
    let known = registered().find(|known| known.descriptor.name == step.descriptor.name);
    let built = match known {
        Some(known) => (known.build)(&step.args, &mut build)?,
        None => return Err(step.args.own_place().defect().into()),
    };
    Ok((built.action, build.finish()))
}
