//! The segments of a JPEG file: what its header says, where its scans are, and whether they are all there.
//!
//! The pixel decoder takes a file whose data ends early for complete and fills the rest with gray, so
//! completeness is decided here, and the stream it gets is rebuilt such that missing data is an error.

use super::jpeg_frame::{Frame, Scan, bad, frame_header, scan_header};
use super::jpeg_scan::{self, Tables};
use super::{CodecError, Format, damaged, unsupported};

/// Most scans of a file; more are made to keep decoders busy.
pub(super) const MAX_SCANS: usize = 100;

/// An application segment.
#[derive(Clone, Copy, Debug)]
pub(super) struct Segment<'a> {
    /// 0 to 15.
    pub(super) number: u8,
    /// Where its payload stands in the file.
    pub(super) at: usize,
    /// What stands after its length.
    pub(super) payload: &'a [u8],
}

/// A file taken apart up to its end-of-image marker.
#[derive(Debug)]
pub(super) struct Layout<'a> {
    pub(super) frame: Frame,
    /// Application segments in order.
    pub(super) app: Vec<Segment<'a>>,
    /// Comments.
    pub(super) comments: Vec<&'a [u8]>,
    /// The first luma quantisation table, in zigzag order.
    pub(super) luma_table: Option<Vec<u16>>,
    /// Adobe colour transform (0 none, 1 YCbCr, 2 YCCK) when there is an Adobe segment.
    pub(super) adobe: Option<u8>,
    /// Where the picture ends: behind its end-of-image marker, or the end of the bytes without one.
    pub(super) end: usize,
    /// The end-of-image marker is missing, and nothing else.
    pub(super) unended: bool,
    /// What in the data of scans no encoder writes, and the pixel decoder may pass over.
    pub(super) doubts: Vec<&'static str>,
    /// Application segments behind the first scan.
    pub(super) late: usize,
    scans: Vec<Scan>,
    /// What the pixel decoder needs: tables, frame, scans.
    stream: Vec<u8>,
}

/// How far a file is walked.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Until {
    /// The frame header; the bytes may be a file's beginning.
    Frame,
    /// The end of the image. The data of scans is checked where the pixel decoder does not do it.
    End,
    /// The same, and of the data that the pixel decoder checks too, what no encoder writes is a doubt. It takes a third to
    /// a half of the time of decoding.
    DoubtedEnd,
    /// The end of the image, the data of every scan checked.
    CheckedEnd,
}

