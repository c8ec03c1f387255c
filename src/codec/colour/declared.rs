//! The colours that a file declares.

/// What a file says about its colours other than by an ICC profile, as it says it.
///
/// Where several are there, code points go before a profile, and that before sRGB, and that before gamma and
/// chromaticities (PNG specification, third edition, 4.3).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Colour {
    /// Code points of ITU-T H.273: primaries, transfer, matrix (0 is RGB), and 1 for full range.
    pub cicp: Option<[u8; 4]>,
    /// sRGB, and the rendering intent, 0 to 3.
    pub srgb: Option<u8>,
    /// Exponent that made the values from light, times 100 000.
    pub gamma: Option<u32>,
    /// x and y of white, red, green and blue, times 100 000.
    pub chromaticities: Option<[u32; 8]>,
    /// Colours of the screen that the picture was graded on, as PNG's `mDCV` has them.
    pub mastering: Option<[u8; 24]>,
    /// Brightest pixel and brightest average, as PNG's `cLLI` has them.
    pub light_level: Option<[u8; 8]>,
}

impl Colour {
    /// Nothing is said.
    pub fn is_empty(&self) -> bool {
        *self == Colour::default()
    }

    /// Brightness of the brightest pixel, or of the screen it was made for, in candela a square metre.
    pub(super) fn peak_nits(&self) -> Option<u32> {
        let tenthousandths = |bytes: Option<&[u8; 4]>| bytes.map(|&b| u32::from_be_bytes(b) / 10_000);
        let level = tenthousandths(self.light_level.as_ref().and_then(|b| b.first_chunk()));
        let screen = || tenthousandths(self.mastering.as_ref().and_then(|b| b.get(16..)?.first_chunk()));
        level.filter(|&nits| nits > 0).or_else(screen).filter(|&nits| nits > 0)
    }
}
