//! Between pictures and networks: reads tiles in the network's channels, layout and range, and makes
//! pixels of the picture's channels and depth from what comes back.

use super::axes::Layout;
use super::range::Range;
pub(super) use super::samples::Sample;
use super::sanity::Tally;
use super::tile::reflected;
use crate::image::cubic::{Region, enlarge};
use crate::image::{Image, Samples};

/// BT.601 full-range luma weights.
const LUMA: [f32; 3] = [0.299, 0.587, 0.114];

/// Which of a picture's values one run of the network works on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mode {
    /// The picture's channels are the network's.
    Direct,
    /// The luma of a colour picture; its chroma is kept.
    Luma,
    /// The channels of a colour picture one after another.
    Each,
    /// A gray picture three times over.
    Replicate,
}

impl Mode {
    /// Runs of the network for each tile.
    pub(super) fn runs(self) -> usize {
        if self == Mode::Each { 3 } else { 1 }
    }

    /// Planes of colour that go in, in all runs together.
    fn planes(self, channels: usize) -> usize {
        match self {
            Mode::Direct => channels,
            Mode::Luma => 1,
            Mode::Each | Mode::Replicate => 3,
        }
    }
}

/// A picture as networks see it.
pub(super) struct Source<'a, T> {
    pub(super) width: usize,
    pub(super) height: usize,
    pub(super) channels: usize,
    /// Colours that the network reads: those of hidden pixels are filled in where it doesn't see alpha.
    pub(super) colours: &'a [T],
    /// Colours and alpha as they came.
    pub(super) original: &'a [T],
    pub(super) alpha: Option<&'a [T]>,
    pub(super) mode: Mode,
    /// Channels of colour that come out, where the network makes others than went in.
    pub(super) converts: Option<usize>,
    /// Whether alpha goes in, behind the colours; pictures without are opaque.
    pub(super) alpha_in: bool,
    /// Whether alpha comes out, behind the colours.
    pub(super) alpha_out: bool,
    /// What the planes behind those hold, in the network's own numbers.
    pub(super) levels: &'a [f32],
    /// Part that the result has in the change, above 0; less than 1 only at scale 1.
    pub(super) strength: f32,
}

