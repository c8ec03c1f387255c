//! Which kernel a convolution gets, and how far it reads.

use super::depthwise::Depthwise;
use super::direct::{Direct, Tap};
use super::dot::Dot;
use super::kernel::Kernel;
use super::level::Level;
use super::spec::{ConvSpec, Mode};
use super::view::{Border, Shape};
use super::winograd::Winograd;

/// Chooses the kernel, which has no weights yet.
pub(super) fn choose(level: Level, mode: Mode, spec: &ConvSpec, output: Shape) -> Kernel {
    let (ic, oc) = (spec.channels.0 / spec.groups, spec.channels.1 / spec.groups);
    let (kh, kw) = spec.kernel;
    let area = kh * kw;
    if spec.transposed {
        return Kernel::Direct(vec![transposed(level, spec); spec.groups]);
    }
    let offsets = (0..area).map(|t| {
        let row = (t / kw * spec.dilation.0) as isize - spec.pad.top as isize;
        (row, (t % kw * spec.dilation.1) as isize - spec.pad.left as isize)
    });
    let winograd = mode == Mode::Fast
        && spec.groups == 1
        && spec.kernel == (3, 3)
        && spec.stride == (1, 1)
        && spec.dilation == (1, 1);
    if winograd && Winograd::pays(level, (ic, oc), output) {
        return Kernel::Winograd(Winograd::new(level, (ic, oc)));
    }
    if spec.groups == spec.channels.0 && ic == 1 && oc == 1 && spec.groups > 1 {
        return Kernel::Depthwise(Depthwise::new(level, spec.groups, spec.stride, offsets.collect()));
    }
    if spec.groups == 1 {
        // Few results: the half-width level was chosen for them, but vectors lie along the input here.
        let wide = if ic.is_multiple_of(16) { level.full_width() } else { level };
        if Dot::suits(wide, (ic, oc)) {
            return Kernel::Dot(Dot::new(wide, (ic, oc), spec.stride, offsets.collect()));
        }
    }
    let mut direct = Direct::new(level, (ic, oc), spec.stride);
    direct.add_pass(offsets.zip((0..area).map(Some)).collect(), (0, 0), (1, 1));
    Kernel::Direct(vec![direct; spec.groups])
}

/// A transposed convolution of one group: for each phase of the output, the taps that reach it.
fn transposed(level: Level, spec: &ConvSpec) -> Direct {
    let (ic, oc) = (spec.channels.0 / spec.groups, spec.channels.1 / spec.groups);
    let (kh, kw) = spec.kernel;
    let mut direct = Direct::new(level, (ic, oc), (1, 1));
    // Taps along one axis that reach result `phase`, and the input each reads there.
    let reach = |phase: usize, kernel: usize, stride: usize, dilation: usize, pad: usize| {
        (0..kernel).filter_map(move |k| {
            let distance = (phase + pad) as isize - (k * dilation) as isize;
            (distance.rem_euclid(stride as isize) == 0).then_some((k, distance.div_euclid(stride as isize)))
        })
    };
    for y in 0..spec.stride.0 {
        for x in 0..spec.stride.1 {
            let mut taps: Vec<Tap> = reach(y, kh, spec.stride.0, spec.dilation.0, spec.pad.top)
                .flat_map(|(ky, dy)| {
                    reach(x, kw, spec.stride.1, spec.dilation.1, spec.pad.left)
                        .map(move |(kx, dx)| ((dy, dx), Some(ky * kw + kx)))
                })
                .collect();
            if taps.is_empty() {
                // No tap reaches this phase, which then holds the bias alone.
                taps.push(((0, 0), None));
            }
            direct.add_pass(taps, (y, x), spec.stride);
        }
    }
    direct
}

/// How far beyond the input the kernel reads.
pub(super) fn border(spec: &ConvSpec, kernel: &Kernel, input: Shape, output: Shape) -> Border {
    let mut border = Border::default();
    let mut reach =
        |taps: &[(isize, isize)], start: (usize, usize), every: (usize, usize), stride: (usize, usize)| {
            if start.0 >= output.h || start.1 >= output.w {
                return;
            }
            let last = |length: usize, start: usize, every: usize, stride: usize| {
                ((length - 1 - start) / every * stride) as isize
            };
            let last =
                (last(output.h, start.0, every.0, stride.0), last(output.w, start.1, every.1, stride.1));
            for t in taps {
                let beyond = |v: isize| v.max(0) as usize;
                border = border.union(Border {
                    top: beyond(-t.0),
                    left: beyond(-t.1),
                    bottom: beyond(last.0 + t.0 + 1 - input.h as isize),
                    right: beyond(last.1 + t.1 + 1 - input.w as isize),
                });
            }
        };
    match kernel {
        Kernel::Direct(groups) => {
            groups
                .iter()
                .take(1)
                .for_each(|d| d.passes.iter().for_each(|p| reach(&p.taps, p.start, p.every, d.stride)));
        }
        Kernel::Dot(d) => reach(&d.taps, (0, 0), (1, 1), d.stride),
        Kernel::Depthwise(d) => reach(&d.taps, (0, 0), (1, 1), d.stride),
        Kernel::Winograd(_) => {
            // Whole tiles: 4x4 results each, from 6x6 inputs.
            let after = |results: usize, before: usize, length: usize| {
                (results.next_multiple_of(4) + 2).saturating_sub(before + length)
            };
            border = Border {
                top: spec.pad.top,
                left: spec.pad.left,
                bottom: after(output.h, spec.pad.top, input.h),
                right: after(output.w, spec.pad.left, input.w),
            };
        }
    }
    border
}
