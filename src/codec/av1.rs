//! Planes of AV1 pictures, decoded by rav1d.

use re_rav1d::dav1d::{Decoder, Error, PixelLayout, PlanarImageComponent, Settings, pixel::YUVRange};

use super::ycbcr::{Coding, Planes};
use super::{CodecError, Format, malformed};

/// Decodes the first picture of a stream of at most `max_pixels`; gives also its size and what its samples mean.
pub(super) fn decode(data: Vec<u8>, max_pixels: u64) -> Result<(Planes, (u32, u32), Coding), CodecError> {
    let bad = |e: Error| malformed(Format::Avif, format_args!("AV1: {e}"));
    let mut settings = Settings::new();
    settings.set_n_threads(1);
    settings.set_max_frame_delay(1);
    settings.set_all_layers(false);
    settings.set_frame_size_limit(u32::try_from(max_pixels).unwrap_or(u32::MAX));
    let mut decoder = Decoder::with_settings(&settings).map_err(bad)?;
    match decoder.send_data(data, None, None, None) {
        Ok(()) | Err(Error::Again) => {}
        Err(e) => return Err(bad(e)),
    }
    let picture = loop {
        match decoder.get_picture() {
            Ok(picture) => break picture,
            Err(Error::Again) => match decoder.send_pending_data() {
                // Nothing is left to send, and no picture came of it.
                Ok(()) => break decoder.get_picture().map_err(bad)?,
                Err(Error::Again) => {}
                Err(e) => return Err(bad(e)),
            },
            Err(e) => return Err(bad(e)),
        }
    };
    let (width, height) = (picture.width(), picture.height());
    let halves = match picture.pixel_layout() {
        PixelLayout::I400 | PixelLayout::I444 => (false, false),
        PixelLayout::I420 => (true, true),
        PixelLayout::I422 => (true, false),
    };
    let bits = picture.bits_per_component().map_or(8, |bits| bits.0) as u8;
    let halve = |side: u32, halved: bool| if halved { side.div_ceil(2) } else { side } as usize;
    let chroma = (halve(width, halves.0), halve(height, halves.1));
    let plane = |component: PlanarImageComponent, (across, down): (usize, usize)| {
        let bytes = picture.plane(component);
        let stride = picture.stride(component) as usize;
        let mut samples: Vec<u16> = Vec::with_capacity(across * down);
        for y in 0..down {
            let row = bytes.get(y * stride..).unwrap_or_default();
            if bits > 8 {
                let pairs = row.as_chunks::<2>().0.iter().take(across);
                samples.extend(pairs.map(|pair| u16::from_ne_bytes(*pair)));
            } else {
                samples.extend(row.iter().take(across).map(|byte| u16::from(*byte)));
            }
        }
        samples
    };
    let luma = plane(PlanarImageComponent::Y, (width as usize, height as usize));
    let [cb, cr] = if picture.pixel_layout() == PixelLayout::I400 {
        [Vec::new(), Vec::new()]
    } else {
        [PlanarImageComponent::U, PlanarImageComponent::V].map(|component| plane(component, chroma))
    };
    let planes =
        Planes { planes: [luma, cb, cr], strides: [width as usize, chroma.0], halves, bits: [bits; 2] };
    let coding = Coding {
        matrix: picture.matrix_coefficients() as u16,
        full_range: picture.color_range() == YUVRange::Full,
    };
    Ok((planes, (width, height), coding))
}