impl<'a, T: Sample> Source<'a, T> {
    /// Colours alone, for a network with as many channels.
    pub(super) fn plain(size: (usize, usize), channels: usize, colours: &'a [T]) -> Source<'a, T> {
        Source {
            width: size.0,
            height: size.1,
            channels,
            colours,
            original: colours,
            alpha: None,
            mode: Mode::Direct,
            converts: None,
            alpha_in: false,
            alpha_out: false,
            levels: &[],
            strength: 1.0,
        }
    }

    /// Planes of colour that all runs together yield.
    pub(super) fn planes(&self) -> usize {
        self.converts.unwrap_or(self.mode.planes(self.channels))
    }

    /// Channels of the result, alpha that comes out of the network included.
    pub(super) fn result_channels(&self) -> usize {
        self.converts.unwrap_or(self.channels) + usize::from(self.alpha_out)
    }

    fn at(&self, x: usize, y: usize, c: usize) -> f32 {
        self.colours[(y * self.width + x) * self.channels + c].unit()
    }

    fn luma(&self, x: usize, y: usize) -> f32 {
        let i = (y * self.width + x) * 3;
        (0..3).map(|c| LUMA[c] * self.colours[i + c].unit()).sum()
    }

    fn opacity(&self, x: usize, y: usize) -> f32 {
        self.alpha.map_or(1.0, |alpha| alpha[y * self.width + x].unit())
    }

    /// Value of plane `p` at a pixel, as the network is to see it.
    fn plane(&self, x: usize, y: usize, p: usize) -> f32 {
        match self.mode {
            Mode::Direct | Mode::Each => self.at(x, y, p),
            Mode::Luma => self.luma(x, y),
            Mode::Replicate => self.at(x, y, 0),
        }
    }

    /// Writes to `out` the network's input for run `run` on a region, which may reach beyond the right and lower
    /// border: the picture is continued there by reflection. Of the network's `channels` the last are levels.
    pub(super) fn read(
        &self,
        region: Region,
        run: usize,
        channels: usize,
        layout: Layout,
        range: &Range,
        out: &mut Vec<f32>,
    ) {
        let (w, h) = (region.width, region.height);
        out.resize(channels * w * h, 0.0);
        let levels = channels - self.levels.len().min(channels);
        let colours = levels - usize::from(self.alpha_in).min(levels);
        let planar = layout == Layout::Nchw || channels == 1;
        let whole = self.mode == Mode::Direct && channels == colours && channels == self.channels;
        if planar && whole && matches!(channels, 1 | 3) {
            return self.read_rows(region, range, out);
        }
        let columns: Vec<usize> = (0..w).map(|x| reflected(region.x + x, self.width)).collect();
        for c in 0..channels {
            let (gain, offset) = range.affine(c);
            for y in 0..h {
                let row = reflected(region.y + y, self.height);
                let (start, step) = match layout {
                    Layout::Nchw => ((c * h + y) * w, 1),
                    Layout::Nhwc => (y * w * channels + c, channels),
                };
                for (to, &x) in out[start..].iter_mut().step_by(step).zip(&columns) {
                    *to = match () {
                        () if c < colours => gain * self.plane(x, row, c + run) + offset,
                        () if c < levels => gain * self.opacity(x, row) + offset,
                        () => self.levels[c - levels],
                    };
                }
            }
        }
    }

    /// The same where the picture's channels go in as planes and nothing else does.
    fn read_rows(&self, region: Region, range: &Range, out: &mut [f32]) {
        let (w, h) = (region.width, region.height);
        // Behind the border, the row goes on by what is in it.
        let inside = w.min(self.width.saturating_sub(region.x));
        for y in 0..h {
            let line = reflected(region.y + y, self.height) * self.width;
            let start = (line + region.x) * self.channels;
            let samples = self.colours.get(start..start + inside * self.channels).unwrap_or_default();
            if let (3, Some((r, rest))) = (self.channels, out.split_at_mut_checked(w * h)) {
                let (g, b) = rest.split_at_mut(w * h);
                let rows = [r, g, b].map(|plane| &mut plane[y * w..][..inside]);
                T::spread_colours(samples.as_chunks().0, [0, 1, 2].map(|c| range.affine(c)), rows);
            } else {
                T::spread(samples, range.affine(0), &mut out[y * w..][..inside]);
            }
            for c in 0..self.channels {
                let (gain, offset) = range.affine(c);
                for x in inside..w {
                    let at = reflected(region.x + x, self.width);
                    out[(c * h + y) * w + x] = gain * self.at(at, line / self.width.max(1), c) + offset;
                }
            }
        }
    }

    /// Final samples of `region` (source pixels), line by line to `lines`, from the network's planes: `fill(p, y, row)`
    /// gives a row of plane `p` on the \[0, 1\] scale, at output positions relative to the region.
    pub(super) fn compose<'o>(
        &self,
        region: Region,
        scale: usize,
        fill: impl Fn(usize, usize, &mut [f32]),
        tally: &mut Tally,
        lines: impl Iterator<Item = &'o mut [T]>,
    ) where
        T: 'o,
    {
        self.survey(region, tally);
        let (planes, w) = (self.planes(), region.width * scale);
        let keeps = self.converts.is_none();
        let chroma: Vec<Vec<f32>> = match self.mode {
            Mode::Luma if keeps => (0..3).map(|c| self.chroma(region, scale, c)).collect(),
            _ => vec![],
        };
        let mut rows: Vec<Vec<f32>> = vec![vec![0.0; w]; planes + usize::from(self.alpha_out)];
        let step = self.result_channels();
        for (y, out) in lines.enumerate() {
            for (p, row) in rows.iter_mut().enumerate() {
                fill(p, y, row);
                let before = |x: usize| {
                    let (x, y) = (region.x + x, region.y + y);
                    if p < planes { self.plane(x, y, p) } else { self.opacity(x, y) }
                };
                if p < planes {
                    tally.outputs(row)
                } else {
                    row.iter().for_each(|v| tally.opacity(*v))
                }
                if self.strength < 1.0 {
                    for (x, v) in row.iter_mut().enumerate() {
                        let was = before(x);
                        *v = was + self.strength * (*v - was);
                    }
                }
            }
            match (self.mode, &rows[..planes]) {
                (Mode::Direct | Mode::Each, [gray]) if step == 1 => T::merge(gray, out),
                (Mode::Direct | Mode::Each, [r, g, b]) if step == 3 => {
                    T::merge_colours([r, g, b], out.as_chunks_mut().0);
                }
                (mode, values) => {
                    for (x, pixel) in out.chunks_exact_mut(step).enumerate() {
                        for (c, to) in
                            pixel.iter_mut().take(self.converts.unwrap_or(self.channels)).enumerate()
                        {
                            *to = T::from_unit(match mode {
                                Mode::Luma if keeps => values[0][x] + chroma[c][y * w + x],
                                Mode::Replicate if keeps => (0..3).map(|c| LUMA[c] * values[c][x]).sum(),
                                _ => values[c][x],
                            });
                        }
                    }
                }
            }
            if self.alpha_out {
                for (pixel, v) in out.chunks_exact_mut(step).zip(&rows[planes]) {
                    pixel[step - 1] = T::from_unit(v.clamp(0.0, 1.0));
                }
            } else if let (true, 1, Some(alpha)) = (keeps, scale, self.alpha) {
                let line = (region.y + y) * self.width + region.x;
                for (x, pixel) in out.chunks_exact_mut(step).enumerate() {
                    if alpha[line + x].unit() <= 0.0 {
                        pixel.copy_from_slice(&self.original[(line + x) * self.channels..][..self.channels]);
                    }
                }
            }
        }
    }

