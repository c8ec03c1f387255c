//! Rows of a strip or tile as numbers.

/// Samples of one type, taken from a row's bytes.
pub(super) trait Sample: Copy + Default {
    /// Fills `out` with the row's first samples of `bits` bits, not scaled.
    fn unpack(row: &[u8], bits: u8, little: bool, out: &mut [Self]);
}

/// Numbers of less than 16 bits that follow each other without gaps, from the high bit on.
fn packed(row: &[u8], bits: usize) -> impl Iterator<Item = u16> {
    let mask = (1u32 << bits) - 1;
    (0..).map(move |i| {
        let at = i * bits;
        let byte = |n: usize| u32::from(row.get(at / 8 + n).copied().unwrap_or(0));
        let window = byte(0) << 16 | byte(1) << 8 | byte(2);
        (window >> (24 - at % 8 - bits) & mask) as u16
    })
}

impl Sample for u8 {
    fn unpack(row: &[u8], bits: u8, _little: bool, out: &mut [u8]) {
        if bits == 8 {
            out.iter_mut().zip(row).for_each(|(to, from)| *to = *from);
        } else {
            out.iter_mut().zip(packed(row, bits.into())).for_each(|(to, from)| *to = from as u8);
        }
    }
}

impl Sample for u16 {
    fn unpack(row: &[u8], bits: u8, little: bool, out: &mut [u16]) {
        if bits == 16 {
            let value = if little { u16::from_le_bytes } else { u16::from_be_bytes };
            out.iter_mut().zip(row.as_chunks().0).for_each(|(to, from)| *to = value(*from));
        } else {
            out.iter_mut().zip(packed(row, bits.into())).for_each(|(to, from)| *to = from);
        }
    }
}

impl Sample for f32 {
    fn unpack(row: &[u8], bits: u8, little: bool, out: &mut [f32]) {
        for (to, from) in out.iter_mut().zip(row.chunks_exact(usize::from(bits / 8).max(1))) {
            let digit = |number: u64, &byte: &u8| number << 8 | u64::from(byte);
            let raw = if little { from.iter().rev().fold(0, digit) } else { from.iter().fold(0, digit) };
            *to = match bits {
                16 => short_float(raw as u32, 5, 10),
                24 => short_float(raw as u32, 7, 16),
                32 => f32::from_bits(raw as u32),
                _ => f64::from_bits(raw) as f32,
            };
        }
    }
}

/// A floating-point number with fewer bits than an `f32`, which holds all of them exactly.
fn short_float(raw: u32, exponent_bits: u32, fraction_bits: u32) -> f32 {
    let exponent = raw >> fraction_bits & ((1 << exponent_bits) - 1);
    let fraction = raw & ((1 << fraction_bits) - 1);
    let bias = (1 << (exponent_bits - 1)) - 1;
    let unit = (fraction_bits as f32).exp2();
    let value = match exponent {
        0 => fraction as f32 / unit * (1.0 - bias as f32).exp2(),
        e if e == (1 << exponent_bits) - 1 => {
            if fraction == 0 {
                f32::INFINITY
            } else {
                f32::NAN
            }
        }
        e => (1.0 + fraction as f32 / unit) * (e as f32 - bias as f32).exp2(),
    };
    if raw >> (exponent_bits + fraction_bits) & 1 == 1 { -value } else { value }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn unpacked<T: Sample>(row: &[u8], bits: u8, little: bool, count: usize) -> Vec<T> {
        let mut out = vec![T::default(); count];
        T::unpack(row, bits, little, &mut out);
        out
    }

    #[test]
    fn integers_of_all_depths() {
        assert_eq!(unpacked::<u8>(&[0b1010_0110], 1, true, 8), [1, 0, 1, 0, 0, 1, 1, 0]);
        assert_eq!(unpacked::<u8>(&[0b1010_0110, 0b0111_0000], 3, true, 4), [5, 1, 4, 7]);
        assert_eq!(unpacked::<u8>(&[0x12, 0x34], 4, true, 4), [1, 2, 3, 4]);
        assert_eq!(unpacked::<u16>(&[0x12, 0x34, 0x56], 12, true, 2), [0x123, 0x456]);
        assert_eq!(unpacked::<u16>(&[0xFF, 0xC0, 0x08], 10, false, 2), [0x3FF, 0]);
        assert_eq!(unpacked::<u16>(&[0x12, 0x34], 16, true, 1), [0x3412]);
        assert_eq!(unpacked::<u16>(&[0x12, 0x34], 16, false, 1), [0x1234]);
        assert_eq!(unpacked::<u16>(&[0xFF, 0xFE, 0x00, 0x04], 15, true, 2), [0x7FFF, 1]);
    }

    #[test]
    fn floats_of_all_depths() {
        assert_eq!(unpacked::<f32>(&0x3C00u16.to_le_bytes(), 16, true, 1), [1.0]);
        assert_eq!(unpacked::<f32>(&0xB801u16.to_be_bytes(), 16, false, 1), [-0.500_488_3]);
        assert_eq!(unpacked::<f32>(&[0x00, 0x01], 16, false, 1), [5.960_464_5e-8]);
        assert_eq!(unpacked::<f32>(&[0x3F, 0x00, 0x00], 24, false, 1), [1.0]);
        assert_eq!(unpacked::<f32>(&[0x00, 0x80, 0x3E], 24, true, 1), [0.75]);
        assert_eq!(unpacked::<f32>(&0.3f32.to_be_bytes(), 32, false, 1), [0.3]);
        assert_eq!(unpacked::<f32>(&0.3f64.to_le_bytes(), 64, true, 1), [0.3]);
        assert!(unpacked::<f32>(&[0x7C, 0x01], 16, false, 1)[0].is_nan());
    }
}
