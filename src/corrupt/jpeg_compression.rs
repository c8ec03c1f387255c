//! JPEG artefacts (ImageNet-C 15): what encoding and decoding leave of a picture, without the file between them. Agrees
//! with libjpeg's defaults to one level of gray, but for the last step of its colour conversion.

use super::frame::Frame;
use super::jpeg_blocks::{CHROMA, LUMA, Plane, SIDE, Steps, through};
use super::jpeg_colour::{codes, fewer, more, to_rgb, to_ycc, values};
use super::{Context, CorruptError, Corruption, drawn};
use crate::spec::{Descriptor, Kind, Role, words};

/// Pixels that a side of a JPEG can have.
const LONGEST: usize = 65_535;

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
        version: 3,
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
    let (width, height) = (frame.width, frame.height);
    if let Some(side) = [width, height].into_iter().find(|side| *side > LONGEST) {
        let message = format!("JPEG cannot hold more than {LONGEST} pixels a side, not {side}");
        return Err(CorruptError::Size(message));
    }
    let luma = Steps::new(&LUMA, drawn.quality);
    match frame.planes.as_mut_slice() {
        [gray] => compress_gray(gray, width, height, &luma),
        [r, g, b] => {
            let fewer = match drawn.subsampling {
                Subsampling::Quarter => (2, 2),
                Subsampling::Half => (2, 1),
                Subsampling::Full => (1, 1),
            };
            compress([r, g, b], (width, height), fewer, [&luma, &Steps::new(&CHROMA, drawn.quality)]);
        }
        _ => {}
    }
    Ok(())
}

fn compress_gray(gray: &mut [f32], width: usize, height: usize, steps: &Steps) {
    let mut plane = Plane::new(width.next_multiple_of(SIDE), height.next_multiple_of(SIDE));
    for row in 0..plane.height {
        let line = plane.row_mut(row);
        codes(&gray[row.min(height - 1) * width..][..width], &mut line[..width]);
        continue_right(line, width);
    }
    through(&mut plane, steps);
    for (row, to) in gray.chunks_exact_mut(width).enumerate() {
        values(&plane.row(row)[..width], to);
    }
}

/// Planes of red, green and blue with chroma of `across` by `down` pixels each, and the steps of luma and chroma.
fn compress(
    [r, g, b]: [&mut [f32]; 3],
    (width, height): (usize, usize),
    (across, down): (usize, usize),
    [luma_steps, chroma_steps]: [&Steps; 2],
) {
    let padded = width.next_multiple_of(SIDE * across);
    let rows = height.next_multiple_of(SIDE * down);
    let mut luma = Plane::new(padded, rows);
    let mut chroma = [(); 2].map(|()| Plane::new(padded / across, rows / down));
    let mut full = [(); 2].map(|()| vec![0; padded * down]);
    for row in 0..rows {
        // The last row and column go on to the ends of the blocks.
        let at = row.min(height - 1) * width..(row.min(height - 1) + 1) * width;
        let part = row % down;
        let [cb, cr] = full.each_mut().map(|full| &mut full[part * padded..][..padded]);
        let y = luma.row_mut(row);
        let out = [&mut y[..width], &mut cb[..width], &mut cr[..width]];
        to_ycc([&r[at.clone()], &g[at.clone()], &b[at]], out);
        [y, cb, cr].into_iter().for_each(|line| continue_right(line, width));
        if part + 1 == down {
            for (plane, full) in chroma.iter_mut().zip(&full) {
                fewer(full, across, down, plane.row_mut(row / down));
            }
        }
    }
    through(&mut luma, luma_steps);
    chroma.iter_mut().for_each(|plane| through(plane, chroma_steps));
    let mut lines = [(); 2].map(|()| vec![0; padded]);
    let mut scratch = vec![0; padded / across];
    for row in 0..height {
        let near = row / down;
        let far = match (down, row % 2) {
            (1, _) => near,
            (_, 0) => near.saturating_sub(1),
            _ => (near + 1).min(rows / down - 1),
        };
        for (plane, line) in chroma.iter().zip(&mut lines) {
            more(plane.row(near), plane.row(far), across, &mut scratch, line);
        }
        let at = row * width..(row + 1) * width;
        let out = [&mut r[at.clone()], &mut g[at.clone()], &mut b[at]];
        to_rgb(&luma.row(row)[..width], lines.each_ref().map(|line| &line[..width]), out);
    }
}

/// Fills a line with the last of its first `width` samples.
fn continue_right(line: &mut [u8], width: usize) {
    let last = line[width - 1];
    line[width..].fill(last);
}

#[cfg(test)]
mod tests {
    use super::super::Frame;
    use super::super::tests::{difference, gray, run, scene};
    use crate::corrupt::{Context, Recipe};
    use crate::image::{Depth, Samples};
    use crate::random::Rng;
    use jpeg_encoder::{ChromaSubsamplingMethod, ColorType, Encoder, SamplingFactor};
    use zune_jpeg::JpegDecoder;
    use zune_jpeg::zune_core::bytestream::ZCursor;
    use zune_jpeg::zune_core::colorspace::ColorSpace;
    use zune_jpeg::zune_core::options::DecoderOptions;

