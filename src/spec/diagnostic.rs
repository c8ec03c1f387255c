//! Mistakes with their place in the pipeline file or on the command line, rendered with a caret.

use std::collections::HashSet;
use std::fmt::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use thiserror::Error;

use crate::shown;

/// More mistakes than this are counted, not listed.
const MAX_LISTED: usize = 100;
/// Characters of a source line shown around the place.
const WINDOW: usize = 120;

/// The text that a place refers to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Origin {
    /// The pipeline file.
    File,
    /// The `--set` of this index.
    Override(usize),
    /// A built-in default, which stands in no text.
    Default,
}

/// A place in the pipeline file, a `--set` text or a default.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Span {
    /// The text it refers to.
    pub origin: Origin,
    /// Line from 1; 0: the file as a whole.
    pub line: usize,
    /// Column in characters from 1; 0: the line as a whole.
    pub column: usize,
    /// Characters that the caret underlines.
    pub length: usize,
}

impl Span {
    /// The pipeline file as a whole.
    pub const FILE: Self = Self { origin: Origin::File, line: 0, column: 0, length: 0 };
    /// A built-in default.
    pub const DEFAULT: Self = Self { origin: Origin::Default, line: 0, column: 0, length: 0 };
}

/// How much is wrong.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Severity {
    /// A mistake: nothing runs.
    #[default]
    Error,
    /// A value that is hardly meant: it runs.
    Warning,
}

/// One mistake or warning: what, where, and what to do.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{}", self.render())]
pub struct Diagnostic {
    /// How much is wrong.
    pub severity: Severity,
    /// File name as given, or `command line`.
    pub file: String,
    /// Line from 1; 0: no line.
    pub line: usize,
    /// Column in characters from 1; 0: no column.
    pub column: usize,
    /// Characters that the caret underlines.
    pub length: usize,
    /// What is wrong.
    pub message: String,
    /// What to do, such as `did you mean ...?`.
    pub help: Option<String>,
    /// Boxed to keep the error small.
    excerpt: Option<Box<Excerpt>>,
}

/// The part of the source line that is shown.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Excerpt {
    text: String,
    /// Characters before the caret.
    offset: usize,
    /// Carets.
    length: usize,
}

impl Diagnostic {
    /// A mistake of a file as a whole.
    pub fn of_file(file: &str, message: impl Into<String>, help: Option<String>) -> Self {
        let (line, column, length, excerpt) = (0, 0, 0, None);
        let (severity, file, message) = (Severity::Error, file.to_owned(), message.into());
        Self { severity, file, line, column, length, message, help, excerpt }
    }

    /// The same as a warning.
    #[must_use]
    pub fn warning(self) -> Self {
        Self { severity: Severity::Warning, ..self }
    }

    /// The mistake or warning as a few lines for a terminal, without a final newline and without colours.
    pub fn render(&self) -> String {
        let severity = match self.severity {
            Severity::Error => "error",
            Severity::Warning => "warning",
        };
        let mut out = format!("{severity}: {}", printable(&self.message));
        let number = if self.line > 0 { self.line.to_string() } else { String::new() };
        let gutter = " ".repeat(number.len().max(1));
        let _ = write!(out, "\n{gutter}--> {}", printable(&self.file));
        if self.line > 0 {
            let _ = write!(out, ":{}", self.line);
            if self.column > 0 {
                let _ = write!(out, ":{}", self.column);
            }
        }
        if let Some(excerpt) = &self.excerpt {
            let (space, carets) = (" ".repeat(excerpt.offset), "^".repeat(excerpt.length));
            let _ = write!(out, "\n{gutter} |\n{number:>width$} | {}", excerpt.text, width = gutter.len());
            let _ = write!(out, "\n{gutter} | {space}{carets}");
        }
        if let Some(help) = &self.help {
            let _ = write!(out, "\n{gutter} = help: {}", printable(help));
        }
        out
    }
}

/// All mistakes of a pipeline, in the order of their places.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{}", self.render())]
pub struct Diagnostics {
    list: Vec<Diagnostic>,
    omitted: usize,
}

impl Diagnostics {
    /// Sorts the mistakes by place, those of the file first.
    pub fn new(mut list: Vec<Diagnostic>) -> Self {
        list.sort_by_key(|d| (d.line == 0 && d.column > 0, d.line, d.column));
        let omitted = list.len().saturating_sub(MAX_LISTED);
        list.truncate(MAX_LISTED);
        Self { list, omitted }
    }

    /// These mistakes and further ones.
    #[must_use]
    pub fn with(self, more: Vec<Diagnostic>) -> Self {
        let omitted = self.omitted;
        let mut all = Self::new(self.list.into_iter().chain(more).collect());
        all.omitted += omitted;
        all
    }

