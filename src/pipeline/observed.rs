//! What is known of a sample beside its picture, for conditions and for sinks that leave pictures as they are.

use crate::codec::Limits;
use crate::columns::{Row, Value};
use crate::inputs::Reference;
use std::path::Path;
use std::sync::Arc;

/// What is known of a sample beside its picture.
#[derive(Clone, Debug, Default)]
pub(crate) struct Observed {
    /// Its file, as long as no step has changed anything.
    original: Option<Arc<Path>>,
    /// Its reference's file as it was listed, and bounds for decoding it.
    pub reference: Option<(Reference, Limits)>,
    /// Values of the list's columns.
    pub listed: Arc<[Value]>,
    /// What steps measured, by their numbers in the chain.
    rows: Vec<(usize, Row)>,
    /// Which branch each choice took; none where no condition held.
    taken: Vec<(usize, Option<usize>)>,
}

impl Observed {
    /// Of a sample just decoded, with its file if it has one.
    pub(crate) fn new(original: Option<&Path>, listed: &[Value]) -> Observed {
        Observed { original: original.map(Arc::from), listed: listed.into(), ..Observed::default() }
    }

    /// The file whose picture this is, byte for byte.
    pub(crate) fn original(&self) -> Option<&Path> {
        self.original.as_deref()
    }

    /// The picture is no longer what the file holds.
    pub(crate) fn changed(&mut self) {
        self.original = None;
    }

    /// Keeps what the step of this number measured.
    pub(crate) fn measure(&mut self, step: usize, row: Row) {
        self.rows.push((step, row));
    }

    /// A value that a step measured.
    pub(super) fn measured(&self, step: usize, column: usize) -> Value {
        let row = self.rows.iter().find(|(known, _)| *known == step);
        row.and_then(|(_, row)| row.get(column).cloned()).unwrap_or(Value::Null)
    }

    /// The branch that a choice took; nothing where it has not been asked yet.
    pub(crate) fn taken(&self, choice: usize) -> Option<Option<usize>> {
        self.taken.iter().find(|(known, _)| *known == choice).map(|(_, branch)| *branch)
    }

    /// Notes which branch a choice took.
    pub(crate) fn take(&mut self, choice: usize, branch: Option<usize>) {
        self.taken.push((choice, branch));
    }
}
