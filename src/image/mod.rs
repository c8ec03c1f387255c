//! Pure pixel code: the in-memory picture and everything computed from it. No files, threads or clocks.

pub mod compare;
pub mod crop;
pub mod cubic;
pub mod fill;
pub mod gray;
pub mod measure;
pub mod orient;
pub mod phash;
pub mod pillow;
pub(crate) mod pixel_hash;
pub mod quantised;
pub mod removed;
pub mod resize;
pub mod sheet;
pub(crate) mod shot;
pub(crate) mod signature;
#[cfg(test)]
mod test_noise;
pub mod texture;

/// Sample storage, interleaved by channel, row by row.
///
/// `U8` and `U16` span the full range of their type; `F32` is nominally in \[0, 1\] and may leave it.
#[derive(Clone, Debug, PartialEq)]
pub enum Samples {
    /// 8-bit samples, 0..=255.
    U8(Vec<u8>),
    /// 16-bit samples, 0..=65535.
    U16(Vec<u16>),
    /// Float samples, nominally \[0, 1\].
    F32(Vec<f32>),
}

/// The type of one sample.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Depth {
    /// 8 bits.
    U8,
    /// 16 bits.
    U16,
    /// 32-bit float.
    F32,
}

impl Depth {
    /// Bytes of one sample.
    pub fn bytes(self) -> usize {
        match self {
            Depth::U8 => 1,
            Depth::U16 => 2,
            Depth::F32 => 4,
        }
    }

    /// Bits of one sample.
    pub fn bits(self) -> u8 {
        match self {
            Depth::U8 => 8,
            Depth::U16 => 16,
            Depth::F32 => 32,
        }
    }
}

impl Samples {
    /// Zeroed storage for `len` samples.
    pub fn zeroed(depth: Depth, len: usize) -> Samples {
        match depth {
            Depth::U8 => Samples::U8(vec![0; len]),
            Depth::U16 => Samples::U16(vec![0; len]),
            Depth::F32 => Samples::F32(vec![0.0; len]),
        }
    }

    /// Number of samples.
    pub fn len(&self) -> usize {
        match self {
            Samples::U8(v) => v.len(),
            Samples::U16(v) => v.len(),
            Samples::F32(v) => v.len(),
        }
    }

    /// True when there are no samples.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The type of the samples.
    pub fn depth(&self) -> Depth {
        match self {
            Samples::U8(_) => Depth::U8,
            Samples::U16(_) => Depth::U16,
            Samples::F32(_) => Depth::F32,
        }
    }

    /// Sample `i` scaled to \[0, 1\].
    #[inline]
    pub fn get(&self, i: usize) -> f32 {
        match self {
            Samples::U8(v) => f32::from(v[i]) / 255.0,
            Samples::U16(v) => f32::from(v[i]) / 65535.0,
            Samples::F32(v) => v[i],
        }
    }

    /// Stores `value` (\[0, 1\]) at `i`: clamped and rounded to nearest for integers, as it is for floats.
    #[inline]
    pub fn set(&mut self, i: usize, value: f32) {
        match self {
            Samples::U8(v) => v[i] = (value * 255.0).round().clamp(0.0, 255.0) as u8,
            Samples::U16(v) => v[i] = (value * 65535.0).round().clamp(0.0, 65535.0) as u16,
            Samples::F32(v) => v[i] = value,
        }
    }
}

/// A picture: one (gray) or three (RGB) interleaved colour channels and an optional alpha plane.
///
/// Alpha is straight (not premultiplied), one sample a pixel, of the same depth as the colour.
/// Colour values are as stored in the file (usually gamma-encoded sRGB); pixels stand in stored
/// order, not turned by the EXIF orientation.
#[derive(Clone, Debug, PartialEq)]
pub struct Image {
    /// Width in pixels, at least 1.
    pub(crate) width: usize,
    /// Height in pixels, at least 1.
    pub(crate) height: usize,
    /// Colour channels: 1 or 3.
    pub(crate) channels: usize,
    /// `width * height * channels` colour samples.
    pub(crate) samples: Samples,
    /// `width * height` alpha samples.
    pub(crate) alpha: Option<Samples>,
}

