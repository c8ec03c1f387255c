//! Pairs as WebDataset shards: tar files of `key.noisy.png`, `key.clean.png` and `key.json`.
//!
//! While an item is processed its encoded pictures go into a fragment below the ledger's folder; at the end of
//! a run the fragments are put into shards in path order, and the set of shards replaces the old one in one
//! exchange. Places where a shard ends depend on the sources themselves, so that a new one changes few shards;
//! unchanged ones are carried over. The fragments stay, which takes the space a second time.

use super::super::cut::Cut;
use super::row::{Own, SPLITS, Source};
use crate::codec::Format;
use crate::columns::Value;
use crate::inputs::path_text;
use crate::ledger::{Ledger, Output, PartRecord};
use crate::pipeline::KnownParts;
use crate::pipeline::{Rows, SinkError};
use crate::shown::Show;
use crate::store::{Part, Seen, Store};
use serde_json::{Map, json};
use std::cell::RefCell;
use std::collections::{BTreeMap, HashMap};
use std::ffi::OsStr;
use std::io::{self, Write};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

const BLOCK: u64 = 512;

/// One pair in a shard.
struct Member {
    key: String,
    json: String,
    /// Place in the fragment, then the bytes of the two pictures.
    offset: u64,
    lengths: (u64, u64),
}

impl Member {
    /// Bytes in the tar file: each file has a header and fills whole blocks.
    fn tar_bytes(&self) -> u64 {
        let file = |length: u64| BLOCK + length.next_multiple_of(BLOCK);
        file(self.lengths.0) + file(self.lengths.1) + file(self.json.len() as u64)
    }
}

/// Pairs of one source in a shard: the fragment, and the range of its members.
struct Slice {
    source: Vec<u8>,
    fragment: PathBuf,
    members: std::ops::Range<usize>,
}

/// A shard to be.
#[derive(Default)]
struct Shard {
    slices: Vec<Slice>,
    bytes: u64,
    hasher: blake3::Hasher,
}

/// `train-000000.tar` and the like.
pub(super) fn is_shard_name(name: &str) -> bool {
    let digits = |split: &str| {
        let number = name.strip_prefix(split)?.strip_prefix('-')?.strip_suffix(".tar")?;
        Some(number.len() >= 6 && number.bytes().all(|b| b.is_ascii_digit()))
    };
    SPLITS.iter().any(|split| digits(split) == Some(true))
}

/// The shards of one sink.
pub(super) struct Shards<'a> {
    /// Folder of the pairs, relative to the output.
    pub(super) folder: &'a Path,
    /// Format of the pictures.
    pub(super) format: Format,
    /// Most bytes of a shard with more than one pair.
    pub(super) bytes: u64,
}

