//! Files that people keep beside images and that are not read: told by name, with what to do about them.

use super::{CodecError, Format};

/// What to do about a file that is no picture that is read.
#[derive(Clone, Copy)]
enum Advice {
    /// Another program opens it.
    Convert,
    /// It holds no still picture.
    Exclude,
}

use Advice::{Convert, Exclude};

/// Signatures: offset, bytes, name.
const SIGNATURES: [(usize, &[u8], &str, Advice); 31] = [
    (0, b"\x76\x2f\x31\x01", "OpenEXR", Convert),
    (0, b"#?RADIANCE", "Radiance HDR", Convert),
    (0, b"#?RGBE", "Radiance HDR", Convert),
    (0, b"\0\0\0\x0cjP  ", "JPEG 2000", Convert),
    (0, b"\xff\x4f\xff\x51", "JPEG 2000", Convert),
    (0, b"\xff\x57\x41", "JPEG XR", Convert),
    (0, b"II\xbc", "JPEG XR", Convert),
    (0, b"DDS ", "DDS", Convert),
    (0, b"\xabKTX ", "KTX", Convert),
    (0, b"8BPS", "Photoshop", Convert),
    (0, b"8BPB", "Photoshop", Convert),
    (0, b"gimp xcf", "GIMP", Convert),
    (0, b"%PDF", "PDF", Convert),
    (0, b"%!PS", "PostScript", Convert),
    (0, b"\xc5\xd0\xd3\xc6", "PostScript", Convert),
    (0, b"AT&TFORM", "DjVu", Convert),
    (0, b"BPG\xfb", "BPG", Convert),
    (0, b"SIMPLE  =", "FITS", Convert),
    (0, b"\x0a\x05\x01", "PCX", Convert),
    (0, b"\x01\xda\0\x01", "SGI image", Convert),
    (0, b"\x01\xda\x01\x01", "SGI image", Convert),
    (0, b"\x59\xa6\x6a\x95", "Sun raster", Convert),
    (0, b"\0\0\x02\0\x01\0", "cursor", Convert),
    (0, b"\xd7\xcd\xc6\x9a", "WMF", Convert),
    (40, b" EMF", "EMF", Convert),
    (0, b"Pf\n", "PFM float image", Convert),
    (0, b"PF\n", "PFM float image", Convert),
    (128, b"DICM", "DICOM", Convert),
    (0, b"\x1a\x45\xdf\xa3", "Matroska or WebM video", Exclude),
    (0, b"RIFF", "AVI video or WAVE sound", Exclude),
    (0, b"PK\x03\x04", "ZIP archive", Exclude),
];

/// Signatures of camera RAW: RAF, RW2, ORF, CRW, X3F, MRW.
const RAW: [(usize, &[u8]); 8] = [
    (0, b"FUJIFILMCCD-RAW"),
    (0, b"IIU\0"),
    (0, b"IIRO"),
    (0, b"IIRS"),
    (0, b"MMOR"),
    (6, b"HEAPCCDR"),
    (0, b"FOVb"),
    (0, b"\0MRM"),
];

/// Endings of camera RAW that is laid out as TIFF.
const RAW_TIFF: [&str; 20] = [
    "3fr", "arq", "arw", "cr2", "dcr", "dng", "erf", "fff", "gpr", "iiq", "kdc", "mef", "mos", "nef", "nrw",
    "pef", "rwl", "sr2", "srf", "srw",
];

fn refusal(format: &'static str, advice: Advice) -> CodecError {
    let what = match advice {
        Convert => "this kind of file is not read; convert it to png or tiff first",
        Exclude => "it holds no picture; exclude it from the input",
    };
    CodecError::Unsupported { format, what: what.to_owned() }
}

/// The refusal of camera RAW by a program that was built without its decoder.
#[cfg(not(feature = "raw"))]
pub(super) fn raw_not_built() -> CodecError {
    let what = "camera RAW is not read, since this safelight was built without the feature `raw`; build it with `cargo \
                build --release --features raw`, or develop the file to tiff with a raw converter first";
    CodecError::Unsupported { format: Format::Raw.name(), what: what.to_owned() }
}

fn has(head: &[u8], offset: usize, magic: &[u8]) -> bool {
    head.get(offset..).is_some_and(|tail| tail.starts_with(magic))
}

/// True for camera RAW that is told by its first bytes: all but what is laid out as TIFF.
pub(super) fn is_raw(head: &[u8]) -> bool {
    RAW.iter().any(|(offset, magic)| has(head, *offset, magic))
}

/// True for the ending of a camera's file that is laid out as TIFF.
pub(super) fn is_raw_ending(extension: &str) -> bool {
    RAW_TIFF.contains(&extension.to_ascii_lowercase().as_str())
}

/// Why a file with these first bytes is not read, where its kind is known.
pub(super) fn refused(head: &[u8]) -> Option<CodecError> {
    let known = SIGNATURES.iter().find(|(offset, magic, ..)| has(head, *offset, magic));
    if let Some((_, _, name, advice)) = known {
        return Some(refusal(name, *advice));
    }
    // Text, perhaps with a byte order mark, a declaration and comments before its root.
    let text = std::str::from_utf8(head).unwrap_or_else(|e| {
        head.get(..e.valid_up_to()).and_then(|valid| std::str::from_utf8(valid).ok()).unwrap_or_default()
    });
    let text = text.trim_start_matches('\u{feff}').trim_start();
    let xml = text.starts_with("<?xml") || text.starts_with("<!--") || text.starts_with("<!DOCTYPE svg");
    if text.starts_with("<svg") || (xml && text.contains("<svg")) {
        return Some(refusal("SVG", Convert));
    }
    None
}

