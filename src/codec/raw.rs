//! Camera RAW, decoded by `rawler` (under the LGPL 2.1, so only with the feature `raw`) and rendered by the one rule
//! that [`render`] describes.
//!
//! The decoder takes memory for whatever a file states, panics where it meets what its author didn't, and works on
//! all threads. So `tiff` looks at the directories first, and the decoder runs on one thread of its own: the bytes
//! don't depend on threads, and a panic is the picture's failure.

use std::io::{BufRead, Cursor, Read, Seek, SeekFrom};
use std::sync::{Arc, Once};

use rawler::decoders::{Decoder, RawDecodeParams};
use rawler::rawsource::RawSource;
use rawler::{RawImage, RawlerError};

use super::tiff::{self, Survey};
use super::{CodecError, Colour, Decoded, Format, Header, Loss, Source};
use super::{damaged, malformed, unsupported};

mod bayer;
mod exif;
mod render;

/// Bytes a sample of the sensor: its value, as a float, with all colours, in the returned picture; and the decoder's own.
const RENDERING: u64 = 40;

/// Bytes of the decoder's tables of cameras, whatever the picture.
const TABLES: u64 = 32 << 20;

/// Largest file that is read. Those of today's largest sensors have a quarter of it.
const MOST_BYTES: u64 = 1 << 30;

/// Name of the decoder's thread, whose panics nobody prints: a file that is cut short can bring hundreds of them.
const THREAD: &str = "camera-raw";

/// Stack of the decoder's thread, in bytes.
const STACK: usize = 16 << 20;

fn bad(error: impl std::fmt::Display) -> CodecError {
    malformed(Format::Raw, error)
}

/// Reads the header. Of a DNG only its directories; of others the whole file, since sizes depend on what each maker
/// put where.
pub(super) fn probe<R: BufRead + Seek>(reader: &mut R) -> Result<Header, CodecError> {
    let unreadable = |e: std::io::Error| bad(format_args!("it can't be read: {e}"));
    let length = reader.seek(SeekFrom::End(0)).map_err(unreadable)?;
    reader.rewind().map_err(unreadable)?;
    if length > MOST_BYTES {
        return Err(unsupported(Format::Raw, "a file of more than 1 GiB"));
    }
    let like_tiff = is_like_tiff(&super::sniff::peek(reader)?);
    let survey = if like_tiff { tiff::survey(&mut *reader)? } else { Survey::default() };
    if let Some(sensor) = survey.dng {
        return Ok(header(sensor.shown, sensor.channels.min(3), sensor.samples, length));
    }
    reader.rewind().map_err(unreadable)?;
    let mut bytes = Vec::new();
    reader.by_ref().take(MOST_BYTES).read_to_end(&mut bytes).map_err(unreadable)?;
    let found = on_its_own(|| {
        let (image, _) = open(bytes, &survey, true, |_, _| ())?;
        let (_, shown) = render::areas(&image)?;
        let samples =
            (image.width as u64).saturating_mul(image.height as u64).saturating_mul(image.cpp as u64);
        Ok((shown, render::channels(&image), samples))
    });
    let (shown, channels, samples) = found?;
    let side = |side: usize| u32::try_from(side).map_err(|_| bad("impossible size"));
    Ok(header((side(shown.width)?, side(shown.height)?), channels, samples, length))
}

fn header((width, height): (u32, u32), channels: u8, samples: u64, length: u64) -> Header {
    Header {
        format: Format::Raw,
        width,
        height,
        channels,
        bit_depth: 16,
        decode_bytes: samples.saturating_mul(RENDERING).saturating_add(length).saturating_add(TABLES),
        picture: 0,
        pictures: 1,
        animated: false,
    }
}

