//! Files of `torch.save`: a zip archive since PyTorch 1.6, a row of pickles before.

use super::error::{WeightsError, damaged};
use super::groups::{Finder, Group, groups};
use super::objects::{Made, Object, StorageName, Value};
use super::pickle;
use std::collections::HashMap;
use std::io::Cursor;
use std::ops::Range;
use zip::{CompressionMethod, ZipArchive};

/// What the pickle before the old format's says: its magic number, as a pickle of protocol 2.
pub(super) const MAGIC: &[u8] = b"\x80\x02\x8a\x0al\xfc\x9cF\xf9 j\xa8P\x19.";
/// Most files of an archive; each tensor takes one.
const MAX_FILES: usize = 1 << 18;

/// The files of a zip archive: where their bytes lie, none for those that are compressed.
pub(super) struct Archive {
    pub(super) files: Vec<(String, Option<Range<usize>>)>,
}

impl Archive {
    /// Reads the list of files.
    pub(super) fn read(bytes: &[u8]) -> Result<Archive, WeightsError> {
        let odd = |e: zip::result::ZipError| damaged(format!("it is no whole zip archive ({e})"));
        let mut archive = ZipArchive::new(Cursor::new(bytes)).map_err(odd)?;
        if archive.len() > MAX_FILES {
            return Err(damaged(format!("it is an archive of {} files", archive.len())));
        }
        let mut files = Vec::with_capacity(archive.len());
        for index in 0..archive.len() {
            let file = archive.by_index_raw(index).map_err(odd)?;
            let name = String::from_utf8_lossy(file.name_raw()).into_owned();
            let stored = file.compression() == CompressionMethod::Stored && !file.encrypted();
            let start = file.data_start().and_then(|start| usize::try_from(start).ok());
            let length = usize::try_from(file.size()).ok();
            let range = start.zip(length).and_then(|(start, length)| Some(start..start.checked_add(length)?));
            let range = range.filter(|range| range.end <= bytes.len());
            if stored && range.is_none() {
                return Err(damaged(format!("its part {name:?} is cut off")));
            }
            files.push((name, range.filter(|_| stored)));
        }
        Ok(Archive { files })
    }

    /// The folder of the file that is called `name` there.
    pub(super) fn folder_of(&self, name: &str) -> Option<&str> {
        self.files.iter().find_map(|(file, _)| {
            let folder = file.strip_suffix(name)?;
            (folder.is_empty() || folder.ends_with('/')).then_some(folder)
        })
    }
}

/// The tensors of a zip archive.
pub(super) fn zipped(bytes: &[u8], archive: &Archive) -> Result<Vec<Group>, WeightsError> {
    let folder = archive.folder_of("data.pkl").unwrap_or_default();
    let files: HashMap<&str, &Option<Range<usize>>> =
        archive.files.iter().filter_map(|(name, range)| Some((name.strip_prefix(folder)?, range))).collect();
    let found = |name: &str| match files.get(name) {
        Some(Some(range)) => Ok(range.clone()),
        Some(None) => Err(WeightsError::Unsupported(format!("its part {name:?} is compressed"))),
        None => Err(damaged(format!("its part {name:?} is missing"))),
    };
    if found("byteorder").is_ok_and(|range| bytes.get(range).is_some_and(|word| word.starts_with(b"big"))) {
        return Err(WeightsError::Unsupported("its numbers are big-endian".into()));
    }
    let made = pickle::read(bytes.get(found("data.pkl")?).unwrap_or_default())?;
    let find: &Finder<'_> = &|name| found(&format!("data/{}", name.key));
    groups(&made, find)
}

/// The tensors of a file of the format before.
pub(super) fn legacy(bytes: &[u8]) -> Result<Vec<Group>, WeightsError> {
    let mut at = 0;
    let mut next = || {
        let made = pickle::read(bytes.get(at..).unwrap_or_default())?;
        at += made.length;
        Ok::<Made, WeightsError>(made)
    };
    let (_, version, _, made, keys) = (next()?, next()?, next()?, next()?, next()?);
    if version.root != Value::Int(1001) {
        let what = "it is of an unknown version of the format before PyTorch 1.6";
        return Err(WeightsError::Unsupported(what.into()));
    }
    let Some(Object::Row(list)) = keys.object(keys.root) else {
        return Err(damaged("its list of storages is missing"));
    };
    // Each storage: its count, and that many numbers of the kind that the pickle tells.
    let named = made.objects.iter().filter_map(|o| if let Object::Storage(s) = o { Some(s) } else { None });
    let kinds: HashMap<&str, &StorageName> = named.map(|s| (s.key.as_str(), s)).collect();
    let mut places: HashMap<&str, Range<usize>> = HashMap::new();
    for key in list {
        let key = keys.text(*key).ok_or_else(|| damaged("its list of storages is no list of names"))?;
        let kind =
            kinds.get(key).ok_or_else(|| damaged(format!("nothing tells of its storage {key:?}")))?.kind;
        let (count, rest) = bytes
            .get(at..)
            .and_then(<[u8]>::split_first_chunk::<8>)
            .ok_or_else(|| damaged("its last tensors are cut off"))?;
        let length =
            usize::try_from(i64::from_le_bytes(*count)).ok().and_then(|n| n.checked_mul(kind.bytes()));
        let length =
            length.filter(|n| *n <= rest.len()).ok_or_else(|| damaged("its last tensors are cut off"))?;
        places.insert(key, at + 8..at + 8 + length);
        at += 8 + length;
    }
    groups(&made, &|name| {
        let place = places.get(name.key.as_str()).cloned();
        let place = place.ok_or_else(|| damaged(format!("its storage {:?} is missing", name.key)))?;
        let Some((from, count)) = name.part else { return Ok(place) };
        let bytes = |n: i64| usize::try_from(n).ok()?.checked_mul(name.kind.bytes());
        let range = bytes(from).zip(bytes(count)).and_then(|(from, count)| {
            let start = place.start.checked_add(from)?;
            Some(start..start.checked_add(count)?)
        });
        range.filter(|r| r.end <= place.end).ok_or_else(|| damaged("a part of a storage reaches beyond it"))
    })
}
