//! What stands beside the picture.

use super::file::File;
use crate::codec::extra::trailer;
use crate::codec::isobox::Boxes;
use crate::codec::{Colour, Density, DensityUnit, Loss, Metadata};
use heifer_isobmff::boxes::{ColorInfo, Property};
use heifer_isobmff::{FourCC, ItemId, is_image_item};

/// Tells of boxes beside those of the pictures.
pub(super) fn told(boxes: &Boxes, meta: &mut Metadata) {
    for (kind, data) in &boxes.whole {
        let length = data.len();
        match kind {
            // A sequence is told by its brand.
            b"ftyp" | b"meta" | b"mdat" | b"free" | b"skip" | b"wide" | b"moov" | b"moof" | b"mfra" => {}
            b"mpvd" => meta.saw(Loss::Video, format!("film of a motion photo ({length} bytes)")),
            b"jumb" => meta.saw(Loss::Metadata, format!("JUMBF box, as C2PA has ({length} bytes)")),
            // Content credentials: their own number, and the words that follow.
            b"uuid"
                if data.starts_with(b"\xd8\xfe\xc3\xd6\x1b\x0e\x48\x3c\x92\x97\x58\x28\x87\x7e\xc4\x81") =>
            {
                meta.saw(Loss::Metadata, format!("content credentials (C2PA, {length} bytes)"));
            }
            kind => {
                let name = String::from_utf8_lossy(kind).into_owned();
                meta.saw(Loss::Data, format!("box \"{name}\" ({length} bytes)"));
            }
        }
    }
    meta.extras.extend(trailer(boxes.rest));
}

impl File<'_> {
    pub(super) fn metadata(&self) -> Metadata {
        let mut meta = Metadata::default();
        let primary = self.boxes.primary_id;
        match self.boxes.exif(primary) {
            Ok(Some(block)) => meta.adopt_exif(&block),
            Ok(None) => {}
            Err(_) => meta.saw(Loss::Metadata, "EXIF that can't be read"),
        }
        match self.boxes.xmp(primary) {
            Ok(packet) => meta.xmp = packet.filter(|packet| !packet.is_empty()),
            Err(_) => meta.saw(Loss::Metadata, "XMP that can't be read"),
        }
        // The picture is turned by its own boxes; what EXIF says of that is only said.
        meta.set_orientation(1);
        match self.boxes.icc_profile(primary) {
            Ok(Some(profile)) => meta.icc = Some(profile.to_vec()),
            Ok(None) => self.colour(&mut meta),
            Err(_) => meta.saw(Loss::Colour, "a profile that can't be read"),
        }
        meta.density = self.aspect();
        self.others(&mut meta);
        meta
    }

    /// The shape of the picture's pixels (`pasp`), where they are not square. ISO/IEC 14496-12, 12.1.4.
    fn aspect(&self) -> Option<Density> {
        let mut spacing = None;
        let mut turned = false;
        for property in self.properties(self.boxes.primary_id) {
            match property {
                Property::Unknown(name, data) if name.0 == *b"pasp" => {
                    let number = |at: usize| Some(u32::from_be_bytes(*data.get(at..)?.first_chunk()?));
                    spacing = number(0).zip(number(4));
                }
                Property::Rotation(quarters) if quarters % 2 == 1 => turned = !turned,
                _ => {}
            }
        }
        let (across, down) = spacing.filter(|(across, down)| *across > 0 && *down > 0 && across != down)?;
        let (across, down) = if turned { (down, across) } else { (across, down) };
        // The wider a pixel, the fewer stand side by side.
        Some(Density { x: down.into(), y: across.into(), unit: DensityUnit::Aspect })
    }

    /// What code points say of the colours.
    fn colour(&self, meta: &mut Metadata) {
        let primary = self.boxes.primary_id;
        let coded = self.coded(primary).unwrap_or(primary);
        let stated = self.properties(primary).chain(self.properties(coded)).find_map(|p| match p {
            Property::Color(ColorInfo::Nclx { primaries, transfer, .. }) => Some((*primaries, *transfer)),
            _ => None,
        });
        // Unspecified, and curves for television that are shown as sRGB is.
        let Some((primaries, transfer)) = stated else { return };
        if matches!(primaries, 1 | 2) && matches!(transfer, 1 | 2 | 6 | 13) {
            return;
        }
        match (u8::try_from(primaries), u8::try_from(transfer)) {
            (Ok(primaries), Ok(transfer)) => {
                // The planes are made RGB of full range.
                meta.colour = Some(Colour { cicp: Some([primaries, transfer, 0, 1]), ..Colour::default() });
            }
            _ => meta.saw(Loss::Colour, format!("code points {primaries} and {transfer} of H.273")),
        }
    }

    /// What else is in the file.
    fn others(&self, meta: &mut Metadata) {
        let primary = self.boxes.primary_id;
        let refers = |from: ItemId, kind: &[u8; 4]| {
            self.boxes.references.iter().any(|r| r.from == from && r.ref_type.0 == *kind)
        };
        let made_of = |item: ItemId| {
            self.boxes.references.iter().any(|r| r.ref_type.0 == *b"dimg" && r.to.contains(&item))
        };
        let mut pictures = 0;
        for item in &self.boxes.items {
            let auxiliary = self.properties(item.id).find_map(|property| match property {
                Property::AuxiliaryType(name) => Some(name.as_str()),
                _ => None,
            });
            match (&item.item_type.0, auxiliary) {
                (b"tmap", _) => meta.saw(Loss::GainMap, "gain map (ISO 21496-1)"),
                (_, Some(name)) if name.contains("gainmap") => meta.saw(Loss::GainMap, "gain map (Apple)"),
                (_, Some(name)) if name.contains("alpha") || name.ends_with("auxid:1") => {}
                (_, Some(name)) if name.contains("depth") || name.ends_with("auxid:2") => {
                    meta.saw(Loss::Pictures, "depth map");
                }
                (_, Some(name)) => meta.saw(Loss::Pictures, format!("auxiliary picture {name}")),
                (b"Exif", _) => {}
                (b"mime", _) if item.content_type.as_deref() == Some("application/rdf+xml") => {}
                (b"mime" | b"uri ", _) => {
                    let name = item.content_type.as_deref().unwrap_or(&item.name);
                    meta.saw(Loss::Metadata, format!("item \"{name}\""));
                }
                (kind, None) if is_image_item(FourCC(*kind)) => {
                    let part = item.id == primary || made_of(item.id) || refers(item.id, b"thmb");
                    pictures += usize::from(!part && !item.hidden);
                }
                _ => {}
            }
        }
        if pictures > 0 {
            meta.saw(Loss::Pictures, format!("the first of {} is kept", pictures + 1));
        }
        let brand = &self.boxes.file_type;
        if [b"msf1", b"hevc", b"hevx", b"avis"].iter().any(|name| brand.has_brand(name)) {
            meta.saw(Loss::Video, "image sequence; its still picture is kept");
        }
    }
}
