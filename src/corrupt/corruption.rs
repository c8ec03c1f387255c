//! What a corruption is.

use super::drawn::Values;
use super::error::CorruptError;
use super::frame::Frame;
use crate::random::Rng;
use crate::spec::Descriptor;

/// A registered corruption.
#[derive(Debug)]
pub struct Corruption {
    /// Name, documentation and parameters, of `drawn!`.
    pub descriptor: &'static Descriptor,
    /// The reference's constants at severities 1 to 5: one column for each number without a default, in order. Empty
    /// where there are none.
    pub severities: &'static [&'static [f64]],
    /// What it does.
    pub apply: fn(&mut Frame, &Values, &mut Context) -> Result<(), CorruptError>,
}

/// What a corruption may use beside the picture.
#[derive(Debug)]
pub struct Context {
    /// Its only source of chance.
    pub rng: Rng,
    /// Size of the picture before the recipe.
    pub clean: (usize, usize),
    /// Size the picture is to have in the end, for recipes that make it smaller.
    pub target: (usize, usize),
}
