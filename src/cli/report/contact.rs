//! A contact sheet: one picture under every corruption at every severity, each with its name.

use crate::corrupt::{Context, Corruption, Frame, Recipe};
use crate::image::{Depth, Image};
use crate::random::Rng;
use font8x8::legacy::BASIC_LEGACY;

/// Cells of a row: severities 1 to 5, or five draws where there are no severities.
const CELLS: usize = 5;
const GAP: usize = 4;
/// Side of a letter, in pixels.
const LETTER: usize = 8;
const HEAD: usize = LETTER + 4;

/// The sheet: a heading and a row of five for each corruption, in two columns, 8-bit RGB.
///
/// `clean` (RGB or gray) is shown first of all; the corruptions work on it as it is, so that a picture of
/// about 160 pixels a side gives a sheet that fits a screen.
///
/// # Errors
/// In words, when a corruption fails on this picture.
pub fn contact_sheet(clean: &Frame, chosen: &[&'static Corruption]) -> Result<Image, String> {
    let (width, height) = (clean.width + GAP, clean.height + HEAD + GAP);
    let columns = if chosen.len() > 6 { 2 } else { 1 };
    // The clean picture stands above the first column.
    let rows = chosen.len().div_ceil(columns);
    let size = (columns * (CELLS * width + 2 * GAP) + GAP, (rows + 1) * height + GAP);
    let mut sheet = Image::new(size.0, size.1, 3, Depth::U8);
    (0..sheet.samples.len()).for_each(|i| sheet.samples.set(i, 0.13));
    text(&mut sheet, "clean", 2 * GAP, GAP);
    paste(&mut sheet, clean, (clean.width, clean.height), (2 * GAP, GAP + HEAD));
    for (number, corruption) in chosen.iter().enumerate() {
        let left = 2 * GAP + number / rows * (CELLS * width + 2 * GAP);
        let top = GAP + (number % rows + 1) * height;
        text(&mut sheet, corruption.descriptor.name, left, top);
        for cell in 0..CELLS {
            let frame = example(corruption, clean, cell)?;
            paste(&mut sheet, &frame, (clean.width, clean.height), (left + cell * width, top + HEAD));
        }
    }
    Ok(sheet)
}

/// One corruption at severity `cell + 1`, or its `cell`-th draw.
fn example(corruption: &Corruption, clean: &Frame, cell: usize) -> Result<Frame, String> {
    let name = corruption.descriptor.name;
    let yaml = if corruption.severities.is_empty() {
        format!("- {name}")
    } else {
        format!("- {name}: {{severity: {}}}", cell + 1)
    };
    let recipe = Recipe::parse(&yaml).map_err(|e| e.render())?;
    let size = (clean.width, clean.height);
    // Half the size shows what `downscale` does.
    let target = if name == "downscale" { (size.0.div_ceil(2), size.1.div_ceil(2)) } else { size };
    let mut frame = clean.clone();
    let mut context = Context { rng: Rng::new(cell as u64), clean: size, target };
    recipe.apply(&mut frame, &mut context)?;
    Ok(frame)
}

/// Puts the part of a frame that fits a cell onto the sheet.
fn paste(sheet: &mut Image, frame: &Frame, cell: (usize, usize), (left, top): (usize, usize)) {
    for y in 0..frame.height.min(cell.1) {
        for x in 0..frame.width.min(cell.0) {
            for c in 0..3 {
                let plane = &frame.planes[c.min(frame.planes.len() - 1)];
                sheet.samples.set(((top + y) * sheet.width + left + x) * 3 + c, plane[y * frame.width + x]);
            }
        }
    }
}

fn text(sheet: &mut Image, words: &str, left: usize, top: usize) {
    for (n, letter) in words.bytes().enumerate() {
        let glyph = BASIC_LEGACY.get(usize::from(letter)).copied().unwrap_or_default();
        for (y, bits) in glyph.iter().enumerate() {
            for x in (0..LETTER).filter(|x| bits >> x & 1 == 1) {
                let (x, y) = (left + n * LETTER + x, top + y);
                if x < sheet.width && y < sheet.height {
                    (0..3).for_each(|c| sheet.samples.set((y * sheet.width + x) * 3 + c, 0.85));
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::corrupt::CORRUPTIONS;

    #[test]
    fn every_corruption_has_its_row() {
        let clean = Frame { width: 24, height: 20, planes: vec![vec![0.5; 480]; 3] };
        let sheet = contact_sheet(&clean, CORRUPTIONS).unwrap();
        let columns = if CORRUPTIONS.len() > 6 { 2 } else { 1 };
        assert_eq!(sheet.width, columns * (5 * 28 + 8) + 4);
        assert_eq!(sheet.height, (CORRUPTIONS.len().div_ceil(columns) + 1) * 36 + 4);
        // The clean picture, and a letter of its heading.
        assert!((sheet.at(10, 18, 0) - 0.5).abs() < 0.01);
        assert!((0..8).any(|x| (0..8).any(|y| sheet.at(8 + x, 4 + y, 0) > 0.8)));
    }
}
