//! What a file carries beside its pixels, and keeping it in step with them.

use super::density::{Density, DensityUnit};
use super::extra::{Extra, Part, Text};
use super::{Colour, Format, Loss, exif, xmp};

/// Everything that a file carries beside its pixels, independent of the container it came from.
///
/// A decoder puts here all that it saw; an encoder *takes* what it writes. What is then still here was lost,
/// and notes say so: nobody can forget to.
#[derive(Clone, Debug, PartialEq)]
pub struct Metadata {
    /// EXIF block, from its TIFF header on (without `Exif\0\0`). Damaged ones are carried as they are.
    pub exif: Option<Vec<u8>>,
    /// ICC profile of the pixel values.
    pub icc: Option<Vec<u8>>,
    /// XMP packet.
    pub xmp: Option<Vec<u8>>,
    /// Photoshop image resources (`8BIM...`), among them IPTC captions and keywords.
    pub iptc: Option<Vec<u8>>,
    /// Texts and comments.
    pub texts: Vec<Text>,
    /// Pixel density of the container.
    pub density: Option<Density>,
    /// What the file says about its colours other than by a profile.
    pub colour: Option<Colour>,
    /// EXIF orientation, 1..=8; 1 when absent or invalid. Set it with [`Metadata::set_orientation`].
    pub orientation: u8,
    /// The container says that the picture stands upright, and has no EXIF that would.
    pub says_upright: bool,
    /// What else was seen: pages, frames, channels, segments, chunks, trailers.
    pub extras: Vec<Extra>,
}

impl Default for Metadata {
    fn default() -> Metadata {
        Metadata {
            exif: None,
            icc: None,
            xmp: None,
            iptc: None,
            texts: Vec::new(),
            density: None,
            colour: None,
            orientation: 1,
            says_upright: false,
            extras: Vec::new(),
        }
    }
}

impl Metadata {
    /// Bytes of the blocks and texts.
    pub fn bytes(&self) -> usize {
        let blocks = [&self.exif, &self.icc, &self.xmp, &self.iptc];
        let texts = self.texts.iter().map(|text| text.keyword.len() + text.bytes.len());
        let extras = self.extras.iter().map(|extra| match &extra.part {
            Part::Gone => 0,
            Part::Segments(segments) => segments.iter().map(|(_, bytes)| bytes.len()).sum(),
            Part::ExtendedXmp(_, bytes) | Part::Chunk { data: bytes, .. } => bytes.len(),
            Part::Behind(behind) => behind.bytes.len(),
        });
        blocks.into_iter().flatten().map(Vec::len).chain(texts).chain(extras).sum()
    }

    /// Puts down that something was seen which nothing can carry.
    pub(super) fn saw(&mut self, loss: Loss, what: impl Into<String>) {
        self.extras.push(Extra { loss, what: what.into(), part: Part::Gone });
    }

    /// Leaves what stands beside the picture and what its pixels mean; the rest was asked to go.
    pub(super) fn strip(self) -> Metadata {
        let told = |extra: &Extra| !matches!(extra.loss, Loss::Metadata | Loss::Data | Loss::Resolution);
        let extras = self.extras.into_iter().filter(told);
        // Without the packet that describes them nobody could make sense of them.
        let extras = extras.map(|extra| Extra { part: Part::Gone, ..extra }).collect();
        Metadata { icc: self.icc, colour: self.colour, extras, ..Metadata::default() }
    }

