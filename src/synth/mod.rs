//! Synthetic pictures: made from a seed alone, as many as are asked for. One file or folder each, registered in
//! [`SYNTHS`].
//!
//! A source is a pure function from ([`Params`], seed) to an 8-bit RGB picture: no files, clock or
//! threads; transcendental functions from `libm`, so that the bytes are the same on every machine. A caller
//! that wants many takes one seed for each: `dead_leaves::render(&Params { size: 128, ..Params::default() },
//! seed)`.

pub mod dead_leaves;
mod source;

pub use source::{Params, SIZES, Synth};

/// Every source there is. A new one is a file beside this, and a line here.
pub static SYNTHS: &[&Synth] = &[&dead_leaves::SYNTH];

/// Names of [`SYNTHS`], for the tables of the language.
pub const NAMES: &[&str] = &{
    let mut names = [""; SYNTHS.len()];
    let mut at = 0;
    while at < names.len() {
        names[at] = SYNTHS[at].name;
        at += 1;
    }
    names
};

#[cfg(test)]
mod tests {
    use super::*;
    use crate::image::Depth;

    #[test]
    fn the_list_is_sound() {
        let mut names = std::collections::BTreeSet::new();
        for synth in SYNTHS {
            assert!(names.insert(synth.name), "{} is there twice", synth.name);
            assert!(synth.name.chars().all(|c| c.is_ascii_lowercase() || c == '_'), "{}", synth.name);
            assert!(synth.doc.ends_with('.') && synth.version >= 1, "{}", synth.name);
        }
    }

    #[test]
    fn pictures_follow_from_size_marks_and_seed_alone() {
        for synth in SYNTHS {
            for size in [16, 40, 65] {
                let params = Params { size, marks: 0.5 };
                let draw = |seed| (synth.render)(&params, seed);
                let [first, again, other] = [draw(7), draw(7), draw(8)];
                assert!(first == again && first != other, "{} {size}", synth.name);
                let side = usize::from(size);
                assert_eq!((first.width, first.height, first.channels), (side, side, 3));
                assert!(first.depth() == Depth::U8 && first.alpha.is_none());
                assert!((synth.bytes)(&params) > first.bytes() as u64);
            }
        }
    }
}
