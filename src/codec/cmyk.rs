//! Colour models of files that are no colour model of images here: CMYK and YCbCr to sRGB.

use super::Loss;
use moxcms::{ColorProfile, DataColorSpace, Layout, TransformOptions};

/// Luma weights of red, green and blue in ITU-R BT.601, JPEG's.
pub(super) const BT601: [f32; 3] = [0.299, 0.587, 0.114];

/// CMYK pixels (255 is full ink) as sRGB, through the profile when it is a usable one for CMYK.
///
/// `notes` gets a line that says how.
pub(super) fn to_rgb(cmyk: &[u8], icc: Option<&[u8]>, notes: &mut Vec<String>) -> Vec<u8> {
    if let Some(rgb) = icc.and_then(|icc| through_profile(cmyk, icc)) {
        notes.push("CMYK converted to sRGB through the embedded profile".to_owned());
        return rgb;
    }
    notes.push("CMYK converted to RGB by formula: it has no usable profile".to_owned());
    if icc.is_some() {
        notes.push(Loss::Colour.note("ICC profile; it is not for CMYK or can't be read"));
    }
    let paper = |ink: u8, black: u8| ((u32::from(255 - ink) * u32::from(255 - black) + 127) / 255) as u8;
    let mut rgb = Vec::with_capacity(cmyk.len() / 4 * 3);
    for pixel in cmyk.chunks_exact(4) {
        rgb.extend([0, 1, 2].map(|i| paper(pixel[i], pixel[3])));
    }
    rgb
}

fn through_profile(cmyk: &[u8], icc: &[u8]) -> Option<Vec<u8>> {
    let profile = ColorProfile::new_from_slice(icc).ok()?;
    if profile.color_space != DataColorSpace::Cmyk {
        return None;
    }
    let srgb = ColorProfile::new_srgb();
    let transform =
        profile.create_transform_8bit(Layout::Rgba, &srgb, Layout::Rgb, TransformOptions::default()).ok()?;
    let mut rgb = vec![0; cmyk.len() / 4 * 3];
    transform.transform(cmyk, &mut rgb).ok()?;
    Some(rgb)
}

/// One full-range YCbCr pixel as RGB, with the luma weights that made it.
pub(super) fn ycc_to_rgb([y, cb, cr]: [u8; 3], [wr, wg, wb]: [f32; 3]) -> [u8; 3] {
    let (y, cb, cr) = (f32::from(y), f32::from(cb) - 128.0, f32::from(cr) - 128.0);
    let red = y + 2.0 * (1.0 - wr) * cr;
    let blue = y + 2.0 * (1.0 - wb) * cb;
    let green = (y - wr * red - wb * blue) / wg;
    [red, green, blue].map(|v| v.round().clamp(0.0, 255.0) as u8)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ink_darkens_by_formula() {
        let mut notes = Vec::new();
        let cmyk = [0, 0, 0, 0, 0, 0, 0, 255, 255, 0, 0, 0, 0, 128, 0, 0];
        let rgb = to_rgb(&cmyk, Some(b"no profile"), &mut notes);
        assert_eq!(rgb, [255, 255, 255, 0, 0, 0, 0, 255, 255, 255, 127, 255]);
        assert!(notes[0].contains("formula"));
    }

    #[test]
    fn gray_stays_gray_and_red_becomes_red() {
        assert_eq!(ycc_to_rgb([77, 128, 128], BT601), [77, 77, 77]);
        assert_eq!(ycc_to_rgb([76, 85, 255], BT601), [254, 0, 0]);
    }
}
