//! What happens between convolutions, on rows of pictures in one buffer: copies, sums, rearrangements, pools,
//! activations, and the way of gradients back through them.

use super::net::{Activation, LEAK};
use crate::kernels::View;

/// Whether results replace what stands there or are added to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Put {
    Set,
    Add,
}

impl Put {
    fn row(self, to: &mut [f32], from: &[f32]) {
        match self {
            Put::Set => to.copy_from_slice(from),
            Put::Add => to.iter_mut().zip(from).for_each(|(t, f)| *t += f),
        }
    }
}

/// Two separate parts of the buffer, the second to be changed.
pub(super) fn two(buffer: &mut [f32], a: (usize, usize), b: (usize, usize)) -> (&[f32], &mut [f32]) {
    if a.0 < b.0 {
        let (low, high) = buffer.split_at_mut(b.0);
        (&low[a.0..][..a.1], &mut high[..b.1])
    } else {
        let (low, high) = buffer.split_at_mut(a.0);
        (&high[..a.1], &mut low[b.0..][..b.1])
    }
}

/// Every row of a view: picture and row.
fn rows(view: &View) -> impl Iterator<Item = (usize, usize)> + use<> {
    let shape = view.shape;
    (0..shape.n).flat_map(move |n| (0..shape.h).map(move |y| (n, y)))
}

fn row(view: &View, n: usize, y: usize) -> (usize, usize) {
    (view.pixel_at(n, y, 0), view.shape.w * view.shape.c)
}

/// `to = from`, or `to += from`; same sizes.
pub(super) fn copy(buffer: &mut [f32], from: &View, to: &View, put: Put) {
    for (n, y) in rows(to) {
        let (from, to) = two(buffer, row(from, n, y), row(to, n, y));
        put.row(to, from);
    }
}

/// Adds numbers, picture after picture, to a tensor.
pub(super) fn add(buffer: &mut [f32], to: &View, numbers: &[f32]) {
    let length = to.shape.w * to.shape.c;
    for ((n, y), numbers) in rows(to).zip(numbers.chunks_exact(length)) {
        Put::Add.row(&mut buffer[to.pixel_at(n, y, 0)..][..length], numbers);
    }
}

/// `to = a * b`, or `to += a * b`, number by number; same sizes.
pub(super) fn multiply(buffer: &mut [f32], (a, b): (&View, &View), to: &View, put: Put) {
    let mut factors = Vec::new();
    for (n, y) in rows(to) {
        let (at, length) = row(a, n, y);
        factors.clear();
        factors.extend_from_slice(&buffer[at..][..length]);
        let (from, to) = two(buffer, row(b, n, y), row(to, n, y));
        let products = factors.iter().zip(from).map(|(a, b)| a * b);
        match put {
            Put::Set => to.iter_mut().zip(products).for_each(|(t, p)| *t = p),
            Put::Add => to.iter_mut().zip(products).for_each(|(t, p)| *t += p),
        }
    }
}

/// Pictures to rows of numbers, all pictures' in one row of the view, or back.
pub(super) fn flatten(buffer: &mut [f32], picture: &View, flat: &View, back: bool, put: Put) {
    let length = picture.shape.w * picture.shape.c;
    for (n, y) in rows(picture) {
        let flat = (flat.pixel_at(0, 0, n) + y * length, length);
        let picture = row(picture, n, y);
        let (from, to) = if back { (flat, picture) } else { (picture, flat) };
        let (from, to) = two(buffer, from, to);
        put.row(to, from);
    }
}

/// Blocks of `k` x `k` pixels of `large` to pixels of `small`, or back.
pub(super) fn space_to_depth(buffer: &mut [f32], large: &View, small: &View, k: usize, back: bool, put: Put) {
    let part = k * large.shape.c;
    for (n, y) in rows(large) {
        let small =
            (small.pixel_at(n, y / k, 0) + y % k * part, small.shape.w * small.shape.c - y % k * part);
        let large = row(large, n, y);
        let step = k * part;
        if back {
            let (from, to) = two(buffer, small, large);
            to.chunks_exact_mut(part).zip(from.chunks(step)).for_each(|(t, f)| put.row(t, &f[..part]));
        } else {
            let (from, to) = two(buffer, large, small);
            to.chunks_mut(step).zip(from.chunks_exact(part)).for_each(|(t, f)| put.row(&mut t[..part], f));
        }
    }
}

/// Repeats every pixel `k` x `k` times.
pub(super) fn upsample(buffer: &mut [f32], small: &View, large: &View, k: usize, put: Put) {
    let c = small.shape.c;
    for (n, y) in rows(large) {
        let (from, to) = two(buffer, row(small, n, y / k), row(large, n, y));
        for (to, from) in to.chunks_exact_mut(k * c).zip(from.chunks_exact(c)) {
            to.chunks_exact_mut(c).for_each(|t| put.row(t, from));
        }
    }
}

