//! The tensors of a weights file, one group for each dictionary that has some.

use super::error::{WeightsError, damaged};
use super::objects::{Made, Object, StorageName, Value};
use super::tensor::{Storage, Tensor};
use std::collections::HashSet;
use std::ops::Range;

/// Longest name, in bytes; PyTorch's have some tens.
const LONGEST: usize = 512;
/// Most bytes of all names together, those of what they are in counted with each.
const ALL: usize = 64 << 20;

/// Tells where the bytes of a storage lie in the file.
pub(super) type Finder<'a> = dyn Fn(&StorageName) -> Result<Range<usize>, WeightsError> + 'a;

/// Tensors by name, in the order of the file.
#[derive(Debug, Default)]
pub(super) struct Group {
    /// Keys of the dictionaries that it is in, the innermost last.
    pub(super) path: Vec<String>,
    pub(super) tensors: Vec<(String, Tensor)>,
}

/// The dictionaries that a pickle made, each once, that hold tensors.
pub(super) fn groups(made: &Made, find: &Finder<'_>) -> Result<Vec<Group>, WeightsError> {
    let mut groups = vec![];
    let mut seen = HashSet::new();
    let mut left = ALL;
    let mut open = vec![(made.root, Vec::<String>::new())];
    while let Some((value, path)) = open.pop() {
        let Value::Object(at) = value else { continue };
        if !seen.insert(at) {
            continue;
        }
        let around: usize = path.iter().map(String::len).sum();
        let within = |key: String| path.iter().cloned().chain([key]).collect::<Vec<_>>();
        match made.objects.get(at) {
            Some(Object::Dict(entries)) => {
                let mut group = Group { path: path.clone(), tensors: vec![] };
                let mut inner = vec![];
                for (key, value) in entries {
                    let holds = matches!(
                        made.object(*value),
                        Some(Object::Tensor { .. } | Object::Dict(_) | Object::Row(_))
                    );
                    if !holds {
                        continue;
                    }
                    let text = made.text(*key).unwrap_or_default();
                    // A pickle names one text again and again at no cost; here each name is a copy.
                    if text.len() > LONGEST {
                        return Err(damaged(format!("a name has {} bytes", text.len())));
                    }
                    left = spent(left, around + text.len())?;
                    let name = match key {
                        Value::Int(number) => number.to_string(),
                        _ => text.to_owned(),
                    };
                    match made.object(*value) {
                        Some(Object::Tensor { storage, offset, dims, strides }) => {
                            let tensor = tensor(made, *storage, *offset, dims, strides, find)
                                .map_err(|e| e.of_tensor(&name))?;
                            group.tensors.push((name, tensor));
                        }
                        // Names of names are of use only near the top.
                        Some(Object::Dict(_) | Object::Row(_)) if path.len() < 8 => {
                            inner.push((*value, within(name)))
                        }
                        _ => {}
                    }
                }
                open.extend(inner.into_iter().rev());
                if !group.tensors.is_empty() {
                    groups.push(group);
                }
            }
            Some(Object::Row(items)) if path.len() < 8 => {
                let holds =
                    |value: &Value| matches!(made.object(*value), Some(Object::Dict(_) | Object::Row(_)));
                let items: Vec<_> = items.iter().enumerate().filter(|(_, value)| holds(value)).collect();
                left = spent(left, items.len().saturating_mul(around))?;
                open.extend(items.into_iter().rev().map(|(i, value)| (*value, within(i.to_string()))));
            }
            _ => {}
        }
    }
    Ok(groups)
}

/// What is left of the bytes that names may have.
fn spent(left: usize, bytes: usize) -> Result<usize, WeightsError> {
    left.checked_sub(bytes).ok_or_else(|| damaged(format!("its names have more than {} MiB", ALL >> 20)))
}

fn tensor(
    made: &Made,
    storage: usize,
    offset: i64,
    dims: &[i64],
    strides: &[i64],
    find: &Finder<'_>,
) -> Result<Tensor, WeightsError> {
    let Some(Object::Storage(name)) = made.objects.get(storage) else {
        return Err(damaged("a tensor has no storage"));
    };
    let sizes = |list: &[i64]| list.iter().map(|n| usize::try_from(*n).ok()).collect::<Option<Vec<_>>>();
    let numbers = sizes(dims).zip(sizes(strides)).zip(usize::try_from(offset).ok());
    let ((dims, strides), offset) = numbers.ok_or_else(|| damaged("a tensor has negative sizes"))?;
    let bytes = find(name)?;
    let part = name.part.map_or(name.count, |(_, count)| count);
    let needed = usize::try_from(part).ok().and_then(|n| n.checked_mul(name.kind.bytes()));
    match needed {
        Some(needed) if needed <= bytes.len() => {
            let bytes = bytes.start..bytes.start + needed;
            Tensor::new(Storage { kind: name.kind, bytes }, offset, dims, strides)
        }
        _ => Err(damaged(format!("its storage {:?} is cut off", name.key))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_bounded_one_by_one_and_together() {
        let named = |length: usize, times: usize| {
            let text = Object::Text("a".repeat(length));
            let entries = vec![(Value::Object(1), Value::Object(2)); times];
            let objects = vec![Object::Dict(entries), text, Object::Dict(vec![])];
            let made = Made { objects, root: Value::Object(0), length: 0 };
            groups(&made, &|_| Err(damaged("no storage")))
        };
        assert!(named(LONGEST, 3).is_ok());
        assert!(named(LONGEST + 1, 1).is_err());
        assert!(named(LONGEST, ALL / LONGEST + 1).is_err());
    }
}
