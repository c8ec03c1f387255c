//! The functions and classes that a state dict's pickle may name, and what they make here.

use super::error::{WeightsError, damaged};
use super::objects::{Known, Object, StorageName, Value};
use super::tensor::{Kind, MAX_AXES};

/// What a call makes.
pub(super) enum Outcome {
    Value(Value),
    Object(Object),
}

/// What a name stands for, if it is allowed.
pub(super) fn known(name: &str) -> Option<Known> {
    Some(match name {
        "collections.OrderedDict"
        | "typing.OrderedDict"
        | "collections.defaultdict"
        | "builtins.dict"
        | "__builtin__.dict" => Known::Dict,
        "torch._utils._rebuild_tensor" | "torch._utils._rebuild_tensor_v2" => Known::Tensor,
        "torch._utils._rebuild_parameter" | "torch._utils._rebuild_parameter_with_state" => Known::Parameter,
        "torch._tensor._rebuild_from_type_v2" => Known::Typed,
        "torch.Size" | "builtins.set" | "builtins.frozenset" | "builtins.list" | "__builtin__.set"
        | "__builtin__.list" => Known::Row,
        "torch.DoubleStorage" => Known::Storage(Kind::F64),
        "torch.FloatStorage" => Known::Storage(Kind::F32),
        "torch.HalfStorage" => Known::Storage(Kind::F16),
        "torch.BFloat16Storage" => Known::Storage(Kind::Bf16),
        "torch.LongStorage" => Known::Storage(Kind::I64),
        "torch.IntStorage" => Known::Storage(Kind::I32),
        "torch.ShortStorage" => Known::Storage(Kind::I16),
        "torch.CharStorage" => Known::Storage(Kind::I8),
        "torch.ByteStorage" => Known::Storage(Kind::U8),
        "torch.BoolStorage" => Known::Storage(Kind::Bool),
        "_codecs.encode" => Known::Encode,
        "torch.Tensor"
        | "torch.nn.parameter.Parameter"
        | "torch.device"
        | "torch.float32"
        | "torch.float16"
        | "torch.bfloat16"
        | "torch.float64"
        | "torch.int64"
        | "torch.int32"
        | "torch.int16"
        | "torch.int8"
        | "torch.uint8"
        | "torch.bool"
        | "numpy.dtype"
        | "numpy.core.multiarray.scalar"
        | "numpy._core.multiarray.scalar"
        | "numpy.core.multiarray._reconstruct"
        | "numpy._core.multiarray._reconstruct"
        | "numpy.ndarray" => Known::Plain,
        _ => return None,
    })
}

/// What a call of `known` makes.
pub(super) fn call(objects: &[Object], known: Known, arguments: &[Value]) -> Result<Outcome, WeightsError> {
    let row = |value: Value| match value {
        Value::Object(at) => match objects.get(at) {
            Some(Object::Row(row)) => Some(row.as_slice()),
            _ => None,
        },
        _ => None,
    };
    let odd = |what: &str| damaged(format!("{what} is made of the wrong parts"));
    Ok(match (known, arguments) {
        // With what makes its missing entries.
        (Known::Dict, [] | [Value::Known(_)]) => Outcome::Object(Object::Dict(vec![])),
        (Known::Dict, [items]) => {
            let pair = |item: &Value| match row(*item) {
                Some(&[key, value]) => Ok((key, value)),
                _ => Err(odd("a dictionary")),
            };
            let items = row(*items).ok_or_else(|| odd("a dictionary"))?;
            Outcome::Object(Object::Dict(items.iter().map(pair).collect::<Result<_, _>>()?))
        }
        (Known::Tensor, [Value::Object(storage), Value::Int(offset), dims, strides, ..]) => {
            if !matches!(objects.get(*storage), Some(Object::Storage(_))) {
                return Err(odd("a tensor"));
            }
            let numbers = |value: Value| -> Option<Vec<i64>> {
                let number = |v: &Value| if let Value::Int(n) = v { Some(*n) } else { None };
                row(value)?.iter().map(number).collect()
            };
            let short = |value: Value| row(value).is_some_and(|row| row.len() <= MAX_AXES).then_some(value);
            let both = short(*dims).and_then(numbers).zip(short(*strides).and_then(numbers));
            let (dims, strides) = both.ok_or_else(|| odd("a tensor"))?;
            Outcome::Object(Object::Tensor { storage: *storage, offset: *offset, dims, strides })
        }
        (Known::Parameter, [data, ..]) => Outcome::Value(*data),
        (Known::Typed, [Value::Known(inner), _, rest, ..]) if *inner != Known::Typed => {
            return call(objects, *inner, row(*rest).ok_or_else(|| odd("a tensor"))?);
        }
        (Known::Row, []) => Outcome::Object(Object::Row(vec![])),
        (Known::Row, [items]) => Outcome::Value(*items),
        (Known::Plain | Known::Encode, _) => Outcome::Value(Value::Plain),
        _ => return Err(damaged(format!("a pickle calls {known:?} with other arguments than PyTorch does"))),
    })
}

/// The storage that a persistent id names: `("storage", class, key, device, count)`, in old files with the part of the
/// storage of that key that is meant.
pub(super) fn storage(objects: &[Object], id: Value) -> Result<StorageName, WeightsError> {
    let object = |value: &Value| if let Value::Object(at) = value { objects.get(*at) } else { None };
    let text = |value: &Value| match object(value) {
        Some(Object::Text(text)) => Some(text.clone()),
        _ => None,
    };
    let odd = || damaged("a persistent id names no storage");
    let Some(Object::Row(id)) = object(&id) else { return Err(odd()) };
    let [word, Value::Known(Known::Storage(kind)), key, _, Value::Int(count), rest @ ..] = id.as_slice()
    else {
        return Err(odd());
    };
    if text(word).as_deref() != Some("storage") {
        return Err(odd());
    }
    let part = match rest.first().and_then(object) {
        Some(Object::Row(view)) => match view.as_slice() {
            [_, Value::Int(from), Value::Int(count)] => Some((*from, *count)),
            _ => return Err(odd()),
        },
        _ => None,
    };
    let key = text(key).ok_or_else(odd)?;
    Ok(StorageName { kind: *kind, key, count: *count, part })
}
