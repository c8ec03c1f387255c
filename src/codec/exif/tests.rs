//! Promises on whole blocks: reading, patching, taking apart and putting together.

use super::fields::MAX_FIELD_BYTES;
use super::numbers::MAKER_NOTE;
use super::*;
use crate::codec::Loss;

/// A big-endian block: Make, Orientation 6, Exif directory with a size in SHORTs, linked thumbnail.
fn big_endian() -> Vec<u8> {
    let mut b = b"MM\0*\0\0\0\x08".to_vec();
    b.extend([0, 3]);
    b.extend(*b"\x01\x0f\0\x02\0\0\0\x04abc\0");
    b.extend(*b"\x01\x12\0\x03\0\0\0\x01\0\x06\0\0");
    b.extend(*b"\x87\x69\0\x04\0\0\0\x01\0\0\0\x32");
    b.extend([0, 0, 0, 99]);
    assert_eq!(b.len(), 50);
    b.extend([0, 2]);
    b.extend(*b"\xa0\x02\0\x03\0\0\0\x01\0\x64\0\0");
    b.extend(*b"\xa0\x03\0\x03\0\0\0\x01\0\x32\0\0");
    b.extend([0; 4]);
    b
}

#[test]
fn fields_are_patched_in_place() {
    let mut block = big_endian();
    assert_eq!(orientation(&block), Some(6));
    set_orientation(&mut block, 1);
    set_size(&mut block, 70_000, 300);
    unlink_thumbnail(&mut block);
    assert_eq!(block.len(), big_endian().len());
    assert_eq!(orientation(&block), Some(1));
    let fields = Fields::parse(&block).unwrap();
    let values: Vec<&[u8]> = fields.exif.iter().map(|f| f.data.as_slice()).collect();
    assert_eq!(values, [&70_000u32.to_le_bytes()[..], &300u16.to_le_bytes()]);
    assert_eq!(&block[46..50], [0; 4]);
}

#[test]
fn a_missing_orientation_is_added_in_tag_order() {
    let fields = Fields {
        main: vec![
            Field { tag: 0x010F, kind: 2, data: b"maker\0".to_vec() },
            Field { tag: 0x0131, kind: 2, data: b"software\0".to_vec() },
        ],
        ..Fields::default()
    };
    let mut block = fields.to_block();
    set_orientation(&mut block, 1);
    assert_eq!(orientation(&block), None);
    set_orientation(&mut block, 8);
    assert_eq!(orientation(&block), Some(8));
    let tags: Vec<u16> = Fields::parse(&block).unwrap().main.iter().map(|f| f.tag).collect();
    assert_eq!(tags, [0x010F, ORIENTATION, 0x0131]);
}

#[test]
fn fields_survive_writing_and_parsing() {
    let fields = Fields::parse(&big_endian()).unwrap();
    assert_eq!(fields.main.len(), 2);
    assert_eq!(Fields::parse(&fields.to_block()).unwrap(), fields);
}

#[test]
fn many_entries_for_the_same_bytes_stay_within_the_budget() {
    let mut block = b"II*\0\x08\0\0\0\xff\xff".to_vec();
    for _ in 0..u16::MAX {
        block.extend(*b"\x0f\x01\x02\0\0\0\x30\0\0\0\0\0");
    }
    block.resize(4 << 20, 0);
    let start = std::time::Instant::now();
    let fields = Fields::parse(&block).unwrap();
    assert!(start.elapsed().as_secs() < 5);
    let bytes: usize = fields.main.iter().map(|field| field.data.len()).sum();
    assert!(bytes > 0 && bytes <= MAX_FIELD_BYTES);
}

