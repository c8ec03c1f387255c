//! What becomes of everything a file carries, by format: made into `docs/fidelity.md`.
//!
//! For every format that is written a file is made that carries all it can; it is read, and written in every
//! format. Whatever is then neither there, nor there in another form, nor told in a note fails the test.
//! `make fidelity` writes the page anew, and has exiftool look at the same files.

mod source;

use crate::support::root;
use safelight::codec::{
    CodecError, Decoded, Density, DensityUnit, EncodeOptions, Format, Limits, Loss, Metadata, Part, decode,
    encode,
};
use safelight::image::Image;
use safelight::image::orient::upright;
use std::fmt::Write;
use std::path::{Path, PathBuf};

const LIMITS: Limits = Limits { max_pixels: 1 << 20, max_bytes: 1 << 30, strict: false };

/// Where the files go that exiftool is to look at.
const FOLDER: &str = "SAFELIGHT_FIDELITY";

/// Something a file carries.
struct Property {
    name: &'static str,
    /// Its value in a file, as a text to compare; `None` when it is not there.
    value: fn(&Decoded) -> Option<String>,
    /// The kinds of loss that tell of it.
    losses: &'static [Loss],
    /// It may take another form: turned pixels for a tag, pixels in sRGB for a profile.
    converted: fn(&Decoded, &Decoded) -> bool,
}

fn never(_: &Decoded, _: &Decoded) -> bool {
    false
}

fn hex(bytes: &[u8]) -> String {
    format!("{} {:x?}", bytes.len(), digest(bytes))
}

/// A short fingerprint for comparing.
fn digest(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, &b| (hash ^ u64::from(b)).wrapping_mul(0x0100_0000_01b3))
}

fn unpadded(bytes: &[u8]) -> &[u8] {
    let zeros = bytes.iter().rev().take_while(|&&b| b == 0).count();
    bytes.get(..bytes.len() - zeros).unwrap_or_default()
}

fn text(meta: &Metadata, wanted: &str) -> Option<String> {
    let packet = String::from_utf8_lossy(meta.xmp.as_deref()?).into_owned();
    packet.contains(wanted).then(|| wanted.to_owned())
}

fn has(meta: &Metadata, part: &[u8]) -> Option<String> {
    let block = meta.exif.as_deref()?;
    block.windows(part.len()).any(|window| window == part).then(|| hex(part))
}

/// The owner's name, where the maker note's entry points to it.
fn owner(meta: &Metadata) -> Option<String> {
    let block = meta.exif.as_deref()?;
    let find = |part: &[u8]| block.windows(part.len()).position(|window| window == part);
    // Tag 9, text, 26 bytes.
    let entry =
        [b"\x09\0\x02\0\x1a\0\0\0".as_slice(), &u32::try_from(find(source::OWNER)?).ok()?.to_le_bytes()];
    find(&entry.concat()).map(|_| "owner".to_owned())
}

fn extra(file: &Decoded, loss: Loss) -> Option<String> {
    let carried = |part: &Part| match part {
        Part::Behind(behind) => Some(hex(behind.bytes.get(behind.before..)?)),
        _ => None,
    };
    file.meta.extras.iter().find(|extra| extra.loss == loss).and_then(|extra| carried(&extra.part))
}

