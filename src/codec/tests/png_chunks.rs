//! Chunks of a PNG: carried, converted or noted, each.

use flate2::Compression as Effort;
use flate2::write::ZlibEncoder;
use std::io::Write as _;

use super::damage::crc32;
use super::*;

pub(super) fn chunk(name: &[u8; 4], data: &[u8]) -> Vec<u8> {
    let body = [name.as_slice(), data].concat();
    [(data.len() as u32).to_be_bytes().as_slice(), &body, &crc32(&body).to_be_bytes()].concat()
}

/// A small picture's file with these chunks behind its header.
pub(super) fn with_chunks(image: &Image, chunks: &[(&[u8; 4], &[u8])]) -> Vec<u8> {
    let mut file = encoded(image, &Metadata::default(), Format::Png).bytes;
    file.splice(33..33, chunks.iter().flat_map(|(name, data)| chunk(name, data)));
    file
}

fn small() -> Image {
    picture(3, Depth::U8, false, false)
}

fn read(bytes: &[u8]) -> Decoded {
    decode(bytes, Path::new("a.png"), &LIMITS).unwrap()
}

/// Decodes, encodes as PNG and decodes again.
fn again(bytes: &[u8]) -> (Decoded, Vec<String>) {
    let first = read(bytes);
    let file =
        encode(&first.image, &first.meta, Some(&first.source), &EncodeOptions::new(Format::Png)).unwrap();
    (read(&file.bytes), file.notes)
}