    /// Counts what of a region goes into the network.
    fn survey(&self, region: Region, tally: &mut Tally) {
        let seen = self.mode.planes(self.channels);
        for y in region.y..region.y + region.height {
            let line = (y * self.width + region.x) * self.channels;
            match self.mode {
                Mode::Direct | Mode::Each if seen == self.channels => {
                    let samples = &self.colours[line..][..region.width * self.channels];
                    tally.inputs(T::sum(samples), samples.len());
                }
                _ => (region.x..region.x + region.width).for_each(|x| {
                    let sum = (0..seen).map(|p| f64::from(self.plane(x, y, p))).sum();
                    tally.inputs(sum, seen);
                }),
            }
        }
    }

    /// Difference of channel `c` and luma over a region, enlarged.
    fn chroma(&self, region: Region, scale: usize, c: usize) -> Vec<f32> {
        let difference = |x: usize, y: usize| self.at(x, y, c) - self.luma(x, y);
        if scale > 1 {
            return enlarge((self.width, self.height), difference, region, scale);
        }
        let rows = region.y..region.y + region.height;
        rows.flat_map(|y| (region.x..region.x + region.width).map(move |x| (x, y)))
            .map(|(x, y)| difference(x, y))
            .collect()
    }
}

/// A network's input numbers for a picture in its channels and size.
pub(super) fn numbers(image: &Image, layout: Layout, range: &Range) -> Vec<f32> {
    let region = Region { x: 0, y: 0, width: image.width, height: image.height };
    let (size, channels) = ((image.width, image.height), image.channels);
    let mut out = vec![];
    macro_rules! read {
        ($v:expr) => {
            Source::plain(size, channels, $v).read(region, 0, channels, layout, range, &mut out)
        };
    }
    match &image.samples {
        Samples::U8(v) => read!(v),
        Samples::U16(v) => read!(v),
        Samples::F32(v) => read!(v),
    }
    out
}

/// Puts a network's output into planes on the \[0, 1\] scale.
pub(super) fn planar(mut output: Vec<f32>, channels: usize, layout: Layout, range: &Range) -> Vec<f32> {
    let pixels = output.len() / channels.max(1);
    if layout == Layout::Nchw {
        for (c, plane) in output.chunks_exact_mut(pixels.max(1)).enumerate() {
            let (gain, offset) = range.affine(c);
            if (gain, offset) != (1.0, 0.0) {
                plane.iter_mut().for_each(|v| *v = (*v - offset) / gain);
            }
        }
        return output;
    }
    let mut planes = Vec::with_capacity(output.len());
    for c in 0..channels {
        let (gain, offset) = range.affine(c);
        planes.extend(output[c..].iter().step_by(channels).map(|v| (v - offset) / gain));
    }
    planes
}

/// Colours and alpha of samples of `channels`, the last of which is alpha.
pub(super) fn split_alpha<T: Sample>(samples: &[T], channels: usize) -> (Vec<T>, Vec<T>) {
    let pixels = || samples.chunks_exact(channels.max(1));
    let colours = pixels().flat_map(|pixel| &pixel[..channels - 1]).copied().collect();
    (colours, pixels().map(|pixel| pixel[channels - 1]).collect())
}

/// An alpha plane enlarged `scale` times, a strip at a time.
pub(super) fn enlarge_alpha<T: Sample>(alpha: &[T], (width, height): (usize, usize), scale: usize) -> Vec<T> {
    const STRIP: usize = 64;
    let mut out = Vec::with_capacity(alpha.len() * scale * scale);
    for y in (0..height).step_by(STRIP) {
        let region = Region { x: 0, y, width, height: STRIP.min(height - y) };
        let strip = enlarge((width, height), |x, y| alpha[y * width + x].unit(), region, scale);
        out.extend(strip.into_iter().map(|v| T::from_unit(v.clamp(0.0, 1.0))));
    }
    out
}

/// What is wrong with a picture.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Malformed {
    /// A size without pixels, or beyond counting.
    #[error("its size is {0}x{1}")]
    Size(usize, usize),
    /// Neither gray nor RGB.
    #[error("it has {0} channels, not 1 or 3")]
    Channels(usize),
    /// Too few or too many colour samples.
    #[error("its size and the number of its samples differ")]
    Samples,
    /// Too few or too many alpha samples.
    #[error("its size and the number of its alpha samples differ")]
    Alpha,
    /// Colour and alpha of different depths.
    #[error("its colour and alpha have different depths")]
    Depths,
}

/// Whether sizes, channels and depths of a picture agree.
pub(super) fn check(image: &Image) -> Result<(), Malformed> {
    let pixels = image.width.checked_mul(image.height).filter(|n| *n > 0);
    let pixels = pixels.ok_or(Malformed::Size(image.width, image.height))?;
    if image.channels != 1 && image.channels != 3 {
        return Err(Malformed::Channels(image.channels));
    }
    if pixels.checked_mul(image.channels) != Some(image.samples.len()) {
        return Err(Malformed::Samples);
    }
    match &image.alpha {
        Some(alpha) if alpha.len() != pixels => Err(Malformed::Alpha),
        Some(alpha) if alpha.depth() != image.depth() => Err(Malformed::Depths),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests;
