//! The Multi-Picture Format (CIPA DC-007): which further JPEG pictures stand behind the first, and where.
//!
//! Gain maps, previews and stereo pairs are stored so. Offsets count from the header inside the APP2 segment,
//! so the segment is made anew when the file is.

/// What stands before the header in the segment.
pub(super) const PREFIX: &[u8] = b"MPF\0";

/// One picture of the list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Entry {
    /// Flags, format and kind, as the file has them.
    pub(super) attribute: u32,
    /// Bytes.
    pub(super) size: u32,
    /// From the header's start; 0 for the first picture.
    pub(super) offset: u32,
}

impl Entry {
    /// What kind of picture it is, in words.
    pub(super) fn kind(self) -> &'static str {
        match self.attribute & 0x00FF_FFFF {
            0x01_0001..=0x01_0005 => "preview",
            0x02_0001 => "part of a panorama",
            0x02_0002 => "picture of a stereo pair",
            0x02_0003 => "picture from another angle",
            _ => "picture",
        }
    }
}

/// The list in a segment's bytes after [`PREFIX`]; `None` when it can't be read.
pub(super) fn entries(header: &[u8]) -> Option<Vec<Entry>> {
    let little = match header.get(..4)? {
        b"II*\0" => true,
        b"MM\0*" => false,
        _ => return None,
    };
    let u32_at = |at: usize| {
        let raw = *header.get(at..)?.first_chunk::<4>()?;
        Some(if little { u32::from_le_bytes(raw) } else { u32::from_be_bytes(raw) })
    };
    let u16_at = |at: usize| {
        let raw = *header.get(at..)?.first_chunk::<2>()?;
        Some(if little { u16::from_le_bytes(raw) } else { u16::from_be_bytes(raw) })
    };
    let directory = u32_at(4)? as usize;
    let fields = (0..usize::from(u16_at(directory)?)).map(|i| directory + 2 + 12 * i);
    let list = fields.into_iter().find(|&at| u16_at(at) == Some(0xB002))?;
    let (bytes, at) = (u32_at(list + 4)? as usize, u32_at(list + 8)? as usize);
    header.get(at..at.checked_add(bytes)?)?;
    (0..bytes / 16)
        .map(|i| at + 16 * i)
        .map(|at| Some(Entry { attribute: u32_at(at)?, size: u32_at(at + 4)?, offset: u32_at(at + 8)? }))
        .collect()
}

/// Bytes that [`segment`] takes for so many pictures.
pub(super) fn segment_bytes(pictures: usize) -> usize {
    PREFIX.len() + 8 + 2 + 3 * 12 + 4 + 16 * pictures
}

/// A segment's bytes for a list of pictures.
pub(super) fn segment(pictures: &[Entry]) -> Vec<u8> {
    let count = u32::try_from(pictures.len()).unwrap_or(u32::MAX);
    let mut out = [PREFIX, b"MM\0*\0\0\0\x08\0\x03"].concat();
    out.extend(*b"\xb0\x00\0\x07\0\0\0\x040100");
    out.extend(*b"\xb0\x01\0\x04\0\0\0\x01");
    out.extend(count.to_be_bytes());
    out.extend(*b"\xb0\x02\0\x07");
    out.extend((count.saturating_mul(16)).to_be_bytes());
    out.extend(50u32.to_be_bytes());
    out.extend([0; 4]);
    for picture in pictures {
        for number in [picture.attribute, picture.size, picture.offset, 0] {
            out.extend(number.to_be_bytes());
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_again() {
        let first = Entry { attribute: 0x2003_0000, size: 1000, offset: 0 };
        let second = Entry { attribute: 0x0001_0001, size: 50, offset: 970 };
        let bytes = segment(&[first, second]);
        assert_eq!(bytes.len(), segment_bytes(2));
        let header = bytes.strip_prefix(PREFIX).unwrap();
        assert_eq!(entries(header), Some(vec![first, second]));
        assert_eq!(second.kind(), "preview");
        for end in 0..header.len() {
            entries(&header[..end]);
        }
        assert_eq!(entries(b"II*\0\xff\xff\xff\xff"), None);
    }
}
