//! Pure pixel code: the in-memory picture and everything computed from it. No files, threads or clocks.

pub mod compare;
pub mod crop;
pub mod cubic;
pub mod fill;
pub mod gray;
pub mod measure;
pub mod noise;
pub mod orient;
pub mod phash;
pub mod resize;

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
    pub width: usize,
    /// Height in pixels, at least 1.
    pub height: usize,
    /// Colour channels: 1 or 3.
    pub channels: usize,
    /// `width * height * channels` colour samples.
    pub samples: Samples,
    /// `width * height` alpha samples.
    pub alpha: Option<Samples>,
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
