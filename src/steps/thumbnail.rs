//! `thumbnail`: a small JPEG of the picture as a column, for tables that people look at.

use crate::codec::{self, CodecError, EncodeOptions, Format, Metadata};
use crate::columns::{Column, ColumnType, Row, Value};
use crate::error::{ErrorKind, ItemError};
use crate::image::Image;
use crate::image::orient::upright;
use crate::image::resize::{Filter, TargetSize, resize};
use crate::image::sheet::Sheet;
use crate::pipeline::{Action, Build, Built, ColumnStep, Sample, Shape};
use crate::spec::{Descriptor, Diagnostics, Kind, Parameters, Role, params};

params! {
    /// Parameters of `thumbnail`.
    pub(super) struct Params {
        /// Length of the longer side in pixels; smaller pictures stay as they are.
        size: i64 [Kind::Int { min: 16, max: 1024 }] = "128",
        /// Quality of the JPEG.
        quality: i64 [Kind::Int { min: 1, max: 100 }] = "80",
        /// Name of the column.
        column: String = "thumbnail",
    }
}

/// Name, documentation and parameters.
pub(super) static DESCRIPTOR: Descriptor = Descriptor {
    name: "thumbnail",
    version: 1,
    doc: "Adds a small JPEG of the current picture as a column: upright, in sRGB, over white. In tables a struct of \
          `bytes` and `path` (empty), as `datasets`, LanceDB, Spotlight and Embedding Atlas show pictures.",
    role: Role::Columns,
    params: Params::TABLE,
    shorthand: Some("size"),
    example: "- thumbnail: {size: 128}",
};

#[derive(Debug)]
struct Thumbnail {
    size: usize,
    quality: u8,
    column: String,
}

/// Compiles the step.
pub(super) fn build(params: Params, _: &mut Build<'_>) -> Result<Built, Diagnostics> {
    let Params { size, quality, column } = params;
    let size = usize::try_from(size).unwrap_or(usize::MAX);
    let quality = u8::try_from(quality).unwrap_or(u8::MAX);
    Ok(Built::from(Action::Columns(Box::new(Thumbnail { size, quality, column }))))
}

impl Thumbnail {
    fn jpeg(&self, image: &Image, meta: &Metadata) -> Result<Vec<u8>, CodecError> {
        let target = TargetSize { long_side: Some(self.size), ..TargetSize::default() };
        let (width, height) = target.of(image.width, image.height);
        let small = resize(image, width, height, Filter::Area);
        let small = codec::in_srgb(&small, meta).unwrap_or(small);
        let mut over_white = Sheet::new(width, height);
        over_white.picture(&small, 1, (0, 0));
        let shown = upright(over_white.into_image(), meta.orientation);
        let options = EncodeOptions { quality: Some(self.quality), ..EncodeOptions::new(Format::Jpeg) };
        Ok(codec::encode(&shown, &Metadata::default(), None, &options)?.bytes)
    }
}

impl ColumnStep for Thumbnail {
    fn columns(&self) -> Vec<Column> {
        let about = format!("the picture as a JPEG of at most {} pixels a side", self.size);
        vec![Column::new(self.column.as_str(), ColumnType::Image).about(about)]
    }

    fn values(&self, sample: &Sample) -> Result<Row, ItemError> {
        let jpeg = self.jpeg(&sample.image, &sample.meta);
        let jpeg = jpeg.map_err(|e| ItemError::new(ErrorKind::Unsupported, e.to_string()))?;
        Ok(vec![Value::Image(jpeg)])
    }

    fn peak_bytes(&self, shape: Shape) -> u64 {
        let side = self.size as u64;
        // Rows of the first pass of the resize, and the small pictures.
        8 * side * shape.height.max(shape.width) * 4 + 32 * side * side
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codec::Limits;
    use crate::image::{Depth, Samples};
    use std::path::Path;

    fn thumbnail(image: &Image, meta: &Metadata) -> Image {
        let bytes = Thumbnail { size: 32, quality: 90, column: String::new() }.jpeg(image, meta).unwrap();
        codec::decode(&bytes, Path::new("t.jpg"), &Limits::default()).unwrap().image
    }

    #[test]
    fn it_is_small_upright_and_over_white() {
        let mut image = Image::new(200, 100, 1, Depth::U16);
        let mut alpha = Samples::zeroed(Depth::U16, 20_000);
        // The left half is black, the right one transparent.
        (0..20_000).filter(|i| i % 200 < 100).for_each(|i| alpha.set(i, 1.0));
        image.alpha = Some(alpha);
        let mut meta = Metadata::default();
        let found = thumbnail(&image, &meta);
        assert_eq!((found.width, found.height, found.channels), (32, 16, 3));
        assert!(found.at(4, 8, 0) < 0.1 && found.at(28, 8, 0) > 0.9);
        meta.set_orientation(6);
        let turned = thumbnail(&image, &meta);
        assert_eq!((turned.width, turned.height), (16, 32));
        assert!(turned.at(8, 4, 0) < 0.1 && turned.at(8, 28, 0) > 0.9);
    }

    #[test]
    fn small_pictures_are_not_enlarged() {
        let found = thumbnail(&Image::new(5, 3, 3, Depth::U8), &Metadata::default());
        assert_eq!((found.width, found.height), (5, 3));
    }
}
