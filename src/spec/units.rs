//! Sizes with units: bytes (`4GiB`), pixels (`500MP`) and failure limits (`5%`).

use thiserror::Error;

use super::suggest;

/// Units of a size in bytes, with their factors.
pub const BYTE_UNITS: &[(&str, u64)] = &[
    ("B", 1),
    ("kB", 1_000),
    ("MB", 1_000_000),
    ("GB", 1_000_000_000),
    ("TB", 1_000_000_000_000),
    ("KiB", 1 << 10),
    ("MiB", 1 << 20),
    ("GiB", 1 << 30),
    ("TiB", 1 << 40),
];

/// Units of a pixel count, with their factors.
pub const PIXEL_UNITS: &[(&str, u64)] = &[("kP", 1_000), ("MP", 1_000_000), ("GP", 1_000_000_000)];

/// A size in bytes, or the word `auto`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ByteSize {
    /// The program chooses.
    Auto,
    /// This many bytes, at least 1.
    Exact(u64),
}

/// How many failed items stop a run.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Failures {
    /// A share of all items, `0.0..=1.0`.
    Share(f64),
    /// A number of items.
    Count(u64),
}

/// Why a quantity could not be read.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum UnitError {
    /// The text does not begin with a number.
    #[error("`{0}` does not begin with a number")]
    NotANumber(String),
    /// The unit is not one of the table.
    #[error("unknown unit `{unit}`")]
    UnknownUnit {
        /// The unit as written.
        unit: String,
        /// The units that exist.
        known: &'static [(&'static str, u64)],
    },
    /// The value is below 1.
    #[error("`{0}` is less than 1")]
    TooSmall(String),
    /// The value does not fit.
    #[error("`{0}` is too large")]
    TooLarge(String),
    /// A percentage above 100.
    #[error("`{0}` is more than 100%")]
    AboveHundredPercent(String),
    /// A fraction where a count or a percentage is wanted.
    #[error("`{0}` is neither a whole count nor a percentage")]
    FractionalCount(String),
}

impl UnitError {
    /// What to write instead, where there is more to say than the kind of value that is wanted.
    pub(super) fn help(&self) -> Option<String> {
        let (unit, known) = match self {
            Self::UnknownUnit { unit, known } => (unit, known),
            Self::FractionalCount(_) => return Some("write a share as a percentage: `5%`".to_owned()),
            _ => return None,
        };
        let names = known.iter().map(|(name, _)| *name);
        let all = suggest::quoted(names.clone());
        if unit.starts_with(['e', 'E', '_', ',', '\'']) {
            return Some(format!("write all digits and nothing between them, or a unit: {all}"));
        }
        let initial = unit.to_lowercase();
        let alike: Vec<&str> = match suggest::nearest(unit, names.clone()) {
            Some(name) => vec![name],
            None => names.filter(|name| name.to_lowercase().starts_with(&initial)).collect(),
        };
        Some(match alike.is_empty() {
            true => format!("the units are {all}"),
            false => {
                let alike: Vec<String> = alike.iter().map(|name| format!("`{name}`")).collect();
                format!("did you mean {}? The units are {all}", alike.join(" or "))
            }
        })
    }
}

/// Reads a size in bytes such as `4GiB`, `1.5 GB`, `100000` or `auto`.
///
/// # Errors
/// When the text is no number with a known unit, or the size is below 1 byte or above `u64::MAX`.
pub fn parse_bytes(text: &str) -> Result<ByteSize, UnitError> {
    if text == "auto" { Ok(ByteSize::Auto) } else { quantity(text, BYTE_UNITS).map(ByteSize::Exact) }
}

/// Reads a pixel count such as `500MP`, `0.5MP` or `100000`.
///
/// # Errors
/// When the text is no number with a known unit, or the count is below 1 or above `u64::MAX`.
pub fn parse_pixels(text: &str) -> Result<u64, UnitError> {
    quantity(text, PIXEL_UNITS)
}

/// Reads a failure limit: a share such as `5%` or `0.5%`, or a count such as `20`.
///
/// # Errors
/// When the text is neither, or the share is above `100%`.
pub fn parse_failures(text: &str) -> Result<Failures, UnitError> {
    let (number, unit) = split(text)?;
    match unit {
        "%" => match number.parse::<f64>() {
            Ok(percent) if percent <= 100.0 => Ok(Failures::Share(percent / 100.0)),
            Ok(_) => Err(UnitError::AboveHundredPercent(text.to_owned())),
            Err(_) => Err(UnitError::NotANumber(text.to_owned())),
        },
        "" if number.contains('.') => Err(UnitError::FractionalCount(text.to_owned())),
        "" => number.parse().map(Failures::Count).map_err(|_| UnitError::TooLarge(text.to_owned())),
        _ => Err(UnitError::UnknownUnit { unit: unit.to_owned(), known: &[("%", 1)] }),
    }
}

