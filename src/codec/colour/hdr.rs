//! Pictures brighter than white (PQ and HLG of ITU-R BT.2100) shown on an ordinary screen.
//!
//! Reference white is 203 nits (ITU-R BT.2408). What is brighter, up to the peak that the file states, else
//! 1000 nits, is rolled off by the curve of ITU-R BT.2390 on the largest of the three channels, which keeps
//! the hue.

use moxcms::{
    Chromaticity, ColorPrimaries, LutDataType, LutMultidimensionalType, LutStore, LutType, LutWarehouse,
    Matrix3d, ToneReprCurve, TransferCharacteristics, Vector3d, adapt_to_d50_d,
};

use super::white::D65;

/// Nits of reference white.
const WHITE: f64 = 203.0;

/// Peak in nits where the file states none.
const USUAL_PEAK: f64 = 1000.0;

/// Points of a table along each channel.
const GRID: u8 = 21;

/// Points of a curve for gray.
const CURVE: u16 = 4096;

/// From encoded values to light relative to white.
#[derive(Clone, Debug)]
pub(super) struct Mapping {
    transfer: TransferCharacteristics,
    /// From linear RGB to XYZ under the source's white, with Y of white 1.
    to_xyz: Matrix3d,
    /// The same adapted to the white of profiles, D50.
    to_d50: Matrix3d,
    /// From linear RGB to linear sRGB.
    to_srgb: Matrix3d,
    peak: f64,
}

/// Nits of an encoded value in PQ (SMPTE ST 2084).
fn pq_to_nits(value: f64) -> f64 {
    let power = libm::pow(value.clamp(0.0, 1.0), 32.0 / 2523.0);
    let ratio = (power - 107.0 / 128.0).max(0.0) / (2413.0 / 128.0 - 2392.0 / 128.0 * power);
    10_000.0 * libm::pow(ratio, 8192.0 / 1305.0)
}

fn nits_to_pq(nits: f64) -> f64 {
    let power = libm::pow((nits / 10_000.0).clamp(0.0, 1.0), 1305.0 / 8192.0);
    libm::pow((107.0 / 128.0 + 2413.0 / 128.0 * power) / (1.0 + 2392.0 / 128.0 * power), 2523.0 / 32.0)
}

/// Light of the scene, 0 to 1, of an encoded value in HLG (ARIB STD-B67).
fn hlg_to_scene(value: f64) -> f64 {
    let (a, b, c) = (0.178_832_77, 0.284_668_92, 0.559_910_73);
    let value = value.clamp(0.0, 1.0);
    if value <= 0.5 { value * value / 3.0 } else { (libm::exp((value - c) / a) + b) / 12.0 }
}

impl Mapping {
    /// `None` for transfers that have white at their largest value.
    pub(super) fn new(
        transfer: TransferCharacteristics,
        primaries: ColorPrimaries,
        white: Chromaticity,
        peak_nits: Option<u32>,
    ) -> Option<Mapping> {
        let peak = match transfer {
            TransferCharacteristics::Smpte2084 => {
                peak_nits.filter(|&nits| nits > 0).map_or(USUAL_PEAK, f64::from)
            }
            TransferCharacteristics::Hlg => USUAL_PEAK,
            _ => return None,
        };
        let to_xyz = primaries.transform_to_xyz_d(white);
        let to_d50 = adapt_to_d50_d(to_xyz, white.to_xyyb());
        let srgb = ColorPrimaries::BT_709.transform_to_xyz_d(D65);
        let to_srgb = adapt_to_d50_d(srgb, D65.to_xyyb()).inverse().mat_mul(to_d50);
        Some(Mapping { transfer, to_xyz, to_d50, to_srgb, peak: peak.clamp(WHITE, 10_000.0) })
    }