const PROPERTIES: [Property; 13] = [
    Property {
        name: "pixels",
        value: |_| Some("pixels".into()),
        losses: &[],
        converted: |a, b| (a.image.width(), a.image.height()) != (b.image.width(), b.image.height()),
    },
    Property {
        name: "depth",
        value: |file| Some(file.image.depth().bits().to_string()),
        losses: &[Loss::Depth],
        converted: |a, b| a.image.depth().bits() < b.image.depth().bits(),
    },
    Property {
        name: "alpha",
        value: |file| file.image.alpha().as_ref().map(|_| "alpha".into()),
        losses: &[Loss::Depth],
        converted: never,
    },
    Property {
        name: "EXIF",
        value: |f| has(&f.meta, source::MODEL),
        losses: &[Loss::Metadata],
        converted: never,
    },
    Property { name: "maker notes", value: |f| owner(&f.meta), losses: &[Loss::Metadata], converted: never },
    Property {
        name: "IPTC",
        // Padding behind the last record may go.
        value: |f| f.meta.iptc.as_deref().map(|records| hex(unpadded(records))),
        losses: &[Loss::Metadata],
        converted: never,
    },
    Property {
        name: "XMP",
        value: |f| text(&f.meta, source::TITLE),
        losses: &[Loss::Metadata],
        converted: never,
    },
    Property {
        name: "ICC",
        value: |f| f.meta.icc.as_deref().map(hex),
        losses: &[Loss::Colour],
        converted: |_, b| b.source.notes.iter().any(|note| note.contains("sRGB")),
    },
    Property {
        name: "resolution",
        value: |f| resolution(&f.meta),
        losses: &[Loss::Resolution],
        converted: never,
    },
    Property {
        name: "orientation",
        value: |f| (f.meta.orientation != 1).then(|| f.meta.orientation.to_string()),
        losses: &[],
        converted: |a, b| a.image.width() == b.image.height(),
    },
    Property {
        name: "comment",
        value: |f| f.meta.texts.iter().find(|t| t.bytes == source::COMMENT).map(|_| "comment".into()),
        losses: &[Loss::Metadata],
        // In a TIFF, it is the description.
        converted: |_, b| has(&b.meta, source::COMMENT).is_some(),
    },
    Property {
        name: "gain map",
        value: |f| extra(f, Loss::GainMap),
        losses: &[Loss::GainMap],
        converted: never,
    },
    Property {
        name: "trailer",
        value: |f| extra(f, Loss::Metadata),
        losses: &[Loss::Metadata],
        converted: never,
    },
];

/// Dots an inch, whole.
fn resolution(meta: &Metadata) -> Option<String> {
    let Density { x, unit, .. } = meta.density?;
    match unit {
        DensityUnit::Aspect => None,
        DensityUnit::PerInch => Some(format!("{x:.0} dpi")),
        DensityUnit::PerCentimetre => Some(format!("{:.0} dpi", x * 2.54)),
    }
}

fn path(format: Format) -> PathBuf {
    PathBuf::from(format!("picture.{}", format.extensions()[0]))
}

fn read(bytes: &[u8], format: Format) -> Decoded {
    decode(bytes, &path(format), &LIMITS).unwrap()
}

/// The formats that are written.
fn written() -> Vec<Format> {
    let image = source::picture(false);
    let plain = Metadata::default();
    let writes = |format: &Format| encode(&image, &plain, None, &EncodeOptions::new(*format)).is_ok();
    Format::ALL.into_iter().filter(writes).collect()
}

/// What became of a property, in a word.
fn fate(
    property: &Property,
    before: &Decoded,
    after: &Decoded,
    notes: &[String],
) -> Result<&'static str, String> {
    let Some(value) = (property.value)(before) else { return Ok("") };
    let told = notes.iter().any(|note| Loss::of(note).is_some_and(|loss| property.losses.contains(&loss)));
    let mut seen = after.clone();
    seen.source.notes = notes.to_vec();
    match (property.value)(after) {
        Some(now) if now == value && property.name == "pixels" => {
            let exactness = pixels(before, after)?;
            Ok(if notes.iter().any(|note| note.contains("sRGB")) { "in sRGB" } else { exactness })
        }
        Some(now) if now == value => Ok("carried"),
        _ if (property.converted)(before, &seen) => Ok("converted"),
        _ if told => Ok("noted"),
        now => Err(format!("{} was {value}, is {now:?}, and nothing is said: {notes:?}", property.name)),
    }
}

/// How exactly the pixels are there.
fn pixels(before: &Decoded, after: &Decoded) -> Result<&'static str, String> {
    let turned = before.image.width() != after.image.width();
    let image =
        if turned { upright(before.image.clone(), before.meta.orientation) } else { before.image.clone() };
    let worst = worst(&image, &after.image);
    match worst {
        0.0 => Ok("exact"),
        w if w <= 0.5 / 255.0 + 1e-6 => Ok("rounded"),
        w if w < 0.35 => Ok("coded anew"),
        w => Err(format!("pixels are {w} off")),
    }
}

