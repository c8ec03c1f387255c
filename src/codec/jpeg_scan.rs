//! Walks the entropy-coded data of a JPEG scan without keeping coefficients, to tell whether it is all there.
//!
//! Pixel decoders fill what a scan lacks with gray, which shows neither as an error nor in the segments.

use super::jpeg_frame::{Frame, Scan};

/// Most bytes that may stand unused behind a scan's last block.
const SPARE: usize = 4;

pub(super) const CUT: &str = "it is cut short: data of a scan is missing";
const DAMAGED: &str = "the data of a scan is damaged";
const NO_FILL: &str = "the data of a scan doesn't end as it must: some of it is damaged";
const SUPERFLUOUS: &str = "a scan has more data than its blocks need: some of it is damaged";
const BRIGHTNESS: &str = "the data of a scan means brightness that no picture has: some of it is damaged";

/// Most that the mean of a block times 8 can be, twice over: from there on no encoder was at work.
const MEAN: i32 = 2048;

/// Most bits of a coefficient that is no mean, and of the difference of two means, of 8-bit samples.
const AC_BITS: u32 = 10;
const DC_BITS: u32 = 11;

/// The Huffman tables defined so far, as they stand in the file, by class (DC, AC) and number.
#[derive(Default)]
pub(super) struct Tables<'a> {
    raw: [[Option<&'a [u8]>; 4]; 2],
}

impl<'a> Tables<'a> {
    /// Takes over the tables of a segment, up to the first that is damaged.
    pub(super) fn define(&mut self, mut payload: &'a [u8]) {
        while let Some((&head, rest)) = payload.split_first() {
            let Some(counts) = rest.get(..16) else { return };
            let len = 16 + counts.iter().map(|&n| usize::from(n)).sum::<usize>();
            let Some(table) = rest.get(..len) else { return };
            let class = self.raw.get_mut(usize::from(head >> 4));
            if let Some(slot) = class.and_then(|class| class.get_mut(usize::from(head & 15))) {
                *slot = Some(table);
            }
            payload = rest.get(len..).unwrap_or_default();
        }
    }

    /// Code length (high byte, 0 where there is no code) and symbol for every 16 bits that may follow.
    fn lookup(&self, class: usize, number: u8) -> Result<Vec<u16>, &'static str> {
        let table = self.raw.get(class).and_then(|class| *class.get(usize::from(number))?);
        let (counts, symbols) = table
            .and_then(|table| table.split_at_checked(16))
            .ok_or("a scan uses a Huffman table that is not there")?;
        let (mut lookup, mut at, mut symbols) = (vec![0; 1 << 16], 0, symbols.iter());
        for (length, &count) in (1u16..).zip(counts) {
            for &symbol in symbols.by_ref().take(usize::from(count)) {
                let end = at + (1usize << (16 - length));
                let codes = lookup.get_mut(at..end).ok_or("a Huffman table is damaged")?;
                codes.fill(length << 8 | u16::from(symbol));
                at = end;
            }
        }
        Ok(lookup)
    }
}

/// Reads bits up to the next marker, zeros from there on.
struct Bits<'a> {
    data: &'a [u8],
    at: usize,
    buffer: u64,
    /// Bits in the buffer, the padding included.
    count: u32,
    /// Zeros added behind the data.
    padding: u32,
    /// What no encoder writes and decoders pass over.
    doubt: Option<&'static str>,
}