    /// Through a file.
    fn coded(frame: &Frame, quality: u8, subsampling: &str) -> Frame {
        let mut picture = frame.to_image(Depth::U8);
        let Samples::U8(bytes) = &mut picture.samples else { panic!("8 bits") };
        let mut file = Vec::new();
        let mut encoder = Encoder::new(&mut file, quality);
        encoder.set_chroma_subsampling_method(ChromaSubsamplingMethod::Average);
        encoder.set_sampling_factor(match subsampling {
            "420" => SamplingFactor::F_2_2,
            "422" => SamplingFactor::F_2_1,
            _ => SamplingFactor::F_1_1,
        });
        let (from, to) = match frame.planes.len() {
            1 => (ColorType::Luma, ColorSpace::Luma),
            _ => (ColorType::Rgb, ColorSpace::RGB),
        };
        encoder.encode(bytes, frame.width as u16, frame.height as u16, from).unwrap();
        let options = DecoderOptions::default().jpeg_set_out_colorspace(to);
        JpegDecoder::new_with_options(ZCursor::new(&file), options).decode_into(bytes).unwrap();
        Frame::from_image(&picture)
    }

    /// The encoder's transform for AVX2 (jpeg-encoder 0.7.1) does not round two rows of frequencies as its plain one does,
    /// an eighth of a unit too low, and its divisions by reciprocals of 15 bits miss the nearest step where steps are large. So
    /// some blocks get another step there; all others are the same to the last bit.
    #[test]
    fn an_encoder_and_a_decoder_leave_the_same() {
        let (mut cases, mut equal, mut shares) = (0, 0, 0.0);
        for (width, height) in [(1, 1), (3, 2), (9, 16), (17, 15), (33, 40), (129, 65), (200, 150)] {
            let colour = scene(width, height);
            let gray = Frame { planes: vec![colour.planes[1].clone()], ..colour.clone() };
            let kinds = [(&colour, "420"), (&colour, "422"), (&colour, "444"), (&gray, "420")];
            for ((frame, subsampling), quality) in
                kinds.into_iter().flat_map(|kind| [60, 75, 90, 100].map(|quality| (kind, quality)))
            {
                let yaml =
                    format!("- jpeg_compression: {{quality: {quality}, subsampling: [{subsampling}]}}");
                let ours = run(&yaml, frame, 1).planes.concat();
                let theirs = coded(frame, quality, subsampling).planes.concat();
                let others = ours.iter().zip(&theirs).filter(|(a, b)| a != b).count();
                cases += 1;
                equal += usize::from(others == 0);
                shares += others as f64 / ours.len() as f64;
            }
        }
        let share = shares / cases as f64;
        assert!(equal >= 40 && share < 0.07, "{equal} of {cases} equal, {share} of the samples differ");
    }

    /// Written and read by Pillow 13.0 with libjpeg-turbo.
    const OF_LIBJPEG: [(u8, &str); 2] = [
        (
            5,
            "001e192ea78e468d617b5cccded69cff00004699acb0a277f695e1060430f73c31008deb929eb83457c92e8270a714af905f\
             90a864697e3a9b2f8fd9e976a0a42b5014005d86a0fffff2e4381f56b34ae3ff71003e1800605de12c472b8a038502233151\
             94bcd4fc3d005096c52ab3787346b8fea7a6b23e8dd9703c339c85a7cd93635b5c99707c15005238c98aaf6dbda957509652\
             ae5e89f0e9ff748c59a0d064945460bf497dd6ba469e68ab190092dc13ab78749d4b7572cd7abe63b4aacd1ef40dd0856956\
             0000550c6220888c6ff200ff44c46145f3cf54b59fffb8a8b02ae925f66e7e367dc798b5104d4bb47f9d52bd8cb15f38ac5f\
             71188d5aa078",
        ),
        (
            30,
            "06051d557ac14c94955796aad0df54ff12046587c79ae1b7ff63f1180078bd41110f00dcc0e0ca2b39c5554a7fd530fe127a\
             54e632542023a06a3bffba04c64555777b08414054dcd977ff6b4dc913ffeec768006d850b6ac4ad005214b3050b00605d5d\
             94aa74c20a3997f9993ab8f25778bb74ff5dbe45a89e008f619845637ada1313448c72b616398b1eed6dff1dff658f26db42\
             c82498c55dbb6148a3e5d8096365aad3227be2ad3dcde0652a1d72a92ddc00b195057a66db3fff1cdec1c33c6553e91600d5\
             224ab00f6200c7ec53b504c861a2e55bdace46ff65fe707cbc61b947d2877d25c37e31da18bc8094c02897c75ba3aa33ad0c\
             c4266914c330",
        ),
    ];

    #[test]
    fn large_steps_are_those_of_libjpeg() {
        let code = |x: usize, y: usize| (x * x * 3 + y * y * 5 + x * y * 7 + (x / 3 + y / 5) % 2 * 90) % 256;
        let plane = (0..256).map(|i| code(i % 16, i / 16) as f32 / 255.0).collect();
        let clean = Frame { width: 16, height: 16, planes: vec![plane] };
        for (quality, hex) in OF_LIBJPEG {
            let ours =
                run(&format!("- jpeg_compression: {{quality: {quality}}}"), &clean, 1).to_image(Depth::U8);
            let Samples::U8(ours) = ours.samples else { panic!("8 bits") };
            let theirs: Vec<u8> =
                (0..256).map(|i| u8::from_str_radix(&hex[2 * i..][..2], 16).unwrap()).collect();
            let off = ours.iter().zip(&theirs).filter(|(a, b)| a.abs_diff(**b) > 1).count();
            let other = ours.iter().zip(&theirs).filter(|(a, b)| a != b).count();
            assert!(off == 0 && other < 8, "quality {quality}: {off} off, {other} differ");
        }
    }

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
