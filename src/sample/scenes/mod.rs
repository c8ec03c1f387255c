//! Clean procedural scenes, one file each.

mod cat;
mod fruit;
mod house;
mod lake;
mod leaves;
mod night;
mod page;
mod portrait;
mod sprite;

use crate::image::Image;

/// What a scene shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scene {
    /// A mountain lake under clouds.
    Lake,
    /// A brick house with a garden and a tree.
    House,
    /// Fallen leaves, lying over one another ("dead leaves", quite literally).
    Leaves,
    /// Fruit and a jug on a wooden table.
    Fruit,
    /// A sitting cat.
    Cat,
    /// An old studio portrait in sepia.
    Portrait,
    /// A city by night, over water.
    Night,
    /// A typewritten page with a line drawing.
    Page,
    /// A toadstool cut out with an alpha plane.
    Sprite,
}

impl Scene {
    /// All scenes.
    pub const ALL: [Scene; 9] = [
        Scene::Lake,
        Scene::House,
        Scene::Leaves,
        Scene::Fruit,
        Scene::Cat,
        Scene::Portrait,
        Scene::Night,
        Scene::Page,
        Scene::Sprite,
    ];
}

/// The clean `width` x `height` picture (each at least 1) of a scene: RGB, float, sRGB in \[0, 1\].
/// Only [`Scene::Sprite`] has alpha. Another seed gives another picture of the same subject.
pub fn scene(scene: Scene, width: usize, height: usize, seed: u64) -> Image {
    let (width, height) = (width.max(1), height.max(1));
    let draw = match scene {
        Scene::Lake => lake::draw,
        Scene::House => house::draw,
        Scene::Leaves => leaves::draw,
        Scene::Fruit => fruit::draw,
        Scene::Cat => cat::draw,
        Scene::Portrait => portrait::draw,
        Scene::Night => night::draw,
        Scene::Page => page::draw,
        Scene::Sprite => sprite::draw,
    };
    draw(width, height, seed)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::image::measure;

    #[test]
    fn every_scene_is_a_finite_varied_picture_of_the_size_asked_and_follows_its_seed() {
        for kind in Scene::ALL {
            let image = scene(kind, 64, 48, 7);
            assert_eq!(
                (image.width, image.height, image.channels, image.samples.len()),
                (64, 48, 3, 64 * 48 * 3)
            );
            assert!(
                (0..image.samples.len()).all(|i| (0.0..=1.0).contains(&image.samples.get(i))),
                "{kind:?}"
            );
            assert!(measure::contrast(&image) > 0.02, "{kind:?}");
            assert_eq!(image, scene(kind, 64, 48, 7), "{kind:?}");
            assert_ne!(image, scene(kind, 64, 48, 8), "{kind:?}");
            assert_eq!(scene(kind, 1, 1, 7).samples.len(), 3);
        }
    }
}
