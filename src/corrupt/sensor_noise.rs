//! Noise of a camera's sensor as it is after the camera has made a picture of it.

use super::demosaic::{Method, Mosaic};
use super::filter::{Border, gaussian_blur};
use super::light::{CONTRAST, SRGB};
use super::{Context, CorruptError, Corruption, Frame, drawn};
use crate::spec::{Descriptor, Kind, Role, words};

words! {
    /// From light to stored values.
    enum Tone {
        /// By sRGB's curve alone.
        Srgb = "srgb",
        /// With more contrast, 3 v^2 - 2 v^3.
        Contrast = "contrast",
    }
}

drawn! {
    /// What is drawn for one picture.
    struct Drawn {
        /// Sensitivity (ISO): white holds `full_well` electrons at 100, half of them at 200, and so on.
        iso: f64 [Kind::Float { min: 25.0, max: 819_200.0 }] = "[100, 6400]",
        /// Electrons in thousands that white holds at ISO 100: about 5 in telephones, 15 to 40 in small cameras,
        /// 60 and more in those of 35 mm.
        full_well: f64 [Kind::Float { min: 0.5, max: 200.0 }] = "[5, 60]",
        /// Standard deviation of the read noise in electrons.
        read: f64 [Kind::Float { min: 0.0, max: 50.0 }] = "[1, 4]",
        /// Factor that white balance gives red; more by daylight.
        red: f64 [Kind::Float { min: 0.5, max: 4.0 }] = "[1.5, 2.4]",
        /// Factor that white balance gives blue; more by lamplight.
        blue: f64 [Kind::Float { min: 0.5, max: 4.0 }] = "[1.4, 2.4]",
        /// How far the sensor's colours are from sRGB, and noise is spread to other channels: 0 for not at all, 1
        /// for the mean of four cameras.
        matrix: f64 [Kind::Float { min: 0.0, max: 1.2 }] = "[0.5, 1.1]",
        /// How the colours that a pixel lacks are found: mean of neighbours, or that corrected by slopes (Malvar,
        /// He and Cutler 2004); one drawn.
        demosaic: Method = "[bilinear, gradient]",
        /// Blur of the noise's brightness by the camera's own denoising: standard deviation in pixels.
        blur: f64 [Kind::Float { min: 0.0, max: 8.0 }] = "[0, 0.6]",
        /// The same of its colour, which makes blotches.
        chroma_blur: f64 [Kind::Float { min: 0.0, max: 8.0 }] = "[0, 2]",
        /// From light to stored values: sRGB's curve, or with more contrast; one drawn.
        tone: Tone = "[srgb, contrast]",
    }
}

/// Its registration.
pub(super) static CORRUPTION: Corruption = Corruption {
    descriptor: &Descriptor {
        name: "sensor_noise",
        version: 1,
        doc: "Adds the noise of a sensor as a camera leaves it: photon and read noise (Poisson-Gaussian, Foi et al. \
              2008) of a Bayer mosaic in linear light before white balance, then white balance, demosaicing, colour \
              matrix, denoising and tone curve (after Brooks et al. 2019). Only the noise is demosaiced: the picture \
              stays sharp.",
        role: Role::Image,
        params: Drawn::TABLE,
        shorthand: Some("iso"),
        example: "- sensor_noise: {iso: [400, 3200], full_well: 20}",
    },
    severities: &[],
    apply: |frame, values, context| apply(frame, &Drawn::of(values)?, context),
};

/// From sRGB to a sensor's colours, both linear and white at 1: the mean of the four cameras of Brooks et al.
const SENSOR: [[f64; 3]; 3] = [[0.6425, 0.2721, 0.0854], [0.0829, 0.7567, 0.1604], [0.0144, 0.2243, 0.7613]];
/// What each channel adds to brightness, of linear light (ITU-R BT.709).
const LUMA: [f32; 3] = [0.2126, 0.7152, 0.0722];

fn apply(frame: &mut Frame, drawn: &Drawn, context: &mut Context) -> Result<(), CorruptError> {
    let (decode, encode) = match drawn.tone {
        Tone::Srgb => &*SRGB,
        Tone::Contrast => &*CONTRAST,
    };
    let light: Vec<Vec<f32>> =
        frame.planes.iter().map(|plane| plane.iter().map(|v| decode.at(*v)).collect()).collect();
    let noise = noise(&light, (frame.width, frame.height), drawn, context);
    for ((plane, light), noise) in frame.planes.iter_mut().zip(&light).zip(&noise) {
        for ((value, light), noise) in plane.iter_mut().zip(light).zip(noise) {
            *value = encode.at(light + noise);
        }
    }
    Ok(())
}