    /// Brings the parts that describe each other in step for a file of this format: an XMP packet becomes one,
    /// and no property claims a gain map, a film or an extension that is not there.
    pub(super) fn settle(&mut self, format: Format) {
        let is_jpeg = format == Format::Jpeg;
        if !is_jpeg && let Some(packet) = &self.xmp {
            let extended = |extra: &Extra| matches!(&extra.part, Part::ExtendedXmp(..));
            if let Some(at) = self.extras.iter().position(extended)
                && let Part::ExtendedXmp(_, more) = &self.extras[at].part
                && let Some(joined) = xmp::join(packet, more)
            {
                self.xmp = Some(joined);
                self.extras.remove(at);
            }
        }
        let kept = |test: fn(&Extra) -> bool| is_jpeg && self.extras.iter().any(test);
        let gain_map = kept(|extra| extra.loss == Loss::GainMap && matches!(extra.part, Part::Behind(_)));
        let film = kept(|extra| extra.loss == Loss::Video && matches!(extra.part, Part::Behind(_)));
        // The directory tells of all of them, by lengths that count from one to the next.
        let beside = |extra: &Extra| matches!(extra.loss, Loss::GainMap | Loss::Video | Loss::Pictures);
        let whole = !self.extras.iter().any(|extra| beside(extra) && extra.part == Part::Gone);
        let listed = whole && (gain_map || film);
        let more = kept(|extra| matches!(extra.part, Part::ExtendedXmp(..)));
        let dangling = |name: &str| {
            let (prefix, local) = name.split_once(':').unwrap_or_default();
            let is_film = local.starts_with("MicroVideo") || local.starts_with("MotionPhoto");
            let is_gain_map = matches!(prefix, "hdrgm" | "HDRGainMap");
            (!listed && local == "Directory" && prefix.ends_with("Container"))
                || (!film && is_film)
                || (!gain_map && is_gain_map)
                || (!more && local == "HasExtendedXMP")
        };
        if let Some(packet) = &mut self.xmp
            && xmp::has(packet, dangling)
        {
            *packet = xmp::without(packet, dangling);
        }
        if !gain_map {
            // It says how to read what is not there.
            let described =
                |extra: &Extra| extra.loss == Loss::GainMap && matches!(extra.part, Part::Segments(_));
            self.extras.retain(|extra| !described(extra));
        }
    }

    /// Says that the picture's corners are no longer where the file had them: it was cropped or turned. What fits
    /// it point by point no longer does, and where its subject is, is no longer known.
    pub fn moved(&mut self) {
        if let Some(block) = &mut self.exif {
            exif::forget_subject(block);
        }
        for extra in &mut self.extras {
            if extra.loss == Loss::GainMap && matches!(extra.part, Part::Behind(_)) {
                extra.part = Part::Gone;
            }
        }
    }

    /// Notes on what no encoder took.
    pub(super) fn lost(self, format: Format) -> Vec<String> {
        // Taken apart whole, so that a new field is not forgotten here.
        let Metadata {
            exif,
            icc,
            xmp,
            iptc,
            texts,
            density,
            colour,
            orientation: _,
            says_upright: _,
            extras,
        } = self;
        let mut notes: Vec<String> = extras.into_iter().map(|extra| extra.loss.note(extra.what)).collect();
        let blocks = [("EXIF", exif.is_some()), ("XMP", xmp.is_some()), ("IPTC", iptc.is_some())];
        let blocks = blocks.into_iter().filter(|(_, left)| *left).map(|(name, _)| name.to_owned());
        let texts = texts.into_iter().map(|text| format!("text \"{}\"", text.keyword));
        let names: Vec<String> = blocks.chain(texts).collect();
        let name = format.name();
        if !names.is_empty() {
            notes.push(Loss::Metadata.note(format_args!("{}; {name} can't hold it", names.join(", "))));
        }
        if icc.is_some() {
            notes.push(Loss::Colour.note(format_args!("ICC profile; {name} can't hold it")));
        }
        if colour.is_some() {
            notes.push(Loss::Colour.note(format_args!("gamma and the like; {name} can't hold it")));
        }
        if density.is_some_and(|density| density.unit != DensityUnit::Aspect || density.x != density.y) {
            notes.push(Loss::Resolution.note(format_args!("{name} can't hold it")));
        }
        notes
    }

    /// Takes over an EXIF block (with or without `Exif\0\0` before it) and its orientation.
    pub(super) fn adopt_exif(&mut self, block: &[u8]) {
        let block = exif::strip_prefix(block);
        self.orientation = exif::orientation(block).unwrap_or(1);
        self.exif = Some(block.to_vec()).filter(|block| !block.is_empty());
    }

    /// Takes over fields from elsewhere than an EXIF block as one, and notes what can't be taken along.
    pub(super) fn adopt_fields(&mut self, fields: exif::Fields) {
        let empty = fields.is_empty();
        let (block, lost) = fields.into_block();
        if !empty {
            self.adopt_exif(&block);
        }
        self.saw_all(lost);
    }

    /// Puts down what of EXIF can't be taken along; what a profile says better is no loss.
    pub(super) fn saw_all(&mut self, lost: Vec<(Loss, String)>) {
        for (loss, what) in lost {
            if loss != Loss::Colour || self.icc.is_none() {
                self.saw(loss, what);
            }
        }
    }

