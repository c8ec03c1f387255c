//! A picture that is made rather than read: what stands for its identity and header, and the picture as decoding gives
//! it.

use super::identity::Identity;
use crate::codec::{self, Decoded, Format, Header, Metadata};
use crate::image::{Image, Samples};
use crate::synth::{Params, Synth};

/// One picture that is to be made.
#[derive(Clone, Copy, Debug)]
pub struct Made {
    pub(super) synth: &'static Synth,
    pub(super) params: Params,
    pub(super) seed: u64,
    pub(super) number: u32,
}

impl Made {
    /// In place of a file's: the size of the pixels, and as time a digest of everything that the picture follows
    /// from.
    pub(super) fn identity(&self) -> Identity {
        let Params { size, marks } = self.params;
        let mut hasher = blake3::Hasher::new_derive_key("safelight 2026 identity of a synthetic image");
        hasher.update(self.synth.name.as_bytes());
        hasher.update(&[0]);
        hasher.update(&self.synth.version.to_le_bytes());
        hasher.update(&size.to_le_bytes());
        hasher.update(&marks.to_bits().to_le_bytes());
        hasher.update(&self.seed.to_le_bytes());
        hasher.update(&self.number.to_le_bytes());
        let mut short = [0; 8];
        short.copy_from_slice(&hasher.finalize().as_bytes()[..8]);
        let size = u64::from(size);
        Identity { size: 3 * size * size, mtime_ns: (u64::from_le_bytes(short) >> 1).cast_signed() }
    }

    /// What a file's header would say.
    pub fn header(&self) -> Header {
        let side = u32::from(self.params.size);
        Header {
            picture: 0,
            pictures: 1,
            animated: false,
            format: Format::Png,
            width: side,
            height: side,
            channels: 3,
            bit_depth: 8,
            decode_bytes: (self.synth.bytes)(&self.params),
        }
    }

    /// The picture, and the hash of its size and pixels.
    pub fn render(&self) -> (Image, [u8; 32]) {
        let image = (self.synth.render)(&self.params, self.seed);
        let mut hasher = blake3::Hasher::new();
        hasher.update(&(image.width as u64).to_le_bytes());
        hasher.update(&(image.height as u64).to_le_bytes());
        // Every source makes 8-bit pictures.
        if let Samples::U8(bytes) = &image.samples {
            hasher.update(bytes);
        }
        (image, *hasher.finalize().as_bytes())
    }

    /// As if the picture had been read from a PNG file.
    pub fn decoded(&self, image: Image) -> Decoded {
        let header = self.header();
        Decoded { faults: Vec::new(), image, meta: Metadata::default(), source: codec::Source::of(&header) }
    }
}
