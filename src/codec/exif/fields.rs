//! A block taken apart into fields, and put together anew, for containers that store fields otherwise.

use std::collections::{BTreeSet, HashSet};
use std::ops::Range;

use super::super::Loss;
use super::block::{Block, Entry, kind_bytes, word_bytes};
use super::notes;
use super::numbers::{EXIF_IFD, GPS_IFD, INTEROP_IFD, LONG, MAKER_NOTE, ORIENTATION};
use super::tags::{Fate, fate};

const STRIP_OFFSETS: u16 = 273;
const TILE_OFFSETS: u16 = 324;
const SUB_IFDS: u16 = 330;

/// Most bytes that the fields of one block may take together; more is damage or abuse.
pub(super) const MAX_FIELD_BYTES: usize = 8 << 20;

/// Up to this offset a maker note is put where it stood, with a gap before it where need be.
const MAX_GAP: u32 = 64 << 10;

/// One field of a directory, its values in little-endian order.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::codec) struct Field {
    pub(in crate::codec) tag: u16,
    /// TIFF field type, 1..=13.
    pub(in crate::codec) kind: u16,
    pub(in crate::codec) data: Vec<u8>,
}

impl Field {
    /// Bytes of one number: half a value for fractions.
    pub(in crate::codec) fn word(&self) -> usize {
        word_bytes(self.kind)
    }

    /// Bytes of one value.
    pub(in crate::codec) fn value_bytes(&self) -> usize {
        kind_bytes(self.kind).unwrap_or(1)
    }

    /// The values in either byte order.
    pub(in crate::codec) fn in_order(&self, little: bool) -> Vec<u8> {
        let mut data = self.data.clone();
        if !little {
            data.chunks_exact_mut(self.word()).for_each(<[u8]>::reverse);
        }
        data
    }
}

/// The fields of an EXIF block or a TIFF file's first directory.
#[derive(Clone, Debug, Default, PartialEq)]
pub(in crate::codec) struct Fields {
    /// The byte order of the block, which Unicode comments and some maker notes share.
    pub(in crate::codec) big_endian: bool,
    pub(in crate::codec) main: Vec<Field>,
    pub(in crate::codec) exif: Vec<Field>,
    pub(in crate::codec) gps: Vec<Field>,
    pub(in crate::codec) interop: Vec<Field>,
    /// Where the maker note stood, if that is known: many are true there only.
    pub(in crate::codec) note_at: Option<u32>,
    /// What stood between such a note and the picture's data: a preview, say, that the note points to.
    pub(in crate::codec) behind_note: Vec<u8>,
    /// What could not be taken along.
    pub(in crate::codec) lost: Vec<(Loss, String)>,
}

impl Fields {
    /// The fields of an EXIF block that describe the picture; `None` when it can't be read.
    pub(in crate::codec) fn parse(bytes: &[u8]) -> Option<Fields> {
        Fields::parse_at(bytes, Block::new(bytes)?.main()?)
    }

    /// As [`Fields::parse`], of the directory at `main` in a (classic) TIFF file.
    pub(in crate::codec) fn parse_at(bytes: &[u8], main: u32) -> Option<Fields> {
        let block = Block::new(bytes)?;
        block.u16(main as usize)?;
        let [_, exif, gps, interop] = block.directories_of(Some(main));
        let mut reader = Reader { block, budget: MAX_FIELD_BYTES, unreadable: 0 };
        let tags = block.entries(main).filter_map(Result::ok).map(|entry| (entry.tag, entry.kind));
        let (kept, lost) = sorted_out(&tags.collect::<Vec<_>>());
        let mut below = |at: Option<u32>| {
            let wanted = |entry: &Entry| entry.tag != INTEROP_IFD;
            at.map(|at| reader.fields(at, wanted)).unwrap_or_default()
        };
        let mut fields = Fields {
            big_endian: !block.little,
            exif: below(exif),
            gps: below(gps),
            interop: below(interop),
            lost,
            ..Fields::default()
        };
        fields.main = reader.fields(main, |entry| kept.contains(&entry.tag));
        if let Some(exif) = exif
            && let Some(note) = block.find(exif, MAKER_NOTE).and_then(|at| block.entry(at))
            && !note.is_inside()
        {
            fields.note_at = Some(note.values.start as u32);
            fields.behind_note = behind_note(&block, main, note.values).unwrap_or_default();
        }
        if reader.unreadable > 0 {
            let s = if reader.unreadable == 1 { "" } else { "s" };
            let what = format!("{} damaged field{s} of EXIF", reader.unreadable);
            fields.lost.push((Loss::Metadata, what));
        }
        Some(fields)
    }

    /// True when there is nothing but perhaps an orientation of 1.
    pub(in crate::codec) fn is_empty(&self) -> bool {
        let telling = |f: &Field| f.tag != ORIENTATION || f.data.first() != Some(&1);
        !self.main.iter().any(telling)
            && [&self.exif, &self.gps, &self.interop].iter().all(|fields| fields.is_empty())
    }