/// Cuts `1.5 GiB` into `1.5` and `GiB`; the number has digits and at most one inner point.
fn split(text: &str) -> Result<(&str, &str), UnitError> {
    let end = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    let (number, unit) = text.split_at(end);
    let well_formed = !number.is_empty()
        && !number.starts_with('.')
        && !number.ends_with('.')
        && number.matches('.').count() <= 1;
    if well_formed { Ok((number, unit.trim())) } else { Err(UnitError::NotANumber(text.to_owned())) }
}

/// Reads a decimal number with a unit exactly, rounding down to a whole.
fn quantity(text: &str, units: &'static [(&'static str, u64)]) -> Result<u64, UnitError> {
    let too_large = || UnitError::TooLarge(text.to_owned());
    let (number, unit) = split(text)?;
    let factor = if unit.is_empty() {
        1
    } else {
        units
            .iter()
            .find(|(name, _)| *name == unit)
            .map(|(_, factor)| *factor)
            .ok_or_else(|| UnitError::UnknownUnit { unit: unit.to_owned(), known: units })?
    };
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    // Nine decimals resolve single pixels of a gigapixel; later ones cannot matter.
    let fraction: String = fraction.chars().take(9).collect();
    let scale = u32::try_from(fraction.len()).map_or(1, |digits| 10_u128.pow(digits));
    let digits: u128 = format!("{whole}{fraction}").parse().map_err(|_| too_large())?;
    let value = digits.checked_mul(u128::from(factor)).ok_or_else(too_large)? / scale;
    match u64::try_from(value) {
        Ok(0) => Err(UnitError::TooSmall(text.to_owned())),
        Ok(value) => Ok(value),
        Err(_) => Err(too_large()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_are_exact() {
        for (text, expected) in [
            ("100000", 100_000),
            ("1B", 1),
            ("3kB", 3_000),
            ("512MB", 512_000_000),
            ("4GiB", 4 << 30),
            ("1.5 GiB", 3 << 29),
            ("0.001kB", 1),
            ("2TiB", 2 << 40),
            ("18446744073709551615", u64::MAX),
        ] {
            assert_eq!(parse_bytes(text), Ok(ByteSize::Exact(expected)), "{text}");
        }
        assert_eq!(parse_bytes("auto"), Ok(ByteSize::Auto));
    }

    #[test]
    fn bad_bytes_say_why() {
        for text in ["", "GiB", "-1", ".5GB", "1.GB", "1..2GB", "Auto"] {
            assert_eq!(parse_bytes(text), Err(UnitError::NotANumber(text.into())), "{text}");
        }
        for text in ["4Gib", "4G", "4 MP", "1e6", "1_000", "0x10"] {
            assert!(matches!(parse_bytes(text), Err(UnitError::UnknownUnit { .. })), "{text}");
        }
        assert_eq!(parse_bytes("0"), Err(UnitError::TooSmall("0".into())));
        assert_eq!(parse_bytes("0.4B"), Err(UnitError::TooSmall("0.4B".into())));
        for text in ["18446744073709551616", "99999999TiB", &"9".repeat(500)] {
            assert_eq!(parse_bytes(text), Err(UnitError::TooLarge(text.into())), "{text}");
        }
    }

    #[test]
    fn pixels() {
        assert_eq!(parse_pixels("500MP"), Ok(500_000_000));
        assert_eq!(parse_pixels("0.5MP"), Ok(500_000));
        assert_eq!(parse_pixels("7"), Ok(7));
        assert_eq!(parse_pixels("1.2GP"), Ok(1_200_000_000));
        assert!(matches!(parse_pixels("5Mp"), Err(UnitError::UnknownUnit { .. })));
    }

    #[test]
    fn failures() {
        assert_eq!(parse_failures("5%"), Ok(Failures::Share(0.05)));
        assert_eq!(parse_failures("100 %"), Ok(Failures::Share(1.0)));
        assert_eq!(parse_failures("0.5%"), Ok(Failures::Share(0.005)));
        assert_eq!(parse_failures("20"), Ok(Failures::Count(20)));
        assert_eq!(parse_failures("0"), Ok(Failures::Count(0)));
        assert_eq!(parse_failures("101%"), Err(UnitError::AboveHundredPercent("101%".into())));
        assert_eq!(parse_failures("0.05"), Err(UnitError::FractionalCount("0.05".into())));
        assert!(matches!(parse_failures("5 items"), Err(UnitError::UnknownUnit { .. })));
        assert!(matches!(parse_failures("many"), Err(UnitError::NotANumber(_))));
    }
}
