//! CCITT compression of pictures in black and white: T.4 (Group 3), T.6 (Group 4) and TIFF's RLE.
//!
//! The code tables are those of the `fax` crate; its line decoders are not used, since they are limited to
//! 65,535 pixels, take what is missing for white, and leave out two-dimensional Group 3.

use fax::maps::{Mode, black, mode, white};
use fax::{BitReader, Color};

use super::fault::Fault;

/// How lines are coded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Coding {
    /// Runs; a line starts at a byte or at a word of two.
    Rle { words: bool },
    /// Runs after a mark, or differences from the line above where the bit after the mark says so.
    Group3 { differences: bool },
    /// Differences from the line above.
    Group4,
}

const SHORT: &str = "its fax data ends too early";
const WRONG: &str = "its fax data is wrong";

/// Decodes to rows padded to bytes, a black pixel being a 1.
pub(super) fn decode(data: &[u8], coding: Coding, width: usize, rows: usize) -> Result<Vec<u8>, Fault> {
    let row_bytes = width.div_ceil(8);
    let mut out = vec![0; row_bytes.saturating_mul(rows)];
    let mut bits = Bits { data, at: 0 };
    // Where the colour changes, from white on: in the line above and in this one.
    let (mut above, mut line) = (Vec::new(), Vec::new());
    for (row, target) in out.chunks_exact_mut(row_bytes.max(1)).enumerate() {
        line.clear();
        match coding {
            Coding::Group4 => from_above(&mut bits, width, &above, &mut line)?,
            Coding::Rle { words } => {
                runs(&mut bits, width, &mut line)?;
                bits.at = bits.at.next_multiple_of(if words { 16 } else { 8 });
            }
            Coding::Group3 { differences } => {
                let marked = bits.mark(row == 0)?;
                if !differences {
                    runs(&mut bits, width, &mut line)?;
                } else if !marked {
                    return Err(WRONG.into());
                } else if bits.take(1) == 1 {
                    runs(&mut bits, width, &mut line)?;
                } else {
                    from_above(&mut bits, width, &above, &mut line)?;
                }
            }
        }
        if bits.at.div_ceil(8) > data.len().next_multiple_of(2) {
            return Err(SHORT.into());
        }
        for run in line.chunks(2) {
            if let &[from, ref to @ ..] = run {
                blacken(target, from, to.first().copied().unwrap_or(width));
            }
        }
        std::mem::swap(&mut above, &mut line);
    }
    Ok(out)
}

/// Sets the bits of a stretch.
fn blacken(row: &mut [u8], from: usize, to: usize) {
    if from >= to {
        return;
    }
    let (first, last) = (from / 8, (to - 1) / 8);
    let (head, tail) = (0xFF >> (from % 8), 0xFFu8 << (7 - (to - 1) % 8));
    for (i, byte) in row.iter_mut().enumerate().take(last + 1).skip(first) {
        let mut mask = 0xFF;
        if i == first {
            mask &= head;
        }
        if i == last {
            mask &= tail;
        }
        *byte |= mask;
    }
}

/// The bits of the data, from the high one of each byte on, followed by zeros.
struct Bits<'a> {
    data: &'a [u8],
    at: usize,
}

impl BitReader for Bits<'_> {
    type Error = std::convert::Infallible;

    fn peek(&self, bits: u8) -> Option<u16> {
        let from = self.at / 8;
        let byte = |i| u32::from(self.data.get(from + i).copied().unwrap_or(0));
        let window = byte(0) << 16 | byte(1) << 8 | byte(2);
        let shift = 24u32.checked_sub((self.at % 8) as u32 + u32::from(bits))?;
        Some((window >> shift & ((1 << bits) - 1)) as u16)
    }

    fn consume(&mut self, bits: u8) -> Result<(), Self::Error> {
        self.at += usize::from(bits);
        Ok(())
    }

    fn bits_to_byte_boundary(&self) -> u8 {
        (8 - self.at % 8) as u8 % 8
    }
}

impl Bits<'_> {
    fn ended(&self) -> bool {
        self.at >= self.data.len().saturating_mul(8)
    }

    fn take(&mut self, bits: u8) -> u16 {
        let value = self.peek(bits).unwrap_or(0);
        self.at += usize::from(bits);
        value
    }

    /// What a code that is none tells: the end, or damage.
    fn fault(&self) -> Fault {
        if self.ended() { SHORT.into() } else { WRONG.into() }
    }

    /// Reads an end-of-line mark, eleven zeros or more and a one, if there is one; some writers leave them
    /// out. Two in a row end the picture, but stand before some.
    fn mark(&mut self, first: bool) -> Result<bool, Fault> {
        let mut marked = false;
        while self.peek(11) == Some(0) {
            if marked && !first {
                return Err(SHORT.into());
            }
            while self.peek(1) == Some(0) {
                if self.ended() {
                    return Err(SHORT.into());
                }
                self.at += 1;
            }
            self.at += 1;
            marked = true;
        }
        Ok(marked)
    }

    /// The length of a run.
    fn run(&mut self, colour: Color) -> Result<usize, Fault> {
        let mut length = 0usize;
        loop {
            let part = match colour {
                Color::Black => black::decode(self),
                Color::White => white::decode(self),
            };
            let part = part.ok_or_else(|| self.fault())?;
            length = length.saturating_add(usize::from(part));
            if part < 64 {
                return Ok(length);
            }
            if self.ended() {
                return Err(SHORT.into());
            }
        }
    }
}