    /// Where the maker note must stand with what is behind it, which is the case for most; `Err` when it can't stand in a new block.
    fn note_place(&self) -> Result<Option<Range<usize>>, ()> {
        let Some(note) = self.exif.iter().find(|field| field.tag == MAKER_NOTE) else { return Ok(None) };
        let place = |at: &u32| *at as usize..*at as usize + note.data.len() + self.behind_note.len();
        let at = self.note_at.filter(|at| (8..=MAX_GAP).contains(at));
        if notes::can_move(&note.data) {
            // Some point to a preview behind themselves, so that their place is kept where that costs little.
            return Ok(at.as_ref().map(place).filter(|place| place.end <= MAX_GAP as usize / 2));
        }
        at.as_ref().map(place).map(Some).ok_or(())
    }

    /// Takes the maker note out unless it says the same wherever it stands.
    pub(in crate::codec) fn free_note(&mut self) {
        (self.note_at, self.behind_note) = (None, Vec::new());
        self.drop_stuck_note();
    }

    fn drop_stuck_note(&mut self) {
        if self.note_place().is_err() {
            self.exif.retain(|field| field.tag != MAKER_NOTE);
            let what = "maker notes, which are true only at their old place in the file";
            self.lost.push((Loss::Metadata, what.to_owned()));
        }
    }

    /// The fields as an EXIF block, and what could not be taken along. A maker note stands where it stood, or
    /// is left out where its offsets would no longer be true.
    pub(in crate::codec) fn into_block(mut self) -> (Vec<u8>, Vec<(Loss, String)>) {
        self.drop_stuck_note();
        let place = self.note_place().unwrap_or(None);
        let mut layout = Layout::new(!self.big_endian, place.clone());
        if let Some(place) = place {
            layout.put(place.end - self.behind_note.len(), &self.behind_note);
        }
        let pointer = |tag| Field { tag, kind: LONG, data: vec![0; 4] };
        let [mut main, mut exif] = [self.main, self.exif];
        for (tag, fields, into) in
            [(INTEROP_IFD, self.interop.as_slice(), &mut exif), (GPS_IFD, self.gps.as_slice(), &mut main)]
        {
            into.extend((!fields.is_empty()).then(|| pointer(tag)));
        }
        main.extend((!exif.is_empty()).then(|| pointer(EXIF_IFD)));
        let main_at = layout.directory(main);
        layout.put(4, &layout.long(main_at));
        let exif_at = layout.below(main_at, EXIF_IFD, exif);
        layout.below(main_at, GPS_IFD, self.gps);
        layout.below(exif_at, INTEROP_IFD, self.interop);
        (layout.bytes, self.lost)
    }

    /// As [`Fields::into_block`], without the list.
    #[cfg(test)]
    pub(in crate::codec) fn to_block(&self) -> Vec<u8> {
        self.clone().into_block().0
    }
}

/// What stands behind a maker note up to the picture's data, or the end of a block without such. Nothing where
/// other pictures may be among it.
fn behind_note(block: &Block, main: u32, note: Range<usize>) -> Option<Vec<u8>> {
    let next = block.u32(block.extent(main)?.end - 4)?;
    if next != 0 || block.find(main, SUB_IFDS).is_some() {
        return None;
    }
    let places =
        [STRIP_OFFSETS, TILE_OFFSETS].iter().filter_map(|&tag| block.numbers_of(main, tag)).flatten();
    let end = places.min().map_or(block.bytes.len(), |at| at as usize);
    let behind = block.bytes.get(note.end..end)?;
    (behind.len() <= MAX_GAP as usize).then(|| behind.to_vec())
}

/// True for values that may be places in the file, or structures that hold such.
fn may_hold_offsets(kind: u16) -> bool {
    matches!(kind, 1 | 4 | 6 | 7 | 9 | 13)
}

/// Sorts the tags (with their field types) of a main directory into those that can be taken along, and what is
/// lost with the others, each kind once.
pub(in crate::codec) fn sorted_out(entries: &[(u16, u16)]) -> (HashSet<u16>, Vec<(Loss, String)>) {
    let mut lost = lost_of(entries.iter().map(|&(tag, _)| tag));
    let (mut kept, mut stuck) = (HashSet::new(), BTreeSet::new());
    for &(tag, kind) in entries {
        match fate(tag) {
            Fate::Kept => kept.insert(tag),
            Fate::Unknown if !may_hold_offsets(kind) => kept.insert(tag),
            Fate::Unknown => stuck.insert(tag),
            _ => false,
        };
    }
    if !stuck.is_empty() {
        let named: Vec<String> = stuck.iter().take(8).map(u16::to_string).collect();
        let more = stuck.len() - named.len();
        let more = if more > 0 { format!(" and {more} more") } else { String::new() };
        let s = if stuck.len() == 1 { "" } else { "s" };
        lost.push((Loss::Metadata, format!("tag{s} {}{more}", named.join(", "))));
    }
    (kept, lost)
}

