//! Artefacts of WebP.

use super::{Context, CorruptError, Corruption, Frame, drawn};
use crate::spec::{Descriptor, Kind, Role};
use webp::{Decoder, Encoder};

/// Longest side WebP can hold.
const LONGEST: usize = 16_383;

drawn! {
    /// What is drawn for one picture.
    struct Drawn {
        /// Quality, 1 to 100.
        quality: f64 [Kind::Float { min: 1.0, max: 100.0 }] = "[20, 90]",
    }
}

/// Its registration.
pub(super) static CORRUPTION: Corruption = Corruption {
    descriptor: &Descriptor {
        name: "webp_compression",
        version: 1,
        doc: "Encodes the picture as lossy WebP (4:2:0) and decodes it. Sides above 16383 pixels are an error.",
        role: Role::Image,
        params: Drawn::TABLE,
        shorthand: Some("quality"),
        example: "- webp_compression: {quality: [30, 80]}",
    },
    severities: &[],
    apply: |frame, values, context| apply(frame, &Drawn::of(values)?, context),
};

fn apply(frame: &mut Frame, drawn: &Drawn, _: &mut Context) -> Result<(), CorruptError> {
    let (width, height) = (frame.width, frame.height);
    if width.max(height) > LONGEST {
        return Err(CorruptError::Size(format!(
            "WebP holds at most {LONGEST} pixels a side and the picture is {width}x{height}"
        )));
    }
    let (Some(red), Some(green), Some(blue)) =
        (frame.planes.first(), frame.planes.get(1).or(frame.planes.first()), frame.planes.last())
    else {
        return Ok(());
    };
    let byte = |value: f32| (value * 255.0 + 0.5) as u8;
    let pixels = red.iter().zip(green).zip(blue);
    let bytes: Vec<u8> = pixels.flat_map(|((r, g), b)| [byte(*r), byte(*g), byte(*b)]).collect();
    let encoded = Encoder::from_rgb(&bytes, width as u32, height as u32)
        .encode_simple(false, drawn.quality as f32)
        .map_err(|e| CorruptError::codec(format!("WebP could not encode the picture: {e:?}")))?;
    let decoded = Decoder::new(&encoded).decode();
    let decoded = decoded.ok_or_else(|| CorruptError::codec("WebP could not decode what it encoded"))?;
    let channels = if decoded.is_alpha() { 4 } else { 3 };
    let plane = |c: usize| decoded.iter().skip(c).step_by(channels).map(|v| f32::from(*v) / 255.0).collect();
    let mut result = Frame { width, height, planes: (0..3).map(plane).collect() };
    if frame.planes.len() == 1 {
        result.planes = vec![result.luma()];
    }
    *frame = result;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::tests::{difference, gray, run, scene};
    use super::super::{Context, Recipe};
    use crate::random::Rng;

    #[test]
    fn less_quality_is_further_off() {
        let clean = scene(120, 90);
        let off =
            |quality: u8| difference(&run(&format!("- webp_compression: {quality}"), &clean, 1), &clean);
        assert!(off(5) > off(50) && off(50) > off(98) && off(98) > 0.0);
    }

    #[test]
    fn too_long_sides_are_told() {
        let mut context = Context { rng: Rng::new(1), clean: (16_384, 1), target: (16_384, 1) };
        let result =
            Recipe::parse("- webp_compression").unwrap().apply(&mut gray(16_384, 1, 0.5), &mut context);
        assert!(result.unwrap_err().to_string().contains("16384x1"));
    }
}
