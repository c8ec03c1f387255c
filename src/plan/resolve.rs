//! From a parsed pipeline to a plan, with every mistake found on the way.

use super::checks::{
    check_columns, check_folders, check_output, check_reference_folder, check_references, check_state,
    check_used_columns,
};
use super::conditions::{Conditions, measurable};
use super::input::{absolute, resolve_input};
use super::limits::resolve_limits;
use super::registry::registered;
use super::resolved::Plan;
use crate::inputs::{Pages, Source};
use crate::ledger::hex;
use crate::pipeline::{
    Action, Build, Built, Formula, Gate, Lineage, Made, PlannedStep, Scope, Shape, identity,
};
use crate::spec::{Diagnostics, Kind, PipelineSpec, Span, StepSpec, Value};
use crate::steps::pages;
use std::collections::BTreeSet;
use std::path::PathBuf;

/// A picture to ask steps about what they make of one.
const UNIT: Shape = Shape { width: 1024, height: 1024, channels: 3, depth: 1 };

/// Resolves a pipeline: finds inputs, loads models, compiles steps. Reads the disk, writes nothing.
///
/// `spec` may be a draft with `mistakes`: what could be read of it is checked all the same.
///
/// # Errors
/// Every mistake, those given and those found, each with its place.
pub(crate) fn resolve(spec: &PipelineSpec, mistakes: Diagnostics) -> Result<Plan, Diagnostics> {
    let mut errors = Vec::new();
    let output = absolute(&spec.output);
    let limits = resolve_limits(&spec.limits);
    let input =
        spec.input.as_ref().and_then(|keys| resolve_input(keys, (spec.seed, limits.memory), &mut errors));
    if let Some(input) = input.as_ref().filter(|_| !spec.output.as_os_str().is_empty()) {
        check_output(spec, input, &output, &mut errors);
    }
    let state = check_state(spec, input.as_ref(), &output, &mut errors);
    let scope = Scope::new(input.as_ref().map_or(&[], |input| &input.carried));
    let mut listed = BTreeSet::new();
    let mut build =
        Build::new(spec.sources().folder(), spec.seed, limits.models, scope).with_help(measurable);
    build.stand(input.iter().flat_map(|input| input.carried.iter().cloned()));
    let mut chain = Vec::new();
    let mut lineage = Lineage::new();
    if input.as_ref().is_some_and(|input| input.strict) {
        // What was made of faulty files before does not hold.
        lineage.input("strict");
    }
    let pages = input.as_ref().map(|input| input.pages).unwrap_or_default();
    // All pages give other results, also of single pictures: another row, and so on. Between `auto` and `first` only
    // files differ that failed, which are tried again.
    let each_page = (pages == Pages::All).then(|| {
        let Made { product, twin } = lineage.pages(pages::NAME);
        let action = Action::Many(Box::new(pages::EachPage));
        PlannedStep {
            name: pages::NAME,
            action,
            product,
            twin,
            span: Span::FILE,
            number: None,
            gate: Gate::default(),
            needs: BTreeSet::new(),
        }
    });
    let (mut models, mut places) = (BTreeSet::new(), Vec::new());
    let mut references = None;
    let mut conditions = Conditions::new(spec);
    let mut untouched = matches!(input.as_ref().map(|input| &input.source), Some(source) if !matches!(source, Source::Made(_)));
    for (index, step) in spec.steps.iter().enumerate() {
        build.begin();
        let gate = conditions.gate(step, &mut build, &mut errors);
        let built = match compile(step, &mut build) {
            Ok(built) => built,
            Err(found) => {
                errors.extend(found.iter().cloned());
                continue;
            }
        };
        models.extend(files(step, &built.ingredients));
        if let Some(found) = &built.references {
            check_reference_folder(spec, step.span, found, &output, &mut errors);
            if references.replace(found.clone()).is_some() {
                let help = "leave one of them out".to_string();
                errors.push(spec.diagnostic(step.span, "the clean pictures are named twice", Some(help)));
            }
        }
        let Some((gate, mut decides)) = gate else { continue };
        let mut needs: BTreeSet<usize> = conditions.deciding(&gate).flat_map(Formula::steps).collect();
        listed.extend(conditions.deciding(&gate).chain(build.formulas()).flat_map(Formula::listed));
        needs.extend(build.formulas().iter().flat_map(Formula::steps));
        decides.extend(build.followed().iter().map(|what| format!(" {what}")));
        if let (Action::Image(image), false) = (&built.action, gate.is_open())
            && image.keeps_reference()
            && image.shape(UNIT) != UNIT
        {
            let what = "pairs of pictures that it refuses would have another scale than the others";
            let help = "take the condition off here, and write only some: `pairs: {when: …}`".to_string();
            errors.push(spec.diagnostic(step.span, what, Some(help)));
        }
        match &built.action {
            Action::Sink(sink) if untouched && sink.keeps_unchanged() => decides.push_str(" unchanged=kept"),
            Action::Image(image) if image.always_changes() && gate.is_open() => untouched = false,
            Action::Many(_) => untouched = false,
            _ => {}
        }
        let Made { product, twin } = lineage.step(step, &built, build.asked(), (index, &decides));
        build.stand(built.action.columns());
        if let Action::Sink(sink) = &built.action
            && let Some(table) = sink.table()
        {
            build.writes_table(table);
        }
        if let (Action::Columns(step), Some(product)) = (&built.action, product) {
            build.measured(index, step.columns(), product);
        }
        places.push(built.columns_at.unwrap_or_else(|| step.args.own_place()));
        chain.push(PlannedStep {
            name: step.descriptor.name,
            action: built.action,
            product,
            twin,
            span: step.span,
            number: Some(index),
            gate,
            needs,
        });
    }
    let mut notes = build.finish();
    notes.extend(input.iter().flat_map(|input| input.notes.clone()));
    check_folders(spec, &mut errors);
    check_columns(spec, &chain, &places, &mut errors);
    check_references(spec, &chain, &mut errors);
    check_used_columns(spec, input.as_ref(), &chain, &mut errors);
    if (chain.len() < spec.steps.len() || input.is_none()) && errors.is_empty() && mistakes.count() == 0 {
        // Never a plan that lacks what was asked for, and never a refusal without a word.
        errors.push(spec.diagnostic(Span::FILE, "something was left out without a mistake being told", None));
    }
    chain.splice(..0, each_page);
    match input {
        Some(input) if errors.is_empty() && mistakes.count() == 0 => {
            let products: BTreeSet<_> = chain.iter().filter_map(|l| l.product).collect();
            let mut texts: Vec<String> = products.iter().map(hex).collect();
            // Failures are tried again by another version.
            texts.push(env!("CARGO_PKG_VERSION").to_string());
            texts.extend((pages == Pages::First).then(|| "first pages".to_string()));
            Ok(Plan {
                sources: spec.sources().clone(),
                name: spec.name.clone(),
                input,
                output,
                state,
                chain,
                choices: conditions.into_choices(),
                references,
                listed,
                products_digest: identity::all(texts.iter().map(String::as_str)),
                products,
                former: lineage.former(env!("CARGO_PKG_VERSION"), pages == Pages::First),
                recipe: spec.recipe(),
                models: models.into_iter().collect(),
                limits,
                notes,
                warnings: spec.warnings.clone(),
            })
        }
        _ => Err(mistakes.with(errors)),
    }
}

/// The files that a step's results depend on, as written, with their hashes.
fn files(step: &StepSpec, ingredients: &[(String, String)]) -> Vec<(PathBuf, String)> {
    let path = |name: &str| step.args.iter().find(|(known, _)| *known == name).map(|(_, arg)| &arg.value);
    let file = |(name, hash): &(String, String)| match path(name) {
        Some(Value::Path(path)) => Some((path.clone(), hash.clone())),
        _ => None,
    };
    ingredients.iter().filter_map(file).collect()
}

/// The step, ready to run. Of one with mistakes, which are known, those are told that show on the disk.
pub(super) fn compile(step: &StepSpec, build: &mut Build<'_>) -> Result<Built, Diagnostics> {
    if !step.sound {
        let models = step.args.paths(|kind| matches!(kind, Kind::Model));
        return Err(Diagnostics::new(
            models.iter().filter_map(|model| build.find_model(model).err()).collect(),
        ));
    }
    match registered().find(|known| known.descriptor.name == step.descriptor.name) {
        Some(known) => (known.build)(&step.args, build),
        None => Err(step.args.own_place().defect()),
    }
}

#[cfg(test)]
mod tests;
