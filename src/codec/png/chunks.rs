//! A PNG's chunks, and what becomes of each.

use flate2::Crc;

use crate::codec::Loss;

/// One chunk.
#[derive(Clone, Copy, Debug)]
pub(super) struct Chunk<'a> {
    pub(super) name: [u8; 4],
    pub(super) data: &'a [u8],
    /// Its checksum as the file has it.
    crc: u32,
}

impl Chunk<'_> {
    /// The checksum fits.
    pub(super) fn is_intact(&self) -> bool {
        let mut crc = Crc::new();
        crc.update(&self.name);
        crc.update(self.data);
        crc.sum() == self.crc
    }

    pub(super) fn name(&self) -> String {
        name(&self.name)
    }
}

/// A chunk's name, for people.
pub(super) fn name(name: &[u8; 4]) -> String {
    name.escape_ascii().to_string()
}

/// A file taken apart.
#[derive(Debug, Default)]
pub(super) struct Layout<'a> {
    pub(super) chunks: Vec<Chunk<'a>>,
    /// The name of a chunk that the file ends in, if it does; empty when it ends between chunks.
    cut: Option<String>,
    /// What stands behind the end marker.
    pub(super) trailer: &'a [u8],
}

impl<'a> Layout<'a> {
    /// Takes apart a file that has a PNG's signature.
    pub(super) fn of(bytes: &'a [u8]) -> Layout<'a> {
        let mut layout = Layout::default();
        let mut rest = bytes.get(8..).unwrap_or_default();
        loop {
            let Some((head, tail)) = rest.split_first_chunk::<8>() else {
                layout.cut = Some(String::new());
                return layout;
            };
            let [a, b, c, d, name @ ..] = *head;
            let length = u32::from_be_bytes([a, b, c, d]) as usize;
            let whole = tail.split_at_checked(length).and_then(|(data, tail)| {
                let (crc, tail) = tail.split_first_chunk::<4>()?;
                Some((data, u32::from_be_bytes(*crc), tail))
            });
            let Some((data, crc, tail)) = whole else {
                layout.cut = Some(self::name(&name));
                return layout;
            };
            layout.chunks.push(Chunk { name, data, crc });
            rest = tail;
            if name == *b"IEND" {
                layout.trailer = tail;
                return layout;
            }
        }
    }

    /// A file of nothing but the first picture, where pixels may all be there: for readers that stumble over the
    /// rest.
    pub(super) fn bare(&self) -> Option<Vec<u8>> {
        if self.wrong_checksum().is_some() || (self.cut.is_some() && self.unfinished().is_none()) {
            return None;
        }
        let mut file = b"\x89PNG\r\n\x1a\n".to_vec();
        let mut put = |name: &[u8; 4], data: &[u8], crc: u32| {
            file.extend((data.len() as u32).to_be_bytes());
            file.extend_from_slice(name);
            file.extend_from_slice(data);
            file.extend(crc.to_be_bytes());
        };
        let kept = |name: &[u8; 4]| {
            let critical = name[0].is_ascii_uppercase() && name != b"IEND";
            critical || name == b"tRNS" || name == b"iCCP"
        };
        for chunk in self.chunks.iter().filter(|chunk| kept(&chunk.name)) {
            put(&chunk.name, chunk.data, chunk.crc);
        }
        put(b"IEND", b"", 0xAE42_6082);
        Some(file)
    }

    /// How many frames the header says that there are, and how many there are.
    pub(super) fn frames(&self) -> (Option<u32>, u32) {
        let before = self.chunks.iter().take_while(|chunk| chunk.name != *b"IDAT");
        let header = before.filter(|chunk| chunk.name == *b"acTL").find_map(|chunk| chunk.data.first_chunk());
        let found = self.chunks.iter().filter(|chunk| chunk.name == *b"fcTL").count();
        (header.map(|&stated| u32::from_be_bytes(stated)), u32::try_from(found).unwrap_or(u32::MAX))
    }

    fn wrong_checksum(&self) -> Option<&Chunk<'a>> {
        let needed = |chunk: &&Chunk| chunk.name[0].is_ascii_uppercase() || chunk.name == *b"tRNS";
        self.chunks.iter().filter(needed).find(|chunk| !chunk.is_intact())
    }

    /// What proves that the file is damaged, among what the picture can't be read without.
    pub(super) fn damage(&self) -> Option<String> {
        if let Some(chunk) = self.wrong_checksum() {
            return Some(format!("the checksum of a chunk ({}) is wrong", chunk.name()));
        }
        self.cut.as_ref().map(|name| match name.as_str() {
            "" => "it ends before its end marker (IEND)".to_owned(),
            name => format!("it ends within a chunk ({name})"),
        })
    }

    /// What is missing at the end of a file whose pixels are all there; `None` when nothing is, or pixels may be.
    pub(super) fn unfinished(&self) -> Option<String> {
        let cut = self.cut.as_deref()?;
        let has_pixels = self.chunks.iter().any(|chunk| chunk.name == *b"IDAT");
        if !has_pixels || cut == "IDAT" || cut == "fdAT" {
            return None;
        }
        Some(match cut {
            "" | "IEND" => "its end marker (IEND) is missing".to_owned(),
            name => format!("it ends within a chunk behind the pixels ({name})"),
        })
    }
}

