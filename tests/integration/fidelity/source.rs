//! Files that carry all that their format can.

use safelight::codec::{
    Behind, Density, DensityUnit, EncodeOptions, Extra, Format, Loss, Metadata, Part, Text, TextEncoding,
    encode,
};
use safelight::image::{Depth, Image, Samples};

/// The camera's model in EXIF.
pub const MODEL: &[u8] = b"EOS of the test\0";
/// The owner's name in the maker note, which stands away from it.
pub const OWNER: &[u8] = b"an owner with a long name\0";
pub const TITLE: &str = "A title in XMP";
pub const COMMENT: &[u8] = b"a comment";

pub const HEAD: &str = "<!-- Made by `make fidelity` from a test that fails when a loss is not told. -->
# What is kept

For every format that is written, a file that carries all that its format can, read and written again in every
format (`write: {format: …}`):

- **carried**: as it was, byte for byte where it is bytes; **exact**: every sample as it was; **rounded**: to the
  nearest value that fits; **coded anew**: by the format's own lossy coding; **in sRGB**: with other values that look
  the same.
- **converted**: there in another form: pixels turned where the orientation tag can't go, values in sRGB where a
  profile can't go, samples in more bits, a comment as a TIFF's description.
- **noted**: left out, and told in the `notes` of the manifest as `lost …`; the run's summary counts such files.
";

pub const FOOT: &str = "
## Always

- Thumbnails inside EXIF, Photoshop resources and JFIF show the old picture and are left out without a note.
- Sizes that EXIF and XMP state are set to the picture's; the orientation tag follows the pixels.
- Previews, stereo pairs and depth maps of multi-picture files are left out with a note, C2PA manifests too, since
  they are no longer true. A gain map stays with a JPEG unless the picture is cropped or turned; it is laid over the
  whole picture, so that its own size need not follow.
- What a PNG or BMP says about its colours without a profile (gamma, primaries, sRGB, code points) stays in PNG and becomes
  a profile elsewhere; PQ and HLG keep their values under a profile that also tells how they look on an ordinary screen.
- Unknown chunks of a PNG that say they may be copied are; others are left out with a note.
- Films of motion photos and trailers that are found from the file's end stay behind a JPEG.
";

/// A picture with some structure, 8 or 16 bits.
pub fn picture(deep: bool) -> Image {
    let (width, height) = (24, 16);
    let mut image = Image::new(width, height, 3, if deep { Depth::U16 } else { Depth::U8 });
    for i in 0..image.samples().len() {
        let (x, y, c) = (i / 3 % width, i / 3 / width, i % 3);
        image.samples_mut().set(i, 0.5 + 0.4 * (x as f32 * 0.2 + c as f32).sin() * (y as f32 * 0.15).cos());
    }
    image
}

/// A file of this format.
pub fn file(format: Format) -> Vec<u8> {
    let deep = format.max_bits() > 8;
    let mut image = picture(deep);
    if format.carries_alpha() {
        let values = (0..image.width() * image.height()).map(|i| if i % 3 == 0 { 0.0 } else { 1.0 });
        let mut alpha = Samples::zeroed(image.depth(), image.width() * image.height());
        values.enumerate().for_each(|(i, value)| alpha.set(i, value));
        let size = (image.width(), image.height());
        image = Image::from_samples(size, image.channels(), image.samples().clone(), Some(alpha)).unwrap();
    }
    encode(&image, &metadata(format), None, &EncodeOptions::new(format)).unwrap().bytes
}

/// Everything at once; only JPEG has room for a gain map and a trailer.
fn metadata(format: Format) -> Metadata {
    let mut meta = Metadata {
        exif: Some(exif()),
        icc: moxcms::ColorProfile::new_display_p3().encode().ok(),
        xmp: Some(xmp().into_bytes()),
        iptc: Some(b"8BIM\x04\x04\0\0\0\0\0\x0f\x1c\x02\x78\0\x0aIn the IPTC\0"[..].into()),
        texts: vec![Text::new("Comment", COMMENT.to_vec(), TextEncoding::Latin1)],
        density: Some(Density { x: 300.0, y: 300.0, unit: DensityUnit::PerInch }),
        ..Metadata::default()
    };
    meta.set_orientation(6);
    if format == Format::Jpeg {
        let gain_map = [
            b"\xff\xd8\xff\xe1\0\x2fhttp://ns.adobe.com/hdr-gain-map/1.0/\0".as_slice(),
            &[7; 30],
            b"\xff\xd9",
        ];
        let behind = |bytes: Vec<u8>, attribute| Part::Behind(Behind { bytes, before: 0, attribute });
        let part = |loss, what: &str, part| Extra { loss, what: what.into(), part };
        meta.extras = vec![
            part(Loss::GainMap, "gain map", behind(gain_map.concat(), Some(0))),
            part(
                Loss::Metadata,
                "trailer",
                behind(b"\x1c\x02\xd9\0\x04\0\0\0\x01\0\0\0\x09cbipcbbl".to_vec(), None),
            ),
        ];
    }
    meta
}

fn xmp() -> String {
    format!(
        "<?xpacket begin='' id='W5M0MpCehiHzreSzNTczkc9d'?><x:xmpmeta xmlns:x='adobe:ns:meta/'>\
         <rdf:RDF xmlns:rdf='http://www.w3.org/1999/02/22-rdf-syntax-ns#'><rdf:Description rdf:about='' \
         xmlns:photoshop='http://ns.adobe.com/photoshop/1.0/' photoshop:Headline='{TITLE}' \
         xmlns:hdrgm='http://ns.adobe.com/hdr-gain-map/1.0/' hdrgm:Version='1.0'/></rdf:RDF></x:xmpmeta>\
         <?xpacket end='w'?>"
    )
}

/// An EXIF block as a Canon camera writes it: a maker note whose offsets count from the block's start.
fn exif() -> Vec<u8> {
    let entry = |tag: u16, kind: u16, count: u32, value: u32| {
        [&tag.to_le_bytes()[..], &kind.to_le_bytes(), &count.to_le_bytes(), &value.to_le_bytes()].concat()
    };
    let directory = |entries: &[Vec<u8>]| {
        [&(entries.len() as u16).to_le_bytes(), entries.concat().as_slice(), &[0; 4]].concat()
    };
    let (main, sub, note) = (8, 8 + 2 + 3 * 12 + 4, 8 + 2 + 3 * 12 + 4 + 2 + 2 * 12 + 4);
    let note_bytes = 2 + 12 + 4;
    let (make, model) = (note + note_bytes + 26, note + note_bytes + 26 + 6);
    let date = model + 16;
    [
        b"II*\0\x08\0\0\0".to_vec(),
        directory(&[
            entry(0x010F, 2, 6, make as u32),
            entry(0x0110, 2, 16, model as u32),
            entry(0x8769, 4, 1, sub as u32),
        ]),
        directory(&[
            entry(0x9003, 2, 20, date as u32),
            entry(0x927C, 7, note_bytes as u32 + 26, note as u32),
        ]),
        directory(&[entry(0x0009, 2, 26, (note + note_bytes) as u32)]),
        OWNER.to_vec(),
        b"Canon\0".to_vec(),
        MODEL.to_vec(),
        b"2024:05:06 07:08:09\0".to_vec(),
    ]
    .concat()
    .into_iter()
    .inspect(|_| debug_assert_eq!(main, 8))
    .collect()
}
