//! The plan: a pipeline resolved. Models are loaded, steps compiled, limits known, nothing optional.

mod checks;
mod conditions;
mod cost;
mod input;
mod limits;
mod registry;
mod resolve;
mod resolved;
mod single;

pub(crate) use checks::check_output;
pub(crate) use input::{absolute, missing, resolve_files, resolve_input};
pub(crate) use limits::resolve_limits;
pub(crate) use registry::descriptors;
#[cfg(test)]
pub(crate) use registry::words;
pub(crate) use resolve::resolve;
pub(crate) use resolved::{NamedSink, Plan};
pub(crate) use single::single;

#[cfg(test)]
mod tests {
    mod extending;
    mod golden;
}
