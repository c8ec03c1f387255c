//! The whole pipeline: from text, overrides and environment to a typed value.

use std::path::PathBuf;
use std::sync::Arc;

use super::args::{Args, StepSpec};
use super::check::{self, step};
use super::conditions::{self, Choices};
use super::diagnostic::{Diagnostic, Diagnostics, Origin, Report, Sources, Span};
use super::doubts;
use super::expand;
use super::field::Parameters;
use super::input::{self, Section};
use super::kinds;
use super::language::{
    INPUT, INPUT_SECTION, InputKeys, LIMITS, LIMITS_SECTION, LimitKeys, Mixed, SHARE, STEPS_SECTION,
    SYNTH_INPUT, TOP, TopKeys, VERSION,
};
use super::node::{Data, Key, Node, shown};
use super::order;
use super::overrides;
use super::param::{Descriptor, Vocabulary};
use super::place::Given;
use super::resolved;
use super::suggest;
use super::tree;
use crate::shown::Show;

/// A pipeline whose every value has its type and range; paths and models are not looked up yet.
#[derive(Clone, Debug)]
pub struct PipelineSpec {
    /// Version of the language.
    pub version: i64,
    /// Name of the job; the file's stem unless given.
    pub name: String,
    /// Seed of every random choice.
    pub seed: u64,
    /// The section `input`, where it tells what is read or made.
    pub input: Option<InputKeys>,
    /// The same as it was written.
    pub input_args: Args,
    /// The section `input` where it is a list of several, which training takes; then the two above are empty.
    pub mixed: Vec<Mixed>,
    /// Whether there is a section `input`; a pipeline with steps has one.
    pub has_input: bool,
    /// Output folder as written.
    pub output: PathBuf,
    /// Where `output` stands.
    pub output_span: Span,
    /// Where a shard keeps its ledger, as written.
    pub state: Option<Given<PathBuf>>,
    /// The steps in order; at least one, unless there is a section `train`.
    pub steps: Vec<StepSpec>,
    /// What the choices among them decide by.
    pub choices: Choices,
    /// The section `train` in place of steps.
    pub train: Option<StepSpec>,
    /// The section `limits`.
    pub limits: LimitKeys,
    /// Values that are hardly meant, with their places.
    pub warnings: Vec<Diagnostic>,
    /// The same pipeline as YAML that needs neither overrides nor the environment; empty where there are mistakes.
    /// Paths are as they were written.
    pub resolved: String,
    sources: Arc<Sources>,
}

impl PipelineSpec {
    /// [`PipelineSpec::resolved`] without what results don't follow from: where they go, and what bounds the run.
    pub fn recipe(&self) -> String {
        resolved::without(&self.resolved, &["output", "state", "limits"])
    }

    /// The texts that every span of this pipeline refers to.
    pub fn sources(&self) -> &Sources {
        &self.sources
    }

    /// A mistake found later, such as a missing model, at a place of this pipeline.
    pub fn diagnostic(&self, span: Span, message: impl Into<String>, help: Option<String>) -> Diagnostic {
        self.sources.diagnostic(span, message, help)
    }
}

/// Reads a pipeline. `file` names it in messages, `overrides` are `key.path=value` texts applied in
/// order, `env` answers `${NAME}`, `vocabulary` holds the steps that exist.
///
/// # Errors
/// Every mistake of the text and the overrides; a mistake of YAML syntax alone, as nothing can be read
/// behind it.
pub fn parse(
    text: &str,
    file: &str,
    overrides: &[String],
    env: &dyn Fn(&str) -> Option<String>,
    vocabulary: &Vocabulary,
) -> Result<PipelineSpec, Diagnostics> {
    match draft(text, file, overrides, env, vocabulary) {
        (Some(spec), mistakes) if mistakes.count() == 0 => Ok(spec),
        (_, mistakes) => Err(mistakes),
    }
}

/// As [`parse`], but gives what could be read beside the mistakes, so that checks against the disk and
/// the models can add theirs. What could not be read is left out: sections are empty, the output path
/// is empty, unknown steps are missing and those with mistakes are not `sound`.
pub fn draft(
    text: &str,
    file: &str,
    overrides: &[String],
    env: &dyn Fn(&str) -> Option<String>,
    vocabulary: &Vocabulary,
) -> (Option<PipelineSpec>, Diagnostics) {
    let mut report = Report::new(Arc::new(Sources::new(file, text, overrides)));
    let sources = report.sources.clone();
    let spec = match tree::read(sources.text(), Origin::File, 0, &mut report) {
        Some(mut root) => {
            overrides::apply(&mut root, overrides, &vocabulary.steps, &mut report);
            expand::expand(&mut root, env, &mut report);
            let spec = pipeline(&root, vocabulary, &mut report);
            let sound = report.is_clean();
            spec.map(|mut spec| {
                if sound {
                    spec.resolved = resolved::text(&root, &spec.name, &report.numbers);
                }
                spec
            })
        }
        None => {
            if report.is_clean() {
                let help = "begin with `version: 1`; `input`, `output` and `steps` follow".to_owned();
                report.error(Span::FILE, "the file is empty", help);
            }
            None
        }
    };
    (spec, report.finish())
}

