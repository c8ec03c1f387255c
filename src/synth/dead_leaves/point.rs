//! Places on the canvas.

/// A point of the canvas, in its pixels: x, then y downwards.
pub(super) type Point = [f32; 2];
