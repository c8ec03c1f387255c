//! Files of safetensors: the length of a header, the header in JSON, and the numbers of all tensors.
//! <https://github.com/huggingface/safetensors#format>

use super::error::{WeightsError, damaged};
use super::groups::Group;
use super::tensor::{Kind, Storage, Tensor};
use serde::Deserialize;
use std::collections::BTreeMap;

/// Longest header, in bytes; a tensor takes about a hundred.
const LONGEST: u64 = 32 << 20;
/// Its entry that is no tensor.
const METADATA: &str = "__metadata__";

/// A tensor as the header tells.
#[derive(Debug, Deserialize)]
struct Entry {
    dtype: String,
    shape: Vec<usize>,
    /// Its first byte and the one behind its last, counted from the header's end.
    data_offsets: [usize; 2],
}

/// Whether a file begins as one.
pub(super) fn begins(bytes: &[u8]) -> bool {
    let Some((length, rest)) = bytes.split_first_chunk::<8>() else { return false };
    u64::from_le_bytes(*length) <= LONGEST && rest.first() == Some(&b'{')
}

/// The tensors of a file.
pub(super) fn groups(bytes: &[u8]) -> Result<Vec<Group>, WeightsError> {
    let cut = || damaged("its header is cut off");
    let (length, rest) = bytes.split_first_chunk::<8>().ok_or_else(cut)?;
    let length = usize::try_from(u64::from_le_bytes(*length)).map_err(|_| cut())?;
    let header = rest.get(..length).ok_or_else(cut)?;
    let odd = |e: serde_json::Error| damaged(format!("its header is malformed ({e})"));
    let entries: BTreeMap<String, serde_json::Value> = serde_json::from_slice(header).map_err(odd)?;
    let mut found = vec![];
    for (name, entry) in entries.into_iter().filter(|(name, _)| name != METADATA) {
        let Entry { dtype, shape, data_offsets: [from, to] } = serde_json::from_value(entry).map_err(odd)?;
        let kind = kind(&dtype)
            .ok_or_else(|| WeightsError::Unsupported(format!("tensor {name:?} is of {dtype}")))?;
        let count = shape.iter().try_fold(kind.bytes(), |n, side| n.checked_mul(*side));
        let data = rest.len() - length;
        if from > to || to > data || count != Some(to - from) {
            return Err(damaged(format!("tensor {name:?} of {shape:?} has bytes {from} to {to} of {data}")));
        }
        let start = 8 + length;
        let storage = Storage { kind, bytes: start + from..start + to };
        found.push((from, name.clone(), Tensor::whole(storage, shape).map_err(|e| e.of_tensor(&name))?));
    }
    found.sort_by_key(|(from, ..)| *from);
    let tensors = found.into_iter().map(|(_, name, tensor)| (name, tensor)).collect();
    Ok(vec![Group { path: vec![], tensors }])
}

fn kind(dtype: &str) -> Option<Kind> {
    Some(match dtype {
        "F64" => Kind::F64,
        "F32" => Kind::F32,
        "F16" => Kind::F16,
        "BF16" => Kind::Bf16,
        "I64" => Kind::I64,
        "I32" => Kind::I32,
        "I16" => Kind::I16,
        "I8" => Kind::I8,
        "U8" => Kind::U8,
        "BOOL" => Kind::Bool,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(header: &str, data: usize) -> Vec<u8> {
        [&(header.len() as u64).to_le_bytes()[..], header.as_bytes(), &vec![0; data]].concat()
    }

    #[test]
    fn headers_are_checked_against_the_file() {
        let entry = |dtype: &str, shape: &str, offsets: &str| {
            format!("{{\"a\":{{\"dtype\":\"{dtype}\",\"shape\":{shape},\"data_offsets\":{offsets}}}}}")
        };
        let good = file(&entry("F16", "[2,2]", "[0,8]"), 8);
        assert!(begins(&good));
        assert_eq!(groups(&good).unwrap()[0].tensors[0].1.dims, [2, 2]);
        let noted = file("{\"__metadata__\":{\"format\":\"pt\"}}", 0);
        assert_eq!(groups(&noted).unwrap()[0].tensors.len(), 0);
        for (dtype, shape, offsets) in [
            ("F16", "[2,2]", "[0,9]"),
            ("F16", "[2,2]", "[8,16]"),
            ("F16", "[2,2]", "[8,0]"),
            ("F16", "[4294967296,4294967296]", "[0,0]"),
            ("F16", "[-1]", "[0,2]"),
            ("F16", "2", "[0,4]"),
            ("F16", "[2,2]", "[0]"),
        ] {
            let bad = file(&entry(dtype, shape, offsets), 8);
            assert!(matches!(groups(&bad), Err(WeightsError::Damaged(_))), "{shape} {offsets}");
        }
        let small = groups(&file(&entry("F8_E4M3", "[8]", "[0,8]"), 8));
        assert!(matches!(small, Err(WeightsError::Unsupported(_))));
        for end in 0..good.len() {
            assert!(groups(&good[..end]).is_err());
        }
        assert!(groups(&file(&"[".repeat(100_000), 0)).is_err());
        assert!(!begins(&[0xFF; 16]));
    }
}
