//! What an architecture is: how it is recognised and built.

use super::error::WeightsError;
use super::net::{Facts, Maps, Net};
use super::state::State;

/// A network that is known by its tensors.
pub(super) struct Architecture {
    /// As its authors call it.
    pub(super) name: &'static str,
    /// Whether these are its tensors.
    pub(super) recognise: fn(&State<'_>) -> bool,
    /// Builds it on the picture; sizes come from the tensors.
    pub(super) build: fn(&mut Net<'_>) -> Result<(Maps, Facts), WeightsError>,
}