    /// The mistakes listed.
    pub fn iter(&self) -> std::slice::Iter<'_, Diagnostic> {
        self.list.iter()
    }

    /// How many mistakes there are, listed or not.
    pub fn count(&self) -> usize {
        self.list.len() + self.omitted
    }

    /// All mistakes for a terminal, one blank line between them, without a final newline.
    pub fn render(&self) -> String {
        let mut out = self.list.iter().map(Diagnostic::render).collect::<Vec<_>>().join("\n\n");
        if self.omitted > 0 {
            let _ = write!(out, "\n\nerror: {} more mistakes are not listed", self.omitted);
        }
        out
    }
}

impl From<Diagnostic> for Diagnostics {
    fn from(diagnostic: Diagnostic) -> Self {
        Self::new(vec![diagnostic])
    }
}

/// The texts that spans refer to: the pipeline file and every `--set`.
#[derive(Clone, PartialEq, Eq)]
pub struct Sources {
    file: String,
    /// What `file` shows.
    path: PathBuf,
    text: String,
    /// Byte offset at which each line begins.
    lines: Vec<usize>,
    overrides: Vec<String>,
}

impl fmt::Debug for Sources {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sources").field("file", &self.file).finish_non_exhaustive()
    }
}

impl Sources {
    /// Keeps the texts, `file` being a path's form for messages; line ends become `\n` and a byte order mark is dropped.
    pub fn new(file: &str, text: &str, overrides: &[String]) -> Self {
        let text = text.strip_prefix('\u{feff}').unwrap_or(text).replace("\r\n", "\n").replace('\r', "\n");
        let lines = std::iter::once(0).chain(text.match_indices('\n').map(|(at, _)| at + 1)).collect();
        let overrides = overrides.iter().map(|text| format!("--set {text}")).collect();
        Self { file: file.to_owned(), path: shown::decode(file), text, lines, overrides }
    }

    /// Name of the pipeline file as it is shown.
    pub fn file(&self) -> &str {
        &self.file
    }

    /// The pipeline file.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Folder of the pipeline file, where models are looked up second.
    pub fn folder(&self) -> &Path {
        self.path.parent().unwrap_or(Path::new("."))
    }

    /// Text of the pipeline file.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// A line of one of the texts, counted from 1, without its line end.
    pub(super) fn line(&self, origin: Origin, line: usize) -> Option<&str> {
        match origin {
            Origin::File => {
                let start = *self.lines.get(line.checked_sub(1)?)?;
                self.text.get(start..)?.lines().next().or(Some(""))
            }
            Origin::Override(index) => self.overrides.get(index).map(String::as_str),
            Origin::Default => None,
        }
    }

    /// A mistake at a place of these texts.
    pub fn diagnostic(&self, span: Span, message: impl Into<String>, help: Option<String>) -> Diagnostic {
        let (file, line) = match span.origin {
            Origin::File => (self.file.clone(), span.line),
            Origin::Override(_) => ("command line".to_owned(), 0),
            Origin::Default => ("built-in default".to_owned(), 0),
        };
        let excerpt = (span.column > 0)
            .then(|| self.line(span.origin, span.line))
            .flatten()
            .map(|text| Box::new(Excerpt::new(text, span.column, span.length)));
        let (column, length, message) = (span.column, span.length, message.into());
        Diagnostic { severity: Severity::Error, file, line, column, length, message, help, excerpt }
    }
}

impl Excerpt {
    /// Cuts a window around the place out of the line, so that a line of any length can be shown.
    fn new(line: &str, column: usize, length: usize) -> Self {
        let place = column.saturating_sub(1);
        let start = if place < WINDOW * 2 / 3 { 0 } else { place - WINDOW / 3 };
        let text: String = line.chars().skip(start).take(WINDOW).collect();
        let text = printable(&text).trim_end().to_owned();
        let offset = place - start;
        let room = text.chars().count().saturating_sub(offset);
        Self { text, offset, length: length.min(room).max(1) }
    }
}

/// Text on one line, without what would move the cursor or change the terminal.
fn printable(text: &str) -> String {
    shown::text(text).replace('\t', " ").replace('\n', "\u{fffd}")
}

/// Collects mistakes while the texts are read.
pub(super) struct Report {
    pub(super) sources: Arc<Sources>,
    list: Vec<Diagnostic>,
    omitted: usize,
    warnings: Vec<Diagnostic>,
    /// Values from variables or the command line that were taken for numbers or truths.
    pub(super) numbers: HashSet<Span>,
}

impl Report {
    pub(super) fn new(sources: Arc<Sources>) -> Self {
        Self { sources, list: Vec::new(), omitted: 0, warnings: Vec::new(), numbers: HashSet::new() }
    }

