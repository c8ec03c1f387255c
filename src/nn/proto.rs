//! Checks on the ONNX file itself, made before the inference engine sees it: sizes that it declares,
//! operators, names, and where its weights lie.

use super::error::ModelError;
use super::limits::MAX_ELEMENTS;
use super::{growth, random};
use crate::shown::Show;
use crate::store::look;
use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::io::{Read, Seek, SeekFrom};
use std::path::{Component, Path, PathBuf};
use tract_onnx::pb::{GraphProto, ModelProto, TensorProto, ValueInfoProto, tensor_proto::DataType};

/// Standard domains; `ai.onnx.ml` appears in the imports of tf2onnx files.
pub(super) const STANDARD: [&str; 3] = ["", "ai.onnx", "ai.onnx.ml"];
/// `TensorProto.data_location` of weights in another file.
const EXTERNAL: i32 = 1;

/// Weights by name: their sizes, and their values in that order.
pub type Weights = BTreeMap<String, (Vec<i64>, Vec<f32>)>;

/// Checks everything; returns the files with weights that the model refers to, sorted. Operators have to be of the standard
/// and `known`, where that is said.
pub(super) fn check(
    model: &ModelProto,
    path: &Path,
    known: Option<&dyn Fn(&str) -> bool>,
) -> Result<Vec<PathBuf>, ModelError> {
    let parse = |reason: String| ModelError::Parse { path: path.to_path_buf(), reason };
    let graph = model.graph.as_ref().ok_or_else(|| parse("it has no graph".into()))?;
    if graph.node.is_empty() {
        return Err(parse("its graph has no operators".into()));
    }
    if graph.output.is_empty() {
        return Err(parse("its graph has no output".into()));
    }
    let (files, foreign, unknown) = (BTreeSet::new(), BTreeSet::new(), BTreeSet::new());
    let mut walk = Walk { path, files, foreign, unknown, random: BTreeSet::new(), known };
    walk.graph(graph, 0)?;
    for function in &model.functions {
        walk.random
            .extend(function.node.iter().filter(|n| random::is_random(n, None)).map(|n| n.op_type.clone()));
    }
    if !walk.random.is_empty() {
        let operators = walk.random.into_iter().collect();
        return Err(ModelError::RandomOperators { path: path.to_path_buf(), operators });
    }
    if !walk.foreign.is_empty() {
        let operators = walk.foreign.into_iter().collect();
        return Err(ModelError::ForeignDomain { path: path.to_path_buf(), operators });
    }
    if !walk.unknown.is_empty() {
        let operators = walk.unknown.into_iter().collect();
        return Err(ModelError::UnsupportedOperators { path: path.to_path_buf(), operators });
    }
    if let Some(name) = unmade(graph) {
        return Err(parse(format!("tensor {name:?} is used but nothing makes it")));
    }
    Ok(walk.files.into_iter().collect())
}

/// Number of stored weights: elements of all floating-point initializers and constants.
pub(super) fn parameters(graph: &GraphProto) -> u64 {
    let float = |t: &&TensorProto| {
        let f = [DataType::Float, DataType::Float16, DataType::Double];
        f.iter().any(|d| *d as i32 == t.data_type)
    };
    let constants = graph.node.iter().flat_map(|n| &n.attribute).filter_map(|a| a.t.as_ref());
    graph.initializer.iter().chain(constants).filter(float).filter_map(|t| elements(&t.dims)).sum()
}

/// Stored weights of single precision by name, with their sizes; without those in other files.
pub(super) fn floats(graph: &GraphProto) -> Weights {
    let held = |t: &&TensorProto| t.data_type == DataType::Float as i32 && !is_external(t);
    let values = |t: &TensorProto| match t.float_data.is_empty() {
        true => t.raw_data.as_chunks::<4>().0.iter().map(|b| f32::from_le_bytes(*b)).collect(),
        false => t.float_data.clone(),
    };
    let tensors = graph.initializer.iter().filter(held);
    tensors.map(|t| (t.name.clone(), (t.dims.clone(), values(t)))).collect()
}

