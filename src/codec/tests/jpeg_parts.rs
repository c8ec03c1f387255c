//! What stands in a JPEG's segments and behind its picture: carried, or noted.

use super::*;

fn jpeg() -> Vec<u8> {
    let image = picture(3, Depth::U8, false, false);
    encoded(&image, &Metadata::default(), Format::Jpeg).bytes
}

fn segment(marker: u8, payload: &[u8]) -> Vec<u8> {
    let length = u16::try_from(payload.len() + 2).unwrap().to_be_bytes();
    [&[0xFF, marker], length.as_slice(), payload].concat()
}

/// A JPEG with segments behind its JFIF segment and bytes behind its end.
fn with(segments: &[Vec<u8>], behind: &[u8]) -> Vec<u8> {
    let plain = jpeg();
    let (head, rest) = plain.split_at(20);
    [head, &segments.concat(), rest, behind].concat()
}

/// Decodes and encodes again.
fn through(bytes: &[u8], format: Format) -> Encoded {
    let Decoded { image, meta, source, .. } = decoded(bytes, Format::Jpeg);
    encode(&image, &meta, Some(&source), &EncodeOptions::new(format)).unwrap()
}

fn holds(bytes: &[u8], part: &[u8]) -> bool {
    bytes.windows(part.len()).any(|window| window == part)
}

fn losses(file: &Encoded) -> Vec<Loss> {
    file.notes.iter().map(|note| Loss::of(note).unwrap_or_else(|| panic!("{note}"))).collect()
}

fn xmp_segment(properties: &str, elements: &str) -> Vec<u8> {
    let packet =
        format!("<rdf:RDF><rdf:Description {properties} dc:a=\"1\">{elements}</rdf:Description></rdf:RDF>");
    segment(0xE1, &[b"http://ns.adobe.com/xap/1.0/\0", packet.as_bytes()].concat())
}

#[test]
fn segments_nobody_knows_are_kept_and_noted_where_they_cannot_be() {
    let flir = segment(0xE1, b"FLIR\0\x01\0\x01raw");
    let unknown = segment(0xE7, b"Brand new\0\x01\x02");
    let c2pa = segment(0xEB, b"JP\0\x01\0\0\0\x01jumbc2pa");
    let bytes = with(&[flir.clone(), unknown.clone(), c2pa], b"");
    let same = through(&bytes, Format::Jpeg);
    assert!(holds(&same.bytes, &flir) && holds(&same.bytes, &unknown) && !holds(&same.bytes, b"c2pa"));
    assert_eq!(losses(&same), [Loss::Metadata]);
    let png = through(&bytes, Format::Png);
    assert_eq!(losses(&png), [Loss::Data, Loss::Data, Loss::Metadata]);
    assert!(png.notes.iter().any(|note| note.contains("FLIR")), "{:?}", png.notes);
    let options = EncodeOptions { keep_metadata: false, ..EncodeOptions::new(Format::Jpeg) };
    let Decoded { image, meta, source, .. } = decoded(&bytes, Format::Jpeg);
    let stripped = encode(&image, &meta, Some(&source), &options).unwrap();
    assert!(!holds(&stripped.bytes, b"FLIR") && stripped.notes.is_empty());
}

#[test]
fn comments_keep_their_bytes_in_every_encoding() {
    for comment in [b"gr\xfcn".as_slice(), b"\x93\x8c\x8b\x9e", "東京".as_bytes(), b"ends with nul\0"] {
        let bytes = with(&[segment(0xFE, comment)], b"");
        assert!(holds(&through(&bytes, Format::Jpeg).bytes, &segment(0xFE, comment)));
        if !comment.contains(&0) {
            assert!(holds(&through(&bytes, Format::Png).bytes, comment), "{comment:?}");
        }
    }
}

#[test]
fn profiles_in_odd_parts_are_joined() {
    let mut profile = vec![9; 300];
    profile[..4].copy_from_slice(&300u32.to_be_bytes());
    profile[16..20].copy_from_slice(b"RGB ");
    let part = |number: u8, count: u8, range: std::ops::Range<usize>| {
        segment(0xE2, &[b"ICC_PROFILE\0", [number, count].as_slice(), &profile[range]].concat())
    };
    let whole = [
        vec![part(1, 2, 0..200), part(2, 2, 200..300)],
        vec![part(2, 2, 200..300), part(1, 2, 0..200)],
        vec![part(0, 2, 0..200), part(1, 2, 200..300)],
        vec![part(1, 2, 0..200), part(2, 2, 200..300), part(1, 2, 0..200), part(2, 2, 200..300)],
        vec![part(1, 1, 0..200), part(1, 1, 200..300)],
        vec![part(1, 9, 0..200), part(2, 9, 200..300)],
    ];
    for segments in whole {
        assert_eq!(decoded(&with(&segments, b""), Format::Jpeg).meta.icc.as_ref(), Some(&profile));
    }
    for segments in
        [vec![part(1, 2, 0..200)], vec![part(2, 2, 200..300)], vec![part(1, 3, 0..99), part(3, 3, 150..300)]]
    {
        let file = through(&with(&segments, b""), Format::Jpeg);
        assert_eq!(losses(&file), [Loss::Colour]);
    }
}

