//! The tensors of a weights file, one group for each dictionary that has some.

use super::error::{WeightsError, damaged};
use super::objects::{Made, Object, StorageName, Value};
use super::tensor::{Storage, Tensor};
use std::collections::HashSet;
use std::ops::Range;

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
    let mut open = vec![(made.root, Vec::<String>::new())];
    while let Some((value, path)) = open.pop() {
        let Value::Object(at) = value else { continue };
        if !seen.insert(at) {
            continue;
        }
        let within = |key: String| path.iter().cloned().chain([key]).collect::<Vec<_>>();
        match made.objects.get(at) {
            Some(Object::Dict(entries)) => {
                let mut group = Group { path: path.clone(), tensors: vec![] };
                let mut inner = vec![];
                for (key, value) in entries {
                    let name = match key {
                        Value::Int(number) => number.to_string(),
                        key => made.text(*key).unwrap_or_default().to_owned(),
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
                let item = |(i, value): (usize, &Value)| (*value, within(i.to_string()));
                open.extend(items.iter().enumerate().map(item).rev());
            }
            _ => {}
        }
    }
    Ok(groups)
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
