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

use safelight::image::Image;

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
