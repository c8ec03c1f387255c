//! Frames of an animated PNG, composited on its canvas at 8 or 16 bits. <https://www.w3.org/TR/png-3/#apng-frame-based-animation>

use std::io::{BufRead, Seek};

use flate2::Crc;
use png::{BitDepth, BlendOp, ColorType, Decoder, DisposeOp, FrameControl, Reader, Transformations};

use super::{CodecError, Format, Header, malformed, pack};
use crate::image::{Image, Samples};

/// The pictures of a file in order: the first image, where it is no part of the animation, and every frame.
pub(super) fn frames<R: BufRead + Seek>(reader: R, header: &Header) -> Result<Frames<R>, CodecError> {
    let bytes = usize::try_from(header.decode_bytes).unwrap_or(usize::MAX);
    let mut decoder = Decoder::new_with_limits(reader, png::Limits { bytes });
    decoder.set_transformations(Transformations::EXPAND);
    let reader = decoder.read_info().map_err(|e| malformed(Format::Png, e))?;
    let (colour, depth) = reader.output_color_type();
    let pixels = reader.info().width as usize * reader.info().height as usize;
    let has_alpha = matches!(colour, ColorType::Rgba | ColorType::GrayscaleAlpha);
    let colours = colour.samples() - usize::from(has_alpha);
    let canvas = vec![0; pixels * (colours + 1)];
    Ok(Frames { reader, colours, has_alpha, wide: depth == BitDepth::Sixteen, canvas, undo: None })
}

/// The file with the number of frames that it has, where its header says that there are fewer.
pub(super) fn recounted(bytes: &[u8]) -> Option<Vec<u8>> {
    let (mut at, mut header, mut found) = (8, None, 0u32);
    while let Some(length) = bytes.get(at..).and_then(|rest| rest.first_chunk::<4>()) {
        let length = u32::from_be_bytes(*length) as usize;
        match bytes.get(at + 4..at + 8)? {
            b"acTL" if length == 8 => header = Some(at),
            b"fcTL" => found += 1,
            b"IEND" => break,
            _ => {}
        }
        at = at.checked_add(length)?.checked_add(12)?;
    }
    let header = header?;
    let stated = u32::from_be_bytes(*bytes.get(header + 8..)?.first_chunk()?);
    if stated >= found {
        return None;
    }
    let mut file = bytes.to_vec();
    file.get_mut(header + 8..header + 12)?.copy_from_slice(&found.to_be_bytes());
    let mut crc = Crc::new();
    crc.update(file.get(header + 4..header + 16)?);
    file.get_mut(header + 16..header + 20)?.copy_from_slice(&crc.sum().to_be_bytes());
    Some(file)
}

/// See [`frames`].
pub(super) struct Frames<R: BufRead + Seek> {
    reader: Reader<R>,
    /// Channels beside alpha.
    colours: usize,
    has_alpha: bool,
    /// 16 bits a sample.
    wide: bool,
    /// Colours and alpha of each pixel; 8-bit files fill the low bytes.
    canvas: Vec<u16>,
    /// What becomes of the last frame's place before the next is drawn: what stood there, or nothing.
    undo: Option<(FrameControl, Option<Vec<u16>>)>,
}

impl<R: BufRead + Seek> Iterator for Frames<R> {
    type Item = Result<Image, CodecError>;

    fn next(&mut self) -> Option<Self::Item> {
        Some(self.frame())
    }
}

impl<R: BufRead + Seek> Frames<R> {
    fn frame(&mut self) -> Result<Image, CodecError> {
        let size = self.reader.output_buffer_size();
        let mut bytes = vec![0; size.ok_or_else(|| malformed(Format::Png, "impossible size"))?];
        let out = self.reader.next_frame(&mut bytes).map_err(|e| malformed(Format::Png, e))?;
        bytes.truncate(out.buffer_size());
        let samples: Vec<u16> = if self.wide {
            bytes.chunks_exact(2).map(|pair| u16::from_be_bytes([pair[0], pair[1]])).collect()
        } else {
            bytes.into_iter().map(u16::from).collect()
        };
        let samples = self.with_alpha(&samples);
        let Some(control) = self.reader.info().frame_control.as_ref().copied() else {
            // The first image, no part of the animation.
            return self.image(&samples);
        };
        let (width, height) = (self.reader.info().width, self.reader.info().height);
        let inside = |at: u32, side: u32, all: u32| at.checked_add(side).is_some_and(|end| end <= all);
        if !inside(control.x_offset, control.width, width)
            || !inside(control.y_offset, control.height, height)
            || (control.width, control.height) != (out.width, out.height)
        {
            return Err(malformed(Format::Png, "a frame lies outside the picture"));
        }
        if let Some((place, before)) = self.undo.take() {
            self.put(&place, before.as_deref());
        }
        let before = (control.dispose_op == DisposeOp::Previous).then(|| self.get(&control));
        match control.blend_op {
            BlendOp::Source => self.put(&control, Some(&samples)),
            BlendOp::Over => self.blend(&control, &samples),
        }
        self.undo = (control.dispose_op != DisposeOp::None).then_some((control, before));
        let canvas = std::mem::take(&mut self.canvas);
        let image = self.image(&canvas);
        self.canvas = canvas;
        image
    }