/// What is added to the light of each plane.
fn noise(
    light: &[Vec<f32>],
    (width, height): (usize, usize),
    drawn: &Drawn,
    context: &mut Context,
) -> Vec<Vec<f32>> {
    let to_sensor: [[f64; 3]; 3] = std::array::from_fn(|row| {
        std::array::from_fn(|column| {
            let own = f64::from(row == column);
            own + drawn.matrix * (SENSOR[row][column] - own)
        })
    });
    let electrons = 1000.0 * drawn.full_well * 100.0 / drawn.iso;
    let gains = [drawn.red, 1.0, drawn.blue];
    // After white balance: variance at white, and of what is there without light.
    let shot = gains.map(|gain| (gain / electrons) as f32);
    let dark = gains.map(|gain| (gain * drawn.read / electrons).powi(2) as f32);
    let rows = to_sensor.map(|row| row.map(|v| v as f32));
    let (red, green, blue) = match light {
        [r, g, b] => (r, g, b),
        // A sensor with colours sees gray light in all.
        [gray, ..] => (gray, gray, gray),
        [] => return Vec::new(),
    };
    let shift = (context.rng.index(2), context.rng.index(2));
    let rng = &mut context.rng;
    let mosaic = Mosaic::new((width, height), shift, |x, y, colour| {
        let (at, row) = (y * width + x, &rows[colour]);
        let seen = (row[0] * red[at] + row[1] * green[at] + row[2] * blue[at]).max(0.0);
        (shot[colour] * seen + dark[colour]).sqrt() * rng.normal()
    });
    let [mut r, mut g, mut b] = mosaic.planes(drawn.demosaic);
    let back = inverse(&to_sensor).map(|row| row.map(|v| v as f32));
    for ((r, g), b) in r.iter_mut().zip(&mut g).zip(&mut b) {
        let sensor = [*r, *g, *b];
        [*r, *g, *b] = back.map(|row| row[0] * sensor[0] + row[1] * sensor[1] + row[2] * sensor[2]);
    }
    smooth([&mut r, &mut g, &mut b], width, drawn);
    if light.len() == 3 {
        return vec![r, g, b];
    }
    r.iter_mut().zip(&g).zip(&b).for_each(|((r, g), b)| *r = LUMA[0] * *r + LUMA[1] * g + LUMA[2] * b);
    vec![r]
}

/// The camera's own denoising, which leaves what is coarse.
fn smooth([r, g, b]: [&mut Vec<f32>; 3], width: usize, drawn: &Drawn) {
    // Below that, a kernel takes nothing from its neighbours.
    const LEAST: f64 = 0.125;
    if drawn.blur.max(drawn.chroma_blur) < LEAST {
        return;
    }
    let mut bright: Vec<f32> =
        r.iter().zip(&*g).zip(&*b).map(|((r, g), b)| LUMA[0] * r + LUMA[1] * g + LUMA[2] * b).collect();
    r.iter_mut().zip(&bright).for_each(|(v, bright)| *v -= bright);
    b.iter_mut().zip(&bright).for_each(|(v, bright)| *v -= bright);
    gaussian_blur(&mut bright, width, drawn.blur, Border::Reflect);
    gaussian_blur(r, width, drawn.chroma_blur, Border::Reflect);
    gaussian_blur(b, width, drawn.chroma_blur, Border::Reflect);
    for (((r, g), b), bright) in r.iter_mut().zip(g.iter_mut()).zip(b.iter_mut()).zip(&bright) {
        // Colour has no brightness.
        *g = bright - (LUMA[0] * *r + LUMA[2] * *b) / LUMA[1];
        *r += bright;
        *b += bright;
    }
}

fn inverse(m: &[[f64; 3]; 3]) -> [[f64; 3]; 3] {
    let minor = |r: usize, c: usize| {
        let at = |dr: usize, dc: usize| m[(r + dr) % 3][(c + dc) % 3];
        at(1, 1) * at(2, 2) - at(1, 2) * at(2, 1)
    };
    let determinant: f64 = (0..3).map(|c| m[0][c] * minor(0, c)).sum();
    std::array::from_fn(|row| std::array::from_fn(|column| minor(column, row) / determinant))
}

#[cfg(test)]
mod tests {
    use super::super::tests::{difference, gray, run, scene};
    use super::*;

    const PLAIN: &str = "full_well: 10, read: 2, matrix: 0, blur: 0, chroma_blur: 0, tone: [srgb]";

    /// The noise in linear light of an even picture of this light.
    fn of_light(light: f32, settings: &str) -> Vec<Vec<f32>> {
        let value = SRGB.1.at(light);
        let clean = Frame { planes: vec![vec![value; 300 * 200]; 3], ..gray(300, 200, 0.0) };
        let noisy = run(&format!("- sensor_noise: {{{settings}}}"), &clean, 3);
        let exact = SRGB.0.at(value);
        noisy.planes.iter().map(|plane| plane.iter().map(|v| SRGB.0.at(*v) - exact).collect()).collect()
    }

    fn product(a: &[f32], b: &[f32], step: usize) -> f32 {
        let sum: f64 = a.iter().zip(&b[step..]).map(|(a, b)| f64::from(a * b)).sum();
        (sum / (a.len() - step) as f64) as f32
    }

