//! Metadata of camera RAW whose maker keeps it elsewhere than TIFF does, as its decoder tells it.

use std::io::Cursor;

use rawler::decoders::{Decoder, RawDecodeParams, RawMetadata};
use rawler::formats::tiff::{DirectoryWriter, TiffWriter};
use rawler::rawsource::RawSource;
use rawler::tags::{ExifTag, TiffCommonTag};

use super::super::{Loss, Metadata};

/// EXIF and XMP as the decoder knows them.
pub(super) fn metadata(decoder: &dyn Decoder, source: &RawSource) -> Metadata {
    let mut meta = Metadata::default();
    let params = RawDecodeParams::default();
    let told = decoder.raw_metadata(source, &params);
    match told.ok().and_then(|told| block(&told)) {
        Some(block) => meta.adopt_exif(&block),
        None => meta.saw(Loss::Metadata, "EXIF; it can't be read"),
    }
    match decoder.xpacket(source, &params) {
        Ok(packet) => meta.xmp = packet.filter(|packet| !packet.is_empty()),
        Err(_) => meta.saw(Loss::Metadata, "XMP; it can't be read"),
    }
    meta
}

/// The fields as an EXIF block.
fn block(told: &RawMetadata) -> Option<Vec<u8>> {
    let mut bytes = Cursor::new(Vec::new());
    let mut tiff = TiffWriter::new(&mut bytes).ok()?;
    let (mut main, mut exif) = (DirectoryWriter::new(), DirectoryWriter::new());
    told.write_exif_tags(&mut tiff, &mut main, &mut exif).ok()?;
    exif.add_tag_undefined(ExifTag::ExifVersion, b"0232".to_vec());
    main.add_tag(TiffCommonTag::Make, told.make.as_str());
    main.add_tag(TiffCommonTag::Model, told.model.as_str());
    let below = exif.build(&mut tiff).ok()?;
    main.add_tag(TiffCommonTag::ExifIFDPointer, below);
    tiff.build(main).ok()?;
    Some(bytes.into_inner())
}
