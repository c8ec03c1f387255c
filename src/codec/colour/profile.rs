//! ICC profiles made of what a file says otherwise about its colours, and made for other channels.

use moxcms::{
    Chromaticity, CicpColorPrimaries, CicpProfile, ColorPrimaries, ColorProfile, DataColorSpace, Layout,
    LocalizableString, MatrixCoefficients, ProfileClass, ProfileText, RenderingIntent, ToneReprCurve,
    TransferCharacteristics, TransformOptions, Xyzd, adaption_matrix_d,
};

use super::declared::Colour;
use super::hdr;
use super::white::D65;

/// The day that profiles made here carry as their date, since the same input must give the same bytes:
/// year, month, day, hour, minute, second.
const DATE: [u8; 12] = [0x07, 0xE8, 0, 1, 0, 1, 0, 0, 0, 0, 0, 0];

/// Points of the curve that a gray profile gets from a profile without one curve for all channels.
const CURVE: u16 = 4096;

/// Gamma that files state for values of sRGB, times 100 000, and how far from it still means sRGB.
const SRGB_GAMMA: (u32, u32) = (45_455, 60);

/// White, red, green and blue of sRGB, times 100 000, and how far from them still means sRGB.
const SRGB_CHROMATICITIES: ([u32; 8], u32) =
    ([31_270, 32_900, 64_000, 33_000, 30_000, 60_000, 15_000, 6_000], 100);

/// The white that profiles relate to (ICC.1, 7.2.16).
const PCS_WHITE: Xyzd = Xyzd { x: 0.9642, y: 1.0, z: 0.8249 };

/// Primaries, white and curve of pixel values.
#[derive(Clone, Debug)]
pub(super) struct Space {
    pub(super) primaries: ColorPrimaries,
    pub(super) white: Chromaticity,
    curve: ToneReprCurve,
    cicp: Option<CicpProfile>,
    name: String,
}

fn srgb_curve() -> ToneReprCurve {
    ToneReprCurve::Parametric(vec![2.4, 1.0 / 1.055, 0.055 / 1.055, 1.0 / 12.92, 0.04045])
}

/// White point of code points whose primaries are known.
fn white_of(primaries: CicpColorPrimaries) -> Chromaticity {
    match primaries {
        CicpColorPrimaries::Bt470M | CicpColorPrimaries::GenericFilm => Chromaticity { x: 0.310, y: 0.316 },
        CicpColorPrimaries::Xyz => Chromaticity { x: 1.0 / 3.0, y: 1.0 / 3.0 },
        CicpColorPrimaries::Smpte431 => Chromaticity { x: 0.314, y: 0.351 },
        _ => D65,
    }
}

impl Space {
    /// sRGB.
    pub(super) fn srgb() -> Space {
        Space {
            primaries: ColorPrimaries::BT_709,
            white: D65,
            curve: srgb_curve(),
            cicp: None,
            name: "sRGB".to_owned(),
        }
    }

    /// What code points mean; `None` for those that are unknown, or not of full-range RGB.
    pub(super) fn of_cicp([primaries, transfer, matrix, full_range]: [u8; 4]) -> Option<Space> {
        if matrix != 0 || full_range != 1 {
            return None;
        }
        let name = format!("CICP {primaries}/{transfer}");
        let code = CicpColorPrimaries::try_from(primaries).ok()?;
        let transfer = TransferCharacteristics::try_from(transfer).ok()?;
        let cicp = CicpProfile {
            color_primaries: code,
            transfer_characteristics: transfer,
            matrix_coefficients: MatrixCoefficients::Identity,
            full_range: true,
        };
        Some(Space {
            primaries: code.try_into().ok()?,
            white: white_of(code),
            curve: transfer.try_into().ok()?,
            cicp: Some(cicp),
            name,
        })
    }

