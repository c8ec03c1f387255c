//! The boxes that files of ISO media and JPEG XL consist of, ISO/IEC 14496-12, 4.2.

/// One box: its kind and what is in it.
pub(super) type Box<'a> = ([u8; 4], &'a [u8]);

/// A file's boxes as far as they are whole.
#[derive(Debug, Default)]
pub(super) struct Boxes<'a> {
    pub(super) whole: Vec<Box<'a>>,
    /// Where the last of them ends.
    pub(super) end: usize,
    /// What stands behind it: a box that is cut, or none at all.
    pub(super) rest: &'a [u8],
}

impl<'a> Boxes<'a> {
    /// Walks the boxes of a file.
    pub(super) fn of(bytes: &'a [u8]) -> Boxes<'a> {
        let mut boxes = Boxes { rest: bytes, ..Boxes::default() };
        while let Some((kind, data, rest)) = first(boxes.rest) {
            boxes.whole.push((kind, data));
            boxes.end = bytes.len() - rest.len();
            boxes.rest = rest;
        }
        boxes
    }

    /// The kind of the box that the file ends in, if it is one of these.
    pub(super) fn cut(&self, kinds: &[&[u8; 4]]) -> Option<String> {
        let kind = self.rest.get(4..8)?.first_chunk::<4>()?;
        kinds.contains(&kind).then(|| String::from_utf8_lossy(kind).into_owned())
    }
}

fn first(bytes: &[u8]) -> Option<([u8; 4], &[u8], &[u8])> {
    let size = u32::from_be_bytes(*bytes.first_chunk::<4>()?);
    let kind = *bytes.get(4..)?.first_chunk::<4>()?;
    // Anything else is no name.
    if !kind.iter().all(|b| (0x20..0x7F).contains(b)) {
        return None;
    }
    let (head, size) = match size {
        // Up to the end of the file.
        0 => (8, bytes.len()),
        1 => {
            let size = bytes.get(8..)?.first_chunk::<8>()?;
            (16, usize::try_from(u64::from_be_bytes(*size)).ok()?)
        }
        size => (8, size as usize),
    };
    Some((kind, bytes.get(head..size)?, bytes.get(size..)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn boxes_are_walked_as_far_as_they_are_whole() {
        let long = [b"\0\0\0\x01long".as_slice(), &17u64.to_be_bytes(), b"x"].concat();
        let file = [b"\0\0\0\x0aabcdxy".as_slice(), &long, b"\0\0\0\x0efreexy"].concat();
        let boxes = Boxes::of(&file);
        assert_eq!(boxes.whole, [(*b"abcd", b"xy".as_slice()), (*b"long", b"x")]);
        assert_eq!((boxes.end, boxes.cut(&[b"free"]).as_deref()), (27, Some("free")));
        assert_eq!((boxes.rest.len(), boxes.cut(&[b"mdat"])), (10, None));
        let open = [b"\0\0\0\0mdat".as_slice(), b"all of it"].concat();
        assert_eq!(Boxes::of(&open).whole, [(*b"mdat", b"all of it".as_slice())]);
        assert!(
            Boxes::of(b"\0\0\0\0\0\0\0\0").whole.is_empty() && Boxes::of(b"\0\0\0\x03free").whole.is_empty()
        );
    }
}
