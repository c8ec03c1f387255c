//! What a job takes: memory, and multiply-adds.

use super::resolved::Plan;
use crate::codec;
use crate::inputs::Input;
use crate::memory;
use crate::pipeline::{Action, Load, PlannedStep, Shape};
use crate::steps::pages;

/// Memory kept back for the ledger, table parts and the allocator's slack.
const RESERVE: u64 = 96 << 20;

impl Plan {
    /// Bytes left for items beside the program, the models and the workers' own memory.
    pub(crate) fn item_budget(&self, threads: usize) -> u64 {
        let fixed = memory::resident() + RESERVE + threads as u64 * self.worker_bytes();
        self.limits.memory.saturating_sub(fixed).max(1)
    }

    /// Bytes each worker thread needs whatever the image.
    pub(crate) fn worker_bytes(&self) -> u64 {
        let step = |l: &PlannedStep| match &l.action {
            Action::Image(step) => step.worker_bytes(),
            Action::Columns(step) => step.worker_bytes(),
            _ => 0,
        };
        self.chain.iter().map(step).max().unwrap_or(0)
    }

    /// Peak bytes one input is expected to take, from its header alone.
    ///
    /// A file without a readable header will fail when decoded and counts with its size.
    pub(crate) fn estimate(&self, input: &Input) -> u64 {
        let Ok(identity) = &input.identity else { return 0 };
        let clean = input.reference_header();
        let peak = |header: &codec::Header| self.peak(identity.size, header, clean.as_ref());
        // Pages are decoded one after another: the one that takes most counts.
        input.headers(self.input.pages).iter().map(peak).max().unwrap_or(identity.size)
    }

    /// Peak bytes a file of `size` bytes with this header is expected to take. `found` is the header of its reference and the
    /// size of that file, where there is one.
    pub(crate) fn peak(
        &self,
        size: u64,
        header: &codec::Header,
        found: Option<&(codec::Header, u64)>,
    ) -> u64 {
        if u64::from(header.width) * u64::from(header.height) > self.limits.pixels {
            // It will be refused.
            return size;
        }
        let kept = |clean: Option<Shape>| clean.map_or(0, Shape::bytes);
        let mut shape = shape_of(header);
        let mut peak = header.decode_bytes;
        // The clean picture kept beside the current one; what the picture that pieces are made of takes.
        let mut clean: Option<Shape> = None;
        let (mut whole, mut count) = (0, 1);
        for planned in &self.chain {
            match &planned.action {
                Action::Image(step) => {
                    peak = peak.max(whole + kept(clean) + step.peak_bytes(shape));
                    if step.keeps_reference() {
                        clean.get_or_insert(shape);
                    } else if let Some((header, size)) = found.filter(|_| step.gives_reference()) {
                        let own = shape_of(header);
                        // Turning it upright, or cutting it to size, takes a copy.
                        let decoding = size + header.decode_bytes.max(2 * own.bytes());
                        peak = peak.max(whole + shape.bytes() + decoding);
                        clean = Some(own);
                    }
                    // One that a condition refuses goes on as it was.
                    let made = step.shape(shape);
                    shape = if planned.gate.is_open() { made } else { shape.larger(made) };
                }
                Action::Columns(step) => {
                    peak = peak.max(whole + kept(clean) + shape.bytes() + step.peak_bytes(shape))
                }
                Action::Many(step) => {
                    let larger = clean.unwrap_or(shape);
                    peak = peak.max(kept(clean) + step.peak_bytes(larger));
                    // The whole picture stays while its pieces are worked on; of frames, their canvases.
                    let pages = planned.name == pages::NAME;
                    whole = match (pages, header.animated) {
                        (true, true) => header.decode_bytes,
                        (true, false) => 0,
                        _ => whole + kept(clean) + shape.bytes() + larger.bytes(),
                    };
                    count *= if pages { u64::from(header.pictures) } else { step.count(larger) };
                    if step.keeps_reference() {
                        clean.get_or_insert(shape);
                    }
                    clean = clean.map(|clean| step.shape(clean));
                    shape = step.shape(shape);
                }
                Action::Sink(sink) => {
                    let own = sink.peak_bytes(&Load { shape, clean, format: header.format, count });
                    peak = peak.max(whole + kept(clean) + shape.bytes() + own);
                }
            }
        }
        size + peak
    }

    /// Multiply-adds for a picture of `pixels`, for time estimates.
    pub(crate) fn macs(&self, pixels: f64) -> f64 {
        let mut pixels = pixels;
        let mut total = 0.0;
        for planned in &self.chain {
            match &planned.action {
                Action::Image(step) => {
                    total += pixels * step.macs_per_pixel();
                    let unit = Shape { width: 1000, height: 1000, channels: 3, depth: 1 };
                    let out = step.shape(unit);
                    pixels *= (out.width * out.height) as f64 / 1e6;
                }
                Action::Columns(step) => total += step.macs(),
                _ => {}
            }
        }
        total
    }
}

fn shape_of(header: &codec::Header) -> Shape {
    Shape {
        width: u64::from(header.width),
        height: u64::from(header.height),
        channels: u64::from(header.channels),
        depth: if header.bit_depth > 8 { 2 } else { 1 },
    }
}