/// Takes a file apart. `Ok(None)`: the bytes end before the frame header.
pub(super) fn read(bytes: &[u8], until: Until) -> Result<Option<Layout<'_>>, CodecError> {
    let mut frame = None;
    let (mut app, mut comments, mut luma_table, mut adobe) = (Vec::new(), Vec::new(), None, None);
    let mut scans = Vec::new();
    let (mut late, mut doubts) = (0, Vec::new());
    let mut steps = [1; 4];
    let (mut tables, mut interval, mut known) = (Tables::default(), 0, Vec::new());
    let mut stream = vec![0xFF, 0xD8];
    let mut at = 2;
    let cut = || damaged(Format::Jpeg, "it is cut short: data ends before the end-of-image marker");
    let (end, unended) = loop {
        let Some((marker, body)) = next_marker(bytes, at) else {
            // The last scan was looked through to its end; whether scans are missing is seen below.
            if until != Until::Frame && !scans.is_empty() && is_nothing(bytes.get(at..)) {
                break (bytes.len(), true);
            }
            return if frame.is_none() && until == Until::Frame { Ok(None) } else { Err(cut()) };
        };
        if marker == 0xD9 {
            break (body, false);
        }
        if matches!(marker, 0x01 | 0xD0..=0xD8) {
            at = body;
            continue;
        }
        let length =
            bytes.get(body..).and_then(|b| b.first_chunk::<2>()).map(|b| usize::from(u16::from_be_bytes(*b)));
        let payload = match length {
            Some(0 | 1) => return Err(bad(format!("segment FF{marker:02X} has an invalid length"))),
            Some(length) => bytes.get(body + 2..body + length),
            None => None,
        };
        let Some(payload) = payload else {
            return if frame.is_none() && until == Until::Frame { Ok(None) } else { Err(cut()) };
        };
        at = body + 2 + payload.len();
        let mut keep = false;
        match marker {
            0xC0..=0xC2 if frame.is_some() => return Err(unsupported(Format::Jpeg, "more than one frame")),
            0xC0..=0xC2 => {
                frame = Some(frame_header(marker == 0xC2, payload)?);
                keep = true;
            }
            0xC3 | 0xC5..=0xC7 | 0xC9..=0xCB | 0xCD..=0xCF => {
                return Err(unsupported(Format::Jpeg, coding(marker)));
            }
            0xCC => return Err(unsupported(Format::Jpeg, coding(0xC9))),
            0xDC => return Err(unsupported(Format::Jpeg, "the height is given only after the picture")),
            0xDB => {
                luma_table = luma_table.or_else(|| table(payload, 0));
                for (number, step) in (0..).zip(&mut steps) {
                    *step =
                        table(payload, number).map_or(*step, |table| table.first().map_or(1, |&s| s.into()));
                }
                keep = true;
            }
            0xC4 => {
                tables.define(payload);
                keep = true;
            }
            0xDD => {
                interval = payload.first_chunk::<2>().map_or(0, |b| usize::from(u16::from_be_bytes(*b)));
                keep = true;
            }
            0xDA => keep = true,
            0xE0..=0xEF => {
                if marker == 0xEE && payload.starts_with(b"Adobe") {
                    adobe = payload.get(11).copied();
                }
                keep = marker == 0xE0 && payload.starts_with(b"AVI1");
                if !scans.is_empty() {
                    // Behind the picture's data nobody looks for them.
                    late += 1;
                    continue;
                }
                app.push(Segment { number: marker - 0xE0, at: body + 2, payload });
            }
            0xFE => comments.push(payload),
            _ => {}
        }
        if keep {
            stream.extend([0xFF, marker]);
            stream.extend_from_slice(bytes.get(body..at).unwrap_or_default());
        }
        let Some(frame) = &frame else {
            if marker == 0xDA {
                return Err(bad("a scan stands before the frame header"));
            }
            continue;
        };
        if until == Until::Frame {
            break (at, false);
        }
        if marker == 0xDA {
            if scans.len() == MAX_SCANS {
                return Err(bad(format!("it has more than {MAX_SCANS} scans")));
            }
            let scan = scan_header(frame, payload)?;
            let open_end = || at + data_end(bytes.get(at..).unwrap_or_default());
            let (end, open) = entropy_end(bytes, at).map_or_else(|| (open_end(), true), |end| (end, false));
            let data = bytes.get(at..end).unwrap_or_default();
            let apart = frame.progressive || scan.components.len() < frame.components.len();
            let checks = apart || open || matches!(until, Until::DoubtedEnd | Until::CheckedEnd);
            let mut check = || jpeg_scan::check(frame, &scan, data, &tables, (interval, &steps), &mut known);
            match if checks { check() } else { Ok(None) } {
                Ok(doubt) => doubts.extend(doubt),
                Err(what) if !apart && !open && until == Until::DoubtedEnd => doubts.push(what),
                Err(what) if what == jpeg_scan::CUT => return Err(damaged(Format::Jpeg, what)),
                Err(what) => return Err(bad(what)),
            }
            scans.push(scan);
            stream.extend_from_slice(data);
            at = end;
        }
    };
    let frame = frame.ok_or_else(|| bad("it has no picture"))?;
    let layout =
        Layout { frame, app, comments, luma_table, adobe, end, unended, doubts, late, scans, stream };
    if until != Until::Frame {
        layout.check_complete()?;
    }
    Ok(Some(layout))
}