#[test]
fn exif_over_several_segments_is_joined_and_a_second_block_noted() {
    let field = exif::Field { tag: 0x010E, kind: 2, data: vec![b'x'; 70_000] };
    let block = exif::Fields { main: vec![field], ..exif::Fields::default() }.to_block();
    let (first, second) = block.split_at(65_000);
    let exif = |part: &[u8]| segment(0xE1, &[b"Exif\0\0", part].concat());
    let bytes = with(&[exif(first), exif(second)], b"");
    assert_eq!(decoded(&bytes, Format::Jpeg).meta.exif.as_ref(), Some(&block));
    let again = through(&bytes, Format::Jpeg);
    assert!(again.notes.is_empty());
    assert_eq!(decoded(&again.bytes, Format::Jpeg).meta.exif.as_ref(), Some(&block));
    let other = exif::Fields {
        main: vec![exif::Field { tag: 0x010F, kind: 2, data: b"m\0".to_vec() }],
        ..Default::default()
    };
    let bytes = with(&[exif(first), exif(second), exif(&other.to_block())], b"");
    assert_eq!(losses(&through(&bytes, Format::Jpeg)), [Loss::Metadata]);
}

#[test]
fn extended_xmp_is_carried_joined_or_no_longer_claimed() {
    let id = "0123456789ABCDEF0123456789ABCDEF";
    let main = xmp_segment(&format!("xmpNote:HasExtendedXMP=\"{id}\""), "");
    let more = b"<rdf:RDF><rdf:Description dc:b=\"2\"/></rdf:RDF>";
    let part = |range: std::ops::Range<usize>| {
        let at = (range.start as u32).to_be_bytes();
        let length = (more.len() as u32).to_be_bytes();
        segment(
            0xE1,
            &[b"http://ns.adobe.com/xmp/extension/\0", id.as_bytes(), &length, &at, &more[range]].concat(),
        )
    };
    let whole = with(&[main.clone(), part(20..more.len()), part(0..20)], b"");
    let same = through(&whole, Format::Jpeg);
    assert!(same.notes.is_empty() && holds(&same.bytes, &part(0..more.len())) && holds(&same.bytes, &main));
    let png = through(&whole, Format::Png);
    assert!(png.notes.is_empty() && holds(&png.bytes, b"dc:b=\"2\"") && !holds(&png.bytes, b"HasExtended"));
    for format in [Format::Jpeg, Format::Png] {
        let broken = through(&with(&[main.clone(), part(0..20)], b""), format);
        assert_eq!(losses(&broken), [Loss::Metadata]);
        assert!(!holds(&broken.bytes, b"HasExtended") && holds(&broken.bytes, b"dc:a"));
    }
}

/// The MPF segment for a picture of so many bytes that stands at `at` of a file where the segment comes first.
fn list(size: usize, at: usize) -> Vec<u8> {
    let mut payload = b"MPF\0MM\0*\0\0\0\x08\0\x01\xb0\x02\0\x07\0\0\0\x20\0\0\0\x1a\0\0\0\0".to_vec();
    payload.extend([0; 16]);
    payload.extend([0, 0, 0, 0]);
    payload.extend((size as u32).to_be_bytes());
    payload.extend((at as u32 - 28).to_be_bytes());
    payload.extend([0; 4]);
    segment(0xE2, &payload)
}

#[test]
fn a_gain_map_stays_with_a_jpeg_and_is_no_longer_claimed_elsewhere() {
    let gain_map = [b"\xff\xd8hdr-gain-map".as_slice(), &[5; 40], b"\xff\xd9"].concat();
    let pointer = segment(0xE2, b"urn:iso:std:iso:ts:21496:-1\0\0\0\0\0");
    let claim = xmp_segment("hdrgm:Version=\"1.0\"", "");
    let size = with(&[list(0, 100), pointer.clone(), claim.clone()], b"").len();
    let bytes = with(&[list(gain_map.len(), size), pointer.clone(), claim], &gain_map);
    let same = through(&bytes, Format::Jpeg);
    assert!(same.notes.is_empty(), "{:?}", same.notes);
    assert!(
        same.bytes.ends_with(&gain_map)
            && holds(&same.bytes, &pointer)
            && holds(&same.bytes, b"hdrgm:Version")
    );
    // Found again by the list that was written.
    let again = through(&same.bytes, Format::Jpeg);
    assert!(again.notes.is_empty() && again.bytes.ends_with(&gain_map));
    let png = through(&bytes, Format::Png);
    assert_eq!(losses(&png), [Loss::GainMap], "{:?}", png.notes);
    assert!(!holds(&png.bytes, b"hdrgm:Version") && holds(&png.bytes, b"dc:a"));
    let Decoded { image, mut meta, source, .. } = decoded(&bytes, Format::Jpeg);
    meta.moved();
    let cropped = encode(&image, &meta, Some(&source), &EncodeOptions::new(Format::Jpeg)).unwrap();
    assert_eq!(losses(&cropped), [Loss::GainMap]);
    assert!(!holds(&cropped.bytes, &pointer) && !holds(&cropped.bytes, b"hdrgm"));
}