    /// Light of one pixel in its own primaries, relative to white, 0 to 1.
    fn linear(&self, encoded: [f64; 3]) -> [f64; 3] {
        let nits = if self.transfer == TransferCharacteristics::Hlg {
            let scene = encoded.map(hlg_to_scene);
            let [_, luminances, _] = self.to_xyz.v;
            let light: f64 = scene.iter().zip(luminances).map(|(v, weight)| v * weight).sum();
            // The system's gamma is 1.2 at a peak of 1000 nits.
            let gain = if light > 0.0 { USUAL_PEAK * libm::pow(light, 0.2) } else { 0.0 };
            scene.map(|v| v * gain)
        } else {
            encoded.map(pq_to_nits)
        };
        let most = nits.into_iter().fold(0.0, f64::max);
        if most <= 0.0 {
            return [0.0; 3];
        }
        let scale = self.roll_off(most) / most;
        nits.map(|v| (v * scale).clamp(0.0, 1.0))
    }

    /// Light relative to white of `nits`: the transfer function of BT.2390, 5.4.1, black being black.
    fn roll_off(&self, nits: f64) -> f64 {
        let top = nits_to_pq(self.peak);
        let value = (nits_to_pq(nits) / top).min(1.0);
        let most = nits_to_pq(WHITE) / top;
        let knee = 1.5 * most - 0.5;
        let value = if value < knee || knee >= 1.0 {
            value
        } else {
            let t = (value - knee) / (1.0 - knee);
            let (t2, t3) = (t * t, t * t * t);
            (2.0 * t3 - 3.0 * t2 + 1.0) * knee
                + (t3 - 2.0 * t2 + t) * (1.0 - knee)
                + (3.0 * t2 - 2.0 * t3) * most
        };
        pq_to_nits(value * top) / WHITE
    }

    /// One pixel in sRGB, 0 to 1; colours beyond sRGB are clipped.
    pub(super) fn to_srgb(&self, encoded: [f64; 3]) -> [f64; 3] {
        multiply(&self.to_srgb, self.linear(encoded)).map(srgb_curve)
    }

    /// Curve of a gray profile.
    pub(super) fn gray_curve(&self) -> Vec<u16> {
        let light = |i: u16| self.linear([f64::from(i) / f64::from(CURVE - 1); 3])[0];
        (0..CURVE).map(|i| (light(i) * 65_535.0).round() as u16).collect()
    }

    /// From encoded RGB to Lab, as a table of an ICC profile.
    pub(super) fn table(&self) -> LutWarehouse {
        let white = Chromaticity::D50.to_xyz();
        let at = |i: u8| f64::from(i) / f64::from(GRID - 1);
        let mut table = Vec::with_capacity(usize::from(GRID).pow(3) * 3);
        for r in 0..GRID {
            for g in 0..GRID {
                for b in 0..GRID {
                    let [x, y, z] = multiply(&self.to_d50, self.linear([r, g, b].map(at)));
                    let lab = lab([x / f64::from(white.x), y, z / f64::from(white.z)]);
                    // The encoding of 16-bit tables: 0xFF00 is L of 100, 0x8000 is a and b of 0.
                    let steps = [lab[0] * 652.8, (lab[1] + 128.0) * 256.0, (lab[2] + 128.0) * 256.0];
                    table.extend(steps.map(|v| v.round().clamp(0.0, 65_535.0) as u16));
                }
            }
        }
        let straight = vec![0, 65_535, 0, 65_535, 0, 65_535];
        LutWarehouse::Lut(LutDataType {
            num_input_channels: 3,
            num_output_channels: 3,
            num_clut_grid_points: GRID,
            matrix: Matrix3d::IDENTITY,
            num_input_table_entries: 2,
            num_output_table_entries: 2,
            input_table: LutStore::Store16(straight.clone()),
            clut_table: LutStore::Store16(table),
            output_table: LutStore::Store16(straight),
            lut_type: LutType::Lut16,
        })
    }
}