/// Reads a line of runs.
fn runs(bits: &mut Bits, width: usize, line: &mut Vec<usize>) -> Result<(), Fault> {
    let (mut at, mut colour) = (0usize, Color::White);
    while at < width {
        at = at.saturating_add(bits.run(colour)?);
        if at > width {
            return Err(bits.fault());
        }
        line.push(at);
        colour = !colour;
    }
    Ok(())
}

/// Reads a line that is told by where its colour changes, seen from the changes in the line above.
fn from_above(bits: &mut Bits, width: usize, above: &[usize], line: &mut Vec<usize>) -> Result<(), Fault> {
    let mut colour = Color::White;
    // Nothing stands left of the line's first pixel, so that a change may be there.
    let mut at: Option<usize> = None;
    let mut seen = 0;
    while at.unwrap_or(0) < width || at.is_none() {
        // The first change above that lies right of here and leads to the other colour.
        let parity = usize::from(colour == Color::Black);
        seen = (seen & !1) + parity;
        while seen >= 2 && above.get(seen - 2).is_some_and(|&change| Some(change) > at) {
            seen -= 2;
        }
        while above.get(seen).is_some_and(|&change| Some(change) <= at) {
            seen += 2;
        }
        let change = |i: usize| above.get(i).copied().unwrap_or(width);
        let here = at.unwrap_or(0);
        let moved = match mode::decode(bits).ok_or_else(|| bits.fault())? {
            Mode::Pass => change(seen + 1),
            Mode::Horizontal => {
                let first = here.saturating_add(bits.run(colour)?);
                let second = first.saturating_add(bits.run(!colour)?);
                line.extend([first, second]);
                second
            }
            Mode::Vertical(by) => {
                let to = change(seen).checked_add_signed(isize::from(by)).ok_or_else(|| bits.fault())?;
                line.push(to);
                colour = !colour;
                to
            }
            Mode::Extension => return Err(Fault::Unsupported("fax compression with uncompressed stretches")),
            Mode::EOF => return Err(SHORT.into()),
        };
        if moved < here || moved > width {
            return Err(bits.fault());
        }
        if bits.ended() && moved < width {
            return Err(SHORT.into());
        }
        at = Some(moved);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Packs bits given as text.
    fn packed(text: &str) -> Vec<u8> {
        let bits: Vec<u8> = text.bytes().filter(|b| matches!(b, b'0' | b'1')).map(|b| b - b'0').collect();
        bits.chunks(8).map(|byte| byte.iter().enumerate().fold(0, |v, (i, bit)| v | bit << (7 - i))).collect()
    }

    // 5 white, 3 black, 2 white.
    const LINE: &str = "1100 10 0111";
    const EOL: &str = "000000000001";

    #[test]
    fn runs_of_all_kinds() {
        let want = [0b0000_0111, 0, 0b0000_0111, 0];
        let rle = packed(&format!("{LINE} 000000 {LINE}"));
        assert_eq!(decode(&rle, Coding::Rle { words: false }, 10, 2).unwrap(), want);
        let one = packed(&format!("{EOL}{LINE}000{EOL}{LINE}{EOL}{EOL}"));
        let group3 = Coding::Group3 { differences: false };
        assert_eq!(decode(&one, group3, 10, 2).unwrap(), want);
        assert_eq!(decode(&packed(&format!("{LINE}{LINE}")), group3, 10, 2).unwrap(), want);
        assert_eq!(decode(&one, group3, 10, 3), Err(SHORT.into()));
        // The second line as the first: three vertical codes of no difference.
        let two = packed(&format!("{EOL}1{LINE}{EOL}0 1 1 1"));
        assert_eq!(decode(&two, Coding::Group3 { differences: true }, 10, 2).unwrap(), want);
        let four = packed("001 1100 10 1 1 1 1");
        assert_eq!(decode(&four, Coding::Group4, 10, 2).unwrap(), want);
    }

    #[test]
    fn lines_may_be_long_and_black() {
        // 70,000 black pixels: no white ones, then 27 times 2560, 832 and 48.
        let text = ["00110101", &"000000011111".repeat(27), "0000001001101", "000001100100"].concat();
        let line = decode(&packed(&text), Coding::Rle { words: false }, 70_000, 1).unwrap();
        assert_eq!(line, [0xFF; 8750]);
        assert_eq!(decode(&packed("1"), Coding::Group4, 8, 9), Err(SHORT.into()));
    }

    #[test]
    fn stretches_are_blackened() {
        for (from, to) in [(0, 24), (3, 5), (3, 8), (8, 16), (7, 17), (4, 4)] {
            let mut row = [0; 3];
            blacken(&mut row, from, to);
            let bits = (0..24).filter(|i| row[i / 8] >> (7 - i % 8) & 1 == 1);
            assert!(bits.eq(from..to), "{from} {to}");
        }
    }
}