/// What the rules say is lost with these tags of a main directory, each kind once.
pub(in crate::codec) fn lost_of(tags: impl Iterator<Item = u16>) -> Vec<(Loss, String)> {
    let mut lost: Vec<(Loss, String)> = Vec::new();
    for tag in tags {
        if let Fate::Lost(loss, what) = fate(tag)
            && !lost.iter().any(|(_, known)| known == what)
        {
            lost.push((loss, what.to_owned()));
        }
    }
    lost
}

/// Takes fields out of directories.
struct Reader<'a> {
    block: Block<'a>,
    /// Bytes that further fields may take.
    budget: usize,
    /// Fields that can't be read or are beyond the budget.
    unreadable: usize,
}

impl Reader<'_> {
    fn fields(&mut self, directory: u32, mut wanted: impl FnMut(&Entry) -> bool) -> Vec<Field> {
        let block = self.block;
        let mut fields: Vec<Field> = Vec::new();
        // A directory out of the block counts as one field.
        let stated = block.u16(directory as usize).map_or(1, usize::from);
        self.unreadable += stated - block.entries(directory).count().min(stated);
        for entry in block.entries(directory) {
            match entry {
                Ok(entry) if wanted(&entry) => match self.field(&entry) {
                    Some(field) => fields.push(field),
                    None => self.unreadable += 1,
                },
                Ok(_) => {}
                Err(tag) => {
                    self.unreadable += usize::from(!matches!(fate(tag), Fate::Layout | Fate::Lost(..)))
                }
            }
        }
        fields
    }

    fn field(&mut self, entry: &Entry) -> Option<Field> {
        // Asked before the copy: many entries may point to the same bytes.
        let left = self.budget.checked_sub(entry.values.len().checked_add(16)?)?;
        let mut data = self.block.bytes.get(entry.values.clone())?.to_vec();
        if !self.block.little {
            data.chunks_exact_mut(word_bytes(entry.kind)).for_each(<[u8]>::reverse);
        }
        self.budget = left;
        Some(Field { tag: entry.tag, kind: entry.kind, data })
    }
}

/// A block as it grows, around the place that the maker note must have.
struct Layout {
    bytes: Vec<u8>,
    little: bool,
    note: Option<Range<usize>>,
    /// Where the next thing goes.
    end: usize,
}

impl Layout {
    fn new(little: bool, note: Option<Range<usize>>) -> Layout {
        let header: &[u8] = if little { b"II*\0\0\0\0\0" } else { b"MM\0*\0\0\0\0" };
        Layout { bytes: header.to_vec(), little, note, end: 8 }
    }

    fn short(&self, value: u16) -> [u8; 2] {
        if self.little { value.to_le_bytes() } else { value.to_be_bytes() }
    }

    fn long(&self, value: u32) -> [u8; 4] {
        if self.little { value.to_le_bytes() } else { value.to_be_bytes() }
    }

    /// A free stretch, zeroed.
    fn room(&mut self, len: usize) -> usize {
        let mut at = self.end.next_multiple_of(2);
        if let Some(note) = &self.note
            && at < note.end
            && at + len > note.start
        {
            at = note.end.next_multiple_of(2);
        }
        self.end = at + len;
        self.bytes.resize(self.bytes.len().max(self.end), 0);
        at
    }

    fn put(&mut self, at: usize, bytes: &[u8]) {
        let end = at + bytes.len();
        self.bytes.resize(self.bytes.len().max(end), 0);
        if let Some(old) = self.bytes.get_mut(at..end) {
            old.copy_from_slice(bytes);
        }
    }

    /// Adds a directory and its values.
    fn directory(&mut self, mut fields: Vec<Field>) -> u32 {
        fields.sort_by_key(|field| field.tag);
        fields.dedup_by_key(|field| field.tag);
        fields.truncate(usize::from(u16::MAX));
        let at = self.room(2 + 12 * fields.len() + 4);
        self.put(at, &self.short(fields.len() as u16));
        for (i, field) in fields.iter().enumerate() {
            let entry = at + 2 + 12 * i;
            let count = (field.data.len() / field.value_bytes()) as u32;
            let data = field.in_order(self.little);
            let fixed = self.note.as_ref().filter(|_| field.tag == MAKER_NOTE).map(|note| note.start);
            let values = match fixed {
                Some(at) => at,
                None if data.len() <= 4 => entry + 8,
                None => self.room(data.len()),
            };
            self.put(values, &data);
            self.put(entry, &self.short(field.tag));
            self.put(entry + 2, &self.short(field.kind));
            self.put(entry + 4, &self.long(count));
            if values != entry + 8 {
                self.put(entry + 8, &self.long(values as u32));
            }
        }
        at as u32
    }

    /// Adds a directory that the entry of `tag` in the directory `above` points to; 0 when it has no fields.
    fn below(&mut self, above: u32, tag: u16, fields: Vec<Field>) -> u32 {
        if fields.is_empty() {
            return 0;
        }
        let at = self.directory(fields);
        let entry = Block::new(&self.bytes).and_then(|block| block.find(above, tag));
        if let Some(entry) = entry {
            self.put(entry + 8, &self.long(at));
        }
        at
    }
}
