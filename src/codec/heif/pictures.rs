//! Decoding pictures: single ones, tiles, turns, and alpha.

use super::file::{File, NESTED};
use crate::codec::ycbcr::{self, Coding};
use crate::codec::{CodecError, av1, hevc, pack, unsupported};
use crate::image::crop::{Rect, crop};
use crate::image::orient::upright;
use crate::image::{Depth, Image, Samples};
use heifer_isobmff::ItemId;
use heifer_isobmff::boxes::{ColorInfo, Property};

impl File<'_> {
    /// A picture with its turns, without its alpha; of a mask only the luma.
    pub(super) fn picture(&self, item: ItemId, mask: bool, depth: u32) -> Result<Image, CodecError> {
        if depth > NESTED {
            return Err(self.bad("its pictures are nested too deeply"));
        }
        let mut picture = match self.kind(item)?.as_slice() {
            b"grid" => self.grid(item, mask, depth)?,
            b"iden" => match self.boxes.referenced_items(item, b"dimg") {
                [made_of] => self.picture(*made_of, mask, depth + 1)?,
                _ => return Err(self.bad("a picture is made of nothing")),
            },
            b"iovl" => return Err(unsupported(self.format, "pictures laid over each other")),
            _ => self.coded_picture(item, mask)?,
        };
        for property in self.properties(item) {
            picture = match property {
                Property::CleanAperture { .. } => {
                    let size = (picture.width as u32, picture.height as u32);
                    let [x, y, width, height] = self.aperture(property, size)?.map(|side| side as usize);
                    let part = crop(&picture, Rect { x, y, width, height });
                    part.ok_or_else(|| self.bad("its clean aperture lies outside the picture"))?
                }
                // As orientations of EXIF; quarters count against the clock.
                Property::Rotation(1) => upright(picture, 8),
                Property::Rotation(2) => upright(picture, 3),
                Property::Rotation(3) => upright(picture, 6),
                Property::Mirror(upside_down) => upright(picture, if *upside_down { 4 } else { 2 }),
                _ => picture,
            };
        }
        Ok(picture)
    }

    fn grid(&self, item: ItemId, mask: bool, depth: u32) -> Result<Image, CodecError> {
        let grid = self.boxes.grid(item).map_err(|e| self.bad(e))?;
        let tiles = self.boxes.referenced_items(item, b"dimg");
        if tiles.len() != usize::from(grid.rows) * usize::from(grid.columns) {
            return Err(self.bad("tiles of its picture are missing"));
        }
        if (grid.output_width, grid.output_height) != self.size(item)? {
            return Err(self.bad("its headers contradict each other"));
        }
        let (width, height) = (grid.output_width as usize, grid.output_height as usize);
        let mut canvas: Option<Image> = None;
        let mut first = (0, 0);
        for (number, tile) in tiles.iter().enumerate() {
            let tile = self.picture(*tile, mask, depth + 1)?;
            let all = canvas.get_or_insert_with(|| {
                first = (tile.width, tile.height);
                Image::new(width, height, tile.channels, tile.depth())
            });
            let columns = usize::from(grid.columns);
            let (x, y) = (number % columns * first.0, number / columns * first.1);
            let alike = (tile.width, tile.height) == first && tile.channels == all.channels;
            if !alike || x >= width || y >= height || !paste(&tile, all, x, y) {
                return Err(self.bad("the tiles of its picture don't fit each other"));
            }
        }
        // Tiles may reach beyond the picture, not leave a part of it bare.
        let covered =
            first.0 * usize::from(grid.columns) >= width && first.1 * usize::from(grid.rows) >= height;
        canvas.filter(|_| covered).ok_or_else(|| self.bad("its tiles don't cover the picture"))
    }

    fn coded_picture(&self, item: ItemId, mask: bool) -> Result<Image, CodecError> {
        let (width, height) = self.size(item)?;
        // Codes may be somewhat larger than the picture, in whole blocks.
        let most = (u64::from(width) * u64::from(height)).saturating_mul(2).saturating_add(1 << 20);
        let (planes, size, coded) = match self.kind(item)?.as_slice() {
            b"hvc1" | b"hev1" => {
                hevc::decode(&self.boxes.hevc_bitstream(item).map_err(|e| self.bad(e))?, most)?
            }
            b"av01" => {
                let data = self.boxes.item_data(item).map_err(|e| self.bad(e))?;
                av1::decode(data.into_owned(), most)?
            }
            _ => {
                self.coding(item)?;
                return Err(self.bad("its picture is coded in an unknown way"));
            }
        };
        if size.0 < width || size.1 < height {
            return Err(self.bad("its picture is smaller than its header says"));
        }
        let stated = self.properties(item).find_map(|property| match property {
            Property::Color(ColorInfo::Nclx { matrix, full_range, .. }) => {
                Some(Coding { matrix: *matrix, full_range: *full_range })
            }
            _ => None,
        });
        let coding = stated.unwrap_or(coded);
        if coding.shares().is_none() && !mask {
            let what =
                format!("colours by matrix {} of H.273; convert it to png or tiff first", coding.matrix);
            return Err(unsupported(self.format, what));
        }
        ycbcr::picture(&planes, coding, width as usize, height as usize, mask)
            .ok_or_else(|| self.bad("its planes are smaller than its picture"))
    }

    /// Makes a picture's alpha of another one's brightness.
    pub(super) fn attach(&self, picture: &mut Image, alpha: ItemId) -> Result<(), CodecError> {
        let mask = self.picture(alpha, true, 1)?;
        if (mask.width, mask.height) != (picture.width, picture.height) {
            return Err(unsupported(self.format, "alpha of another size than its picture"));
        }
        let mask = match picture.depth() {
            Depth::U8 => Samples::U8(pack::to_u8(&mask.samples)),
            _ => Samples::U16(pack::to_u16(&mask.samples)),
        };
        let multiplied =
            self.boxes.references.iter().any(|r| {
                r.ref_type.0 == *b"prem" && r.from == self.boxes.primary_id && r.to.contains(&alpha)
            });
        if multiplied {
            let channels = picture.channels;
            match (&mut picture.samples, &mask) {
                (Samples::U8(colours), Samples::U8(alpha)) => {
                    pack::unmultiply(colours, alpha, channels, 255, |value| value as u8);
                }
                (Samples::U16(colours), Samples::U16(alpha)) => {
                    pack::unmultiply(colours, alpha, channels, 65_535, |value| value as u16);
                }
                _ => {}
            }
        }
        picture.alpha = Some(mask);
        Ok(())
    }
}

/// Copies a tile into a picture, as far as it lies inside; false when they are of different depth.
fn paste(tile: &Image, all: &mut Image, x: usize, y: usize) -> bool {
    fn rows<T: Copy>(from: &[T], to: &mut [T], strides: (usize, usize), start: usize) {
        for (row, line) in from.chunks_exact(strides.0.max(1)).enumerate() {
            let at = start + row * strides.1;
            let inside = (strides.1 - start % strides.1).min(line.len());
            let target = to.get_mut(at..at + inside);
            if let Some((to, from)) = target.zip(line.get(..inside)) {
                to.copy_from_slice(from);
            }
        }
    }
    let strides = (tile.width * tile.channels, all.width * all.channels);
    let start = y * strides.1 + x * all.channels;
    match (&tile.samples, &mut all.samples) {
        (Samples::U8(from), Samples::U8(to)) => rows(from, to, strides, start),
        (Samples::U16(from), Samples::U16(to)) => rows(from, to, strides, start),
        _ => return false,
    }
    true
}