fn folded(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = ZlibEncoder::new(Vec::new(), Effort::default());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

#[test]
fn a_bare_start_is_read_as_the_decoder_reads_it() {
    let all = [(0, &[1u8, 2, 4, 8, 16][..]), (2, &[8, 16]), (4, &[8, 16]), (6, &[8, 16])];
    for (colour, bits) in
        all.into_iter().flat_map(|(colour, bits)| bits.iter().map(move |bits| (colour, *bits)))
    {
        for (width, height, interlaced) in [(1u32, 1u32, 0), (28, 28, 1), (301, 7, 0)] {
            let head =
                [&width.to_be_bytes()[..], &height.to_be_bytes(), &[bits, colour, 0, 0, interlaced]].concat();
            let file = |between: &[u8]| {
                let start = [b"\x89PNG\r\n\x1a\n", chunk(b"IHDR", &head).as_slice(), between].concat();
                [start, chunk(b"IDAT", &folded(&[0; 9])), chunk(b"IEND", b"")].concat()
            };
            let text = chunk(b"tEXt", b"k\0v");
            let read = |file: &[u8]| probe(std::io::Cursor::new(file), Path::new("a.png")).unwrap();
            let (bare, other) = (read(&file(b"")), read(&file(&text)));
            let figures = |h: &Header| (h.width, h.height, h.channels, h.bit_depth, h.pictures, h.animated);
            assert_eq!(figures(&bare), figures(&other), "{colour} {bits}");
            assert_eq!(bare.decode_bytes + 3 * text.len() as u64, other.decode_bytes, "{colour} {bits}");
        }
    }
    // What a decoder refuses is not read past it.
    let mut odd =
        [b"\x89PNG\r\n\x1a\n".as_slice(), &chunk(b"IHDR", &[0, 0, 0, 1, 0, 0, 0, 1, 3, 0, 0, 0, 0])].concat();
    odd.extend(chunk(b"IDAT", b""));
    assert!(probe(std::io::Cursor::new(&odd), Path::new("a.png")).is_err());
}

#[test]
fn texts_keep_their_bytes_language_and_translated_keyword() {
    let long = b"long text ".repeat(300);
    let packed = [b"Long\0\0".as_slice(), &folded(&long)].concat();
    let file = with_chunks(
        &small(),
        &[
            (b"tEXt", b"Author\0J\xfcrgen"),
            (b"zTXt", &packed),
            (b"iTXt", b"Title\0\0\0de-AT\0Titel \xe2\x9c\x93\0Gr\xfc\xdfe"),
            (b"tEXt", b"Stra\xdfe\0x"),
        ],
    );
    let (back, notes) = again(&file);
    assert_eq!(back.meta, read(&file).meta);
    assert!(notes.is_empty(), "{notes:?}");
    let [author, packed, title, street] = back.meta.texts.as_slice() else { panic!("{:?}", back.meta.texts) };
    assert_eq!((author.bytes.as_slice(), author.encoding), (b"J\xfcrgen".as_slice(), TextEncoding::Latin1));
    assert_eq!(packed.bytes, long);
    // Not valid UTF-8, and still the same bytes.
    assert_eq!(title.bytes, b"Gr\xfc\xdfe");
    assert_eq!(
        (title.language.as_str(), title.translated.as_slice()),
        ("de-AT", "Titel \u{2713}".as_bytes())
    );
    assert_eq!(street.keyword, "Straße");
}

#[test]
fn every_chunk_is_carried_or_noted() {
    let mut file = with_chunks(
        &small(),
        &[
            (b"bKGD", &[0, 255, 0, 16, 0, 0]),
            (b"tIME", &[7, 209, 2, 3, 4, 5, 6]),
            (b"caBX", b"signed"),
            (b"sBIT", &[5, 6, 5]),
            (b"iDOT", &[0; 28]),
            (b"abCd", b"safe to copy"),
            (b"abCD", b"not safe"),
        ],
    );
    let end = file.len() - 12;
    file.splice(end..end, chunk(b"efGh", b"behind the pixels"));
    file.extend(b"PK\x03\x04 archive");
    let (back, notes) = again(&file);
    let kept: Vec<_> = back
        .meta
        .extras
        .iter()
        .filter_map(|extra| match &extra.part {
            Part::Chunk { name, data, behind } => Some((*name, data.clone(), *behind)),
            _ => None,
        })
        .collect();
    assert_eq!(
        kept,
        [
            (*b"bKGD", vec![255, 255, 16, 16, 0, 0], false),
            (*b"tIME", vec![7, 209, 2, 3, 4, 5, 6], false),
            (*b"abCd", b"safe to copy".to_vec(), false),
            (*b"efGh", b"behind the pixels".to_vec(), true),
        ]
    );
    for gone in ["caBX", "sBIT", "abCD", "ZIP"] {
        assert_eq!(notes.iter().filter(|note| note.contains(gone)).count(), 1, "{gone}: {notes:?}");
    }
    assert_eq!(notes.len(), 4, "{notes:?}");
    // Nothing of it has a place in a JPEG.
    let first = read(&file);
    let jpeg = encode(&first.image, &first.meta, None, &EncodeOptions::new(Format::Jpeg)).unwrap();
    assert_eq!(jpeg.notes.len(), 8, "{:?}", jpeg.notes);
    assert!(jpeg.notes.iter().all(|note| Loss::of(note).is_some()));
}

#[test]
fn a_background_fits_the_pixels_that_are_written() {
    let mut file = with_chunks(&picture(1, Depth::U8, false, false), &[(b"bKGD", &[0, 51])]);
    let background = |bytes: &[u8]| read(bytes).meta.extras[0].part.clone();
    let wanted = Part::Chunk { name: *b"bKGD", data: vec![51; 6], behind: false };
    assert_eq!(background(&file), wanted);
    for image in [picture(1, Depth::U16, false, false), picture(3, Depth::U8, true, false)] {
        let meta = read(&file).meta;
        file = encoded(&image, &meta, Format::Png).bytes;
        assert_eq!(background(&file), wanted);
    }
}

#[test]
fn a_wrong_checksum_beside_the_picture_is_read_around_and_within_it_is_damage() {
    let mut file = with_chunks(&small(), &[(b"tEXt", b"Author\0Opa")]);
    file[33 + 8 + 7] ^= 1;
    let decoded = read(&file);
    assert!(decoded.meta.texts.is_empty() && decoded.source.notes[0].contains("checksum"));
    let strict = Limits { strict: true, ..LIMITS };
    assert!(matches!(decode(&file, Path::new("a.png"), &strict), Err(CodecError::Damaged { .. })));
    let lost = encoded(&decoded.image, &decoded.meta, Format::Png).notes;
    assert!(lost[0].contains("tEXt"), "{lost:?}");
    for (at, what) in [(20, "IHDR"), (33 + 12, "IDAT")] {
        let mut file = with_chunks(&small(), &[]);
        file[at] ^= 1;
        let error = decode(&file, Path::new("a.png"), &LIMITS).unwrap_err();
        assert!(matches!(error, CodecError::Damaged { .. }) && error.to_string().contains(what), "{error}");
    }
}

#[test]
fn a_missing_end_mark_is_no_damage_and_missing_pixels_are() {
    let file = with_chunks(&small(), &[]);
    let whole = read(&file);
    for cut in [1, 4, 12] {
        let decoded = read(&file[..file.len() - cut]);
        assert_eq!(decoded.image, whole.image);
        assert!(decoded.source.notes[0].contains("IEND"), "{:?}", decoded.source.notes);
    }
    for cut in [13, 20, 100] {
        let error = decode(&file[..file.len() - cut], Path::new("a.png"), &LIMITS).unwrap_err();
        assert!(matches!(error, CodecError::Damaged { .. }), "{error}");
    }
}

#[test]
fn what_breaks_the_rules_beside_the_picture_is_read_around() {
    // Code points of YCbCr, and an animation out of step.
    let control = [0, 0, 0, 2, 0, 0, 0, 0];
    let frame = [[0, 0, 0, 9], [0, 0, 0, 37], [0, 0, 0, 23], [0; 4], [0; 4], [0; 4], [0; 4]].concat();
    for chunks in [
        vec![(b"cICP", [9u8, 16, 9, 0].as_slice())],
        vec![(b"acTL", control.as_slice()), (b"fcTL", &frame[..26])],
    ] {
        let decoded = read(&with_chunks(&small(), &chunks));
        assert_eq!(decoded.image, small());
        assert!(decoded.source.notes.iter().any(|note| note.contains("rules")), "{:?}", decoded.source.notes);
    }
}

#[test]
fn what_a_reader_must_understand_is_refused_by_name() {
    let mut file = b"\x89PNG\r\n\x1a\n".to_vec();
    file.extend(chunk(b"CgBI", &[0x50, 0, 0x20, 2]));
    file.extend(&with_chunks(&small(), &[])[8..]);
    let error = decode(&file, Path::new("a.png"), &LIMITS).unwrap_err();
    assert!(
        matches!(error, CodecError::Unsupported { .. }) && error.to_string().contains("Apple"),
        "{error}"
    );
    let file = with_chunks(&small(), &[(b"ABCD", b"critical")]);
    let error = decode(&file, Path::new("a.png"), &LIMITS).unwrap_err();
    assert!(matches!(error, CodecError::Unsupported { .. }) && error.to_string().contains("ABCD"), "{error}");
}

#[test]
fn a_profile_that_cannot_be_unfolded_is_noted() {
    let packed = folded(&full_metadata(3).icc.unwrap());
    for broken in [&packed[..packed.len() / 2], b"\x78\x9c\xff\xff"] {
        let data = [b"profile\0\0".as_slice(), broken].concat();
        let decoded = read(&with_chunks(&small(), &[(b"iCCP", &data)]));
        assert_eq!(decoded.meta.icc, None);
        let notes = encoded(&decoded.image, &decoded.meta, Format::Png).notes;
        assert_eq!(Loss::of(&notes[0]), Some(Loss::Colour), "{notes:?}");
    }
}

/// A text chunk's data that hides a block as hexadecimal digits.
fn hidden(kind: &str, block: &[u8]) -> Vec<u8> {
    let digits: String = block.iter().map(|byte| format!("{byte:02x}")).collect();
    format!("Raw profile type {kind}\0\n{kind}\n{:8}\n{digits}\n", block.len()).into_bytes()
}

#[test]
fn exif_is_found_in_texts_and_the_chunk_for_it_goes_before() {
    let mut meta = full_metadata(3);
    meta.set_orientation(6);
    let block = meta.exif.unwrap();
    let with_prefix = [b"Exif\0\0".as_slice(), &block].concat();
    for (kind, bytes) in [("exif", &block), ("exif", &with_prefix), ("APP1", &with_prefix)] {
        let file = with_chunks(&small(), &[(b"tEXt", &hidden(kind, bytes))]);
        let decoded = read(&file);
        assert_eq!((decoded.meta.orientation, &decoded.meta.exif), (6, &Some(block.clone())), "{kind}");
        assert!(decoded.meta.texts.is_empty());
        // A real chunk, and no second copy that would keep the old size.
        let larger = Image::new(60, 50, 3, Depth::U8);
        let out = encoded(&larger, &decoded.meta, Format::Png).bytes;
        let text = String::from_utf8_lossy(&out).into_owned();
        assert!(text.contains("eXIf") && !text.contains("Raw profile"));
        let fields = exif::Fields::parse(&read(&out).meta.exif.unwrap()).unwrap();
        assert_eq!(fields.exif[1].data, 60u32.to_le_bytes());
    }
    let other = full_metadata(3).exif.unwrap();
    let file = with_chunks(&small(), &[(b"tEXt", &hidden("exif", &block)), (b"eXIf", &other)]);
    let decoded = read(&file);
    assert_eq!((decoded.meta.orientation, &decoded.meta.exif), (1, &Some(other)));
    let notes = encoded(&decoded.image, &decoded.meta, Format::Png).notes;
    assert!(notes.len() == 1 && notes[0].contains("Raw profile type exif"), "{notes:?}");
    // Two that say the same are one.
    let file = with_chunks(&small(), &[(b"tEXt", &hidden("exif", &block)), (b"eXIf", &block)]);
    assert!(encoded(&small(), &read(&file).meta, Format::Png).notes.is_empty());
}

#[test]
fn xmp_and_iptc_are_found_in_texts_and_go_into_other_formats() {
    let packet = b"<x:xmpmeta>hidden</x:xmpmeta>";
    let app1 = [b"http://ns.adobe.com/xap/1.0/\0".as_slice(), packet].concat();
    let plain = [b"XML:com.adobe.xmp\0".as_slice(), packet].concat();
    for text in [hidden("xmp", packet), hidden("APP1", &app1), plain] {
        let meta = read(&with_chunks(&small(), &[(b"tEXt", &text)])).meta;
        assert_eq!((meta.xmp.as_deref(), meta.texts.len()), (Some(packet.as_slice()), 0));
    }
    let records = b"\x1c\x02\x78\0\x04Opa!";
    let resource = photoshop::as_resource(records);
    for bytes in [records.as_slice(), &resource] {
        let file = with_chunks(&small(), &[(b"tEXt", &hidden("iptc", bytes))]);
        let (back, notes) = again(&file);
        assert_eq!((back.meta.iptc.as_ref(), notes.len()), (Some(&resource), 0));
        let jpeg = encoded(&back.image, &back.meta, Format::Jpeg);
        assert_eq!(decoded(&jpeg.bytes, Format::Jpeg).meta.iptc.as_ref(), Some(&resource));
    }
}

#[test]
fn cases_of_hidden_blocks_have_their_right_values() {
    for (path, bytes) in files("cases/png-raw-profile") {
        let name = path.file_name().and_then(|n| n.to_str()).unwrap();
        let first = decode(&bytes, &path, &LIMITS).unwrap();
        if name.contains("iptc") {
            let iptc = first.meta.iptc.unwrap();
            assert!(iptc.windows(13).any(|part| part == b"Opa im Garten"));
            continue;
        }
        assert_eq!(first.meta.orientation, 6, "{name}");
        let larger = Image::new(128, 96, 3, Depth::U8);
        let jpeg = encode(&larger, &first.meta, Some(&first.source), &EncodeOptions::new(Format::Jpeg));
        let back = decoded(&jpeg.unwrap().bytes, Format::Jpeg);
        assert_eq!(back.meta.orientation, 6, "{name}");
        let fields = exif::Fields::parse(&back.meta.exif.unwrap()).unwrap();
        let sides: Vec<u32> =
            fields.exif.iter().map(|f| u32::from_le_bytes(f.data[..4].try_into().unwrap())).collect();
        assert_eq!(sides, [128, 96], "{name}");
    }
}
