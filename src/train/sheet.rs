//! A contact sheet of a training: what went in, what came out, what should have.

use crate::image::Image;
use crate::image::sheet::{LETTER, Sheet};

const GAP: usize = 4;
/// No picture's longer side is shown smaller than this.
const LEAST: usize = 96;

/// The sheet: a row for each of `rows`, its pictures from left to right below the `captions` of the columns.
///
/// Pictures of a row get about the same height: tiny ones are enlarged by repeating pixels, each by a whole number,
/// so that none is smaller than 96 pixels; larger ones stay as they are. 8-bit RGB, transparent pixels over white.
pub fn sheet(rows: &[Vec<Image>], captions: &[&str]) -> Image {
    let heights: Vec<usize> = rows.iter().map(|row| row_height(row)).collect();
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0).max(captions.len());
    let width = |column: usize| {
        let pictures = rows
            .iter()
            .zip(&heights)
            .filter_map(|(row, height)| row.get(column).map(|image| image.width * factor(image, *height)));
        // Captions don't run into each other.
        let letters = captions.get(column).map_or(0, |c| c.chars().count() * LETTER);
        pictures.max().unwrap_or(0).max(letters)
    };
    let widths: Vec<usize> = (0..columns).map(width).collect();
    let all = |sides: &[usize]| sides.iter().map(|s| s + GAP).sum::<usize>() + GAP;
    let head = if captions.is_empty() { 0 } else { LETTER + GAP };
    let mut sheet = Sheet::new(all(&widths), head + all(&heights));
    let lefts: Vec<usize> = (0..columns).map(|c| all(&widths[..c])).collect();
    captions.iter().zip(&lefts).for_each(|(caption, left)| sheet.label(caption, (*left, GAP)));
    let mut top = head + GAP;
    for (row, height) in rows.iter().zip(&heights) {
        for (image, left) in row.iter().zip(&lefts) {
            let factor = factor(image, *height);
            sheet.picture(image, factor, (*left, top + (height - image.height * factor) / 2));
        }
        top += height + GAP;
    }
    sheet.into_image()
}

/// The height of the tallest picture, or the first multiple of it at which all are large enough.
fn row_height(row: &[Image]) -> usize {
    let tallest = row.iter().map(|i| i.height).max().unwrap_or(0);
    let small = |height: usize| row.iter().any(|i| i.width.max(i.height) * factor(i, height) < LEAST);
    // Twice `LEAST` is enough for any, since half of it is filled at least.
    (1..=2 * LEAST).map(|n| n * tallest).find(|height| !small(*height)).unwrap_or(tallest)
}

/// How many times a picture is enlarged to fill a height.
fn factor(image: &Image, height: usize) -> usize {
    (height / image.height.max(1)).max(1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::image::{Depth, Samples};

    fn slope(width: usize, height: usize, channels: usize) -> Image {
        let mut image = Image::new(width, height, channels, Depth::F32);
        for i in 0..image.samples.len() {
            let (pixel, c) = (i / channels, i % channels);
            let (x, y) = ((pixel % width) as f32 / width as f32, (pixel / width) as f32 / height as f32);
            // A little outside of the range at one end.
            image.samples.set(i, [x * 1.1, y, 1.0 - x][c]);
        }
        image
    }

    #[test]
    fn pictures_stand_in_columns() {
        // Super-resolution above, a gray digit below.
        let rows = vec![
            vec![slope(16, 16, 3), slope(64, 64, 3), slope(64, 64, 3)],
            vec![slope(28, 28, 1), slope(28, 28, 1), slope(28, 28, 1)],
        ];
        let sheet = sheet(&rows, &["input", "output", "clean, as it should be"]);
        assert_eq!((sheet.width, sheet.height), (4 + 132 + 132 + 180, 16 + 132 + 116));
        assert!(matches!(sheet.samples, Samples::U8(_)) && sheet.channels == 3);
        // The first picture's corners: blocks of 8 pixels.
        assert!((sheet.at(4 + 127, 16 + 127, 1) - 15.0 / 16.0).abs() < 0.01);
        assert_eq!(sheet.at(4, 16 + 7, 2), sheet.at(4 + 7, 16, 2));
        assert!((sheet.at(4 + 128, 16, 0) - 0.13).abs() < 0.01 && (sheet.at(3, 16, 0) - 0.13).abs() < 0.01);
        // Gray in all channels; a value above the range is white.
        let below = 16 + 132 + 8;
        assert_eq!(sheet.at(50, below, 0), sheet.at(50, below, 2));
        assert_eq!(sheet.at(4 + 111, below, 1), 1.0);
        // A letter.
        assert!((0..8).any(|x| (0..8).any(|y| sheet.at(4 + x, 4 + y, 0) > 0.8)));
        if let Some(folder) = std::env::var_os("SHEET_OUT")
            && let Samples::U8(bytes) = &sheet.samples
        {
            let head = format!("P6 {} {} 255\n", sheet.width, sheet.height);
            let path = std::path::Path::new(&folder).join("sheet.ppm");
            std::fs::write(path, [head.as_bytes(), bytes].concat()).unwrap();
        }
    }

    #[test]
    fn heights_of_rows() {
        let height = |sides: &[(usize, usize)]| {
            row_height(&sides.iter().map(|s| Image::new(s.0, s.1, 1, Depth::U8)).collect::<Vec<_>>())
        };
        assert_eq!(height(&[(128, 128), (128, 128)]), 128);
        assert_eq!(height(&[(100, 100), (51, 51)]), 200);
        assert_eq!(height(&[(32, 32)]), 96);
        assert_eq!(height(&[(1, 1)]), 96);
        assert_eq!(height(&[(256, 3)]), 3);
        assert_eq!(height(&[]), 0);
    }

    #[test]
    fn strange_input() {
        let empty = sheet(&[], &[]);
        assert_eq!((empty.width, empty.height), (4, 4));
        let uneven = sheet(&[vec![], vec![slope(8, 8, 1)]], &["é?", "b"]);
        assert_eq!((uneven.width, uneven.height), (4 + 100 + 12, 16 + 4 + 100));
        let mut glass = Image::new(96, 96, 3, Depth::U8);
        glass.alpha = Some(Samples::zeroed(Depth::U8, 96 * 96));
        assert_eq!(sheet(&[vec![glass]], &[]).at(50, 50, 0), 1.0);
    }
}