    #[test]
    fn variances_are_those_of_photons_and_reading() {
        for (iso, light) in [(100.0, 0.3f32), (1600.0, 0.3), (1600.0, 0.6), (800.0, 0.1)] {
            let settings = format!("iso: {iso}, {PLAIN}, red: 2, blue: 1.5, demosaic: [bilinear]");
            let noise = of_light(light, &settings);
            let electrons = 10_000.0 * 100.0 / iso;
            for (plane, gain) in noise.iter().zip([2.0f32, 1.0, 1.5]) {
                let site = gain * light / electrons + (gain * 2.0 / electrons).powi(2);
                // Of four pixels, red and blue are one as it is, two means of two and one of four; green is two
                // as they are and two means of four.
                let kept =
                    if gain == 1.0 { (2.0 + 2.0 / 4.0) / 4.0 } else { (1.0 + 2.0 / 2.0 + 1.0 / 4.0) / 4.0 };
                let found = product(plane, plane, 0);
                assert!(
                    (found / (site * kept) - 1.0).abs() < 0.05,
                    "{iso} {light} {gain} {found} {}",
                    site * kept
                );
            }
        }
    }

    #[test]
    fn neighbours_are_alike_and_channels_apart() {
        let noise = of_light(0.4, &format!("iso: 800, {PLAIN}, red: 2, blue: 2, demosaic: [bilinear]"));
        let share = |a: usize, b: usize, step: usize| {
            product(&noise[a], &noise[b], step)
                / (product(&noise[a], &noise[a], 0) * product(&noise[b], &noise[b], 0)).sqrt()
        };
        assert!(share(0, 0, 1) > 0.3 && share(1, 1, 1) > 0.1, "{} {}", share(0, 0, 1), share(1, 1, 1));
        assert!(share(0, 2, 0).abs() < 0.03 && share(0, 0, 7).abs() < 0.03);
        let mixed = of_light(
            0.4,
            &format!(
                "iso: 800, {}, red: 2, blue: 2, demosaic: [bilinear]",
                PLAIN.replace("matrix: 0", "matrix: 1")
            ),
        );
        // The matrix takes away what the sensor's colours share.
        assert!(product(&mixed[0], &mixed[1], 0) < 0.0);
        assert!(product(&mixed[0], &mixed[0], 0) > 1.5 * product(&noise[0], &noise[0], 0));
    }

    #[test]
    fn denoising_leaves_blotches_of_colour() {
        let plain = of_light(0.4, &format!("iso: 800, {PLAIN}, red: 2, blue: 2"));
        let blurred = PLAIN.replace("chroma_blur: 0", "chroma_blur: 2");
        let smooth = of_light(0.4, &format!("iso: 800, {blurred}, red: 2, blue: 2"));
        let colour =
            |noise: &[Vec<f32>]| -> Vec<f32> { noise[0].iter().zip(&noise[2]).map(|(r, b)| r - b).collect() };
        let bright = |noise: &[Vec<f32>]| -> Vec<f32> {
            (0..noise[0].len()).map(|i| (0..3).map(|c| LUMA[c] * noise[c][i]).sum()).collect()
        };
        let near = |of: &[f32]| product(of, of, 2) / product(of, of, 0);
        assert!(near(&colour(&smooth)) > 0.7 && near(&colour(&plain)) < 0.3);
        let (a, b) = (bright(&plain), bright(&smooth));
        assert!((product(&a, &a, 0) / product(&b, &b, 0) - 1.0).abs() < 0.05);
    }

    #[test]
    fn without_noise_nothing_changes() {
        let clean = scene(50, 40);
        let settings = "- sensor_noise: {iso: 100, full_well: 200, read: 0, tone: [srgb]}";
        assert!(difference(&run(settings, &clean, 1), &clean) < 0.01);
        let dark = gray(20, 20, 0.0);
        assert_eq!(run(settings, &dark, 1), dark);
    }

    #[test]
    fn gray_pictures_have_the_noise_of_the_brightness() {
        let clean = gray(200, 200, 0.5);
        let noisy = run("- sensor_noise: {iso: 1600, full_well: 10, tone: [srgb], blur: 0}", &clean, 2);
        let noise: Vec<f32> = noisy.planes[0].iter().map(|v| v - 0.5).collect();
        let sigma = product(&noise, &noise, 0).sqrt() * 255.0;
        assert!((2.0..12.0).contains(&sigma), "{sigma}");
    }

    #[test]
    fn the_inverse_leads_back() {
        let back = inverse(&SENSOR);
        for (row, sensor) in SENSOR.iter().enumerate() {
            for column in 0..3 {
                let sum: f64 = sensor.iter().zip(&back).map(|(s, b)| s * b[column]).sum();
                assert!((sum - f64::from(row == column)).abs() < 1e-12);
            }
        }
        // White stays white.
        assert!(back.iter().all(|row| (row.iter().sum::<f64>() - 1.0).abs() < 1e-3));
    }
}
