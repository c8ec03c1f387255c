//! JPEG artefacts (ImageNet-C 15).

use super::{Context, CorruptError, Corruption, Frame, drawn};
use crate::image::{Depth, Samples};
use crate::spec::{Descriptor, Kind, Role, words};
use jpeg_encoder::{ColorType, Encoder, SamplingFactor};
use zune_jpeg::JpegDecoder;
use zune_jpeg::zune_core::bytestream::ZCursor;
use zune_jpeg::zune_core::colorspace::ColorSpace;
use zune_jpeg::zune_core::options::DecoderOptions;

words! {
    /// Samples of chroma in 4 by 2 pixels.
    enum Subsampling {
        /// Half across and down.
        Quarter = "420",
        /// Half across.
        Half = "422",
        /// All.
        Full = "444",
    }
}

drawn! {
    /// What is drawn for one picture.
    struct Drawn {
        /// JPEG quality on the scale of libjpeg.
        quality: usize [Kind::Int { min: 1, max: 100 }],
        /// Chroma subsampling, one of these at random; gray pictures have none.
        subsampling: Subsampling = "[420]",
    }
}

/// Its registration.
pub(super) static CORRUPTION: Corruption = Corruption {
    descriptor: &Descriptor {
        name: "jpeg_compression",
        version: 1,
        doc: "Compresses as JPEG and decompresses.",
        role: Role::Image,
        params: Drawn::TABLE,
        shorthand: None,
        example: "- jpeg_compression: {quality: [30, 95]}",
    },
    severities: &[&[25.0], &[18.0], &[15.0], &[10.0], &[7.0]],
    apply: |frame, values, context| apply(frame, &Drawn::of(values)?, context),
};

fn apply(frame: &mut Frame, drawn: &Drawn, _: &mut Context) -> Result<(), CorruptError> {
    let side = |n: usize| {
        let large =
            |_| CorruptError::Size(format!("JPEG cannot hold more than 65535 pixels a side, not {n}"));
        u16::try_from(n).map_err(large)
    };
    let (width, height) = (side(frame.width)?, side(frame.height)?);
    let channels = frame.planes.len();
    let mut picture = frame.to_image(Depth::U8);
    let Samples::U8(bytes) = &mut picture.samples else { return Ok(()) };

    let mut file = Vec::with_capacity(bytes.len() / 4);
    let mut encoder = Encoder::new(&mut file, drawn.quality as u8);
    encoder.set_sampling_factor(match drawn.subsampling {
        Subsampling::Quarter => SamplingFactor::F_2_2,
        Subsampling::Half => SamplingFactor::F_2_1,
        Subsampling::Full => SamplingFactor::F_1_1,
    });
    let (from, to) =
        if channels == 1 { (ColorType::Luma, ColorSpace::Luma) } else { (ColorType::Rgb, ColorSpace::RGB) };
    encoder.encode(bytes, width, height, from).map_err(CorruptError::codec)?;

    let limit = usize::from(u16::MAX);
    let options =
        DecoderOptions::default().jpeg_set_out_colorspace(to).set_max_width(limit).set_max_height(limit);
    let mut decoder = JpegDecoder::new_with_options(ZCursor::new(&file), options);
    decoder.decode_into(bytes).map_err(CorruptError::codec)?;
    *frame = Frame::from_image(&picture);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::Frame;
    use super::super::tests::{difference, gray, run, scene};
    use crate::corrupt::{Context, Recipe};
    use crate::random::Rng;

    #[test]
    fn lower_quality_and_more_subsampling_lose_more() {
        let clean = scene(64, 48);
        let lost = |yaml: &str| difference(&run(yaml, &clean, 1), &clean);
        let high = lost("- jpeg_compression: {quality: 98, subsampling: [444]}");
        let full = lost("- jpeg_compression: {quality: 60, subsampling: [444]}");
        let half = lost("- jpeg_compression: {quality: 60, subsampling: [422]}");
        let quarter = lost("- jpeg_compression: {quality: 60}");
        assert!(
            high < 0.01 && high < full && full < half && half < quarter,
            "{high} {full} {half} {quarter}"
        );
    }

    #[test]
    fn gray_stays_gray() {
        let gray = gray(20, 30, 0.5);
        assert!(difference(&run("- jpeg_compression: {quality: 50}", &gray, 1), &gray) < 0.005);
    }

    #[test]
    fn sides_beyond_the_format_are_refused_in_words() {
        let mut long = Frame { width: 65_536, height: 1, planes: vec![vec![0.5; 65_536]] };
        let mut context = Context { rng: Rng::new(1), clean: (1, 1), target: (1, 1) };
        let recipe =
            Recipe::parse("- jpeg_compression: {quality: 50}").unwrap_or_else(|e| panic!("{}", e.render()));
        assert!(recipe.apply(&mut long, &mut context).unwrap_err().to_string().contains("65535"));
    }
}
