//! A typewritten letter on aged paper, with a pen drawing of a lighthouse.

use super::super::draw::{V3, mix, render, srgb, step};
use super::super::noise::{fractal, hash, value};
use safelight::image::Image;

const LETTER: [&str; 17] = [
    "Port Elin, 14 May 1931",
    "",
    "Dear Anna,",
    "",
    "we came in on Monday with a fair wind and",
    "the nets full.  The harbour is as it was,",
    "only the old crane is gone, and the boys",
    "have painted the ferry green.",
    "",
    "I drew you the light from the north pier.",
    "They lit it at 9 o'clock; you can see it",
    "for 20 miles, the keeper says, and he has",
    "been up there for 36 years.",
    "",
    "Give my love to the children.  The tin box",
    "has the photographs, keep them dry.",
    "                         Yours, Jakob",
];

/// Top left of the text and one character's cell, in picture heights.
const TEXT: (f32, f32) = (0.075, 0.085);
const CELL: (f32, f32) = (0.0142, 0.0295);
/// Top left corner of the drawing.
const DRAWING: (f32, f32) = (0.12, 0.62);

pub fn draw(width: usize, height: usize, seed: u64) -> Image {
    let aspect = width as f32 / height as f32;
    let (s, c) = (0.012 * (2.0 * hash(1, 1, seed) - 1.0)).sin_cos();
    render(width, height, 3, |x, y| {
        // The sheet lies a little askew on the glass; the text is laid out for 3:4.
        let (dx, dy) = (x - aspect / 2.0, y - 0.5);
        let (px, py) = ((dx * c - dy * s) + 0.375, dx * s + dy * c + 0.5);
        let warp = 0.0015 * (value(px * 5.0, py * 5.0, seed + 1) - 0.5);
        let ink = typed(px + warp, py + warp, seed).max(0.9 * drawn(px, py + warp, seed));
        mix(paper(px, py, aspect, seed), srgb(0x1c1a24), ink)
    })
}

fn paper(x: f32, y: f32, aspect: f32, seed: u64) -> V3 {
    let cloud = fractal(x * 3.0, y * 3.0, 5, seed + 2);
    let fibre = fractal(x * 120.0, y * 150.0, 2, seed + 3);
    let mut sheet = mix(srgb(0xd9c9a4), srgb(0xf4ead2), 0.35 + 0.7 * cloud + 0.35 * (fibre - 0.5));
    let edge = (x - 0.375 + aspect / 2.0).min(0.375 + aspect / 2.0 - x).min(y).min(1.0 - y);
    sheet = sheet * (0.72 + 0.28 * step(-0.02, 0.09, edge + 0.03 * (cloud - 0.5)));
    // A fold across the middle, and the ring of a cup.
    let fold = (y - 0.52 - 0.002 * value(x * 20.0, 0.0, seed)).abs();
    sheet = sheet * (1.0 - 0.12 * step(0.004, 0.0, fold))
        + V3(0.04, 0.04, 0.04) * step(0.006, 0.003, (y - 0.513).abs());
    let (cx, cy) = (0.50 + 0.12 * hash(2, 2, seed), 0.86);
    let ring = ((x - cx).hypot(y - cy) - 0.095 - 0.003 * value(x * 30.0, y * 30.0, seed)).abs();
    let stain = step(0.009, 0.002, ring) * (0.25 + 0.6 * fractal(x * 12.0, y * 12.0, 3, seed + 4));
    mix(sheet, srgb(0x8a6038), 0.55 * stain)
}

fn typed(x: f32, y: f32, seed: u64) -> f32 {
    let (column, line) = (((x - TEXT.0) / CELL.0).floor(), ((y - TEXT.1) / CELL.1).floor());
    if column < 0.0 || line < 0.0 {
        return 0.0;
    }
    let (column, line) = (column as usize, line as usize);
    let Some(&letter) = LETTER.get(line).and_then(|text| text.as_bytes().get(column)) else { return 0.0 };
    let glyph = glyph(letter);
    // How far below the line a letter reaches, in dots.
    let drop = match letter {
        b'g' | b'p' | b'q' | b'y' => 2.0,
        b',' | b';' => 1.0,
        _ => 0.0,
    };
    let salt = |k: i32| hash(column as i32, line as i32 * 8 + k, seed + 5);
    // Worn types: each letter sits, inks and strikes a little differently.
    let (ox, oy) = (0.0011 * (salt(0) - 0.5), 0.0024 * (salt(1) - 0.5));
    let gx = ((x - TEXT.0) - column as f32 * CELL.0 + ox) / CELL.0 * 6.4 - 0.7;
    let gy = ((y - TEXT.1) - line as f32 * CELL.1 + oy) / CELL.1 * 11.0 - 1.5 - drop;
    let dot = |c: i32, r: i32| -> f32 {
        let row = usize::try_from(r).ok().and_then(|r| glyph.get(r)).copied().unwrap_or(0);
        if (0..5).contains(&c) && row >> (4 - c) & 1 == 1 { 1.0 } else { 0.0 }
    };
    // Strokes through the centres of neighbouring dots.
    let (cx, cy) = ((gx - 0.5).round() as i32, (gy - 0.5).round() as i32);
    let mut away = f32::MAX;
    for (c, r) in (cy - 1..=cy + 1).flat_map(|r| (cx - 1..=cx + 1).map(move |c| (c, r))) {
        if dot(c, r) == 0.0 {
            continue;
        }
        let p = (gx - c as f32 - 0.5, gy - r as f32 - 0.5);
        away = away.min(p.0.hypot(p.1));
        for (sc, sr) in [(1, 0), (0, 1), (1, 1), (-1, 1)] {
            let corner = sc != 0 && sr != 0 && (dot(c + sc, r) > 0.0 || dot(c, r + sr) > 0.0);
            if dot(c + sc, r + sr) > 0.0 && !corner {
                away = away.min(segment(p, (0.0, 0.0), (sc as f32, sr as f32)));
            }
        }
    }
    let bleed = 0.16 * (fractal(x * 420.0, y * 420.0, 2, seed + 6) - 0.5);
    let ribbon = 0.62 + 0.38 * value(x * 170.0, y * 200.0, seed + 7) * (0.6 + 0.6 * salt(2));
    step(0.62, 0.36, away + bleed) * ribbon.min(1.0) * (0.72 + 0.28 * salt(3))
}

