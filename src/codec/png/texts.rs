//! Texts of a PNG: `tEXt`, `zTXt` and `iTXt`, and the EXIF, XMP, IPTC and profiles that programs hide in them.
//!
//! ImageMagick and others store blocks as hexadecimal digits under the keyword `Raw profile type …`. What is read
//! that way goes into the field it belongs to and is not carried as a text too.

use std::io::Read;

use flate2::read::ZlibDecoder;

use super::chunks::Chunk;
use crate::codec::photoshop::as_resource;
use crate::codec::{Loss, Metadata, Text, TextEncoding};

/// Keyword of XMP.
pub(super) const XMP_KEYWORD: &str = "XML:com.adobe.xmp";

/// What the keyword of a hidden block begins with.
pub(super) const RAW_PROFILE: &str = "Raw profile type ";

/// Most bytes that all compressed texts together may unfold to.
pub(super) const MAX_TEXT: usize = 8 << 20;

/// Collects a file's texts; blocks of less precedence wait until all are seen.
#[derive(Debug)]
pub(super) struct Texts {
    budget: usize,
    /// Blocks found in texts, with the name of where and their precedence there, the lowest first.
    blocks: Vec<(u8, Block, String)>,
}

#[derive(Debug, PartialEq)]
enum Block {
    Exif(Vec<u8>),
    Xmp(Vec<u8>),
    /// Photoshop image resources.
    Resources(Vec<u8>),
    Icc(Vec<u8>),
}

impl Default for Texts {
    fn default() -> Texts {
        Texts { budget: MAX_TEXT, blocks: Vec::new() }
    }
}

impl Texts {
    /// Reads a text chunk.
    pub(super) fn read(&mut self, chunk: &Chunk, meta: &mut Metadata) {
        let Some(text) = self.text(chunk) else {
            let keyword = split(chunk.data).map_or(String::new(), |(keyword, _)| latin1(keyword));
            let what = format!("text \"{keyword}\" ({}); it can't be unfolded", chunk.name());
            return meta.saw(Loss::Metadata, what);
        };
        if text.keyword == XMP_KEYWORD {
            let precedence = u8::from(chunk.name != *b"iTXt");
            return self.blocks.push((precedence, Block::Xmp(text.bytes), text.keyword));
        }
        if let Some(kind) = text.keyword.strip_prefix(RAW_PROFILE)
            && let Some(bytes) = unhex(&text.bytes)
            && let Some((precedence, block)) = hidden(&kind.to_ascii_lowercase(), bytes)
        {
            return self.blocks.push((precedence, block, text.keyword));
        }
        meta.texts.push(text);
    }

    fn text(&mut self, chunk: &Chunk) -> Option<Text> {
        let (keyword, rest) = split(chunk.data)?;
        let keyword = latin1(keyword);
        let plain = |bytes| Text::new(keyword.clone(), bytes, TextEncoding::Latin1);
        match &chunk.name {
            b"tEXt" => Some(plain(rest.to_vec())),
            b"zTXt" => {
                let (_method, packed) = rest.split_first()?;
                Some(plain(self.unfold(packed)?))
            }
            _ => {
                let (&[compressed, _method], rest) = rest.split_first_chunk::<2>()?;
                let (language, rest) = split(rest)?;
                let (translated, rest) = split(rest)?;
                let bytes = if compressed == 0 { rest.to_vec() } else { self.unfold(rest)? };
                let mut text = Text::new(keyword, bytes, TextEncoding::Utf8);
                text.language = latin1(language);
                text.translated = translated.to_vec();
                Some(text)
            }
        }
    }

    fn unfold(&mut self, packed: &[u8]) -> Option<Vec<u8>> {
        let mut bytes = Vec::new();
        let most = self.budget as u64 + 1;
        ZlibDecoder::new(packed).take(most).read_to_end(&mut bytes).ok()?;
        self.budget = self.budget.checked_sub(bytes.len())?;
        Some(bytes)
    }

    /// Puts blocks that were found in texts into fields that are empty still, and notes those that come too late
    /// and say something else.
    pub(super) fn finish(mut self, meta: &mut Metadata) {
        self.blocks.sort_by_key(|(precedence, ..)| *precedence);
        for (_, block, keyword) in self.blocks {
            let loss = if matches!(block, Block::Icc(_)) { Loss::Colour } else { Loss::Metadata };
            let left = match block {
                Block::Exif(bytes) if meta.exif.is_none() => {
                    meta.adopt_exif(&bytes);
                    None
                }
                Block::Exif(bytes) => Some(bytes).filter(|bytes| meta.exif.as_ref() != Some(bytes)),
                Block::Xmp(bytes) => into(&mut meta.xmp, bytes),
                Block::Resources(bytes) => into(&mut meta.iptc, bytes),
                Block::Icc(bytes) => into(&mut meta.icc, bytes),
            };
            if left.is_some() {
                meta.saw(loss, format!("\"{keyword}\"; another place says it otherwise and goes before it"));
            }
        }
    }
}

