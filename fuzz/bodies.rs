//! What each fuzz target does with its bytes: it may refuse them, and must neither panic, hang nor take all memory.

use safelight::codec::{ExifData, Metadata};
use safelight::nn::{Door, LoadOptions, ModelBudget, Network};
use safelight::{EncodeOptions, Format, Limits, decode, encode};
use std::path::Path;

/// A picture: decoded by its content, whatever its name says, and written again.
pub fn picture(bytes: &[u8]) {
    let endings =
        ["jpg", "png", "tif", "webp", "gif", "bmp", "tga", "jxl", "avif", "heic", "pnm", "ico", "xyz"];
    let name = format!("a.{}", endings[bytes.len() % endings.len()]);
    let limits = Limits { max_pixels: 1 << 20, max_bytes: 64 << 20, strict: bytes.len().is_multiple_of(3) };
    if let Ok(decoded) = decode(bytes, Path::new(&name), &limits) {
        let format = if bytes.len().is_multiple_of(2) { Format::Png } else { Format::Jpeg };
        encode(&decoded.image, &decoded.meta, Some(&decoded.source), &EncodeOptions::new(format)).ok();
    }
}

/// An EXIF block.
pub fn exif(bytes: &[u8]) {
    let meta = Metadata { exif: Some(bytes.to_vec()), ..Metadata::default() };
    let _ = ExifData::of(&meta);
    let mut turned = meta.clone();
    turned.set_orientation(6);
}

/// A pipeline.
pub fn yaml(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let words = safelight::train::vocabulary();
    let (_, mistakes) = safelight::spec::draft(text, "fuzz.yaml", &[], &|_| None, &words);
    let _ = mistakes.render();
}

/// A model, loaded in this process without limits of its own.
pub fn onnx(bytes: &[u8]) {
    let Ok(file) = tempfile::NamedTempFile::with_suffix(".onnx") else { return };
    if std::fs::write(file.path(), bytes).is_ok() {
        Network::load(file.path(), &LoadOptions::default()).ok();
    }
}

/// A weights file, read and made into a model in this process.
pub fn weights(bytes: &[u8]) {
    let Ok(file) = tempfile::NamedTempFile::with_suffix(".pth") else { return };
    if std::fs::write(file.path(), bytes).is_ok() {
        Door::default().weights(file.path(), &ModelBudget::default()).ok();
    }
}