/// The curve of sRGB, from light to value.
pub(super) fn srgb_curve(light: f64) -> f64 {
    let light = light.clamp(0.0, 1.0);
    if light <= 0.003_130_8 { 12.92 * light } else { 1.055 * libm::pow(light, 1.0 / 2.4) - 0.055 }
}

/// The table that leads back, which profiles of this kind must have and nobody uses.
pub(super) fn no_way_back() -> LutWarehouse {
    let straight = ToneReprCurve::Parametric(vec![1.0]);
    LutWarehouse::Multidimensional(LutMultidimensionalType {
        num_input_channels: 3,
        num_output_channels: 3,
        grid_points: [0; 16],
        clut: None,
        a_curves: Vec::new(),
        b_curves: vec![straight; 3],
        m_curves: Vec::new(),
        matrix: Matrix3d::IDENTITY,
        bias: Vector3d::default(),
    })
}

fn multiply(matrix: &Matrix3d, vector: [f64; 3]) -> [f64; 3] {
    matrix.v.map(|row| row.iter().zip(vector).map(|(weight, v)| weight * v).sum())
}

/// CIELAB of XYZ relative to white.
fn lab(relative: [f64; 3]) -> [f64; 3] {
    let [x, y, z] = relative
        .map(|t| if t > 216.0 / 24_389.0 { libm::cbrt(t) } else { (t * 24_389.0 / 27.0 + 16.0) / 116.0 });
    [116.0 * y - 16.0, 500.0 * (x - y), 200.0 * (y - z)]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bt2100(transfer: TransferCharacteristics, peak: Option<u32>) -> Mapping {
        Mapping::new(transfer, ColorPrimaries::BT_2020, D65, peak).unwrap()
    }

    #[test]
    fn pq_goes_both_ways_and_has_its_published_values() {
        // BT.2408: 58 % PQ is 203 nits; the end is 10,000.
        assert!((pq_to_nits(0.5807) - 203.0).abs() < 0.5 && (pq_to_nits(1.0) - 10_000.0).abs() < 1e-6);
        for i in 0..=20 {
            let value = f64::from(i) / 20.0;
            assert!((nits_to_pq(pq_to_nits(value)) - value).abs() < 1e-6);
        }
        // 75 % HLG is 203 nits on a screen of 1000.
        let light = USUAL_PEAK * libm::pow(hlg_to_scene(0.75), 1.2);
        assert!((light - 203.0).abs() < 1.0, "{light}");
    }

    #[test]
    fn what_is_darker_than_white_stays_and_what_is_brighter_fits() {
        for transfer in [TransferCharacteristics::Smpte2084, TransferCharacteristics::Hlg] {
            let map = bt2100(transfer, None);
            let shown: Vec<f64> = (0..=100).map(|i| map.to_srgb([f64::from(i) / 100.0; 3])[1]).collect();
            assert!(shown.is_sorted() && shown[0] == 0.0 && shown[100] > 0.999, "{shown:?}");
        }
        // 26 nits, middle gray: the light that it is of white.
        let gray = bt2100(TransferCharacteristics::Smpte2084, None).linear([nits_to_pq(26.0); 3]);
        assert!((gray[0] - 26.0 / WHITE).abs() < 1e-3, "{gray:?}");
        // Nothing brighter than white: nothing is rolled off.
        let white = bt2100(TransferCharacteristics::Smpte2084, Some(203)).linear([nits_to_pq(203.0); 3]);
        assert!((white[0] - 1.0).abs() < 1e-3, "{white:?}");
    }

    #[test]
    fn neutral_stays_neutral_and_hues_stay() {
        let map = bt2100(TransferCharacteristics::Smpte2084, Some(4000));
        let [r, g, b] = map.to_srgb([0.6; 3]);
        assert!((r - g).abs() < 2e-3 && (b - g).abs() < 2e-3, "{r} {g} {b}");
        let [r, g, b] = map.to_srgb([0.7, 0.6, 0.5]);
        assert!(r > g && g > b);
    }
}