#[test]
fn damaged_blocks_are_left_alone() {
    for cut in 0..big_endian().len() {
        let mut block = big_endian()[..cut].to_vec();
        orientation(&block);
        density(&block);
        set_orientation(&mut block, 3);
        set_size(&mut block, 1, 1);
        unlink_thumbnail(&mut block);
        Fields::parse(&block);
    }
    let mut garbage = b"not exif".to_vec();
    set_orientation(&mut garbage, 3);
    assert_eq!(garbage, b"not exif");
}

fn field(tag: u16, kind: u16, data: &[u8]) -> Field {
    Field { tag, kind, data: data.to_vec() }
}

/// A block with a maker note that counts its offsets from the header before it.
fn with_note(note: &[u8], note_at: Option<u32>) -> Fields {
    Fields {
        main: vec![field(0x010F, 2, b"Canon\0")],
        exif: vec![field(0x829A, 5, &[1, 0, 0, 0, 9, 0, 0, 0]), field(MAKER_NOTE, 7, note)],
        interop: vec![field(1, 2, b"R98\0")],
        note_at,
        ..Fields::default()
    }
}

#[test]
fn a_note_stands_where_it_stood_or_not_at_all() {
    let note = [1, 0, 3, 0, 9, 9, 9, 9, 9, 9, 9];
    for at in [8, 11, 30, 77, 5000, 65_536] {
        for big_endian in [false, true] {
            let fields = Fields { big_endian, ..with_note(&note, Some(at)) };
            let (block, lost) = fields.clone().into_block();
            assert_eq!(block[at as usize..][..note.len()], note, "at {at}");
            assert_eq!(lost, []);
            let parsed = Fields::parse(&block).unwrap();
            assert_eq!(block[at as usize..][note.len()..], parsed.behind_note, "at {at}");
            assert_eq!(Fields { behind_note: Vec::new(), ..parsed }, fields, "at {at}");
        }
    }
    let fields = Fields { behind_note: b"preview".to_vec(), ..with_note(&note, Some(99)) };
    let block = fields.to_block();
    assert_eq!(block[99..][..note.len() + 7], [&note[..], b"preview"].concat());
    assert!(Fields::parse(&block).unwrap().behind_note.starts_with(b"preview"));
    for at in [None, Some(4), Some(65_537), Some(u32::MAX)] {
        let (block, lost) = with_note(&note, at).into_block();
        assert!(matches!(lost.as_slice(), [(Loss::Metadata, what)] if what.contains("maker notes")));
        let fields = Fields::parse(&block).unwrap();
        assert_eq!((fields.exif.len(), fields.interop.len()), (1, 1));
    }
    let (block, lost) = with_note(b"Apple iOS\0\0\x01MM\0\x01", None).into_block();
    assert_eq!((Fields::parse(&block).unwrap().exif.len(), lost), (2, Vec::new()));
}

#[test]
fn sizes_follow_everywhere() {
    let fields = Fields {
        big_endian: true,
        main: vec![field(0x010F, 2, b"Maker\0")],
        exif: vec![field(0xA002, 4, &[9, 0, 0, 0]), field(0xA003, 3, &[9, 0])],
        interop: vec![field(0x1001, 3, &[9, 0]), field(0x1002, 1, &[9])],
        ..Fields::default()
    };
    let mut block = fields.to_block();
    // Sizes in the main directory belong to a file's layout, so that only whole blocks have them.
    let at = Block::new(&block).and_then(|block| block.find(block.main()?, 0x010F)).unwrap();
    block[at..at + 12].copy_from_slice(b"\x01\x00\x00\x03\0\0\0\x01\0\x09\0\0");
    set_size(&mut block, 640, 70_000);
    let read = Block::new(&block).unwrap();
    let [main, exif, _, interop] = read.directories().map(Option::unwrap_or_default);
    let number = |directory, tag| read.number_of(directory, tag).unwrap();
    assert_eq!(number(main, 0x0100), 640);
    assert_eq!((number(exif, 0xA002), number(exif, 0xA003)), (640, 70_000));
    assert_eq!((number(interop, 0x1001), number(interop, 0x1002)), (640, 70_000));
}