    /// The resolution that counts: the container's, else EXIF's, and only without both a ratio without a unit.
    pub fn resolution(&self) -> Option<Density> {
        let stated = [self.density, self.exif.as_deref().and_then(exif::density)];
        let stated = stated.into_iter().flatten();
        stated.clone().find(|density| density.unit != DensityUnit::Aspect).or_else(|| stated.clone().next())
    }

    /// As [`Metadata::resolution`], for an encoder that writes it. To be asked before the EXIF block is taken.
    pub(super) fn take_resolution(&mut self) -> Option<Density> {
        let resolution = self.resolution();
        self.density = None;
        resolution
    }

    /// Sets the orientation, also in the EXIF block (which is made where missing) and the XMP packet.
    pub fn set_orientation(&mut self, orientation: u8) {
        self.orientation = if (1..=8).contains(&orientation) { orientation } else { 1 };
        match &mut self.exif {
            Some(block) => exif::set_orientation(block, self.orientation),
            None if self.orientation != 1 => {
                let data = u16::from(self.orientation).to_le_bytes().to_vec();
                let main = vec![exif::Field { tag: exif::ORIENTATION, kind: 3, data }];
                let fields = exif::Fields { main, ..exif::Fields::default() };
                self.exif = Some(fields.into_block().0);
            }
            None => {}
        }
        self.set_xmp("tiff:Orientation", u32::from(self.orientation));
    }

    /// Says that the picture shows the same in another number of pixels: as [`Metadata::for_size`], and EXIF
    /// fields that count in pixels follow (where the subject is, pixels a stretch of the sensor).
    pub fn resized(&mut self, from: (usize, usize), to: (usize, usize)) {
        if from == to || from.0 == 0 || from.1 == 0 {
            return;
        }
        let by = (to.0 as f64 / from.0 as f64, to.1 as f64 / from.1 as f64);
        if let Some(block) = &mut self.exif {
            exif::scale(block, by);
        }
        self.for_size(to.0, to.1);
    }

    /// Sets the size in pixels that EXIF and XMP state, where they do, unlinks the EXIF thumbnail and blanks its
    /// bytes.
    ///
    /// Thumbnails inside XMP are left as they are.
    pub fn for_size(&mut self, width: usize, height: usize) {
        let clamp = |side: usize| u32::try_from(side).unwrap_or(u32::MAX);
        let (width, height) = (clamp(width), clamp(height));
        if let Some(block) = &mut self.exif {
            exif::set_size(block, width, height);
            exif::unlink_thumbnail(block);
        }
        for (name, value) in [
            ("exif:PixelXDimension", width),
            ("exif:PixelYDimension", height),
            ("tiff:ImageWidth", width),
            ("tiff:ImageLength", height),
        ] {
            self.set_xmp(name, value);
        }
    }

    fn set_xmp(&mut self, name: &str, value: u32) {
        if let Some(packet) = &mut self.xmp {
            *packet = xmp::set(packet, name, &value.to_string());
        }
    }
}

/// True when an ICC profile is for images of `channels` colour channels (1 gray, 3 RGB).
pub fn icc_matches(icc: &[u8], channels: usize) -> bool {
    match icc.get(16..20) {
        Some(b"RGB ") => channels == 3,
        Some(b"GRAY") => channels == 1,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn orientation_stays_in_step_everywhere() {
        let mut meta = Metadata { xmp: Some(b"<a tiff:Orientation='6'/>".to_vec()), ..Metadata::default() };
        meta.set_orientation(3);
        assert_eq!(meta.orientation, 3);
        assert_eq!(meta.exif.as_deref().and_then(exif::orientation), Some(3));
        assert_eq!(meta.xmp.as_deref(), Some(b"<a tiff:Orientation='3'/>".as_slice()));
        meta.set_orientation(77);
        assert_eq!(meta.exif.as_deref().and_then(exif::orientation), Some(1));
    }

    #[test]
    fn profiles_are_for_their_channels() {
        let profile = |space: &[u8; 4]| [[0; 16].as_slice(), space].concat();
        assert!(icc_matches(&profile(b"RGB "), 3) && icc_matches(&profile(b"GRAY"), 1));
        assert!(!icc_matches(&profile(b"RGB "), 1) && !icc_matches(&profile(b"CMYK"), 3));
        assert!(!icc_matches(b"short", 3));
    }
}