    fn with_alpha(&self, samples: &[u16]) -> Vec<u16> {
        if self.has_alpha {
            return samples.to_vec();
        }
        let opaque = if self.wide { u16::MAX } else { 255 };
        samples.chunks_exact(self.colours).flat_map(|pixel| pixel.iter().copied().chain([opaque])).collect()
    }

    /// Ranges of the canvas's samples, one for each row of a frame.
    fn rows(&self, place: &FrameControl) -> impl Iterator<Item = std::ops::Range<usize>> + use<R> {
        let channels = self.colours + 1;
        let across = self.reader.info().width as usize;
        let (x, y) = (place.x_offset as usize, place.y_offset as usize);
        let width = place.width as usize;
        (y..y + place.height as usize).map(move |row| {
            let start = (row * across + x) * channels;
            start..start + width * channels
        })
    }

    fn get(&self, place: &FrameControl) -> Vec<u16> {
        self.rows(place).flat_map(|row| self.canvas[row].iter().copied()).collect()
    }

    /// Replaces a frame's place by these samples, or by nothing.
    fn put(&mut self, place: &FrameControl, samples: Option<&[u16]>) {
        let mut from = 0;
        for row in self.rows(place) {
            let to = &mut self.canvas[row];
            match samples.and_then(|samples| samples.get(from..from + to.len())) {
                Some(samples) => to.copy_from_slice(samples),
                None => to.fill(0),
            }
            from += to.len();
        }
    }

    /// Draws samples over a frame's place, as their alpha says.
    fn blend(&mut self, place: &FrameControl, samples: &[u16]) {
        let channels = self.colours + 1;
        let most = if self.wide { u64::from(u16::MAX) } else { 255 };
        let mut from = samples.chunks_exact(channels);
        for row in self.rows(place) {
            for (below, above) in self.canvas[row].chunks_exact_mut(channels).zip(&mut from) {
                let (Some(&over), Some(&under)) = (above.last(), below.last()) else { continue };
                let (over, under) = (u64::from(over), u64::from(under));
                if over == most || under == 0 {
                    below.copy_from_slice(above);
                } else if over > 0 {
                    let (above_share, below_share) = (over * most, (most - over) * under);
                    let all = above_share + below_share;
                    for (below, above) in below.iter_mut().zip(above).take(channels - 1) {
                        let sum = u64::from(*above) * above_share + u64::from(*below) * below_share;
                        *below = ((sum + all / 2) / all) as u16;
                    }
                    below[channels - 1] = ((all + most / 2) / most) as u16;
                }
            }
        }
    }

    /// The picture of these samples; without alpha where neither the file nor the picture has any.
    fn image(&self, samples: &[u16]) -> Result<Image, CodecError> {
        let channels = self.colours + 1;
        let opaque = if self.wide { u16::MAX } else { 255 };
        let drop = !self.has_alpha && samples.chunks_exact(channels).all(|p| p.last() == Some(&opaque));
        let kept = if drop { self.colours } else { channels };
        let kept_of = samples.chunks_exact(channels).flat_map(|pixel| pixel.iter().take(kept).copied());
        let samples = if self.wide {
            Samples::U16(kept_of.collect())
        } else {
            Samples::U8(kept_of.map(|sample| sample as u8).collect())
        };
        let (width, height) = (self.reader.info().width as usize, self.reader.info().height as usize);
        pack::from_interleaved(width, height, kept, samples)
            .ok_or_else(|| malformed(Format::Png, "the decoder returned the wrong number of samples"))
    }
}
