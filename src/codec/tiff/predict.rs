//! Undoing predictors, in place.

use super::layout::{Layout, Predictor};

/// Undoes a predictor in rows of `row` bytes; true when the numbers are little-endian afterwards.
pub(super) fn undo(data: &mut [u8], row: usize, layout: &Layout, little: bool) -> bool {
    let (step, size) = (layout.chunk_samples(), usize::from(layout.bits) / 8);
    match layout.predictor {
        Predictor::None => little,
        Predictor::Horizontal => {
            let add = match size {
                2 => add::<2>,
                4 => add::<4>,
                8 => add::<8>,
                _ => add::<1>,
            };
            data.chunks_exact_mut(row.max(1)).for_each(|row| add(row, step, little));
            little
        }
        Predictor::Float => {
            let mut numbers = vec![0; row];
            for row in data.chunks_exact_mut(row.max(1)) {
                add::<1>(row, step, little);
                // All highest bytes stand first, then all second ones.
                let count = row.len() / size.max(1);
                for (i, number) in numbers.chunks_exact_mut(size.max(1)).enumerate() {
                    for (byte, to) in number.iter_mut().enumerate() {
                        *to = row.get(byte * count + i).copied().unwrap_or(0);
                    }
                }
                row.copy_from_slice(&numbers);
            }
            false
        }
    }
}

/// Adds to every number of `N` bytes the one `step` before it.
fn add<const N: usize>(row: &mut [u8], step: usize, little: bool) {
    let (numbers, _) = row.as_chunks_mut::<N>();
    for i in step..numbers.len() {
        let sum = value(numbers[i], little).wrapping_add(value(numbers[i - step], little));
        let mut bytes = [0; N];
        for (place, byte) in bytes.iter_mut().enumerate() {
            let place = if little { place } else { N - 1 - place };
            *byte = (sum >> (8 * place)) as u8;
        }
        numbers[i] = bytes;
    }
}

fn value<const N: usize>(bytes: [u8; N], little: bool) -> u64 {
    let digit = |number: u64, byte: u8| number << 8 | u64::from(byte);
    if little { bytes.into_iter().rev().fold(0, digit) } else { bytes.into_iter().fold(0, digit) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_of_either_order_are_added_with_their_carry() {
        let mut little = [0xFF, 0x01, 7, 0, 0x02, 0x03, 1, 0];
        add::<2>(&mut little, 2, true);
        assert_eq!(little, [0xFF, 0x01, 7, 0, 0x01, 0x05, 8, 0]);
        let mut big = [0x01, 0xFF, 0x03, 0x02, 0xFF, 0xFF];
        add::<2>(&mut big, 1, false);
        assert_eq!(big, [0x01, 0xFF, 0x05, 0x01, 0x05, 0x00]);
        let mut bytes = [1, 2, 3, 255, 255, 255, 5, 5, 5];
        add::<1>(&mut bytes, 3, true);
        assert_eq!(bytes, [1, 2, 3, 0, 1, 2, 5, 6, 7]);
    }
}
