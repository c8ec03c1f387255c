//! Filling outlines front to back: exact area coverage of polygons, and a canvas that knows where it is still
//! open.

use super::paint::Paint;
use super::point::Point;

/// Less than half a step of 8 bits shows through: the pixel counts as covered.
const CLOSED: f32 = 1.0 / 512.0;

/// A square canvas that shapes are dropped behind.
pub(super) struct Canvas {
    /// Pixels of a side.
    pub(super) side: usize,
    /// Rows of red, green, blue (what was painted, times how much of it shows) and the share that is still
    /// open, 1 to 0.
    pub(super) pixels: Vec<[f32; 4]>,
    /// A bit for each pixel that is still open, in whole words a row.
    open: Vec<u64>,
    words: usize,
    /// Pixels that are still open.
    pub(super) left: usize,
    area: Vec<f32>,
    colours: Vec<[f32; 3]>,
}

/// A box of pixels: first and behind the last, across and down.
#[derive(Clone, Copy)]
struct Bounds {
    x: [usize; 2],
    y: [usize; 2],
}

impl Canvas {
    pub(super) fn new(side: usize) -> Canvas {
        let words = side.div_ceil(64);
        let mut canvas = Canvas {
            side,
            pixels: vec![[0.0, 0.0, 0.0, 1.0]; side * side],
            open: vec![0; words * side],
            words,
            left: 0,
            area: Vec::new(),
            colours: vec![[0.0; 3]; side],
        };
        canvas.mark_open();
        canvas
    }

    /// As new.
    pub(super) fn clear(&mut self) {
        self.pixels.fill([0.0, 0.0, 0.0, 1.0]);
        self.mark_open();
    }

    fn mark_open(&mut self) {
        self.left = self.side * self.side;
        for (i, word) in self.open.iter_mut().enumerate() {
            let bits = (self.side - i % self.words * 64).min(64);
            *word = u64::MAX >> (64 - bits);
        }
    }

    /// Whether anything within `radius` of `centre` is still open.
    pub(super) fn is_open(&self, centre: Point, radius: f32) -> bool {
        let low = [centre[0] - radius, centre[1] - radius];
        let high = [centre[0] + radius, centre[1] + radius];
        self.bounds(low, high).is_some_and(|b| (b.y[0]..b.y[1]).any(|y| self.row_open(y, b.x)))
    }

    /// Paints what is open of a polygon. Where its outline crosses itself, it is filled as well.
    pub(super) fn fill(&mut self, outline: &[Point], paint: &Paint, opacity: f32) {
        let (mut low, mut high) = ([f32::MAX; 2], [f32::MIN; 2]);
        for p in outline {
            low = [low[0].min(p[0]), low[1].min(p[1])];
            high = [high[0].max(p[0]), high[1].max(p[1])];
        }
        let Some(bounds) = self.bounds(low, high) else { return };
        let (width, height) = (bounds.x[1] - bounds.x[0], bounds.y[1] - bounds.y[0]);
        let stride = width + 2;
        self.area.clear();
        self.area.resize(stride * height, 0.0);
        let place = |p: &Point| [p[0] - bounds.x[0] as f32, p[1] - bounds.y[0] as f32];
        let Some(last) = outline.last() else { return };
        let mut from = place(last);
        for to in outline.iter().map(place) {
            add_edge(&mut self.area, width, height, from, to);
            from = to;
        }
        for row in 0..height {
            let y = bounds.y[0] + row;
            if self.row_open(y, bounds.x) {
                let area = &mut self.area[row * stride..][..width];
                let mut sum = 0.0;
                for a in area.iter_mut() {
                    sum += *a;
                    *a = sum.abs().min(1.0) * opacity;
                }
                self.blend(y, bounds.x[0], row * stride, width, paint);
            }
        }
    }

    /// Paints everything that is still open.
    pub(super) fn fill_rest(&mut self, paint: &Paint) {
        self.area.clear();
        self.area.resize(self.side, 1.0);
        for y in 0..self.side {
            self.blend(y, 0, 0, self.side, paint);
        }
    }

    /// Paints with the coverage of its own, 0 to 1, that `coverage` gives for each pixel within `radius` of
    /// `centre`.
    pub(super) fn stamp(
        &mut self,
        centre: Point,
        radius: f32,
        paint: &Paint,
        coverage: impl Fn(Point) -> f32,
    ) {
        let low = [centre[0] - radius, centre[1] - radius];
        let high = [centre[0] + radius, centre[1] + radius];
        let Some(b) = self.bounds(low, high) else { return };
        let width = b.x[1] - b.x[0];
        for y in b.y[0]..b.y[1] {
            if self.row_open(y, b.x) {
                self.area.clear();
                self.area.extend((b.x[0]..b.x[1]).map(|x| coverage([x as f32 + 0.5, y as f32 + 0.5])));
                self.blend(y, b.x[0], 0, width, paint);
            }
        }
    }

    /// The pixels of a box that lie on the canvas, if any do.
    fn bounds(&self, low: Point, high: Point) -> Option<Bounds> {
        let side = self.side as f32;
        let range = |i: usize| {
            let (from, to) = (low[i].floor().clamp(0.0, side), high[i].ceil().clamp(0.0, side));
            (from < to).then_some([from as usize, to as usize])
        };
        Some(Bounds { x: range(0)?, y: range(1)? })
    }

    fn row_open(&self, y: usize, [from, to]: [usize; 2]) -> bool {
        let words = &self.open[y * self.words..][..self.words];
        let (first, last) = (from / 64, (to - 1) / 64);
        let (head, tail) = (u64::MAX << (from % 64), u64::MAX >> (63 - (to - 1) % 64));
        if first == last {
            return words[first] & head & tail != 0;
        }
        words[first] & head != 0 || words[last] & tail != 0 || words[first + 1..last].iter().any(|w| *w != 0)
    }

