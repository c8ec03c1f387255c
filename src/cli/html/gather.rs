//! Gathers what an output holds and makes the files of its report. Reads, and writes nothing.

use super::escape::script;
use super::facts::Facts;
use super::files::ASSETS;
use super::groups;
use super::pictures::Opener;
use super::rows::{self, Rows};
use super::samples::samples;
use super::sprite::{Sprites, sprites};
use super::subject::Subject;
use super::tally::{Tally, spread};
use super::template;
use super::{failed, figures, map, page, training};
use crate::cli::report::sheet;
use crate::codec::{self, EncodeOptions, Format, Limits, Metadata};
use crate::explore;
use crate::ledger::{Ledger, LedgerError};
use crate::run::RunError;
use crate::shown::Show;
use crate::store::{look, mtime_ns};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// Pairs on the sheet of pictures before and after.
const PAIRS: usize = 5;
/// Sides of small pictures on the map, the largest number of them that each is for, and of those of duplicates.
const SIDES: [(usize, usize); 3] = [(2000, 112), (6000, 80), (usize::MAX, 56)];
const SIDE_OF_DUPLICATES: usize = 200;
/// Bytes that the small pictures of the map, and those of duplicates, may take.
const BYTES: (usize, usize) = (11_000_000, 2_500_000);
/// Pixels that may be decoded for small pictures where the table has none.
const DECODED: u64 = 600_000_000;
/// Largest picture of a training that is taken over, in bytes.
const SHEET: usize = 4_000_000;

/// A report that is not written yet.
#[derive(Debug)]
pub(crate) struct Report {
    /// Its files by name.
    pub files: BTreeMap<String, Vec<u8>>,
    /// What it says, in numbers.
    pub figures: Value,
    /// What could not be read, and is left out.
    pub warnings: Vec<String>,
}

/// Why there is no report.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ReportError {
    /// The ledger can't be read.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    /// The page can't be made.
    #[error(transparent)]
    Run(#[from] RunError),
}

/// Makes the report of an output.
///
/// # Errors
/// When the ledger can't be read, or the page can't be made. A table or a picture that can't be read is left out.
pub(crate) fn report(subject: &Subject<'_>, ledger: &Ledger) -> Result<Report, ReportError> {
    let mut warnings = Vec::new();
    let tally = Tally::of(ledger, subject.asked.as_deref())?;
    let tables = tables(subject.output, ledger, &mut warnings)?;
    let rows = rows::read(&tables).unwrap_or_else(|error| {
        warnings.push(error.to_string());
        Rows::default()
    });
    let opener = Opener { output: subject.output, inputs: &subject.inputs, limits: subject.limits };
    let samples = samples(&opener, ledger, &tally, &rows)?;
    let mut files: BTreeMap<String, Vec<u8>> = BTreeMap::new();
    files.extend(ASSETS.iter().map(|(name, text)| ((*name).to_string(), text.as_bytes().to_vec())));
    let shown = samples.samples.iter().flat_map(|s| s.before.iter().chain(&s.after));
    files.extend(shown.map(|shown| (shown.file.clone(), shown.bytes.clone())));
    if let Some(png) = before_after(&opener, ledger, tally.pictured)? {
        files.insert(SHEET_NAME.into(), png);
    }
    let small = Small { opener: &opener, ledger, tables: &tables, rows: &rows };
    let placed = if rows.number("x").is_some() { map::chosen(rows.paths.len()) } else { Vec::new() };
    let side = SIDES.iter().find(|(most, _)| placed.len() <= *most).map_or(56, |(_, side)| *side);
    let on_map = small.sheets(&placed, side, BYTES.0, &mut warnings)?;
    put(&mut files, "thumbnails", &on_map);
    let groups = groups::groups(&rows);
    let members = groups::shown(&groups);
    let of_groups = small.sheets(&members, SIDE_OF_DUPLICATES, BYTES.1, &mut warnings)?;
    put(&mut files, "duplicates", &of_groups);
    let map = map::map(&rows, &placed, &on_map);
    let course = course(subject, ledger, &mut files)?;
    let facts = Facts {
        subject,
        tally: &tally,
        rows: &rows,
        samples: &samples,
        groups: &groups,
        members: (&members, &of_groups),
        points: map.as_ref().map(|_| placed.len()),
        training: course,
        warnings: &warnings,
    };
    let page = template::page(&page::data(&facts));
    let failed =
        |e: &dyn std::fmt::Display| RunError::Table { folder: "report".into(), message: e.to_string() };
    files.insert("index.html".into(), page.map_err(|e| failed(&e))?.into_bytes());
    let data = json!({"failures": failed::rows(&tally), "samples": page::samples(&samples), "map": map});
    files.insert("data.js".into(), script("data", &data).into_bytes());
    Ok(Report { files, figures: figures::figures(&facts), warnings })
}

/// The sheet that stands beside the page.
pub(crate) const SHEET_NAME: &str = "before-after.png";