impl Bits<'_> {
    fn fill(&mut self) {
        while self.count <= 48 {
            let byte = match (self.data.get(self.at), self.data.get(self.at + 1)) {
                (Some(0xFF), Some(0xFF)) => {
                    self.at += 1;
                    continue;
                }
                (Some(0xFF), Some(0)) => {
                    self.at += 2;
                    0xFF
                }
                (None | Some(0xFF), _) => {
                    self.padding += 8;
                    0
                }
                (Some(&byte), _) => {
                    self.at += 1;
                    byte
                }
            };
            self.buffer = self.buffer << 8 | u64::from(byte);
            self.count += 8;
        }
    }

    /// The next `n` bits, at most 16.
    fn take(&mut self, n: u32) -> u32 {
        if self.count < 16 {
            self.fill();
        }
        self.count -= n;
        (self.buffer >> self.count) as u32 & ((1 << n) - 1)
    }

    fn skip(&mut self, mut n: u32) {
        while n > 0 {
            let part = n.min(16);
            self.take(part);
            n -= part;
        }
    }

    fn symbol(&mut self, lookup: &[u16]) -> Result<u32, &'static str> {
        if self.count < 16 {
            self.fill();
        }
        let next = (self.buffer >> (self.count - 16)) as usize & 0xFFFF;
        match lookup.get(next) {
            Some(&entry) if entry >> 8 > 0 => {
                self.count -= u32::from(entry >> 8);
                Ok(u32::from(entry & 0xFF))
            }
            _ => Err(if self.count <= self.padding + 16 { CUT } else { DAMAGED }),
        }
    }

    fn doubt(&mut self, what: &'static str) {
        self.doubt.get_or_insert(what);
    }

    /// Ends a stretch: no more than padding may stand before the marker, nothing may have been missing. `restart` is the
    /// number of the marker that must follow, from 0.
    fn end(&mut self, restart: Option<usize>) -> Result<(), &'static str> {
        if self.count < self.padding {
            return Err(CUT);
        }
        // The last byte is filled up with ones, by some encoders with zeros; further zeros may follow.
        let (mut left, mut fill) = (self.count - self.padding, self.buffer >> self.padding);
        while left >= 8 && fill & 0xFF == 0 {
            (left, fill) = (left - 8, fill >> 8);
        }
        let ones = u64::MAX >> (64 - left.clamp(1, 64));
        if left > 0 && fill & ones != 0 && fill & ones != ones {
            self.doubt(if left < 8 { NO_FILL } else { SUPERFLUOUS });
        }
        let rest = self.data.get(self.at..).unwrap_or_default();
        let marker = rest.windows(2).position(|pair| matches!(pair, [0xFF, 0xD0..=0xD7]));
        if restart.is_some() != marker.is_some() {
            return Err(DAMAGED);
        }
        let number = marker.and_then(|at| rest.get(at + 1)).map(|marker| usize::from(marker & 7));
        if number != restart.map(|number| number % 8) {
            self.doubt("restart markers of a scan are not in their order");
        }
        let spare = rest.get(..marker.unwrap_or(rest.len())).unwrap_or_default();
        if spare.iter().rposition(|&byte| byte != 0 && byte != 0xFF).is_some_and(|last| last >= SPARE) {
            return Err(DAMAGED);
        }
        self.at += spare.len() + 2;
        (self.buffer, self.count, self.padding) = (0, 0, 0);
        Ok(())
    }
}

/// What a scan brings for a block.
#[derive(Clone, Copy)]
enum Kind {
    Sequential,
    DcFirst,
    DcRefine,
    AcFirst,
    AcRefine,
}

/// Walks a scan. `interval` is the restart interval (0 without), `steps` those by which the means of a sequential
/// file's components are quantised, `known` holds for each component a bit for every coefficient of every block that is
/// not zero so far; pass the same to all scans. Gives what no encoder writes and decoders pass over.
///
/// # Errors
/// What is wrong, when data is missing or can't be what an encoder wrote.
pub(super) fn check(
    frame: &Frame,
    scan: &Scan,
    data: &[u8],
    tables: &Tables,
    (interval, steps): (usize, &[i32; 4]),
    known: &mut Vec<Vec<u64>>,
) -> Result<Option<&'static str>, &'static str> {
    let (from, to) = (*scan.spectral.start(), *scan.spectral.end());
    let kind = match (frame.progressive, from, scan.high_bit) {
        (false, ..) => Kind::Sequential,
        (true, 0, 0) => Kind::DcFirst,
        (true, 0, _) => Kind::DcRefine,
        (true, _, 0) => Kind::AcFirst,
        (true, ..) => Kind::AcRefine,
    };
    let progressive_ac = matches!(kind, Kind::AcFirst | Kind::AcRefine);
    if progressive_ac && scan.components.len() != 1 || frame.progressive && from == 0 && to > 0 {
        return Err("a scan header is damaged");
    }
    let (units, blocks) = units(frame, scan);
    let mut lookups = Vec::new();
    for &(dc, ac) in &scan.tables {
        let dc =
            if matches!(kind, Kind::Sequential | Kind::DcFirst) { tables.lookup(0, dc)? } else { vec![] };
        let ac =
            if progressive_ac || matches!(kind, Kind::Sequential) { tables.lookup(1, ac)? } else { vec![] };
        lookups.push((dc, ac));
    }
    let mut nothing = Vec::new();
    let masks = match scan.components.as_slice() {
        &[component] if progressive_ac => {
            known.resize_with(frame.components.len(), Vec::new);
            known.get_mut(component).ok_or(DAMAGED)?
        }
        _ => &mut nothing,
    };
    if progressive_ac {
        masks.resize(units, 0);
    }
    let mut bits = Bits { data, at: 0, buffer: 0, count: 0, padding: 0, doubt: None };
    let step = |&component: &usize| {
        let table = frame.components.get(component).map_or(0, |component| component.table);
        steps.get(usize::from(table)).copied().unwrap_or(1)
    };
    let mut means: Vec<Mean> = scan.components.iter().map(|at| Mean { value: 0, step: step(at) }).collect();
    let mut run = 0;
    for unit in 0..units {
        if interval > 0 && unit > 0 && unit.is_multiple_of(interval) {
            bits.end(Some(unit / interval - 1))?;
            run = 0;
            means.iter_mut().for_each(|mean| mean.value = 0);
        }
        for &which in &blocks {
            let (Some((dc, ac)), Some(mean)) = (lookups.get(which), means.get_mut(which)) else { continue };
            match kind {
                Kind::Sequential => sequential(&mut bits, dc, ac, mean)?,
                Kind::DcFirst => {
                    let size = bits.symbol(dc)?;
                    bits.skip(size.min(16));
                }
                Kind::DcRefine => bits.skip(1),
                Kind::AcFirst | Kind::AcRefine => {
                    let mask = masks.get_mut(unit).ok_or(DAMAGED)?;
                    let walk = if matches!(kind, Kind::AcFirst) { ac_first } else { ac_refine };
                    walk(&mut bits, ac, (from, to), &mut run, mask)?;
                }
            }
        }
        if bits.count < bits.padding {
            return Err(CUT);
        }
    }
    bits.end(None)?;
    Ok(bits.doubt)
}