    /// Paints `width` pixels of row `y` from `x` with the coverages at `area`.
    fn blend(&mut self, y: usize, x: usize, area: usize, width: usize, paint: &Paint) {
        let area = &self.area[area..][..width];
        let pixels = &mut self.pixels[y * self.side + x..][..width];
        let open = &mut self.open[y * self.words..][..self.words];
        let wanted = |i: usize, pixels: &[[f32; 4]]| area[i] > CLOSED && pixels[i][3] > 0.0;
        let mut start = 0;
        while start < width {
            if !wanted(start, pixels) {
                start += 1;
                continue;
            }
            let mut end = start + 1;
            while end < width && wanted(end, pixels) {
                end += 1;
            }
            let colours = &mut self.colours[..end - start];
            paint.row(x + start, y, colours);
            for ((pixel, share), colour) in
                pixels[start..end].iter_mut().zip(&area[start..end]).zip(colours.iter())
            {
                let shows = share * pixel[3];
                for c in 0..3 {
                    pixel[c] += shows * colour[c];
                }
                pixel[3] -= shows;
            }
            for i in start..end {
                if pixels[i][3] < CLOSED {
                    pixels[i][3] = 0.0;
                    open[(x + i) / 64] &= !(1 << ((x + i) % 64));
                    self.left -= 1;
                }
            }
            start = end;
        }
    }
}

/// Adds one edge to the differences, along each row, of the area covered: after summing up a row, each pixel
/// holds its exact covered share (Levien's font-rs, 2016).
fn add_edge(area: &mut [f32], width: usize, height: usize, from: Point, to: Point) {
    if from[1] == to[1] {
        return;
    }
    let (sign, top, bottom) = if from[1] < to[1] { (1.0, from, to) } else { (-1.0, to, from) };
    let slope = (bottom[0] - top[0]) / (bottom[1] - top[1]);
    let mut x = if top[1] < 0.0 { top[0] - top[1] * slope } else { top[0] };
    let first = top[1].max(0.0) as usize;
    let end = (bottom[1].ceil().max(0.0) as usize).min(height);
    for row in first..end {
        let area = &mut area[row * (width + 2)..][..width + 2];
        let tall = (row as f32 + 1.0).min(bottom[1]) - (row as f32).max(top[1]);
        let next = x + slope * tall;
        let d = tall * sign;
        let clip = |x: f32| x.clamp(0.0, width as f32);
        let (x0, x1) = if x < next { (clip(x), clip(next)) } else { (clip(next), clip(x)) };
        let (left, right) = (x0.floor(), x1.ceil());
        let (i, j) = (left as usize, right as usize);
        if j <= i + 1 {
            let middle = 0.5 * (x0 + x1) - left;
            area[i] += d - d * middle;
            area[i + 1] += d * middle;
        } else {
            let s = 1.0 / (x1 - x0);
            let (in_first, in_last) = (x0 - left, x1 - right + 1.0);
            let a0 = 0.5 * s * (1.0 - in_first) * (1.0 - in_first);
            let am = 0.5 * s * in_last * in_last;
            area[i] += d * a0;
            if j == i + 2 {
                area[i + 1] += d * (1.0 - a0 - am);
            } else {
                let a1 = s * (1.5 - in_first);
                area[i + 1] += d * (a1 - a0);
                area[i + 2..j - 1].iter_mut().for_each(|a| *a += d * s);
                let a2 = a1 + (j - i - 3) as f32 * s;
                area[j - 1] += d * (1.0 - a2 - am);
            }
            area[j] += d * am;
        }
        x = next;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn covered(outline: &[Point], side: usize) -> f32 {
        let mut canvas = Canvas::new(side);
        canvas.fill(outline, &Paint::flat([1.0; 3]), 1.0);
        canvas.pixels.iter().map(|p| p[0]).sum()
    }

    #[test]
    fn the_area_of_polygons_is_exact() {
        let square = [[10.25, 10.5], [30.75, 10.5], [30.75, 20.25], [10.25, 20.25]];
        assert!((covered(&square, 64) - 20.5 * 9.75).abs() < 1e-2);
        let triangle = [[3.3, 50.0], [60.1, 44.4], [20.0, 2.2]];
        let [a, b, c] = triangle;
        let twice = (b[0] - a[0]) * (c[1] - a[1]) - (c[0] - a[0]) * (b[1] - a[1]);
        assert!((covered(&triangle, 64) - twice.abs() / 2.0).abs() < 0.5);
    }

    #[test]
    fn what_lies_outside_is_cut_off_and_what_is_covered_stays() {
        let mut canvas = Canvas::new(70);
        let all = [[-100.0, -50.0], [300.0, -50.0], [300.0, 500.0], [-100.0, 500.0]];
        assert!(canvas.is_open([69.0, 69.0], 1.0) && !canvas.is_open([-9.0, 9.0], 5.0));
        canvas.fill(&all, &Paint::flat([0.5; 3]), 1.0);
        assert_eq!(canvas.left, 0);
        assert!(!canvas.is_open([35.0, 35.0], 50.0));
        canvas.fill(&all, &Paint::flat([1.0; 3]), 1.0);
        canvas.fill_rest(&Paint::flat([1.0; 3]));
        assert!(canvas.pixels.iter().all(|p| (p[0] - 0.5).abs() < 1e-3), "the first stays in front");
        canvas.clear();
        assert_eq!(canvas.left, 70 * 70);
    }
}