/// Every key of the top level, in the order of the language.
fn top_names(vocabulary: &Vocabulary) -> impl Iterator<Item = &'static str> + Clone + use<> {
    let sections = [INPUT_SECTION.0, STEPS_SECTION.0, vocabulary.train.name, LIMITS_SECTION.0];
    TOP.iter().map(|param| param.name).chain(sections)
}

fn pipeline(root: &Node, vocabulary: &Vocabulary, report: &mut Report) -> Option<PipelineSpec> {
    let Data::Map(entries) = &root.data else {
        if !matches!(root.data, Data::Bad) {
            let message = format!("a pipeline is a map of keys, found {}", kinds::found(root));
            report.error(root.span, message, "begin with `version: 1`".to_owned());
        }
        return None;
    };
    for (key, _) in entries.iter().filter(|(key, _)| top_names(vocabulary).all(|name| name != key.text)) {
        unknown_top_key(key, vocabulary, report);
    }
    let find = |name: &str| entries.iter().find(|(key, _)| key.text == name);
    let scalars: Vec<(Key, Node)> =
        entries.iter().filter(|(key, _)| TOP.iter().any(|param| param.name == key.text)).cloned().collect();
    let top = check::map("a pipeline", TOP, &scalars, Span::FILE, report);
    let nothing = Args::new(Span::FILE, Vec::new(), report.sources.clone());
    let no_input = nothing.clone();
    let no_limits = nothing;
    let train = find(vocabulary.train.name);
    let has_input = find(INPUT_SECTION.0);
    // A training job may make its own; the plan tells.
    let read = match (has_input, train) {
        (None, Some(_)) => None,
        (entry, train) => input::read(entry, train.is_some(), report),
    };
    let (input_args, input, mixed) = match read {
        Some(Section::One(args, keys)) => (args, keys, Vec::new()),
        Some(Section::Several(mixed)) => (no_input, None, mixed),
        None => (no_input, None, Vec::new()),
    };
    let limits = limits(find(LIMITS_SECTION.0), report).unwrap_or(no_limits);
    let mut choices = Choices::new();
    let steps = match (find(STEPS_SECTION.0), train) {
        (None, Some(_)) => Vec::new(),
        (entry, _) => steps(entry, vocabulary, &mut choices, report),
    };
    if let (Some((steps, _)), Some((train, _))) = (find(STEPS_SECTION.0), train) {
        let message = format!("a pipeline has either `{}` or `{}`", steps.text, train.text);
        report.error(train.span, message, "make two pipelines of them".to_owned());
    }

    let stem = report.sources.path().file_stem().map(|stem| stem.shown().to_string());
    let train = train.map(|(key, node)| section(vocabulary.train, key, node, report));
    if report.is_clean() {
        let inputs: Vec<&Args> = std::iter::once(&input_args).chain(mixed.iter().map(|m| &m.args)).collect();
        doubts::check((&top, &inputs), &limits, &steps, train.as_ref(), report);
    }
    // Of a draft that lacks one, what is left of it can be checked without them.
    let keys = TopKeys::read(&check::completed(&top, TOP)).unwrap_or_else(|_| {
        let output = top.own_place().given(PathBuf::new());
        TopKeys { version: VERSION, name: None, seed: 0, output, state: None }
    });
    let limits = match LimitKeys::read(&check::completed(&limits, LIMITS)) {
        Ok(limits) => limits,
        Err(mistakes) => {
            mistakes.iter().for_each(|mistake| report.add(mistake.clone()));
            return None;
        }
    };
    Some(PipelineSpec {
        version: keys.version,
        name: keys.name.or(stem).unwrap_or_default(),
        seed: keys.seed,
        input,
        input_args,
        mixed,
        has_input: has_input.is_some(),
        output_span: keys.output.place().span,
        output: keys.output.into_value(),
        state: keys.state,
        steps,
        choices,
        train,
        limits,
        warnings: report.warnings(),
        resolved: String::new(),
        sources: report.sources.clone(),
    })
}