/// Product of dimensions; none when one is negative or the product leaves 64 bits.
fn elements(dims: &[i64]) -> Option<u64> {
    dims.iter().try_fold(1u64, |n, &d| n.checked_mul(u64::try_from(d).ok()?))
}

struct Walk<'a> {
    path: &'a Path,
    files: BTreeSet<PathBuf>,
    foreign: BTreeSet<String>,
    unknown: BTreeSet<String>,
    random: BTreeSet<String>,
    known: Option<&'a dyn Fn(&str) -> bool>,
}

impl Walk<'_> {
    fn too_large(&self, what: String) -> ModelError {
        ModelError::TooLarge { path: self.path.to_path_buf(), what }
    }

    fn graph(&mut self, graph: &GraphProto, depth: usize) -> Result<(), ModelError> {
        if depth > 8 {
            return Err(self.too_large("its graphs are nested more than 8 deep".into()));
        }
        for input in &graph.input {
            self.input(input)?;
        }
        for tensor in &graph.initializer {
            self.tensor(tensor)?;
        }
        growth::check(graph).map_err(|growth| self.too_large(growth.to_string()))?;
        for node in &graph.node {
            let domain = node.domain.as_str();
            if random::is_random(node, Some(graph)) {
                self.random.insert(node.op_type.clone());
            }
            match self.known {
                Some(_) if !STANDARD.contains(&domain) => {
                    self.foreign.insert(format!("{domain}:{}", node.op_type));
                }
                Some(known) if !known(&node.op_type) => {
                    self.unknown.insert(node.op_type.clone());
                }
                _ => {}
            }
            for attribute in &node.attribute {
                for tensor in attribute.t.iter().chain(&attribute.tensors) {
                    self.tensor(tensor)?;
                }
                for inner in attribute.g.iter().chain(&attribute.graphs) {
                    self.graph(inner, depth + 1)?;
                }
            }
        }
        Ok(())
    }

    fn input(&self, input: &ValueInfoProto) -> Result<(), ModelError> {
        let dims = fixed_dims(input);
        let n = dims.iter().flatten().try_fold(1u64, |n, &d| n.checked_mul(d));
        match n {
            Some(n) if n <= MAX_ELEMENTS => Ok(()),
            _ => {
                Err(self
                    .too_large(format!("input {:?} declares more than {MAX_ELEMENTS} elements", input.name)))
            }
        }
    }

    /// Declared size against the limit and against the data that is there.
    fn tensor(&mut self, tensor: &TensorProto) -> Result<(), ModelError> {
        let Some(n) = elements(&tensor.dims).filter(|n| *n <= MAX_ELEMENTS) else {
            let what = format!(
                "weights {:?} declare the size {:?}, above {MAX_ELEMENTS} elements",
                tensor.name, tensor.dims
            );
            return Err(self.too_large(what));
        };
        if is_external(tensor) {
            self.files.insert(place(tensor, self.path)?.file);
            return Ok(());
        }
        let Some((bytes, listed)) = storage(tensor) else { return Ok(()) };
        let held = if listed > 0 || tensor.raw_data.is_empty() {
            listed
        } else {
            tensor.raw_data.len() as u64 / bytes
        };
        if held != n && !(held == 0 && n == 0) {
            let reason =
                format!("weights {:?} have {held} elements, {n} are declared (cut off?)", tensor.name);
            return Err(ModelError::Parse { path: self.path.to_path_buf(), reason });
        }
        Ok(())
    }
}

/// Whether weights lie in another file.
pub(super) fn is_external(tensor: &TensorProto) -> bool {
    tensor.data_location == Some(EXTERNAL)
}

/// Where weights in another file lie.
struct Place {
    /// Links followed.
    file: PathBuf,
    offset: u64,
    bytes: u64,
}

