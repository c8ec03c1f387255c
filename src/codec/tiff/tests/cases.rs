//! Files of public bug reports, with the values that Pillow and tifffile read in them.

use flate2::Crc;

use super::*;

/// Files, and the CRC-32 of their colour samples, 16-bit ones with the low byte first.
const CASES: [(&str, u32); 15] = [
    ("tiff-extra-channel-predictor/libtiff_extra0_lzw_p2.tif", 0x00CD_5C57),
    ("tiff-extra-channel-predictor/photoshop_selection_lzw.tif", 0x00CD_5C57),
    ("tiff-extra-channel-predictor/plain_uncompressed.tif", 0x00CD_5C57),
    ("tiff-fillorder/b1_g4_lsb.tif", 0x77D4_6F23),
    ("tiff-fillorder/b1_none_lsb.tif", 0x77D4_6F23),
    ("tiff-fillorder/b1_none_msb.tif", 0x77D4_6F23),
    ("tiff-fillorder/b1_packbits_lsb.tif", 0x77D4_6F23),
    ("tiff-fillorder/g4-fillorder-test.tif", 0x1D59_764D),
    ("tiff-fillorder/g8_fo2_zip.tif", 0x6C7E_61D6),
    ("tiff-fillorder/hopper2R.tif", 0x6652_14F0),
    ("tiff-lzw-tiles/130x67_8__02_2x64.tif", 0xDBC5_CADD),
    ("tiff-lzw-tiles/52_t64.tif", 0xC88A_16F1),
    ("tiff-tiled-planar/100x75_8_rgb_separate_t64_none_le.tif", 0xDF12_A631),
    ("tiff-tiled-planar/tiff_tiled_planar_16bit_RGB.tiff", 0x8AE0_6B8C),
    ("tiff-tiled-planar/tiff_tiled_planar_raw.tif", 0xD2B2_4A35),
];

#[test]
fn reported_files_are_read_as_others_read_them() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/data/cases");
    if !folder.is_dir() {
        eprintln!("skipped: ../shared/data/cases is not there");
        return;
    }
    for (name, want) in CASES {
        let bytes = std::fs::read(folder.join(name)).unwrap();
        let decoded = read(&bytes).unwrap_or_else(|e| panic!("{name}: {e}"));
        let mut crc = Crc::new();
        match &decoded.image.samples {
            Samples::U8(samples) => crc.update(samples),
            Samples::U16(samples) => samples.iter().for_each(|v| crc.update(&v.to_le_bytes())),
            Samples::F32(_) => {}
        }
        assert_eq!(crc.sum(), want, "{name}");
        let hidden = name.starts_with("tiff-extra");
        assert_eq!(!lost(&decoded, Loss::Layers).is_empty(), hidden, "{name}");
    }
}