/// Fills the field where it is empty; gives back what differs from what it holds.
fn into(field: &mut Option<Vec<u8>>, bytes: Vec<u8>) -> Option<Vec<u8>> {
    match field {
        Some(held) => Some(bytes).filter(|bytes| bytes != held),
        None => {
            *field = Some(bytes);
            None
        }
    }
}

/// What stands before and behind the first zero.
fn split(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let at = bytes.iter().position(|&b| b == 0)?;
    Some((bytes.get(..at)?, bytes.get(at + 1..)?))
}

/// Latin-1 as text; every byte leads back to itself.
fn latin1(bytes: &[u8]) -> String {
    bytes.iter().copied().map(char::from).collect()
}

/// The block of a `Raw profile type` of this kind in lower case, and its precedence among its like.
fn hidden(kind: &str, bytes: Vec<u8>) -> Option<(u8, Block)> {
    let tail = |prefix: &[u8]| bytes.strip_prefix(prefix).map(<[u8]>::to_vec);
    // What it holds decides, not what it is called: APP1 is EXIF or XMP, and `exif` was written for both.
    let precedence = match kind {
        "exif" | "xmp" | "8bim" | "icc" => 2,
        "app1" | "iptc" | "icm" => 3,
        _ => return None,
    };
    if let Some(block) = tail(b"Exif\0\0") {
        return Some((precedence, Block::Exif(block)));
    }
    if let Some(packet) = tail(b"http://ns.adobe.com/xap/1.0/\0") {
        return Some((precedence, Block::Xmp(packet)));
    }
    let block = match kind {
        "exif" | "app1" if bytes.starts_with(b"II*\0") || bytes.starts_with(b"MM\0*") => Block::Exif(bytes),
        "xmp" => Block::Xmp(bytes),
        "8bim" | "iptc" if bytes.starts_with(b"8BIM") => Block::Resources(bytes),
        "8bim" | "iptc" if bytes.first() == Some(&0x1C) => Block::Resources(as_resource(&bytes)),
        "icc" | "icm" => Block::Icc(bytes),
        _ => return None,
    };
    Some((precedence, block))
}

/// The bytes of a hidden block: its name, their number, and hexadecimal digits. `None` when digits are missing.
fn unhex(text: &[u8]) -> Option<Vec<u8>> {
    let text = text.trim_ascii_start();
    let name = text.iter().position(u8::is_ascii_whitespace)?;
    let text = text.get(name..)?.trim_ascii_start();
    let end = text.iter().position(u8::is_ascii_whitespace)?;
    let length: usize = std::str::from_utf8(text.get(..end)?).ok()?.parse().ok()?;
    let digit = |&b: &u8| char::from(b).to_digit(16);
    let digits: Vec<u32> =
        text.get(end..)?.iter().filter(|b| !b.is_ascii_whitespace()).map(digit).collect::<Option<_>>()?;
    let mut bytes: Vec<u8> =
        digits.as_chunks::<2>().0.iter().map(|[high, low]| (high << 4 | low) as u8).collect();
    if bytes.len() < length {
        return None;
    }
    bytes.truncate(length);
    Some(bytes)
}

/// A block as text that [`unhex`] and exiftool read.
pub(super) fn hex(kind: &str, bytes: &[u8]) -> Vec<u8> {
    let mut text = format!("\n{kind}\n{:8}", bytes.len());
    for line in bytes.chunks(36) {
        text.push('\n');
        line.iter().for_each(|byte| text.push_str(&format!("{byte:02x}")));
    }
    text.push('\n');
    text.into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hidden_blocks_are_found_and_go_round() {
        let bytes: Vec<u8> = (0..=255).collect();
        assert_eq!(unhex(&hex("exif", &bytes)), Some(bytes));
        assert_eq!(unhex(b"\nexif\n       3\n0102"), None);
        assert_eq!(unhex(b"\nexif\n       2\n01020304"), Some(vec![1, 2]));
        assert_eq!(unhex(b"no digits at all"), None);
        let block = |kind, bytes: &[u8]| hidden(kind, bytes.to_vec()).map(|(_, block)| block);
        assert_eq!(block("app1", b"Exif\0\0MM\0*"), Some(Block::Exif(b"MM\0*".to_vec())));
        assert_eq!(block("exif", b"II*\0"), Some(Block::Exif(b"II*\0".to_vec())));
        assert_eq!(
            block("app1", b"http://ns.adobe.com/xap/1.0/\0<x:xmpmeta/>"),
            Some(Block::Xmp(b"<x:xmpmeta/>".to_vec()))
        );
        assert_eq!(
            block("iptc", b"\x1c\x02\x78\0\x01a"),
            Some(Block::Resources(as_resource(b"\x1c\x02\x78\0\x01a")))
        );
        assert_eq!(block("generic", b"x"), None);
    }
}