fn segment(p: (f32, f32), a: (f32, f32), b: (f32, f32)) -> f32 {
    let (px, py, bx, by) = (p.0 - a.0, p.1 - a.1, b.0 - a.0, b.1 - a.1);
    let t = ((px * bx + py * by) / (bx * bx + by * by).max(1e-9)).clamp(0.0, 1.0);
    (px - t * bx).hypot(py - t * by)
}

/// Ink of the drawing: outlines and hatching with a trembling pen.
fn drawn(x: f32, y: f32, seed: u64) -> f32 {
    let tremble = |k: u64| 0.004 * (fractal(x * 25.0, y * 25.0, 2, seed + 8 + k) - 0.5);
    let p = (x - DRAWING.0 + tremble(0), y - DRAWING.1 + tremble(1));
    if !(-0.08..0.42).contains(&p.0) || !(-0.06..0.34).contains(&p.1) {
        return 0.0;
    }
    let tower = [
        ((0.070, 0.22), (0.085, 0.055)),
        ((0.150, 0.22), (0.135, 0.055)),
        ((0.074, 0.055), (0.146, 0.055)),
        ((0.074, 0.046), (0.146, 0.046)),
        ((0.090, 0.046), (0.090, 0.016)),
        ((0.130, 0.046), (0.130, 0.016)),
        ((0.084, 0.016), (0.136, 0.016)),
        ((0.084, 0.016), (0.110, -0.012)),
        ((0.136, 0.016), (0.110, -0.012)),
        ((0.110, -0.012), (0.110, -0.03)),
        ((0.080, 0.110), (0.140, 0.110)),
        ((0.076, 0.165), (0.145, 0.165)),
        ((0.100, 0.22), (0.100, 0.192)),
        ((0.120, 0.22), (0.120, 0.192)),
        ((0.100, 0.192), (0.120, 0.192)),
        // Rocks, and a small house beside the tower.
        ((-0.02, 0.26), (0.02, 0.232)),
        ((0.02, 0.232), (0.07, 0.22)),
        ((0.15, 0.22), (0.235, 0.222)),
        ((0.235, 0.222), (0.275, 0.25)),
        ((0.275, 0.25), (0.30, 0.262)),
        ((0.165, 0.221), (0.165, 0.18)),
        ((0.225, 0.221), (0.225, 0.18)),
        ((0.158, 0.182), (0.180, 0.155)),
        ((0.180, 0.155), (0.215, 0.155)),
        ((0.215, 0.155), (0.232, 0.182)),
        ((0.158, 0.182), (0.232, 0.182)),
    ];
    let mut away = tower.iter().map(|&(a, b)| segment(p, a, b)).fold(f32::MAX, f32::min);
    let (lx, ly) = (0.085 - 0.0909 * (p.1 - 0.055), 0.135 + 0.0909 * (p.1 - 0.055));
    let hatch = |spacing: f32, slope: f32| {
        let t = (p.0 + slope * p.1) / spacing;
        ((t - t.floor()) - 0.5).abs() * spacing
    };
    // The shaded side of the tower, its dark bands, the roofs, the rocks.
    let in_tower = p.0 > lx && p.0 < ly && (0.055..0.22).contains(&p.1);
    if in_tower && p.0 > lx + 0.6 * (ly - lx) {
        away = away.min(hatch(0.0055, 0.6) + 0.0002);
    }
    if in_tower && (0.11..0.165).contains(&p.1) {
        away = away.min(hatch(0.0038, -0.7));
    }
    if (0.155..0.182).contains(&p.1)
        && p.0 > 0.158 + 0.8 * (0.182 - p.1)
        && p.0 < 0.232 - 0.63 * (0.182 - p.1)
    {
        away = away.min(hatch(0.0042, 0.3));
    }
    let ground = 0.232 - 0.012 * (p.0 * 20.0).sin();
    let shore = 0.262 - 0.25 * (p.0 - 0.14) * (p.0 - 0.14);
    if (0.0..0.28).contains(&p.0)
        && p.1 > ground
        && p.1 < shore
        && fractal(p.0 * 30.0, p.1 * 40.0, 2, seed + 10) > 0.47
    {
        away = away.min(hatch(0.005, 1.1));
    }
    // Waves, gulls and the beam.
    for i in 0..5 {
        let wave = 0.272 + 0.013 * i as f32 + 0.0035 * (p.0 * 75.0 + 2.1 * i as f32).sin();
        if value(p.0 * 17.0, i as f32 * 3.0, seed + 11) > 0.36 {
            away = away.min((p.1 - wave).abs());
        }
    }
    for (gx, gy) in [(0.25, 0.04), (0.285, 0.062), (0.03, 0.03)] {
        let (dx, dy) = ((p.0 - gx).abs(), p.1 - gy);
        if dx < 0.014 {
            away = away.min((dy + 0.006 * (dx * 220.0).sin().max(0.0)).abs());
        }
    }
    for slope in [-0.10, 0.0, 0.10] {
        let dash = (p.0 * 55.0).rem_euclid(1.0) < 0.6;
        if p.0 > 0.15 && p.0 < 0.36 && dash {
            away = away.min((p.1 - 0.03 - slope * (p.0 - 0.13)).abs());
        }
    }
    let pen = 0.0013 + 0.0007 * value(x * 60.0, y * 60.0, seed + 12);
    step(pen * 1.5, pen * 0.6, away) * (0.75 + 0.25 * value(x * 100.0, y * 100.0, seed + 13))
}

