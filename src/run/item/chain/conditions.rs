//! Which samples a step takes, and which steps have to run so that this can be told.

use super::Work;
use crate::pipeline::{Action, Formula, PlannedStep, Remark, Sample, Sink};

impl Work<'_> {
    /// Whether a step does anything with the samples of this item: pictures go through every step before the last that is to
    /// make something.
    fn runs(&self, index: usize) -> bool {
        let planned = &self.plan.chain[index];
        let picture = matches!(planned.action, Action::Image(_) | Action::Many(_));
        self.wants(planned) || (picture && index < self.end())
    }

    /// Notes which steps measure something that a step needs which is to run.
    pub(super) fn find_needs(&mut self) {
        let chain = &self.plan.chain;
        self.running = (0..chain.len()).map(|index| self.runs(index)).collect();
        self.needed = vec![false; chain.len()];
        for index in (0..self.end()).rev().filter(|index| self.running[*index]) {
            for (other, needed) in chain.iter().zip(&mut self.needed) {
                *needed |= other.number.is_some_and(|number| chain[index].needs.contains(&number));
            }
        }
    }

    /// Whether a step takes this sample. What a condition refuses is noted.
    pub(super) fn takes(&mut self, planned: &PlannedStep, sample: &mut Sample) -> bool {
        for branch in &planned.gate.within {
            let taken =
                sample.observed.taken(branch.choice).unwrap_or_else(|| self.choose(branch.choice, sample));
            if taken != Some(branch.branch) {
                return false;
            }
        }
        match &planned.gate.when {
            Some(condition) if !condition.holds(sample) => {
                self.note(Remark::refused(planned.name, condition.text()));
                false
            }
            _ => true,
        }
    }

    /// The first branch whose condition holds.
    fn choose(&mut self, choice: usize, sample: &mut Sample) -> Option<usize> {
        let plan = self.plan;
        let branches = &plan.choices[choice];
        let holds =
            |condition: &Option<Formula>| condition.as_ref().is_none_or(|condition| condition.holds(sample));
        let taken = branches.iter().position(holds);
        for condition in branches.iter().take(taken.unwrap_or(branches.len())).flatten() {
            self.note(Remark::refused("choose", condition.text()));
        }
        sample.observed.take(choice, taken);
        taken
    }

    /// Takes off what was noted before what is found out again, and what conditions said that are no more.
    pub(super) fn forget_refusals(&mut self) {
        let chain = self.plan.chain.iter().enumerate();
        let (again, resting): (Vec<_>, Vec<_>) = chain.partition(|(index, _)| self.runs(*index));
        let met = |choice: usize| {
            again.iter().flat_map(|(_, planned)| &planned.gate.within).any(|branch| branch.choice == choice)
        };
        let branches = resting.iter().flat_map(|(_, planned)| &planned.gate.within);
        let choices = branches.filter(|branch| !met(branch.choice));
        let chosen = choices.flat_map(|branch| self.plan.choices[branch.choice].iter().flatten());
        let own = resting.iter().filter_map(|(_, planned)| Some((planned.name, planned.gate.when.as_ref()?)));
        let kept: Vec<String> = own
            .chain(chosen.map(|condition| ("choose", condition)))
            .map(|(step, condition)| Remark::refused(step, condition.text()))
            .collect();
        // Of a file that stands as it was written.
        let stands = |(index, sink): (usize, &dyn Sink)| {
            sink.keeps_unchanged() && !self.wants(&self.plan.chain[index])
        };
        let unchanged = self.plan.sinks().any(stands);
        self.notes.retain(|note| match Remark::of(note) {
            Remark::Refused(_) => kept.contains(note),
            Remark::Unchanged => unchanged,
            Remark::Other => true,
        });
    }
}
