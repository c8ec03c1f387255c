//! Tensors of a weights file: where their numbers lie, and those numbers as single precision.

use super::error::{WeightsError, damaged};
use half::slice::HalfFloatSliceExt;
use half::{bf16, f16};
use std::ops::Range;

/// Most axes of a tensor.
pub(super) const MAX_AXES: usize = 8;

/// How a number is stored; always little-endian.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    F64,
    F32,
    F16,
    Bf16,
    I64,
    I32,
    I16,
    I8,
    U8,
    Bool,
}

impl Kind {
    /// Bytes of a number.
    pub(super) fn bytes(self) -> usize {
        match self {
            Kind::F64 | Kind::I64 => 8,
            Kind::F32 | Kind::I32 => 4,
            Kind::F16 | Kind::Bf16 | Kind::I16 => 2,
            Kind::I8 | Kind::U8 | Kind::Bool => 1,
        }
    }
}

/// Numbers of one kind, one after another in the file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Storage {
    pub(super) kind: Kind,
    /// Its bytes in the file.
    pub(super) bytes: Range<usize>,
}

/// A tensor: a view of a storage.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Tensor {
    pub(super) storage: Storage,
    /// First number, counted in numbers.
    pub(super) offset: usize,
    pub(super) dims: Vec<usize>,
    /// Numbers from one place to the next along each axis.
    pub(super) strides: Vec<usize>,
}

impl Tensor {
    /// A view that lies within its storage.
    pub(super) fn new(
        storage: Storage,
        offset: usize,
        dims: Vec<usize>,
        strides: Vec<usize>,
    ) -> Result<Tensor, WeightsError> {
        if dims.len() > MAX_AXES || dims.len() != strides.len() {
            return Err(damaged(format!("a tensor has {} axes and {} steps", dims.len(), strides.len())));
        }
        let there = storage.bytes.len() / storage.kind.bytes();
        let count = dims.iter().try_fold(1usize, |n, d| n.checked_mul(*d));
        let last = dims
            .iter()
            .zip(&strides)
            .try_fold(offset, |at, (d, s)| at.checked_add(d.saturating_sub(1).checked_mul(*s)?));
        let fits = match count {
            Some(0) => offset <= there,
            // More numbers than are stored would repeat some of them.
            Some(count) => count <= there && last.is_some_and(|last| last < there),
            None => false,
        };
        match fits {
            true => Ok(Tensor { storage, offset, dims, strides }),
            false => Err(damaged(format!("a tensor of {dims:?} reaches beyond its {there} numbers"))),
        }
    }

    /// A view of all of a storage, row by row.
    pub(super) fn whole(storage: Storage, dims: Vec<usize>) -> Result<Tensor, WeightsError> {
        let strides = rows(&dims);
        Tensor::new(storage, 0, dims, strides)
    }

    /// Number of numbers.
    pub(super) fn len(&self) -> usize {
        self.dims.iter().product()
    }

    /// The numbers, row by row, out of the file.
    pub(super) fn floats(&self, file: &[u8]) -> Result<Vec<f32>, WeightsError> {
        let bytes = file.get(self.storage.bytes.clone()).ok_or_else(|| damaged("a tensor is cut off"))?;
        if self.strides == rows(&self.dims) {
            let each = self.storage.kind.bytes();
            let range = self.offset * each..(self.offset + self.len()) * each;
            let bytes = bytes.get(range).ok_or_else(|| damaged("a tensor is cut off"))?;
            return Ok(convert(self.storage.kind, bytes));
        }
        let all = convert(self.storage.kind, bytes);
        let mut made = Vec::with_capacity(self.len());
        let mut place = vec![0; self.dims.len()];
        for _ in 0..self.len() {
            let at = place.iter().zip(&self.strides).map(|(i, s)| i * s).sum::<usize>() + self.offset;
            made.push(all.get(at).copied().unwrap_or(f32::NAN));
            for (i, d) in place.iter_mut().zip(&self.dims).rev() {
                *i += 1;
                if *i < *d {
                    break;
                }
                *i = 0;
            }
        }
        Ok(made)
    }
}

