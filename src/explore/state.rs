//! What is kept from one time to the next: the vectors as they were compared, and their neighbours. It saves time and
//! nothing else: where it is absent, damaged or of other settings, all is done from nothing.

use crate::vectors::{Distance, NOBODY, Neighbours, Points};
use std::collections::HashMap;
use std::io::{self, Read, Write};

/// What such a file begins with.
const MAGIC: &[u8; 16] = b"safelight near 1";
/// Bytes of a checksum.
const SUM: usize = 32;

/// A stream whose bytes are hashed on the way.
struct Hashed<T> {
    inner: T,
    hasher: blake3::Hasher,
}

impl<T: Write> Hashed<T> {
    fn put(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.hasher.update(bytes);
        self.inner.write_all(bytes)
    }

    fn put_words(&mut self, words: impl Iterator<Item = u32>) -> io::Result<()> {
        let mut bytes = Vec::with_capacity(1 << 14);
        for word in words {
            bytes.extend(word.to_le_bytes());
            if bytes.len() == 1 << 14 {
                self.put(&bytes)?;
                bytes.clear();
            }
        }
        self.put(&bytes)
    }
}

impl<T: Read> Hashed<T> {
    fn take(&mut self, bytes: &mut [u8]) -> Option<()> {
        self.inner.read_exact(bytes).ok()?;
        self.hasher.update(bytes);
        Some(())
    }

    fn number(&mut self) -> Option<u64> {
        let mut bytes = [0; 8];
        self.take(&mut bytes)?;
        Some(u64::from_le_bytes(bytes))
    }

    /// So many numbers of four bytes each.
    fn words(&mut self, count: usize) -> Option<Vec<u32>> {
        let mut words = Vec::new();
        let mut buffer = [0; 1 << 14];
        let mut left = count.checked_mul(4)?;
        // What a damaged length asks for is never taken at once.
        while left > 0 {
            let part = buffer.get_mut(..left.min(1 << 14))?;
            self.take(part)?;
            words.extend(part.as_chunks::<4>().0.iter().map(|bytes| u32::from_le_bytes(*bytes)));
            left -= part.len();
        }
        Some(words)
    }
}

fn code(distance: Distance) -> u64 {
    match distance {
        Distance::Cosine => 1,
        Distance::Euclidean => 2,
    }
}

/// Writes what the next time starts from: the same bytes for the same table, whatever was done before.
///
/// # Errors
/// When it can't be written.
pub(super) fn write(
    to: &mut dyn Write,
    (points, keys): (&Points, &[[u8; 16]]),
    neighbours: &Neighbours,
) -> io::Result<()> {
    let mut to = Hashed { inner: to, hasher: blake3::Hasher::new() };
    to.put(MAGIC)?;
    let (n, d) = (points.len(), points.d());
    for number in [n as u64, d as u64, neighbours.k as u64, code(points.measure())] {
        to.put(&number.to_le_bytes())?;
    }
    keys.chunks(1024).try_for_each(|keys| to.put(keys.as_flattened()))?;
    let numbers = points.numbers().iter().enumerate();
    // A row that is none must not pass for one of zeros.
    let number =
        |(at, v): (usize, &f32)| if points.is_none(at / d) { f32::NAN.to_bits() } else { v.to_bits() };
    to.put_words(numbers.map(number))?;
    to.put_words(neighbours.ids.iter().copied())?;
    to.put_words(neighbours.distances.iter().map(|v| v.to_bits()))?;
    let sum = *to.hasher.finalize().as_bytes();
    to.inner.write_all(&sum)
}

/// What is known of rows with these keys: the neighbours then, and for each row now the one that it was, where its numbers
/// are the same. None where the file says nothing that can be used.
pub(super) fn read(
    from: &mut dyn Read,
    points: &Points,
    keys: &[[u8; 16]],
    k: usize,
) -> Option<(Neighbours, Vec<Option<u32>>)> {
    let mut from =
        Hashed { inner: io::BufReader::with_capacity(1 << 16, from), hasher: blake3::Hasher::new() };
    let mut magic = [0; 16];
    from.take(&mut magic)?;
    let [n, d, of_k, distance] = [from.number()?, from.number()?, from.number()?, from.number()?];
    let same = (d, of_k, distance) == (points.d() as u64, k as u64, code(points.measure()));
    if &magic != MAGIC || !same || n >= u64::from(NOBODY) {
        return None;
    }
    let n = usize::try_from(n).ok()?;
    let now: HashMap<[u8; 16], u32> = keys.iter().copied().zip(0..).collect();
    let mut became = Vec::new();
    for _ in 0..n {
        let mut key = [0; 16];
        from.take(&mut key)?;
        became.push(now.get(&key).copied());
    }
    let mut was = vec![None; points.len()];
    for (old, row) in became.into_iter().enumerate() {
        let numbers = from.words(points.d())?;
        let Some(row) = row else { continue };
        let same = || points.row(row as usize).iter().zip(&numbers).all(|(a, b)| a.to_bits() == *b);
        if !points.is_none(row as usize) && same() {
            was[row as usize] = Some(old as u32);
        }
    }
    let ids = from.words(n.checked_mul(k)?)?;
    let distances = from.words(n.checked_mul(k)?)?.into_iter().map(f32::from_bits).collect();
    let wanted = *from.hasher.finalize().as_bytes();
    let mut found = [0; SUM];
    from.inner.read_exact(&mut found).ok()?;
    let at_end = from.inner.read(&mut [0]).is_ok_and(|more| more == 0);
    (found == wanted && at_end).then_some((Neighbours { k, ids, distances }, was))
}
