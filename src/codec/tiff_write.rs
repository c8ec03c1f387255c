//! TIFF encoding: 8 and 16 bits, gray or RGB, with alpha, profile and descriptive tags.

use std::io::{Cursor, Seek, Write};

use tiff::encoder::{Compression as Method, DeflateLevel, DirectoryEncoder, Rational, TiffEncoder, TiffKind};
use tiff::encoder::{TiffKindBig, TiffKindStandard, TiffValue, colortype};
use tiff::tags::{ExtraSamples, Predictor, Tag, Type};
use tiff::{Directory, TiffError, TiffResult};

use super::meta::{Density, DensityUnit};
use super::{CodecError, Compression, EncodeOptions, Format, Metadata};
use super::{cannot_encode, exif, pack};
use crate::image::{Depth, Image};

/// From this many bytes of pixels on, 64-bit offsets are needed.
const BIG: usize = 3_900_000_000;

/// Encodes 8-bit images in 8 bits, all others in 16, deflate-compressed.
pub(super) fn encode(
    image: &Image,
    meta: &mut Metadata,
    options: &EncodeOptions,
) -> Result<Vec<u8>, CodecError> {
    let taken = Metadata {
        exif: meta.exif.take(),
        icc: meta.icc.take(),
        xmp: meta.xmp.take(),
        iptc: meta.iptc.take(),
        density: meta.density.take(),
        orientation: meta.orientation,
        ..Metadata::default()
    };
    let meta = &taken;
    let mut out = Cursor::new(Vec::new());
    let sample_bytes = if image.depth() == Depth::U8 { 1 } else { 2 };
    let pixels = image.width.saturating_mul(image.height);
    if pixels.saturating_mul(4 * sample_bytes) < BIG {
        write::<TiffKindStandard>(&mut out, image, meta, options)
    } else {
        write::<TiffKindBig>(&mut out, image, meta, options)
    }
    .map_err(|e| cannot_encode(Format::Tiff, e))?;
    Ok(out.into_inner())
}

fn write<K: TiffKind>(
    out: &mut Cursor<Vec<u8>>,
    image: &Image,
    meta: &Metadata,
    options: &EncodeOptions,
) -> TiffResult<()> {
    let level = match options.compression {
        Compression::Fast => DeflateLevel::Fast,
        Compression::Small => DeflateLevel::Balanced,
    };
    // The encoder's predictor doesn't count extra samples, so that gray with alpha goes without.
    let gray_alpha = image.channels == 1 && image.alpha.is_some();
    let mut encoder = TiffEncoder::<_, K>::new_generic(out)?
        .with_compression(Method::Deflate(level))
        .with_predictor(if gray_alpha { Predictor::None } else { Predictor::Horizontal });
    let fields = meta.exif.as_deref().and_then(exif::Fields::parse).unwrap_or_default();
    let mut links = Vec::new();
    for (tag, fields) in [(exif::EXIF_IFD, &fields.exif), (exif::GPS_IFD, &fields.gps)] {
        if !fields.is_empty() {
            let mut directory = encoder.extra_directory()?;
            write_fields(&mut directory, fields)?;
            links.push((tag, directory.finish_with_offsets()?.pointer));
        }
    }
    let writer = Writer { image, meta, fields: &fields, links };
    if image.depth() == Depth::U8 {
        let (data, per_pixel) = pack::interleaved_u8(image);
        match per_pixel {
            1 | 2 => writer.image::<colortype::Gray8, _, K>(&mut encoder, &data),
            3 => writer.image::<colortype::RGB8, _, K>(&mut encoder, &data),
            _ => writer.image::<colortype::RGBA8, _, K>(&mut encoder, &data),
        }
    } else {
        let (data, per_pixel) = pack::interleaved_u16(image);
        match per_pixel {
            1 | 2 => writer.image::<colortype::Gray16, _, K>(&mut encoder, &data),
            3 => writer.image::<colortype::RGB16, _, K>(&mut encoder, &data),
            _ => writer.image::<colortype::RGBA16, _, K>(&mut encoder, &data),
        }
    }
}

