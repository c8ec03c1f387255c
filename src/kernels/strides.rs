//! Between the caller's order of axes and pictures with channels innermost.

use super::view::{Shape, View};

/// Pixels that are moved in one go between planes and pixels: a few cache lines of each plane.
const BLOCK: usize = 64;

/// Numbers of a caller in any order of axes: distances of pictures, rows, columns and channels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Strides(pub [usize; 4]);

impl Strides {
    /// Channels outermost within a picture, as in most ONNX files.
    pub fn planar(s: Shape) -> Strides {
        Strides([s.c * s.h * s.w, s.w, 1, s.h * s.w])
    }

    /// Channels innermost.
    pub fn interleaved(s: Shape) -> Strides {
        Strides([s.h * s.w * s.c, s.w * s.c, s.c, 1])
    }

    /// Floats that data of this shape must have.
    fn reach(&self, s: Shape) -> usize {
        let [n, h, w, c] = self.0;
        if s.is_empty() { 0 } else { (s.n - 1) * n + (s.h - 1) * h + (s.w - 1) * w + (s.c - 1) * c + 1 }
    }

    /// Copies the caller's numbers to their place.
    pub(super) fn read(&self, data: &[f32], buffer: &mut [f32], to: &View) {
        let s = to.shape;
        assert!(data.len() >= self.reach(s), "the input has {} numbers, not {}", data.len(), self.reach(s));
        self.each_block(s, |n, y, x, count| {
            let from = n * self.0[0] + y * self.0[1] + x * self.0[2];
            let at = to.pixel_at(n, y, x);
            if self.0[3] == 1 {
                for i in 0..count {
                    let from = from + i * self.0[2];
                    buffer[at + i * to.pixel..][..s.c].copy_from_slice(&data[from..from + s.c]);
                }
            } else {
                for c in 0..s.c {
                    let plane = data[from + c * self.0[3]..].iter().step_by(self.0[2].max(1));
                    for (to, v) in buffer[at + c..].iter_mut().step_by(to.pixel).zip(plane).take(count) {
                        *to = *v;
                    }
                }
            }
        });
    }

    /// Copies a result to the caller.
    pub(super) fn write(&self, buffer: &[f32], from: &View, data: &mut [f32]) {
        let s = from.shape;
        assert!(data.len() >= self.reach(s), "the output has {} numbers, not {}", data.len(), self.reach(s));
        self.each_block(s, |n, y, x, count| {
            let to = n * self.0[0] + y * self.0[1] + x * self.0[2];
            let at = from.pixel_at(n, y, x);
            if self.0[3] == 1 {
                for i in 0..count {
                    let to = to + i * self.0[2];
                    data[to..to + s.c].copy_from_slice(&buffer[at + i * from.pixel..][..s.c]);
                }
            } else {
                for c in 0..s.c {
                    let plane = data[to + c * self.0[3]..].iter_mut().step_by(self.0[2].max(1));
                    for (v, to) in buffer[at + c..].iter().step_by(from.pixel).zip(plane).take(count) {
                        *to = *v;
                    }
                }
            }
        });
    }

    fn each_block(&self, s: Shape, mut work: impl FnMut(usize, usize, usize, usize)) {
        for n in 0..s.n {
            for y in 0..s.h {
                for x in (0..s.w).step_by(BLOCK) {
                    work(n, y, x, BLOCK.min(s.w - x));
                }
            }
        }
    }
}
