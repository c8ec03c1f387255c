//! What the inputs of a job are: where they come from and which of what lies there counts.

use super::list_file::Rows;
use super::series::Series;
use super::{Beside, Pages};
use crate::columns::Column;
use crate::shown::Show;
use globset::GlobSet;
use std::path::{Path, PathBuf};

/// Where inputs come from.
#[derive(Debug)]
pub enum Source {
    /// All matching files below the root.
    Folder,
    /// One file.
    File {
        /// Its name, relative to the root.
        relative: PathBuf,
        /// Where it is.
        absolute: PathBuf,
    },
    /// The rows of a CSV or Parquet list.
    List {
        /// Paths below the root, and the values of the carried columns.
        rows: Rows,
    },
    /// Nowhere: they are made.
    Made(Series),
}

/// The input of a job.
#[derive(Debug)]
pub struct InputPlan {
    /// Folder that relative paths refer to; empty where inputs are made.
    pub root: PathBuf,
    /// The list's file, where inputs come from one.
    pub list: Option<PathBuf>,
    /// Where inputs come from.
    pub source: Source,
    /// Patterns that name inputs (folders only).
    pub include: GlobSet,
    /// Patterns that leave inputs out (folders only).
    pub exclude: GlobSet,
    /// The first pattern of `include` that matches in the root itself only.
    pub shallow: Option<String>,
    /// Descend into linked folders.
    pub follow_symlinks: bool,
    /// Refuse files with faults, also those that can be read around.
    pub strict: bool,
    /// Read what has a name that begins with a dot.
    pub hidden: bool,
    /// Which pictures are taken of a file that holds several.
    pub pages: Pages,
    /// Columns carried from a list into the table.
    pub carried: Vec<Column>,
    /// What was found of it that the user may want to know.
    pub notes: Vec<String>,
}

impl InputPlan {
    /// Whether a file at this relative path is an input.
    pub fn matches(&self, relative: &Path) -> bool {
        self.include.is_match(relative) && !self.excluded(relative)
    }

    /// What is to be told where there is no input.
    pub fn nothing(&self, beside: &Beside) -> String {
        let root = self.root.shown();
        let mut text = format!(
            "no file below {root} matches input.include; check the path, the patterns and that the archive is mounted"
        );
        if let Some(pattern) = &self.shallow {
            text.push_str(&format!(
                " (`{pattern}` matches in the folder itself only, `**/{pattern}` below it too)"
            ));
        }
        let lines = beside.lines();
        if !lines.is_empty() {
            text.push_str(&format!("; {}", lines.join("; ")));
        }
        if let Source::List { .. } = self.source {
            text = "the list has no rows; write one for each file".to_string();
        }
        text
    }

    /// Whether this relative path is left out.
    pub fn excluded(&self, relative: &Path) -> bool {
        self.exclude.is_match(relative)
    }
}
