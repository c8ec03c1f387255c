//! White points.

use moxcms::Chromaticity;

/// The white of sRGB and of most code points; moxcms's D65 is another in the fourth digit.
pub(super) const D65: Chromaticity = Chromaticity { x: 0.3127, y: 0.3290 };
