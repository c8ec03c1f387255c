//! CIE L\*a\*b\* to sRGB: relative to D50, as ICC profiles and Photoshop have it.

use crate::image::Samples;

/// D50 as ICC profiles have it.
const WHITE: [f64; 3] = [0.9642, 1.0, 0.8249];

/// XYZ relative to D50 to linear sRGB, by Bradford's adaptation.
const TO_RGB: [[f64; 3]; 3] = [
    [3.133_856_1, -1.616_866_7, -0.490_614_6],
    [-0.978_768_4, 1.916_141_5, 0.033_454_0],
    [0.071_945_3, -0.228_991_4, 1.405_242_7],
];

/// Converts pixels of three samples in place; colours beyond sRGB are cut off. `signed` samples have a\* and
/// b\* as signed numbers (TIFF's CIELab), others offset by half their range (ICCLab).
pub(super) fn to_srgb(samples: &mut Samples, signed: bool) {
    match samples {
        Samples::U8(samples) => {
            for pixel in samples.as_chunks_mut::<3>().0 {
                let [l, a, b] = *pixel;
                let chroma = |v: u8| if signed { f64::from(v as i8) } else { f64::from(v) - 128.0 };
                let rgb = srgb([f64::from(l) / 2.55, chroma(a), chroma(b)]);
                *pixel = rgb.map(|v| (v * 255.0).round() as u8);
            }
        }
        Samples::U16(samples) => {
            // ICC profiles of version 2, which ICCLab follows, have 100 at 0xFF00.
            let hundred = if signed { 65535.0 } else { 65280.0 };
            for pixel in samples.as_chunks_mut::<3>().0 {
                let [l, a, b] = *pixel;
                let chroma =
                    |v: u16| if signed { f64::from(v as i16) / 256.0 } else { f64::from(v) / 256.0 - 128.0 };
                let rgb = srgb([f64::from(l) * 100.0 / hundred, chroma(a), chroma(b)]);
                *pixel = rgb.map(|v| (v * 65535.0).round() as u16);
            }
        }
        Samples::F32(_) => {}
    }
}

/// L\* from 0 to 100 with a\* and b\* as sRGB from 0 to 1.
fn srgb([l, a, b]: [f64; 3]) -> [f64; 3] {
    let y = (l + 16.0) / 116.0;
    let linear = |t: f64| {
        if t > 6.0 / 29.0 { t * t * t } else { (t - 4.0 / 29.0) * 108.0 / 841.0 }
    };
    let [xn, yn, zn] = WHITE;
    let xyz = [xn * linear(y + a / 500.0), yn * linear(y), zn * linear(y - b / 200.0)];
    TO_RGB.map(|[x, y, z]| {
        let v = (x * xyz[0] + y * xyz[1] + z * xyz[2]).clamp(0.0, 1.0);
        if v <= 0.003_130_8 { 12.92 * v } else { 1.055 * v.powf(1.0 / 2.4) - 0.055 }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_colours() {
        let converted = |pixel: [u8; 3], signed| {
            let mut samples = Samples::U8(pixel.to_vec());
            to_srgb(&mut samples, signed);
            let Samples::U8(rgb) = samples else { unreachable!() };
            rgb
        };
        assert_eq!(converted([255, 0, 0], true), [255, 255, 255]);
        assert_eq!(converted([0, 128, 128], false), [0, 0, 0]);
        assert_eq!(converted([137, 128, 128], false), [128, 128, 128]);
        // sRGB's red relative to D50 is L* 54.29, a* 80.80, b* 69.89.
        assert_eq!(converted([138, 81, 70], true)[0], 255);
        assert!(converted([138, 81, 70], true)[1..].iter().all(|&v| v < 16));
        let mut samples = Samples::U16(vec![65280, 32768, 32768]);
        to_srgb(&mut samples, false);
        assert!(matches!(samples, Samples::U16(rgb) if rgb.iter().all(|&v| v > 65_500)));
    }
}
