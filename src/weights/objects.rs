//! What a pickle is made of.

use super::tensor::Kind;

/// A value; all but the simplest stand for their object.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Value {
    /// Nothing that is of use, such as a data type.
    Plain,
    Int(i64),
    Known(Known),
    Object(usize),
}

/// What values stand for.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Object {
    Text(String),
    /// A tuple, list or set.
    Row(Vec<Value>),
    Dict(Vec<(Value, Value)>),
    /// Numbers that lie elsewhere.
    Storage(StorageName),
    /// A view of the storage of that place.
    Tensor {
        storage: usize,
        offset: i64,
        dims: Vec<i64>,
        strides: Vec<i64>,
    },
}

/// A storage as the pickle names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct StorageName {
    pub(super) kind: Kind,
    pub(super) key: String,
    /// Numbers that it has.
    pub(super) count: i64,
    /// Its part of the numbers of that key that it is: first and how many (in old files).
    pub(super) part: Option<(i64, i64)>,
}

/// What a pickle makes.
#[derive(Debug)]
pub(super) struct Made {
    pub(super) objects: Vec<Object>,
    pub(super) root: Value,
    /// Bytes that the pickle took.
    pub(super) length: usize,
}

impl Made {
    pub(super) fn object(&self, value: Value) -> Option<&Object> {
        match value {
            Value::Object(at) => self.objects.get(at),
            _ => None,
        }
    }

    pub(super) fn text(&self, value: Value) -> Option<&str> {
        match self.object(value)? {
            Object::Text(text) => Some(text),
            _ => None,
        }
    }
}

/// A function or class that may be named.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Known {
    /// `collections.OrderedDict` and the like.
    Dict,
    /// `torch._utils._rebuild_tensor` and `_rebuild_tensor_v2`.
    Tensor,
    /// `torch._utils._rebuild_parameter`.
    Parameter,
    /// `torch._tensor._rebuild_from_type_v2`: another one's result, with attributes.
    Typed,
    /// `torch.Size`, sets and lists.
    Row,
    /// A storage of numbers of that kind.
    Storage(Kind),
    /// `_codecs.encode`.
    Encode,
    /// Makes nothing that is of use: data types, devices, numbers and arrays of NumPy.
    Plain,
}