impl Shards<'_> {
    /// Brings the shards in line with the ledger.
    pub(super) fn publish(
        &self,
        store: &Store,
        ledger: &mut Ledger,
        rows: &Rows,
        (sources, replace_edited): (&[Source<'_>], bool),
    ) -> Result<usize, SinkError> {
        let folder_name = self.folder.to_string_lossy().into_owned();
        let (shards, count) = layout(self.bytes, ledger, rows, sources)?;
        if !are_recorded(store, sources)? {
            return Ok(count);
        }
        let known = ledger.part_records(&folder_name)?;
        let parts_known = KnownParts::of(Some(ledger), &folder_name, replace_edited)?;
        let present = parts_known.present(store, self.folder, is_shard_name)?;
        let intact = |p: &&PartRecord| present.get(&p.name) == Some(&(p.stamp.size, p.stamp.mtime_ns));
        let mut names = Vec::new();
        for (split, of_split) in &shards {
            for (number, shard) in of_split.iter().enumerate() {
                let digest = shard.hasher.finalize().to_hex()[..32].to_string();
                names.push((format!("{split}-{number:06}.tar"), digest, shard));
            }
        }
        let same = |(name, digest, _): &(String, String, &Shard)| {
            known.iter().any(|p| p.name == *name && p.digest == *digest && intact(&p))
        };
        if present.len() == names.len() && names.iter().all(same) {
            return Ok(count);
        }
        let extension = self.format.extensions().first().copied().unwrap_or_default();
        let reader = &*ledger;
        let failure = RefCell::new(None);
        let files = names.iter().map(|(name, digest, shard)| {
            if let Some(old) = known.iter().find(|p| p.digest == *digest && intact(p)) {
                return Ok((
                    name.clone(),
                    Part::Carried { from: old.name.clone(), stamp: old.stamp.clone() },
                ));
            }
            let write = |to: &mut dyn Write| {
                write_shard(to, shard, store, reader, rows, extension).map_err(|stopped| match stopped {
                    Stopped::Io(error) => error,
                    Stopped::Run(error) => {
                        failure.replace(Some(error));
                        io::Error::other("a shard could not be made")
                    }
                })
            };
            Ok((name.clone(), Part::Written(Box::new(write))))
        });
        let built = store.build_folder(self.folder, files);
        if let Some(failure) = failure.take() {
            return Err(failure);
        }
        let built = built?;
        ledger.announce_folder(&built)?;
        let stamps = store.put_folder(built, &present)?;
        let parts: Vec<PartRecord> = stamps
            .into_iter()
            .zip(&names)
            .map(|((name, stamp), (_, digest, _))| PartRecord { name, digest: digest.clone(), stamp })
            .collect();
        ledger.set_parts(&folder_name, &parts)?;
        Ok(count)
    }
}

/// Whether the fragments are those that the ledger tells of. A run that was cut off may have left a newer one, which its
/// rows don't describe: the shards that are there then stand until its item is done again.
fn are_recorded(store: &Store, sources: &[Source<'_>]) -> Result<bool, SinkError> {
    let outputs = || sources.iter().filter_map(|source| source.output.as_ref());
    let path = |output: &Output| PathBuf::from(OsStr::from_bytes(&output.path));
    let paths: Vec<PathBuf> = outputs().map(path).collect();
    let paths: Vec<&Path> = paths.iter().map(PathBuf::as_path).collect();
    let seen: HashMap<&Path, Seen> = store.see(&paths).into_iter().collect();
    let unknown = seen.values().find_map(|seen| match seen {
        Seen::Unknown(why) => Some(why.clone()),
        Seen::File { .. } | Seen::Uncertain | Seen::Other | Seen::Blocked(_) => None,
    });
    match unknown {
        Some(why) => Err(SinkError::Unseen(why)),
        None => Ok(outputs().zip(&paths).all(|(output, path)| output.is_as_written(seen.get(path)))),
    }
}

/// The members an input's rows stand for, in order.
fn members(rows: &Rows, ledger: &Ledger, path: &[u8]) -> Result<Vec<(String, Member)>, SinkError> {
    let damaged = || SinkError::Table {
        folder: path.shown().to_string(),
        message: "the ledger is damaged; move the whole output folder away and run again".into(),
    };
    let mut offset = 0;
    let mut found = Vec::new();
    for row in rows.of(ledger, path)?.into_iter().filter(|row| !super::row::is_refused(row)) {
        let own = Own::of(&row).ok_or_else(damaged)?;
        let mut json = Map::new();
        json.insert("source".into(), json!(path_text(path)));
        for (column, value) in rows.columns().zip(own.others) {
            json.insert(column.name.clone(), json_value(value));
        }
        let json = serde_json::Value::Object(json).to_string();
        let member = Member { key: own.noisy.to_string(), json, offset, lengths: own.lengths };
        offset += own.lengths.0 + own.lengths.1;
        found.push((own.split.to_string(), member));
    }
    Ok(found)
}

fn json_value(value: &Value) -> serde_json::Value {
    match value {
        Value::Null => serde_json::Value::Null,
        Value::Bool(b) => json!(b),
        Value::Int(i) => json!(i),
        Value::Float(f) => json!(f),
        Value::Text(t) => json!(t),
        Value::Timestamp(..) | Value::Image(_) => json!(value.text()),
        Value::Vector(v) => json!(v),
        Value::Neighbours(ids, distances) => json!({"ids": ids, "distances": distances}),
    }
}

/// Which pairs go into which shard of at most `shard_bytes`, by split, and how many there are.
fn layout(
    shard_bytes: u64,
    ledger: &Ledger,
    rows: &Rows,
    sources: &[Source<'_>],
) -> Result<(BTreeMap<String, Vec<Shard>>, usize), SinkError> {
    let most = shard_bytes - 2 * BLOCK;
    let mut shards: BTreeMap<String, Vec<Shard>> = BTreeMap::new();
    let mut count = 0;
    for Source { path, output } in sources {
        let members = members(rows, ledger, path)?;
        let (Some((split, _)), Some(fragment)) = (members.first(), output) else {
            continue;
        };
        count += members.len();
        let of_split = shards.entry(split.clone()).or_default();
        let fragment_path = PathBuf::from(OsStr::from_bytes(&fragment.path));
        for (number, (_, member)) in members.iter().enumerate() {
            let bytes = member.tar_bytes();
            if of_split.last().is_none_or(|shard| shard.bytes > 0 && shard.bytes + bytes > most) {
                of_split.push(Shard::default());
            }
            let Some(shard) = of_split.last_mut() else { continue };
            match shard.slices.last_mut() {
                Some(slice) if slice.source == *path => slice.members.end = number + 1,
                _ => shard.slices.push(Slice {
                    source: path.to_vec(),
                    fragment: fragment_path.clone(),
                    members: number..number + 1,
                }),
            }
            shard.bytes += bytes;
            shard.hasher.update(&fragment.stamp.hash);
            shard.hasher.update(&member.offset.to_le_bytes());
            shard.hasher.update(member.key.as_bytes());
            shard.hasher.update(member.json.as_bytes());
        }
        // A shard ends after a source whose content says so, so that a change elsewhere moves no boundary.
        let size: u64 = members.iter().map(|(_, m)| m.tar_bytes()).sum();
        let cut = Cut { every: shard_bytes / 2, least: shard_bytes / 4 };
        if of_split.last().is_some_and(|shard| cut.ends_after(&fragment.stamp.hash, size, shard.bytes)) {
            of_split.push(Shard::default());
        }
    }
    shards.values_mut().for_each(|of_split| of_split.retain(|shard| shard.bytes > 0));
    Ok((shards, count))
}

/// Why a shard could not be written.
enum Stopped {
    /// The shard itself.
    Io(io::Error),
    /// What it is made of.
    Run(SinkError),
}

fn write_shard(
    to: &mut dyn Write,
    shard: &Shard,
    store: &Store,
    ledger: &Ledger,
    rows: &Rows,
    extension: &str,
) -> Result<(), Stopped> {
    let mut tar = tar::Builder::new(to);
    for slice in &shard.slices {
        let path = store.root().join(&slice.fragment);
        let unreadable = |e: &dyn std::fmt::Display| {
            Stopped::Run(SinkError::Table {
                folder: slice.source.shown().to_string(),
                message: format!("cannot read {}: {e}; remove it and run again", path.shown()),
            })
        };
        let fragment = store.open_file(&slice.fragment).map_err(|e| unreadable(&e))?;
        let fragment = fragment.ok_or_else(|| unreadable(&"it is gone"))?;
        let read = |offset: u64, length: u64| {
            let mut bytes = vec![0; usize::try_from(length).unwrap_or(usize::MAX)];
            fragment.read_exact_at(&mut bytes, offset).map(|()| bytes).map_err(|e| unreadable(&e))
        };
        let members = members(rows, ledger, &slice.source).map_err(Stopped::Run)?;
        for (_, member) in members.get(slice.members.clone()).unwrap_or_default() {
            let noisy = read(member.offset, member.lengths.0)?;
            let clean = read(member.offset + member.lengths.0, member.lengths.1)?;
            let files = [
                (format!("{}.noisy.{extension}", member.key), noisy),
                (format!("{}.clean.{extension}", member.key), clean),
                (format!("{}.json", member.key), member.json.clone().into_bytes()),
            ];
            for (name, bytes) in files {
                // Nothing of the machine or the clock, so that equal pairs give equal shards.
                let mut header = tar::Header::new_ustar();
                header.set_size(bytes.len() as u64);
                header.set_mode(0o644);
                header.set_mtime(0);
                tar.append_data(&mut header, name, &bytes[..]).map_err(Stopped::Io)?;
            }
        }
    }
    tar.finish().map_err(Stopped::Io)
}

#[cfg(test)]
mod tests {
    use super::is_shard_name;

    #[test]
    fn names_of_shards() {
        assert!(is_shard_name("train-000000.tar") && is_shard_name("validation-1000000.tar"));
        for name in
            ["train-1.tar", "other-000000.tar", "train-00000a.tar", "train-000000.tar.gz", "README.md"]
        {
            assert!(!is_shard_name(name), "{name}");
        }
    }
}
