//! The conditions of steps and choices, compiled where what they may use is known.

use super::registry::registered;
use crate::expr::Wanted;
use crate::pipeline::{Build, Formula, Gate};
use crate::spec::{Diagnostic, Kind, PipelineSpec, Role, StepSpec, suggest};
use std::fmt::Write as _;

/// The conditions of a pipeline, as far as they are compiled.
pub(super) struct Conditions<'a> {
    spec: &'a PipelineSpec,
    /// None for a choice that is not met yet, or has mistakes.
    choices: Vec<Option<Vec<Option<Formula>>>>,
    met: Vec<bool>,
}

impl<'a> Conditions<'a> {
    pub(super) fn new(spec: &'a PipelineSpec) -> Conditions<'a> {
        let count = spec.choices.len();
        Conditions { spec, choices: vec![None; count], met: vec![false; count] }
    }

    /// What decides whether a step takes a picture, and the same as a text for its identity. None where there are mistakes,
    /// which are told.
    pub(super) fn gate(
        &mut self,
        step: &StepSpec,
        build: &mut Build<'_>,
        errors: &mut Vec<Diagnostic>,
    ) -> Option<(Gate, String)> {
        let mut text = String::new();
        let mut sound = true;
        for branch in &step.within {
            self.meet(branch.choice, build, errors);
            let Some(branches) = &self.choices[branch.choice] else {
                sound = false;
                continue;
            };
            // Those before it refused, and its own held.
            for condition in branches.iter().take(branch.branch + 1) {
                let identity = condition.as_ref().map_or("else", Formula::identity);
                // Writing to a text does not fail.
                write!(text, " branch {identity}").ok();
            }
        }
        let when = match &step.when {
            None => None,
            Some(when) => match build.compiled(when, Wanted::Condition) {
                Ok(formula) => {
                    write!(text, " when {}", formula.identity()).ok();
                    Some(formula)
                }
                Err(found) => {
                    errors.extend(found.iter().cloned());
                    sound = false;
                    None
                }
            },
        };
        sound.then(|| (Gate { when, within: step.within.clone() }, text))
    }

    /// Compiles a choice where its first step stands.
    fn meet(&mut self, choice: usize, build: &mut Build<'_>, errors: &mut Vec<Diagnostic>) {
        if std::mem::replace(&mut self.met[choice], true) || !self.spec.choices[choice].sound {
            return;
        }
        let mut branches = Vec::new();
        let mut sound = true;
        for when in &self.spec.choices[choice].branches {
            match when.as_ref().map(|when| build.compiled(when, Wanted::Condition)).transpose() {
                Ok(formula) => branches.push(formula),
                Err(found) => {
                    errors.extend(found.iter().cloned());
                    sound = false;
                }
            }
        }
        self.choices[choice] = sound.then_some(branches);
    }

    /// The conditions that decide over a gate.
    pub(super) fn deciding<'g>(&'g self, gate: &'g Gate) -> impl Iterator<Item = &'g Formula> {
        let choices = gate.within.iter().filter_map(|branch| self.choices[branch.choice].as_ref());
        choices.flatten().flatten().chain(&gate.when)
    }

    /// All choices.
    pub(super) fn into_choices(self) -> Vec<Vec<Option<Formula>>> {
        self.choices.into_iter().map(Option::unwrap_or_default).collect()
    }
}

/// What would measure a name, or one near it.
pub(super) fn measurable(name: &str) -> Option<String> {
    registered().map(|known| known.descriptor).filter(|known| known.role == Role::Columns).find_map(|step| {
        let words = step.params.iter().flat_map(|param| match param.kind {
            Kind::List(Kind::Choice(words)) => *words,
            _ => &[],
        });
        let near = suggest::nearest(name, words.copied())?;
        let meant = if near == name { String::new() } else { format!("did you mean `{near}`? ") };
        Some(format!("{meant}measure it before: `- {}: [{near}]`", step.name))
    })
}
