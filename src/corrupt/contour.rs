//! Edges (Canny) and the distance to them, as OpenCV finds them.

/// Marks the edges of an 8-bit plane: thin maxima of the Sobel gradient (sum of magnitudes) above `high`, and
/// those above `low` that touch them.
pub(super) fn canny(plane: &[u8], width: usize, low: i32, high: i32) -> Vec<bool> {
    let height = plane.len() / width;
    let stride = width + 2;
    // A frame of zeros around the magnitudes spares the tests for borders.
    let mut gradient = vec![(0i16, 0i16); stride * (height + 2)];
    let line = |y: usize| &plane[y * width..(y + 1) * width];
    for y in 0..height {
        let lines = [line(y.saturating_sub(1)), line(y), line((y + 1).min(height - 1))];
        let to = &mut gradient[(y + 1) * stride + 1..][..width];
        for (x, to) in to.iter_mut().enumerate() {
            let [a, b, c] = [x.saturating_sub(1), x, (x + 1).min(width - 1)];
            let at = |row: usize, column: usize| i16::from(lines[row][column]);
            let across = (at(0, c) - at(0, a)) + 2 * (at(1, c) - at(1, a)) + (at(2, c) - at(2, a));
            let down = (at(2, a) - at(0, a)) + 2 * (at(2, b) - at(0, b)) + (at(2, c) - at(0, c));
            *to = (across, down);
        }
    }
    let magnitude: Vec<i32> = gradient.iter().map(|(x, y)| i32::from(x.abs()) + i32::from(y.abs())).collect();
    let mut weak = vec![false; gradient.len()];
    let mut edges = vec![false; gradient.len()];
    let mut open = Vec::new();
    for y in 1..=height {
        for i in y * stride + 1..y * stride + 1 + width {
            let m = magnitude[i];
            if m > low && is_peak(&magnitude, gradient[i], i, stride) {
                weak[i] = true;
                if m > high {
                    edges[i] = true;
                    open.push(i);
                }
            }
        }
    }
    while let Some(i) = open.pop() {
        for j in [
            i - stride - 1,
            i - stride,
            i - stride + 1,
            i - 1,
            i + 1,
            i + stride - 1,
            i + stride,
            i + stride + 1,
        ] {
            if weak[j] && !edges[j] {
                edges[j] = true;
                open.push(j);
            }
        }
    }
    edges.chunks_exact(stride).skip(1).take(height).flat_map(|row| &row[1..=width]).copied().collect()
}

/// Whether the magnitude at `i` is a maximum along its gradient, in one of four directions.
fn is_peak(magnitude: &[i32], (dx, dy): (i16, i16), i: usize, stride: usize) -> bool {
    let m = magnitude[i];
    // tan(22.5 degrees) in 15 bits, as OpenCV has it.
    let (x, y) = (i32::from(dx).abs(), i32::from(dy).abs() << 15);
    let shallow = x * 13_573;
    if y < shallow {
        m > magnitude[i - 1] && m >= magnitude[i + 1]
    } else if y > shallow + (x << 16) {
        m > magnitude[i - stride] && m >= magnitude[i + stride]
    } else {
        let (before, after) =
            if (dx ^ dy) < 0 { (i - stride + 1, i + stride - 1) } else { (i - stride - 1, i + stride + 1) };
        m > magnitude[before] && m > magnitude[after]
    }
}

/// The distance in pixels of every pixel to the nearest mark, at most `limit`: by steps to the 8 neighbours
/// and knight's moves.
pub(super) fn distance(marks: &[bool], width: usize, limit: f32) -> Vec<f32> {
    let height = marks.len() / width;
    let stride = width + 4;
    let mut map = vec![limit; stride * (height + 4)];
    for (row, marks) in map[2 * stride..].chunks_exact_mut(stride).zip(marks.chunks_exact(width)) {
        row[2..].iter_mut().zip(marks).filter(|(_, mark)| **mark).for_each(|(v, _)| *v = 0.0);
    }
    // From the top left, then the same from the bottom right.
    for _ in 0..2 {
        for y in 2..height + 2 {
            let (done, rest) = map.split_at_mut(y * stride);
            let (far, near) = (&done[(y - 2) * stride..(y - 1) * stride], &done[(y - 1) * stride..]);
            let row = &mut rest[..stride];
            for (v, (far, near)) in row[2..].iter_mut().zip(far.windows(5).zip(near.windows(5))) {
                let knight = far[1].min(far[3]).min(near[0]).min(near[4]) + 2.1969;
                *v = v.min(knight).min(near[1].min(near[3]) + 1.4).min(near[2] + 1.0);
            }
            let mut left = limit;
            for v in &mut row[2..width + 2] {
                left = v.min(left + 1.0);
                *v = left;
            }
        }
        map.reverse();
    }
    map.chunks_exact(stride).skip(2).take(height).flat_map(|row| &row[2..width + 2]).copied().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_step_has_one_thin_edge() {
        let plane: Vec<u8> = (0..12 * 9).map(|i| if i % 12 < 5 { 0 } else { 200 }).collect();
        let edges = canny(&plane, 12, 50, 150);
        for row in edges.chunks_exact(12) {
            assert_eq!(row.iter().filter(|e| **e).count(), 1, "{row:?}");
            assert!(row[4] || row[5]);
        }
        assert!(!canny(&[7; 20], 4, 50, 150).contains(&true));
    }

    #[test]
    fn distances_are_nearly_euclidean_up_to_the_limit() {
        let mut marks = vec![false; 21 * 21];
        marks[10 * 21 + 10] = true;
        for (i, found) in distance(&marks, 21, 8.0).iter().enumerate() {
            let (x, y) = ((i % 21) as f32 - 10.0, (i / 21) as f32 - 10.0);
            let expected = (x * x + y * y).sqrt().min(8.0);
            assert!((found - expected).abs() < 0.03 * expected + 1e-3, "{x} {y}: {found} {expected}");
        }
    }
}
