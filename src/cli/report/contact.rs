//! A contact sheet: one picture under every corruption at every severity, each with its name.

use crate::corrupt::{Context, Corruption, Frame, Recipe, RecipeError};
use crate::image::crop::{Gravity, crop_to};
use crate::image::sheet::{LETTER, Sheet};
use crate::image::{Depth, Image};
use crate::random::Rng;
use crate::spec::Diagnostics;

/// Cells of a row: severities 1 to 5, or five draws where there are no severities.
const CELLS: usize = 5;
const GAP: usize = 4;
const HEAD: usize = LETTER + 4;

/// Why a corruption can't be shown.
#[derive(Debug, thiserror::Error)]
pub(crate) enum PreviewError {
    /// Its recipe is refused.
    #[error(transparent)]
    Recipe(#[from] Diagnostics),
    /// It fails on this picture.
    #[error(transparent)]
    Corrupt(#[from] RecipeError),
}

/// The sheet: a heading and a row of five for each corruption, in two columns, 8-bit RGB.
///
/// `clean` (RGB or gray) is shown first of all; the corruptions work on it as it is, so that a picture of
/// about 160 pixels a side gives a sheet that fits a screen.
///
/// # Errors
/// When a corruption fails on this picture.
pub(crate) fn contact_sheet(clean: &Frame, chosen: &[&'static Corruption]) -> Result<Image, PreviewError> {
    let (width, height) = (clean.width + GAP, clean.height + HEAD + GAP);
    let columns = if chosen.len() > 6 { 2 } else { 1 };
    // The clean picture stands above the first column.
    let rows = chosen.len().div_ceil(columns);
    let size = (columns * (CELLS * width + 2 * GAP) + GAP, (rows + 1) * height + GAP);
    let mut sheet = Sheet::new(size.0, size.1);
    sheet.label("clean", (2 * GAP, GAP));
    sheet.picture(&clean.to_image(Depth::U8), 1, (2 * GAP, GAP + HEAD));
    for (number, corruption) in chosen.iter().enumerate() {
        let left = 2 * GAP + number / rows * (CELLS * width + 2 * GAP);
        let top = GAP + (number % rows + 1) * height;
        sheet.label(corruption.descriptor.name, (left, top));
        for cell in 0..CELLS {
            let picture = example(corruption, clean, cell)?.to_image(Depth::U8);
            // Some corruptions leave it larger than it was.
            let picture = crop_to(&picture, clean.width, clean.height, Gravity::TopLeft);
            sheet.picture(&picture, 1, (left + cell * width, top + HEAD));
        }
    }
    Ok(sheet.into_image())
}

/// One corruption at severity `cell + 1`, or its `cell`-th draw.
fn example(corruption: &Corruption, clean: &Frame, cell: usize) -> Result<Frame, PreviewError> {
    let name = corruption.descriptor.name;
    let yaml = if corruption.severities.is_empty() {
        format!("- {name}")
    } else {
        format!("- {name}: {{severity: {}}}", cell + 1)
    };
    let recipe = Recipe::parse(&yaml)?;
    let size = (clean.width, clean.height);
    // Half the size shows what `downscale` does.
    let target = if name == "downscale" { (size.0.div_ceil(2), size.1.div_ceil(2)) } else { size };
    let mut frame = clean.clone();
    let mut context = Context { rng: Rng::new(cell as u64), clean: size, target };
    recipe.apply(&mut frame, &mut context)?;
    Ok(frame)
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
        // No picture covers the paper beside it.
        let rows = CORRUPTIONS.len().div_ceil(columns);
        for (row, cell) in (0..rows).flat_map(|row| (0..CELLS).map(move |cell| (row, cell))) {
            let (left, top) = (8 + cell * 28, 4 + (row + 1) * 36 + HEAD);
            assert!((0..20).all(|y| (24..28).all(|x| (sheet.at(left + x, top + y, 0) - 0.13).abs() < 0.01)));
            assert!((20..24).all(|y| (0..24).all(|x| (sheet.at(left + x, top + y, 0) - 0.13).abs() < 0.01)));
        }
    }
}