impl Layout<'_> {
    /// Every coefficient of every component must be brought by some scan, down to its last bit.
    fn check_complete(&self) -> Result<(), CodecError> {
        let count = self.frame.components.len();
        let mut missing_bits = vec![[u8::MAX; 64]; count];
        for scan in &self.scans {
            for &component in &scan.components {
                let Some(bits) = missing_bits.get_mut(component) else { continue };
                for bit in bits.iter_mut().take(scan.spectral.end() + 1).skip(*scan.spectral.start()) {
                    if !self.frame.progressive && *bit == 0 {
                        return Err(bad("a second scan brings a component again"));
                    }
                    *bit = scan.low_bit;
                }
            }
        }
        if missing_bits.iter().flatten().any(|&bits| bits != 0) {
            return Err(damaged(Format::Jpeg, "it is cut short: scans are missing"));
        }
        Ok(())
    }

    /// True for a sequential file whose components stand in scans of their own.
    pub(super) fn is_by_component(&self) -> bool {
        !self.frame.progressive && self.scans.len() > 1
    }

    /// True when the pixels are RGB as they stand.
    pub(super) fn is_rgb(&self) -> bool {
        let ids = self.frame.components.iter().map(|c| c.id);
        // As libjpeg decides it.
        self.frame.components.len() == 3
            && !self.has_jfif()
            && match self.adobe {
                Some(transform) => transform == 0,
                None => ids.eq(*b"RGB"),
            }
    }

    fn has_jfif(&self) -> bool {
        self.app.iter().any(|segment| segment.number == 0 && segment.payload.starts_with(b"JFIF\0"))
    }

    /// The stream for the pixel decoder.
    ///
    /// Only what it needs stands in it. Component numbers are rewritten such that it sees the colour space
    /// (it looks at the numbers, and mistakes Adobe RGB for CMYK). The last scan of a sequential file is
    /// followed by zeros instead of an end marker: reading past the data is then an error, while the few
    /// zeros cover the decoder's reading ahead.
    pub(super) fn into_stream(mut self) -> Vec<u8> {
        self.renumber();
        if self.frame.progressive || self.is_by_component() {
            self.stream.extend([0xFF, 0xD9]);
        } else {
            self.stream.extend([0; 16]);
        }
        self.stream
    }

    fn renumber(&mut self) {
        let ids = if self.is_rgb() { *b"RGB\0" } else { [1, 2, 3, 4] };
        let old: Vec<u8> = self.frame.components.iter().map(|c| c.id).collect();
        let new_id =
            |id: u8| old.iter().position(|&o| o == id).and_then(|i| ids.get(i).copied()).unwrap_or(id);
        let mut at = 2;
        while let Some((marker, body)) = next_marker(&self.stream, at) {
            let Some(length) = self.stream.get(body..).and_then(|b| b.first_chunk::<2>()) else { return };
            at = body + usize::from(u16::from_be_bytes(*length));
            // Component entries: (start, bytes an entry) after the segment's length.
            let (from, step) = match marker {
                0xC0..=0xC2 => (body + 8, 3),
                0xDA => (body + 3, 2),
                _ => continue,
            };
            let count = self.stream.get(from - 1).map_or(0, |&n| usize::from(n));
            for i in 0..count {
                if let Some(id) = self.stream.get_mut(from + i * step) {
                    *id = new_id(*id);
                }
            }
            if marker == 0xDA {
                at = entropy_end(&self.stream, at).unwrap_or(self.stream.len());
            }
        }
    }
}

/// Where data ends that no marker follows: before half a marker, and before zeros, which stand for what was
/// never written but would be taken for blocks.
fn data_end(data: &[u8]) -> usize {
    let end = data.len() - usize::from(data.last() == Some(&0xFF));
    let zeros = data.iter().take(end).rev().take_while(|&&b| b == 0).count();
    if zeros > 2 { end - zeros } else { end }
}

/// True for what may stand behind a picture's data without a marker.
fn is_nothing(rest: Option<&[u8]>) -> bool {
    rest.unwrap_or_default().iter().all(|&b| matches!(b, 0 | 0xFF))
}

/// The next marker at or after `at` and the place after it; bytes that are no marker are skipped.
fn next_marker(bytes: &[u8], mut at: usize) -> Option<(u8, usize)> {
    loop {
        at += bytes.get(at..)?.iter().position(|&b| b == 0xFF)?;
        while bytes.get(at) == Some(&0xFF) {
            at += 1;
        }
        match *bytes.get(at)? {
            0 => {}
            marker => return Some((marker, at + 1)),
        }
    }
}

/// Where entropy-coded data ends: the first marker that is neither stuffing nor a restart.
fn entropy_end(bytes: &[u8], mut at: usize) -> Option<usize> {
    loop {
        at += bytes.get(at..)?.iter().position(|&b| b == 0xFF)?;
        match *bytes.get(at + 1)? {
            0 | 0xD0..=0xD7 => at += 2,
            0xFF => at += 1,
            _ => return Some(at),
        }
    }
}

/// The table of this number in a quantisation segment.
fn table(mut payload: &[u8], number: u8) -> Option<Vec<u16>> {
    loop {
        let (&head, rest) = payload.split_first()?;
        let bytes = if head >> 4 == 0 { 64 } else { 128 };
        let table = rest.get(..bytes)?;
        if head & 15 == number {
            return Some(if bytes == 64 {
                table.iter().map(|&v| u16::from(v)).collect()
            } else {
                table.chunks_exact(2).map(|v| u16::from_be_bytes([v[0], v[1]])).collect()
            });
        }
        payload = rest.get(bytes..)?;
    }
}

fn coding(marker: u8) -> &'static str {
    match marker {
        0xC3 | 0xC7 | 0xCB | 0xCF => "lossless JPEG coding; convert it to png or tiff first",
        0xC5 | 0xC6 => "hierarchical coding; convert it to png or tiff first",
        _ => "arithmetic coding; convert it to png or tiff first",
    }
}
