//! Missing colours behind a Bayer filter: PPG (pattern pixel grouping, C.-K. Lin 2003) as LibRaw has it, with green
//! kept between its neighbours.

/// Pixels at each border that are averages of their neighbours instead.
const BORDER: usize = 3;

/// A mosaic on its way to a picture.
struct Grid {
    width: usize,
    height: usize,
    /// Colours of the four places of the filter: 0 red, 1 green, 2 blue.
    pattern: [usize; 4],
    pixels: Vec<[f32; 3]>,
}

/// Interpolates a mosaic of `width` values a row, whose filter begins with `pattern`: the colours of its four places, row by
/// row. `None` unless these are a red, a blue, and greens at opposite corners, and the values are whole rows.
pub(super) fn interpolated(values: &[f32], width: usize, pattern: [usize; 4]) -> Option<Vec<[f32; 3]>> {
    let bayer = match pattern {
        [1, a, b, 1] | [a, 1, 1, b] => a.min(b) == 0 && a.max(b) == 2,
        _ => false,
    };
    let height = values.len().checked_div(width)?;
    if !bayer || height * width != values.len() {
        return None;
    }
    let mut grid = Grid { width, height, pattern, pixels: vec![[0.0; 3]; values.len()] };
    for (i, value) in values.iter().enumerate() {
        let colour = grid.colour(i / width, i % width);
        grid.pixels[i][colour] = *value;
    }
    grid.border();
    grid.green();
    grid.beside_green();
    grid.opposite();
    Some(grid.pixels)
}

impl Grid {
    fn colour(&self, row: usize, column: usize) -> usize {
        self.pattern[row % 2 * 2 + column % 2]
    }

    /// The places at least `from` away from all borders, by their index.
    fn inner(&self, from: usize) -> impl Iterator<Item = (usize, usize, usize)> + use<> {
        let (width, height) = (self.width, self.height);
        let columns = move |row| (from..width.saturating_sub(from)).map(move |column| (row, column));
        let rows = from..height.saturating_sub(from);
        rows.flat_map(columns).map(move |(row, column)| (row * width + column, row, column))
    }

    /// Averages of the neighbours of each colour, at the borders.
    fn border(&mut self) {
        for row in 0..self.height {
            for column in 0..self.width {
                let inside = |at: usize, most: usize| (BORDER..most.saturating_sub(BORDER)).contains(&at);
                if inside(row, self.height) && inside(column, self.width) {
                    continue;
                }
                let (mut sum, mut count) = ([0.0; 3], [0.0; 3]);
                for y in row.saturating_sub(1)..(row + 2).min(self.height) {
                    for x in column.saturating_sub(1)..(column + 2).min(self.width) {
                        let colour = self.colour(y, x);
                        sum[colour] += self.pixels[y * self.width + x][colour];
                        count[colour] += 1.0;
                    }
                }
                let own = self.colour(row, column);
                for colour in (0..3).filter(|&colour| colour != own && count[colour] > 0.0) {
                    self.pixels[row * self.width + column][colour] = sum[colour] / count[colour];
                }
            }
        }
    }

    /// Green at red and blue places, along the direction in which less changes.
    fn green(&mut self) {
        for (at, row, column) in self.inner(BORDER) {
            let own = self.colour(row, column);
            if own == 1 {
                continue;
            }
            let along = |step: usize| {
                let green = |ahead: usize, back: usize| self.pixels[at + ahead * step - back * step][1];
                let same = |ahead: usize, back: usize| self.pixels[at + ahead * step - back * step][own];
                let (here, before, after) = (same(0, 0), green(0, 1), green(1, 0));
                let (far_before, far_after) = (same(0, 2), same(2, 0));
                let near = (far_before - here).abs() + (far_after - here).abs() + (before - after).abs();
                let far = (green(3, 0) - after).abs() + (green(0, 3) - before).abs();
                let guess = ((before + here + after) * 2.0 - far_before - far_after) / 4.0;
                (near * 3.0 + far * 2.0, guess.clamp(before.min(after), before.max(after)))
            };
            let (across, down) = (along(1), along(self.width));
            self.pixels[at][1] = if across.0 > down.0 { down.1 } else { across.1 };
        }
    }

    /// A colour between two places that have it, as green changes between them.
    fn between(&self, at: usize, step: usize, colour: usize) -> f32 {
        let (before, after) = (self.pixels[at - step], self.pixels[at + step]);
        let sum = before[colour] + after[colour] + 2.0 * self.pixels[at][1] - before[1] - after[1];
        (sum / 2.0).clamp(0.0, 1.0)
    }

    /// Red and blue at green places.
    fn beside_green(&mut self) {
        for (at, row, column) in self.inner(1) {
            if self.colour(row, column) == 1 {
                let beside = self.colour(row, column + 1);
                self.pixels[at][beside] = self.between(at, 1, beside);
                self.pixels[at][2 - beside] = self.between(at, self.width, 2 - beside);
            }
        }
    }

    /// Red at blue places and blue at red ones.
    fn opposite(&mut self) {
        for (at, row, column) in self.inner(1) {
            let own = self.colour(row, column);
            if own == 1 {
                continue;
            }
            let wanted = 2 - own;
            let change = |step: usize| {
                let (before, here, after) = (self.pixels[at - step], self.pixels[at], self.pixels[at + step]);
                (before[wanted] - after[wanted]).abs()
                    + (before[1] - here[1]).abs()
                    + (after[1] - here[1]).abs()
            };
            let (falling, rising) = (self.width + 1, self.width - 1);
            let (a, b) = (self.between(at, falling, wanted), self.between(at, rising, wanted));
            let (changes_a, changes_b) = (change(falling), change(rising));
            self.pixels[at][wanted] = if changes_a == changes_b {
                (a + b) / 2.0
            } else if changes_a > changes_b {
                b
            } else {
                a
            };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_bayer_filters_and_whole_rows_are_interpolated() {
        assert!(interpolated(&[0.5; 64], 8, [0, 1, 1, 2]).is_some());
        assert!(interpolated(&[0.5; 64], 8, [0, 1, 2, 1]).is_none());
        assert!(interpolated(&[0.5; 64], 8, [1, 1, 1, 1]).is_none());
        assert!(interpolated(&[0.5; 63], 8, [0, 1, 1, 2]).is_none());
        assert!(interpolated(&[], 0, [0, 1, 1, 2]).is_none());
    }

    #[test]
    fn flat_mosaics_of_any_size_stay_flat() {
        for (width, height) in [(2, 2), (3, 5), (7, 6), (16, 9)] {
            let flat = interpolated(&vec![0.25; width * height], width, [2, 1, 1, 0]).unwrap();
            assert!(flat.iter().flatten().all(|value| (value - 0.25).abs() < 1e-6), "{width} x {height}");
        }
    }

    #[test]
    fn an_edge_of_neutral_light_does_not_overshoot() {
        // Balanced values do not depend on the filter's colour.
        let values: Vec<f32> = (0..24 * 24).map(|i| if i % 24 < 11 { 0.1 } else { 0.9 }).collect();
        let pixels = interpolated(&values, 24, [0, 1, 1, 2]).unwrap();
        for pixel in pixels.chunks_exact(24).skip(4).take(16).flat_map(|row| &row[4..20]) {
            assert!(pixel.iter().all(|value| (0.0999..0.9001).contains(value)), "{pixel:?}");
        }
    }
}