struct Writer<'a> {
    image: &'a Image,
    meta: &'a Metadata,
    fields: &'a exif::Fields,
    /// Directories written before: the tag that points to each, and where it is.
    links: Vec<(u16, tiff::tags::IfdPointer)>,
}

impl Writer<'_> {
    fn image<C: colortype::ColorType, W: Write + Seek, K: TiffKind>(
        &self,
        encoder: &mut TiffEncoder<W, K>,
        data: &[C::Inner],
    ) -> TiffResult<()>
    where
        [C::Inner]: TiffValue,
    {
        let side = |n: usize| u32::try_from(n).map_err(TiffError::from);
        let mut image = encoder.new_image::<C>(side(self.image.width)?, side(self.image.height)?)?;
        if self.image.alpha.is_some() {
            if self.image.channels == 1 {
                image.extra_samples(&[ExtraSamples::UnassociatedAlpha])?;
            } else {
                let alpha = ExtraSamples::UnassociatedAlpha.to_u16();
                image.encoder().write_tag(Tag::ExtraSamples, &[alpha][..])?;
            }
        }
        self.tags(image.encoder())?;
        image.write_data(data)
    }

    fn tags<W: Write + Seek, K: TiffKind>(&self, directory: &mut DirectoryEncoder<W, K>) -> TiffResult<()> {
        write_fields(directory, &self.fields.main)?;
        directory.write_tag(Tag::Orientation, u16::from(self.meta.orientation))?;
        for (tag, at) in &self.links {
            let at = u32::try_from(at.0)?;
            directory.write_tag(Tag::from_u16_exhaustive(*tag), at)?;
        }
        let density = self.meta.density.or_else(|| self.meta.exif.as_deref().and_then(exif::density));
        if let Some(Density { x, y, unit }) = density {
            let ratio = |v: f64| Rational { n: (v * 1000.0).round().clamp(1.0, 4e9) as u32, d: 1000 };
            directory.write_tag(Tag::XResolution, ratio(x))?;
            directory.write_tag(Tag::YResolution, ratio(y))?;
            let unit: u16 = match unit {
                DensityUnit::Aspect => 1,
                DensityUnit::PerInch => 2,
                DensityUnit::PerCentimetre => 3,
            };
            directory.write_tag(Tag::ResolutionUnit, unit)?;
        }
        let blobs = [
            (Tag::IccProfile, &self.meta.icc, Type::UNDEFINED),
            (super::tiff::XMP, &self.meta.xmp, Type::BYTE),
            (super::tiff::PHOTOSHOP, &self.meta.iptc, Type::UNDEFINED),
        ];
        for (tag, blob, kind) in blobs {
            if let Some(bytes) = blob {
                write_bytes(directory, tag, kind, bytes)?;
            }
        }
        Ok(())
    }
}

fn write_fields<W: Write + Seek, K: TiffKind>(
    directory: &mut DirectoryEncoder<W, K>,
    fields: &[exif::Field],
) -> TiffResult<()> {
    for field in fields {
        let Some(kind) = Type::from_u16(field.kind) else { continue };
        let mut data = field.data.clone();
        if cfg!(target_endian = "big") {
            data.chunks_exact_mut(field.word()).for_each(<[u8]>::reverse);
        }
        write_bytes(directory, Tag::from_u16_exhaustive(field.tag), kind, &data)?;
    }
    Ok(())
}

fn write_bytes<W: Write + Seek, K: TiffKind>(
    directory: &mut DirectoryEncoder<W, K>,
    tag: Tag,
    kind: Type,
    data: &[u8],
) -> TiffResult<()> {
    let entry = directory.write_entry_bytes(kind, data)?;
    directory.extend_from(&Directory::from_iter([(tag, entry)]));
    Ok(())
}
