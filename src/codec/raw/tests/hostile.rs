//! Damaged and crafted files: each gives an error, and takes no memory that its header does not account for.

use super::*;

/// A source of numbers that is the same every time.
struct Draws(u64);

impl Draws {
    fn below(&mut self, most: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % most
    }
}

fn refused(dng: &Dng) -> String {
    read_as(&dng.bytes(), "a.dng").expect_err("it must be refused").to_string()
}

#[test]
fn limits_hold_before_pixels_are_read() {
    let large = Dng { raw: vec![(256, 4, vec![60_000]), (257, 4, vec![60_000])], ..Dng::default() };
    assert!(refused(&large).contains("60000 x 60000 pixels are more than"));
    // A small picture of huge tiles.
    let tiles = vec![(322, 4, vec![1 << 30]), (323, 4, vec![1 << 30]), (324, 4, vec![8]), (325, 4, vec![8])];
    assert!(refused(&Dng { raw: tiles, ..Dng::default() }).contains("to decode, more than"));
}

#[test]
fn directories_that_lead_astray_are_refused() {
    // Values of 32 GiB, and a chain that leads back to its beginning.
    let mut claims = Dng { main: vec![(50735, 5, vec![1, 1, 2, 1])], ..Dng::default() }.bytes();
    let at = claims.windows(4).rposition(|window| window == [0x2f, 0xc6, 5, 0]).unwrap();
    claims[at + 4..at + 8].copy_from_slice(&u32::MAX.to_le_bytes());
    assert!(read_as(&claims, "a.dng").unwrap_err().to_string().contains("more than the whole file"));
    let mut chain = Dng::default().bytes();
    let main = u32::from_le_bytes(*chain[4..].first_chunk().unwrap()) as usize;
    let entries = usize::from(u16::from_le_bytes(*chain[main..].first_chunk().unwrap()));
    let next = main + 2 + 12 * entries;
    chain[next..next + 4].copy_from_slice(&(main as u32).to_le_bytes());
    assert!(read_as(&chain, "a.dng").unwrap_err().to_string().contains("no end"));
}

#[test]
fn sizes_that_the_decoder_does_not_look_at_are_refused() {
    let odd = Dng { pattern: [0, 1, 2, 1], ..Dng::default() };
    assert!(refused(&odd).contains("a filter of the pattern RGBG"));
    let outside = Dng { raw: vec![(50719, 4, vec![20, 20]), (50720, 4, vec![20, 12])], ..Dng::default() };
    refused(&outside);
    let levels = Dng { raw: vec![(50717, 3, vec![100])], ..Dng::default() };
    assert!(refused(&levels).contains("white level"));
}

#[test]
fn a_file_that_is_cut_short_is_damaged() {
    let file = Dng { width: 64, height: 64, ..Dng::default() };
    let mut bytes = file.bytes();
    // The strip lies beyond the end of the file.
    let strip = bytes.windows(4).rposition(|window| window == [0x11, 1, 4, 0]).unwrap();
    let sensor = bytes[..strip].windows(4).rposition(|window| window == [0x11, 1, 4, 0]).unwrap();
    let end = (bytes.len() - 100) as u32;
    bytes[sensor + 8..sensor + 12].copy_from_slice(&end.to_le_bytes());
    assert!(matches!(read_as(&bytes, "a.dng"), Err(CodecError::Damaged { .. })));
}

#[test]
fn profiles_and_typed_pointers_lead_nowhere_else() {
    // The decoder would read a directory at whatever the profile begins with, or at a byte of the pointer.
    let profile = vec![255; 600];
    let main = vec![(34675, 7, profile)];
    let mut bytes = Dng { main, ..Dng::default() }.bytes();
    let pointer = bytes.windows(4).rposition(|window| window == [0x4a, 1, 4, 0]).unwrap();
    bytes[pointer + 2] = 13;
    let plain = read(&Dng::default());
    assert!(read_as(&bytes, "a.dng").unwrap().image == plain.image);
}

#[test]
fn mutated_files_give_a_picture_or_an_error() {
    let hook = std::panic::take_hook();
    std::panic::set_hook(Box::new(|_| {}));
    let whole = Dng::default().bytes();
    let pixels = 44..44 + 32 * 24 * 2;
    let mut draws = Draws(7);
    let rounds = std::env::var("SAFELIGHT_MUTATIONS").ok().and_then(|n| n.parse().ok()).unwrap_or(300);
    let mut read = 0;
    for _ in 0..rounds {
        let mut bytes = whole.clone();
        for _ in 0..1 + draws.below(3) {
            let at = draws.below(bytes.len());
            if !pixels.contains(&at) {
                bytes[at] = [0, 1, 0x7f, 0x80, 0xff, bytes[at] ^ (1 << draws.below(8))][draws.below(6)];
            }
        }
        if draws.below(8) == 0 {
            bytes.truncate(draws.below(bytes.len()));
        }
        read += usize::from(read_as(&bytes, "a.dng").is_ok());
    }
    std::panic::set_hook(hook);
    assert!(read > rounds / 10 && read < rounds, "{read}");
}
