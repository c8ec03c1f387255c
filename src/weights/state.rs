//! State dicts: the tensors of one network by name. A file may hold several, wrapped in dictionaries or behind
//! prefixes of names.

use super::error::{WeightsError, damaged};
use super::groups::Group;
use super::tensor::Tensor;
use std::cell::Cell;
use std::collections::{BTreeSet, HashMap};

/// Names of moving averages of weights, which are better than the last ones.
const AVERAGED: [&str; 10] = [
    "params_ema",
    "params-ema",
    "net_g_ema",
    "generator_ema",
    "model_ema",
    "ema_model",
    "g_ema",
    "ema_state_dict",
    "ema",
    "state_dict_ema",
];
/// Names of wrappers.
const WRAPPERS: [&str; 17] = [
    "model_state_dict",
    "state_dict",
    "params",
    "model",
    "net",
    "generator",
    "net_g",
    "netG",
    "G",
    "weights",
    "network",
    "module",
    "_orig_mod",
    "model_g",
    "sr_model",
    "netg",
    "g",
];
/// Names of what trains a network.
const TRAINING: [&str; 10] = [
    "optimizer",
    "optimizers",
    "optimizer_state_dict",
    "discriminator",
    "net_d",
    "netD",
    "D",
    "scheduler",
    "schedulers",
    "state",
];
/// Prefixes behind prefixes that are looked behind.
const DEPTH: usize = 3;

/// The tensors of one network.
#[derive(Debug)]
pub(super) struct State<'a> {
    file: &'a [u8],
    tensors: HashMap<String, Tensor>,
    /// Their names, in the order of the file.
    names: Vec<String>,
    /// Numbers that may still be read: as many as the file has bytes, since none takes less.
    spare: Cell<usize>,
}

impl<'a> State<'a> {
    pub(super) fn new(file: &'a [u8], tensors: Vec<(String, Tensor)>) -> State<'a> {
        let names = tensors.iter().map(|(name, _)| name.clone()).collect();
        State { file, tensors: tensors.into_iter().collect(), names, spare: Cell::new(file.len()) }
    }

    pub(super) fn has(&self, name: &str) -> bool {
        self.tensors.contains_key(name)
    }

    pub(super) fn has_all(&self, names: &[&str]) -> bool {
        names.iter().all(|name| self.has(name))
    }

    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.names.iter().map(String::as_str)
    }

    pub(super) fn count(&self) -> usize {
        self.names.len()
    }

    /// Size of a tensor; empty when there is none.
    pub(super) fn dims(&self, name: &str) -> &[usize] {
        self.tensors.get(name).map_or(&[], |tensor| tensor.dims.as_slice())
    }

    /// Length of the list of modules called `prefix`: its highest number and one.
    pub(super) fn list(&self, prefix: &str) -> usize {
        let number = |name: &String| {
            let rest = name.strip_prefix(prefix)?.strip_prefix('.')?;
            rest.split('.').next()?.parse::<usize>().ok().filter(|n| *n < 10_000)
        };
        self.names.iter().filter_map(number).max().map_or(0, |n| n + 1)
    }

    /// A tensor's numbers, row by row.
    pub(super) fn floats(&self, name: &str) -> Result<Vec<f32>, WeightsError> {
        let tensor = self.tensors.get(name).ok_or_else(|| damaged(format!("tensor {name:?} is missing")))?;
        let spare = self.spare.get().checked_sub(tensor.len());
        self.spare.set(spare.ok_or_else(|| damaged("its tensors repeat the same numbers too often"))?);
        tensor.floats(self.file).map_err(|e| e.of_tensor(name))
    }

    /// Names and sizes of the first tensors.
    pub(super) fn first(&self, count: usize) -> String {
        let told: Vec<_> =
            self.names().take(count).map(|name| format!("{name} {:?}", self.dims(name))).collect();
        told.join(", ")
    }
}

/// The state dicts that `groups` may be, the likeliest first.
pub(super) fn states(file: &[u8], mut groups: Vec<Group>) -> Vec<State<'_>> {
    groups.sort_by_key(|group| {
        let among = |names: &[&str]| group.path.iter().any(|key| names.contains(&key.as_str()));
        match () {
            () if among(&TRAINING) => 3,
            () if among(&AVERAGED) => 0,
            () if group.path.is_empty() || among(&WRAPPERS) => 1,
            () => 2,
        }
    });
    let mut made = vec![];
    for group in groups {
        unwrapped(group.tensors, DEPTH, &mut made);
    }
    made.into_iter().map(|tensors| State::new(file, tensors)).collect()
}

/// Tensors as they are called, and then by what their names are behind each wrapper's.
fn unwrapped(tensors: Vec<(String, Tensor)>, depth: usize, made: &mut Vec<Vec<(String, Tensor)>>) {
    let starts: BTreeSet<&str> = tensors.iter().filter_map(|(name, _)| name.split('.').next()).collect();
    let known = AVERAGED.iter().chain(&WRAPPERS).filter(|wrapper| starts.contains(**wrapper));
    let behind = |wrapper: &str| -> Vec<(String, Tensor)> {
        let short = |(name, tensor): &(String, Tensor)| {
            Some((name.strip_prefix(wrapper)?.strip_prefix('.')?.to_owned(), tensor.clone()))
        };
        tensors.iter().filter_map(short).collect()
    };
    let inner: Vec<_> = if depth == 0 { vec![] } else { known.map(|wrapper| behind(wrapper)).collect() };
    made.push(tensors);
    for tensors in inner.into_iter().filter(|tensors| !tensors.is_empty()) {
        unwrapped(tensors, depth - 1, made);
    }
}

#[cfg(test)]
mod tests {
    use super::super::tensor::{Kind, Storage};
    use super::*;

    fn named(names: &[&str]) -> Vec<(String, Tensor)> {
        let tensor = Tensor::whole(Storage { kind: Kind::U8, bytes: 0..6 }, vec![6]).unwrap();
        names.iter().map(|name| ((*name).to_owned(), tensor.clone())).collect()
    }

    #[test]
    fn no_more_numbers_are_read_than_the_file_has_bytes() {
        let state = State::new(&[1; 8], named(&["a", "b"]));
        assert_eq!(state.floats("a").unwrap(), [1.0; 6]);
        assert!(matches!(state.floats("b"), Err(WeightsError::Damaged(_))));
    }

    #[test]
    fn lists_count_from_their_names() {
        let state =
            State::new(&[], named(&["body.0.weight", "body.12.bias", "bodyguard.40.w", "body.x.w", "body"]));
        assert_eq!((state.list("body"), state.list("body.12"), state.list("tail")), (13, 0, 0));
    }

    #[test]
    fn averages_come_before_wrappers_and_those_before_what_trains() {
        let group = |path: &[&str]| Group {
            path: path.iter().map(|key| (*key).to_owned()).collect(),
            tensors: named(&[path.last().unwrap()]),
        };
        let groups =
            vec![group(&["optimizer"]), group(&["else"]), group(&["params"]), group(&["params_ema"])];
        let found = states(&[], groups);
        let first: Vec<_> = found.iter().map(|state| state.first(1)).collect();
        assert_eq!(first, ["params_ema [6]", "params [6]", "else [6]", "optimizer [6]"]);
    }
}
