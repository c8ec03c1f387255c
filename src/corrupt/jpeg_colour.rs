//! Rows of pictures as JPEG has them: luma and chroma by JFIF, less chroma as libjpeg makes it, and more again.
//!
//! Whole numbers below 2^24 are exact as floats, whose products take fewer instructions than those of whole numbers.

use super::frame::{byte, code, of_code};
use multiversion::multiversion;

/// Values as codes.
#[multiversion(targets("x86_64+avx2"))]
pub(super) fn codes(from: &[f32], to: &mut [u8]) {
    to.iter_mut().zip(from).for_each(|(to, v)| *to = byte(code(*v)));
}

/// Codes as values.
#[multiversion(targets("x86_64+avx2"))]
pub(super) fn values(from: &[u8], to: &mut [f32]) {
    to.iter_mut().zip(from).for_each(|(to, code)| *to = of_code(f32::from(*code)));
}

/// Values of red, green and blue as codes of luma and chroma.
#[multiversion(targets("x86_64+avx2"))]
pub(super) fn to_ycc([r, g, b]: [&[f32]; 3], [y, cb, cr]: [&mut [u8]; 3]) {
    // In units of 1/65536; halves go down.
    const HALF: f32 = 32_767.0;
    const MIDDLE: f32 = 128.0 * 65_536.0 + HALF;
    let whole = |v: f32| byte((v * (1.0 / 65_536.0)).floor());
    let out = y.iter_mut().zip(cb).zip(cr);
    for (((y, cb), cr), (r, (g, b))) in out.zip(r.iter().zip(g.iter().zip(b))) {
        let (r, g, b) = (code(*r), code(*g), code(*b));
        *y = whole(19_595.0 * r + 38_470.0 * g + 7_471.0 * b + HALF);
        *cb = whole(MIDDLE + 32_768.0 * b - 11_059.0 * r - 21_709.0 * g);
        *cr = whole(MIDDLE + 32_768.0 * r - 27_439.0 * g - 5_329.0 * b);
    }
}

/// Codes of luma and chroma as values of red, green and blue.
#[multiversion(targets("x86_64+avx2"))]
pub(super) fn to_rgb(y: &[u8], [cb, cr]: [&[i16]; 2], [r, g, b]: [&mut [f32]; 3]) {
    // In units of 1/16384.
    const HALF: f32 = 8191.0;
    let value = |v: f32| {
        let whole = (v * (1.0 / 16_384.0)).floor();
        let whole = if whole > 0.0 { whole } else { 0.0 };
        of_code(if whole < 255.0 { whole } else { 255.0 })
    };
    let out = r.iter_mut().zip(g).zip(b);
    for ((y, (cb, cr)), ((r, g), b)) in y.iter().zip(cb.iter().zip(cr)).zip(out) {
        let (cb, cr) = (f32::from(*cb - 128), f32::from(*cr - 128));
        let y = f32::from(*y) * 16_384.0 + HALF;
        *r = value(y + 22_970.0 * cr);
        *g = value(y - 11_700.0 * cr - 5_638.0 * cb);
        *b = value(y + 29_032.0 * cb);
    }
}

/// Chroma of one row from that of `across` by `down` pixels each: their mean, halves up and down by turns. `full` has
/// `down` rows.
#[multiversion(targets("x86_64+avx2"))]
pub(super) fn fewer(full: &[u8], across: usize, down: usize, to: &mut [u8]) {
    let (first, second) = full.split_at(full.len() / down);
    let sum = |pair: &[u8; 2]| u16::from(pair[0]) + u16::from(pair[1]);
    let pairs = |row| <[u8]>::as_chunks::<2>(row).0.as_chunks::<2>().0.iter();
    let out = to.as_chunks_mut::<2>().0.iter_mut();
    match (across, down) {
        (1, _) => to.copy_from_slice(first),
        (_, 1) => out.zip(pairs(first)).for_each(|(to, [a, b])| {
            *to = [(sum(a) / 2) as u8, (sum(b).div_ceil(2)) as u8];
        }),
        _ => out.zip(pairs(first).zip(pairs(second))).for_each(|(to, ([a, b], [c, d]))| {
            *to = [((sum(a) + sum(c) + 1) / 4) as u8, ((sum(b) + sum(d) + 2) / 4) as u8];
        }),
    }
}

/// Chroma of all pixels of a row, three quarters from the nearer and one from the farther: first down, `near` and
/// `far` being the same row where no rows are missing, then across. `down` has room for a row.
#[multiversion(targets("x86_64+avx2"))]
pub(super) fn more(near: &[u8], far: &[u8], across: usize, down: &mut [i16], to: &mut [i16]) {
    let mix = |near: i16, far: i16| (3 * near + far + 2) >> 2;
    if across == 1 {
        to.iter_mut().zip(near).for_each(|(to, code)| *to = i16::from(*code));
        return;
    }
    let rows = near.iter().zip(far);
    down.iter_mut().zip(rows).for_each(|(to, (n, f))| *to = mix(i16::from(*n), i16::from(*f)));
    if let ([first, .., last], [left, inner @ .., right]) = (&*down, to) {
        (*left, *right) = (*first, *last);
        let (pairs, _) = inner.as_chunks_mut();
        for (pair, between) in pairs.iter_mut().zip(down.windows(2)) {
            *pair = [mix(between[0], between[1]), mix(between[1], between[0])];
        }
    }
}