/// The bytes of weights that lie in another file, of the model at `path`.
///
/// # Errors
/// When they don't lie in the model's folder, are of a type without a fixed size, or can't be read.
pub(super) fn stored(tensor: &TensorProto, path: &Path) -> Result<Vec<u8>, ModelError> {
    let Place { file, offset, bytes } = place(tensor, path)?;
    let bad = |reason: String| elsewhere(tensor, path, reason);
    let failed = |e: std::io::Error| bad(format!("{}: {e}", file.shown()));
    let mut open = std::fs::File::open(&file).map_err(failed)?;
    open.seek(SeekFrom::Start(offset)).map_err(failed)?;
    let mut read = Vec::new();
    open.take(bytes).read_to_end(&mut read).map_err(failed)?;
    match read.len() as u64 == bytes {
        true => Ok(read),
        false => Err(bad(format!("{} ends before its {bytes} bytes", file.shown()))),
    }
}

fn elsewhere(tensor: &TensorProto, path: &Path, reason: String) -> ModelError {
    ModelError::ExternalData { path: path.to_path_buf(), tensor: tensor.name.clone(), reason }
}

/// Weights in another file must lie in the model's folder, links followed, and be long enough.
fn place(tensor: &TensorProto, path: &Path) -> Result<Place, ModelError> {
    let bad = |reason: String| elsewhere(tensor, path, reason);
    let count = elements(&tensor.dims).filter(|n| *n <= MAX_ELEMENTS);
    let Some((bytes, count)) = storage(tensor).map(|(bytes, _)| bytes).zip(count) else {
        let (kind, dims) = (tensor.data_type, &tensor.dims);
        return Err(bad(format!(
            "its type (ONNX's number {kind}) or its size {dims:?} is none that is read"
        )));
    };
    let bytes = bytes * count;
    let entry = |key: &str| tensor.external_data.iter().find(|e| e.key == key).map(|e| e.value.as_str());
    let number = |key: &str, default: u64| match entry(key) {
        None => Ok(default),
        Some(text) => text.parse::<u64>().map_err(|_| bad(format!("its {key} {text:?} is not a number"))),
    };
    let location = entry("location").ok_or_else(|| bad("no location is given".into()))?;
    let inside = |c: Component| matches!(c, Component::Normal(_) | Component::CurDir);
    if location.is_empty() || !Path::new(location).components().all(inside) {
        return Err(bad(format!("{location:?} leaves the model's folder; keep the file beside the model")));
    }
    let folder = folder_of(path);
    let real = look::real_of(folder).map_err(|e| bad(format!("{}: {e}", folder.shown())))?;
    let file = look::real_of(&real.join(location)).map_err(|e| bad(format!("{location:?}: {e}")))?;
    if !file.starts_with(&real) {
        return Err(bad(format!(
            "{location:?} links out of the model's folder; keep the file beside the model"
        )));
    }
    let there = file.metadata().map_err(|e| bad(format!("{location:?}: {e}")))?;
    if !there.is_file() {
        return Err(bad(format!("{location:?} is not a regular file")));
    }
    let (offset, length) = (number("offset", 0)?, number("length", bytes)?);
    if length != bytes || offset.checked_add(length).is_none_or(|end| end > there.len()) {
        return Err(bad(format!(
            "{location:?} has {} bytes, {bytes} from byte {offset} on are declared",
            there.len()
        )));
    }
    Ok(Place { file, offset, bytes })
}

/// Version of the standard operators.
pub(super) fn version(model: &ModelProto) -> i64 {
    let standard = |domain: &str| domain.is_empty() || domain == "ai.onnx";
    model.opset_import.iter().find(|o| standard(&o.domain)).map_or(0, |o| o.version)
}