    /// Notes a mistake; beyond the limit it is only counted.
    pub(super) fn error(&mut self, span: Span, message: impl Into<String>, help: impl Into<Option<String>>) {
        if self.list.len() < MAX_LISTED {
            self.list.push(self.sources.diagnostic(span, message, help.into()));
        } else {
            self.omitted += 1;
        }
    }

    /// Keeps a mistake that was noted elsewhere.
    pub(super) fn add(&mut self, mistake: Diagnostic) {
        self.list.push(mistake);
    }

    /// Notes a value that is hardly meant.
    pub(super) fn warn(&mut self, span: Span, message: impl Into<String>, help: impl Into<Option<String>>) {
        if self.warnings.len() < MAX_LISTED {
            self.warnings.push(self.sources.diagnostic(span, message, help.into()).warning());
        }
    }

    /// The warnings noted, in the order of their places.
    pub(super) fn warnings(&mut self) -> Vec<Diagnostic> {
        Diagnostics::new(std::mem::take(&mut self.warnings)).list
    }

    pub(super) fn is_clean(&self) -> bool {
        self.list.is_empty()
    }

    /// Mistakes noted so far.
    pub(super) fn count(&self) -> usize {
        self.list.len() + self.omitted
    }

    pub(super) fn finish(self) -> Diagnostics {
        let mut all = Diagnostics::new(self.list);
        all.omitted += self.omitted;
        all
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(line: usize, column: usize, length: usize) -> Span {
        Span { origin: Origin::File, line, column, length }
    }

    #[test]
    fn renders_like_a_compiler() {
        let sources = Sources::new("pipelines/x.yaml", "\u{feff}steps:\r\n  - restroe: {}\r\n", &[]);
        let found =
            sources.diagnostic(at(2, 5, 7), "unknown step", Some("did you mean `restore`?".to_owned()));
        let expected = "error: unknown step\n --> pipelines/x.yaml:2:5\n  |\n2 |   - restroe: {}\n  |     \
                        ^^^^^^^\n  = help: did you mean `restore`?";
        assert_eq!(found.to_string(), expected);
    }

    #[test]
    fn overrides_show_the_option() {
        let sources = Sources::new("x.yaml", "", &["limits.memroy=2GiB".to_owned()]);
        let span = Span { origin: Origin::Override(0), line: 1, column: 14, length: 6 };
        let text = sources.diagnostic(span, "unknown key", None).render();
        assert!(text.contains("--> command line\n"), "{text}");
        assert!(text.contains("  | --set limits.memroy=2GiB\n  |              ^^^^^^"), "{text}");
    }

    #[test]
    fn long_lines_and_control_characters_are_tamed() {
        let text = format!("{}\u{1b}[31mX{}", "a".repeat(100_000), "b".repeat(100_000));
        let sources = Sources::new("x.yaml", &text, &[]);
        let rendered = sources.diagnostic(at(1, 100_006, 90_000), "m", None).render();
        assert!(rendered.len() < 600, "{}", rendered.len());
        assert!(rendered.contains("[31mXbbb"), "{rendered}");
        assert!(!rendered.contains('\u{1b}'));
    }

    #[test]
    fn places_outside_the_text_do_no_harm() {
        let sources = Sources::new("x.yaml", "a", &[]);
        for span in [at(9, 9, 9), at(1, 5_000, 3), at(1, 2, 1), Span::FILE, Span::DEFAULT] {
            assert!(sources.diagnostic(span, "m", None).render().starts_with("error: m"));
        }
    }

    #[test]
    fn a_file_is_shown_harmlessly_and_its_folder_found_all_the_same() {
        let sources = Sources::new("a\\x0A\\xFF/x.yaml", "a", &[]);
        assert_eq!(sources.folder().as_os_str().as_encoded_bytes(), b"a\n\xff");
        assert_eq!(Sources::new("x.yaml", "a", &[]).folder(), Path::new(""));
        let found = sources.diagnostic(at(1, 1, 1), "m\u{1b}\u{202e}\n", None).render();
        assert!(
            found.starts_with("error: m\u{fffd}\u{fffd}\u{fffd}\n --> a\\x0A\\xFF/x.yaml:1:1"),
            "{found}"
        );
    }

    #[test]
    fn a_flood_is_counted() {
        let mut report = Report::new(Arc::new(Sources::new("x", "a", &[])));
        for _ in 0..1000 {
            report.error(at(1, 1, 1), "m", None);
        }
        let all = report.finish();
        assert_eq!((all.iter().count(), all.count()), (100, 1000));
        assert!(all.to_string().ends_with("error: 900 more mistakes are not listed"));
    }
}