/// What a file is that begins with a `ftyp` box, by its brands; `None` for other files.
pub(super) fn boxed(head: &[u8]) -> Option<Result<Format, CodecError>> {
    if head.get(4..8) != Some(b"ftyp") {
        return None;
    }
    let size = u32::from_be_bytes(*head.first_chunk::<4>()?) as usize;
    let body = head.get(8..size.min(head.len())).unwrap_or_default();
    let major: [u8; 4] = *body.first_chunk::<4>()?;
    let compatible = body.get(8..).unwrap_or_default();
    let brands =
        |names: &[&[u8; 4]]| compatible.as_chunks::<4>().0.iter().any(|brand| names.contains(&brand));
    let heic: [&[u8; 4]; 8] = [b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"hevm", b"hevs"];
    let avif: [&[u8; 4]; 3] = [b"avif", b"avis", b"avio"];
    Some(match &major {
        b"avif" | b"avis" => Ok(Format::Avif),
        b"heic" | b"heix" | b"heim" | b"heis" | b"hevc" | b"hevx" | b"hevm" | b"hevs" => Ok(Format::Heic),
        b"crx " => Ok(Format::Raw),
        b"jp2 " | b"jpx " | b"jpm " | b"j2ki" | b"j2is" => Err(refusal("JPEG 2000", Convert)),
        b"vvic" | b"vvis" => Err(refusal("HEIF of VVC pictures", Convert)),
        b"avci" | b"avcs" => Err(refusal("HEIF of AVC pictures", Convert)),
        b"jpeg" | b"jpgs" => Err(refusal("HEIF of JPEG pictures", Convert)),
        b"mif1" | b"mif2" | b"msf1" | b"miaf" | b"MiHB" | b"MiHE" | b"MiAn" => {
            if brands(&avif) {
                Ok(Format::Avif)
            } else {
                // What its pictures are made of shows where they are read.
                Ok(Format::Heic)
            }
        }
        _ if brands(&avif) => Ok(Format::Avif),
        _ if brands(&heic) => Ok(Format::Heic),
        b"M4A " | b"M4B " | b"M4P " => Err(refusal("MPEG-4 sound", Exclude)),
        b"qt  " => Err(refusal("QuickTime video", Exclude)),
        _ => Err(refusal("MPEG-4 video", Exclude)),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;

    fn told(head: &[u8]) -> String {
        Format::sniff(head, Path::new("a.dat")).map_or_else(|e| e.to_string(), |f| f.name().to_owned())
    }

    #[test]
    fn boxes_are_told_apart_by_their_brands() {
        let file = |major: &[u8; 4], others: &[&[u8; 4]]| -> Vec<u8> {
            let size = 16 + 4 * others.len() as u32;
            let brands = others.iter().flat_map(|brand| brand.iter().copied());
            size.to_be_bytes().into_iter().chain(*b"ftyp").chain(*major).chain([0; 4]).chain(brands).collect()
        };
        assert_eq!(told(&file(b"heic", &[b"mif1", b"heic"])), "heic");
        assert_eq!(told(&file(b"mif1", &[b"mif1", b"heic"])), "heic");
        assert_eq!(told(&file(b"mif1", &[b"avif", b"miaf"])), "avif");
        assert_eq!(told(&file(b"avis", &[b"msf1"])), "avif");
        assert_eq!(told(&file(b"isom", &[b"avis"])), "avif");
        for (brand, name) in [
            (b"crx ", "raw"),
            (b"qt  ", "QuickTime"),
            (b"mp42", "video"),
            (b"isom", "video"),
            (b"M4A ", "sound"),
        ] {
            assert!(told(&file(brand, &[b"isom"])).contains(name), "{name}");
        }
        assert!(told(b"\0\0\0\x08ftyp").contains("no known image format"));
    }

    #[test]
    fn kinds_are_named() {
        for (head, name) in [
            (b"\xff\x4f\xff\x51\0\x29".as_slice(), "JPEG 2000"),
            (b"\xef\xbb\xbf<?xml version='1.0'?>\n<!-- x -->\n<svg xmlns=''>", "SVG"),
            (b"<svg width='1'/>", "SVG"),
            (b"RIFF\x10\0\0\0AVI LIST", "AVI video"),
            (b"\x1a\x45\xdf\xa3", "Matroska"),
            (b"FUJIFILMCCD-RAW 0201", "raw"),
            (b"IIRO\x08\0\0\0", "raw"),
            (b"II\x1a\0\0\0HEAPCCDR", "raw"),
            (b"SIMPLE  =                    T", "FITS"),
            (b"\xff\x0a\x01", "jxl"),
        ] {
            assert!(told(head).contains(name), "{name}: {}", told(head));
        }
        assert!(told(b"<html><svg></svg></html>").contains("no known image format"));
    }
}