/// The folder of a model file.
pub(super) fn folder_of(path: &Path) -> &Path {
    path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// Inputs that aren't weights.
pub(super) fn real_inputs(graph: &GraphProto) -> Vec<&ValueInfoProto> {
    let weights: HashSet<&str> = graph.initializer.iter().map(|t| t.name.as_str()).collect();
    graph.input.iter().filter(|i| !weights.contains(i.name.as_str())).collect()
}

/// An input's dimensions as the file declares them: a number where fixed.
pub(super) fn fixed_dims(info: &ValueInfoProto) -> Vec<Option<u64>> {
    use tract_onnx::pb::{tensor_shape_proto::dimension::Value, type_proto};
    let Some(type_proto::Value::TensorType(t)) = info.r#type.as_ref().and_then(|t| t.value.as_ref()) else {
        return vec![];
    };
    let dims = t.shape.iter().flat_map(|s| &s.dim);
    dims.map(|d| match &d.value {
        Some(Value::DimValue(v)) => u64::try_from(*v).ok().filter(|v| *v > 0),
        _ => None,
    })
    .collect()
}

/// Bytes an element and number of elements in the typed lists; none for types without a fixed size.
fn storage(tensor: &TensorProto) -> Option<(u64, u64)> {
    let ints = tensor.int32_data.len();
    let (bytes, listed) = match DataType::try_from(tensor.data_type).ok()? {
        DataType::Float => (4, tensor.float_data.len()),
        DataType::Double => (8, tensor.double_data.len()),
        DataType::Int64 => (8, tensor.int64_data.len()),
        DataType::Uint64 => (8, tensor.uint64_data.len()),
        DataType::Uint32 => (4, tensor.uint64_data.len()),
        DataType::Int32 => (4, ints),
        DataType::Float16 | DataType::Bfloat16 | DataType::Int16 | DataType::Uint16 => (2, ints),
        DataType::Int8 | DataType::Uint8 | DataType::Bool => (1, ints),
        _ => return None,
    };
    Some((bytes, listed as u64))
}

/// A tensor that is used and that nothing makes.
fn unmade(graph: &GraphProto) -> Option<&str> {
    let mut there: HashSet<&str> = HashSet::new();
    there.extend(graph.input.iter().map(|i| i.name.as_str()));
    there.extend(graph.initializer.iter().map(|t| t.name.as_str()));
    there.extend(graph.node.iter().flat_map(|n| &n.output).map(String::as_str));
    let used = graph.node.iter().flat_map(|n| &n.input).map(String::as_str);
    used.chain(graph.output.iter().map(|o| o.name.as_str())).find(|n| !n.is_empty() && !there.contains(n))
}

#[cfg(test)]
mod tests {
    use super::*;
    use tract_onnx::pb::{NodeProto, StringStringEntryProto};

    #[test]
    fn weights_elsewhere_are_confined_and_counted_whatever_their_type() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("m.onnx");
        std::fs::write(folder.path().join("w.bin"), [1, 2, 3, 4, 5, 6]).expect("written");
        // Every number that may stand for a type, of one element in a file without a stated length.
        for (kind, location) in (0..40).flat_map(|kind| ["w.bin", "../w.bin", "/dev/zero"].map(|l| (kind, l)))
        {
            let entry = StringStringEntryProto { key: "location".into(), value: location.into() };
            let tensor = TensorProto {
                name: "k".into(),
                data_type: kind,
                dims: vec![1],
                data_location: Some(EXTERNAL),
                external_data: vec![entry],
                ..TensorProto::default()
            };
            let sound = location == "w.bin" && [1, 2, 3, 4, 5, 6, 9, 10, 12, 16].contains(&kind);
            let read = stored(&tensor, &path);
            match &read {
                Ok(bytes) => assert_eq!(bytes.len() as u64, storage(&tensor).expect("a size").0),
                Err(e) => assert!(matches!(e, ModelError::ExternalData { .. }), "{e}"),
            }
            assert_eq!(read.is_ok(), sound, "{kind} {location}");
            let node =
                NodeProto { input: vec!["k".into()], output: vec!["y".into()], ..NodeProto::default() };
            let output = ValueInfoProto { name: "y".into(), ..ValueInfoProto::default() };
            let graph = GraphProto {
                node: vec![node],
                output: vec![output],
                initializer: vec![tensor],
                ..GraphProto::default()
            };
            let model = ModelProto { graph: Some(graph), ..ModelProto::default() };
            assert_eq!(check(&model, &path, None).is_ok_and(|files| files.len() == 1), sound);
        }
    }
}
