//! Pixel density.

/// Pixel density.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Density {
    /// Pixels a unit across.
    pub x: f64,
    /// Pixels a unit down.
    pub y: f64,
    /// The unit.
    pub unit: DensityUnit,
}

/// Unit of a [`Density`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DensityUnit {
    /// Pixels an inch.
    PerInch,
    /// Pixels a centimetre.
    PerCentimetre,
    /// No unit: only the ratio of x to y counts.
    Aspect,
}

impl Density {
    /// The same density in pixels a unit of `unit`; aspect ratios stay as they are.
    pub(super) fn in_unit(self, unit: DensityUnit) -> Density {
        let factor = match (self.unit, unit) {
            (DensityUnit::PerInch, DensityUnit::PerCentimetre) => 1.0 / 2.54,
            (DensityUnit::PerCentimetre, DensityUnit::PerInch) => 2.54,
            _ => return self,
        };
        Density { x: self.x * factor, y: self.y * factor, unit }
    }
}