fn worst(a: &Image, b: &Image) -> f32 {
    if (a.width(), a.height()) != (b.width(), b.height()) {
        return 1.0;
    }
    let at =
        |image: &Image, i: usize, c: usize| image.samples().get(i * image.channels() + c % image.channels());
    // Under full transparency there is no colour to keep.
    let shows = |i: &usize| a.alpha().as_ref().is_none_or(|alpha| alpha.get(i / 3) > 0.0);
    (0..a.width() * a.height() * 3)
        .filter(shows)
        .map(|i| (at(a, i / 3, i % 3) - at(b, i / 3, i % 3)).abs())
        .fold(0.0, f32::max)
}

/// The page, and the files and fates for exiftool where a folder is given.
fn page(folder: Option<&Path>) -> (String, Vec<String>) {
    let mut page = String::from(source::HEAD);
    let mut faults = Vec::new();
    let mut list = String::from("source,target,property,fate\n");
    let write = |name: &str, bytes: &[u8]| {
        if let Some(folder) = folder {
            std::fs::create_dir_all(folder).unwrap();
            std::fs::write(folder.join(name), bytes).unwrap();
        }
    };
    for from in written() {
        let bytes = source::file(from);
        let before = read(&bytes, from);
        write(&format!("{}.{}", from.name(), from.extensions()[0]), &bytes);
        let carried: Vec<&Property> = PROPERTIES.iter().filter(|p| (p.value)(&before).is_some()).collect();
        let names: Vec<&str> = carried.iter().map(|property| property.name).collect();
        writeln!(page, "\n## From {}\n\n| to | {} |", from.name(), names.join(" | ")).unwrap();
        writeln!(page, "|---|{}", "---|".repeat(names.len())).unwrap();
        for to in written() {
            let options = EncodeOptions::new(to);
            let file = match encode(&before.image, &before.meta, Some(&before.source), &options) {
                Ok(file) => file,
                Err(CodecError::Encode { what, .. }) => {
                    writeln!(page, "| {} | not written: {what} |{}", to.name(), " |".repeat(names.len() - 1))
                        .unwrap();
                    continue;
                }
                Err(error) => panic!("{error}"),
            };
            let after = read(&file.bytes, to);
            write(&format!("{}-{}.{}", from.name(), to.name(), to.extensions()[0]), &file.bytes);
            let mut row = format!("| {} |", to.name());
            for property in &carried {
                let fate = fate(property, &before, &after, &file.notes).unwrap_or_else(|fault| {
                    faults.push(format!("{} to {}: {fault}", from.name(), to.name()));
                    "LOST"
                });
                writeln!(list, "{},{},{},{fate}", from.name(), to.name(), property.name).unwrap();
                write!(row, " {fate} |").unwrap();
            }
            writeln!(page, "{row}").unwrap();
        }
    }
    write("fates.csv", list.as_bytes());
    page.push_str(source::FOOT);
    (page, faults)
}

#[test]
fn everything_a_file_carries_is_carried_converted_or_noted() {
    let folder = std::env::var_os(FOLDER).map(PathBuf::from);
    let (page, faults) = page(folder.as_deref());
    assert!(faults.is_empty(), "{}", faults.join("\n"));
    let file = root().join("docs/fidelity.md");
    if folder.is_some() {
        std::fs::write(&file, &page).unwrap();
    }
    let written = std::fs::read_to_string(&file).unwrap_or_default();
    assert!(written == page, "docs/fidelity.md is not what the code does; run `make fidelity`");
}

#[test]
fn a_loss_that_nobody_tells_is_found() {
    let before = read(&source::file(Format::Jpeg), Format::Jpeg);
    let mut after = before.clone();
    after.meta.xmp = None;
    let property = PROPERTIES.iter().find(|property| property.name == "XMP").unwrap();
    assert!(fate(property, &before, &after, &[]).is_err());
    assert_eq!(fate(property, &before, &after, &[Loss::Metadata.note("XMP")]), Ok("noted"));
    assert_eq!(fate(property, &before, &before, &[]), Ok("carried"));
}
