//! What is learned from, listed but not read: files, their groups, and digests by which a change is noticed.

use super::settings::{Data, TrainPlan, Vectors, Written};
use crate::columns::Value;
use crate::error::ItemError;
use crate::inputs::Beside;
use crate::inputs::InputPlan;
use crate::inputs::{Input, Outside};
use crate::store::{FileId, StoreError, look, mtime_ns};
use std::collections::BTreeMap;
use std::path::Path;

/// Pictures with the text of the column that tells groups apart.
#[derive(Debug, Default)]
pub(super) struct Pictures {
    /// The files, or what is made.
    pub inputs: Vec<Input>,
    /// Of each, its group's name.
    pub labels: Vec<Option<String>>,
    /// What else lies in the folder.
    pub beside: Beside,
}

/// The pictures of a job; none where it learns from something else.
#[derive(Debug, Default)]
pub(super) struct Inventory {
    /// Those to learn from and to be judged by, of each input.
    pub inputs: Vec<Pictures>,
    /// Those of the final figures.
    pub test: Pictures,
}

/// Digests of files' names, sizes and times.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Digests {
    /// Of what decides the weights.
    pub weights: String,
    /// Of what only the figures and the file's metadata depend on, settings included.
    pub besides: String,
}

/// Lists the pictures.
///
/// # Errors
/// When a root can't be listed.
pub(super) fn list(data: &Data) -> Result<Inventory, StoreError> {
    let Data::Pictures { inputs, test, label, .. } = data else { return Ok(Inventory::default()) };
    let list = |input: &InputPlan| -> Result<Pictures, StoreError> {
        let listing = crate::inputs::listing(input, &Outside::default()).map_err(|e| unlisted(input, e))?;
        let labels = labels(input, &listing.inputs, label.as_deref());
        Ok(Pictures { inputs: listing.inputs, labels, beside: listing.beside })
    };
    Ok(Inventory {
        inputs: inputs.iter().map(|mixed| list(&mixed.input)).collect::<Result<_, _>>()?,
        test: test.as_ref().map(list).transpose()?.unwrap_or_default(),
    })
}

fn unlisted(input: &InputPlan, error: ItemError) -> StoreError {
    StoreError::Io { action: "list", path: input.root.clone(), source: std::io::Error::other(error.message) }
}

/// The folders that pictures are read from, which nothing is written to.
///
/// # Errors
/// When a root can't be listed.
pub fn guarded(plan: &TrainPlan) -> Result<Vec<FileId>, StoreError> {
    let Data::Pictures { inputs, test, .. } = &plan.data else { return Ok(Vec::new()) };
    let mut ids = Vec::new();
    for input in inputs.iter().map(|mixed| &mixed.input).chain(test) {
        let listing = crate::inputs::listing(input, &Outside::default()).map_err(|e| unlisted(input, e))?;
        ids.extend(listing.folders);
    }
    Ok(ids)
}

/// Digests of what would be read, without reading it.
pub(super) fn digests(plan: &TrainPlan, listed: &Inventory) -> Digests {
    let (mut weights, mut besides) = (blake3::Hasher::new(), blake3::Hasher::new());
    besides.update(plan.besides.as_bytes());
    let file = |hasher: &mut blake3::Hasher, path: &Path| {
        let meta = look::at(path).ok().flatten();
        let stamp = meta.map(|m| (m.len(), mtime_ns(&m)));
        hasher.update(format!("{path:?} {stamp:?}\n").as_bytes());
    };
    let inputs = |hasher: &mut blake3::Hasher, inputs: &[Input]| {
        for input in inputs {
            let identity = input.identity.as_ref().ok().map(|i| (i.size, i.mtime_ns));
            hasher.update(format!("{:?} {identity:?}\n", input.relative).as_bytes());
        }
    };
    match &plan.data {
        Data::Pairs { pairs, validation, test, root } => {
            let all = |hasher: &mut blake3::Hasher, pairs: &[Written]| {
                for pair in pairs {
                    hasher.update(format!("{:?} ", pair.source).as_bytes());
                    [&pair.noisy, &pair.clean].into_iter().for_each(|path| file(hasher, &root.join(path)));
                }
            };
            all(&mut weights, pairs);
            all(&mut weights, validation);
            all(&mut besides, test);
        }
        Data::Vectors { source: Vectors::Parquet { files, .. } } => {
            files.iter().for_each(|path| file(&mut weights, path));
        }
        Data::Vectors { source: Vectors::Blobs(_) } => {}
        Data::Pictures { .. } => {
            for (i, pictures) in listed.inputs.iter().enumerate() {
                // Files that move to another input are drawn otherwise.
                let begins = if i > 0 { format!("input {i}\n") } else { String::new() };
                weights.update(begins.as_bytes());
                inputs(&mut weights, &pictures.inputs);
            }
            inputs(&mut besides, &listed.test.inputs);
            let labels = listed.inputs.iter().chain([&listed.test]).map(|p| format!("{:?}", p.labels));
            besides.update(labels.collect::<Vec<_>>().join(" ").as_bytes());
        }
    }
    let text = |hasher: blake3::Hasher| hasher.finalize().to_hex().to_string();
    Digests { weights: text(weights), besides: text(besides) }
}

/// The texts of a list's column that tells groups apart.
fn labels(input: &InputPlan, inputs: &[Input], label: Option<&str>) -> Vec<Option<String>> {
    let Some(column) = label.and_then(|l| input.carried.iter().position(|c| c.name == l)) else {
        return vec![None; inputs.len()];
    };
    let text = |input: &Input| match input.carried.get(column) {
        None | Some(Value::Null | Value::Vector(_)) => None,
        Some(value) => Some(value.text()),
    };
    inputs.iter().map(text).collect()
}

/// A number for each text, in their order.
pub(super) fn groups<'a>(texts: impl Iterator<Item = &'a Option<String>>) -> BTreeMap<String, u32> {
    let mut groups: BTreeMap<String, u32> = texts.flatten().map(|t| (t.clone(), 0)).collect();
    groups.values_mut().zip(0..).for_each(|(group, i)| *group = i);
    groups
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_are_counted_over_both_lists() {
        let some = |texts: &[&str]| texts.iter().map(|t| Some((*t).to_string())).collect::<Vec<_>>();
        let (train, test) = (some(&["c", "a", "b"]), [vec![None], some(&["c"])].concat());
        let groups = groups(train.iter().chain(&test));
        assert_eq!((groups["a"], groups["b"], groups["c"], groups.len()), (0, 1, 2, 3));
    }
}
