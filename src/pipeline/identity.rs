//! Identities of products: a digest of everything their bytes depend on, and of nothing else.
//!
//! The text that is digested is a format of its own. It has a line for each step that changes the picture and one for the
//! step that makes the product: the step's name, the version of its results, what was set to something else than its
//! default, the hashes of its models, and, of random steps, what their draws follow from. Golden tests pin it.

use super::{Action, Built, Chance, Keeps, legacy};
use crate::ledger::Fingerprint;
use crate::spec::StepSpec;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;

/// Domain of the digests; another one would make everything anew.
const DOMAIN: &str = "safelight 2026 identity of a product";

/// What a step makes of an item that lasts.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Made {
    /// Its identity, for steps that make something lasting.
    pub product: Option<Fingerprint>,
    /// Identity of the same bytes under the other setting of times, for steps that have one.
    pub twin: Option<Fingerprint>,
}

/// The steps of a chain as far as it is compiled, and what they make.
#[derive(Debug, Default)]
pub(crate) struct Lineage {
    /// Lines of the steps that change the picture.
    upstream: Vec<String>,
    /// The same as ledgers up to layout 3 have them; none behind a step whose draws were others then.
    before: Option<Vec<String>>,
    /// Identities of then, each with the present one of the same bytes.
    former: BTreeMap<Fingerprint, Fingerprint>,
    /// Of them, those that a plan asked for.
    asked: BTreeSet<Fingerprint>,
}

/// What ledgers up to layout 3 call what a plan makes.
#[derive(Clone, Debug, Default)]
pub(crate) struct Former {
    /// Identities of then, each with the present one of the same bytes.
    pub products: BTreeMap<Fingerprint, Fingerprint>,
    /// Digest of all products asked for.
    pub digest: Fingerprint,
}

impl Lineage {
    /// Before the first step.
    pub(crate) fn new() -> Lineage {
        Lineage { before: Some(Vec::new()), ..Lineage::default() }
    }

    /// Adds what holds for the whole input.
    pub(crate) fn input(&mut self, what: &str) {
        self.upstream.push(format!("input {what}"));
        if let Some(before) = &mut self.before {
            before.push(format!("{what}\n"));
        }
    }

    /// Adds the step that takes pages apart.
    pub(crate) fn pages(&mut self, name: &str) -> Made {
        let line = format!("input {name}");
        let product = digest(&self.upstream, &line);
        if let Some(before) = &mut self.before {
            let then = legacy::product(before, name);
            self.former.insert(then, product);
            self.asked.insert(then);
            before.push(name.to_string());
        }
        self.upstream.push(line);
        Made { product: Some(product), twin: None }
    }

    /// Adds a step, which is the one of this number in the chain (from 0).
    /// `conditions` is what decides beside its settings, empty for steps that take every picture.
    pub(crate) fn step(
        &mut self,
        step: &StepSpec,
        built: &Built,
        chance: Option<Chance>,
        (number, conditions): (usize, &str),
    ) -> Made {
        let line = format!("{}{conditions}", describe(step, built, chance));
        let now = |lineage: &Lineage, more: &str| digest(&lineage.upstream, &format!("{line}{more}"));
        // Draws were numbered among all steps.
        let same = conditions.is_empty() && chance.is_none_or(|chance| chance.ordinal == number);
        // What has changed since was made otherwise then.
        let first = step.descriptor.version == 1 && step.args.renewed().is_empty();
        let same = same && (first || matches!(built.action, Action::Columns(_)));
        let then = self
            .before
            .as_ref()
            .filter(|_| same)
            .map(|_| legacy::describe(step, built, chance.map(|c| (c, number))));
        let former = |lineage: &Lineage, more: &str| {
            let (before, then) = (lineage.before.as_ref()?, then.as_ref()?);
            Some(legacy::product(before, &format!("{then}{more}")))
        };
        let made = match &built.action {
            Action::Image(_) | Action::Many(_) => {
                let lasts = !built.action.columns().is_empty();
                let product = lasts.then(|| now(self, ""));
                let before = former(self, "").filter(|_| lasts);
                self.learn([(before, product)]);
                self.upstream.push(line.clone());
                self.before = self.before.take().zip(then).map(|(mut before, then)| {
                    before.push(then);
                    before
                });
                return Made { product, twin: None };
            }
            Action::Columns(_) => (Some(now(self, "")), None, former(self, ""), None),
            Action::Sink(sink) => match sink.keeps() {
                Keeps::Nothing => (None, None, None, None),
                Keeps::Product => (Some(now(self, "")), None, former(self, ""), None),
                Keeps::Timed { originals } => {
                    let here = [now(self, ""), now(self, " times=keep")];
                    let there = [former(self, ""), former(self, "  times=keep\n")];
                    let (own, other) = if originals { (1, 0) } else { (0, 1) };
                    (Some(here[own]), Some(here[other]), there[own], there[other])
                }
            },
        };
        let (product, twin, own, other) = made;
        self.learn([(own, product)]);
        if let Some((other, twin)) = other.zip(twin) {
            self.former.insert(other, twin);
        }
        Made { product, twin }
    }

    fn learn<const N: usize>(&mut self, pairs: [(Option<Fingerprint>, Option<Fingerprint>); N]) {
        for (then, now) in pairs.into_iter().filter_map(|(then, now)| then.zip(now)) {
            self.former.insert(then, now);
            self.asked.insert(then);
        }
    }

    /// What was made of the steps, and the digest of what was asked for.
    pub(crate) fn former(self, version: &str, first_pages: bool) -> Former {
        Former { digest: legacy::whole(&self.asked, version, first_pages), products: self.former }
    }
}

/// One step as a line of an identity: its name, what was set, and the hashes of its models.
pub(crate) fn describe(step: &StepSpec, built: &Built, chance: Option<Chance>) -> String {
    let models: BTreeMap<&str, &str> =
        built.ingredients.iter().map(|(p, h)| (p.as_str(), h.as_str())).collect();
    let mut line =
        step.canonical(&|param| !models.contains_key(param.name) && !built.besides.contains(&param.name));
    for (parameter, hash) in &models {
        // Writing to a text does not fail.
        write!(line, " {parameter}#{hash}").ok();
    }
    if let Some(Chance { seed, ordinal }) = chance {
        write!(line, " draws={seed}.{ordinal}").ok();
    }
    line
}

/// The digest of lines in order.
fn digest(upstream: &[String], own: &str) -> Fingerprint {
    all(upstream.iter().map(String::as_str).chain([own]))
}

/// The digest of texts in order.
pub(crate) fn all<'a>(texts: impl Iterator<Item = &'a str>) -> Fingerprint {
    let mut hasher = blake3::Hasher::new_derive_key(DOMAIN);
    for text in texts {
        hasher.update(&(text.len() as u64).to_le_bytes());
        hasher.update(text.as_bytes());
    }
    let mut short = [0; 16];
    short.copy_from_slice(&hasher.finalize().as_bytes()[..16]);
    short
}