/// Why samples are no picture.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ImageError {
    /// A side of 0 pixels, or more pixels than can be counted.
    #[error("a picture of {width} x {height} pixels can't be: both sides are at least 1")]
    Size {
        /// Pixels across.
        width: usize,
        /// Pixels down.
        height: usize,
    },
    /// Neither gray nor RGB.
    #[error("{0} channels can't be: 1 is gray, 3 are RGB, alpha is a plane of its own")]
    Channels(usize),
    /// Too few or too many samples.
    #[error("{found} {what} samples where {wanted} are wanted")]
    Length {
        /// Colour or alpha.
        what: &'static str,
        /// Samples given.
        found: usize,
        /// Samples that the picture has.
        wanted: usize,
    },
    /// Colour and alpha of different depths.
    #[error("alpha of {alpha:?} beside colour of {colour:?}: both are of one depth")]
    Depth {
        /// Depth of the colour.
        colour: Depth,
        /// Depth of the alpha plane.
        alpha: Depth,
    },
}

/// Samples of a picture, whose number and depth stay.
#[derive(Debug)]
pub struct SamplesMut<'a>(&'a mut Samples);

impl SamplesMut<'_> {
    /// Stores `value` as [`Samples::set`] does.
    #[inline]
    pub fn set(&mut self, i: usize, value: f32) {
        self.0.set(i, value);
    }
}

impl Image {
    /// A black, opaque picture without alpha.
    pub fn new(width: usize, height: usize, channels: usize, depth: Depth) -> Image {
        Image {
            width,
            height,
            channels,
            samples: Samples::zeroed(depth, width * height * channels),
            alpha: None,
        }
    }

    /// A picture of these samples: `width * height * channels` of colour, row by row from the top left, the channels of a
    /// pixel side by side; `width * height` of alpha.
    ///
    /// # Errors
    /// When there are not as many, of one depth, or the size or channels can't be.
    pub fn from_samples(
        (width, height): (usize, usize),
        channels: usize,
        samples: Samples,
        alpha: Option<Samples>,
    ) -> Result<Image, ImageError> {
        let pixels =
            width.checked_mul(height).filter(|pixels| *pixels > 0 && pixels.checked_mul(3).is_some());
        let pixels = pixels.ok_or(ImageError::Size { width, height })?;
        if !matches!(channels, 1 | 3) {
            return Err(ImageError::Channels(channels));
        }
        let planes = std::iter::once(("colour", &samples, pixels * channels));
        for (what, samples, wanted) in planes.chain(alpha.as_ref().map(|alpha| ("alpha", alpha, pixels))) {
            if samples.len() != wanted {
                return Err(ImageError::Length { what, found: samples.len(), wanted });
            }
        }
        match alpha.as_ref().map(Samples::depth).filter(|alpha| *alpha != samples.depth()) {
            Some(alpha) => Err(ImageError::Depth { colour: samples.depth(), alpha }),
            None => Ok(Image { width, height, channels, samples, alpha }),
        }
    }

    /// Width in pixels.
    pub fn width(&self) -> usize {
        self.width
    }

    /// Height in pixels.
    pub fn height(&self) -> usize {
        self.height
    }

    /// Colour channels: 1 or 3.
    pub fn channels(&self) -> usize {
        self.channels
    }

    /// The colour, `width * height * channels` samples.
    pub fn samples(&self) -> &Samples {
        &self.samples
    }

    /// The colour and the alpha plane, taken out of the picture.
    pub fn into_samples(self) -> (Samples, Option<Samples>) {
        (self.samples, self.alpha)
    }

    /// The colour, to be changed sample by sample.
    pub fn samples_mut(&mut self) -> SamplesMut<'_> {
        SamplesMut(&mut self.samples)
    }

    /// The alpha plane, `width * height` samples, where there is one.
    pub fn alpha(&self) -> Option<&Samples> {
        self.alpha.as_ref()
    }

    /// The type of the samples.
    pub fn depth(&self) -> Depth {
        self.samples.depth()
    }

    /// Bytes the pixels take in memory.
    pub fn bytes(&self) -> usize {
        let per_pixel = self.channels + usize::from(self.alpha.is_some());
        self.width * self.height * per_pixel * self.depth().bytes()
    }

    /// Colour sample of channel `c` at (`x`, `y`), in \[0, 1\].
    #[inline]
    pub fn at(&self, x: usize, y: usize, c: usize) -> f32 {
        self.samples.get((y * self.width + x) * self.channels + c)
    }
}