/// The gradient of [`upsample`]: sums of `k` x `k` pixels.
pub(super) fn upsample_back(buffer: &mut [f32], large: &View, small: &View, k: usize, put: Put) {
    let c = small.shape.c;
    for (n, y) in rows(large) {
        let put = if put == Put::Set && y % k == 0 { Put::Set } else { Put::Add };
        let (from, to) = two(buffer, row(large, n, y), row(small, n, y / k));
        for (to, from) in to.chunks_exact_mut(c).zip(from.chunks_exact(k * c)) {
            for (i, from) in from.chunks_exact(c).enumerate() {
                (if i == 0 { put } else { Put::Add }).row(to, from);
            }
        }
    }
}

/// Largest of 2x2 pixels; the last odd row or column has fewer.
pub(super) fn max_pool(buffer: &mut [f32], large: &View, small: &View) {
    let c = large.shape.c;
    for (n, y) in rows(large) {
        let first = y.is_multiple_of(2);
        let (from, to) = two(buffer, row(large, n, y), row(small, n, y / 2));
        for (to, from) in to.chunks_exact_mut(c).zip(from.chunks(2 * c)) {
            for (i, from) in from.chunks_exact(c).enumerate() {
                if first && i == 0 {
                    to.copy_from_slice(from);
                } else {
                    to.iter_mut().zip(from).for_each(|(t, f)| *t = t.max(*f));
                }
            }
        }
    }
}

/// The gradient of [`max_pool`]: goes to the first of the largest pixels. `x` and `y` are the pool's input and
/// result, `dy` and `dx` their gradients.
pub(super) fn max_pool_back(buffer: &mut [f32], x: &View, y: &View, dy: &View, dx: &View, put: Put) {
    let shape = x.shape;
    // How the windows of one row of results were given out so far.
    let mut taken = vec![false; y.shape.w * shape.c];
    for (n, line) in rows(x) {
        if line.is_multiple_of(2) {
            taken.fill(false);
        }
        for column in 0..shape.w {
            let (from, at) = (x.pixel_at(n, line, column), dx.pixel_at(n, line, column));
            let (largest, given) =
                (y.pixel_at(n, line / 2, column / 2), dy.pixel_at(n, line / 2, column / 2));
            let taken = &mut taken[column / 2 * shape.c..][..shape.c];
            for (c, taken) in taken.iter_mut().enumerate() {
                let is = !*taken && buffer[from + c] == buffer[largest + c];
                *taken |= is;
                let v = if is { buffer[given + c] } else { 0.0 };
                if put == Put::Set {
                    buffer[at + c] = v;
                } else {
                    buffer[at + c] += v;
                }
            }
        }
    }
}

/// Applies what convolutions don't do themselves.
pub(super) fn activate(buffer: &mut [f32], view: &View, activation: Activation) {
    let f: fn(f32) -> f32 = match activation {
        Activation::Sigmoid => |v| 1.0 / (1.0 + libm::expf(-v)),
        Activation::Tanh => libm::tanhf,
        Activation::Linear | Activation::Relu | Activation::LeakyRelu => return,
    };
    for (n, y) in rows(view) {
        let (at, length) = row(view, n, y);
        buffer[at..][..length].iter_mut().for_each(|v| *v = f(*v));
    }
}

/// Takes the gradient `dy` of an activation's result `y` to that of what it was applied to.
pub(super) fn activate_back(buffer: &mut [f32], y: &View, dy: &View, activation: Activation) {
    for (n, line) in rows(y) {
        let (y, dy) = two(buffer, row(y, n, line), row(dy, n, line));
        let pairs = dy.iter_mut().zip(y);
        match activation {
            Activation::Linear => return,
            Activation::Relu => pairs.for_each(|(d, y)| *d = if *y > 0.0 { *d } else { 0.0 }),
            Activation::LeakyRelu => pairs.for_each(|(d, y)| *d = if *y > 0.0 { *d } else { *d * LEAK }),
            Activation::Sigmoid => pairs.for_each(|(d, y)| *d *= y * (1.0 - y)),
            Activation::Tanh => pairs.for_each(|(d, y)| *d *= 1.0 - y * y),
        }
    }
}

/// `to = from` with a share of the numbers zeroed and the others scaled up, or `to += `; the same numbers for the
/// same seed.
pub(super) fn dropout(buffer: &mut [f32], from: &View, to: &View, share: f32, seed: u64, put: Put) {
    let mut rng = crate::random::Rng::new(seed);
    let limit = (f64::from(share) * 65536.0) as u64;
    let scale = 1.0 / (1.0 - share);
    for (n, y) in rows(to) {
        let (from, to) = two(buffer, row(from, n, y), row(to, n, y));
        // Four numbers for each 64 random bits.
        for (to, from) in to.chunks_mut(4).zip(from.chunks(4)) {
            let mut bits = rng.bits();
            for (t, f) in to.iter_mut().zip(from) {
                let v = if (bits & 0xffff) < limit { 0.0 } else { f * scale };
                bits >>= 16;
                *t = if put == Put::Set { v } else { *t + v };
            }
        }
    }
}