/// The table's files: that of `explore` where there is one, which has all columns but vectors, and the parts otherwise. One that is
/// older than a part of a table tells of another night, and is passed over with a warning.
fn tables(output: &Path, ledger: &Ledger, warnings: &mut Vec<String>) -> Result<Vec<PathBuf>, ReportError> {
    let unseen =
        |e| RunError::Input(format!("cannot look at the output: {e}; check the mount, then try again"));
    let folders = ledger.part_folders()?;
    // Of a table in folders, the names hold these.
    let is_part = |name: &String| {
        name.rsplit('/').next().is_some_and(|n| n.starts_with("part-") && n.ends_with(".parquet"))
    };
    let (mut newest, mut explored) = (i64::MIN, Vec::new());
    for folder in &folders {
        for (name, stamp) in ledger.parts(folder)? {
            if is_part(&name) {
                newest = newest.max(stamp.mtime_ns);
            } else if name == explore::FILE {
                explored.push((output.join(folder).join(name), stamp.mtime_ns));
            }
        }
    }
    if explored.is_empty() {
        // Somebody else's, of the same form.
        let file = output.join("explore").join(explore::FILE);
        let meta = look::at(&file).map_err(unseen)?;
        explored.extend(meta.filter(|meta| meta.is_file()).map(|meta| (file, mtime_ns(&meta))));
    }
    for (file, made) in explored {
        if made < newest {
            let what = "is older than the table and left out; run `safelight explore` again";
            warnings.push(format!("{} {what}", file.shown()));
        } else if look::is_file(&file).map_err(unseen)? {
            return Ok(vec![file]);
        }
    }
    for folder in folders {
        let names = ledger.parts(&folder)?.into_keys().filter(is_part);
        let mut files: Vec<PathBuf> = Vec::new();
        for file in names.map(|name| output.join(&folder).join(name)) {
            if look::is_file(&file).map_err(unseen)? {
                files.push(file);
            }
        }
        if !files.is_empty() {
            files.sort();
            return Ok(files);
        }
    }
    Ok(Vec::new())
}

/// The middle of some pictures before and after, pixel for pixel, on one sheet.
fn before_after(
    opener: &Opener<'_>,
    ledger: &Ledger,
    pictured: usize,
) -> Result<Option<Vec<u8>>, ReportError> {
    let mut pairs = Vec::new();
    for (number, path) in spread(ledger, pictured, PAIRS)?.iter().enumerate() {
        let Some(record) = ledger.record(path)? else { continue };
        if let Some(pair) = opener.pair(path, &record, number) {
            pairs.push(sheet::Pair { before: pair.before.image, after: pair.after.image });
        }
    }
    if pairs.is_empty() {
        return Ok(None);
    }
    let options = EncodeOptions::new(Format::Png);
    let png = codec::encode(&sheet::before_after(&pairs), &Metadata::default(), None, &options);
    let failed = |e: codec::CodecError| RunError::Table { folder: "report".into(), message: e.to_string() };
    Ok(Some(png.map_err(failed)?.bytes))
}

fn put(files: &mut BTreeMap<String, Vec<u8>>, name: &str, sprites: &Sprites) {
    let sheets = sprites.sheets.iter().enumerate();
    files.extend(sheets.map(|(number, (bytes, ..))| (format!("{name}-{number}.jpg"), bytes.clone())));
}

/// Where small pictures of rows come from.
struct Small<'a> {
    opener: &'a Opener<'a>,
    ledger: &'a Ledger,
    tables: &'a [PathBuf],
    rows: &'a Rows,
}

impl Small<'_> {
    /// Small pictures of these rows: those of the table, or else made of pictures that can still be read, as many as may
    /// be decoded.
    fn sheets(
        &self,
        rows: &[usize],
        side: usize,
        bytes: usize,
        warnings: &mut Vec<String>,
    ) -> Result<Sprites, ReportError> {
        if rows.is_empty() {
            return Ok(Sprites::default());
        }
        if self.rows.thumbnails {
            let mut sorted = rows.to_vec();
            sorted.sort_unstable();
            sorted.dedup();
            match rows::thumbnails(self.tables, &sorted) {
                Ok(found) => {
                    let limits = Limits { max_pixels: 4_000_000, max_bytes: 256 << 20, strict: false };
                    let open = |n: usize| {
                        codec::decode(found.get(&rows[n])?, Path::new("thumbnail"), &limits)
                            .ok()
                            .map(|d| d.image)
                    };
                    return Ok(sprites(rows.len(), side, bytes, &open));
                }
                Err(error) => warnings.push(error.to_string()),
            }
        }
        let mut records = Vec::with_capacity(rows.len());
        let mut pixels = 0u64;
        for row in rows {
            let path = crate::shown::decode(&self.rows.paths[*row]);
            let key = std::os::unix::ffi::OsStrExt::as_bytes(path.as_os_str()).to_vec();
            let record = self.ledger.record(&key)?;
            if let Some(crate::ledger::Outcome::Done(facts)) = record.as_ref().map(|r| &r.outcome) {
                pixels += u64::from(facts.width) * u64::from(facts.height);
            }
            records.push(record.map(|record| (key, record)));
        }
        // Of too many, evenly spaced ones.
        let step = pixels.div_ceil(DECODED).max(1) as usize;
        let open = |n: usize| {
            let (path, record) = records[n].as_ref().filter(|_| n.is_multiple_of(step))?;
            self.opener.any(path, record).map(|picture| picture.image)
        };
        Ok(sprites(rows.len(), side, bytes, &open))
    }
}

/// The course of a training; none where there was none.
fn course(
    subject: &Subject<'_>,
    ledger: &Ledger,
    files: &mut BTreeMap<String, Vec<u8>>,
) -> Result<Option<Value>, ReportError> {
    if !subject.trains {
        return Ok(None);
    }
    let folder = subject.output.join(crate::train::PROGRESS);
    let history = std::fs::read(folder.join("history.csv")).unwrap_or_default();
    let epochs = training::epochs(&history);
    let parts = ledger.parts(crate::train::PROGRESS)?;
    let last = parts.into_keys().filter(|name| name.ends_with(".png")).max();
    let sheet =
        last.and_then(|name| std::fs::read(folder.join(name)).ok()).filter(|bytes| bytes.len() <= SHEET);
    let named = sheet.map(|bytes| {
        files.insert("last-epoch.png".into(), bytes);
        "last-epoch.png"
    });
    Ok(Some(training::section(&epochs, &subject.run.trained_figures(), named)))
}