/// Decodes and renders the picture that `header` is about.
pub(super) fn decode(bytes: &[u8], header: &Header) -> Result<Decoded, CodecError> {
    let like_tiff = is_like_tiff(bytes);
    let survey = if like_tiff { tiff::survey(Cursor::new(bytes))? } else { Survey::default() };
    let described = like_tiff.then(|| tiff::describe(bytes)).flatten();
    let (rendered, orientation, elsewhere) = on_its_own(|| {
        let (image, meta) = open(bytes.to_vec(), &survey, false, exif::metadata)?;
        let orientation = image.orientation.to_u16() as u8;
        Ok((render::render(&image, survey.dng.is_some())?, orientation, meta))
    })?;
    let image = rendered.image;
    if (image.width, image.height) != (header.width as usize, header.height as usize) {
        return Err(bad("its headers contradict each other"));
    }
    let by_decoder = described.is_none();
    let mut meta = described.unwrap_or(elsewhere);
    if by_decoder {
        meta.saw(Loss::Metadata, "maker notes, and what else only this camera's files have");
    }
    if by_decoder && (1..=8).contains(&orientation) && orientation != meta.orientation {
        meta.set_orientation(orientation);
    }
    match survey.others {
        0 if !like_tiff => meta.saw(Loss::Pictures, "previews that the camera made"),
        0 => {}
        1 => meta.saw(Loss::Pictures, "1 beside the sensor's, as previews are"),
        others => meta.saw(Loss::Pictures, format!("{others} beside the sensor's, as previews are")),
    }
    meta.colour = Some(Colour { srgb: Some(1), ..Colour::default() });
    let mut notes = vec![format!("rendered from camera RAW as {}", render::NAME)];
    notes.extend(rendered.notes);
    if survey.corrections {
        notes.push(
            "corrections of lens and sensor that the file asks for (opcodes) are not applied".to_owned(),
        );
    }
    let source = Source { notes, ..Source::of(header) };
    Ok(Decoded { image, meta, source, faults: Vec::new() })
}

/// True for files whose header and directories are those of TIFF.
fn is_like_tiff(head: &[u8]) -> bool {
    let starts: [&[u8]; 6] = [b"II*\0", b"MM\0*", b"IIU\0", b"IIRO", b"IIRS", b"MMOR"];
    starts.iter().any(|start| head.starts_with(start))
}

/// Runs work on a thread that is in no pool but its own, and makes an error of a panic.
fn on_its_own<T: Send>(work: impl FnOnce() -> Result<T, CodecError> + Send) -> Result<T, CodecError> {
    hush();
    let fail = |e: &dyn std::fmt::Display| bad(format_args!("no thread for its decoder: {e}"));
    let pool =
        rayon::ThreadPoolBuilder::new().num_threads(1).stack_size(STACK).thread_name(|_| THREAD.to_owned());
    let pool = pool.build().map_err(|e| fail(&e))?;
    // From outside of all pools: a worker that waits would begin with another picture meanwhile.
    let done = std::thread::scope(|scope| {
        let thread = std::thread::Builder::new().spawn_scoped(scope, || pool.install(work));
        thread.map(std::thread::ScopedJoinHandle::join)
    });
    match done {
        Ok(Ok(result)) => result,
        Ok(Err(panic)) => {
            let text = first_line(crate::error::panic_text(&*panic));
            let what = format!("its decoder gave up: {text}");
            Err(if text.contains("implemented") { unsupported(Format::Raw, what) } else { bad(what) })
        }
        Err(e) => Err(fail(&e)),
    }
}

/// Makes panics of the decoder's thread print nothing; those of others go where they went.
fn hush() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let usual = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |info| {
            if std::thread::current().name() != Some(THREAD) {
                usual(info);
            }
        }));
    });
}

/// Decodes a file, or only as far as its sizes are known, and asks the decoder something.
fn open<T>(
    mut bytes: Vec<u8>,
    survey: &Survey,
    header_only: bool,
    ask: impl FnOnce(&dyn Decoder, &RawSource) -> T,
) -> Result<(RawImage, T), CodecError> {
    for (at, two) in &survey.repairs {
        if let Some(place) = bytes.get_mut(*at..*at + 2) {
            place.copy_from_slice(two);
        }
    }
    let source = RawSource::new_from_shared_vec(Arc::new(bytes));
    let decoder = rawler::get_decoder(&source).map_err(|e| refusal(&e))?;
    let image =
        decoder.raw_image(&source, &RawDecodeParams::default(), header_only).map_err(|e| refusal(&e))?;
    let answer = ask(&*decoder, &source);
    Ok((image, answer))
}

fn refusal(error: &RawlerError) -> CodecError {
    match error {
        RawlerError::Unsupported { what, make, model, .. } => {
            let camera = format!("{make} {model}");
            let camera = if camera.trim().is_empty() { "unknown" } else { camera.trim() };
            let what = format!(
                "{} (camera: {camera}); if it is a plain TIFF name it .tif, else develop it with another program",
                first_line(what)
            );
            unsupported(Format::Raw, what)
        }
        RawlerError::DecoderFailed(what) if what.contains("behind EOF") => {
            damaged(Format::Raw, "it ends before its picture does")
        }
        RawlerError::DecoderFailed(what) => bad(first_line(what)),
    }
}

/// The beginning of a decoder's message.
fn first_line(text: &str) -> String {
    text.lines().next().unwrap_or_default().chars().take(200).collect()
}

#[cfg(test)]
mod tests;