#[test]
fn previews_show_the_old_picture_and_go_with_a_note() {
    let preview = [b"\xff\xd8".as_slice(), &[5; 40], b"\xff\xd9"].concat();
    let size = with(&[list(0, 100)], b"").len();
    let same = through(&with(&[list(preview.len(), size)], &preview), Format::Jpeg);
    assert_eq!(losses(&same), [Loss::Pictures]);
    assert!(!holds(&same.bytes, b"MPF") && !holds(&same.bytes, &preview));
}

#[test]
fn films_keep_their_distance_from_the_end() {
    let film = b"\0\0\0\x18ftypmp42 and so on";
    let claim =
        xmp_segment(&format!("GCamera:MotionPhoto=\"1\" GCamera:MicroVideoOffset=\"{}\"", film.len()), "");
    let bytes = with(std::slice::from_ref(&claim), film);
    let same = through(&bytes, Format::Jpeg);
    assert!(same.notes.is_empty() && same.bytes.ends_with(film) && holds(&same.bytes, &claim));
    let png = through(&bytes, Format::Png);
    assert_eq!(losses(&png), [Loss::Video]);
    assert!(!holds(&png.bytes, b"MicroVideo") && !holds(&png.bytes, b"MotionPhoto"));
    // Behind it stands what can't be kept: its place would be another.
    let behind = [film.as_slice(), b"something else that no one knows"].concat();
    let offset = xmp_segment(&format!("GCamera:MicroVideoOffset=\"{}\"", behind.len()), "");
    let directory = "<Container:Directory><rdf:li><Container:Item Item:Semantic=\"Primary\"/></rdf:li>\
         <rdf:li><Container:Item Item:Semantic=\"MotionPhoto\" Item:Length=\"22\"/></rdf:li></Container:Directory>";
    let long = [film.as_slice(), b"something else"].concat();
    let gone = through(&with(&[xmp_segment("", directory)], &long), Format::Jpeg);
    assert_eq!(losses(&gone), [Loss::Video, Loss::Data]);
    assert!(!holds(&gone.bytes, b"Directory"));
    assert!(through(&with(&[offset], &behind), Format::Jpeg).bytes.ends_with(&behind));
}

#[test]
fn trailers_are_told_by_their_ends() {
    let block = b"\0\0\x30\x0aMotionPhoto_Dataftypmp42";
    let mut samsung = block.to_vec();
    samsung.extend(*b"SEFH\x6b\0\0\0\x01\0\0\0\0\0\x30\x0a");
    samsung.extend((block.len() as u32).to_le_bytes());
    samsung.extend((block.len() as u32).to_le_bytes());
    samsung.extend(24u32.to_le_bytes());
    samsung.extend(*b"SEFT");
    let mechanic = b"some tags\0\0\0\x09cbipcbbl";
    for kept in [samsung.as_slice(), mechanic] {
        let file = through(&with(&[], kept), Format::Jpeg);
        assert!(file.notes.is_empty() && file.bytes.ends_with(kept), "{:?}", file.notes);
        assert_eq!(through(&with(&[], kept), Format::Png).notes.len(), 1);
    }
    let afcp = b"AXS!\0\x01\0\0 and more AXS!\0\0\0\0\0\0\0\0";
    for gone in [afcp.as_slice(), b"PK\x03\x04 an archive", b"x"] {
        let file = through(&with(&[], gone), Format::Jpeg);
        assert!(file.notes.len() == 1 && file.bytes.ends_with(b"\xff\xd9"), "{:?}", file.notes);
    }
    for padding in [b"\0\0\0\0".as_slice(), b"\n", b"\xff\xff"] {
        assert!(through(&with(&[], padding), Format::Jpeg).notes.is_empty());
    }
}

#[test]
fn a_missing_end_marker_is_told_and_strictly_refused() {
    let whole = jpeg();
    let image = decoded(&whole, Format::Jpeg).image;
    let path = path(Format::Jpeg);
    for missing in [1, 2] {
        let cut = &whole[..whole.len() - missing];
        for padding in [b"".as_slice(), &[0; 700]] {
            let bytes = [cut, padding].concat();
            let file = decode(&bytes, &path, &LIMITS).unwrap();
            assert_eq!(file.image, image);
            assert!(
                file.source.notes.iter().any(|note| note.contains("end marker")),
                "{:?}",
                file.source.notes
            );
            let error = decode(&bytes, &path, &Limits { strict: true, ..LIMITS }).unwrap_err();
            assert!(matches!(error, CodecError::Damaged { .. }), "{error}");
        }
    }
    for missing in 12..200 {
        let error = decode(&whole[..whole.len() - missing], &path, &LIMITS).unwrap_err();
        assert!(matches!(error, CodecError::Damaged { .. }), "{missing}: {error}");
    }
}