/// What becomes of a chunk that has no place in [`Metadata`](crate::codec::Metadata) of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fate {
    /// It is about how this file is stored; the new one has its own, or needs none.
    Layout,
    /// It is read into a field of its own, or part of the picture.
    Read,
    /// A PNG takes it over as it is; what it is a loss of elsewhere, and what it is.
    Carried(Loss, &'static str),
    /// It would not be true of another picture, or nobody could use it there.
    Dropped(Loss, &'static str),
}

/// What becomes of each known chunk.
const TABLE: [(&[u8; 4], Fate); 38] = [
    (b"IHDR", Fate::Layout),
    (b"PLTE", Fate::Layout),
    (b"IDAT", Fate::Layout),
    (b"IEND", Fate::Layout),
    (b"tRNS", Fate::Read),
    (b"iCCP", Fate::Read),
    (b"gAMA", Fate::Read),
    (b"cHRM", Fate::Read),
    (b"sRGB", Fate::Read),
    (b"cICP", Fate::Read),
    (b"mDCV", Fate::Read),
    (b"cLLI", Fate::Read),
    (b"pHYs", Fate::Read),
    (b"eXIf", Fate::Read),
    (b"tEXt", Fate::Read),
    (b"zTXt", Fate::Read),
    (b"iTXt", Fate::Read),
    (b"bKGD", Fate::Read),
    // Frames are told as such, all at once.
    (b"acTL", Fate::Read),
    (b"fcTL", Fate::Read),
    (b"fdAT", Fate::Read),
    (b"tIME", Fate::Carried(Loss::Metadata, "date of change")),
    (b"sBIT", Fate::Dropped(Loss::Data, "number of significant bits; all are, now")),
    (b"hIST", Fate::Dropped(Loss::Data, "how often each colour of the palette occurs")),
    (b"sPLT", Fate::Dropped(Loss::Data, "suggested palette")),
    (b"pCAL", Fate::Dropped(Loss::Data, "physical meaning of the values")),
    (b"sCAL", Fate::Dropped(Loss::Resolution, "size of the subject")),
    (b"oFFs", Fate::Dropped(Loss::Data, "place on a page")),
    (b"sTER", Fate::Dropped(Loss::Data, "layout of a stereo pair")),
    (b"vpAg", Fate::Dropped(Loss::Data, "size of a page")),
    (b"caNv", Fate::Dropped(Loss::Data, "place on a canvas")),
    (b"npTc", Fate::Dropped(Loss::Data, "how a nine-patch stretches")),
    // Where Apple's parallel decoder finds the second half of the compressed rows.
    (b"iDOT", Fate::Layout),
    (b"caBX", Fate::Dropped(Loss::Data, "content credentials (C2PA); they sign the old pixels")),
    (b"dSIG", Fate::Dropped(Loss::Data, "digital signature of the old file")),
    (b"gdAT", Fate::Dropped(Loss::GainMap, "gain map")),
    (b"gmAP", Fate::Dropped(Loss::GainMap, "description of a gain map")),
    (b"prVW", Fate::Dropped(Loss::Pictures, "preview (Fireworks)")),
];

/// What becomes of a chunk of this name: by the table, else by what its name says of copying (PNG specification,
/// 5.4): unknown chunks that are safe to copy go into a PNG, others don't.
pub(super) fn fate(name: &[u8; 4]) -> Fate {
    if let Some((_, fate)) = TABLE.iter().find(|(known, _)| *known == name) {
        return *fate;
    }
    if name.starts_with(b"mk") {
        return Fate::Dropped(Loss::Layers, "what Fireworks edits");
    }
    if name[3].is_ascii_lowercase() {
        Fate::Carried(Loss::Data, "private chunk")
    } else {
        Fate::Dropped(Loss::Data, "private chunk that depends on the old pixels")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_names_each_chunk_once_and_follows_the_rule_of_names() {
        for (i, (name, fate)) in TABLE.iter().enumerate() {
            assert!(TABLE.iter().skip(i + 1).all(|(other, _)| other != name));
            // tIME describes the picture as EXIF's date does.
            let carried = matches!(fate, Fate::Carried(..));
            assert!(!carried || name[3].is_ascii_lowercase() || *name == b"tIME");
        }
        assert_eq!(fate(b"abCd"), Fate::Carried(Loss::Data, "private chunk"));
        assert!(matches!(fate(b"abCD"), Fate::Dropped(Loss::Data, _)));
    }

    #[test]
    fn a_file_is_taken_apart_up_to_its_end_and_cuts_are_named() {
        let mut file = b"\x89PNG\r\n\x1a\n".to_vec();
        for (name, data) in [(b"IHDR", b"head".as_slice()), (b"IDAT", b"pixels"), (b"IEND", b"")] {
            let mut crc = Crc::new();
            crc.update(name);
            crc.update(data);
            file.extend((data.len() as u32).to_be_bytes());
            file.extend_from_slice(name);
            file.extend_from_slice(data);
            file.extend(crc.sum().to_be_bytes());
        }
        let end = file.len();
        file.extend(b"PK\x03\x04");
        let layout = Layout::of(&file);
        assert_eq!((layout.chunks.len(), layout.trailer), (3, b"PK\x03\x04".as_slice()));
        assert_eq!((layout.damage(), layout.unfinished()), (None, None));
        let cut = Layout::of(&file[..end - 6]);
        assert!(cut.unfinished().unwrap().contains("IEND") && cut.damage().is_some());
        let in_pixels = Layout::of(&file[..end - 14]);
        assert!(in_pixels.unfinished().is_none() && in_pixels.damage().unwrap().contains("IDAT"));
        file[end - 18] ^= 1;
        assert!(Layout::of(&file).damage().unwrap().contains("checksum"));
    }
}
