//! A hash of what a picture looks like, whatever file it is in.

use super::orient::upright;
use super::{Image, Samples};
use std::borrow::Cow;

/// Samples that are turned into bytes at once.
const BLOCK: usize = 4096;

/// BLAKE3, in hexadecimal, of size, channels, depth and samples of the upright picture, alpha among them where any pixel is not
/// opaque.
pub(crate) fn pixel_hash(image: &Image, orientation: u8) -> String {
    let image = match orientation {
        2..=8 => Cow::Owned(upright(image.clone(), orientation)),
        _ => Cow::Borrowed(image),
    };
    let alpha = image.alpha.as_ref().filter(|alpha| !is_opaque(alpha));
    let mut hasher = blake3::Hasher::new();
    for number in [image.width, image.height, image.channels] {
        hasher.update(&(number as u64).to_le_bytes());
    }
    hasher.update(&[image.depth().bits(), u8::from(alpha.is_some())]);
    add(&mut hasher, &image.samples);
    alpha.iter().for_each(|alpha| add(&mut hasher, alpha));
    hasher.finalize().to_hex().to_string()
}

fn is_opaque(alpha: &Samples) -> bool {
    match alpha {
        Samples::U8(v) => v.iter().all(|v| *v == u8::MAX),
        Samples::U16(v) => v.iter().all(|v| *v == u16::MAX),
        Samples::F32(v) => v.iter().all(|v| *v == 1.0),
    }
}

fn add(hasher: &mut blake3::Hasher, samples: &Samples) {
    match samples {
        Samples::U8(v) => {
            hasher.update(v);
        }
        Samples::U16(v) => {
            for block in v.chunks(BLOCK) {
                hasher.update(&block.iter().flat_map(|v| v.to_le_bytes()).collect::<Vec<u8>>());
            }
        }
        Samples::F32(v) => {
            for block in v.chunks(BLOCK) {
                hasher.update(&block.iter().flat_map(|v| v.to_bits().to_le_bytes()).collect::<Vec<u8>>());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn picture(samples: Samples) -> Image {
        Image { width: 3, height: 2, channels: 1, samples, alpha: None }
    }

    #[test]
    fn what_is_seen_makes_the_hash() {
        let stored = picture(Samples::U8(vec![0, 1, 2, 3, 4, 5]));
        let hash = pixel_hash(&stored, 1);
        for turned in 2..=8 {
            assert_eq!(pixel_hash(&upright(stored.clone(), turned), 1), pixel_hash(&stored, turned));
            assert_ne!(pixel_hash(&stored, turned), hash);
        }
        let opaque = Image { alpha: Some(Samples::U8(vec![255; 6])), ..stored.clone() };
        assert_eq!(pixel_hash(&opaque, 1), hash);
        let clear = Image { alpha: Some(Samples::U8(vec![255, 255, 254, 255, 255, 255])), ..stored.clone() };
        let deep = picture(Samples::U16(vec![0, 257, 514, 771, 1028, 1285]));
        let flipped = Image { width: 2, height: 3, ..stored.clone() };
        let hashes = [clear, deep, flipped].map(|other| pixel_hash(&other, 1));
        assert!(hashes.iter().all(|other| *other != hash), "{hashes:?}");
    }
}
