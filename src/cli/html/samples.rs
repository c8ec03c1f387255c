//! The pictures that the page shows at full size, as files.

use super::choice::{Chosen, EACH, Why, extremes, measure, merged};
use super::detail::{apart, window};
use super::distribution::twins;
use super::numbers::figure;
use super::pictures::{Opener, Pair, Picture};
use super::rows::Rows;
use super::sprite::flat;
use super::tally::Tally;
use crate::codec::{self, EncodeOptions, Format};
use crate::image::Image;
use crate::image::crop::{Rect, crop};
use crate::inputs::path_text;
use crate::ledger::{Ledger, LedgerError, Outcome};
use rayon::iter::{IntoParallelRefIterator, ParallelIterator};
use std::os::unix::ffi::OsStrExt;

/// Largest size that is shown of a picture, in pixels.
const MOST: (usize, usize) = (960, 720);
/// Largest file of one picture, in bytes.
const FILE: usize = 330_000;
/// Pictures up to so many pixels are kept without loss, where that fits.
const LOSSLESS: usize = 120_000;
/// Pixels of the pictures that are looked at for how much they have changed.
const LOOKED_AT: usize = 120_000_000;

/// A picture's file in the folder.
#[derive(Clone, Debug)]
pub(super) struct Shown {
    pub file: String,
    pub bytes: Vec<u8>,
}

/// A picture that is shown.
#[derive(Clone, Debug)]
pub(super) struct Sample {
    pub why: Vec<Why>,
    /// As data.
    pub path: String,
    pub remarks: Vec<String>,
    /// Size of the picture after (or before, where there is only that) as it is shown.
    pub size: (usize, usize),
    pub before: Option<Shown>,
    pub after: Option<Shown>,
}

/// Pictures worth showing, and by what they were chosen.
#[derive(Debug, Default)]
pub(super) struct Samples {
    pub samples: Vec<Sample>,
    /// The measure that tells best from worst, and whether more is better.
    pub measure: Option<(String, bool)>,
    /// What tells how much was changed.
    pub change: Option<String>,
}

/// Chooses and opens them.
///
/// # Errors
/// When the ledger can't be read.
pub(super) fn samples(
    opener: &Opener<'_>,
    ledger: &Ledger,
    tally: &Tally,
    rows: &Rows,
) -> Result<Samples, LedgerError> {
    let mut found = Samples::default();
    if tally.pictured == 0 {
        return Ok(found);
    }
    let bytes = |path: &String| crate::shown::decode(path).as_os_str().as_bytes().to_vec();
    let names: Vec<&str> = rows.numbers.iter().map(|n| n.name.as_str()).collect();
    let (mut worst, mut best, mut changed) = (Vec::new(), Vec::new(), Vec::new());
    if let Some((column, more)) = measure(&names) {
        let (name, values) = (&rows.numbers[column].name, &rows.numbers[column].values);
        let told = |row: usize| (bytes(&rows.paths[row]), format!("{name} {}", figure(values[row])));
        worst = extremes(&rows.paths, values, !more, EACH).into_iter().map(told).collect();
        best = extremes(&rows.paths, values, more, EACH).into_iter().map(told).collect();
        found.measure = Some((name.clone(), more));
    }
    let pairs = twins(&names);
    // The measure that decides over good and bad, where it was taken on both sides.
    let pair = pairs.iter().find(|(_, a)| Some(names[*a]) == found.measure.as_ref().map(|m| m.0.as_str()));
    if let Some((b, a)) = pair.or(pairs.first()) {
        let (before, after, name) = (&rows.numbers[*b].values, &rows.numbers[*a].values, names[*a]);
        let change: Vec<f64> = before.iter().zip(after).map(|(b, a)| (a - b).abs()).collect();
        let told = |row: usize| {
            (
                bytes(&rows.paths[row]),
                format!("{name} from {} to {}", figure(before[row]), figure(after[row])),
            )
        };
        changed = extremes(&rows.paths, &change, true, EACH).into_iter().map(told).collect();
        found.change = Some(name.to_string());
    }
    if changed.is_empty() {
        changed = most_changed(opener, ledger, &tally.drawn)?;
    }
    let random = tally.drawn.iter().take(EACH + 1).map(|path| (path.clone(), String::new())).collect();
    let failed =
        tally.failed_examples.iter().map(|(path, kind)| (path.clone(), (*kind).to_string())).collect();
    let chosen = merged(vec![
        (Why::Worst, worst),
        (Why::MostChanged, changed),
        (Why::Best, best),
        (Why::Random, random),
        (Why::Failed, failed),
    ]);
    // The ledger is one thread's; the pictures are opened by all.
    let mut records = Vec::new();
    for one in &chosen {
        records.push(ledger.record(&one.path)?);
    }
    let numbered: Vec<_> = chosen.iter().zip(records).enumerate().collect();
    let open = |(number, (one, record)): &(usize, (&Chosen, Option<crate::ledger::Record>))| {
        let record = record.as_ref()?;
        let sample = match &record.outcome {
            Outcome::Done(_) => both(*number, one, opener.pair(&one.path, record, *number)?),
            Outcome::Failed { .. } => alone(*number, one, opener.input(&one.path)?),
        };
        Some(sample)
    };
    found.samples = numbered.par_iter().filter_map(open).collect();
    Ok(found)
}