#[test]
fn what_counts_in_pixels_follows_a_new_size() {
    let fields = Fields {
        exif: vec![
            field(0x9214, 3, &[10, 0, 20, 0, 30, 0, 40, 0]),
            field(0xA20E, 5, &[0x10, 0x27, 0, 0, 3, 0, 0, 0]),
            field(0xA214, 3, &[10, 0, 20, 0]),
            field(0xA217, 3, &[2, 0]),
        ],
        ..Fields::default()
    };
    let mut block = fields.to_block();
    scale(&mut block, (2.0, 0.5));
    let scaled = Fields::parse(&block).unwrap().exif;
    assert_eq!(scaled[0].data, [20, 0, 10, 0, 60, 0, 20, 0]);
    let number = |at: usize| f64::from(u32::from_le_bytes(scaled[1].data[at..at + 4].try_into().unwrap()));
    assert!((number(0) / number(4) - 20_000.0 / 3.0).abs() < 1e-3);
    assert_eq!(scaled[2].data, [20, 0, 10, 0]);
    forget_subject(&mut block);
    let tags: Vec<u16> = Fields::parse(&block).unwrap().exif.iter().map(|field| field.tag).collect();
    assert_eq!(tags, [0xA20E, 0xA217]);
}

/// A block whose second directory describes a thumbnail of `len` bytes at `at`.
fn with_thumbnail(at: u32, len: u32) -> Vec<u8> {
    let mut block = Fields { main: vec![field(0x010F, 2, b"a long name\0")], ..Fields::default() }.to_block();
    let first = block.len() as u32;
    block[22..26].copy_from_slice(&first.to_le_bytes());
    block.extend([2, 0, 1, 2, 4, 0, 1, 0, 0, 0]);
    block.extend(at.to_le_bytes());
    block.extend([2, 2, 4, 0, 1, 0, 0, 0]);
    block.extend(len.to_le_bytes());
    block.extend([0; 4]);
    block.extend([7; 20]);
    block
}

#[test]
fn a_thumbnail_is_blanked_unless_something_else_stands_in_it() {
    let whole = with_thumbnail(0, 0);
    let data = whole.len() as u32 - 20;
    for (at, len, blank) in [(data, 20, 20), (data + 4, 900, 16), (data, 0, 0), (20, 100, 0), (0, 9, 0)] {
        let mut block = with_thumbnail(at, len);
        unlink_thumbnail(&mut block);
        assert_eq!(block[22..26], [0; 4]);
        assert_eq!(block.iter().rev().filter(|&&byte| byte == 7).count(), 20 - blank, "{at} {len}");
        assert_eq!(Fields::parse(&block).unwrap().main[0].data, b"a long name\0");
    }
}

#[test]
fn every_tag_of_a_main_directory_is_kept_or_told() {
    let main = (1..=u16::MAX).step_by(7).map(|tag| field(tag, 2, b"x\0")).collect();
    let parsed = Fields::parse(&Fields { main, ..Fields::default() }.to_block()).unwrap();
    for tag in (1..=u16::MAX).step_by(7) {
        let kept = parsed.main.iter().any(|field| field.tag == tag);
        match fate(tag) {
            Fate::Kept | Fate::Unknown => assert!(kept, "{tag}"),
            Fate::Lost(_, what) => {
                assert!(!kept && parsed.lost.iter().any(|(_, lost)| lost == what), "{tag}")
            }
            Fate::Layout | Fate::Part | Fate::Directory => assert!(!kept, "{tag}"),
        }
    }
    // What may be offsets can't move; the numbers are told.
    let main = vec![field(0xFEDC, 4, &[1, 2, 3, 4])];
    let parsed = Fields::parse(&Fields { main, ..Fields::default() }.to_block()).unwrap();
    assert_eq!(parsed.lost, [(Loss::Metadata, "tag 65244".to_owned())]);
}