    /// What a file's statements mean, the most exact first; `None` when there is none, or none is understood.
    pub(super) fn of(colour: &Colour) -> Option<Space> {
        if let Some(space) = colour.cicp.and_then(Space::of_cicp) {
            return Some(space);
        }
        if colour.srgb.is_some() {
            return Some(Space::srgb());
        }
        let (gamma, chromaticities) = (colour.gamma, colour.chromaticities);
        if gamma.is_none() && chromaticities.is_none() {
            return None;
        }
        let mut space = Space::srgb();
        let near = |value: u32, wanted: u32, by: u32| value.abs_diff(wanted) <= by;
        let (srgb, by) = SRGB_CHROMATICITIES;
        let own = chromaticities
            .filter(|given| given.iter().zip(srgb).any(|(&value, wanted)| !near(value, wanted, by)));
        // Writers state the gamma 2.2 beside or in place of sRGB's curve; with other primaries it is meant.
        let as_stated = |gamma: &u32| own.is_some() || !near(*gamma, SRGB_GAMMA.0, SRGB_GAMMA.1);
        if let Some(gamma) = gamma.filter(as_stated) {
            if !(5_000..=2_000_000).contains(&gamma) {
                return None;
            }
            space.curve = ToneReprCurve::Parametric(vec![(100_000.0 / f64::from(gamma)) as f32]);
            space.name = format!("gamma {:.2}", 100_000.0 / f64::from(gamma));
        }
        if let Some(given) = own {
            let [wx, wy, rx, ry, gx, gy, bx, by] = given.map(|v| v as f32 / 100_000.0);
            let area = ((gx - rx) * (by - ry) - (bx - rx) * (gy - ry)).abs();
            if [wy, ry, gy, by].contains(&0.0) || area < 1e-3 || given.iter().any(|&v| v > 200_000) {
                return None;
            }
            space.white = Chromaticity { x: wx, y: wy };
            space.primaries = ColorPrimaries {
                red: Chromaticity { x: rx, y: ry },
                green: Chromaticity { x: gx, y: gy },
                blue: Chromaticity { x: bx, y: by },
            };
            space.name.push_str(" with its own primaries");
        }
        Some(space)
    }

    /// How values of a dynamic range beyond white are meant, if these are.
    pub(super) fn hdr(&self, colour: &Colour) -> Option<hdr::Mapping> {
        let transfer = self.cicp?.transfer_characteristics;
        hdr::Mapping::new(transfer, self.primaries, self.white, colour.peak_nits())
    }

    /// The profile for gray (1) or RGB (3).
    pub(super) fn profile(&self, colour: &Colour, channels: usize) -> Option<Vec<u8>> {
        let hdr = self.hdr(colour);
        if channels == 1 {
            let curve = hdr.map_or_else(|| self.curve.clone(), |hdr| ToneReprCurve::Lut(hdr.gray_curve()));
            return encoded(gray(curve), &self.name);
        }
        let mut profile = rgb(self.primaries, self.white, &self.curve);
        profile.cicp = self.cicp;
        if let Some(hdr) = hdr {
            // For readers that don't know code points: the same picture on an ordinary screen.
            profile.pcs = DataColorSpace::Lab;
            profile.lut_a_to_b_perceptual = Some(hdr.table());
            profile.lut_b_to_a_perceptual = Some(hdr::no_way_back());
            (profile.red_trc, profile.green_trc, profile.blue_trc) = (None, None, None);
            (profile.red_colorant, profile.green_colorant, profile.blue_colorant) = Default::default();
        }
        encoded(profile, &self.name)
    }
}

fn rgb(primaries: ColorPrimaries, white: Chromaticity, curve: &ToneReprCurve) -> ColorProfile {
    let mut profile = display(DataColorSpace::Rgb);
    profile.update_rgb_colorimetry(white.to_xyyb(), primaries);
    profile.chromatic_adaptation = Some(adaption_matrix_d(white.to_xyz(), Chromaticity::D50.to_xyz()));
    profile.red_trc = Some(curve.clone());
    profile.green_trc = Some(curve.clone());
    profile.blue_trc = Some(curve.clone());
    profile
}