/// Of some items those that were changed most, by the difference of the pictures.
fn most_changed(
    opener: &Opener<'_>,
    ledger: &Ledger,
    paths: &[Vec<u8>],
) -> Result<Vec<(Vec<u8>, String)>, LedgerError> {
    let (mut records, mut pixels) = (Vec::new(), 0usize);
    for path in paths {
        let Some(record) = ledger.record(path)? else { continue };
        if let Outcome::Done(facts) = &record.outcome {
            pixels = pixels.saturating_add(facts.width as usize * facts.height as usize);
        }
        if pixels > LOOKED_AT && !records.is_empty() {
            break;
        }
        records.push((path, record));
    }
    let change = |(path, record): &(&Vec<u8>, crate::ledger::Record)| {
        let pair = opener.pair(path, record, 0)?;
        let value = apart(&pair.before.image, &pair.after.image).filter(|value| *value > 0.0)?;
        Some(((*path).clone(), value))
    };
    let mut changes: Vec<(Vec<u8>, f64)> = records.par_iter().filter_map(change).collect();
    changes.sort_by(|a, b| b.1.total_cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
    changes.truncate(EACH);
    Ok(changes.into_iter().map(|(path, value)| (path, format!("{} of 255 apart", figure(value)))).collect())
}

fn both(number: usize, one: &Chosen, pair: Pair) -> Sample {
    let (before, after) = (&pair.before.image, &pair.after.image);
    let full = (after.width, after.height);
    let rect = window(before, after, MOST);
    let scale = |v: usize, from: usize, to: usize| v * from / to.max(1);
    let source = Rect {
        x: scale(rect.x, before.width, full.0),
        y: scale(rect.y, before.height, full.1),
        width: scale(rect.width, before.width, full.0).max(1),
        height: scale(rect.height, before.height, full.1).max(1),
    };
    let mut remarks = one.remarks.clone();
    if (before.width, before.height) != full {
        remarks.push(format!("{} × {} to {} × {} pixels", before.width, before.height, full.0, full.1));
    }
    if (rect.width, rect.height) != full {
        remarks.push(format!(
            "{} × {} of {} × {} pixels, from {}, {} on",
            rect.width, rect.height, full.0, full.1, rect.x, rect.y
        ));
    }
    Sample {
        why: one.why.clone(),
        path: path_text(&one.path),
        remarks,
        size: (rect.width, rect.height),
        before: encoded(&format!("sample-{number}-before"), &pair.before, source),
        after: encoded(&format!("sample-{number}-after"), &pair.after, rect),
    }
}

fn alone(number: usize, one: &Chosen, picture: Picture) -> Sample {
    let image = &picture.image;
    let rect = window(image, image, MOST);
    Sample {
        why: one.why.clone(),
        path: path_text(&one.path),
        remarks: one.remarks.clone(),
        size: (rect.width, rect.height),
        before: encoded(&format!("sample-{number}-before"), &picture, rect),
        after: None,
    }
}

/// A part of a picture as a file: without loss where it is small, as JPEG otherwise.
fn encoded(name: &str, picture: &Picture, rect: Rect) -> Option<Shown> {
    let part: Image = crop(&picture.image, rect)?;
    let encode = |image: &Image, format: Format, quality: Option<u8>| {
        let options = EncodeOptions {
            quality,
            keep_metadata: false,
            compression: codec::Compression::Small,
            ..EncodeOptions::new(format)
        };
        codec::encode(image, &picture.meta, None, &options).ok().map(|file| file.bytes)
    };
    let shown = |ending: &str, bytes| Shown { file: format!("{name}.{ending}"), bytes };
    // A gray picture may have a profile for gray.
    let flat =
        if part.channels == 1 && part.alpha.is_none() { narrow(&part) } else { flat(&part).into_owned() };
    if part.width * part.height <= LOSSLESS
        && let Some(bytes) = encode(&flat, Format::Png, None).filter(|bytes| bytes.len() <= FILE)
    {
        return Some(shown("png", bytes));
    }
    let jpeg =
        [92, 85, 75, 60, 40, 20].into_iter().filter_map(|quality| encode(&flat, Format::Jpeg, Some(quality)));
    jpeg.into_iter().find(|bytes| bytes.len() <= FILE).map(|bytes| shown("jpg", bytes))
}

/// A gray picture in 8 bits.
fn narrow(image: &Image) -> Image {
    let mut out = Image::new(image.width, image.height, 1, crate::image::Depth::U8);
    (0..image.samples.len()).for_each(|i| out.samples.set(i, image.samples.get(i)));
    out
}
