//! Some rows and columns of a picture, for what lines of pixels tell.

/// Which way a line goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Way {
    /// A row.
    Across,
    /// A column.
    Down,
}

/// Pixels from one line to the next, in a picture of these sides: no multiple of 8, for JPEG blocks to be met at all
/// their rows.
fn step(width: usize, height: usize) -> usize {
    match width.min(height) {
        4096.. => 53,
        2048.. => 29,
        1024.. => 13,
        384.. => 7,
        128.. => 3,
        _ => 1,
    }
}

/// Bytes that [`each`] takes.
pub(super) fn bytes(width: u64, height: u64) -> u64 {
    let least = usize::try_from(width.min(height)).unwrap_or(usize::MAX);
    4 * width * height / step(least, least) as u64 + 8 * (width + height)
}

/// Calls `seen` with every so many rows and columns of the plane: the way, where on the other axis the line lies, its values.
///
/// With `smooth` a line is a quarter of the one before, half its own and a quarter of the one behind, which takes noise
/// away and leaves what happens along the line.
pub(super) fn each(
    (plane, width, height): (&[f32], usize, usize),
    smooth: bool,
    mut seen: impl FnMut(Way, usize, &[f32]),
) {
    if width < 3 || height < 3 {
        return;
    }
    let step = step(width, height);
    let row = |y: usize| &plane[y * width..][..width];
    let mut line = vec![0.0; width];
    for y in (1..height - 1).step_by(step) {
        if smooth {
            let (before, here, behind) = (row(y - 1), row(y), row(y + 1));
            for x in 0..width {
                line[x] = 0.25 * (before[x] + behind[x]) + 0.5 * here[x];
            }
            seen(Way::Across, y, &line);
        } else {
            seen(Way::Across, y, row(y));
        }
    }
    // All columns in one pass over the rows.
    let columns: Vec<usize> = (1..width - 1).step_by(step).collect();
    let mut lines = vec![0.0; columns.len() * height];
    for y in 0..height {
        let row = row(y);
        for (x, line) in columns.iter().zip(lines.chunks_exact_mut(height)) {
            line[y] = if smooth { 0.25 * (row[x - 1] + row[x + 1]) + 0.5 * row[*x] } else { row[*x] };
        }
    }
    for (x, line) in columns.iter().zip(lines.chunks_exact(height)) {
        seen(Way::Down, *x, line);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_of_both_ways() {
        let plane: Vec<f32> = (0..5 * 4).map(|i| ((i % 5) * 10 + i / 5) as f32).collect();
        let mut found = Vec::new();
        each((&plane, 5, 4), false, |way, at, line| found.push((way, at, line.to_vec())));
        assert_eq!(found.len(), 2 + 3);
        assert_eq!(found[0], (Way::Across, 1, vec![1.0, 11.0, 21.0, 31.0, 41.0]));
        assert_eq!(found[2], (Way::Down, 1, vec![10.0, 11.0, 12.0, 13.0]));
        // Smoothing leaves a plane that is linear.
        let mut smooth = Vec::new();
        each((&plane, 5, 4), true, |way, at, line| smooth.push((way, at, line.to_vec())));
        assert_eq!(smooth, found);
        each((&plane, 2, 10), false, |_, _, _| panic!("too narrow"));
    }
}