/// sRGB, as a profile.
pub(super) fn srgb() -> ColorProfile {
    rgb(ColorPrimaries::BT_709, D65, &srgb_curve())
}

fn gray(curve: ToneReprCurve) -> ColorProfile {
    let mut profile = display(DataColorSpace::Gray);
    profile.gray_trc = Some(curve);
    profile
}

/// A profile of a display without anything in it.
fn display(space: DataColorSpace) -> ColorProfile {
    let mut profile = ColorProfile::default();
    profile.profile_class = ProfileClass::DisplayDevice;
    profile.color_space = space;
    profile.pcs = DataColorSpace::Xyz;
    profile
}

fn encoded(mut profile: ColorProfile, name: &str) -> Option<Vec<u8>> {
    let text = |text: &str| {
        let text = LocalizableString::new("en".to_owned(), "US".to_owned(), text.to_owned());
        Some(ProfileText::Localizable(vec![text]))
    };
    profile.white_point = PCS_WHITE;
    profile.media_white_point = Some(PCS_WHITE);
    profile.rendering_intent = RenderingIntent::RelativeColorimetric;
    profile.description = text(name);
    profile.copyright = text("CC0");
    let mut bytes = profile.encode().ok()?;
    bytes.get_mut(24..36)?.copy_from_slice(&DATE);
    Some(bytes)
}

/// A profile for `channels` (1 or 3) that shows neutral values as `icc`, which is for the other number,
/// does; `None` when `icc` can't be read.
pub(super) fn for_channels(icc: &[u8], channels: usize) -> Option<Vec<u8>> {
    let profile = ColorProfile::new_from_slice(icc).ok()?;
    match (profile.color_space, channels) {
        (DataColorSpace::Rgb, 1) => {
            let one = profile.is_matrix_shaper()
                && profile.lut_a_to_b_perceptual.is_none()
                && profile.red_trc == profile.green_trc
                && profile.red_trc == profile.blue_trc;
            let curve = profile.red_trc.clone().filter(|_| one).or_else(|| neutrals(&profile))?;
            encoded(gray(curve), "Gray of the RGB profile it had")
        }
        (DataColorSpace::Gray, 3) => {
            let curve = profile.gray_trc.as_ref()?;
            let space = rgb(ColorPrimaries::BT_709, D65, curve);
            encoded(space, "RGB of the gray profile it had")
        }
        _ => None,
    }
}

/// The luminance of an RGB profile's neutral values.
fn neutrals(profile: &ColorProfile) -> Option<ToneReprCurve> {
    let srgb = srgb();
    let options = TransformOptions { prefer_fixed_point: false, ..TransformOptions::default() };
    let transform = profile.create_transform_16bit(Layout::Rgb, &srgb, Layout::Rgb, options).ok()?;
    let linear = srgb_curve().make_linear_evaluator().ok()?;
    let values = (0..CURVE).flat_map(|i| [(u32::from(i) * 65_535 / u32::from(CURVE - 1)) as u16; 3]);
    let values: Vec<u16> = values.collect();
    let mut shown = vec![0u16; values.len()];
    transform.transform(&values, &mut shown).ok()?;
    let light = |value: u16| linear.evaluate_value(f32::from(value) / 65_535.0);
    let mut curve: Vec<f32> = shown
        .as_chunks::<3>()
        .0
        .iter()
        .map(|&[r, g, b]| 0.2126 * light(r) + 0.7152 * light(g) + 0.0722 * light(b))
        .collect();
    // A curve must not fall, and white is white.
    let mut least = 0.0f32;
    for value in &mut curve {
        least = least.max(*value);
        *value = least;
    }
    let most = least.max(1e-6);
    Some(ToneReprCurve::Lut(curve.iter().map(|v| (v / most * 65_535.0).round() as u16).collect()))
}
