//! What sinks do: where samples and rows leave the chain.

use super::{KnownParts, Place, Rows, Sample, Shape, SinkError};
use crate::codec::Format;
use crate::columns::{Column, Row};
use crate::error::ItemError;
use crate::inputs::Input;
use crate::ledger::{Fingerprint, Ledger, Record, Side};
use crate::spec::Diagnostic;
use crate::store::Store;
use std::fmt::Debug;
use std::path::{Path, PathBuf};

/// What the ledger keeps of an item for a sink.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Keeps {
    /// Nothing: all of it follows from what the steps before made.
    Nothing,
    /// A product: what was written of the item.
    Product,
    /// A product whose files have their originals' times, or those of writing: the same bytes either way.
    Timed {
        /// Whether they are the originals'.
        originals: bool,
    },
}

/// When a sink publishes at the end of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Turn {
    /// Before anything is removed: it names files, and must never name one that is gone.
    BeforeRemoval,
    /// After all else.
    Last,
}

/// What becomes of one sample in a sink.
#[derive(Debug, Default)]
pub(crate) struct Outgoing {
    /// Values that the ledger keeps for the sink.
    pub row: Option<Row>,
    /// Files to write, by path relative to the output folder.
    pub files: Vec<(PathBuf, Vec<u8>)>,
    /// Whether the picture was left as it is, since no step changed it.
    pub unchanged: bool,
    /// A file to write as a copy of the original's bytes, and whether as a hard link to it.
    pub original: Option<(PathBuf, bool)>,
    /// Bytes to add to a file that collects those of all samples of an input.
    pub collected: Option<(PathBuf, Vec<u8>)>,
}

/// What an item's pictures look like to a sink that writes `count` samples of it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Load {
    /// Shape of a picture.
    pub shape: Shape,
    /// Shape of its clean one, where one is kept.
    pub clean: Option<Shape>,
    /// Format of the input.
    pub format: Format,
    /// Samples.
    pub count: u64,
}

/// What a sink publishes from.
#[derive(Debug)]
pub(crate) struct Publication<'a> {
    /// What the ledger keeps for it, where it keeps a product.
    pub product: Option<Fingerprint>,
    /// The columns of the steps before it.
    pub rows: Rows,
    /// Columns carried from a list.
    pub carried: &'a [Column],
    /// Name of the pipeline.
    pub pipeline: &'a str,
    /// Files that results depend on, such as models, with their hashes.
    pub models: &'a [(PathBuf, String)],
    /// The pipeline with everything that its rows follow from, as YAML.
    pub yaml: &'a str,
    /// Folder that the inputs' paths refer to; empty where inputs are made.
    pub root: &'a Path,
    /// Inputs that it is about, sorted by path.
    pub inputs: Vec<&'a Input>,
    /// Identity of what decides over each beside its file, in the same order.
    pub listed: Vec<Option<Fingerprint>>,
    /// The output.
    pub store: &'a Store,
    /// Files that somebody edited may be replaced.
    pub replace_edited: bool,
}

impl Publication<'_> {
    /// Identity of what decides over an input beside its file, by its place in [`Publication::inputs`].
    pub(crate) fn listed_of(&self, at: usize) -> Option<&Fingerprint> {
        self.listed.get(at)?.as_ref()
    }

    /// Hands over each input that the ledger knows, by its place in [`Publication::inputs`], with its record.
    ///
    /// # Errors
    /// When the ledger can't be read, and those of `take`.
    pub(crate) fn each(
        &self,
        ledger: &Ledger,
        mut take: impl FnMut(usize, Record) -> Result<(), SinkError>,
    ) -> Result<(), SinkError> {
        ledger.compare(self.inputs.iter().map(|input| input.key()), |side| match side {
            Side::Known(at, record) => take(at, record),
            Side::Unknown(_) | Side::Other(..) => Ok(()),
        })
    }
}

/// Names of files that follow from an input's name, so that they are known before anything is made.
pub(crate) trait Names: Debug {
    /// Path, relative to the output folder, of a sample of the input at `relative`.
    fn path(&self, relative: &Path, place: &Place) -> PathBuf;
}

/// Where samples and rows leave the chain.
pub(crate) trait Sink: Send + Sync + Debug {
    /// Its folder, relative to the output.
    fn folder(&self) -> &Path;

    /// What the ledger keeps for it.
    fn keeps(&self) -> Keeps;

    /// The rule of its files' names, where there is one.
    fn names(&self) -> Option<&dyn Names> {
        None
    }

    /// Whether its folder is its own, since its files have names not known before.
    fn has_own_folder(&self) -> bool {
        false
    }

    /// Whether a path below the output is one of its files', whatever is recorded of it.
    fn owns(&self, path: &Path) -> bool {
        path.starts_with(self.folder())
    }

    /// Whether it writes the sample's clean picture.
    fn needs_reference(&self) -> bool {
        false
    }

    /// Whether a picture that no step changed is left as it is, in place of encoded anew.
    fn keeps_unchanged(&self) -> bool {
        false
    }

    /// Whether nothing at all is written of such a picture.
    fn leaves_out_unchanged(&self) -> bool {
        false
    }

    /// What the ledger keeps of a sample that its conditions refuse.
    fn refused(&self) -> Option<Row> {
        None
    }

    /// The folder of Parquet files in which it writes a row for each sample, where it does.
    fn table(&self) -> Option<&Path> {
        None
    }

    /// Columns that it puts beside those of the steps before it.
    fn own_columns(&self) -> &'static [&'static str] {
        &[]
    }

    /// What is wrong with what it asks of columns, of which these are there: of steps before it, and of the list.
    fn mistakes(&self, _columns: &[&str]) -> Vec<Diagnostic> {
        Vec::new()
    }

    /// Peak bytes that encoding takes beside the pictures.
    fn peak_bytes(&self, load: &Load) -> u64;

    /// What becomes of a sample; remarks on losses go to its notes. A file for which `written` says yes is there already.
    ///
    /// # Errors
    /// When the format can't hold the picture.
    fn take(
        &self,
        sample: &mut Sample,
        product: &Fingerprint,
        written: &dyn Fn(&Path) -> bool,
    ) -> Result<Outgoing, ItemError>;

    /// When it publishes; never where nothing is left to do once all items are recorded.
    fn turn(&self) -> Option<Turn> {
        None
    }

    /// Fails where its folder, or a list in it, is not as safelight left it.
    ///
    /// # Errors
    /// With the name of the first thing that publishing would lose.
    fn check(&self, _store: &Store, _known: &KnownParts) -> Result<(), SinkError> {
        Ok(())
    }

    /// Brings what it publishes in line with the ledger; gives the number of rows or pairs.
    ///
    /// # Errors
    /// When a file can't be made or put in its place; the old ones then stand.
    fn publish(&self, _publication: &Publication<'_>, _ledger: &mut Ledger) -> Result<usize, SinkError> {
        Ok(0)
    }
}

/// Whether one relative folder is, or lies inside, the other.
pub(crate) fn overlaps(a: &Path, b: &Path) -> bool {
    a.starts_with(b) || b.starts_with(a)
}