/// Steps of a tensor that is stored row by row.
fn rows(dims: &[usize]) -> Vec<usize> {
    let mut strides = vec![1usize; dims.len()];
    for i in (1..dims.len()).rev() {
        strides[i - 1] = strides[i].saturating_mul(dims[i].max(1));
    }
    strides
}

fn convert(kind: Kind, bytes: &[u8]) -> Vec<f32> {
    fn each<const N: usize>(bytes: &[u8], read: impl Fn([u8; N]) -> f32) -> Vec<f32> {
        bytes.as_chunks::<N>().0.iter().map(|b| read(*b)).collect()
    }
    match kind {
        Kind::F32 => each(bytes, f32::from_le_bytes),
        Kind::F64 => each(bytes, |b| f64::from_le_bytes(b) as f32),
        Kind::F16 => {
            let halves: Vec<f16> = bytes.as_chunks::<2>().0.iter().map(|b| f16::from_le_bytes(*b)).collect();
            halves.to_f32_vec()
        }
        Kind::Bf16 => each(bytes, |b| bf16::from_le_bytes(b).to_f32()),
        Kind::I64 => each(bytes, |b| i64::from_le_bytes(b) as f32),
        Kind::I32 => each(bytes, |b| i32::from_le_bytes(b) as f32),
        Kind::I16 => each(bytes, |b| f32::from(i16::from_le_bytes(b))),
        Kind::I8 => each(bytes, |b| f32::from(i8::from_le_bytes(b))),
        Kind::U8 | Kind::Bool => each::<1>(bytes, |b| f32::from(b[0])),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn storage(kind: Kind, len: usize) -> Storage {
        Storage { kind, bytes: 0..len }
    }

    #[test]
    fn views_are_read_in_their_order_and_kept_inside() {
        let file: Vec<u8> = (0..6).flat_map(|v: i16| v.to_le_bytes()).collect();
        let view = |offset, dims: &[usize], strides: &[usize]| {
            Tensor::new(storage(Kind::I16, 12), offset, dims.to_vec(), strides.to_vec())
        };
        let read = |offset, dims: &[usize], strides: &[usize]| {
            view(offset, dims, strides).unwrap().floats(&file).unwrap()
        };
        assert_eq!(read(0, &[2, 3], &[3, 1]), [0.0, 1.0, 2.0, 3.0, 4.0, 5.0]);
        assert_eq!(read(0, &[3, 2], &[1, 3]), [0.0, 3.0, 1.0, 4.0, 2.0, 5.0]);
        assert_eq!(read(4, &[2], &[1]), [4.0, 5.0]);
        assert_eq!(read(5, &[], &[]), [5.0]);
        assert_eq!(read(0, &[0, 9], &[9, 1]), [0.0; 0]);
        for (offset, dims, strides) in [
            (1, vec![2, 3], vec![3, 1]),
            (0, vec![7], vec![0]),
            (0, vec![2, 2], vec![usize::MAX, 1]),
            (usize::MAX, vec![2], vec![1]),
            (0, vec![usize::MAX, 2], vec![0, 0]),
            (0, vec![1; 9], vec![1; 9]),
            (6, vec![], vec![]),
            (7, vec![0], vec![1]),
            (usize::MAX, vec![0, 9], vec![9, 1]),
        ] {
            assert!(view(offset, &dims, &strides).is_err(), "{offset} {dims:?} {strides:?}");
        }
    }

    #[test]
    fn every_kind_becomes_single_precision() {
        let read = |kind: Kind, bytes: &[u8]| {
            let tensor = Tensor::whole(storage(kind, bytes.len()), vec![bytes.len() / kind.bytes()]);
            tensor.unwrap().floats(bytes).unwrap()
        };
        assert_eq!(read(Kind::F16, &[0, 0x3C, 0, 0xC0]), [1.0, -2.0]);
        assert_eq!(read(Kind::Bf16, &[0x80, 0x3F, 0, 0xC0]), [1.0, -2.0]);
        assert_eq!(read(Kind::F64, &(-0.5f64).to_le_bytes()), [-0.5]);
        assert_eq!(read(Kind::F32, &0.25f32.to_le_bytes()), [0.25]);
        assert_eq!(read(Kind::I64, &(-3i64).to_le_bytes()), [-3.0]);
        assert_eq!(read(Kind::I8, &[0xFF]), [-1.0]);
    }
}