/// The mean of a component's last block, quantised by steps.
struct Mean {
    value: i32,
    step: i32,
}

/// How many units a scan has between which restarts may stand, and of which of its components the blocks
/// of one are.
fn units(frame: &Frame, scan: &Scan) -> (usize, Vec<usize>) {
    let h_max = frame.components.iter().map(|c| usize::from(c.h)).max().unwrap_or(1);
    let v_max = frame.components.iter().map(|c| usize::from(c.v)).max().unwrap_or(1);
    let (width, height) = (usize::from(frame.width), usize::from(frame.height));
    let sampling = scan.components.iter().map(|&c| frame.components.get(c).map_or((1, 1), |c| (c.h, c.v)));
    let sampling: Vec<_> = sampling.map(|(h, v)| (usize::from(h), usize::from(v))).collect();
    if let &[(h, v)] = sampling.as_slice() {
        let across = (width * h).div_ceil(h_max).div_ceil(8);
        return (across * (height * v).div_ceil(v_max).div_ceil(8), vec![0]);
    }
    let blocks = sampling.iter().enumerate().flat_map(|(i, &(h, v))| std::iter::repeat_n(i, h * v));
    (width.div_ceil(8 * h_max) * height.div_ceil(8 * v_max), blocks.collect())
}

fn sequential(bits: &mut Bits, dc: &[u16], ac: &[u16], mean: &mut Mean) -> Result<(), &'static str> {
    let size = bits.symbol(dc)?.min(16);
    let number = bits.take(size) as i32;
    // Those that begin with a 0 are negative.
    let difference = if size > 0 && number >> (size - 1) == 0 { number - ((1 << size) - 1) } else { number };
    mean.value = mean.value.saturating_add(difference);
    if size > DC_BITS || mean.value.saturating_mul(mean.step).abs() > MEAN + mean.step {
        bits.doubt(BRIGHTNESS);
    }
    let mut k = 1;
    while k < 64 {
        let symbol = bits.symbol(ac)?;
        match (symbol >> 4, symbol & 15) {
            (15, 0) => k += 16,
            (_, 0) => return Ok(()),
            (zeros, size) => {
                k += zeros + 1;
                bits.skip(size);
                if size > AC_BITS {
                    bits.doubt(BRIGHTNESS);
                }
            }
        }
    }
    if k > 64 { Err(DAMAGED) } else { Ok(()) }
}

/// First bits of a block's coefficients `from..=to`; `run` counts further blocks that have none.
fn ac_first(
    bits: &mut Bits,
    ac: &[u16],
    (from, to): (usize, usize),
    run: &mut u32,
    mask: &mut u64,
) -> Result<(), &'static str> {
    if *run > 0 {
        *run -= 1;
        return Ok(());
    }
    let mut k = from;
    while k <= to {
        let symbol = bits.symbol(ac)?;
        match (symbol >> 4, symbol & 15) {
            (15, 0) => k += 16,
            (length, 0) => {
                *run = (1 << length) - 1 + bits.take(length);
                return Ok(());
            }
            (zeros, size) => {
                k += zeros as usize;
                if k > to {
                    return Err(DAMAGED);
                }
                bits.skip(size);
                *mask |= 1 << k;
                k += 1;
            }
        }
    }
    Ok(())
}

/// One more bit of coefficients that are not zero, and new ones among the zeros.
fn ac_refine(
    bits: &mut Bits,
    ac: &[u16],
    (from, to): (usize, usize),
    run: &mut u32,
    mask: &mut u64,
) -> Result<(), &'static str> {
    let mut k = from;
    while *run == 0 && k <= to {
        let symbol = bits.symbol(ac)?;
        let (mut zeros, size) = (symbol >> 4, symbol & 15);
        if size > 0 {
            bits.skip(1);
        } else if zeros < 15 {
            *run = (1 << zeros) + bits.take(zeros);
            break;
        }
        while k <= to {
            if *mask >> k & 1 == 1 {
                bits.skip(1);
            } else if zeros == 0 {
                break;
            } else {
                zeros -= 1;
            }
            k += 1;
        }
        if size > 0 {
            if k > to {
                return Err(DAMAGED);
            }
            *mask |= 1 << k;
        }
        k += 1;
    }
    if *run > 0 {
        *run -= 1;
        if k <= to {
            let range = u64::MAX >> (63 - to) & u64::MAX << k;
            bits.skip((*mask & range).count_ones());
        }
    }
    Ok(())
}
