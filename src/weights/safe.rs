//! Files of safetensors.

use super::error::{WeightsError, damaged};
use super::groups::Group;
use super::tensor::{Kind, Storage, Tensor};
use safetensors::{Dtype, SafeTensors};

/// Whether a file begins as one: the length of its header, which is JSON.
pub(super) fn begins(bytes: &[u8]) -> bool {
    let Some((length, rest)) = bytes.split_first_chunk::<8>() else { return false };
    // The format's own limit for the header is 100 MB.
    u64::from_le_bytes(*length) <= 100_000_000 && rest.first() == Some(&b'{')
}

/// The tensors of a file.
pub(super) fn groups(bytes: &[u8]) -> Result<Vec<Group>, WeightsError> {
    let (header, described) = SafeTensors::read_metadata(bytes)
        .map_err(|e| damaged(format!("it is no whole safetensors file ({e})")))?;
    let start = header + 8;
    let mut tensors = vec![];
    for name in described.offset_keys() {
        let Some(info) = described.info(&name) else { continue };
        let kind = kind(info.dtype)
            .ok_or_else(|| WeightsError::Unsupported(format!("tensor {name:?} is of {:?}", info.dtype)))?;
        let (from, to) = info.data_offsets;
        let bytes = start.saturating_add(from)..start.saturating_add(to);
        let tensor =
            Tensor::whole(Storage { kind, bytes }, info.shape.clone()).map_err(|e| e.of_tensor(&name))?;
        tensors.push((name, tensor));
    }
    Ok(vec![Group { path: vec![], tensors }])
}

fn kind(dtype: Dtype) -> Option<Kind> {
    Some(match dtype {
        Dtype::F64 => Kind::F64,
        Dtype::F32 => Kind::F32,
        Dtype::F16 => Kind::F16,
        Dtype::BF16 => Kind::Bf16,
        Dtype::I64 => Kind::I64,
        Dtype::I32 => Kind::I32,
        Dtype::I16 => Kind::I16,
        Dtype::I8 => Kind::I8,
        Dtype::U8 => Kind::U8,
        Dtype::BOOL => Kind::Bool,
        _ => return None,
    })
}