/// A section of the top level that is described like a step.
fn section(descriptor: &'static Descriptor, key: &Key, node: &Node, report: &mut Report) -> StepSpec {
    let mistakes_before = report.count();
    let owner = format!("`{}`", descriptor.name);
    let args = match &node.data {
        Data::Map(entries) => check::map(&owner, descriptor.params, entries, key.span, report),
        Data::List(_) | Data::Scalar { .. } => {
            let span = if node.is_null() { key.span } else { node.span };
            let message = format!("{owner} wants a map, found {}", kinds::found(node));
            report.error(span, message, format!("write for example `{}`", descriptor.example));
            Args::new(key.span, Vec::new(), report.sources.clone())
        }
        Data::Bad => Args::new(key.span, Vec::new(), report.sources.clone()),
    };
    let sound = report.count() == mistakes_before && !matches!(node.data, Data::Bad);
    StepSpec { descriptor, args, span: key.span, sound, when: None, within: Vec::new() }
}

fn unknown_top_key(key: &Key, vocabulary: &Vocabulary, report: &mut Report) {
    let train = vocabulary.train;
    let section = [
        (INPUT_SECTION.0, INPUT),
        (INPUT_SECTION.0, SYNTH_INPUT),
        (INPUT_SECTION.0, SHARE),
        (LIMITS_SECTION.0, LIMITS),
        (train.name, train.params),
    ]
    .into_iter()
    .find(|(_, params)| params.iter().any(|param| param.name == key.text));
    let help = match section {
        Some((section, _)) => format!("it belongs under `{section}`"),
        None => suggest::help(&key.text, top_names(vocabulary), "a pipeline takes"),
    };
    report.error(key.span, format!("unknown key {} at the top level", shown(&key.text)), help);
}

fn limits(entry: Option<&(Key, Node)>, report: &mut Report) -> Option<Args> {
    let owner = "`limits`";
    let Some((key, node)) = entry else {
        return Some(check::map(owner, LIMITS, &[], Span::FILE, report));
    };
    match &node.data {
        Data::Map(entries) => Some(check::map(owner, LIMITS, entries, key.span, report)),
        Data::Bad => None,
        Data::List(_) | Data::Scalar { .. } => {
            let span = if node.is_null() { key.span } else { node.span };
            let message = format!("{owner} wants a map, found {}", kinds::found(node));
            report.error(span, message, "write for example `limits: {memory: 4GiB}`".to_owned());
            None
        }
    }
}

fn steps(
    entry: Option<&(Key, Node)>,
    vocabulary: &Vocabulary,
    choices: &mut Choices,
    report: &mut Report,
) -> Vec<StepSpec> {
    let registry = &vocabulary.steps;
    let example = "write a list of steps: `- write: {folder: images}`".to_owned();
    let Some((key, node)) = entry else {
        let message = format!("a pipeline needs `steps` or `{}`", vocabulary.train.name);
        report.error(Span::FILE, message, example);
        return Vec::new();
    };
    let items = match &node.data {
        Data::List(items) => items,
        Data::Bad => return Vec::new(),
        Data::Map(_) | Data::Scalar { .. } => {
            let span = if node.is_null() { key.span } else { node.span };
            report.error(span, format!("`steps` wants a list, found {}", kinds::found(node)), example);
            return Vec::new();
        }
    };
    if items.is_empty() {
        report.error(key.span, "`steps` is empty", example);
        return Vec::new();
    }
    // Every step is checked, also after the first mistake.
    let found = conditions::read(items, registry, choices, report);
    // An unreadable step may be the one that the order lacks, so the order is judged only without any.
    let all_known = found.iter().all(Option::is_some);
    let found: Vec<StepSpec> = found.into_iter().flatten().collect();
    if all_known {
        order::check(&found, key.span, registry, report);
    }
    found
}

/// Reads a list of steps that stands alone, such as a shipped recipe. `file` names it in messages.
///
/// # Errors
/// Every mistake.
pub fn parse_steps(
    text: &str,
    file: &str,
    registry: &[&'static Descriptor],
) -> Result<Vec<StepSpec>, Diagnostics> {
    let (found, mistakes) = draft_steps(text, file, registry);
    if mistakes.count() == 0 { Ok(found) } else { Err(mistakes) }
}

/// The same, with what could be read of steps with mistakes.
pub fn draft_steps(text: &str, file: &str, registry: &[&'static Descriptor]) -> (Vec<StepSpec>, Diagnostics) {
    let mut report = Report::new(Arc::new(Sources::new(file, text, &[])));
    let root = tree::read(text, Origin::File, 0, &mut report);
    let found: Vec<StepSpec> = match root.as_ref().map(|root| &root.data) {
        Some(Data::List(items)) => {
            items.iter().filter_map(|item| step("step", item, registry, &mut report)).collect()
        }
        _ => {
            report.error(Span::FILE, "a list of steps is expected", "begin each with `- `".to_owned());
            Vec::new()
        }
    };
    let mistakes = if report.is_clean() { Diagnostics::new(Vec::new()) } else { report.finish() };
    (found, mistakes)
}
