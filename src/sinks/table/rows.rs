//! The rows of a table: what the ledger holds of each input.

use super::layout::{Layout, URI};
use super::uri;
use crate::columns::{self, Value};
use crate::inputs::{Input, Origin, path_text};
use crate::ledger::{Facts, Fingerprint, Ledger, Outcome, Record};
use crate::pipeline::{Publication, SinkError};
use std::collections::HashMap;
use std::os::unix::ffi::OsStrExt;

/// An input that has rows.
#[derive(Clone)]
pub(super) struct Source<'a> {
    pub input: &'a Input,
    /// Of the input and what is recorded of it.
    pub key: [u8; 32],
}

/// What the ledger says of an input beside the rows.
struct Base {
    size: u64,
    mtime_ns: i64,
    hash: Option<[u8; 32]>,
    facts: Facts,
}

/// The inputs whose rows are whole.
pub(super) fn sources<'a>(
    publication: &Publication<'a>,
    layout: &Layout,
    ledger: &Ledger,
) -> Result<Vec<Source<'a>>, SinkError> {
    let mut sources = Vec::new();
    publication.each(ledger, |at, record| {
        let input = publication.inputs[at];
        if layout.made.complete(&record) && facts(&record).is_some() {
            sources.push(Source { input, key: key(input, &record, publication.listed_of(at)) });
        }
        Ok(())
    })?;
    Ok(sources)
}

/// Hands over the values of all columns of each row, with the place of its input.
pub(super) fn each(
    layout: &Layout,
    sources: &[Source<'_>],
    ledger: &Ledger,
    mut take: impl FnMut(usize, Vec<Value>) -> Result<(), SinkError>,
) -> Result<(), SinkError> {
    // As many as the ledger is asked for at once.
    for (number, chunk) in sources.chunks(512).enumerate() {
        let paths: Vec<&[u8]> = chunk.iter().map(|source| source.input.key()).collect();
        let bases = bases(ledger, &paths)?;
        layout.made.each(ledger, &paths, |index, made| {
            let input = chunk[index].input;
            let Some(base) = bases.get(input.key()) else { return Ok(()) };
            let mut base = base_values(input, base);
            if layout.paths {
                let path = input.file().map(|path| path_text(path.as_os_str().as_bytes()));
                base.insert(URI + 1, path.map_or(Value::Null, Value::Text));
            }
            let mut made = made.into_iter();
            while let Some(values) = made.next() {
                let mut row = if made.len() > 0 { base.clone() } else { std::mem::take(&mut base) };
                row.extend(values);
                take(number * 512 + index, row)?;
            }
            Ok(())
        })?;
    }
    Ok(())
}

/// In the order of the base columns, and what the list says.
fn base_values(input: &Input, base: &Base) -> Vec<Value> {
    let facts = &base.facts;
    let hash = base.hash.map(|h| blake3::Hash::from(h).to_hex().to_string()).unwrap_or_default();
    let (uri, mtime) = match &input.origin {
        Origin::File(path) => {
            (Value::Text(uri::of(path)), Value::Timestamp(base.mtime_ns.div_euclid(1000), columns::Zone::Utc))
        }
        Origin::Made(_) => (Value::Null, Value::Null),
    };
    let mut values = vec![
        Value::Text(input.id()),
        Value::Text(path_text(input.key())),
        uri,
        Value::Int(i64::try_from(base.size).unwrap_or(i64::MAX)),
        mtime,
        Value::Text(hash),
        Value::Int(facts.width.into()),
        Value::Int(facts.height.into()),
        Value::Int(facts.channels.into()),
        Value::Int(facts.bit_depth.into()),
        Value::Text(facts.format.clone()),
    ];
    values.extend(input.carried.iter().cloned());
    values
}

/// What the input was when the rows were made of it.
fn facts(record: &Record) -> Option<&Facts> {
    match &record.outcome {
        Outcome::Done(facts) => Some(facts),
        // It could not be looked at; nothing says that it is another one now.
        Outcome::Failed { .. } => record.last.as_ref(),
    }
}

fn key(input: &Input, record: &Record, listed: Option<&Fingerprint>) -> [u8; 32] {
    let mut hasher = blake3::Hasher::new();
    hasher.update(input.key());
    hasher.update(&[0]);
    hasher.update(&record.size.to_le_bytes());
    hasher.update(&record.mtime_ns.to_le_bytes());
    hasher.update(&record.hash.unwrap_or_default());
    hasher.update(&columns::encode(&input.carried));
    // Rows of other values of a list, or of another reference, are other rows; so are those that are not made anew yet.
    match listed {
        None => {}
        Some(listed) if record.products.contains_key(listed) => drop(hasher.update(listed)),
        Some(_) => drop(hasher.update(b"stale")),
    }
    *hasher.finalize().as_bytes()
}

fn bases(ledger: &Ledger, paths: &[&[u8]]) -> Result<HashMap<Vec<u8>, Base>, SinkError> {
    let mut bases = HashMap::with_capacity(paths.len());
    let (Some(first), Some(last)) = (paths.first(), paths.last()) else { return Ok(bases) };
    ledger.items_between((first, last), |path, record| {
        if let Some(facts) = facts(&record).cloned() {
            let Record { size, mtime_ns, hash, .. } = record;
            bases.insert(path.to_vec(), Base { size, mtime_ns, hash, facts });
        }
        Ok::<_, SinkError>(())
    })?;
    Ok(bases)
}
