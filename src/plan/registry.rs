//! The steps and sinks there are.

use crate::pipeline::Registered;
use crate::sinks::SINKS;
use crate::spec::Descriptor;
use crate::steps::STEPS;

/// The steps and sinks that a chain may have.
pub(super) fn registered() -> impl Iterator<Item = &'static Registered> {
    STEPS.iter().chain(SINKS)
}

/// Their descriptors, for the parser.
pub(crate) fn descriptors() -> Vec<&'static Descriptor> {
    registered().map(|known| known.descriptor).collect()
}

/// The language of jobs over items, for tests: training stands above the plan.
#[cfg(test)]
pub(crate) fn words() -> crate::spec::Vocabulary {
    use crate::spec::{Role, Vocabulary};
    static NO_TRAIN: Descriptor = Descriptor {
        name: "train",
        version: 1,
        doc: "",
        role: Role::Image,
        params: &[],
        shorthand: None,
        example: "",
    };
    Vocabulary { steps: descriptors(), train: &NO_TRAIN }
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_registry_is_sound() {
        crate::spec::check_registry(&super::descriptors()).unwrap();
    }
}