/// Seven rows of five dots, leftmost dot in bit 4.
fn glyph(letter: u8) -> [u8; 7] {
    match letter {
        b'a' => [0, 0, 14, 1, 15, 17, 15],
        b'b' => [16, 16, 30, 17, 17, 17, 30],
        b'c' => [0, 0, 14, 17, 16, 17, 14],
        b'd' => [1, 1, 15, 17, 17, 17, 15],
        b'e' => [0, 0, 14, 17, 31, 16, 14],
        b'f' => [6, 9, 8, 28, 8, 8, 8],
        b'g' => [15, 17, 17, 17, 15, 1, 14],
        b'h' => [16, 16, 30, 17, 17, 17, 17],
        b'i' => [4, 0, 12, 4, 4, 4, 14],
        b'j' => [2, 0, 6, 2, 2, 18, 12],
        b'k' => [16, 16, 18, 20, 24, 20, 18],
        b'l' => [12, 4, 4, 4, 4, 4, 14],
        b'm' => [0, 0, 26, 21, 21, 21, 21],
        b'n' => [0, 0, 30, 17, 17, 17, 17],
        b'o' => [0, 0, 14, 17, 17, 17, 14],
        b'p' => [30, 17, 17, 17, 30, 16, 16],
        b'q' => [15, 17, 17, 17, 15, 1, 1],
        b'r' => [0, 0, 22, 25, 16, 16, 16],
        b's' => [0, 0, 15, 16, 14, 1, 30],
        b't' => [8, 8, 28, 8, 8, 9, 6],
        b'u' => [0, 0, 17, 17, 17, 19, 13],
        b'v' => [0, 0, 17, 17, 17, 10, 4],
        b'w' => [0, 0, 17, 17, 21, 21, 10],
        b'x' => [0, 0, 17, 10, 4, 10, 17],
        b'y' => [17, 17, 17, 17, 15, 1, 14],
        b'z' => [0, 0, 31, 2, 4, 8, 31],
        b'A' => [14, 17, 17, 31, 17, 17, 17],
        b'D' => [30, 17, 17, 17, 17, 17, 30],
        b'E' => [31, 16, 16, 30, 16, 16, 31],
        b'G' => [14, 17, 16, 23, 17, 17, 15],
        b'I' => [14, 4, 4, 4, 4, 4, 14],
        b'J' => [7, 2, 2, 2, 2, 18, 12],
        b'M' => [17, 27, 21, 21, 17, 17, 17],
        b'P' => [30, 17, 17, 30, 16, 16, 16],
        b'T' => [31, 4, 4, 4, 4, 4, 4],
        b'Y' => [17, 17, 10, 4, 4, 4, 4],
        b'0' => [14, 17, 19, 21, 25, 17, 14],
        b'1' => [4, 12, 4, 4, 4, 4, 14],
        b'2' => [14, 17, 1, 2, 4, 8, 31],
        b'3' => [31, 2, 4, 2, 1, 17, 14],
        b'4' => [2, 6, 10, 18, 31, 2, 2],
        b'6' => [6, 8, 16, 30, 17, 17, 14],
        b'9' => [14, 17, 17, 15, 1, 2, 12],
        b'.' => [0, 0, 0, 0, 0, 12, 12],
        b',' => [0, 0, 0, 0, 12, 4, 8],
        b';' => [0, 12, 12, 0, 12, 4, 8],
        b'\'' => [12, 4, 8, 0, 0, 0, 0],
        _ => [0; 7],
    }
}
