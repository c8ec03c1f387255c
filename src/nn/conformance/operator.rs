//! One use of an operator as the rules see it, and what becomes of it.

use std::collections::HashMap;
use tract_onnx::pb::{AttributeProto, NodeProto, TensorProto};

/// One use of an operator.
pub(super) struct Use<'a> {
    pub(super) node: &'a NodeProto,
    /// Version of the operators that the model is written in.
    pub(super) version: i64,
    pub(super) constants: &'a HashMap<String, Constant>,
    /// Number of axes of each stored tensor.
    pub(super) ranks: &'a HashMap<String, usize>,
}

/// What becomes of a use of an operator.
pub(super) enum Verdict {
    /// tract computes it as ONNX specifies.
    Right,
    /// These compute it; they end in the tensors of the node's outputs.
    Instead(Vec<NodeProto>),
    /// What is not computed as ONNX specifies, and what to do about it.
    Wrong(String),
}

impl Use<'_> {
    fn attribute(&self, name: &str) -> Option<&AttributeProto> {
        self.node.attribute.iter().find(|a| a.name == name)
    }

    pub(super) fn int(&self, name: &str) -> Option<i64> {
        self.attribute(name).map(|a| a.i)
    }

    pub(super) fn float(&self, name: &str) -> Option<f32> {
        self.attribute(name).map(|a| a.f)
    }

    pub(super) fn ints(&self, name: &str) -> Option<&[i64]> {
        self.attribute(name).map(|a| a.ints.as_slice())
    }

    pub(super) fn text(&self, name: &str) -> Option<String> {
        self.attribute(name).map(|a| String::from_utf8_lossy(&a.s).into_owned())
    }

    pub(super) fn texts(&self, name: &str) -> Option<Vec<String>> {
        let text = |bytes: &Vec<u8>| String::from_utf8_lossy(bytes).into_owned();
        self.attribute(name).map(|a| a.strings.iter().map(text).collect())
    }

    /// Name of an input that is there.
    pub(super) fn input(&self, slot: usize) -> Option<&str> {
        self.node.input.get(slot).map(String::as_str).filter(|name| !name.is_empty())
    }

    /// Values of an input that is a small constant.
    pub(super) fn constant(&self, slot: usize) -> Option<&[f64]> {
        self.constants.get(self.input(slot)?).map(|constant| constant.values.as_slice())
    }

    /// ONNX's number for the type of an input that is a small constant.
    pub(super) fn constant_type(&self, slot: usize) -> Option<i32> {
        self.constants.get(self.input(slot)?).map(|constant| constant.data_type)
    }

    /// Number of axes of an input that is stored in the file.
    pub(super) fn rank(&self, slot: usize) -> Option<usize> {
        self.ranks.get(self.input(slot)?).copied()
    }
}

/// A small constant of the graph.
#[derive(Clone)]
pub(super) struct Constant {
    values: Vec<f64>,
    data_type: i32,
}

/// Largest constant that rules look into.
pub(super) const SMALL: usize = 64;

impl Constant {
    /// None for one that is too large, or that no rule looks into.
    pub(super) fn of(tensor: &TensorProto) -> Option<Constant> {
        let raw = &tensor.raw_data;
        let words = |values: &[i32]| values.iter().map(|v| f64::from(*v)).collect();
        let values: Vec<f64> = match tensor.data_type {
            1 if raw.is_empty() => tensor.float_data.iter().map(|v| f64::from(*v)).collect(),
            1 => raw.as_chunks().0.iter().map(|b| f64::from(f32::from_le_bytes(*b))).collect(),
            7 if raw.is_empty() => tensor.int64_data.iter().map(|v| *v as f64).collect(),
            7 => raw.as_chunks().0.iter().map(|b| i64::from_le_bytes(*b) as f64).collect(),
            6 if raw.is_empty() => words(&tensor.int32_data),
            6 => raw.as_chunks().0.iter().map(|b| f64::from(i32::from_le_bytes(*b))).collect(),
            // Only the type is of use.
            _ => Vec::new(),
        };
        (values.len() <= SMALL).then_some(Constant { values, data_type: tensor.data_type })
    }
}
