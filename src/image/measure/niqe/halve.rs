//! A picture at half its size.

use multiversion::multiversion;

/// Half of the eight weights of the antialiased bicubic filter (a = -1/2) that halves.
const HALVING: [f32; 4] = [-3.0 / 256.0, -9.0 / 256.0, 29.0 / 256.0, 111.0 / 256.0];

/// The picture at half its size, its borders mirrored.
pub(super) fn halve(rows: &[&[f32]]) -> Vec<f32> {
    const TAPS: usize = 2 * HALVING.len();
    let (width, height) = (rows[0].len(), rows.len());
    let mirrored = |i: isize, n: usize| -> usize {
        let n = n as isize;
        (if i < 0 {
            -i - 1
        } else if i >= n {
            2 * n - 1 - i
        } else {
            i
        })
        .clamp(0, n - 1) as usize
    };
    let mut out = vec![0.0; (width / 2) * (height / 2)];
    let mut row = vec![0.0; width + TAPS];
    let (mut even, mut odd) = (vec![0.0; width / 2 + 4], vec![0.0; width / 2 + 4]);
    for (y, out) in out.chunks_exact_mut(width / 2).enumerate() {
        let taps: [&[f32]; TAPS] =
            std::array::from_fn(|k| rows[mirrored(2 * y as isize + k as isize - 3, height)]);
        combine(&taps, &mut row[3..width + 3]);
        for k in 0..3 {
            row[k] = row[5 - k];
            row[width + 3 + k] = row[width + 2 - k];
        }
        halve_row(&row, &mut even, &mut odd, out);
    }
    out
}

#[multiversion(targets("x86_64+avx512f+avx512bw+avx512dq+avx512vl", "x86_64+avx2"))]
fn combine(taps: &[&[f32]; 8], out: &mut [f32]) {
    let n = out.len();
    let taps: [&[f32]; 8] = std::array::from_fn(|k| &taps[k][..n]);
    for i in 0..n {
        let mut sum = 0.0;
        for (k, weight) in HALVING.iter().enumerate() {
            sum += (taps[k][i] + taps[7 - k][i]) * weight;
        }
        out[i] = sum;
    }
}

#[multiversion(targets("x86_64+avx512f+avx512bw+avx512dq+avx512vl", "x86_64+avx2"))]
fn halve_row(row: &[f32], even: &mut [f32], odd: &mut [f32], out: &mut [f32]) {
    let pairs = row.as_chunks::<2>().0;
    let count = pairs.len().min(even.len()).min(odd.len());
    let (pairs, first, second) = (&pairs[..count], &mut even[..count], &mut odd[..count]);
    for i in 0..count {
        (first[i], second[i]) = (pairs[i][0], pairs[i][1]);
    }
    let n = out.len();
    let even: [&[f32]; 4] = std::array::from_fn(|k| &even[k..][..n]);
    let odd: [&[f32]; 4] = std::array::from_fn(|k| &odd[k..][..n]);
    for i in 0..n {
        out[i] = (even[0][i] + odd[3][i]) * HALVING[0]
            + (odd[0][i] + even[3][i]) * HALVING[1]
            + (even[1][i] + odd[2][i]) * HALVING[2]
            + (odd[1][i] + even[2][i]) * HALVING[3];
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn planes_stay_planes() {
        let plane: Vec<f32> = (0..40 * 30).map(|i| (i % 40) as f32 + 2.0 * (i / 40) as f32).collect();
        let rows: Vec<&[f32]> = plane.chunks_exact(40).collect();
        let half = halve(&rows);
        assert_eq!(half.len(), 20 * 15);
        for (i, value) in half
            .iter()
            .enumerate()
            .filter(|(i, _)| (2..18).contains(&(i % 20)) && (2..13).contains(&(i / 20)))
        {
            let wanted = 2.0 * (i % 20) as f32 + 0.5 + 2.0 * (2.0 * (i / 20) as f32 + 0.5);
            assert!((value - wanted).abs() < 1e-4, "{i}: {value} {wanted}");
        }
        // Odd sides lose their last line; one tone stays.
        let flat = vec![vec![0.25f32; 9]; 7];
        let rows: Vec<&[f32]> = flat.iter().map(Vec::as_slice).collect();
        assert!(halve(&rows).iter().all(|v| (v - 0.25).abs() < 1e-6) && halve(&rows).len() == 12);
    }
}
