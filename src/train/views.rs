//! Views of a picture, of which two are to agree: what part of it one shows, and how large it is kept for them.

use crate::image::Image;
use crate::image::crop::{Rect, crop};
use crate::random::Rng;

/// A view's aspect differs from its picture's by no more than this.
const ASPECT: f64 = 16.0 / 9.0;
/// How many times longer than a view's the shorter side of a picture is kept.
const KEPT: usize = 4;

/// A part that covers about `least` of the picture or more, of some other aspect, drawn at random.
pub(super) fn part(image: &Image, least: f64, rng: &mut Rng) -> Image {
    let rect = rect((image.width, image.height), least, rng);
    crop(image, rect).unwrap_or_else(|| image.clone())
}

fn rect((width, height): (usize, usize), least: f64, rng: &mut Rng) -> Rect {
    let side = rng.uniform(least, 1.0).sqrt();
    // Neither side leaves the picture, so that the share is kept.
    let aspect = libm::exp(rng.uniform(-0.5, 0.5) * libm::log(ASPECT)).clamp(side, 1.0 / side);
    let of = |full: usize, share: f64| ((full as f64 * share).round() as usize).clamp(1, full);
    let (w, h) = (of(width, side * aspect), of(height, side / aspect));
    Rect { x: rng.index(width - w + 1), y: rng.index(height - h + 1), width: w, height: h }
}

/// The size at which a picture is kept for views of size `view`: small parts of it still have about the pixels that are shown.
pub(super) fn kept((width, height): (usize, usize), (w, h): (usize, usize)) -> (usize, usize) {
    let larger = (width as f64 / (KEPT * w) as f64).min(height as f64 / (KEPT * h) as f64).max(1.0);
    ((width as f64 / larger).round() as usize, (height as f64 / larger).round() as usize)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_lie_inside_and_cover_what_they_should() {
        let mut rng = Rng::new(4);
        let mut shares: Vec<f64> = (0..2000)
            .map(|_| {
                let part = rect((300, 200), 0.25, &mut rng);
                assert!(part.x + part.width <= 300 && part.y + part.height <= 200);
                (part.width * part.height) as f64 / 60_000.0
            })
            .collect();
        shares.sort_by(f64::total_cmp);
        // Sides that would leave the picture end at it.
        assert!(
            shares[0] > 0.23 && shares[0] < 0.27 && shares[1999] > 0.95,
            "{} {}",
            shares[0],
            shares[1999]
        );
        assert!((shares[1000] - 0.6).abs() < 0.06, "{}", shares[1000]);
        let whole = rect((3, 1), 1e-9, &mut rng);
        assert!(whole.width >= 1 && whole.height == 1);
    }

    #[test]
    fn no_view_shows_less_than_it_should() {
        let mut rng = Rng::new(9);
        for least in [0.2, 0.6, 0.9, 1.0] {
            for _ in 0..500 {
                let part = rect((1000, 800), least, &mut rng);
                let share = (part.width * part.height) as f64 / 800_000.0;
                assert!(share > least - 0.003, "{least}: {share}");
            }
        }
    }

    #[test]
    fn pictures_are_kept_no_larger_than_views_ask_for() {
        assert_eq!(kept((4000, 3000), (64, 64)), (341, 256));
        assert_eq!(kept((200, 3000), (64, 64)), (200, 3000));
        assert_eq!(kept((20, 30), (64, 64)), (20, 30));
    }
}
